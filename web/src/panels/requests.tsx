// The list of calls, with a filter and the call that is open beside it.
import { useEffect } from 'preact/hooks'
import { RequestRecord_Outcome as Outcome, type RequestRecord } from '#gen/exai/v1/event_pb'
import {
  type CallFilter,
  calls,
  filter,
  followCalls,
  loadFailure,
  loading,
  loadMore,
  nameOf,
  reload,
} from '../calls.ts'
import { KEPT_MAX, now, startOf, status } from '../feed.ts'
import { clock, count, instant, milliseconds, money, short, span } from '../format.ts'
import { Badge } from '../icons.tsx'
import { go, place } from '../place.ts'
import { Failed } from '../states.tsx'
import { isNarrow } from '../theme.ts'
import { Cell, HeaderCell, VirtualList } from '../virtual-list.tsx'
import { outcomeWord, reasonName } from '../words.ts'
import { RequestDetail } from './request-detail.tsx'

const ROW_HEIGHT = 36
const ROW_HEIGHT_NARROW = 60

const outcomes: readonly (readonly [string, Outcome])[] = [
  ['any outcome', Outcome.UNSPECIFIED],
  ['running', Outcome.RUNNING],
  ['ok', Outcome.SUCCEEDED],
  ['failed', Outcome.FAILED],
  ['cancelled', Outcome.CANCELLED],
]

/** The calls. */
export function Requests() {
  useEffect(followCalls, [])
  const { id } = place.value
  const isOpen = id !== ''
  const rows = calls.value
  return (
    <div class={`requests${isOpen ? ' with-detail' : ''}`}>
      {!(isOpen && isNarrow.value) && (
        <div class="requests-list">
          <FilterBar />
          {loadFailure.value !== undefined && (
            <Failed
              failure={loadFailure.value}
              what="The calls could not be listed"
              onRetry={() => void reload()}
            />
          )}
          <VirtualList
            id="call"
            label="Calls, newest first"
            rows={rows}
            rowHeight={isNarrow.value ? ROW_HEIGHT_NARROW : ROW_HEIGHT}
            keyOf={call => call.requestId}
            selected={id}
            onOpen={call => go('requests', call.requestId)}
            onEnd={loadMore}
            header={isNarrow.value ? <NarrowHeader /> : <WideHeader />}
            render={call => (isNarrow.value ? <NarrowCells call={call} /> : <WideCells call={call} />)}
            empty={loading.value === 'loading' ? 'Asking for the calls …' : 'No call matches.'}
          />
          <p class="hint list-foot" role="status">
            {footOf(rows.length)}
          </p>
        </div>
      )}
      {isOpen && <RequestDetail key={id} id={id} />}
    </div>
  )
}

function footOf(shown: number): string {
  const state = loading.value
  if (state === 'loading') return `${count(shown)} calls, more are being asked for …`
  if (state === 'full') return `${count(KEPT_MAX)} calls are kept here; filter to see older ones`
  return state === 'more'
    ? `${count(shown)} calls; scroll down for older ones`
    : `${count(shown)} calls, all that match`
}

function FilterBar() {
  const { outcome, provider, text, isAll } = filter.value
  const change = (part: Partial<CallFilter>): void => {
    filter.value = { ...filter.peek(), ...part }
  }
  const providers = (status.value?.providers ?? []).map(each => each.provider)
  return (
    <search class="filters">
      <input
        type="search"
        aria-label="Words or an id that a call must have"
        placeholder="Model, reason, key, request id …"
        value={text}
        onInput={event => change({ text: event.currentTarget.value })}
      />
      <select
        aria-label="Outcome"
        value={String(outcome)}
        onChange={event =>
          change({ outcome: outcomes[event.currentTarget.selectedIndex]?.[1] ?? Outcome.UNSPECIFIED })
        }
      >
        {outcomes.map(([name, value]) => (
          <option key={value} value={value}>
            {name}
          </option>
        ))}
      </select>
      <select
        aria-label="Provider"
        value={provider}
        onChange={event => change({ provider: event.currentTarget.value })}
      >
        <option value="">any provider</option>
        {providers.map(each => (
          <option key={each}>{each}</option>
        ))}
      </select>
      <label class="check">
        <input
          type="checkbox"
          checked={isAll}
          onChange={event => change({ isAll: event.currentTarget.checked })}
        />
        monitoring calls too
      </label>
    </search>
  )
}

function WideHeader() {
  return (
    <>
      {['Time', 'Outcome', 'Model', 'Provider', 'First token', 'Took', 'Tokens', 'Cost'].map(title => (
        <HeaderCell key={title}>{title}</HeaderCell>
      ))}
    </>
  )
}

function NarrowHeader() {
  return <HeaderCell class="narrow-cell">Calls</HeaderCell>
}

interface CallProps {
  readonly call: RequestRecord
}

function WideCells({ call }: CallProps) {
  return (
    <>
      <Cell title={instant(startOf(call))}>{clock(startOf(call))}</Cell>
      <Cell>
        <Outcomes call={call} />
      </Cell>
      <Cell class="main">{nameOf(call)}</Cell>
      <Cell>{providersOf(call)}</Cell>
      <Cell class="figure">
        {call.timeToFirstToken === undefined ? '' : span(milliseconds(call.timeToFirstToken))}
      </Cell>
      <Cell class="figure">{tookOf(call)}</Cell>
      <Cell class="figure">{tokensOf(call)}</Cell>
      <Cell class="figure">{costOf(call)}</Cell>
    </>
  )
}

function NarrowCells({ call }: CallProps) {
  return (
    <Cell class="narrow-cell">
      <span class="narrow-line">
        <Outcomes call={call} />
        <span class="main">{nameOf(call)}</span>
        <span class="figure">{tookOf(call)}</span>
      </span>
      <span class="narrow-line hint">
        <span>{clock(startOf(call))}</span>
        <span class="main">{providersOf(call)}</span>
        <span class="figure">{costOf(call)}</span>
      </span>
    </Cell>
  )
}

function Outcomes({ call: { outcome, error } }: CallProps) {
  const word = outcomeWord(outcome)
  const reason = reasonName(error)
  return (
    <Badge
      tone={word.tone}
      text={outcome === Outcome.FAILED && reason !== '' ? reason : word.text}
      title={reason}
    />
  )
}

// A call that went from one to the next shows the whole way.
function providersOf({ provider, route }: RequestRecord): string {
  const tried = (route?.attempts ?? []).map(attempt => attempt.provider)
  const way = tried.filter((each, at) => each !== tried[at - 1])
  return way.length > 1 ? way.join(' → ') : provider || way.join('')
}

function tookOf(call: RequestRecord): string {
  return call.duration === undefined
    ? `${span(Math.max(0, now.value - startOf(call)))} …`
    : span(milliseconds(call.duration))
}

function tokensOf({ usage }: RequestRecord): string {
  return usage === undefined ? '' : `${short(usage.inputTokens)} → ${short(usage.outputTokens)}`
}

function costOf({ cost, usage }: RequestRecord): string {
  if (cost === undefined) return ''
  if (!cost.known) return usage === undefined ? '' : 'unknown'
  return money(cost.nanoUsd)
}

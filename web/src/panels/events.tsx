// The stream of events: pause it, filter it, and see of each event all that it says.
import { toJson } from '@bufbuild/protobuf'
import { signal, useComputed, useSignal } from '@preact/signals'
import {
  AttemptEvent_Phase,
  type Event,
  EventSchema,
  FileEvent_Action,
  LimitEvent_Owner,
  RequestRecord_Outcome as Outcome,
} from '#gen/exai/v1/event_pb'
import { RouteAttempt_Outcome } from '#gen/exai/v1/route_pb'
import { droppedEvents, events, watches } from '../feed.ts'
import { clock, count, instant, milliseconds, plural, span } from '../format.ts'
import { Badge } from '../icons.tsx'
import { addressOf, go } from '../place.ts'
import { Failed } from '../states.tsx'
import { isNarrow } from '../theme.ts'
import { Cell, HeaderCell, VirtualList } from '../virtual-list.tsx'
import {
  attemptWord,
  causeWord,
  circuitWord,
  eventKinds,
  outcomeWord,
  reasonName,
  severityWord,
} from '../words.ts'

const ROW_HEIGHT = 34
const ROW_HEIGHT_NARROW = 60
const SEVERITIES = ['everything', 'warnings and errors', 'errors']

// Outside of the panel: whoever comes back finds it as it was.
const kind = signal('')
const leastSeverity = signal(1)
const text = signal('')
const paused = signal<readonly Event[] | undefined>(undefined)

/** The events. */
export function Events() {
  const open = useSignal<Event | undefined>(undefined)
  const shown = useComputed(() => (paused.value ?? events.value).filter(isWanted))
  const state = watches.value?.events.state.value
  const behind = paused.value === undefined ? 0 : events.value.length - paused.value.length
  return (
    <div class={`requests${open.value === undefined ? '' : ' with-detail'}`}>
      <div class="requests-list">
        <search class="filters">
          <button
            type="button"
            aria-pressed={paused.value !== undefined}
            onClick={() => {
              paused.value = paused.value === undefined ? events.value : undefined
            }}
          >
            {paused.value === undefined ? 'Pause' : `Go on (${count(Math.max(0, behind))} new)`}
          </button>
          <input
            type="search"
            aria-label="Words that an event must have"
            placeholder="Words …"
            value={text.value}
            onInput={event => {
              text.value = event.currentTarget.value
            }}
          />
          <select
            aria-label="Kind"
            value={kind.value}
            onChange={event => {
              kind.value = event.currentTarget.value
            }}
          >
            <option value="">every kind</option>
            {eventKinds.map(([name]) => (
              <option key={name}>{name}</option>
            ))}
          </select>
          <select
            aria-label="Severity"
            value={String(leastSeverity.value)}
            onChange={event => {
              leastSeverity.value = Number(event.currentTarget.value)
            }}
          >
            {SEVERITIES.map((name, index) => (
              <option key={name} value={index + 1}>
                {name}
              </option>
            ))}
          </select>
        </search>
        {state?.state === 'refused' && <Failed failure={state.failure} what="The events" />}
        <VirtualList
          id="event"
          label="Events, newest first"
          rows={shown.value}
          rowHeight={isNarrow.value ? ROW_HEIGHT_NARROW : ROW_HEIGHT}
          keyOf={event => event.id}
          {...(open.value === undefined ? {} : { selected: open.value.id })}
          onOpen={event => {
            open.value = event
          }}
          header={<Header />}
          render={event => <Cells event={event} />}
          empty={
            events.value.length === 0
              ? 'Nothing has happened since the page was opened.'
              : 'No event matches.'
          }
        />
        <p class="hint list-foot" role="status">
          {plural(shown.value.length, 'event')} since the page was opened
          {droppedEvents.value > 0 && `; ${count(droppedEvents.value)} came too fast and are missing`}
        </p>
      </div>
      {open.value !== undefined && (
        <Opened
          event={open.value}
          close={() => {
            open.value = undefined
          }}
        />
      )}
    </div>
  )
}

function isWanted(event: Event): boolean {
  if (kind.value !== '' && event.kind.case !== kind.value) return false
  if (event.severity < leastSeverity.value) return false
  const words = text.value.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return true
  const haystack = `${event.kind.case} ${storyOf(event)} ${event.requestId} ${event.tenant}`.toLowerCase()
  return words.every(word => haystack.includes(word))
}

function Header() {
  const titles = isNarrow.value ? ['Events'] : ['Time', 'Severity', 'Kind', 'What happened']
  return (
    <>
      {titles.map(title => (
        <HeaderCell key={title} class={isNarrow.value ? 'narrow-cell' : ''}>
          {title}
        </HeaderCell>
      ))}
    </>
  )
}

function Cells({ event }: { readonly event: Event }) {
  const word = severityWord(event.severity)
  const time = clock(event.createTime === undefined ? 0 : milliseconds(event.createTime))
  if (isNarrow.value) {
    return (
      <Cell class="narrow-cell">
        <span class="narrow-line hint">
          <Badge {...word} /> <span class="main">{event.kind.case ?? 'new kind'}</span> <span>{time}</span>
        </span>
        <span class="narrow-line">
          <span class="main">{storyOf(event)}</span>
        </span>
      </Cell>
    )
  }
  return (
    <>
      <Cell>{time}</Cell>
      <Cell>
        <Badge {...word} />
      </Cell>
      <Cell>{event.kind.case ?? 'new kind'}</Cell>
      <Cell class="main">{storyOf(event)}</Cell>
    </>
  )
}

function Opened({ event, close }: { readonly event: Event; readonly close: () => void }) {
  return (
    <section class="card detail-pane" aria-label="The event">
      <header class="detail-head">
        <h2>{event.kind.case ?? 'Event'}</h2>
        <button type="button" onClick={close}>
          Close
        </button>
      </header>
      <p>{storyOf(event)}</p>
      <p class="hint">{event.createTime === undefined ? '' : instant(milliseconds(event.createTime))}</p>
      {event.requestId !== '' && (
        <p>
          <a href={addressOf('requests', event.requestId)} onClick={() => go('requests', event.requestId)}>
            See the call
          </a>
        </p>
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard. */}
      <pre tabIndex={0}>{JSON.stringify(toJson(EventSchema, event), null, 2)}</pre>
    </section>
  )
}

/** An event in one sentence. */
function storyOf({ kind: { case: name, value } }: Event): string {
  switch (name) {
    case 'request': {
      const call = value.request
      if (call === undefined) return 'a call'
      const who =
        `${call.method.replace(/^exai\.v1\.\w+\//, '')} ${[call.provider, call.model].filter(Boolean).join('/') || call.route?.requestedModel || ''}`.trim()
      if (call.outcome === Outcome.RUNNING) return `${who} began`
      const took = call.duration === undefined ? '' : ` after ${span(milliseconds(call.duration))}`
      return `${who}: ${outcomeWord(call.outcome).text}${took}${because(reasonName(call.error))}`
    }
    case 'attempt': {
      const { attempt, phase, index, cause } = value
      const who = `attempt ${index + 1} at ${attempt?.provider ?? ''}/${attempt?.model ?? ''}`
      if (phase === AttemptEvent_Phase.STARTED) return `${who} began (${causeWord(cause) || 'new cause'})`
      const took = attempt?.duration === undefined ? '' : ` after ${span(milliseconds(attempt.duration))}`
      return `${who} ${attemptWord(attempt?.outcome ?? RouteAttempt_Outcome.UNSPECIFIED).text}${took}${because(reasonName(attempt?.error))}`
    }
    case 'circuit': {
      const { circuit, previousState } = value
      if (circuit === undefined) return 'a circuit'
      const { provider, model, state, reason } = circuit
      return `${provider}/${model}: ${circuitWord(previousState).text} → ${circuitWord(state).text}${because(reason)}`
    }
    case 'limit': {
      const whose = {
        [LimitEvent_Owner.KEY]: `key ${value.keyLabel}`,
        [LimitEvent_Owner.TENANT]: 'tenant',
        [LimitEvent_Owner.MODEL]: `model ${value.limit?.model ?? ''}`,
        [LimitEvent_Owner.GATEWAY]: 'gateway',
      }
      const owner = Object.entries(whose).find(([owner]) => Number(owner) === value.owner)?.[1] ?? 'somebody'
      return `limit of the ${owner}: ${value.refused ? 'a call was refused' : 'nine tenths are used'} (${count(value.usedValue)} of ${count(value.limit?.value ?? 0n)})`
    }
    case 'file': {
      const name =
        Object.entries(FileEvent_Action).find(([, action]) => action === value.action)?.[0] ?? 'changed'
      return `${value.fileId} ${String(name).toLowerCase().replaceAll('_', ' ')}${value.provider === '' ? '' : ` at ${value.provider}`}${because(reasonName(value.error))}`
    }
    case 'config':
      return value.accepted
        ? `configuration ${value.configVersion} is in use${value.restartSettings.length === 0 ? '' : `; a restart is needed for ${value.restartSettings.join(', ')}`}`
        : `a configuration was refused: ${value.problems.join('; ')}`
    case 'alert':
      return `${value.name} ${value.firing ? 'began' : 'ended'}: ${value.message}`
    case undefined:
      return 'something that this page does not know yet'
    default:
      return value satisfies never
  }
}

function because(reason: string): string {
  return reason === '' ? '' : `: ${reason}`
}

// One call: who made it, how it went, what it cost, and the way that it took, drawn over time.
import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { RequestRecord } from '#gen/exai/v1/event_pb'
import { findCall, knownCall, nameOf } from '../calls.ts'
import { type Failure, failureOf } from '../failure.ts'
import { causesOf, historyVersion, startOf } from '../feed.ts'
import { bytes, count, instant, milliseconds, money, span } from '../format.ts'
import { Badge } from '../icons.tsx'
import { addressOf } from '../place.ts'
import { Failed, Waiting } from '../states.tsx'
import { outcomeWord, reasonName } from '../words.ts'
import { Trace } from './trace.tsx'

/** One call by its id. */
export function RequestDetail({ id }: { readonly id: string }) {
  const found = useSignal<RequestRecord | undefined | 'none'>(undefined)
  const failure = useSignal<Failure | undefined>(undefined)
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    heading.current?.focus({ preventScroll: true })
    findCall(id).then(
      call => {
        found.value = call ?? 'none'
      },
      (thrown: unknown) => {
        failure.value = failureOf(thrown)
      },
    )
  }, [id, found, failure])
  const call = knownCall(id) ?? found.value
  return (
    <section class="card detail-pane" aria-label="The call">
      <header class="detail-head">
        <h2 ref={heading} tabIndex={-1}>
          {call === undefined || call === 'none' ? 'Call' : nameOf(call)}
        </h2>
        <a class="button" href={addressOf('requests')}>
          Close
        </a>
      </header>
      {failure.value !== undefined && <Failed failure={failure.value} what="The call could not be read" />}
      {call === undefined && failure.value === undefined && <Waiting what="Asking for the call" />}
      {call === 'none' && (
        <p>
          The gateway keeps no call with the id <code>{id}</code>.
        </p>
      )}
      {call !== undefined && call !== 'none' && <Told call={call} />}
    </section>
  )
}

function Told({ call }: { readonly call: RequestRecord }) {
  // More may be known of its attempts after each batch of events.
  void historyVersion.value
  const { route, outcome, error, replayed } = call
  const word = outcomeWord(outcome)
  return (
    <>
      <p>
        <Badge tone={word.tone} text={word.text} />
        {reasonName(error) !== '' && (
          <>
            {' '}
            <code>{reasonName(error)}</code>
          </>
        )}
        {replayed && <span class="hint"> a recorded answer, free</span>}
      </p>
      {route !== undefined && (
        <>
          <h3>The way it took</h3>
          <Trace call={call} route={route} causes={causesOf(call.requestId)} />
        </>
      )}
      <h3>Facts</h3>
      <dl class="facts">
        {factsOf(call).map(([name, value]) => (
          <div class="fact" key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <Lines call={call} />
    </>
  )
}

type Fact = readonly [string, string]

function factsOf(call: RequestRecord): readonly Fact[] {
  const { usage, cost, route } = call
  const time = (value: { seconds: bigint; nanos: number } | undefined): string =>
    value === undefined ? '' : span(milliseconds(value))
  const facts: readonly Fact[] = [
    ['Began', instant(startOf(call))],
    ['Took', time(call.duration)],
    ['First token', time(call.timeToFirstToken)],
    ['In the gateway', time(call.overheadDuration)],
    ['Asked for', route?.requestedModel ?? ''],
    ['Answered by', [call.provider, call.model].filter(Boolean).join(' / ')],
    ['Why that one', route?.reason ?? ''],
    [
      'Tokens in',
      usage === undefined ? '' : `${count(usage.inputTokens)} (${count(usage.cachedInputTokens)} cached)`,
    ],
    [
      'Tokens out',
      usage === undefined ? '' : `${count(usage.outputTokens)} (${count(usage.reasoningTokens)} reasoning)`,
    ],
    ['Cost', cost === undefined ? '' : cost.known ? money(cost.nanoUsd) : 'the price is not known'],
    ['Method', call.method],
    ['Door', `${call.door}${call.streaming ? ', streamed' : ''}`],
    ['Tenant', call.tenant],
    ['Key', call.keyLabel || call.keyId],
    ['User', call.user],
    ['Bytes in / out', `${bytes(call.requestBytes)} / ${bytes(call.responseBytes)}`],
    ['Conversation', call.conversationId],
    ['Answer', call.responseId],
    ['Request', call.requestId],
  ]
  return facts.filter(([, value]) => value !== '')
}

function Lines({ call: { cost } }: { readonly call: RequestRecord }) {
  if (cost === undefined || cost.lines.length === 0) return null
  return (
    <>
      <h3>What it cost</h3>
      <table class="small">
        <thead>
          <tr>
            <th scope="col">What</th>
            <th scope="col">Model</th>
            <th scope="col" class="figure">
              Units
            </th>
            <th scope="col" class="figure">
              Cost
            </th>
          </tr>
        </thead>
        <tbody>
          {cost.lines.map(({ bucket, provider, model, quantity, nanoUsd, cause }) => (
            <tr key={`${bucket} ${provider} ${model} ${cause}`}>
              <td>
                {bucket.replaceAll('_', ' ')}
                {cause !== '' && cause !== 'first' && <span class="hint"> {cause}</span>}
              </td>
              <td>{model}</td>
              <td class="figure">{count(quantity)}</td>
              <td class="figure">{money(nanoUsd)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  )
}

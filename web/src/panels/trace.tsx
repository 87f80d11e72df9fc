// Draws the way of a call: each attempt as a bar over time, the wait for its first token apart, and who was passed over.
import type { AttemptEvent_Cause, RequestRecord } from '#gen/exai/v1/event_pb'
import { type Route, type RouteAttempt, RouteAttempt_Outcome } from '#gen/exai/v1/route_pb'
import { now, startOf } from '../feed.ts'
import { milliseconds, span } from '../format.ts'
import { Badge } from '../icons.tsx'
import { attemptWord, causeWord, reasonName, skipWord } from '../words.ts'

interface Placed {
  readonly attempt: RouteAttempt
  readonly index: number
  readonly startMs: number
  readonly durationMs: number
  readonly cause: string
}

interface TraceProps {
  readonly call: RequestRecord
  readonly route: Route
  /** Why attempts were made, by index, as far as events told. */
  readonly causes: ReadonlyMap<number, AttemptEvent_Cause> | undefined
}

/** The timeline. */
export function Trace({ call, route, causes }: TraceProps) {
  const placed = placedOf(call, route, causes)
  const tookMs = call.duration === undefined ? now.value - startOf(call) : milliseconds(call.duration)
  const totalMs = Math.max(tookMs, 1, ...placed.map(({ startMs, durationMs }) => startMs + durationMs))
  return (
    <div class="trace">
      <ol class="plain">
        {placed.map(each => (
          <AttemptRow key={each.index} placed={each} totalMs={totalMs} />
        ))}
      </ol>
      {placed.length > 0 && (
        <div class="trace-axis hint" aria-hidden="true">
          <span>0</span>
          <span>{span(totalMs / 2)}</span>
          <span>{span(totalMs)}</span>
        </div>
      )}
      {placed.length === 0 && <p class="hint">Nobody was asked.</p>}
      {route.skipped.length > 0 && (
        <details open={placed.length === 0}>
          <summary>{route.skipped.length} passed over</summary>
          <ul class="plain rows">
            {route.skipped.map(({ provider, model, reason, message }) => (
              <li key={`${provider}/${model}`}>
                <Badge tone="idle" text={skipWord(reason)} /> <b>{provider}</b> {model}
                {message !== '' && <span class="hint"> · {message}</span>}
              </li>
            ))}
          </ul>
        </details>
      )}
    </div>
  )
}

function AttemptRow({ placed, totalMs }: { readonly placed: Placed; readonly totalMs: number }) {
  const { attempt, startMs, durationMs, cause } = placed
  const isRunning = attempt.outcome === RouteAttempt_Outcome.UNSPECIFIED
  const word = isRunning ? ({ text: 'running', tone: 'busy' } as const) : attemptWord(attempt.outcome)
  const waitMs = Math.min(
    durationMs,
    attempt.timeToFirstToken === undefined ? durationMs : milliseconds(attempt.timeToFirstToken),
  )
  const share = (ms: number): string => `${Math.min(100, (ms / totalMs) * 100)}%`
  const notes = [
    cause,
    reasonName(attempt.error),
    attempt.upstreamStatus === 0 ? '' : `HTTP ${attempt.upstreamStatus}`,
    attempt.upstreamCode,
    attempt.keyLabel,
  ].filter(Boolean)
  return (
    <li class="attempt">
      <div class="attempt-head">
        <Badge tone={word.tone} text={word.text} />
        <span class="main">
          <b>{attempt.provider}</b> {attempt.model}
        </span>
        <span class="figure">{span(durationMs)}</span>
      </div>
      <div class="bar-track" aria-hidden="true">
        <div
          class={`bar ${word.tone}`}
          style={{ left: share(startMs), width: share(Math.max(durationMs, totalMs / 200)) }}
        >
          <div
            class="bar-wait"
            style={{ width: durationMs === 0 ? '0' : `${(waitMs / durationMs) * 100}%` }}
          />
        </div>
      </div>
      <p class="hint">
        {notes.join(' · ')}
        {attempt.timeToFirstToken !== undefined &&
          `${notes.length > 0 ? ' · ' : ''}first token after ${span(waitMs)}`}
      </p>
    </li>
  )
}

function placedOf(call: RequestRecord, { attempts }: Route, told: TraceProps['causes']): readonly Placed[] {
  const billed = billedCausesOf(call)
  return attempts.map((attempt, index) => {
    const { startOffsetDuration: offset, duration } = attempt
    const startMs = offset === undefined ? 0 : milliseconds(offset)
    const isRunning = attempt.outcome === RouteAttempt_Outcome.UNSPECIFIED
    const measuredMs = duration === undefined ? 0 : milliseconds(duration)
    const durationMs = isRunning ? Math.max(0, now.value - startOf(call) - startMs) : measuredMs
    const known = told?.get(index)
    const cause = (known !== undefined && causeWord(known)) || billed(attempt, index)
    return { attempt, index, startMs, durationMs, cause: cause === 'first' ? '' : cause }
  })
}

// What was billed says why it was asked for.
function billedCausesOf({ cost }: RequestRecord): (attempt: RouteAttempt, index: number) => string {
  return ({ provider, model }, index) =>
    index === 0
      ? ''
      : (cost?.lines.find(line => line.provider === provider && line.model === model)?.cause ?? '')
}

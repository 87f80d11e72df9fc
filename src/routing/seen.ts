// What the end of an attempt shows of the model that was asked.
import type { GatewayError } from '../core/errors.ts'
import type { Attempt } from './attempt.ts'
import type { Observation } from './live.ts'

/** How an attempt ended. */
export interface AttemptEnd {
  readonly isStream: boolean
  /** Absent when it succeeded. */
  readonly error: GatewayError | undefined
  /** Whether it was ended from outside. */
  readonly cancelled: boolean
}

/** What it shows; undefined when it shows nothing. Whoever was cut off in its answer was as fast as it was until then. */
export function seenOf(
  { candidate: { provider, model }, firstTokenMs, durationMs, counts }: Attempt,
  { isStream, error, cancelled }: AttemptEnd,
): Observation | undefined {
  const who = { provider: provider.id, model: model.id }
  const firstMs = isStream ? firstTokenMs() : undefined
  if (error === undefined) {
    const streamMs = durationMs() - (firstMs ?? 0)
    return {
      ...who,
      outcome: 'succeeded',
      firstTokenMs: firstMs,
      outputTokens: counts()?.outputTokens,
      streamMs,
    }
  }
  if (cancelled)
    return firstMs === undefined ? undefined : { ...who, outcome: 'succeeded', firstTokenMs: firstMs }
  return isAnswerless(error) ? { ...who, outcome: 'failed' } : undefined
}

/** Whether the next caller would fare the same: what a caller asked wrongly says nothing about who was asked. */
function isAnswerless({ code }: GatewayError): boolean {
  return code === 'UNAVAILABLE' || code === 'ABORTED'
}

// What the end of an attempt shows of the model that was asked.
import type { GatewayError } from '../core/errors.ts'
import type { Attempt } from './attempt.ts'
import { countsAgainstCircuit } from './circuit-permit.ts'
import type { Observation } from './live.ts'

/** How an attempt ended. */
export interface AttemptEnd {
  readonly isStream: boolean
  /** Absent when it succeeded. */
  readonly error: GatewayError | undefined
  /** Whether it was ended from outside. */
  readonly cancelled: boolean
}

/**
 * What it shows; undefined when it shows nothing. Whoever was cut off in its answer was as fast as it was until then, and
 * whoever lost to another candidate before it began was at least that slow.
 */
export function seenOf(
  { candidate: { provider, model }, sentMs, firstTokenMs, streamMs, counts }: Attempt,
  { isStream, error, cancelled }: AttemptEnd,
): Observation | undefined {
  const who = { provider: provider.id, model: model.id }
  const firstMs = isStream ? firstTokenMs() : undefined
  if (error === undefined) {
    return {
      ...who,
      outcome: 'succeeded',
      firstTokenMs: firstMs,
      outputTokens: counts()?.outputTokens,
      // An answer in one piece was written before its first output came.
      streamMs: streamMs() + (isStream ? 0 : (firstTokenMs() ?? 0)),
    }
  }
  if (cancelled) {
    const shownMs = firstMs ?? (isStream && hasLost(error) ? sentMs() : undefined)
    return shownMs === undefined ? undefined : { ...who, outcome: 'succeeded', firstTokenMs: shownMs }
  }
  return countsAgainstCircuit(error) ? { ...who, outcome: 'failed' } : undefined
}

/** Whether it was ended because another candidate began first: every other end from outside is the caller's. */
function hasLost({ reason, origin }: GatewayError): boolean {
  return reason === 'CANCELLED' && origin === 'gateway'
}

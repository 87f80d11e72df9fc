// What a drainer tells, and how fast it goes.
import type { OutboxEntry, OutboxSize, OutboxTable } from '../../core/outbox.ts'
import type { Refusal, Unavailable } from './delivery.ts'

/** Is told what happens; it must not throw. */
export interface DrainerEvents {
  /** How much waits: after each round, and each time it looks and finds nothing. */
  backlog?(size: OutboxSize): void
  delivered?(table: OutboxTable, entries: number, durationMs: number): void
  /** An entry was set aside because it will never be accepted: somebody has to look at it. */
  buried?(entry: OutboxEntry, why: Refusal): void
  /** A round failed; the next one begins in so many milliseconds. */
  troubled?(trouble: Unavailable, waitMs: number): void
  /** The first round without trouble after one with. */
  recovered?(): void
}

/** How fast it goes. */
export interface DrainerLimits {
  /** Rows of one request. */
  readonly rowsMax: number
  /** Bytes of one request. */
  readonly bytesMax: number
  /** Requests at once. */
  readonly parallel: number
  /** Slow entries at once. */
  readonly slowParallel: number
  /** How long it sleeps when nothing waits and nobody wakes it, in milliseconds. */
  readonly pollMs: number
  /** Back-off: a random time up to this, doubled with each failure, up to the most; in milliseconds. */
  readonly backoffMinMs: number
  readonly backoffMaxMs: number
  /** How long it leaves a server alone that does not take the key, in milliseconds. */
  readonly credentialsPauseMs: number
}

/**
 * The usual limits. PostgREST takes most with 200 rows or 1.5 MB at once; but what else runs in this process feels a request
 * of that size (event loop p99 17 ms while a backlog is drained), and a fifth of it costs 15 % of the rows per second (6 ms).
 */
export const DRAINER_LIMITS: DrainerLimits = {
  rowsMax: 200,
  bytesMax: 300_000,
  parallel: 3,
  slowParallel: 2,
  pollMs: 500,
  backoffMinMs: 100,
  backoffMaxMs: 5000,
  credentialsPauseMs: 30_000,
}

/** How long to leave the other side alone after so many failures in a row (0: the first), in milliseconds; `random` is from 0 to 1. */
export function backoffMs(
  trouble: Unavailable,
  failures: number,
  random: number,
  limits: DrainerLimits,
): number {
  // At least half of it: a wrong key must not be tried again at once by chance.
  if (trouble.because === 'credentials') return limits.credentialsPauseMs * (0.5 + random / 2)
  return random * Math.min(limits.backoffMaxMs, limits.backoffMinMs * 2 ** Math.min(failures, 30))
}

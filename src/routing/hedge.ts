// A second candidate beside the first one while that is slow to begin: who begins first answers, the other is cancelled.
import type { Delta } from '../core/delta.ts'
import { GatewayError } from '../core/errors.ts'
import type { Candidate } from '../core/provider.ts'
import type { Attempt } from './attempt.ts'
import type { Live } from './live.ts'

/** An attempt whose first good event has come, and what came up to it. */
export interface Begun {
  readonly attempt: Attempt
  readonly first: readonly Delta[]
}

/** Share of a model's own first tokens that come before a second candidate is asked. */
export const HEDGE_QUANTILE = 0.95

/** How long to wait for a candidate before a second one is asked, in milliseconds; undefined while too little is known of it. */
export function hedgeDelayMs({ provider, model }: Candidate, live: Live): number | undefined {
  return live.firstTokenQuantile(provider.id, model.id, HEDGE_QUANTILE)
}

/**
 * Begins an attempt, and a second one if it has not begun after a time. The first good event of either wins, and the other
 * one is cancelled. Throws the failure of the one that failed last when both do.
 */
export async function raceOf(
  attempt: Attempt,
  second: () => Promise<Attempt | undefined>,
  delayMs: number,
): Promise<Begun> {
  const one = begun(attempt)
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'late'>(resolve => {
    timer = setTimeout(resolve, delayMs, 'late')
  })
  const early = await Promise.race([one, late]).finally(() => clearTimeout(timer))
  if (early !== 'late') return settled(early)
  const beside = await second()
  if (beside === undefined) return settled(await one)
  const other = begun(beside)
  const winner = await Promise.race([one, other])
  const [isFirst, rest] = winner.attempt === attempt ? [true, other] : [false, one]
  if (!winner.ok) return settled(await rest)
  // Nobody waits for the loser: its socket closes by itself, and what it may have used is booked at the call's end.
  void (isFirst ? beside : attempt).cancel(
    new GatewayError('CANCELLED', 'another candidate began to answer first', { origin: 'gateway' }),
  )
  return settled(winner)
}

type Outcome =
  | { readonly ok: true; readonly attempt: Attempt; readonly first: readonly Delta[] }
  | { readonly ok: false; readonly attempt: Attempt; readonly error: unknown }

function begun(attempt: Attempt): Promise<Outcome> {
  return attempt.begin().then(
    first => ({ ok: true, attempt, first }),
    (error: unknown) => ({ ok: false, attempt, error }),
  )
}

function settled(outcome: Outcome): Begun {
  if (outcome.ok) return outcome
  throw outcome.error
}

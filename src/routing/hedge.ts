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

/** An attempt that failed before its first good event. */
export interface Failed {
  readonly attempt: Attempt
  readonly error: GatewayError
}

/** How asking went: somebody begins to answer, or all who were asked have failed, in this order. */
export type Asked =
  | ({ readonly type: 'begun' } & Begun)
  | { readonly type: 'failed'; readonly failures: readonly Failed[] }

/** Share of a model's own first tokens that come before a second candidate is asked. */
export const HEDGE_QUANTILE = 0.95

/** How long to wait for a candidate before a second one is asked, in milliseconds; undefined while too little is known of it. */
export function hedgeDelayMs({ provider, model }: Candidate, live: Live): number | undefined {
  return live.firstTokenQuantile(provider.id, model.id, HEDGE_QUANTILE)
}

/** Begins an attempt alone. */
export async function asked(attempt: Attempt): Promise<Asked> {
  try {
    return { type: 'begun', attempt, first: await attempt.begin() }
  } catch (caught) {
    return { type: 'failed', failures: [{ attempt, error: GatewayError.from(caught) }] }
  }
}

/**
 * Begins an attempt, and a second one if it has not begun after a time; `second` gives none when nobody may be asked. The
 * first good event of either wins, and the other one is cancelled.
 */
export async function raced(
  attempt: Attempt,
  second: () => Promise<Attempt | undefined>,
  delayMs: number,
): Promise<Asked> {
  const one = asked(attempt)
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'late'>(resolve => {
    timer = setTimeout(resolve, delayMs, 'late')
  })
  const early = await Promise.race([one, late]).finally(() => clearTimeout(timer))
  if (early !== 'late') return early
  let first: Asked | undefined
  void one.then(end => {
    first = end
  })
  // The first one may be good whatever hinders a second one; the end of the call ends both.
  const beside = await second().catch(() => undefined)
  if (beside === undefined) return one
  // Room for the second one may have been waited for, and nobody needs it any more.
  const begun = begunOf(first)
  if (begun !== undefined) {
    void beside.cancel(overtaken())
    return begun
  }
  const two = asked(beside)
  const sooner = await Promise.race([
    one.then(end => ({ end, isFirst: true })),
    two.then(end => ({ end, isFirst: false })),
  ])
  const { end, isFirst } = sooner
  if (end.type === 'begun') {
    // Nobody waits for the loser: its socket closes by itself, and what it may have used is booked at the call's end.
    void (isFirst ? beside : attempt).cancel(overtaken())
    return end
  }
  const rest = await (isFirst ? two : one)
  return rest.type === 'begun' ? rest : { type: 'failed', failures: [...end.failures, ...rest.failures] }
}

function begunOf(end: Asked | undefined): Asked | undefined {
  return end?.type === 'begun' ? end : undefined
}

function overtaken(): GatewayError {
  return new GatewayError('CANCELLED', 'another candidate began to answer first', { origin: 'gateway' })
}

// Runs an attempt with a key of the pool, and gives the key back on every way out.
import type { Deltas } from '../core/delta.ts'
import type { AttemptInput } from '../core/provider.ts'
import { keyOutcomeOf } from './key-outcome.ts'
import type { KeyOutcome, KeyPool, KeySettings } from './keys.ts'

/** Asks with a key; undefined when the host wants none. */
export type AskWithKey = (key: KeySettings | undefined) => Deltas

/** Takes a key when the reading begins. Throws UPSTREAM_CREDENTIALS or UPSTREAM_LIMITED when there is none now. */
export async function* leased(pool: KeyPool, input: AttemptInput, ask: AskWithKey): Deltas {
  const lease = pool.acquire(input.model.id)
  let outcome: KeyOutcome = { type: 'untold' }
  try {
    if (lease.key !== undefined) input.useKey?.(lease.key.label)
    yield* ask(lease.key)
    outcome = { type: 'served' }
  } catch (error) {
    // What ended the attempt from outside says nothing about the key.
    if (!input.signal.aborted) outcome = keyOutcomeOf(error)
    throw error
  } finally {
    lease.settle(outcome)
  }
}

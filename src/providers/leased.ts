// Runs an attempt with a key of the pool, and gives the key back on every way out.
import type { Deltas } from '../core/delta.ts'
import { GatewayError } from '../core/errors.ts'
import type { AttemptInput } from '../core/provider.ts'
import { keyOutcomeOf } from './key-outcome.ts'
import type { KeyLease, KeyOutcome, KeyPool, KeySettings } from './keys.ts'

/** Asks with a key; undefined when the host wants none. */
export type AskWithKey = (key: KeySettings | undefined) => Deltas

/**
 * Takes a key when the reading begins, and waits for one if the attempt may; one of the preferred accounts if there is one
 * that can be used. Throws UPSTREAM_CREDENTIALS, UPSTREAM_LIMITED
 * or OVERLOADED when there is none now.
 */
export async function* leased(
  pool: KeyPool,
  input: AttemptInput,
  ask: AskWithKey,
  preferred?: () => Promise<readonly string[]>,
): Deltas {
  const { model, signal, waiting } = input
  const accounts = preferred === undefined ? undefined : await preferred()
  const taken = pool.take(model.id, waiting && { ...waiting, signal }, accounts)
  const lease = taken instanceof Promise ? await taken : taken
  let outcome: KeyOutcome | undefined
  try {
    if (lease.key !== undefined) input.useKey?.(lease.key.label)
    yield* ask(lease.key)
    outcome = { type: 'served' }
  } catch (error) {
    if (signal.aborted) throw error
    throw afterSettling(error, lease, pool, model.id)
  } finally {
    // What ended the attempt from outside says nothing about the key; a silence of the provider says something about its address.
    lease.settle(outcome ?? (signal.aborted ? keyOutcomeOf(signal.reason) : { type: 'untold' }))
  }
}

/** Gives the key back, and says in a limit's error when a key can be asked again: only the pool knows that. */
function afterSettling(error: unknown, lease: KeyLease, pool: KeyPool, modelId: string): unknown {
  lease.settle(keyOutcomeOf(error))
  if (!(error instanceof GatewayError) || error.reason !== 'UPSTREAM_LIMITED' || lease.key === undefined)
    return error
  const keyBackMs = pool.left(modelId) > 0 ? 0 : (pool.fault(modelId).details.retryDelayMs ?? 0)
  const { retryDelayMs = keyBackMs } = error.details
  return error.with({ keyBackMs, ...(retryDelayMs > 0 ? { retryDelayMs } : {}) })
}

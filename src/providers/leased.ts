// Runs an attempt with a key of the pool, and gives the key back on every way out.
import type { Delta, Deltas } from '../core/delta.ts'
import { GatewayError } from '../core/errors.ts'
import type { AttemptInput } from '../core/provider.ts'
import { OVER, readingOf } from '../core/reading.ts'
import { keyOutcomeOf } from './key-outcome.ts'
import type { KeyLease, KeyOutcome, KeyPool, KeySettings } from './keys.ts'

/** Asks with a key; undefined when the host wants none. */
export type AskWithKey = (key: KeySettings | undefined) => Deltas

/**
 * Takes a key when the reading begins, and waits for one if the attempt may; one of the preferred accounts if there is one
 * that can be used. Throws UPSTREAM_CREDENTIALS, UPSTREAM_LIMITED
 * or OVERLOADED when there is none now. Made by hand: a generator around another one makes several more turns for each piece.
 */
export function leased(
  pool: KeyPool,
  input: AttemptInput,
  ask: AskWithKey,
  preferred?: () => Promise<readonly string[]>,
): Deltas {
  const { model, signal, waiting } = input
  let lease: KeyLease | undefined
  let source: AsyncIterator<readonly Delta[]> | undefined
  let isOver = false
  /** What was asked for last, as long as it has not come: whoever leaves waits for it, as with a generator. */
  let running: Promise<unknown> | undefined

  async function first(): Promise<IteratorResult<readonly Delta[]>> {
    try {
      const accounts = preferred === undefined ? undefined : await preferred()
      const taken = pool.take(model.id, waiting && { ...waiting, signal }, accounts)
      lease = taken instanceof Promise ? await taken : taken
    } catch (error) {
      isOver = true
      throw error
    }
    try {
      if (lease.key !== undefined) input.useKey?.(lease.key.label)
      source = ask(lease.key)[Symbol.asyncIterator]()
      return heard(await source.next())
    } catch (error) {
      return failed(error)
    }
  }

  function heard(step: IteratorResult<readonly Delta[]>): IteratorResult<readonly Delta[]> {
    if (step.done !== true) return step
    end({ type: 'served' })
    return OVER
  }

  function failed(error: unknown): never {
    const told = signal.aborted || lease === undefined ? error : afterSettling(error, lease, pool, model.id)
    end()
    throw told
  }

  /** What ended the attempt from outside says nothing about the key; a silence of the provider says something about its address. */
  function end(outcome?: KeyOutcome): void {
    isOver = true
    lease?.settle(outcome ?? (signal.aborted ? keyOutcomeOf(signal.reason) : { type: 'untold' }))
  }

  async function left(): Promise<void> {
    await running?.catch(() => undefined)
    if (isOver) return
    try {
      await source?.return?.()
    } finally {
      end()
    }
  }

  function next(): Promise<IteratorResult<readonly Delta[]>> {
    if (isOver) return Promise.resolve(OVER)
    const step = source === undefined ? first() : source.next().then(heard, failed)
    running = step
    return step
  }

  return readingOf(next, left)
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

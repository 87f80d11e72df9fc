// How often and after which waits a call is made again.
import type { CallOptions } from '@connectrpc/connect'
import { askedDelayMs } from './error-info.ts'

/** How patient a call is. */
export interface Patience {
  /** How often in a row the call may fail before its error is thrown, 1 or more. Default: 4. */
  readonly attempts?: number
  /** The longest wait before the next attempt, in milliseconds; who asks for a longer one is not waited for. Default: 10,000. */
  readonly maxDelayMs?: number
  /** Ends the call, and the waits. */
  readonly signal?: AbortSignal
  /** Sent with every attempt. */
  readonly headers?: NonNullable<CallOptions['headers']>
}

const FIRST_DELAY_MS = 250
const DEFAULT_ATTEMPTS = 4
const DEFAULT_MAX_DELAY_MS = 10_000

/** The wait after so many failures in a row, in milliseconds; undefined when it is not worth it any more. */
export function delayAfter(
  failures: number,
  error: unknown,
  { attempts = DEFAULT_ATTEMPTS, maxDelayMs = DEFAULT_MAX_DELAY_MS }: Patience,
): number | undefined {
  if (failures >= attempts) return undefined
  const asked = askedDelayMs(error) ?? 0
  if (asked > maxDelayMs) return undefined
  // Those that were cut off together must not all come back at once.
  const own = Math.min(maxDelayMs, FIRST_DELAY_MS * 2 ** (failures - 1)) * (0.5 + Math.random() / 2)
  return Math.max(asked, own)
}

/** Waits. Rejects with the signal's reason as soon as it aborts. */
export function wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const onAbort = (): void => reject(signal?.reason)
  if (signal?.aborted) onAbort()
  else signal?.addEventListener('abort', onAbort, { once: true })
  const timer = setTimeout(resolve, ms)
  return promise.finally(() => {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  })
}

/** A key under which the gateway takes several attempts for one call: 128 random bits. */
export function newIdempotencyKey(): string {
  // Not randomUUID: a page that came over plain HTTP does not have it.
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')
}

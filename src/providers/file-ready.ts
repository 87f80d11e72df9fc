// Waits until a provider has prepared a file: looks again and again, less and less often, and not for ever.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '../core/clock.ts'
import { GatewayError, type Reason } from '../core/errors.ts'
import type { Polling } from './file-api.ts'

/** What a look at a file finds; `why` is the provider's own words. */
export type FileState =
  | { readonly state: 'ready' | 'processing' }
  | { readonly state: 'failed'; readonly why: string }

/** What waiting is done with. */
export interface Waiting {
  readonly provider: string
  readonly clock: Clock
  readonly polling?: Partial<Polling> | undefined
  /** Looks once. Throws GatewayError. */
  readonly look: (signal: AbortSignal) => Promise<FileState>
  readonly signal: AbortSignal
}

const usual: Polling = { firstMs: 250, mostMs: 5000, totalMs: 120_000 }
const GROWTH = 1.5

/**
 * Looks at once, and then until the file is ready. A provider that is busy or away is asked again. Throws INVALID_REQUEST for
 * a file that it cannot read, UPSTREAM_UNAVAILABLE when the time is over, any other failure of a look, and the signal's reason.
 */
export async function waitUntilReady({ provider, clock, polling, look, signal }: Waiting): Promise<void> {
  const { firstMs, mostMs, totalMs } = { ...usual, ...polling }
  const endMs = clock.monotonic() + totalMs
  for (let waitMs = firstMs; ; waitMs = Math.min(waitMs * GROWTH, mostMs)) {
    const found = await lookOnce(look, signal)
    if (found.state === 'ready') return
    if (found.state === 'failed') throw unreadable(provider, found.why)
    const away = found.state === 'away' ? found.fault : undefined
    const pauseMs = Math.max(waitMs, away?.details.retryDelayMs ?? 0)
    if (clock.monotonic() + pauseMs > endMs) throw away ?? late(provider, totalMs)
    await pause(pauseMs, signal)
  }
}

const passing: ReadonlySet<Reason> = new Set<Reason>(['UPSTREAM_UNAVAILABLE', 'UPSTREAM_LIMITED'])

async function lookOnce(
  look: Waiting['look'],
  signal: AbortSignal,
): Promise<FileState | { readonly state: 'away'; readonly fault: GatewayError }> {
  try {
    return await look(signal)
  } catch (error) {
    const fault = GatewayError.from(error)
    if (!signal.aborted && passing.has(fault.reason)) return { state: 'away', fault }
    throw fault
  }
}

async function pause(waitMs: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(waitMs, undefined, { signal })
  } catch {
    // Only the signal ends it early.
    if (signal.reason instanceof GatewayError) throw signal.reason
    throw new GatewayError('CANCELLED', 'the call was cancelled', { cause: signal.reason })
  }
}

function late(provider: string, totalMs: number): GatewayError {
  return new GatewayError(
    'UPSTREAM_UNAVAILABLE',
    `${provider} did not prepare the file within ${totalMs} ms`,
    {
      provider,
      against: 'nobody',
    },
  )
}

function unreadable(provider: string, why: string): GatewayError {
  const words = why === '' ? '' : `: ${why}`
  return new GatewayError('INVALID_REQUEST', `${provider} cannot read the file${words}`, {
    provider,
    against: 'nobody',
  })
}

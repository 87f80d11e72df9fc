// The holders of this process: each is renewed while it runs, and what it held is settled once, whatever becomes of its call.
import type { Clock } from '../core/clock.ts'
import { uuidv7 } from '../core/ids.ts'
import type { Holder, Settling, Shared } from '../core/shared.ts'
import { HOLDER_TTL_MS } from './limit-windows.ts'

/** What `createHolders` needs. */
export interface HoldersDeps {
  readonly shared: Pick<Shared, 'settle' | 'renew'>
  readonly clock: Clock
  /** Takes what goes wrong with the shared state while nobody waits for it. */
  readonly onFault: (fault: unknown) => void
  /** In milliseconds. */
  readonly renewEveryMs?: number | undefined
}

/** The holders that run. */
export interface Holders {
  /** Makes a holder; it does not run before it holds something. */
  make(): Holder
  /** Says that a holder has something of these counters. */
  holds(holder: Holder, counters: readonly string[]): void
  /** Settles all that a holder has. Only the first time does anything. */
  settle(holder: Holder, settlings: readonly Settling[]): void
  /** How many hold something. */
  running(): number
  /** Renews nobody any more. */
  close(): void
}

const RENEW_EVERY_MS = 10_000
/** As many are renewed in one question. */
const CHUNK = 200

/** Makes an empty register; its timer runs only while somebody holds something, and does not keep the process alive. */
export function createHolders({
  shared,
  clock,
  onFault,
  renewEveryMs = RENEW_EVERY_MS,
}: HoldersDeps): Holders {
  const running = new Map<string, readonly string[]>()
  // Random once, and counted from there: every call makes two.
  const origin = uuidv7(clock.now())
  let made = 0
  let timer: NodeJS.Timeout | undefined

  function renew(): void {
    const all = [...running].map(([id, counters]) => ({ id, counters }))
    for (let at = 0; at < all.length; at += CHUNK)
      shared.renew(all.slice(at, at + CHUNK), HOLDER_TTL_MS).catch(onFault)
  }

  function rest(): void {
    clearInterval(timer)
    timer = undefined
  }

  return {
    make() {
      made += 1
      return { id: `${origin}-${made}`, ttlMs: HOLDER_TTL_MS }
    },
    holds({ id }, counters) {
      if (counters.length === 0) return
      running.set(id, counters)
      timer ??= setInterval(renew, renewEveryMs).unref()
    },
    settle({ id }, settlings) {
      if (!running.delete(id)) return
      if (running.size === 0) rest()
      shared.settle(id, settlings).catch(onFault)
    },
    running: () => running.size,
    close() {
      running.clear()
      rest()
    },
  }
}

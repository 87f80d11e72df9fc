// The holders of this process: each is renewed while it runs, and what it held is settled once, whatever becomes of its call.
import type { Clock } from '../core/clock.ts'
import { uuidv7 } from '../core/ids.ts'
import type { Holder, Settling, Shared } from '../core/shared.ts'
import { createSlots } from '../core/slots.ts'
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

/** Where a holder is kept that runs. */
export interface HeldPlace {
  readonly id: string
  readonly counters: readonly string[]
  /** Below 0: it does not run. */
  place: number
}

/** The holders that run. */
export interface Holders {
  /** Makes a holder; it does not run before it holds something. */
  make(): Holder
  /** Says that a holder has something of these counters, at least one; gives what it is settled by. */
  holds(holder: Holder, counters: readonly string[]): HeldPlace
  /** Settles all that a holder has. Only the first time does anything. */
  settle(place: HeldPlace, settlings: readonly Settling[]): void
  /** How many hold something. */
  running(): number
  /** Renews nobody any more. */
  close(): void
}

const RENEW_EVERY_MS = 10_000
/** As many are renewed in one question. */
const CHUNK = 200

/** Makes an empty register; its timer begins with the first one, ends when it finds none, and does not keep the process alive. */
export function createHolders({
  shared,
  clock,
  onFault,
  renewEveryMs = RENEW_EVERY_MS,
}: HoldersDeps): Holders {
  const running = createSlots<HeldPlace>()
  // Random once, and counted from there: every call makes two.
  const origin = uuidv7(clock.now())
  let made = 0
  let timer: NodeJS.Timeout | undefined

  function renew(): void {
    const all = running.all()
    if (all.length === 0) rest()
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
      const held: HeldPlace = { id, counters, place: -1 }
      if (counters.length === 0) return held
      held.place = running.add(held)
      timer ??= setInterval(renew, renewEveryMs).unref()
      return held
    },
    settle(held, settlings) {
      if (held.place < 0) return
      running.take(held.place)
      held.place = -1
      shared.settle(held.id, settlings)?.catch(onFault)
    },
    running: running.size,
    close() {
      for (const held of running.all()) {
        running.take(held.place)
        held.place = -1
      }
      rest()
    },
  }
}

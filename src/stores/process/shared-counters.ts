// Counters of this process: amounts are taken together or not at all, on one look at the clock and one at each counter.
import type { Clock } from '../../core/clock.ts'
import type { Holder, Reservation, Reserved, Shared } from '../../core/shared.ts'
import type { Expiring } from './expiry.ts'
import { createLeases, type HeldCounter } from './leases.ts'

/** What a lease takes in memory, in bytes, roughly. */
const LEASE_BYTES = 200

/** A counter as the store keeps it. */
export interface CountedThing extends Expiring, HeldCounter {
  readonly type: 'counter'
  readonly name: string
  /** What was taken for good. */
  settled: number
  sizeBytes: number
}

/** What `createProcessCounters` needs of the store. */
export interface ProcessCountersDeps {
  readonly clock: Clock
  /** All that are kept, by name; some of them may have expired. */
  readonly counters: ReadonlyMap<string, CountedThing>
  /** Lets go of one. */
  drop(thing: CountedThing): void
  /** Keeps a new one. */
  add(thing: CountedThing): void
  /** Notes how many bytes one takes beside its name. */
  resize(thing: CountedThing, bytes: number): void
  /** Pushes out what does not fit beside one. */
  makeRoom(thing: CountedThing): void
}

/** The part of the port that counts; whoever asks is answered at once. */
export interface ProcessCounters extends Pick<Shared, 'renew'> {
  reserve(reservations: readonly Reservation[], holder?: Holder): Reserved
  settle(...question: Parameters<Shared['settle']>): undefined
  adjust(...question: Parameters<Shared['adjust']>): undefined
}

/** Makes it. */
export function createProcessCounters(deps: ProcessCountersDeps): ProcessCounters {
  const { clock, counters, drop, add, resize, makeRoom } = deps
  const leases = createLeases<CountedThing>()

  function kept(name: string, nowMs: number): CountedThing | undefined {
    const thing = counters.get(name)
    if (thing === undefined || thing.expiresAtMs > nowMs) return thing
    drop(thing)
    return undefined
  }

  function usedOf(name: string, nowMs: number): number {
    const thing = kept(name, nowMs)
    return thing === undefined ? 0 : thing.settled + thing.held
  }

  function adjusted(thing: CountedThing, amount: number): void {
    thing.settled = Math.min(Math.max(thing.settled + amount, 0), Number.MAX_SAFE_INTEGER)
  }

  function take(reservation: Reservation, holder: Holder | undefined, nowMs: number): void {
    const { counter: name, amount, ttlMs, isForGood } = reservation
    if (amount === 0) return
    const before = kept(name, nowMs)
    const thing: CountedThing = before ?? {
      type: 'counter',
      name,
      settled: 0,
      held: 0,
      leases: 0,
      expiresAtMs: nowMs + ttlMs,
      isGone: false,
      sizeBytes: 0,
    }
    if (holder === undefined || isForGood) adjusted(thing, amount)
    else {
      const untilMs = nowMs + holder.ttlMs
      leases.hold(holder.id, thing, amount, untilMs)
      if (untilMs > thing.expiresAtMs) thing.expiresAtMs = untilMs
    }
    if (before === undefined) add(thing)
    resize(thing, thing.leases * LEASE_BYTES)
    makeRoom(thing)
  }

  function reserved(reservations: readonly Reservation[], holder?: Holder): Reserved {
    const nowMs = clock.monotonic()
    leases.prune(nowMs)
    const used: number[] = []
    for (const reservation of reservations) {
      const { counter, beside, amount, max } = reservation
      let now = usedOf(counter, nowMs)
      if (beside !== undefined) for (const name of beside) now += usedOf(name, nowMs)
      const index = used.length
      // Subtracted and not added: the sum could be past what a number holds exactly.
      if (amount > max - now - takenBy(reservations, index, reservation))
        return { ok: false, index, counter, used: now }
      used.push(now)
    }
    let index = 0
    for (const reservation of reservations) {
      used[index] = (used[index] ?? 0) + takenBy(reservations, reservations.length, reservation)
      index += 1
      take(reservation, holder, nowMs)
    }
    return { ok: true, used }
  }

  return {
    reserve: reserved,
    settle(holder, settlings) {
      const nowMs = clock.monotonic()
      for (const { counter: name, amount } of settlings) {
        const thing = kept(name, nowMs)
        if (thing === undefined) continue
        leases.giveBack(holder, thing)
        adjusted(thing, amount)
        resize(thing, thing.leases * LEASE_BYTES)
      }
    },
    async renew(holders, ttlMs) {
      const nowMs = clock.monotonic()
      leases.prune(nowMs)
      const untilMs = nowMs + ttlMs
      for (const { id, counters: names } of holders) {
        for (const name of names) {
          const thing = kept(name, nowMs)
          if (thing !== undefined && leases.renew(id, thing, untilMs))
            thing.expiresAtMs = Math.max(thing.expiresAtMs, untilMs)
        }
      }
    },
    adjust(name, amount) {
      const thing = kept(name, clock.monotonic())
      if (thing !== undefined) adjusted(thing, amount)
    },
  }
}

/** What the first so many of a question take of a reservation's counter and of those beside it. */
function takenBy(
  reservations: readonly Reservation[],
  count: number,
  { counter, beside }: Reservation,
): number {
  let sum = 0
  // Questions are short: a few comparisons of names cost less than to remember what was taken.
  for (let index = 0; index < count; index += 1) {
    const one = reservations[index]
    if (one === undefined) break
    if (one.counter === counter || beside?.includes(one.counter) === true) sum += one.amount
  }
  return sum
}

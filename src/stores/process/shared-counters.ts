// Counters of this process: amounts are taken together or not at all, on one look at the clock and one at each counter.
import type { Clock } from '../../core/clock.ts'
import type { Holder, Reservation, Reserved, Shared } from '../../core/shared.ts'
import { createLeasedCounter, HOLDER_BYTES, type LeasedCounter } from '../leased-counter.ts'
import type { Expiring } from './expiry.ts'

/** A counter as the store keeps it. */
export interface CountedThing extends Expiring {
  readonly type: 'counter'
  readonly name: string
  readonly counter: LeasedCounter
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

/** The part of the port that counts. */
export type ProcessCounters = Pick<Shared, 'reserve' | 'settle' | 'renew' | 'adjust'>

/** Makes it. */
export function createProcessCounters(deps: ProcessCountersDeps): ProcessCounters {
  const { clock, counters, drop, add, resize, makeRoom } = deps

  function kept(name: string, nowMs: number): CountedThing | undefined {
    const thing = counters.get(name)
    if (thing === undefined || thing.expiresAtMs > nowMs) return thing
    drop(thing)
    return undefined
  }

  function usedOf(name: string, nowMs: number): number {
    return kept(name, nowMs)?.counter.used(nowMs) ?? 0
  }

  function take(reservation: Reservation, holder: Holder | undefined, nowMs: number): void {
    const { counter: name, amount, ttlMs, isForGood } = reservation
    if (amount === 0) return
    const before = kept(name, nowMs)
    const thing = before ?? {
      type: 'counter',
      name,
      counter: createLeasedCounter(),
      expiresAtMs: nowMs + ttlMs,
      isGone: false,
      sizeBytes: 0,
    }
    if (holder === undefined || isForGood) thing.counter.take(amount)
    else {
      const untilMs = nowMs + holder.ttlMs
      thing.counter.hold(holder.id, amount, untilMs)
      if (untilMs > thing.expiresAtMs) thing.expiresAtMs = untilMs
    }
    if (before === undefined) add(thing)
    resize(thing, thing.counter.holderCount() * HOLDER_BYTES)
    makeRoom(thing)
  }

  function reserved(reservations: readonly Reservation[], holder: Holder | undefined): Reserved {
    const nowMs = clock.monotonic()
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
    async reserve(reservations, holder) {
      return reserved(reservations, holder)
    },
    async settle(holder, settlings) {
      const nowMs = clock.monotonic()
      for (const { counter: name, amount } of settlings) {
        const thing = kept(name, nowMs)
        if (thing === undefined) continue
        thing.counter.giveBack(holder)
        thing.counter.take(amount)
        resize(thing, thing.counter.holderCount() * HOLDER_BYTES)
      }
    },
    async renew(holders, ttlMs) {
      const nowMs = clock.monotonic()
      const untilMs = nowMs + ttlMs
      for (const { id, counters: names } of holders) {
        for (const name of names) {
          const thing = kept(name, nowMs)
          if (thing?.counter.renew(id, untilMs) === true)
            thing.expiresAtMs = Math.max(thing.expiresAtMs, untilMs)
        }
      }
    },
    async adjust(name, amount) {
      kept(name, clock.monotonic())?.counter.take(amount)
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

// What is held without having been counted: more than is needed, so it gives way as soon as somebody has no room beside it.
import { createSlots } from '../core/slots.ts'
import { countsSize } from './attempt-amounts.ts'
import type { AppliedLimit } from './limit-rules.ts'
import { counterAt } from './limit-windows.ts'

/** Something held without having been counted. */
export interface LooseHold {
  /** What it holds something of. */
  readonly limits: readonly AppliedLimit[]
  /** Counts, and gives back what is too much; only once. Rejects when its call ends meanwhile. */
  tighten(): Promise<void>
}

/** All that is held so in this process. */
export interface LooseHolds {
  /** Takes one, and says where it is kept. */
  add(hold: LooseHold): number
  /** It has ended. */
  remove(place: number): void
  /** Counts all that hold something of a limit. Says whether there were any. */
  tighten(limit: AppliedLimit): Promise<boolean>
  /** Notes that a limit had no room for it: as long as the limit counts in the same counter, nobody need try again. */
  refused(limit: AppliedLimit, now: number): void
  /** Whether none of the limits has refused it before, at an instant in milliseconds since the Unix epoch. */
  isWorthTrying(limits: readonly AppliedLimit[], now: number): boolean
}

/** The share of a limit up to which something is held of it without having been counted. */
const SHARE = 1 / 2

/** The most that may be held of a limit, all that is used of it included, by whoever does not count. */
export function looseMax(limit: AppliedLimit): number {
  return countsSize(limit) ? Math.floor(limit.value * SHARE) : limit.value
}

/** Makes an empty register. */
export function createLooseHolds(): LooseHolds {
  const all = createSlots<{ readonly hold: LooseHold; isCounted: boolean }>()
  const crowded = new WeakMap<AppliedLimit, string>()
  return {
    add: hold => all.add({ hold, isCounted: false }),
    remove: place => void all.take(place),
    async tighten({ counter }) {
      const some = all
        .all()
        .filter(({ hold, isCounted }) => !isCounted && hold.limits.some(one => one.counter === counter))
      for (const one of some) one.isCounted = true
      // One whose call ended meanwhile has given everything back.
      await Promise.allSettled(some.map(({ hold }) => hold.tighten()))
      return some.length > 0
    },
    refused(limit, now) {
      if (countsSize(limit)) crowded.set(limit, counterAt(limit, now))
    },
    isWorthTrying: (limits, now) =>
      limits.every(limit => {
        const counter = crowded.get(limit)
        return counter === undefined || counter !== counterAt(limit, now)
      }),
  }
}

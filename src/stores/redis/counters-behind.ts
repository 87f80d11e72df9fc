// What Redis has not heard of its counters, or may not have: amounts, holders and settlings, brought when it works again.
import type { LeasedCounter } from '../leased-counter.ts'
import type { Run } from './line.ts'
import type { Remembered } from './remembered.ts'
import { counterKey } from './scripts.ts'
import { millis } from './values.ts'

/** What is known of a counter here. */
export interface OwnCounter {
  /** What this process took and did not give back. */
  readonly share: LeasedCounter
  /** What all others had when it was last looked at. */
  others: number
  /** The end of the counter, on the monotonic clock. */
  expiresAtMs: number
}

/** A settling that Redis did not answer. */
export interface Unsettled {
  readonly counter: string
  readonly holder: string
  readonly amount: number
  /** Whether it may have been done; else it was not even sent. */
  readonly isDoubt: boolean
  /** Whether Redis surely knew what the holder had: then it is done when that is gone. */
  readonly isKnown: boolean
  /** When what the holder had ends by itself, on the monotonic clock. */
  readonly leaseUntilMs: number
}

/** What is still to be brought. */
export interface Behind {
  /** Brings what is not counted in Redis. Says whether it could. */
  restore(run: Run): Promise<boolean>
  isBehind(): boolean
}

/** The list of it. */
export interface BehindList extends Behind {
  /** An amount that was taken for good, or with a negative one given back. */
  owe(counter: string, amount: number): void
  /** What a holder has of a counter. */
  held(counter: string, holder: string): void
  /** A holder has nothing there any more. Says whether that was still to be brought. */
  forget(counter: string, holder: string): boolean
  unsettled(settling: Unsettled): void
  /** Redis has lost everything: all that is ours is to be brought. */
  lost(): void
  clear(): void
}

/** What `createBehind` needs. */
export interface BehindDeps {
  readonly own: Remembered<OwnCounter>
  readonly nowMs: () => number
  /** Called when there is something to bring. */
  readonly repair: () => void
}

const CHUNK = 200
/** Of each kind, at most. */
const BEHIND_MAX = 100_000

/** Makes an empty list. */
export function createBehind({ own, nowMs, repair }: BehindDeps): BehindList {
  const owed = new Map<string, number>()
  const holding = new Map<string, Set<string>>()
  const settlings = new Set<Unsettled>()

  const leftMs = (counter: string): number => (own.get(counter)?.expiresAtMs ?? 0) - nowMs()

  function owe(counter: string, amount: number): void {
    if (owed.size > BEHIND_MAX) for (const name of owed.keys()) if (leftMs(name) <= 0) owed.delete(name)
    owed.set(counter, (owed.get(counter) ?? 0) + amount)
    repair()
  }

  function held(counter: string, holder: string): void {
    const holders = holding.get(counter) ?? new Set()
    holding.set(counter, holders.add(holder))
    repair()
  }

  function forget(counter: string, holder: string): boolean {
    const holders = holding.get(counter)
    if (holders?.delete(holder) !== true) return false
    if (holders.size === 0) holding.delete(counter)
    return true
  }

  function unsettled(settling: Unsettled): void {
    settlings.add(settling)
    for (const oldest of settlings) {
      if (settlings.size <= BEHIND_MAX) break
      settlings.delete(oldest)
    }
    repair()
  }

  async function bringAmount(run: Run, counter: string, amount: number): Promise<boolean> {
    owed.delete(counter)
    const left = leftMs(counter)
    if (left <= 0) return true
    const ran = await run('adjust', [counterKey(counter)], [amount, millis(left)])
    if (typeof ran !== 'string') return true
    // In doubt a larger amount is counted again, and one that was given back is not.
    if (ran === 'out' || amount > 0) owe(counter, amount)
    return false
  }

  async function bringHolder(run: Run, counter: string, holder: string): Promise<boolean> {
    const lease = own.get(counter)?.share.lease(holder)
    forget(counter, holder)
    const leaseMs = (lease?.untilMs ?? 0) - nowMs()
    if (lease === undefined || leaseMs <= 0) return true
    const args = [millis(leaseMs), holder, lease.amount, millis(leftMs(counter))]
    if (typeof (await run('hold', [counterKey(counter)], args)) !== 'string') return true
    // Settled meanwhile: there is nothing to say of it any more.
    if (own.get(counter)?.share.lease(holder) !== undefined) held(counter, holder)
    return false
  }

  async function bringSettling(run: Run, settling: Unsettled): Promise<boolean> {
    settlings.delete(settling)
    const { counter, holder, amount, isDoubt, isKnown, leaseUntilMs } = settling
    const left = leftMs(counter)
    // Once what was held may have ended by itself, its absence does not say that it was settled.
    const isOnlyHeld = isDoubt && isKnown && (amount === 0 || leaseUntilMs > nowMs())
    const args = [holder, isOnlyHeld ? 1 : 0, amount, left > 0 ? millis(left) : 0]
    const ran = await run('settle', [counterKey(counter)], args)
    if (typeof ran !== 'string') return true
    unsettled({ ...settling, isDoubt: isDoubt || ran === 'doubt' })
    return false
  }

  return {
    owe,
    held,
    forget,
    unsettled,
    lost() {
      owed.clear()
      settlings.clear()
      for (const counter of own.names()) {
        const share = own.get(counter)?.share
        if (share === undefined) continue
        // What is owed and what is not settled is part of it.
        if (share.settled() > 0) owed.set(counter, share.settled())
        for (const holder of share.holders()) held(counter, holder)
      }
    },
    async restore(run) {
      while (owed.size > 0 || holding.size > 0 || settlings.size > 0) {
        const pairs = [...holding].flatMap(([counter, all]) => [...all].map(one => [counter, one] as const))
        const brought = await Promise.all([
          ...[...settlings].slice(0, CHUNK).map(one => bringSettling(run, one)),
          ...[...owed.entries().take(CHUNK)].map(([counter, amount]) => bringAmount(run, counter, amount)),
          ...pairs.slice(0, CHUNK).map(([counter, holder]) => bringHolder(run, counter, holder)),
        ])
        if (brought.includes(false)) return false
      }
      return true
    },
    isBehind: () => owed.size > 0 || holding.size > 0 || settlings.size > 0,
    clear() {
      owed.clear()
      holding.clear()
      settlings.clear()
    },
  }
}

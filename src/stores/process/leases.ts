// What holders have of the counters of this process: one look-up for a holder, however many counters it has something of.

/** A counter that amounts are held of. */
export interface HeldCounter {
  /** What holders have of it. */
  held: number
  /** How many leases of it there are. */
  leases: number
  /** Whether it is not kept any more: nothing of it can be held then. */
  isGone: boolean
}

interface Lease<Counter> {
  readonly counter: Counter
  amount: number
  untilMs: number
  /** The next one of the same holder. */
  next: Lease<Counter> | undefined
}

/** The leases. All times are on one clock, in milliseconds. */
export interface Leases<Counter extends HeldCounter> {
  /** Gives back what the dead held; to be called before anybody asks how much there is. */
  prune(nowMs: number): void
  /** Takes an amount for a holder, beside what that has already. */
  hold(holder: string, counter: Counter, amount: number, untilMs: number): void
  /** Gives back all that a holder has of a counter. */
  giveBack(holder: string, counter: Counter): void
  /** Keeps what a holder has of a counter until then. Says whether it has something. */
  renew(holder: string, counter: Counter, untilMs: number): boolean
}

/** Makes a register of nobody. */
export function createLeases<Counter extends HeldCounter>(): Leases<Counter> {
  // The first lease of each.
  const byHolder = new Map<string, Lease<Counter>>()
  // Nothing ends before it: leases that are renewed end later, and are looked at again then.
  let soonestMs = Number.POSITIVE_INFINITY

  function leaseOf(holder: string, counter: Counter): Lease<Counter> | undefined {
    let lease = byHolder.get(holder)
    while (lease !== undefined && lease.counter !== counter) lease = lease.next
    return lease
  }

  function end({ counter, amount }: Lease<Counter>): void {
    counter.held -= amount
    counter.leases -= 1
  }

  /** Lets go of a lease behind another one of its holder, or of the first one. */
  function cut(holder: string, before: Lease<Counter> | undefined, { next }: Lease<Counter>): void {
    if (before !== undefined) before.next = next
    else if (next !== undefined) byHolder.set(holder, next)
    else byHolder.delete(holder)
  }

  return {
    prune(nowMs) {
      if (nowMs < soonestMs) return
      soonestMs = Number.POSITIVE_INFINITY
      for (const [holder, first] of byHolder) {
        let before: Lease<Counter> | undefined
        for (let lease: Lease<Counter> | undefined = first; lease !== undefined; lease = lease.next) {
          if (lease.untilMs > nowMs && !lease.counter.isGone) {
            soonestMs = Math.min(soonestMs, lease.untilMs)
            before = lease
          } else {
            end(lease)
            cut(holder, before, lease)
          }
        }
      }
    },
    hold(holder, counter, amount, untilMs) {
      counter.held += amount
      if (untilMs < soonestMs) soonestMs = untilMs
      const lease = leaseOf(holder, counter)
      if (lease !== undefined) {
        lease.amount += amount
        lease.untilMs = untilMs
        return
      }
      counter.leases += 1
      const more: Lease<Counter> = { counter, amount, untilMs, next: undefined }
      const first = byHolder.get(holder)
      if (first === undefined) byHolder.set(holder, more)
      else {
        more.next = first.next
        first.next = more
      }
    },
    giveBack(holder, counter) {
      let before: Lease<Counter> | undefined
      let lease = byHolder.get(holder)
      while (lease !== undefined && lease.counter !== counter) {
        before = lease
        lease = lease.next
      }
      if (lease === undefined) return
      end(lease)
      cut(holder, before, lease)
    },
    renew(holder, counter, untilMs) {
      const lease = leaseOf(holder, counter)
      if (lease === undefined) return false
      lease.untilMs = untilMs
      if (untilMs < soonestMs) soonestMs = untilMs
      return true
    },
  }
}

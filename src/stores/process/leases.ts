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
  const byHolder = new Map<string, Lease<Counter>[]>()
  // Nothing ends before it: leases that are renewed end later, and are looked at again then.
  let soonestMs = Number.POSITIVE_INFINITY

  function leaseOf(holder: string, counter: Counter): Lease<Counter> | undefined {
    return byHolder.get(holder)?.find(lease => lease.counter === counter)
  }

  function end({ counter, amount }: Lease<Counter>): void {
    counter.held -= amount
    counter.leases -= 1
  }

  return {
    prune(nowMs) {
      if (nowMs < soonestMs) return
      soonestMs = Number.POSITIVE_INFINITY
      for (const [holder, leases] of byHolder) {
        const alive: Lease<Counter>[] = []
        for (const lease of leases) {
          if (lease.untilMs <= nowMs) end(lease)
          else if (!lease.counter.isGone) {
            alive.push(lease)
            soonestMs = Math.min(soonestMs, lease.untilMs)
          }
        }
        if (alive.length === 0) byHolder.delete(holder)
        else if (alive.length < leases.length) byHolder.set(holder, alive)
      }
    },
    hold(holder, counter, amount, untilMs) {
      counter.held += amount
      if (untilMs < soonestMs) soonestMs = untilMs
      const leases = byHolder.get(holder)
      const lease = leases?.find(one => one.counter === counter)
      if (lease !== undefined) {
        lease.amount += amount
        lease.untilMs = untilMs
        return
      }
      counter.leases += 1
      if (leases === undefined) byHolder.set(holder, [{ counter, amount, untilMs }])
      else leases.push({ counter, amount, untilMs })
    },
    giveBack(holder, counter) {
      const leases = byHolder.get(holder)
      if (leases === undefined) return
      const place = leases.findIndex(lease => lease.counter === counter)
      const lease = leases[place]
      if (lease === undefined) return
      end(lease)
      if (leases.length === 1) byHolder.delete(holder)
      else leases.splice(place, 1)
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

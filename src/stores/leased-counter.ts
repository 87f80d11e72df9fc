// A counter in this process: what was taken for good, and what holders have of it while they are alive.

/** What one holder has. */
export interface Lease {
  readonly amount: number
  /** When it ends unless it is renewed. */
  readonly untilMs: number
}

/** A counter. All times are on one clock, in milliseconds. */
export interface LeasedCounter {
  /** What it holds at an instant; what the dead held is given back by asking. */
  used(nowMs: number): number
  /** What was taken for good. */
  settled(): number
  /** Takes an amount for good; a negative one gives back, and never below 0. */
  take(amount: number): void
  /** Takes an amount for a holder, beside what that has already. */
  hold(holder: string, amount: number, untilMs: number): void
  /** Gives back all that a holder has, and says what that was. */
  giveBack(holder: string): Lease | undefined
  /** Keeps what a holder has until then. Says whether it has something. */
  renew(holder: string, untilMs: number): boolean
  /** What a holder has; undefined when that is nothing. */
  lease(holder: string): Lease | undefined
  /** Who holds something. */
  holders(): readonly string[]
}

/** Makes a counter that holds nothing. */
export function createLeasedCounter(): LeasedCounter {
  const leases = new Map<string, Lease>()
  let settled = 0
  let held = 0
  // Nothing ends before it: leases that are renewed end later, and are looked at again then.
  let soonestMs = Number.POSITIVE_INFINITY

  function prune(nowMs: number): void {
    if (nowMs < soonestMs) return
    soonestMs = Number.POSITIVE_INFINITY
    for (const [holder, { amount, untilMs }] of leases) {
      if (untilMs > nowMs) soonestMs = Math.min(soonestMs, untilMs)
      else {
        leases.delete(holder)
        held -= amount
      }
    }
  }

  function put(holder: string, lease: Lease): void {
    leases.set(holder, lease)
    soonestMs = Math.min(soonestMs, lease.untilMs)
  }

  return {
    used(nowMs) {
      prune(nowMs)
      return settled + held
    },
    settled: () => settled,
    take(amount) {
      settled = Math.min(Math.max(settled + amount, 0), Number.MAX_SAFE_INTEGER)
    },
    hold(holder, amount, untilMs) {
      put(holder, { amount: (leases.get(holder)?.amount ?? 0) + amount, untilMs })
      held += amount
    },
    giveBack(holder) {
      const lease = leases.get(holder)
      if (lease === undefined) return undefined
      leases.delete(holder)
      held -= lease.amount
      return lease
    },
    renew(holder, untilMs) {
      const lease = leases.get(holder)
      if (lease === undefined) return false
      put(holder, { amount: lease.amount, untilMs })
      return true
    },
    lease: holder => leases.get(holder),
    holders: () => [...leases.keys()],
  }
}

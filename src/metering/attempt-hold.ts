// What is held of the limits for an attempt, from its reservation until the truth takes its place.
import type { AttemptHold } from '../core/limits.ts'
import type { Holder, Reservation, Settling, Shared } from '../core/shared.ts'
import { type AttemptNeed, amountsOf, whole } from './attempt-amounts.ts'
import type { Holders } from './holders.ts'
import type { AppliedLimit } from './limit-rules.ts'
import type { LooseHolds } from './loose-holds.ts'

/** What holding needs. */
export interface AttemptHoldDeps {
  readonly shared: Pick<Shared, 'reserve' | 'adjust'>
  readonly holders: Holders
  readonly loose: LooseHolds
  readonly onFault: (fault: unknown) => void
}

/** What was reserved. */
export interface Reserved {
  readonly limits: readonly AppliedLimit[]
  readonly reservations: readonly Reservation[]
  readonly holder: Holder
  /** The cap that the attempt is sent with. Absent: as the request says. */
  readonly outputCap: number | undefined
  /** Absent: the input was counted. */
  readonly uncounted?: Uncounted | undefined
}

/** A need whose input was not counted, and the answer that it was reserved with, in tokens. */
export interface Uncounted {
  readonly need: AttemptNeed
  readonly outputTokens: number | undefined
}

/** Holds it until one of the ends. */
export function holdOf(reserved: Reserved, deps: AttemptHoldDeps): AttemptHold {
  const { limits, reservations, outputCap, uncounted } = reserved
  const { shared, holders, loose, onFault } = deps
  // What is held of each limit, in their order.
  let held: readonly number[] | undefined
  let isOpen = true
  let place = holders.holds(reserved.holder, countersOf(reservations))

  const heldAt = (index: number): number => held?.[index] ?? reservations[index]?.amount ?? 0

  /** Holds what was counted in the place of what was only known not to be too little. */
  async function tighten({ need, outputTokens }: Uncounted): Promise<void> {
    const counted = await need.counted?.()
    if (!isOpen || counted === undefined) return
    const amounts = amountsOf(limits, counted, outputTokens)
    const less = reservations.map((_, index) => Math.min(heldAt(index), amounts[index] ?? heldAt(index)))
    if (less.every((amount, index) => amount === heldAt(index))) return
    const next = holders.make()
    // It is held a second time before it is given back: at no instant is the attempt without its room.
    await shared.reserve(
      reservations.flatMap(({ counter, ttlMs, isForGood }, index) =>
        isForGood
          ? []
          : [{ counter, ttlMs, amount: less[index] ?? 0, max: Number.MAX_SAFE_INTEGER, outage: 'allow' }],
      ),
      next,
    )
    let left = holders.holds(next, countersOf(reservations))
    if (isOpen) {
      const before = place
      place = left
      left = before
      held = less
    }
    holders.settle(
      left,
      countersOf(reservations).map(counter => ({ counter, amount: 0 })),
    )
  }

  const own = uncounted && loose.add({ limits, tighten: () => tighten(uncounted) })

  function end(truthOf: (limit: AppliedLimit, amount: number) => number): boolean {
    if (!isOpen) return false
    isOpen = false
    if (own !== undefined) loose.remove(own)
    const truths: Settling[] = []
    for (let index = 0; index < limits.length; index += 1) {
      const limit = limits[index]
      const reservation = reservations[index]
      if (limit === undefined || reservation === undefined || reservation.isForGood) continue
      const amount = limit.kind === 'concurrent_calls' ? 0 : truthOf(limit, heldAt(index))
      truths.push({ counter: reservation.counter, amount })
    }
    holders.settle(place, truths)
    return true
  }

  return {
    outputCap,
    settle({ tokens, nanoUsd }) {
      end(({ kind }, amount) => {
        if (kind === 'tokens_per_minute') return tokens
        return nanoUsd === undefined ? amount : whole(nanoUsd)
      })
    },
    keep() {
      end((_, amount) => amount)
    },
    giveBack(wasAsked) {
      if (!end(() => 0) || wasAsked) return
      for (const { counter, isForGood } of reservations)
        if (isForGood) shared.adjust(counter, -1)?.catch(onFault)
    },
  }
}

/** The counters of what is given back or settled. */
function countersOf(reservations: readonly Reservation[]): readonly string[] {
  const counters: string[] = []
  for (const { counter, isForGood } of reservations) if (!isForGood) counters.push(counter)
  return counters
}

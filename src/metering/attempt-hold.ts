// What is held of the limits for an attempt, from its reservation until the truth takes its place.
import type { AttemptHold } from '../core/limits.ts'
import type { Holder, Reservation, Shared } from '../core/shared.ts'
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

/** What is held of one limit until then. */
interface Held {
  readonly limit: AppliedLimit
  readonly reservation: Reservation
  readonly amount: number
}

/** Holds it until one of the ends. */
export function holdOf(reserved: Reserved, deps: AttemptHoldDeps): AttemptHold {
  const { limits, reservations, outputCap, uncounted } = reserved
  const { shared, holders, loose, onFault } = deps
  let held = heldOf(limits, reservations)
  let isOpen = true
  let place = holders.holds(reserved.holder, countersOf(held))

  /** Holds what was counted in the place of what was only known not to be too little. */
  async function tighten({ need, outputTokens }: Uncounted): Promise<void> {
    const counted = await need.counted?.()
    if (!isOpen || counted === undefined) return
    const amounts = amountsOf(limits, counted, outputTokens)
    const less = held.map(one => ({
      ...one,
      amount: Math.min(one.amount, amounts[limits.indexOf(one.limit)] ?? one.amount),
    }))
    if (less.every((one, index) => one.amount === held[index]?.amount)) return
    const next = holders.make()
    // It is held a second time before it is given back: at no instant is the attempt without its room.
    await shared.reserve(
      less.map(({ reservation: { counter, ttlMs }, amount }) => {
        return { counter, ttlMs, amount, max: Number.MAX_SAFE_INTEGER, outage: 'allow' }
      }),
      next,
    )
    let left = holders.holds(next, countersOf(less))
    if (isOpen) {
      const before = place
      place = left
      left = before
      held = less
    }
    holders.settle(
      left,
      countersOf(less).map(counter => ({ counter, amount: 0 })),
    )
  }

  const own = uncounted && loose.add({ limits, tighten: () => tighten(uncounted) })

  function end(truthOf: (one: Held) => number): boolean {
    if (!isOpen) return false
    isOpen = false
    if (own !== undefined) loose.remove(own)
    holders.settle(
      place,
      held.map(one => ({
        counter: one.reservation.counter,
        amount: one.limit.kind === 'concurrent_calls' ? 0 : truthOf(one),
      })),
    )
    return true
  }

  return {
    ...(outputCap === undefined ? {} : { outputCap }),
    settle: ({ tokens, nanoUsd }) =>
      void end(({ limit, amount }) => {
        if (limit.kind === 'tokens_per_minute') return tokens
        return nanoUsd === undefined ? amount : whole(nanoUsd)
      }),
    keep: () => void end(({ amount }) => amount),
    giveBack(wasAsked) {
      if (!end(() => 0) || wasAsked) return
      for (const { counter, isForGood } of reservations)
        if (isForGood) shared.adjust(counter, -1)?.catch(onFault)
    },
  }
}

function heldOf(limits: readonly AppliedLimit[], reservations: readonly Reservation[]): readonly Held[] {
  return limits.flatMap((limit, index) => {
    const reservation = reservations[index]
    return reservation === undefined || reservation.isForGood
      ? []
      : [{ limit, reservation, amount: reservation.amount }]
  })
}

function countersOf(held: readonly Held[]): readonly string[] {
  return held.map(({ reservation }) => reservation.counter)
}

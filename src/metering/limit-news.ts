// What is told of limits: that somebody ran into one, and that nine tenths of one are used, once in its time.
import type { LimitEvent } from '../core/gateway-event.ts'
import type { Reservation } from '../core/shared.ts'
import type { AppliedLimit } from './limit-rules.ts'

/** Takes what happens to limits. */
export type LimitSink = (event: LimitEvent) => void

/** Tells of limits. */
export interface LimitNews {
  /** A limit has no room for this call. */
  refused(limit: AppliedLimit, used: number, requestId?: string): void
  /** Looks at what is used of limits now, with this call, each in the counter of its reservation. */
  used(
    limits: readonly AppliedLimit[],
    reservations: readonly Pick<Reservation, 'counter'>[],
    used: readonly number[],
    requestId?: string,
  ): void
}

const NEAR = 0.9
/** So many counters are remembered as told. */
const TOLD_MAX = 10_000

/** Says of a counter whether it is named for the first time. */
export type FirstTime = (counter: string) => boolean

/** Remembers the counters that were named. */
export function createFirstTime(): FirstTime {
  const told = new Set<string>()
  return counter => {
    if (told.has(counter)) return false
    for (const oldest of told) {
      if (told.size < TOLD_MAX) break
      told.delete(oldest)
    }
    told.add(counter)
    return true
  }
}

/**
 * Makes the teller. `firstOfAll` says the same as `FirstTime` for several processes that count together: who counts for all of
 * them knows. Absent: there is only this one.
 */
export function createLimitNews(
  onEvent: LimitSink | undefined,
  firstOfAll?: (counter: string) => Promise<boolean>,
): LimitNews {
  const isFirstHere = createFirstTime()
  function tell(type: LimitEvent['type'], limit: AppliedLimit, used: number, requestId?: string): void {
    const { kind, tenant, whose, owner, model, value } = limit
    onEvent?.({
      type,
      kind,
      tenant,
      whose,
      owner,
      ...(model === undefined ? {} : { model }),
      used,
      limit: value,
      requestId,
    })
  }
  function look(limit: AppliedLimit, counter: string, used: number, requestId?: string): void {
    if (used < limit.value * NEAR || limit.value === 0 || !isFirstHere(counter)) return
    const near = (isFirst: boolean): void => {
      if (isFirst) tell('limit.near', limit, used, requestId)
    }
    if (firstOfAll === undefined) near(true)
    // Told twice rather than not at all, where nobody knows.
    else firstOfAll(counter).then(near, () => near(true))
  }

  return {
    refused: (limit, used, requestId) => tell('limit.refused', limit, used, requestId),
    used(limits, reservations, used, requestId) {
      let index = 0
      for (const limit of limits) {
        look(limit, reservations[index]?.counter ?? '', used[index] ?? 0, requestId)
        index += 1
      }
    },
  }
}

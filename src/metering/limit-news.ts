// What is told of limits: that somebody ran into one, and that nine tenths of one are used, once in its time.
import type { LimitKind } from '../core/limits.ts'
import type { Reservation } from '../core/shared.ts'
import type { AppliedLimit } from './limit-rules.ts'

/** Something that happened to a limit. */
export interface LimitEvent {
  /** `limit.refused`: a call ran into it. `limit.near`: nine tenths of it are used. */
  readonly type: 'limit.refused' | 'limit.near'
  readonly kind: LimitKind
  /** Empty: for everybody together. */
  readonly tenant: string
  /** Whose it is, for people. */
  readonly whose: string
  /** Absent: all models together. */
  readonly model?: string | undefined
  readonly used: number
  readonly limit: number
}

/** Takes what happens to limits. */
export type LimitSink = (event: LimitEvent) => void

/** Tells of limits. */
export interface LimitNews {
  refused(limit: AppliedLimit, used: number): void
  /** Looks at what is used of limits now, each in the counter of its reservation. */
  used(
    limits: readonly AppliedLimit[],
    reservations: readonly Pick<Reservation, 'counter'>[],
    used: readonly number[],
  ): void
}

const NEAR = 0.9
/** So many counters are remembered as told. */
const TOLD_MAX = 10_000

/** Makes the teller. */
export function createLimitNews(onEvent: LimitSink | undefined): LimitNews {
  const told = new Set<string>()
  function tell(type: LimitEvent['type'], limit: AppliedLimit, used: number): void {
    const { kind, tenant, whose, model, value } = limit
    onEvent?.({ type, kind, tenant, whose, ...(model === undefined ? {} : { model }), used, limit: value })
  }

  function look(limit: AppliedLimit, counter: string, used: number): void {
    if (used < limit.value * NEAR || limit.value === 0 || told.has(counter)) return
    for (const oldest of told) {
      if (told.size < TOLD_MAX) break
      told.delete(oldest)
    }
    told.add(counter)
    tell('limit.near', limit, used)
  }

  return {
    refused: (limit, used) => tell('limit.refused', limit, used),
    used(limits, reservations, used) {
      let index = 0
      for (const limit of limits) {
        look(limit, reservations[index]?.counter ?? '', used[index] ?? 0)
        index += 1
      }
    },
  }
}

// In which counters a limit counts at an instant, and when they begin anew.
import type { LimitKind } from '../core/limits.ts'
import type { Reservation, Shared } from '../core/shared.ts'
import type { AppliedLimit } from './limit-rules.ts'

/** A minute slides in steps of so many milliseconds: what a step has counted is forgotten as a whole. */
export const SLICE_MS = 10_000
/** Steps before the one that is counted in which still count: any 60 seconds touch seven of them. */
const SLICES_BESIDE = 6
/** How long a holder lives that is not heard of, in milliseconds. */
export const HOLDER_TTL_MS = 30_000
/** How long a budget is kept after its end, in milliseconds: calls that began in it are settled in it. */
const BUDGET_SLACK_MS = 60 * 60 * 1000

/** Whether a limit counts money. */
export function isBudget(kind: LimitKind): boolean {
  return kind === 'day_budget' || kind === 'month_budget'
}

/** Where a limit counts during a step of time. */
interface Place {
  /** Number of the step. */
  readonly step: number
  readonly counter: string
  readonly beside: readonly string[]
  /** When its counter is not needed any more, in milliseconds since the Unix epoch. */
  readonly untilMs: number
}

const DAY_MS = 24 * 60 * 60 * 1000
// Names are made once in a step: every call needs them.
const places = new WeakMap<AppliedLimit, Place>()

function placeAt(limit: AppliedLimit, now: number): Place | undefined {
  const { kind, counter } = limit
  if (kind === 'concurrent_calls' || kind === 'stored_bytes') return undefined
  const step = Math.floor(now / (isBudget(kind) ? DAY_MS : SLICE_MS))
  let place = places.get(limit)
  if (place?.step !== step) {
    place = placeOf(kind, counter, step, now, place)
    places.set(limit, place)
  }
  return place
}

/** Name of the counter in which a limit counts at an instant, in milliseconds since the Unix epoch. */
export function counterAt(limit: AppliedLimit, now: number): string {
  return placeAt(limit, now)?.counter ?? limit.counter
}

/**
 * What is to be reserved of a limit at an instant, in milliseconds since the Unix epoch. `max`: the most that may be used of it
 * afterwards; by default all of it.
 */
export function reservationOf(
  limit: AppliedLimit,
  amount: number,
  now: number,
  max: number = limit.value,
): Reservation {
  const { kind, counter, outage } = limit
  const place = placeAt(limit, now)
  if (place === undefined) return { counter, amount, max, outage, ttlMs: HOLDER_TTL_MS }
  const { counter: name, beside, untilMs } = place
  const ttlMs = untilMs - now
  return kind === 'requests_per_minute'
    ? // What has begun has begun, also in a process that dies.
      { counter: name, beside, amount, max, outage, ttlMs, isForGood: true }
    : { counter: name, beside, amount, max, outage, ttlMs }
}

function placeOf(
  kind: Exclude<LimitKind, 'concurrent_calls' | 'stored_bytes'>,
  counter: string,
  step: number,
  now: number,
  last: Place | undefined,
): Place {
  if (kind === 'day_budget' || kind === 'month_budget') {
    const period = new Date(now).toISOString().slice(0, kind === 'day_budget' ? 10 : 7)
    return {
      step,
      counter: `${counter}:${period}`,
      beside: [],
      untilMs: resetAtMs(kind, now) + BUDGET_SLACK_MS,
    }
  }
  return {
    step,
    counter: `${counter}:${step}`,
    beside:
      last?.step === step - 1
        ? // The same strings as before: a store finds them without comparing what they say.
          [last.counter, ...last.beside.slice(0, -1)]
        : Array.from({ length: SLICES_BESIDE }, (_, index) => `${counter}:${step - index - 1}`),
    untilMs: (step + SLICES_BESIDE + 2) * SLICE_MS,
  }
}

/** When all of a limit is surely free again, in milliseconds since the Unix epoch, if nothing more is taken. */
export function resetAtMs(
  kind: Exclude<LimitKind, 'concurrent_calls' | 'stored_bytes'>,
  now: number,
): number {
  const at = new Date(now)
  switch (kind) {
    case 'requests_per_minute':
    case 'tokens_per_minute':
      return (Math.floor(now / SLICE_MS) + SLICES_BESIDE + 1) * SLICE_MS
    case 'day_budget':
      return Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate() + 1)
    case 'month_budget':
      return Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 1)
    default:
      return kind satisfies never
  }
}

/**
 * How long until so much fits into a minute again, in milliseconds, if nothing more is taken: what the steps of the minute
 * hold is asked for, and the oldest leave first. Undefined for what does not slide, and for what never fits.
 */
export async function untilRoomMs(
  limit: AppliedLimit,
  amount: number,
  now: number,
  shared: Pick<Shared, 'reserve'>,
): Promise<number | undefined> {
  const { kind, value } = limit
  if ((kind !== 'requests_per_minute' && kind !== 'tokens_per_minute') || amount > value) return undefined
  const { counter, beside = [], ttlMs } = reservationOf(limit, 0, now)
  // Nothing is taken: it is the way to look.
  const asked = [counter, ...beside].map(one => ({
    counter: one,
    amount: 0,
    max: Number.MAX_SAFE_INTEGER,
    ttlMs,
  }))
  const answer = await shared.reserve(asked)
  if (!answer.ok) return undefined
  let left = answer.used.reduce((sum, used) => sum + used, 0)
  const step = Math.floor(now / SLICE_MS)
  for (let age = SLICES_BESIDE; age >= 0; age -= 1) {
    left -= answer.used[age] ?? 0
    if (left + amount <= value) return (step - age + SLICES_BESIDE + 1) * SLICE_MS - now
  }
  return undefined
}

/** From when the limit of an instant counts, in milliseconds since the Unix epoch. */
export function beganAtMs(kind: 'day_budget' | 'month_budget', now: number): number {
  const at = new Date(now)
  return Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), kind === 'day_budget' ? at.getUTCDate() : 1)
}

// What one attempt may take of its caller's limits: its worst case, before anybody is asked, and a smaller answer where that fits.
import { GatewayError } from '../core/errors.ts'
import type { AttemptHold } from '../core/limits.ts'
import type { Holder, Reservation, Reserved } from '../core/shared.ts'
import { type AttemptNeed, amountsOf, countsSize, firstCap, paidCap } from './attempt-amounts.ts'
import { type AttemptHoldDeps, holdOf } from './attempt-hold.ts'
import { limitError, limitName } from './limit-errors.ts'
import type { LimitNews } from './limit-news.ts'
import { type AppliedLimit, countsModel } from './limit-rules.ts'
import { isBudget, reservationOf, untilRoomMs } from './limit-windows.ts'
import { looseMax } from './loose-holds.ts'

/** The attempt may not be made. */
export interface AttemptRefusal {
  readonly error: GatewayError
  /** Whether money stands in the way, and not a rate. */
  readonly isMoney: boolean
}

/** What reserving needs. */
export interface AttemptLimitsDeps extends AttemptHoldDeps {
  readonly news: LimitNews
  readonly now: () => number
  /** Makes sure that a budget is counted from its beginning. */
  readonly ready: (limits: readonly AppliedLimit[]) => Promise<void> | undefined
}

/** As often a smaller answer is tried while others take room at the same time. */
const TRIES_MAX = 8

/** What became of a reservation, now or later. Undefined: no limit counts the attempt, and nothing was asked. */
export type Held = undefined | AttemptHold | AttemptRefusal | Promise<AttemptHold | AttemptRefusal>

/** Reserves the worst case of an attempt in all limits that count it, in one question. */
export function reserveAttempt(
  limits: readonly AppliedLimit[],
  need: AttemptNeed,
  deps: AttemptLimitsDeps,
): Held {
  const counting = limits.every(({ model }) => model === undefined)
    ? limits
    : limits.filter(limit => countsModel(limit, need.model))
  if (counting.length === 0) return undefined
  const starting = deps.ready(counting)
  return starting === undefined
    ? reserved(counting, need, deps)
    : starting.then(() => reserved(counting, need, deps))
}

function reserved(
  limits: readonly AppliedLimit[],
  need: AttemptNeed,
  deps: AttemptLimitsDeps,
): NonNullable<Held> {
  if (need.counted === undefined || !limits.some(countsSize)) return fitted(limits, need, deps)
  const counted = need.counted
  const counting = async () => fitted(limits, await counted(), deps)
  const hold = heldLoosely(limits, need, deps)
  return hold instanceof Promise ? hold.then(one => one ?? counting()) : (hold ?? counting())
}

/** One question for room. */
interface Try {
  readonly cap: number | undefined
  readonly amounts: readonly (number | undefined)[]
  readonly now: number
  readonly reservations: readonly Reservation[]
  readonly holder: Holder
  readonly answer: Reserved | Promise<Reserved>
}

function fitted(
  limits: readonly AppliedLimit[],
  need: AttemptNeed,
  deps: AttemptLimitsDeps,
): NonNullable<Held> {
  const first = tried(limits, need, limits.some(countsSize) ? firstCap(limits, need) : 0, deps)
  if ('error' in first) return first
  const { answer } = first
  return !(answer instanceof Promise) && answer.ok
    ? heldBy(limits, need, first, answer.used, deps)
    : fittedSmaller(limits, need, first, deps)
}

function tried(
  limits: readonly AppliedLimit[],
  need: AttemptNeed,
  cap: number | undefined,
  deps: AttemptLimitsDeps,
): Try | AttemptRefusal {
  const amounts = amountsOf(limits, need, cap)
  const unknown = limits[amounts.indexOf(undefined)]
  if (unknown !== undefined) return unsized(unknown, need)
  const now = deps.now()
  const reservations = limits.map((limit, index) => reservationOf(limit, amounts[index] ?? 0, now))
  const holder = deps.holders.make()
  return { cap, amounts, now, reservations, holder, answer: deps.shared.reserve(reservations, holder) }
}

function heldBy(
  limits: readonly AppliedLimit[],
  need: AttemptNeed,
  { cap, reservations, holder }: Try,
  used: readonly number[],
  deps: AttemptLimitsDeps,
): AttemptHold {
  deps.news.used(limits, reservations, used, need.requestId)
  const outputCap = need.mayShrink && limits.some(countsSize) ? cap : undefined
  return holdOf({ limits, reservations, holder, outputCap }, deps)
}

/** Waits for the first answer, and where that is a refusal asks for less as long as less may fit. */
async function fittedSmaller(
  limits: readonly AppliedLimit[],
  need: AttemptNeed,
  first: Try,
  deps: AttemptLimitsDeps,
): Promise<AttemptHold | AttemptRefusal> {
  let one: Try | AttemptRefusal = first
  let isTight = false
  for (let tries = 1; ; tries += 1) {
    if ('error' in one) return one
    const answer: Reserved = await one.answer
    if (answer.ok) return heldBy(limits, need, one, answer.used, deps)
    const { cap, amounts, now } = one
    const limit = limits[answer.index]
    const amount = amounts[answer.index] ?? 0
    if (limit === undefined)
      throw new GatewayError('INTERNAL', 'a limit that nobody asked for stands in the way')
    // What others hold without having counted may be less than that.
    if (!isTight && countsSize(limit) && answer.isOutage !== true) {
      isTight = true
      if (await deps.loose.tighten(limit)) {
        one = tried(limits, need, cap, deps)
        continue
      }
    }
    const mayTry = need.mayShrink && isBudget(limit.kind) && answer.isOutage !== true && tries < TRIES_MAX
    const smaller = mayTry && cap !== undefined ? paidCap(need, limit.value - answer.used, cap) : undefined
    if (smaller === undefined) {
      deps.news.refused(limit, answer.used, need.requestId)
      const { used, isOutage } = answer
      const roomInMs = isOutage === true ? undefined : await untilRoomMs(limit, amount, now, deps.shared)
      const error = limitError({ limit, used, amount, now, isOutage, roomInMs })
      return { error, isMoney: isBudget(limit.kind) }
    }
    one = tried(limits, need, smaller, deps)
  }
}

/** Reserves more than may be needed, where there is so much room that counting would change nothing; undefined elsewhere. */
function heldLoosely(
  limits: readonly AppliedLimit[],
  need: AttemptNeed,
  deps: AttemptLimitsDeps,
): undefined | AttemptHold | Promise<AttemptHold | undefined> {
  const { outputTokens } = need
  const now = deps.now()
  if (!deps.loose.isWorthTrying(limits, now) || firstCap(limits, need) !== outputTokens) return undefined
  const amounts = amountsOf(limits, need, outputTokens)
  const reservations: Reservation[] = []
  for (const [index, limit] of limits.entries()) {
    const amount = amounts[index] ?? Number.POSITIVE_INFINITY
    const max = looseMax(limit)
    if (amount > max) return undefined
    reservations.push(reservationOf(limit, amount, now, max))
  }
  const holder = deps.holders.make()
  const held = (answer: Reserved): AttemptHold | undefined => {
    if (!answer.ok) {
      const limit = limits[answer.index]
      if (limit !== undefined) deps.loose.refused(limit, now)
      return undefined
    }
    deps.news.used(limits, reservations, answer.used, need.requestId)
    const outputCap = need.mayShrink ? outputTokens : undefined
    return holdOf({ limits, reservations, holder, outputCap, uncounted: { need, outputTokens } }, deps)
  }
  const answer = deps.shared.reserve(reservations, holder)
  return answer instanceof Promise ? answer.then(held) : held(answer)
}

/** Nothing that is not known is let pass for nothing. */
function unsized(limit: AppliedLimit, { model, cost }: AttemptNeed): AttemptRefusal {
  const isMoney = isBudget(limit.kind)
  const what = isMoney && cost(1) === undefined ? 'its price is' : 'how many tokens it may use is'
  const error = new GatewayError(
    isMoney ? 'BUDGET_SPENT' : 'RATE_LIMITED',
    `${model.provider}/${model.id}: ${what} not known, and ${limitName(limit)} counts it; name another model` +
      (what.startsWith('how') ? ' or set max_output_tokens' : ''),
  )
  return { error, isMoney }
}

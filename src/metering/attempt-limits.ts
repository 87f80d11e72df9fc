// What one attempt may take of its caller's limits: its worst case, before anybody is asked, and a smaller answer where that fits.
import { GatewayError } from '../core/errors.ts'
import type { AttemptHold } from '../core/limits.ts'
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

/**
 * Reserves the worst case of an attempt in all limits that count it, in one question. Undefined: none does, and nothing was
 * asked.
 */
export function reserveAttempt(
  limits: readonly AppliedLimit[],
  need: AttemptNeed,
  deps: AttemptLimitsDeps,
): undefined | Promise<AttemptHold | AttemptRefusal> {
  const counting = limits.every(({ model }) => model === undefined)
    ? limits
    : limits.filter(limit => countsModel(limit, need.model))
  return counting.length === 0 ? undefined : reserved(counting, need, deps)
}

async function reserved(
  limits: readonly AppliedLimit[],
  asked: AttemptNeed,
  deps: AttemptLimitsDeps,
): Promise<AttemptHold | AttemptRefusal> {
  const starting = deps.ready(limits)
  if (starting !== undefined) await starting
  const isSized = limits.some(countsSize)
  let need = asked
  if (isSized && need.counted !== undefined) {
    const hold = await heldLoosely(limits, need, deps)
    if (hold !== undefined) return hold
    need = await need.counted()
  }
  let cap = isSized ? firstCap(limits, need) : 0
  let isTight = false
  for (let tries = 1; ; tries += 1) {
    const amounts = amountsOf(limits, need, cap)
    const unknown = limits[amounts.indexOf(undefined)]
    if (unknown !== undefined) return unsized(unknown, need)
    const now = deps.now()
    const reservations = limits.map((limit, index) => reservationOf(limit, amounts[index] ?? 0, now))
    const holder = deps.holders.make()
    const answer = await deps.shared.reserve(reservations, holder)
    if (answer.ok) {
      deps.news.used(limits, reservations, answer.used, need.requestId)
      return holdOf(
        { limits, reservations, holder, outputCap: need.mayShrink && isSized ? cap : undefined },
        deps,
      )
    }
    const limit = limits[answer.index]
    const amount = amounts[answer.index] ?? 0
    if (limit === undefined)
      throw new GatewayError('INTERNAL', 'a limit that nobody asked for stands in the way')
    // What others hold without having counted may be less than that.
    if (!isTight && countsSize(limit) && answer.isOutage !== true) {
      isTight = true
      if (await deps.loose.tighten(limit)) continue
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
    cap = smaller
  }
}

/** Reserves more than may be needed, where there is so much room that counting would change nothing; undefined elsewhere. */
async function heldLoosely(
  limits: readonly AppliedLimit[],
  need: AttemptNeed,
  deps: AttemptLimitsDeps,
): Promise<AttemptHold | undefined> {
  const { outputTokens } = need
  const now = deps.now()
  if (!deps.loose.isWorthTrying(limits, now) || firstCap(limits, need) !== outputTokens) return undefined
  const amounts = amountsOf(limits, need, outputTokens)
  if (!limits.every((limit, index) => (amounts[index] ?? Number.POSITIVE_INFINITY) <= looseMax(limit)))
    return undefined
  const reservations = limits.map((limit, index) =>
    reservationOf(limit, amounts[index] ?? 0, now, looseMax(limit)),
  )
  const holder = deps.holders.make()
  const answer = await deps.shared.reserve(reservations, holder)
  if (!answer.ok) {
    const limit = limits[answer.index]
    if (limit !== undefined) deps.loose.refused(limit, now)
    return undefined
  }
  deps.news.used(limits, reservations, answer.used, need.requestId)
  const outputCap = need.mayShrink ? outputTokens : undefined
  return holdOf({ limits, reservations, holder, outputCap, uncounted: { need, outputTokens } }, deps)
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

// What one attempt may take of its caller's limits: its worst case, before anybody is asked, and a smaller answer where that fits.
import { GatewayError } from '../core/errors.ts'
import type { AttemptHold } from '../core/limits.ts'
import type { ModelEntry } from '../core/model.ts'
import type { Shared } from '../core/shared.ts'
import type { Holders } from './holders.ts'
import { limitError, limitName } from './limit-errors.ts'
import type { LimitNews } from './limit-news.ts'
import { type AppliedLimit, countsModel } from './limit-rules.ts'
import { isBudget, reservationOf, untilRoomMs } from './limit-windows.ts'

/** The worst case of an attempt. */
export interface AttemptNeed {
  readonly model: Pick<ModelEntry, 'provider' | 'id' | 'aliases'>
  /** The call that it is made for, to be named in what is told of limits. */
  readonly requestId?: string | undefined
  /** The most that its input can be, in tokens. Absent: not known. */
  readonly inputTokens: number | undefined
  /** The most that it can write, in tokens. Absent: not known. */
  readonly outputTokens: number | undefined
  /** Whether it may be asked for less: the request sets no cap, and does not say that nothing may be put in its place. */
  readonly mayShrink: boolean
  /** The most that it costs with so many tokens of output, in nano-USD; undefined when that is not known. */
  readonly cost: (outputTokens: number) => bigint | undefined
}

/** The attempt may not be made. */
export interface AttemptRefusal {
  readonly error: GatewayError
  /** Whether money stands in the way, and not a rate. */
  readonly isMoney: boolean
}

/** What reserving needs. */
export interface AttemptLimitsDeps {
  readonly shared: Pick<Shared, 'reserve' | 'adjust'>
  readonly holders: Holders
  readonly news: LimitNews
  readonly now: () => number
  readonly onFault: (fault: unknown) => void
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
  const counting = limits.filter(limit => countsModel(limit, need.model))
  return counting.length === 0 ? undefined : reserved(counting, need, deps)
}

async function reserved(
  limits: readonly AppliedLimit[],
  need: AttemptNeed,
  deps: AttemptLimitsDeps,
): Promise<AttemptHold | AttemptRefusal> {
  const starting = deps.ready(limits)
  if (starting !== undefined) await starting
  const isSized = limits.some(({ kind }) => kind === 'tokens_per_minute' || isBudget(kind))
  let cap = isSized ? firstCap(limits, need) : 0
  for (let tries = 1; ; tries += 1) {
    const amounts = limits.map(limit => amountOf(limit, need, cap))
    const unknown = amounts.indexOf(undefined)
    const at = limits[unknown]
    if (at !== undefined) return unsized(at, need)
    const now = deps.now()
    const reservations = limits.map((limit, index) => reservationOf(limit, amounts[index] ?? 0, now))
    const holder = deps.holders.make()
    const answer = await deps.shared.reserve(reservations, holder)
    if (answer.ok) {
      for (const [index, limit] of limits.entries())
        deps.news.used(limit, reservations[index]?.counter ?? '', answer.used[index] ?? 0, need.requestId)
      return holdOf(
        { limits, amounts, reservations, holder, deps },
        need.mayShrink && isSized ? cap : undefined,
      )
    }
    const limit = limits[answer.index]
    const amount = amounts[answer.index] ?? 0
    if (limit === undefined)
      throw new GatewayError('INTERNAL', 'a limit that nobody asked for stands in the way')
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

/** The most that it may write, where even an empty minute has no room for more. Undefined: not known. */
function firstCap(limits: readonly AppliedLimit[], need: AttemptNeed): number | undefined {
  const { inputTokens = 0, outputTokens, mayShrink } = need
  if (outputTokens === undefined || !mayShrink) return outputTokens
  const rooms = limits.flatMap(({ kind, value }) =>
    kind === 'tokens_per_minute' ? [value - inputTokens] : [],
  )
  // One token is asked for in any case: that it does not fit is then said with its numbers.
  return Math.max(1, Math.min(outputTokens, ...rooms))
}

function amountOf(
  { kind }: AppliedLimit,
  { inputTokens, cost }: AttemptNeed,
  outputTokens: number | undefined,
): number | undefined {
  if (kind === 'requests_per_minute' || kind === 'concurrent_calls') return 1
  if (inputTokens === undefined || outputTokens === undefined) return undefined
  if (kind === 'tokens_per_minute') return inputTokens + outputTokens
  const nanoUsd = cost(outputTokens)
  return nanoUsd === undefined ? undefined : whole(nanoUsd)
}

function whole(nanoUsd: bigint): number {
  return Math.min(Number(nanoUsd), Number.MAX_SAFE_INTEGER)
}

/** The largest answer below `cap` that the money pays; undefined when it pays not even one token. */
function paidCap({ cost }: AttemptNeed, room: number, cap: number): number | undefined {
  const isPaid = (tokens: number): boolean => (cost(tokens) ?? Number.POSITIVE_INFINITY) <= room
  if (cap <= 1 || !isPaid(1)) return undefined
  let paid = 1
  for (let above = cap; above - paid > 1; ) {
    const middle = Math.floor((paid + above) / 2)
    if (isPaid(middle)) paid = middle
    else above = middle
  }
  return paid
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

interface Held {
  readonly limits: readonly AppliedLimit[]
  readonly amounts: readonly (number | undefined)[]
  readonly reservations: readonly { readonly counter: string; readonly isForGood?: true | undefined }[]
  readonly holder: ReturnType<Holders['make']>
  readonly deps: AttemptLimitsDeps
}

function holdOf({ limits, amounts, reservations, holder, deps }: Held, outputCap?: number): AttemptHold {
  const { shared, holders, onFault } = deps
  const held = limits.flatMap(({ kind }, index) => {
    const { counter = '', isForGood } = reservations[index] ?? {}
    return isForGood ? [] : [{ kind, counter, amount: amounts[index] ?? 0 }]
  })
  let isOpen = true
  holders.holds(
    holder,
    held.map(({ counter }) => counter),
  )

  function end(truthOf: (one: (typeof held)[number]) => number): boolean {
    if (!isOpen) return false
    isOpen = false
    holders.settle(
      holder,
      held.map(one => ({ counter: one.counter, amount: one.kind === 'concurrent_calls' ? 0 : truthOf(one) })),
    )
    return true
  }

  return {
    ...(outputCap === undefined ? {} : { outputCap }),
    settle: ({ tokens, nanoUsd }) =>
      void end(({ kind, amount }) => {
        if (kind === 'tokens_per_minute') return tokens
        return nanoUsd === undefined ? amount : whole(nanoUsd)
      }),
    keep: () => void end(({ amount }) => amount),
    giveBack(wasAsked) {
      if (!end(() => 0) || wasAsked) return
      for (const { counter, isForGood } of reservations)
        if (isForGood) shared.adjust(counter, -1).catch(onFault)
    },
  }
}

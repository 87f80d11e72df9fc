// How much one attempt takes of each limit: the most that it can be, and a smaller answer where only that fits.
import type { ModelEntry } from '../core/model.ts'
import type { AppliedLimit } from './limit-rules.ts'
import { isBudget } from './limit-windows.ts'

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
  /**
   * The same need with its input counted, where `inputTokens` is only what it cannot be above. Absent: it was counted already.
   * Rejects with the reason of the call's signal once that is aborted.
   */
  readonly counted?: (() => Promise<AttemptNeed>) | undefined
}

/** Whether what a limit counts goes by how long question and answer are. */
export function countsSize({ kind }: Pick<AppliedLimit, 'kind'>): boolean {
  return kind === 'tokens_per_minute' || isBudget(kind)
}

/** The most that it may write, where even an empty minute has no room for more. Undefined: not known. */
export function firstCap(limits: readonly AppliedLimit[], need: AttemptNeed): number | undefined {
  const { inputTokens = 0, outputTokens, mayShrink } = need
  if (outputTokens === undefined || !mayShrink) return outputTokens
  let cap = outputTokens
  for (const { kind, value } of limits)
    if (kind === 'tokens_per_minute') cap = Math.min(cap, value - inputTokens)
  // One token is asked for in any case: that it does not fit is then said with its numbers.
  return Math.max(1, cap)
}

/** What it takes of each limit with so many tokens of output, in the limits' order; undefined where that is not known. */
export function amountsOf(
  limits: readonly AppliedLimit[],
  { inputTokens, cost }: AttemptNeed,
  outputTokens: number | undefined,
): readonly (number | undefined)[] {
  const tokens =
    inputTokens === undefined || outputTokens === undefined ? undefined : inputTokens + outputTokens
  // Several budgets count the same money.
  let money: number | undefined
  return limits.map(({ kind }) => {
    if (kind === 'requests_per_minute' || kind === 'concurrent_calls') return 1
    if (tokens === undefined || outputTokens === undefined) return undefined
    if (kind === 'tokens_per_minute') return tokens
    if (money === undefined) {
      const nanoUsd = cost(outputTokens)
      money = nanoUsd === undefined ? undefined : whole(nanoUsd)
    }
    return money
  })
}

/** The largest answer below `cap` that the money pays; undefined when it pays not even one token. */
export function paidCap({ cost }: AttemptNeed, room: number, cap: number): number | undefined {
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

/** Money as an amount of a counter. */
export function whole(nanoUsd: bigint): number {
  return Math.min(Number(nanoUsd), Number.MAX_SAFE_INTEGER)
}

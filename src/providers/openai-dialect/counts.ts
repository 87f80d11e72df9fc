// Token counts as OpenAI's wires tell them, chat completions and Responses alike: under other names, with one meaning.
import type { TokenCounts } from '../../core/delta.ts'

// int32 on our own wire.
const COUNT_MAX = 2_147_483_647

/** The fields of a report, as they came. */
export interface ToldCounts {
  readonly input: unknown
  /** Places that may have it; the largest one counts. */
  readonly cached: readonly unknown[]
  readonly cacheWrite: unknown
  /** Nothing, where there was none. */
  readonly output: unknown
  readonly reasoning: unknown
}

/** The counts, or undefined when one that must be there is negative or no number; all zero is a placeholder, not a report. */
export function tokenCounts(told: ToldCounts): TokenCounts | undefined {
  const inputTokens = count(told.input)
  const outputTokens = count(told.output ?? 0)
  if (inputTokens === undefined || outputTokens === undefined || inputTokens + outputTokens === 0)
    return undefined
  const cachedInputTokens = Math.min(Math.max(...told.cached.map(one => count(one) ?? 0)), inputTokens)
  return {
    inputTokens,
    cachedInputTokens,
    // Both are shares of the input: together they cannot be more than it.
    cacheWriteTokens: Math.min(count(told.cacheWrite) ?? 0, inputTokens - cachedInputTokens),
    outputTokens,
    reasoningTokens: Math.min(count(told.reasoning) ?? 0, outputTokens),
  }
}

function count(value: unknown): number | undefined {
  if (typeof value !== 'number' || !(value >= 0) || !Number.isFinite(value)) return undefined
  return Math.min(Math.trunc(value), COUNT_MAX)
}

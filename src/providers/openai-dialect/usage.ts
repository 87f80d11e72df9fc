// Finds token counts, wherever a host of the chat completions wire puts them.
import type { TokenCounts } from '../../core/delta.ts'
import { foreign } from './wire.ts'

// int32 on our own wire.
const COUNT_MAX = 2_147_483_647

type UsageFields =
  | 'prompt_tokens'
  | 'completion_tokens'
  | 'prompt_tokens_details'
  | 'completion_tokens_details'
  | 'cached_tokens'
  | 'prompt_cache_hit_tokens'

/**
 * Reads the counts of a chunk or an answer: top-level `usage`, `choices[0].usage` (Kimi), `x_groq.usage`. Undefined when
 * there are none, or when a count is negative or no number; counts that are all zero are a placeholder, not a report.
 */
export function readUsage(usage: unknown, choiceUsage: unknown, groq: unknown): TokenCounts | undefined {
  return countsOf(usage) ?? countsOf(choiceUsage) ?? countsOf(foreign<'usage'>(groq)?.usage)
}

function countsOf(value: unknown): TokenCounts | undefined {
  const usage = foreign<UsageFields>(value)
  if (usage === undefined) return undefined
  const inputTokens = count(usage.prompt_tokens)
  const outputTokens = count(usage.completion_tokens ?? 0)
  if (inputTokens === undefined || outputTokens === undefined || inputTokens + outputTokens === 0)
    return undefined
  const input = foreign<'cached_tokens' | 'cache_write_tokens'>(usage.prompt_tokens_details)
  const output = foreign<'reasoning_tokens'>(usage.completion_tokens_details)
  // Kimi writes the true number at the top, and may leave a zero in the details.
  const cached = [input?.cached_tokens, usage.cached_tokens, usage.prompt_cache_hit_tokens].map(
    told => count(told) ?? 0,
  )
  const cachedInputTokens = Math.min(Math.max(...cached), inputTokens)
  return {
    inputTokens,
    cachedInputTokens,
    // Both are shares of the input: together they cannot be more than it.
    cacheWriteTokens: Math.min(count(input?.cache_write_tokens) ?? 0, inputTokens - cachedInputTokens),
    outputTokens,
    reasoningTokens: Math.min(count(output?.reasoning_tokens) ?? 0, outputTokens),
  }
}

function count(value: unknown): number | undefined {
  if (typeof value !== 'number' || !(value >= 0) || !Number.isFinite(value)) return undefined
  return Math.min(Math.trunc(value), COUNT_MAX)
}

// Finds token counts, wherever a host of the chat completions wire puts them.
import type { TokenCounts } from '../../core/delta.ts'
import { tokenCounts } from './counts.ts'
import { foreign } from './wire.ts'

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
  const input = foreign<'cached_tokens' | 'cache_write_tokens'>(usage.prompt_tokens_details)
  const output = foreign<'reasoning_tokens'>(usage.completion_tokens_details)
  return tokenCounts({
    input: usage.prompt_tokens,
    // Kimi writes the true number at the top, and may leave a zero in the details.
    cached: [input?.cached_tokens, usage.cached_tokens, usage.prompt_cache_hit_tokens],
    cacheWrite: input?.cache_write_tokens,
    output: usage.completion_tokens,
    reasoning: output?.reasoning_tokens,
  })
}

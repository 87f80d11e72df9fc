// Reads the token counts of the Responses wire.
import type { TokenCounts } from '../../core/delta.ts'
import { foreign } from '../openai-dialect/wire.ts'

type UsageFields = 'input_tokens' | 'input_tokens_details' | 'output_tokens' | 'output_tokens_details'

// int32 on our own wire.
const COUNT_MAX = 2_147_483_647

/** The counts, or undefined when there are none or one of them is negative or no number; all zero is a placeholder. */
export function readUsage(value: unknown): TokenCounts | undefined {
  const usage = foreign<UsageFields>(value)
  const inputTokens = count(usage?.input_tokens)
  const outputTokens = count(usage?.output_tokens ?? 0)
  if (inputTokens === undefined || outputTokens === undefined || inputTokens + outputTokens === 0)
    return undefined
  const input = foreign<'cached_tokens' | 'cache_write_tokens'>(usage?.input_tokens_details)
  const output = foreign<'reasoning_tokens'>(usage?.output_tokens_details)
  const cachedInputTokens = Math.min(count(input?.cached_tokens) ?? 0, inputTokens)
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

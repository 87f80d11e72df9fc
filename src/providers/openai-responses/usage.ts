// Reads the token counts of the Responses wire.
import type { TokenCounts } from '../../core/delta.ts'
import { tokenCounts } from '../openai-dialect/counts.ts'
import { foreign } from '../openai-dialect/wire.ts'

type UsageFields = 'input_tokens' | 'input_tokens_details' | 'output_tokens' | 'output_tokens_details'

/** The counts, or undefined when there are none or one of them is negative or no number; all zero is a placeholder. */
export function readUsage(value: unknown): TokenCounts | undefined {
  const usage = foreign<UsageFields>(value)
  const input = foreign<'cached_tokens' | 'cache_write_tokens'>(usage?.input_tokens_details)
  const output = foreign<'reasoning_tokens'>(usage?.output_tokens_details)
  return tokenCounts({
    input: usage?.input_tokens,
    cached: [input?.cached_tokens],
    cacheWrite: input?.cache_write_tokens,
    output: usage?.output_tokens,
    reasoning: output?.reasoning_tokens,
  })
}

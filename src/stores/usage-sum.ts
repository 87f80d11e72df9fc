// Reads the row of a sum over the ledger: both stores give it under the same names.
import type { UsageSum } from '../core/usage-sums.ts'

/** The sum in a row; a column that is not there, as of a dimension that is not grouped by, is empty or zero. */
export function usageSumOf(row: Readonly<Record<string, unknown>>): UsageSum {
  const text = (name: string): string => String(row[name] ?? '')
  const count = (name: string): number => Number(row[name] ?? 0)
  const big = (name: string): bigint => BigInt(String(row[name] ?? 0))
  return {
    day: text('day'),
    model: text('model'),
    provider: text('provider'),
    key: text('key'),
    tenant: text('tenant'),
    requests: count('requests'),
    errors: count('errors'),
    inputTokens: big('input_tokens'),
    cachedInputTokens: big('cached_input_tokens'),
    cacheWriteTokens: big('cache_write_tokens'),
    outputTokens: big('output_tokens'),
    reasoningTokens: big('reasoning_tokens'),
    nanoUsd: big('nano_usd'),
    unknownCost: count('unknown_cost'),
    estimated: count('estimated'),
  }
}

// Asking a model once, and what asking several times for one answer needs.
import type { Deltas, TokenCounts } from '../core/delta.ts'
import type { AttemptInput } from '../core/provider.ts'

/** Asks a model, as Provider's `open` says. */
export type Ask = (input: AttemptInput) => Deltas

/** The counts of two requests together; of one, if the other was not counted. */
export function addCounts(
  one: TokenCounts | undefined,
  other: TokenCounts | undefined,
): TokenCounts | undefined {
  if (one === undefined || other === undefined) return one ?? other
  const searches = (one.searches ?? 0) + (other.searches ?? 0)
  return {
    inputTokens: one.inputTokens + other.inputTokens,
    cachedInputTokens: one.cachedInputTokens + other.cachedInputTokens,
    cacheWriteTokens: one.cacheWriteTokens + other.cacheWriteTokens,
    outputTokens: one.outputTokens + other.outputTokens,
    reasoningTokens: one.reasoningTokens + other.reasoningTokens,
    ...(searches > 0 && { searches }),
    parts: [...(one.parts ?? [one]), ...(other.parts ?? [other])],
  }
}

/** The counts of an answer that mends another one. */
export function asRepair(counts: TokenCounts): TokenCounts {
  const { parts } = counts
  return { ...counts, cause: 'repair', ...(parts !== undefined && { parts: parts.map(asRepair) }) }
}

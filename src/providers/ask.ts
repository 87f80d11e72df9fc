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
  return {
    inputTokens: one.inputTokens + other.inputTokens,
    cachedInputTokens: one.cachedInputTokens + other.cachedInputTokens,
    cacheWriteTokens: one.cacheWriteTokens + other.cacheWriteTokens,
    outputTokens: one.outputTokens + other.outputTokens,
    reasoningTokens: one.reasoningTokens + other.reasoningTokens,
  }
}

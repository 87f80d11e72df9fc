// What a provider's answer is made of, whatever its wire: the events that adapters yield.
import type { JsonObject } from '@bufbuild/protobuf'
import type { FinishReason } from '#gen/exai/v1/chat_pb'

/** Token counts of one attempt, as the provider reports them. Cached and written tokens are part of the input, reasoning of the output. */
export interface TokenCounts {
  readonly inputTokens: number
  readonly cachedInputTokens: number
  readonly cacheWriteTokens: number
  readonly outputTokens: number
  readonly reasoningTokens: number
  /** Searches of the web that the provider made and bills by the piece. Absent: none. */
  readonly searches?: number
  /** Why it was asked once more. Absent: for no other reason than the attempt itself. */
  readonly cause?: 'repair'
  /** The same, request by request, where one answer took several: each has a price of its own. Absent: it took one. */
  readonly parts?: readonly TokenCounts[]
}

/** The most that a count on our own wire holds: int32. */
const TOKENS_MAX = 2 ** 31 - 1

/**
 * The same counts with nothing in them that cannot be: whole numbers from 0 to the most our wire holds, shares no larger
 * than what they are a share of. What is no number counts as 0. A provider's odd count must not cost anybody the answer.
 */
export function soundCounts(counts: TokenCounts): TokenCounts {
  const inputTokens = sound(counts.inputTokens, TOKENS_MAX)
  const cachedInputTokens = sound(counts.cachedInputTokens, inputTokens)
  const outputTokens = sound(counts.outputTokens, TOKENS_MAX)
  return {
    inputTokens,
    cachedInputTokens,
    cacheWriteTokens: sound(counts.cacheWriteTokens, inputTokens - cachedInputTokens),
    outputTokens,
    reasoningTokens: sound(counts.reasoningTokens, outputTokens),
    ...(counts.searches === undefined ? {} : { searches: sound(counts.searches, TOKENS_MAX) }),
    ...(counts.cause === undefined ? {} : { cause: counts.cause }),
    ...(counts.parts === undefined ? {} : { parts: counts.parts.map(soundCounts) }),
  }
}

function sound(count: number, max: number): number {
  return Number.isNaN(count) ? 0 : Math.trunc(Math.min(Math.max(count, 0), max))
}

/** One step of an answer. Pieces of text are never empty; a tool call has one start, any number of pieces and one end. */
export type Delta =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'reasoning'; readonly text: string }
  /** The provider's sealed form of the reasoning so far, to be returned unchanged in later turns. */
  | { readonly type: 'reasoning_opaque'; readonly opaque: Uint8Array }
  | { readonly type: 'tool_call_start'; readonly callId: string; readonly name: string }
  | { readonly type: 'tool_call_arguments'; readonly callId: string; readonly text: string }
  | { readonly type: 'tool_call_end'; readonly callId: string }
  | { readonly type: 'citation'; readonly url: string; readonly title: string; readonly text: string }
  /** Cumulative counts; a later one replaces an earlier one. */
  | { readonly type: 'usage'; readonly counts: TokenCounts }
  /** What the provider says of itself. May come at any time; later values win, field by field. */
  | { readonly type: 'meta'; readonly responseId?: string; readonly metadata?: JsonObject }
  /** The model stopped. Required: an answer that ends without it is broken. */
  | { readonly type: 'finish'; readonly reason: FinishReason }

/** An answer as it arrives: one batch for each piece read from the wire, so that waiting costs once a batch. */
export type Deltas = AsyncIterable<readonly Delta[]>

/** Whether a delta is output of the model, after which an answer counts as begun. */
export function isOutput(delta: Delta): boolean {
  switch (delta.type) {
    case 'text':
    case 'reasoning':
    case 'reasoning_opaque':
    case 'tool_call_start':
    case 'tool_call_arguments':
    case 'tool_call_end':
    case 'citation':
      return true
    case 'usage':
    case 'meta':
    case 'finish':
      return false
    default:
      return delta satisfies never
  }
}

// Counts tokens before a call is made, with OpenAI's o200k_base encoding; for other vendors' models it is an estimate.
import { setImmediate as nextTurn } from 'node:timers/promises'

/** How many tokens a text has. `estimated` says that it was too long to count and a sample of it was scaled up. */
export interface TokenCount {
  readonly tokens: number
  readonly estimated: boolean
}

/** What of a request costs tokens: every text in it (content, names, tool definitions as JSON) and how many messages. */
export interface CountedRequest {
  readonly texts: readonly string[]
  readonly messages: number
}

/** Counts tokens. The encoding (2.8 MB of ranks, some 0.2 s) is loaded at the first count and kept. */
export interface TokenCounter {
  /** Counts one text; rejects with the signal's reason once it is aborted. */
  countText(text: string, signal?: AbortSignal): Promise<TokenCount>
  /** Counts a request with the overhead of its messages; rejects with the signal's reason once it is aborted. */
  countRequest(request: CountedRequest, signal?: AbortSignal): Promise<TokenCount>
  /** Loads the encoding now, so that the first count does not wait for it. */
  load(): Promise<void>
}

/**
 * Tokens around each message (3, and 1 for its role) and before the answer, by `num_tokens_from_messages` of the
 * OpenAI cookbook, "How to count tokens with tiktoken".
 */
export const messageOverheadTokens = 4
/** Tokens that prime the answer, from the same source. */
export const answerPrimingTokens = 3
/** Characters that are counted exactly; a longer request is estimated. */
export const exactCharactersMax = 400_000
/** Characters encoded in one step: time grows with the square of a run without spaces, and 1,000 take some 7 ms at worst. */
export const pieceLengthMax = 1_000

const sampleWindows = 50
const sampleWindowLength = 2_000

/** Makes a counter; nothing is loaded before the first count. */
export function createTokenCounter(): TokenCounter {
  let loading: Promise<(text: string) => number> | undefined

  async function countTexts(texts: readonly string[], signal?: AbortSignal): Promise<TokenCount> {
    signal?.throwIfAborted()
    const characters = texts.reduce((sum, text) => sum + text.length, 0)
    if (characters === 0) return { tokens: 0, estimated: false }
    loading ??= loadEncoding()
    const encodedLength = await loading
    const estimated = characters > exactCharactersMax
    const counted = estimated ? sampleOf(texts, characters) : texts
    let tokens = 0
    let countedCharacters = 0
    for (const text of counted) {
      for (const piece of cutPieces(text)) {
        if (countedCharacters > 0) await nextTurn()
        signal?.throwIfAborted()
        tokens += encodedLength(piece)
        countedCharacters += piece.length
      }
    }
    return { tokens: estimated ? Math.ceil((tokens * characters) / countedCharacters) : tokens, estimated }
  }

  return {
    countText: (text, signal) => countTexts([text], signal),
    async load() {
      loading ??= loadEncoding()
      await loading
    },
    async countRequest({ texts, messages }, signal) {
      const { tokens, estimated } = await countTexts(texts, signal)
      const overhead = messages === 0 ? 0 : messages * messageOverheadTokens + answerPrimingTokens
      return { tokens: tokens + overhead, estimated }
    },
  }
}

/**
 * Cuts a text into pieces of at most `pieceLengthMax` characters. Wherever there is a space the cut is before it, where
 * the encoding parts words too, so that the counts add up to the whole's; elsewhere a seam may count a token more.
 */
export function cutPieces(text: string): readonly string[] {
  const pieces: string[] = []
  for (let start = 0; start < text.length; ) {
    const end = pieceEnd(text, start)
    pieces.push(text.slice(start, end))
    start = end
  }
  return pieces
}

function pieceEnd(text: string, start: number): number {
  const limit = start + pieceLengthMax
  if (limit >= text.length) return text.length
  for (let end = limit; end > start; end--) {
    if (text[end] === ' ' && !/\s/.test(text.charAt(end - 1))) return end
  }
  return splitsPair(text, limit) ? limit - 1 : limit
}

function splitsPair(text: string, index: number): boolean {
  const before = text.charCodeAt(index - 1)
  return before >= 0xd800 && before <= 0xdbff
}

/** Takes evenly spaced windows from the texts as if they were one; a window ends with its text. */
function sampleOf(texts: readonly string[], characters: number): readonly string[] {
  const samples: string[] = []
  let textStart = 0
  for (const text of texts) {
    const textEnd = textStart + text.length
    for (let at = windowStart(samples.length, characters); at < textEnd && samples.length < sampleWindows; ) {
      samples.push(text.slice(at - textStart, at - textStart + sampleWindowLength))
      at = windowStart(samples.length, characters)
    }
    textStart = textEnd
  }
  return samples
}

function windowStart(index: number, characters: number): number {
  return Math.floor((characters * index) / sampleWindows)
}

async function loadEncoding(): Promise<(text: string) => number> {
  const encoding = await import('gpt-tokenizer/encoding/o200k_base')
  // Its cache of merged words would keep slices of prompts, and through them whole prompts, in memory.
  encoding.setMergeCacheSize(0)
  // Without this a text that holds "<|endoftext|>" throws; here it is a caller's text like any other.
  const options = { disallowedSpecial: new Set<string>() }
  return text => encoding.countTokens(text, options)
}

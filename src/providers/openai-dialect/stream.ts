// Decodes a streamed answer of the chat completions wire.
import { type AnswerOptions, createAnswerReader } from './answer.ts'
import type { Upstream } from './dialect.ts'
import { createStreamDecoder, type StreamDecoder } from './stream-decoder.ts'

// Hosts that do not stream send a whole answer as one line.
const EVENT_BYTES_MAX = 4 * 1024 * 1024

/** Makes a decoder for one stream. */
export function createChatStreamDecoder(upstream: Upstream, options: AnswerOptions): StreamDecoder {
  const answer = createAnswerReader(upstream, options)
  return createStreamDecoder(upstream, answer, { bytesMax: EVENT_BYTES_MAX, endsWith: 'mark' })
}

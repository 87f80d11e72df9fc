// Decodes a streamed answer of the Responses wire.
import type { AnswerOptions } from '../openai-dialect/answer.ts'
import type { Upstream } from '../openai-dialect/dialect.ts'
import { createStreamDecoder, type StreamDecoder } from '../openai-dialect/stream-decoder.ts'
import { createAnswerReader } from './answer.ts'

// The last event repeats the whole answer, its sealed reasoning included.
const EVENT_BYTES_MAX = 32 * 1024 * 1024

/** Makes a decoder for one stream. */
export function createResponsesStreamDecoder(upstream: Upstream, options: AnswerOptions): StreamDecoder {
  const answer = createAnswerReader(upstream, options)
  return createStreamDecoder(upstream, answer, { bytesMax: EVENT_BYTES_MAX, endsWith: 'finish' })
}

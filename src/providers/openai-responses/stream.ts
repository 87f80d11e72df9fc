// Decodes a streamed answer of the Responses wire: bytes in, deltas out, whatever way the bytes are cut.
import type { Delta } from '../../core/delta.ts'
import { GatewayError } from '../../core/errors.ts'
import type { AnswerOptions } from '../openai-dialect/answer.ts'
import type { Upstream } from '../openai-dialect/dialect.ts'
import { broken } from '../openai-dialect/errors.ts'
import { createSseParser, type SseEvent, SseLimitError } from '../sse.ts'
import { createAnswerReader } from './answer.ts'

/** Decodes one stream. */
export interface ResponsesStreamDecoder {
  /**
   * Takes the next bytes. Throws a GatewayError when the stream holds an error or cannot be read; when the same bytes
   * held deltas before it, those are returned first, and the next call throws.
   */
  push(chunk: Uint8Array): readonly Delta[]
  /** Says that the stream is over. Throws when the answer is not whole. */
  end(): readonly Delta[]
  /** Whether nothing more needs to be read, after the last event or a failure: `end` says how it went. */
  readonly done: boolean
}

// The last event repeats the whole answer, its sealed reasoning included.
const EVENT_BYTES_MAX = 32 * 1024 * 1024

/** Makes a decoder for one stream. */
export function createResponsesStreamDecoder(
  upstream: Upstream,
  options: AnswerOptions,
): ResponsesStreamDecoder {
  const parser = createSseParser({ maxLineBytes: EVENT_BYTES_MAX, maxEventBytes: EVENT_BYTES_MAX })
  const answer = createAnswerReader(upstream, options)
  let ended = false
  let failure: GatewayError | undefined

  function run(work: (out: Delta[]) => void): readonly Delta[] {
    if (failure !== undefined) throw failure
    const out: Delta[] = []
    try {
      work(out)
    } catch (error) {
      failure = faultOf(upstream, error)
      if (out.length === 0) throw failure
    }
    return out
  }

  function readAll(events: readonly SseEvent[], out: Delta[]): void {
    for (const { data } of events) {
      // The wire has no `[DONE]`, but hosts that translate to it may add theirs.
      if (ended || data.trim() === '' || data.trim() === '[DONE]') continue
      answer.take(parse(upstream, data), out)
      if (!answer.finished) continue
      ended = true
      answer.end(out)
    }
  }

  return {
    push: chunk => run(out => readAll(ended ? [] : parser.push(chunk), out)),
    end() {
      return run(out => {
        if (ended) return
        readAll(parser.end(), out)
        if (!ended) answer.end(out)
        ended = true
      })
    },
    get done() {
      return ended || failure !== undefined
    },
  }
}

function parse(upstream: Upstream, data: string): unknown {
  try {
    return JSON.parse(data)
  } catch (error) {
    throw broken(upstream, 'sent an event that is no JSON', error)
  }
}

function faultOf(upstream: Upstream, error: unknown): GatewayError {
  if (error instanceof SseLimitError)
    return broken(upstream, `sent a ${error.limit} of more than ${error.maxBytes} bytes`, error)
  return GatewayError.from(error)
}

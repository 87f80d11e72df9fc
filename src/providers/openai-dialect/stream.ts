// Decodes a streamed answer: bytes in, deltas out, whatever way the bytes are cut.
import { type Delta, isOutput } from '../../core/delta.ts'
import { GatewayError } from '../../core/errors.ts'
import { createSseParser, type SseEvent, SseLimitError } from '../sse.ts'
import { type AnswerOptions, createAnswerReader } from './answer.ts'
import type { Upstream } from './dialect.ts'
import { afterOutput, broken, readComplaint, refusal } from './errors.ts'

/** Decodes one stream. */
export interface ChatStreamDecoder {
  /**
   * Takes the next bytes. Throws a GatewayError when the stream holds an error or cannot be read; when the same bytes
   * held deltas before it, those are returned first, and the next call throws.
   */
  push(chunk: Uint8Array): readonly Delta[]
  /** Says that the stream is over. Throws when the answer is not whole. */
  end(): readonly Delta[]
  /** Whether nothing more needs to be read, after `[DONE]` or a failure: `end` says how it went. */
  readonly done: boolean
  /** Whether the model has said why it stopped; only counts and `[DONE]` can still come. */
  readonly finished: boolean
}

// Hosts that do not stream send a whole answer as one line.
const LINE_BYTES_MAX = 4 * 1024 * 1024
const EVENT_BYTES_MAX = 4 * 1024 * 1024

/** Makes a decoder for one stream. */
export function createChatStreamDecoder(upstream: Upstream, options: AnswerOptions): ChatStreamDecoder {
  const parser = createSseParser({ maxLineBytes: LINE_BYTES_MAX, maxEventBytes: EVENT_BYTES_MAX })
  const answer = createAnswerReader(upstream, options)
  let ended = false
  let began = false
  let failure: GatewayError | undefined

  function read(event: SseEvent, out: Delta[]): void {
    const data = event.data.trim()
    if (data === '') return
    if (data === '[DONE]') {
      ended = true
      answer.end(out)
      return
    }
    // GLM names the event of an error, whose data may then be anything.
    if (event.event === 'error') throw failureIn(upstream, data, began || out.some(isOutput))
    answer.take(parse(upstream, data), out)
  }

  function run(work: (out: Delta[]) => void): readonly Delta[] {
    if (failure !== undefined) throw failure
    const out: Delta[] = []
    try {
      work(out)
    } catch (error) {
      failure = faultOf(upstream, error)
      if (out.length === 0) throw failure
    }
    began ||= out.some(isOutput)
    return out
  }

  function readAll(events: readonly SseEvent[], out: Delta[]): void {
    for (const event of events) {
      if (ended) return
      read(event, out)
    }
  }

  return {
    push: chunk => run(out => readAll(ended ? [] : parser.push(chunk), out)),
    end() {
      return run(out => {
        if (ended) return
        readAll(parser.end(), out)
        if (ended) return
        ended = true
        answer.end(out)
      })
    },
    get done() {
      return ended || failure !== undefined
    },
    get finished() {
      return answer.finished
    },
  }
}

function failureIn(upstream: Upstream, data: string, began: boolean): GatewayError {
  const body = looksLikeJson(data) ? parse(upstream, data) : data
  const error = refusal(upstream, readComplaint(body, upstream.dialect) ?? readComplaint({ error: body }))
  return began ? afterOutput(error) : error
}

function looksLikeJson(data: string): boolean {
  return data.startsWith('{')
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

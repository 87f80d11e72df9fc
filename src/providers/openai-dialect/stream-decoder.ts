// Decodes a streamed answer: bytes in, deltas out, whatever way the bytes are cut.
import { type Delta, isOutput } from '../../core/delta.ts'
import { GatewayError } from '../../core/errors.ts'
import { createSseParser, type SseEvent, SseLimitError } from '../sse.ts'
import type { AnswerReader } from './answer.ts'
import type { Upstream } from './dialect.ts'
import { afterOutput, broken, readComplaint, refusal } from './errors.ts'

/** Decodes one stream. */
export interface StreamDecoder {
  /**
   * Takes the next bytes. Throws a GatewayError when the stream holds an error or cannot be read; when the same bytes
   * held deltas before it, those are returned first, and the next call throws.
   */
  push(chunk: Uint8Array): readonly Delta[]
  /** Says that the stream is over. Throws when the answer is not whole. */
  end(): readonly Delta[]
  /** Whether nothing more needs to be read, after `[DONE]` or a failure: `end` says how it went. */
  done(): boolean
  /** Whether the model has said why it stopped; only counts and `[DONE]` can still come. */
  finished(): boolean
}

/** How the streams of a wire are. */
export interface StreamRules {
  /** Longest line and longest event, in bytes. */
  readonly bytesMax: number
  /** What the last event is: the mark `[DONE]`, or the one in which the model finishes. */
  readonly endsWith: 'mark' | 'finish'
}

/**
 * Most that an answer may hold, in characters of text, thoughts and arguments: many times what any model writes. The bytes
 * on the wire are limited, too, but far above it, because most of them are names of fields.
 */
const ANSWER_CHARS_MAX = 32 * 1024 * 1024
/** What anything but text counts as beside its texts, for the room that it takes. */
const DELTA_CHARS = 256

/** Makes a decoder for one stream, of which `answer` reads the events. */
export function createStreamDecoder(
  upstream: Upstream,
  answer: AnswerReader,
  { bytesMax, endsWith }: StreamRules,
): StreamDecoder {
  const parser = createSseParser({ maxLineBytes: bytesMax, maxEventBytes: bytesMax })
  let chars = 0
  let ended = false
  let began = false
  let failure: GatewayError | undefined

  function read(event: SseEvent, out: Delta[]): void {
    const data = event.data.trim()
    if (data === '') return
    if (data === '[DONE]') {
      // Hosts that translate to a wire without the mark may add it all the same.
      if (endsWith === 'mark') finish(out)
      return
    }
    // GLM names the event of an error, whose data may then be anything.
    if (event.event === 'error' && endsWith === 'mark')
      throw failureIn(upstream, data, began || out.some(isOutput))
    if (answer.repeat?.(data, out) === true) return
    const body = parse(upstream, data)
    answer.take(body, out)
    answer.learn?.(data, body)
    if (endsWith === 'finish' && answer.finished()) finish(out)
  }

  function finish(out: Delta[]): void {
    ended = true
    answer.end(out)
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
    for (const delta of out) chars += charsOf(delta)
    if (chars > ANSWER_CHARS_MAX)
      failure ??= broken(upstream, `sent an answer of more than ${ANSWER_CHARS_MAX} characters`)
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
        if (!ended) finish(out)
      })
    },
    done: () => ended || failure !== undefined,
    finished: answer.finished,
  }
}

function charsOf(delta: Delta): number {
  switch (delta.type) {
    case 'text':
    case 'reasoning':
    case 'tool_call_arguments':
      return delta.text.length
    case 'reasoning_opaque':
      return delta.opaque.byteLength
    case 'citation':
      return DELTA_CHARS + delta.url.length + delta.title.length + delta.text.length
    default:
      return DELTA_CHARS
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
  } catch {
    // Without the parser's own words: they quote the event.
    throw broken(upstream, 'sent an event that is no JSON')
  }
}

function faultOf(upstream: Upstream, error: unknown): GatewayError {
  if (error instanceof SseLimitError)
    return broken(upstream, `sent a ${error.limit} of more than ${error.maxBytes} bytes`, error)
  return GatewayError.from(error)
}

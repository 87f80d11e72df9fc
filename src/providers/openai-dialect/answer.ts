// Reads an answer of the chat completions wire into deltas, whole or chunk by chunk: one set of rules for both.
import { FinishReason } from '#gen/exai/v1/chat_pb'
import { type Delta, isOutput } from '../../core/delta.ts'
import { GatewayError } from '../../core/errors.ts'
import type { Upstream } from './dialect.ts'
import { afterOutput, broken, readComplaint, refusal } from './errors.ts'
import { createNameTeller } from './names.ts'
import { createRepeats, type Repeats } from './repeats.ts'
import { createSpeechReader, type SpeechFields } from './speech.ts'
import { CALLS_MAX, createToolCallReader, type ToolCallReader } from './tool-calls.ts'
import { readUsage } from './usage.ts'
import { type Foreign, foreign, foreignList, foreignText } from './wire.ts'

/** Reads one answer. A failure is thrown as a GatewayError, and what `out` holds by then is still good. */
export interface AnswerReader {
  /** Takes the JSON of one chunk, or of the whole answer, and adds its deltas to `out`. */
  take(body: unknown, out: Delta[]): void
  /**
   * Takes the text of one chunk without reading all of it, where that is sure to say the same; false when it must be read.
   * Absent: each one must.
   */
  repeat?(data: string, out: Delta[]): boolean
  /** Learns from a chunk that was taken. Absent: there is nothing to learn. */
  learn?(data: string, body: unknown): void
  /** Says that nothing more comes: adds the ends of tool calls and the finish. Throws when the answer is not whole. */
  end(out: Delta[]): void
  /** Whether the model has said why it stopped. */
  finished(): boolean
}

/** What a reader needs beside whom it reads. */
export interface AnswerOptions {
  /** Makes an id for a tool call that has none of its own. */
  readonly newCallId: () => string
}

const finishReasons: ReadonlyMap<string, FinishReason> = new Map<string, FinishReason>([
  ['stop', FinishReason.STOP],
  ['length', FinishReason.LENGTH],
  ['tool_calls', FinishReason.TOOL_CALLS],
  ['function_call', FinishReason.TOOL_CALLS],
  ['content_filter', FinishReason.CONTENT_FILTER],
])

// Finish reasons that name a failure: OpenRouter, GLM, DeepSeek.
const failures: ReadonlySet<string> = new Set(['error', 'network_error', 'insufficient_system_resource'])

const metaFields = ['model', 'service_tier', 'system_fingerprint', 'provider', 'request_id']

type ChunkFields =
  | 'id'
  | 'model'
  | 'choices'
  | 'usage'
  | 'x_groq'
  | 'web_search'
  | 'request_id'
  | 'service_tier'
  | 'system_fingerprint'
  | 'provider'
type ChoiceFields = 'delta' | 'message' | 'finish_reason' | 'usage' | 'error'
type MessageFields = SpeechFields | 'tool_calls' | 'function_call' | 'annotations'

/** Makes a reader for one answer. */
export function createAnswerReader(upstream: Upstream, options: AnswerOptions): AnswerReader {
  let calls: ToolCallReader | undefined
  const speech = createSpeechReader(upstream.dialect)
  let searched = false
  let cited: Set<string> | undefined
  const names = createNameTeller(upstream, metaFields)
  let repeats: Repeats | undefined
  let finish = ''
  let began = false

  function message(said: Foreign<MessageFields>, out: Delta[]): void {
    if (!speech.take(said, out)) throw broken(upstream, 'sent more details of its thoughts than can be kept')
    for (const annotation of foreignList(said.annotations))
      cite(foreign<'url_citation'>(annotation)?.url_citation, out)
    const pieces = listOf(said.tool_calls)
    // What was held back comes before the calls, as it was said.
    if (pieces.length > 0) {
      speech.end(out)
      callTools(pieces, out)
    }
    const legacy = foreign(said.function_call)
    if (legacy !== undefined) callTools([{ index: 0, function: legacy }], out)
  }

  function callTools(pieces: readonly unknown[], out: Delta[]): void {
    calls ??= createToolCallReader(options.newCallId)
    if (!calls.take(pieces, out)) throw broken(upstream, `called more than ${CALLS_MAX} tools`)
  }

  function cite(value: unknown, out: Delta[]): void {
    const source = foreign<'url' | 'link' | 'title' | 'content'>(value)
    const url = foreignText(source?.url) || foreignText(source?.link)
    const title = foreignText(source?.title)
    // Some hosts repeat all annotations with every chunk.
    if (url === '' || cited?.has(url)) return
    cited ??= new Set()
    cited.add(url)
    out.push({ type: 'citation', url, title, text: foreignText(source?.content) })
  }

  function read(chunk: Foreign<ChunkFields>, out: Delta[]): void {
    const choice = foreign<ChoiceFields>(foreignList(chunk.choices)[0])
    // `message` is the whole answer; in a stream, some hosts repeat in it what the deltas said.
    const said = foreign<MessageFields>(choice?.delta ?? (began ? undefined : choice?.message))
    const word = foreignText(choice?.finish_reason)
    names.tell(chunk, word !== '' && reasonOf(upstream, word) === FinishReason.OTHER ? word : '', out)
    if (said !== undefined) message(said, out)
    // GLM lists what its search found beside the choices.
    const finds = foreignList(chunk.web_search)
    for (const found of finds) cite(found, out)
    searched ||= finds.length > 0
    const counts = readUsage(chunk.usage, choice?.usage, chunk.x_groq)
    if (counts !== undefined)
      out.push({ type: 'usage', counts: searched ? { ...counts, searches: 1 } : counts })
    if (word !== '') finish = word
    const complaint = choice?.error === undefined ? undefined : readComplaint({ error: choice.error })
    if (complaint !== undefined) throw refusal(upstream, complaint)
    if (failures.has(word)) throw refusal(upstream, { message: '', code: word, type: '' })
  }

  return {
    take(body, out) {
      const from = out.length
      try {
        const complaint = readComplaint(body, upstream.dialect)
        if (complaint !== undefined) throw refusal(upstream, complaint)
        const chunk = foreign<ChunkFields>(body)
        if (chunk === undefined) throw broken(upstream, 'sent JSON that is no answer')
        read(chunk, out)
      } catch (error) {
        began ||= hasOutput(out, from)
        throw began && error instanceof GatewayError ? afterOutput(error) : error
      }
      began ||= hasOutput(out, from)
    },
    repeat(data, out) {
      const delta = repeats?.deltaOf(data)
      if (delta === undefined) return false
      const from = out.length
      message(delta, out)
      began ||= hasOutput(out, from)
      return true
    },
    learn(data, body) {
      repeats ??= createRepeats()
      repeats.learn(data, body)
    },
    end(out) {
      // Without a reason to stop, only whole tool calls show that the model was done.
      if (finish === '' && calls?.complete() !== true) {
        const what = began
          ? 'ended its stream in the middle of the answer'
          : 'ended its stream without an answer'
        throw broken(upstream, what)
      }
      speech.end(out)
      if (calls?.end(out) === false) throw broken(upstream, 'called a tool without naming it')
      const reason = finish === '' ? FinishReason.TOOL_CALLS : reasonOf(upstream, finish)
      // Many hosts say `stop` after tool calls.
      out.push({
        type: 'finish',
        reason: reason === FinishReason.STOP && calls?.any() ? FinishReason.TOOL_CALLS : reason,
      })
    },
    finished: () => finish !== '',
  }
}

function hasOutput(out: readonly Delta[], from: number): boolean {
  for (let at = from; at < out.length; at += 1) {
    const delta = out[at]
    if (delta !== undefined && isOutput(delta)) return true
  }
  return false
}

function reasonOf(upstream: Upstream, word: string): FinishReason {
  const own = upstream.dialect.finishReasons
  return (Object.hasOwn(own, word) ? own[word] : undefined) ?? finishReasons.get(word) ?? FinishReason.OTHER
}

function listOf(value: unknown): readonly unknown[] {
  return value === undefined || value === null || Array.isArray(value) ? foreignList(value) : [value]
}

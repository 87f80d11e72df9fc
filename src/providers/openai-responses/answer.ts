// Reads an answer of the Responses wire into deltas, whole or event by event: one set of rules for both.
import { FinishReason } from '#gen/exai/v1/chat_pb'
import { type Delta, isOutput } from '../../core/delta.ts'
import { GatewayError } from '../../core/errors.ts'
import type { AnswerOptions, AnswerReader } from '../openai-dialect/answer.ts'
import type { Upstream } from '../openai-dialect/dialect.ts'
import { afterOutput, broken, readComplaint, refusal } from '../openai-dialect/errors.ts'
import { createNameTeller } from '../openai-dialect/names.ts'
import { type Foreign, foreign, foreignList, foreignText } from '../openai-dialect/wire.ts'
import { createSpeechTeller } from './speech.ts'
import { createToolCallTeller } from './tool-calls.ts'
import { readUsage } from './usage.ts'

const metaFields = ['model', 'service_tier']

type ResponseFields =
  | 'id'
  | 'model'
  | 'service_tier'
  | 'status'
  | 'output'
  | 'usage'
  | 'error'
  | 'incomplete_details'
type EventFields =
  | 'type'
  | 'response'
  | 'output_index'
  | 'content_index'
  | 'summary_index'
  | 'item'
  | 'delta'
  | 'annotation'
  | 'code'
  | 'message'
  | 'error'
type Event = Foreign<EventFields>

const incompleteReasons: ReadonlyMap<string, FinishReason> = new Map([
  ['max_output_tokens', FinishReason.LENGTH],
  ['content_filter', FinishReason.CONTENT_FILTER],
])

/**
 * Makes a reader for one answer. `take` reads an event of a stream, or the response itself; `finished` is true once it was
 * told how the answer ended, and then nothing more has to be read.
 */
export function createAnswerReader(upstream: Upstream, options: AnswerOptions): AnswerReader {
  const speech = createSpeechTeller()
  const calls = createToolCallTeller(options.newCallId)
  const ended = new Set<number>()
  const names = createNameTeller(upstream, metaFields)
  let finish: FinishReason | undefined
  let began = false

  function startItem(place: number, value: unknown, out: Delta[]): void {
    if (foreign<'type'>(value)?.type !== 'function_call') return
    const from = out.length
    if (!calls.start(place, value, out)) throw broken(upstream, 'called a tool without naming it')
    // It may have begun before.
    if (out.length > from) speech.interrupt()
  }

  function endItem(place: number, value: unknown, out: Delta[]): void {
    const item = foreign<'type' | 'arguments'>(value)
    if (item === undefined || ended.has(place)) return
    ended.add(place)
    if (item.type === 'message') speech.endMessage(place, item, out)
    else if (item.type === 'reasoning') speech.endThought(place, item, out)
    else if (item.type === 'function_call') {
      startItem(place, item, out)
      calls.end(place, item.arguments, out)
    }
    // Items of tools that run at OpenAI, which only `provider_options` can have asked for, have no place in an answer.
  }

  /** Reads a response that is over; `status` says how. */
  function conclude(response: Foreign<ResponseFields>, status: string, out: Delta[]): void {
    const why = foreignText(foreign<'reason'>(response.incomplete_details)?.reason)
    const reason =
      status === 'incomplete' ? (incompleteReasons.get(why) ?? FinishReason.OTHER) : FinishReason.STOP
    names.tell(response, reason === FinishReason.OTHER ? why : '', out)
    const counts = readUsage(response.usage)
    if (counts !== undefined) out.push({ type: 'usage', counts })
    if (status === 'failed') throw refusal(upstream, readComplaint({ error: response.error }))
    if (status !== 'completed' && status !== 'incomplete')
      throw broken(upstream, 'ended its answer before it was complete')
    for (const [place, item] of foreignList(response.output).entries()) endItem(place, item, out)
    finish = reason === FinishReason.STOP && calls.any() ? FinishReason.TOOL_CALLS : reason
  }

  const responseOf = (event: Event) => foreign<ResponseFields>(event.response) ?? {}
  const placeOf = (event: Event) => indexOf(event.output_index)
  // Events that are not here repeat what these say, or are new.
  const readers = new Map<unknown, (event: Event, out: Delta[]) => void>([
    ['response.created', (event, out) => names.tell(responseOf(event), '', out)],
    ['response.in_progress', (event, out) => names.tell(responseOf(event), '', out)],
    ['response.output_item.added', (event, out) => startItem(placeOf(event), event.item, out)],
    [
      'response.output_text.delta',
      (event, out) => speech.say(placeOf(event), indexOf(event.content_index), event.delta, out),
    ],
    [
      'response.refusal.delta',
      (event, out) => speech.say(placeOf(event), indexOf(event.content_index), event.delta, out),
    ],
    [
      'response.reasoning_summary_text.delta',
      (event, out) => speech.think(placeOf(event), indexOf(event.summary_index), event.delta, out),
    ],
    ['response.function_call_arguments.delta', (event, out) => calls.add(placeOf(event), event.delta, out)],
    ['response.output_text.annotation.added', (event, out) => speech.cite(event.annotation, out)],
    ['response.output_item.done', (event, out) => endItem(placeOf(event), event.item, out)],
    ['response.completed', (event, out) => conclude(responseOf(event), 'completed', out)],
    ['response.incomplete', (event, out) => conclude(responseOf(event), 'incomplete', out)],
    ['response.failed', (event, out) => conclude(responseOf(event), 'failed', out)],
    ['error', fail],
  ])

  function fail({ code, message, error }: Event): void {
    throw refusal(upstream, readComplaint({ error: error ?? { code, message } }))
  }

  function readBody(body: unknown, out: Delta[]): void {
    const event = foreign<EventFields>(body)
    const response = foreign<ResponseFields>(body)
    if (typeof event?.type === 'string') readers.get(event.type)?.(event, out)
    else if (typeof response?.status === 'string' && Array.isArray(response.output))
      conclude(response, response.status, out)
    else {
      const complaint = readComplaint(body)
      if (complaint !== undefined) throw refusal(upstream, complaint)
      throw broken(upstream, 'sent JSON that is no answer')
    }
  }

  return {
    take(body, out) {
      const from = out.length
      try {
        readBody(body, out)
      } catch (error) {
        began ||= out.slice(from).some(isOutput)
        throw began && error instanceof GatewayError ? afterOutput(error) : error
      }
      began ||= out.slice(from).some(isOutput)
    },
    end(out) {
      if (finish === undefined) {
        const when = began ? 'in the middle of the answer' : 'without an answer'
        throw broken(upstream, `ended its stream ${when}`)
      }
      speech.end(out)
      calls.endAll(out)
      out.push({ type: 'finish', reason: finish })
    },
    finished: () => finish !== undefined,
  }
}

function indexOf(value: unknown): number {
  return typeof value === 'number' ? value : 0
}

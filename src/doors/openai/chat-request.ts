// The body of POST /v1/chat/completions as a request of ours: every field that has a name here, and the rest for whoever answers.
import { create, type JsonObject, type MessageInitShape } from '@bufbuild/protobuf'
import { ReasoningEffort } from '#gen/exai/v1/chat_pb'
import { type CompleteRequest, CompleteRequestSchema } from '#gen/exai/v1/chat_service_pb'
import { effortByWord } from '../../core/effort-words.ts'
import { createFields, elementOf, type Fields } from '../http/fields.ts'
import { createNotes, type Notes, refuseNotes } from '../http/notes.ts'
import { ownFields } from '../http/own.ts'
import { unsupportedField, wrongField } from '../http/refusal.ts'
import { withRest } from '../http/rest.ts'
import { messageOf } from './messages.ts'
import { responseFormatOf, toolChoiceOf, toolsOf, webSearchOf } from './tools.ts'

/** A request as it was understood. */
export interface ChatRequest {
  readonly request: CompleteRequest
  readonly isStream: boolean
  /** Whether the stream ends with a chunk that says what was used. */
  readonly includesUsage: boolean
  /** What of it was left out. */
  readonly notes: readonly string[]
}

/** Understands a body. Throws what the client is to be told. */
export function chatRequest(body: JsonObject, idempotencyKey: string): ChatRequest {
  const fields = createFields(body)
  const notes = createNotes()
  const model = fields.needText('model')
  const messages = fields
    .needList('messages')
    .map((value, index) => messageOf(elementOf(value, `messages[${index}]`), notes))
  const isStream = fields.flag('stream') ?? false
  const includesUsage = fields.object('stream_options')?.flag('include_usage') ?? false
  refuseMany(fields)
  const own = ownFields(fields)
  const webSearch = webSearchOf(fields, notes) ?? own.webSearch
  const toolChoice = toolChoiceOf(fields)
  const responseFormat = responseFormatOf(fields)
  const request = create(CompleteRequestSchema, {
    ...own,
    model,
    messages: [...messages],
    tools: [...toolsOf(fields)],
    ...(toolChoice === undefined ? {} : { toolChoice }),
    ...(responseFormat === undefined ? {} : { responseFormat }),
    ...(webSearch === undefined ? {} : { webSearch }),
    ...numbersOf(fields),
    stop: [...stopsOf(fields)],
    reasoningEffort: effortOf(fields.text('reasoning_effort'), 'reasoning_effort'),
    ...labelsOf(fields),
    idempotencyKey: own.idempotencyKey === '' ? idempotencyKey : own.idempotencyKey,
  })
  noteStore(fields, notes)
  request.providerOptions = withRest(own.providerOptions, fields.rest())
  if (request.strict) refuseNotes(notes)
  return { request, isStream, includesUsage, notes: notes.list() }
}

function refuseMany(fields: Fields): void {
  const n = fields.whole('n')
  if (n !== undefined && n !== 1)
    throw unsupportedField('n', 'must be 1: one call gives one answer, so make several')
  const modalities = fields.list('modalities')
  if (modalities?.some(one => one !== 'text') === true)
    throw unsupportedField('modalities', 'must be ["text"]: answers are text')
}

type Numbers = Pick<
  MessageInitShape<typeof CompleteRequestSchema>,
  'temperature' | 'topP' | 'maxOutputTokens' | 'seed' | 'parallelToolCalls'
>

function numbersOf(fields: Fields): Numbers {
  const temperature = fields.number('temperature')
  const topP = fields.number('top_p')
  const older = fields.whole('max_tokens')
  const maxOutputTokens = fields.whole('max_completion_tokens') ?? older
  const seed = fields.number('seed')
  const parallelToolCalls = fields.flag('parallel_tool_calls')
  if (seed !== undefined && !Number.isSafeInteger(seed)) throw wrongField('seed', 'must be a whole number')
  return {
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { topP }),
    ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
    ...(seed === undefined ? {} : { seed: BigInt(seed) }),
    ...(parallelToolCalls === undefined ? {} : { parallelToolCalls }),
  }
}

function stopsOf(fields: Fields): readonly string[] {
  const stop = fields.raw('stop')
  if (stop === undefined) return []
  const texts = Array.isArray(stop) ? stop : [stop]
  return texts.map(text => {
    if (typeof text !== 'string') throw wrongField('stop', 'must be a string or an array of strings')
    return text
  })
}

const EFFORTS: Readonly<Record<string, ReasoningEffort>> = effortByWord

/** A step of effort by OpenAI's word for it; unspecified without one. */
export function effortOf(word: string | undefined, param: string): ReasoningEffort {
  if (word === undefined) return ReasoningEffort.UNSPECIFIED
  const effort = Object.hasOwn(EFFORTS, word) ? EFFORTS[word] : undefined
  if (effort === undefined) throw wrongField(param, `must be one of ${Object.keys(EFFORTS).join(', ')}`)
  return effort
}

/** What a request says of itself: the user, keys and labels. */
export function labelsOf(
  fields: Fields,
): Pick<CompleteRequest, 'user' | 'promptCacheKey' | 'serviceTier' | 'metadata'> {
  // The newer name of `user`; whoever sends both means the same person.
  const safetyId = fields.text('safety_identifier')
  const metadata = fields.object('metadata')
  return {
    user: fields.text('user') ?? safetyId ?? '',
    promptCacheKey: fields.text('prompt_cache_key') ?? '',
    serviceTier: fields.text('service_tier') ?? '',
    metadata: metadata === undefined ? {} : textsOf(metadata),
  }
}

function textsOf(fields: Fields): Record<string, string> {
  return Object.fromEntries(Object.keys(fields.rest()).map(name => [name, fields.needText(name)]))
}

/** Notes that nothing is kept at a provider, where the caller wanted it. */
export function noteStore(fields: Fields, notes: Notes): void {
  if (fields.flag('store') === true)
    notes.dropped('store', 'nothing is kept at a provider; exai.conversation_id keeps a chat here')
}

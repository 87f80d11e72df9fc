// The body of POST /v1/responses as a request of ours: every field that has a name here, and the rest for whoever answers.
import { create, type JsonObject, type MessageInitShape } from '@bufbuild/protobuf'
import { Role, type Tool, ToolChoice_Mode, type WebSearchSchema } from '#gen/exai/v1/chat_pb'
import { type CompleteRequest, CompleteRequestSchema } from '#gen/exai/v1/chat_service_pb'
import { createFields, type Fields } from '../http/fields.ts'
import { createNotes, type Notes, refuseNotes } from '../http/notes.ts'
import { type OwnFields, ownFields } from '../http/own.ts'
import { unsupportedField, wrongField } from '../http/refusal.ts'
import { withRest } from '../http/rest.ts'
import { effortOf, labelsOf } from './chat-request.ts'
import { textPart } from './content.ts'
import { inputMessages, messageOf } from './responses-input.ts'
import { functionTool, schemaFormat, toolChoiceOf } from './tools.ts'

/** A request as it was understood. */
export interface ResponseRequest {
  readonly request: CompleteRequest
  readonly isStream: boolean
  /** The answer that the conversation is to go on from; empty when none is named. */
  readonly previousResponseId: string
  /** Whether what providers seal of their thoughts is wanted. */
  readonly wantsSeals: boolean
  /** Fields of the request that the answer says again. */
  readonly echo: JsonObject
  /** What of it was left out. */
  readonly notes: readonly string[]
}

/** Understands a body. Throws what the client is to be told. */
export function responseRequest(body: JsonObject, idempotencyKey: string): ResponseRequest {
  const fields = createFields(body)
  const notes = createNotes()
  const model = fields.needText('model')
  const instructions = fields.text('instructions')
  const said = inputMessages(fields.raw('input'), notes)
  const isStream = fields.flag('stream') ?? false
  refuseMany(fields)
  const own = ownFields(fields)
  const previousResponseId = fields.text('previous_response_id') ?? ''
  const tools = toolsOf(fields, notes)
  const webSearch = tools.webSearch ?? own.webSearch
  const request = create(CompleteRequestSchema, {
    ...own,
    model,
    messages: [
      ...(instructions === undefined ? [] : [messageOf(Role.SYSTEM, [textPart(instructions)])]),
      ...said,
    ],
    tools: [...tools.functions],
    ...choiceOf(fields, tools.functions),
    ...(webSearch === undefined ? {} : { webSearch }),
    ...numbersOf(fields),
    reasoningEffort: effortOf(reasoningOf(fields), 'reasoning.effort'),
    ...labelsOf(fields),
    conversationId: conversationOf(fields, own, previousResponseId),
    idempotencyKey: own.idempotencyKey === '' ? idempotencyKey : own.idempotencyKey,
  })
  const { format, verbosity } = textOf(fields)
  if (format !== undefined)
    request.responseFormat = create(CompleteRequestSchema, { responseFormat: format }).responseFormat
  const wantsSeals = includes(fields, notes)
  noteMany(fields, request, notes)
  const rest = { ...fields.rest(), ...(verbosity === undefined ? {} : { verbosity }) }
  request.providerOptions = withRest(own.providerOptions, rest)
  if (request.strict) refuseNotes(notes)
  return { request, isStream, previousResponseId, wantsSeals, echo: echoOf(body), notes: notes.list() }
}

function refuseMany(fields: Fields): void {
  if (fields.flag('background') === true)
    throw unsupportedField(
      'background',
      'must be false: stream the answer, and exai.resume_window lets it live on without its client',
    )
  if (fields.raw('prompt') !== undefined)
    throw unsupportedField('prompt', 'is not taken: send the text of the prompt as instructions')
}

/** The conversation that the call begins or goes on with; empty for none. The one of an earlier answer is not known yet. */
function conversationOf(fields: Fields, own: OwnFields, previousResponseId: string): string {
  const given = fields.raw('conversation')
  const named =
    typeof given === 'string' ? given : (fields.object('conversation')?.needText('id') ?? own.conversationId)
  const store = fields.flag('store')
  if (previousResponseId === '') return named === '' && store === true ? 'new' : named
  if (named !== '')
    throw wrongField('previous_response_id', 'does not go with a conversation: leave one of them out')
  if (store === false)
    throw unsupportedField(
      'store',
      'must not be false with previous_response_id: a conversation keeps every turn of its own',
    )
  return ''
}

interface Tools {
  readonly functions: readonly Tool[]
  readonly webSearch: MessageInitShape<typeof WebSearchSchema> | undefined
}

/** Their names bear dates, such as `web_search_2025_08_26`. */
const WEB_SEARCH = /^web_search(?:_|$)/

function toolsOf(fields: Fields, notes: Notes): Tools {
  const functions: Tool[] = []
  let webSearch: Tools['webSearch']
  for (const tool of fields.objects('tools')) {
    const type = tool.needText('type')
    if (type === 'function') functions.push(functionTool(tool))
    else if (WEB_SEARCH.test(type)) webSearch = searchOf(tool, notes)
    else
      throw unsupportedField(
        tool.at('type'),
        `${JSON.stringify(type.slice(0, 64))} is not taken: there are function and web_search`,
      )
  }
  return { functions, webSearch }
}

function searchOf(tool: Fields, notes: Notes): Tools['webSearch'] {
  const domains = tool.object('filters')?.list('allowed_domains') ?? []
  for (const name of Object.keys(tool.rest()))
    notes.dropped(tool.at(name), 'it is not known to every provider that searches')
  return { domains: domains.filter(domain => typeof domain === 'string') }
}

function choiceOf(
  fields: Fields,
  functions: readonly Tool[],
): Pick<MessageInitShape<typeof CompleteRequestSchema>, 'toolChoice'> {
  const toolChoice = toolChoiceOf(fields)
  if (toolChoice === undefined) return {}
  const { choice } = toolChoice
  // Clients say `auto` also where there is no function to choose.
  const saysNothing = choice?.case === 'mode' && choice.value === ToolChoice_Mode.AUTO
  return saysNothing && functions.length === 0 ? {} : { toolChoice }
}

function numbersOf(
  fields: Fields,
): Pick<
  MessageInitShape<typeof CompleteRequestSchema>,
  'temperature' | 'topP' | 'maxOutputTokens' | 'parallelToolCalls'
> {
  const temperature = fields.number('temperature')
  const topP = fields.number('top_p')
  const maxOutputTokens = fields.whole('max_output_tokens')
  const parallelToolCalls = fields.flag('parallel_tool_calls')
  return {
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { topP }),
    ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
    ...(parallelToolCalls === undefined ? {} : { parallelToolCalls }),
  }
}

// Whether a summary is wanted is not asked: it is shown where a provider gives one.
function reasoningOf(fields: Fields): string | undefined {
  return fields.object('reasoning')?.text('effort')
}

interface TextForm {
  readonly format: MessageInitShape<typeof CompleteRequestSchema>['responseFormat']
  readonly verbosity: string | undefined
}

function textOf(fields: Fields): TextForm {
  const text = fields.object('text')
  return { format: formatOf(text?.object('format')), verbosity: text?.text('verbosity') }
}

function formatOf(format: Fields | undefined): TextForm['format'] {
  if (format === undefined) return undefined
  switch (format.needText('type')) {
    case 'text':
      return { format: { case: 'text', value: {} } }
    case 'json_object':
      return { format: { case: 'json', value: {} } }
    case 'json_schema':
      return schemaFormat(format)
    default:
      throw unsupportedField(format.at('type'), 'must be text, json_object or json_schema')
  }
}

const SEALS = 'reasoning.encrypted_content'

function includes(fields: Fields, notes: Notes): boolean {
  const wanted = fields.list('include') ?? []
  for (const one of wanted)
    if (one !== SEALS)
      notes.dropped('include', `${JSON.stringify(one).slice(0, 64)} is no part of answers here`)
  return wanted.includes(SEALS)
}

function noteMany(fields: Fields, { conversationId }: CompleteRequest, notes: Notes): void {
  fields.skip('stream_options')
  const truncation = fields.text('truncation') ?? 'disabled'
  if (truncation !== 'auto' && truncation !== 'disabled')
    throw wrongField('truncation', 'must be auto or disabled')
  if (truncation === 'auto' && conversationId === '' && fields.raw('previous_response_id') === undefined)
    notes.dropped('truncation', 'only the past of a conversation is cut, and never what a request brings')
  if (fields.raw('max_tool_calls') !== undefined)
    notes.dropped('max_tool_calls', 'it counts calls of tools that are not there')
  if (fields.raw('top_logprobs') !== undefined)
    notes.dropped('top_logprobs', 'answers have no such part here')
  if (fields.raw('context_management') !== undefined)
    notes.dropped('context_management', 'the past of a conversation is cut where it does not fit')
}

/** What of a request stands in its answer as it was sent. */
const ECHOED = [
  'instructions',
  'max_output_tokens',
  'max_tool_calls',
  'metadata',
  'parallel_tool_calls',
  'previous_response_id',
  'prompt_cache_key',
  'reasoning',
  'safety_identifier',
  'service_tier',
  'temperature',
  'text',
  'tool_choice',
  'tools',
  'top_p',
  'truncation',
  'user',
] as const

function echoOf(body: JsonObject): JsonObject {
  return Object.fromEntries(
    ECHOED.flatMap(name => (Object.hasOwn(body, name) ? [[name, body[name] ?? null]] : [])),
  )
}

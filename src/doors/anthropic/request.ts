// The body of POST /v1/messages as a request of ours: every field that has a name here, and the rest for whoever answers.
import { createHash } from 'node:crypto'
import { create, type JsonObject, type MessageInitShape } from '@bufbuild/protobuf'
import type { ResponseFormatSchema } from '#gen/exai/v1/chat_pb'
import { type CompleteRequest, CompleteRequestSchema } from '#gen/exai/v1/chat_service_pb'
import { createFields, elementOf, type Fields } from '../http/fields.ts'
import { createNotes, type Notes, refuseNotes } from '../http/notes.ts'
import { ownFields } from '../http/own.ts'
import { unsupportedField, wrongField } from '../http/refusal.ts'
import { withRest } from '../http/rest.ts'
import { type Shown, thinkingOf } from './thinking.ts'
import { toolsOf } from './tools.ts'
import { systemMessage, turnMessages } from './turns.ts'

/** A request as it was understood. */
export interface MessagesRequest {
  readonly request: CompleteRequest
  readonly isStream: boolean
  /** What of the thoughts the client wants to see. */
  readonly shown: Shown
  /** What of it was left out. */
  readonly notes: readonly string[]
}

/** Understands a body; to be counted it needs no `max_tokens`. Throws what the client is to be told. */
export function messagesRequest(
  body: JsonObject,
  { idempotencyKey, isCounted }: { readonly idempotencyKey: string; readonly isCounted: boolean },
): MessagesRequest {
  const fields = createFields(body)
  const notes = createNotes()
  const model = fields.needText('model')
  const maxOutputTokens = capOf(fields, isCounted)
  const system = fields.raw('system') === undefined ? undefined : systemMessage(fields, 'system', notes)
  const turns = fields
    .needList('messages')
    .flatMap((value, index) => turnMessages(elementOf(value, `messages[${index}]`), notes))
  const isStream = fields.flag('stream') ?? false
  const own = ownFields(fields)
  const { effort, shown } = thinkingOf(fields)
  const { tools, toolChoice, parallelToolCalls, webSearch = own.webSearch } = toolsOf(fields, notes)
  const responseFormat = responseFormatOf(fields)
  const request = create(CompleteRequestSchema, {
    ...own,
    model,
    messages: [...(system === undefined || system.content.length === 0 ? [] : [system]), ...turns],
    tools: [...tools],
    ...(toolChoice === undefined ? {} : { toolChoice }),
    ...(parallelToolCalls === undefined ? {} : { parallelToolCalls }),
    ...(webSearch === undefined ? {} : { webSearch }),
    ...(responseFormat === undefined ? {} : { responseFormat }),
    ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
    ...samplingOf(fields),
    stop: [...stopsOf(fields)],
    reasoningEffort: effort,
    user: userOf(fields, notes),
    serviceTier: tierOf(fields, notes),
    idempotencyKey: own.idempotencyKey === '' ? idempotencyKey : own.idempotencyKey,
  })
  noteForeign(fields, notes)
  request.providerOptions = withRest(own.providerOptions, fields.rest())
  if (request.strict) refuseNotes(notes)
  return { request, isStream, shown, notes: notes.list() }
}

function capOf(fields: Fields, isCounted: boolean): number | undefined {
  const cap = fields.whole('max_tokens')
  if (isCounted) return undefined
  if (cap === undefined) throw wrongField('max_tokens', 'is required')
  if (cap < 1) throw wrongField('max_tokens', 'must be at least 1')
  return cap
}

function samplingOf(fields: Fields): Pick<CompleteRequest, 'temperature' | 'topP'> {
  const temperature = fields.number('temperature')
  const topP = fields.number('top_p')
  return { ...(temperature === undefined ? {} : { temperature }), ...(topP === undefined ? {} : { topP }) }
}

function stopsOf(fields: Fields): readonly string[] {
  return (fields.list('stop_sequences') ?? []).map(text => {
    if (typeof text !== 'string') throw wrongField('stop_sequences', 'must be an array of strings')
    return text
  })
}

/** A JSON Schema that the answer must follow; `output_format` is the older place for it. */
function responseFormatOf(fields: Fields): MessageInitShape<typeof ResponseFormatSchema> | undefined {
  const older = fields.object('output_format')
  const format = fields.object('output_config')?.object('format') ?? older
  if (format === undefined) return undefined
  if (format.needText('type') !== 'json_schema')
    throw unsupportedField(format.at('type'), 'must be json_schema')
  // Anthropic's schemas have no name, and always hold.
  const value = { name: 'answer', schema: format.needObject('schema').rest(), strict: true }
  return { format: { case: 'jsonSchema', value } }
}

// The contract's limit; Anthropic takes longer ones, and some tools put whole objects there.
const USER_CHARACTERS_MAX = 256

function userOf(fields: Fields, notes: Notes): string {
  const metadata = fields.object('metadata')
  const user = metadata?.text('user_id') ?? ''
  for (const name of Object.keys(metadata?.rest() ?? {}))
    notes.dropped(`metadata.${name.slice(0, 64)}`, 'only user_id is known')
  if (user.length <= USER_CHARACTERS_MAX) return user
  return createHash('sha256').update(user).digest('hex')
}

function tierOf(fields: Fields, notes: Notes): string {
  const tier = fields.text('service_tier') ?? 'auto'
  if (tier === 'auto') return ''
  if (tier !== 'standard_only') return tier
  notes.dropped('service_tier', 'the default tier of a provider is used')
  return ''
}

/** Fields that mean something at Anthropic alone, and why they are left out. */
const FOREIGN: Readonly<Record<string, string>> = {
  container: 'no code is run here',
  context_management: 'the chat is sent as it is',
  diagnostics: 'prompt caches are not looked into',
  inference_geo: 'where a model runs is for its provider to say',
  mcp_servers: 'tools are called by the client',
  speed: 'exai.routing chooses who answers',
  user_profile_id: 'there are no such profiles',
}

function noteForeign(fields: Fields, notes: Notes): void {
  // It only marks what may be cached, and providers here do that by themselves.
  fields.skip('cache_control', 'anthropic_beta', 'anthropic_version', 'betas')
  for (const [name, why] of Object.entries(FOREIGN))
    if (fields.raw(name) !== undefined) notes.dropped(name, why)
}

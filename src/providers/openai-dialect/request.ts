// Turns a request of the contract into the body of `POST /chat/completions`, by the rules of a host and a model.
import { createHash } from 'node:crypto'
import { type Tool, ToolChoice_Mode } from '#gen/exai/v1/chat_pb'
import { GatewayError } from '../../core/errors.ts'
import type { AttemptInput } from '../../core/provider.ts'
import { type Fields, mergeFields, providerLayers } from '../merge.ts'
import type { Dialect, ToolChoiceForm } from './dialect.ts'
import { buildMessages } from './messages.ts'
import { createNote, type Note, unsupported } from './notes.ts'
import { buildSampling } from './sampling.ts'

/**
 * Builds the body. Every field that cannot be sent as asked is named through `input.warn`; under `strict`, and where there
 * is no way at all, it throws UNSUPPORTED. The caller's `provider_options` win over everything but `stream`.
 */
export function buildRequest(input: AttemptInput, dialect: Dialect, provider: string): Fields {
  const note = createNote(input)
  const { model, request } = input
  if (model.endpoints.length > 0 && !model.endpoints.includes('chat/completions')) {
    throw unsupported(input, 'model', `${model.id} is not served at chat/completions`)
  }
  const layers = providerLayers(request, provider)
  const extra = callersFields(input, layers, note)
  const body: Fields = {
    model: model.id,
    messages: buildMessages(input, dialect, note),
    ...buildTools(input, dialect, note),
    response_format: responseFormat(input, dialect),
    ...buildSampling(input, dialect, note),
    [dialect.outputCap]: outputCap(input, note),
    ...buildHints(input, dialect, extra, note),
    ...(input.stream && {
      stream: true,
      stream_options: dialect.streamUsage ? { include_usage: true } : undefined,
    }),
  }
  if (request.webSearch !== undefined)
    note('DROPPED', 'web_search', `${provider} cannot search at this endpoint`)
  return { ...layers.reduce(mergeFields, body), stream: body['stream'], n: undefined }
}

function callersFields(
  { model, request, stream }: AttemptInput,
  layers: readonly Fields[],
  note: Note,
): Fields {
  const fields = layers.reduce(mergeFields, {})
  // Whatever name the caller wrote it under: only one of the two is left in the merged fields.
  const path = (name: string) =>
    `provider_options.${Object.hasOwn(request.providerOptions, model.provider) ? model.provider : '*'}.${name}`
  if (fields['n'] !== undefined && fields['n'] !== 1) {
    const details = { provider: model.provider, model: model.id }
    throw new GatewayError(
      'INVALID_REQUEST',
      `${path('n')}: one call gives one answer, so make several`,
      details,
    )
  }
  if (fields['stream'] !== undefined && fields['stream'] !== stream) {
    note('DROPPED', path('stream'), 'whether an answer streams is chosen by the method called')
  }
  return fields
}

function outputCap({ model, request }: AttemptInput, note: Note): number | undefined {
  const asked = request.maxOutputTokens
  const most = model.maxOutputTokens
  if (asked === undefined || most === undefined || asked <= most) return asked
  note('CLAMPED', 'max_output_tokens', `${most}, the most that ${model.id} writes`)
  return most
}

function buildTools(input: AttemptInput, dialect: Dialect, note: Note): Fields {
  const { request } = input
  // Hosts refuse a choice without tools; without them every choice means the same.
  if (request.tools.length === 0) return {}
  const parallel = request.parallelToolCalls
  if (parallel !== undefined && !dialect.takes.parallelToolCalls) {
    note('DROPPED', 'parallel_tool_calls', `${input.model.provider} takes no such field`)
  }
  return {
    tools: request.tools.map((tool, index) => wireTool(input, dialect, tool, index, note)),
    tool_choice: toolChoice(input, dialect, note),
    parallel_tool_calls: dialect.takes.parallelToolCalls ? parallel : undefined,
  }
}

function wireTool(input: AttemptInput, dialect: Dialect, tool: Tool, index: number, note: Note): Fields {
  if (tool.strict !== undefined && !dialect.takes.toolStrict) {
    note('DROPPED', `tools[${index}].strict`, `${input.model.provider} takes no such field`)
  }
  const strict = dialect.takes.toolStrict ? tool.strict : undefined
  // Without a schema the function takes no arguments; a strict one has to say so (OpenAI).
  const nothing = { type: 'object', properties: {}, ...(strict === true && { additionalProperties: false }) }
  const described = tool.description === '' ? undefined : tool.description
  return {
    type: 'function',
    function: { name: tool.name, description: described, parameters: tool.parameters ?? nothing, strict },
  }
}

const choiceForms: ReadonlyMap<ToolChoice_Mode, ToolChoiceForm> = new Map<ToolChoice_Mode, ToolChoiceForm>([
  [ToolChoice_Mode.AUTO, 'auto'],
  [ToolChoice_Mode.NONE, 'none'],
  [ToolChoice_Mode.REQUIRED, 'required'],
])

function toolChoice({ model, request }: AttemptInput, dialect: Dialect, note: Note): unknown {
  const choice = request.toolChoice?.choice
  if (choice === undefined || choice.case === undefined) return undefined
  const form = choice.case === 'toolName' ? 'named' : choiceForms.get(choice.value)
  if (form === undefined) return undefined
  if (!dialect.toolChoices.includes(form)) {
    note('CHANGED', 'tool_choice', `auto, because ${model.provider} cannot be told ${form}`)
    return 'auto'
  }
  return choice.case === 'toolName' ? { type: 'function', function: { name: choice.value } } : form
}

function responseFormat(input: AttemptInput, dialect: Dialect): unknown {
  const format = input.request.responseFormat?.format
  if (format === undefined || format.case === undefined || format.case === 'text') return undefined
  const form = format.case === 'json' ? 'json_object' : 'json_schema'
  if (!dialect.responseForms.includes(form)) {
    throw unsupported(input, 'response_format', `${input.model.provider} cannot be held to ${form}`)
  }
  if (format.case === 'json') return { type: form }
  const { name, description, schema, strict } = format.value
  return {
    type: form,
    json_schema: {
      name,
      description: description === '' ? undefined : description,
      schema,
      strict: strict ?? true,
    },
  }
}

/** Fields that change nothing in what a model says, or little: they help to repeat, to find, to bill and to watch. */
function buildHints(input: AttemptInput, dialect: Dialect, extra: Fields, note: Note): Fields {
  const { request, model } = input
  const { takes } = dialect
  const keep = <Value>(taken: boolean, field: string, value: Value | undefined): Value | undefined => {
    if (value === undefined || taken) return value
    note('DROPPED', field, `${model.provider} takes no such field`)
    return undefined
  }
  const labels = Object.keys(request.metadata).length === 0 ? undefined : request.metadata
  // OpenAI refuses labels on answers that it does not store (langchaingo#1484), and storing is the caller's to ask for.
  const labelled =
    dialect.metadata === 'always' || (dialect.metadata === 'with_store' && extra['store'] === true)
  if (labels !== undefined && !labelled)
    note('NOTICE', 'metadata', `the labels are not sent to ${model.provider}`)
  return {
    seed: keep(takes.seed, 'seed', seedOf(request.seed, note)),
    prompt_cache_key: keep(takes.promptCacheKey, 'prompt_cache_key', request.promptCacheKey || undefined),
    service_tier: keep(takes.serviceTier, 'service_tier', request.serviceTier || undefined),
    metadata: labelled ? labels : undefined,
    ...userField(request.user, dialect, note),
  }
}

function seedOf(seed: bigint | undefined, note: Note): number | undefined {
  if (seed === undefined) return undefined
  if (Number.isSafeInteger(Number(seed))) return Number(seed)
  // A JSON number of that size would be rounded by whoever reads it as a double.
  const folded = Number(BigInt.asUintN(53, seed))
  note('CHANGED', 'seed', `${folded}, the last 53 bits`)
  return folded
}

function userField(user: string, dialect: Dialect, note: Note): Fields {
  if (user === '') return {}
  if (dialect.user === undefined) {
    note('DROPPED', 'user', 'there is no such field on this wire')
    return {}
  }
  const { field, charsMax } = dialect.user
  if (user.length <= charsMax) return { [field]: user }
  note('CHANGED', 'user', `its SHA-256 is sent, because ${charsMax} characters are the most`)
  return { [field]: createHash('sha256').update(user).digest('hex') }
}

// From a request frame to the request of the contract: its own few fields, the contract's, and the usual names of parameters.
import { fromJson, type JsonObject, type JsonValue } from '@bufbuild/protobuf'
import { type CompleteRequest, CompleteRequestSchema } from '#gen/exai/v1/chat_service_pb'
import { GatewayError } from '../../core/errors.ts'
import { isObject, refused, told } from './frame.ts'
import { messagesOf } from './messages.ts'

/** What of a request decides how its call is opened; what is wrong with it is said later. */
export function wishOf({ stream, timeout_ms: timeoutMs }: JsonObject): {
  readonly isStream: boolean
  readonly timeoutMs?: number
} {
  const isStream = stream === true
  return typeof timeoutMs === 'number' && timeoutMs > 0 ? { isStream, timeoutMs } : { isStream }
}

// Every name that a field of the contract has in JSON.
const KNOWN: ReadonlySet<string> = new Set(
  CompleteRequestSchema.fields.flatMap(({ name, jsonName }) => [name, jsonName]),
)

/** Fields that chat completions write in another way than the contract. */
const SPELLINGS: Readonly<Record<string, (value: JsonValue) => readonly [string, JsonValue]>> = {
  max_tokens: value => ['max_output_tokens', value],
  max_completion_tokens: value => ['max_output_tokens', value],
  stop: value => ['stop', typeof value === 'string' ? [value] : value],
  reasoning_effort: value => ['reasoning_effort', effortOf(value)],
  response_format: value => ['response_format', formatOf(value)],
  tools: value => ['tools', Array.isArray(value) ? value.map(toolOf) : value],
  tool_choice: value => ['tool_choice', choiceOf(value)],
}

/** Translates the fields of a request frame. Throws INVALID_REQUEST naming what is wrong. */
export function requestOf(fields: JsonObject): CompleteRequest {
  const { provider, model, messages, stream, timeout_ms: timeoutMs, parameters = {}, ...rest } = fields
  if (stream !== undefined && typeof stream !== 'boolean') throw refused('stream must be true or false')
  if (timeoutMs !== undefined && !(typeof timeoutMs === 'number' && timeoutMs > 0))
    throw refused('timeout_ms must be a number above 0')
  if (!isObject(parameters)) throw refused('parameters must be an object')
  const request: JsonObject = { messages: messagesOf(messages), ...addressOf(provider, model) }
  put(request, rest)
  const foreign: JsonObject = {}
  for (const [name, value] of Object.entries(parameters)) {
    if (KNOWN.has(name) || Object.hasOwn(SPELLINGS, name)) put(request, { [name]: value })
    else foreign[name] = value
  }
  // What this service does not know may still mean something to whoever answers.
  if (Object.keys(foreign).length > 0) put(request, { provider_options: { '*': foreign } })
  const whole = decoded(request)
  // A cancel frame would end the reading alone, and not the work.
  if (whole.resumeWindow !== undefined)
    throw new GatewayError(
      'UNSUPPORTED',
      'resume_window is not for a WebSocket, where leaving cancels: use StreamComplete',
    )
  return whole
}

function put(request: JsonObject, fields: JsonObject): void {
  for (const [name, value] of Object.entries(fields)) {
    if (value === null) continue
    const spelling = Object.hasOwn(SPELLINGS, name) ? SPELLINGS[name] : undefined
    const [known, meant] = spelling?.(value) ?? [name, value]
    if (Object.hasOwn(request, known))
      throw refused(`${known} is said twice: say it either in the frame or in parameters`)
    request[known] = meant
  }
}

function decoded(request: JsonObject): CompleteRequest {
  try {
    return fromJson(CompleteRequestSchema, request)
  } catch (error) {
    // Its messages name the field and quote the value that does not fit into it.
    throw refused(error instanceof Error ? error.message.slice(0, 300) : 'the request cannot be read')
  }
}

function addressOf(provider: JsonValue | undefined, model: JsonValue | undefined): JsonObject {
  if (typeof model !== 'string')
    throw refused('model is required: a model id, provider/id, an alias, or auto')
  if (provider === undefined || provider === null || provider === 'auto') return { model }
  if (typeof provider !== 'string' || provider === '') throw refused('provider must be the id of a provider')
  if (model === 'auto') return { model, routing: { allow: [provider] } }
  return { model: model.startsWith(`${provider}/`) ? model : `${provider}/${model}` }
}

function effortOf(value: JsonValue): JsonValue {
  return typeof value === 'string' && !value.startsWith('REASONING_')
    ? `REASONING_EFFORT_${value.toUpperCase()}`
    : value
}

function formatOf(value: JsonValue): JsonValue {
  if (!isObject(value) || value['type'] === undefined) return value
  switch (value['type']) {
    case 'text':
      return { text: {} }
    case 'json_object':
      return { json: {} }
    case 'json_schema':
      return { json_schema: value['json_schema'] ?? {} }
    default:
      throw refused('response_format.type must be text, json_object or json_schema')
  }
}

function toolOf(tool: JsonValue): JsonValue {
  if (!isObject(tool) || tool['type'] === undefined) return tool
  if (tool['type'] !== 'function') throw refused(`tools: ${told(tool['type'])} is no function`)
  return tool['function'] ?? {}
}

const MODES: Readonly<Record<string, string>> = {
  auto: 'MODE_AUTO',
  none: 'MODE_NONE',
  required: 'MODE_REQUIRED',
}

function choiceOf(value: JsonValue): JsonValue {
  if (typeof value === 'string') {
    const mode = Object.hasOwn(MODES, value) ? MODES[value] : undefined
    if (mode === undefined) throw refused('tool_choice must be auto, none, required or a function')
    return { mode }
  }
  if (!isObject(value) || value['type'] === undefined) return value
  const called = value['function']
  return { tool_name: isObject(called) ? (called['name'] ?? '') : '' }
}

// What Kimi refuses in a request whose fields are each right, but not together or not for the model.
import { kimiInvalid } from './kimi-errors.ts'
import type { KimiModel } from './kimi-models.ts'
import { schemaFault } from './kimi-schema.ts'
import type { Reply } from './reply.ts'
import { isObject, type JsonObject, listOf, objectOf, textOf } from './shape.ts'

type Rule = (body: JsonObject, model: KimiModel) => Reply | undefined

const MESSAGE_BYTES_MAX = 2_097_152

const has = (body: JsonObject, field: string): boolean => body[field] !== undefined

/** Whether the model will think. */
export function thinks(body: JsonObject, model: KimiModel): boolean {
  if (model.family.thinking === 'never') return false
  return model.family.thinking !== 'optional' || objectOf(body['thinking'])['type'] !== 'disabled'
}

/** The request's tools and those that its system messages bring. */
export const toolsOf = (body: JsonObject): readonly unknown[] => [
  ...listOf(body['tools']),
  ...listOf(body['messages']).flatMap(each => listOf(objectOf(each)['tools'])),
]

const nameOf = (tool: unknown): string => textOf(objectOf(objectOf(tool)['function'])['name'])

const messageSize: Rule = body => {
  const sizeBytes = Buffer.byteLength(JSON.stringify(body['messages']))
  if (sizeBytes <= MESSAGE_BYTES_MAX) return undefined
  return kimiInvalid(`Invalid request: total message size ${sizeBytes} exceeds limit ${MESSAGE_BYTES_MAX}`)
}

/** The sampling of the kimi models is fixed; only the value that it has anyway passes. */
const sampling: Rule = (body, model) => {
  const { fixedSampling } = model.family
  const temperature = body['temperature']
  if (!fixedSampling) {
    if (typeof temperature === 'number' && (temperature < 0 || temperature > 1))
      return kimiInvalid('invalid temperature: must be in [0, 1]')
    const count = Number(body['n'] ?? 1)
    if (count <= 5 && (count === 1 || Number(temperature ?? 0) > 0.01)) return undefined
    return kimiInvalid('invalid n: must be 1 when temperature is close to 0, and at most 5')
  }
  const fixed = {
    temperature: thinks(body, model) ? 1 : 0.6,
    top_p: 0.95,
    n: 1,
    presence_penalty: 0,
    frequency_penalty: 0,
  }
  for (const [field, only] of Object.entries(fixed)) {
    if (has(body, field) && body[field] !== only)
      return kimiInvalid(`invalid ${field}: only ${only} is allowed for this model`)
  }
  return undefined
}

const thinkingFields: Rule = (body, model) => {
  const { thinking, keep } = model.family
  if (has(body, 'thinking') && has(body, 'reasoning_effort'))
    return kimiInvalid(`cannot specify both 'thinking' and 'reasoning_effort'`)
  if (has(body, 'reasoning_effort') && thinking !== 'effort')
    return kimiInvalid(`reasoning_effort is not supported by ${model.id}`)
  if (!has(body, 'thinking')) return undefined
  const given = objectOf(body['thinking'])
  if (thinking === 'effort' || thinking === 'never')
    return kimiInvalid(`thinking is not supported by ${model.id}`)
  if (thinking === 'always' && given['type'] === 'disabled')
    return kimiInvalid(`invalid thinking: only type=enabled is allowed for this model`)
  if (!keep && (given['keep'] ?? null) !== null) return kimiInvalid(`invalid thinking.keep for ${model.id}`)
  return undefined
}

const toolChoice: Rule = (body, model) => {
  const choice = body['tool_choice']
  if (choice === undefined) return undefined
  const tools = toolsOf(body)
  if (tools.length === 0) return kimiInvalid('tool_choice is only allowed when tools are specified')
  const named = isObject(choice)
  if (named && !tools.some(tool => nameOf(tool) === nameOf(choice)))
    return kimiInvalid(`tool_choice: function ${nameOf(choice)} is not among the tools`)
  if ((choice !== 'required' && !named) || !thinks(body, model)) return undefined
  if (choice === 'required' && model.family.requiredWhileThinking) return undefined
  const word = named ? 'specified' : 'required'
  return kimiInvalid(`tool_choice '${word}' is incompatible with thinking enabled`)
}

const toolDefinitions: Rule = (body, model) => {
  const fromMessages = listOf(body['messages']).some(each => has(objectOf(each), 'tools'))
  if (fromMessages && !model.family.toolsInMessages)
    return kimiInvalid(`tools in messages are not supported by ${model.id}`)
  const tools = toolsOf(body)
  const names = tools.map(nameOf)
  const twice = names.find((name, index) => names.indexOf(name) < index)
  if (twice !== undefined) return kimiInvalid(`function name ${twice} is duplicated`)
  for (const tool of tools) {
    const { parameters } = objectOf(objectOf(tool)['function'])
    const fault = parameters === undefined ? undefined : schemaFault(parameters, 'parameters')
    if (fault !== undefined)
      return kimiInvalid(`tools.function.parameters is not a valid moonshot flavored json schema: ${fault}`)
  }
  return undefined
}

const responseFormat: Rule = body => {
  const { type, json_schema } = objectOf(body['response_format'])
  const messages = listOf(body['messages'])
  if (type === 'json_schema') {
    const fault = schemaFault(objectOf(json_schema)['schema'], 'schema')
    if (fault === undefined) return undefined
    return kimiInvalid(`response_format is not a valid moonshot flavored json schema: ${fault}`)
  }
  if (type !== 'json_object') return undefined
  if (messages.some(each => objectOf(each)['partial'] === true))
    return kimiInvalid('partial mode cannot be used together with response_format json_object')
  if (/json/i.test(JSON.stringify(messages))) return undefined
  return kimiInvalid('the prompt must ask for JSON when response_format is json_object')
}

const messageKinds: Rule = (body, model) => {
  const messages = listOf(body['messages']).map(objectOf)
  for (const [index, { role, content, tool_calls, partial, tools }] of messages.entries()) {
    if (content === undefined && tool_calls === undefined && tools === undefined)
      return kimiInvalid(`message at index ${index}: content must not be empty`)
    if (partial === true && index !== messages.length - 1)
      return kimiInvalid(`message at index ${index}: only the last message may be partial`)
    if (role === 'user' && !model.family.media && listOf(content).some(part => !has(objectOf(part), 'text')))
      return kimiInvalid(`${model.id} does not take images or videos`)
  }
  return undefined
}

/** While it thinks, Kimi wants to see what it thought before each of its tool calls; a space will do. */
const reasoningKept: Rule = (body, model) => {
  if (!thinks(body, model)) return undefined
  const index = listOf(body['messages']).findIndex(each => {
    const { tool_calls, reasoning_content } = objectOf(each)
    return tool_calls !== undefined && textOf(reasoning_content) === ''
  })
  if (index === -1) return undefined
  return kimiInvalid(
    `thinking is enabled but reasoning_content is missing in assistant tool call message at index ${index}`,
  )
}

/** Every call is answered by one tool message before any other turn, and no tool message stands alone. */
const toolTurns: Rule = body => {
  let open = new Set<string>()
  for (const each of listOf(body['messages'])) {
    const { role, tool_calls: calls, tool_call_id: id } = objectOf(each)
    if (role === 'tool') {
      if (!open.delete(textOf(id))) return kimiInvalid(`tool_call_id ${textOf(id)} is not found`)
      continue
    }
    if (open.size > 0) break
    const ids = listOf(calls).map(call => textOf(objectOf(call)['id']))
    open = new Set(ids)
    if (open.size < ids.length) return kimiInvalid('tool call ids must differ')
  }
  if (open.size === 0) return undefined
  return kimiInvalid(
    `an assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: ${[...open].join(', ')}`,
  )
}

const cacheOptions: Rule = (body, model) =>
  has(body, 'prompt_cache_options') && !model.family.cacheOptions
    ? kimiInvalid(`prompt_cache_options is not supported by ${model.id}`)
    : undefined

const streamOptions: Rule = body =>
  has(body, 'stream_options') && body['stream'] !== true
    ? kimiInvalid('stream_options is only allowed when stream is enabled')
    : undefined

const rules: readonly Rule[] = [
  messageSize,
  streamOptions,
  sampling,
  thinkingFields,
  messageKinds,
  toolDefinitions,
  toolChoice,
  responseFormat,
  toolTurns,
  reasoningKept,
  cacheOptions,
]

/** Returns the refusal of the first rule that is broken. */
export function kimiBrokenRule(body: JsonObject, model: KimiModel): Reply | undefined {
  for (const rule of rules) {
    const refusal = rule(body, model)
    if (refusal !== undefined) return refusal
  }
  return undefined
}

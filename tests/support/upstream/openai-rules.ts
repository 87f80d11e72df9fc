// What OpenAI refuses in a Chat Completions request whose fields are each right, but not together or not for the model.
import { openAiError } from './openai-errors.ts'
import type { ModelRule } from './openai-models.ts'
import type { Reply } from './reply.ts'
import { isObject, type JsonObject, listOf, objectOf, textOf } from './shape.ts'

type Rule = (body: JsonObject, model: ModelRule, modelName: string) => Reply | undefined

const has = (body: JsonObject, field: string): boolean => body[field] !== undefined

const reasons = (model: ModelRule): boolean => model.efforts.length > 0

/** The effort that will be used. */
export const effortOf = (body: JsonObject, model: ModelRule): string =>
  textOf(body['reasoning_effort']) || model.defaultEffort

const unsupported = (field: string, message: string): Reply =>
  openAiError(400, 'unsupported_parameter', message, field)

/** Refuses a field that stands without the one it depends on. */
const needs =
  (field: string, other: string): Rule =>
  body =>
    has(body, field) && !has(body, other)
      ? openAiError(400, 'invalid_value', `'${field}' is only allowed when '${other}' is specified.`, field)
      : undefined

const maxTokens: Rule = (body, model) => {
  if (!has(body, 'max_tokens')) return undefined
  if (reasons(model)) {
    const message = `Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.`
    return unsupported('max_tokens', message)
  }
  if (!has(body, 'max_completion_tokens')) return undefined
  const message = `Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.`
  return openAiError(400, 'invalid_parameter_combination', message, 'max_tokens')
}

const effort: Rule = (body, model) => {
  if (!has(body, 'reasoning_effort')) return undefined
  if (!reasons(model)) {
    const message = `Unsupported parameter: 'reasoning_effort' is not supported with this model.`
    return unsupported('reasoning_effort', message)
  }
  const sent = textOf(body['reasoning_effort'])
  if (model.efforts.includes(sent)) return undefined
  const supported = model.efforts.map(each => `'${each}'`).join(', ')
  const message = `Unsupported value: 'reasoning_effort' does not support '${sent}' with this model. Supported values are: ${supported}.`
  return openAiError(400, 'unsupported_value', message, 'reasoning_effort')
}

/** Sampling fields are for models that do not reason, or not now; a temperature or top_p of 1 changes nothing. */
const sampling: Rule = (body, model) => {
  if (!reasons(model) || effortOf(body, model) === 'none') return undefined
  for (const field of ['temperature', 'top_p']) {
    const value = body[field]
    if (value === undefined || value === 1) continue
    const message = `Unsupported value: '${field}' does not support ${value} with this model. Only the default (1) value is supported.`
    return openAiError(400, 'unsupported_value', message, field)
  }
  const fields = ['logprobs', 'top_logprobs', 'frequency_penalty', 'presence_penalty', 'logit_bias']
  const sent = fields.find(field => has(body, field))
  if (sent === undefined) return undefined
  return unsupported(sent, `Unsupported parameter: '${sent}' is not supported with this model.`)
}

const stopWords: Rule = (body, model) =>
  has(body, 'stop') && reasons(model)
    ? unsupported('stop', `Unsupported parameter: 'stop' is not supported with this model.`)
    : undefined

const toolsWhileReasoning: Rule = (body, model, modelName) => {
  const functions = listOf(body['tools']).some(tool => objectOf(tool)['type'] === 'function')
  if (!functions || model.toolsWithEffort === 'allowed' || effortOf(body, model) === 'none') return undefined
  if (model.toolsWithEffort === 'refused-when-sent' && !has(body, 'reasoning_effort')) return undefined
  const message = `Function tools with reasoning_effort are not supported for ${modelName} in /v1/chat/completions. To use function tools, use /v1/responses or set reasoning_effort to 'none'.`
  return openAiError(400, null, message, 'reasoning_effort')
}

/** The named tools of a tool_choice must exist. */
const choiceExists: Rule = body => {
  const nameOf = (tool: unknown): string => {
    const { type, function: fn, custom } = objectOf(tool)
    return `${textOf(type)} ${textOf(objectOf(fn ?? custom)['name'])}`
  }
  const choice = objectOf(body['tool_choice'])
  const wanted =
    choice['type'] === 'allowed_tools' ? listOf(objectOf(choice['allowed_tools'])['tools']) : [choice]
  if (!isObject(body['tool_choice'])) return undefined
  const names = listOf(body['tools']).map(nameOf)
  const stranger = wanted.map(nameOf).find(each => !names.includes(each))
  if (stranger === undefined) return undefined
  return openAiError(
    400,
    'invalid_value',
    `Tool choice '${stranger}' not found in 'tools' parameter.`,
    'tool_choice',
  )
}

/** Every call is answered by just one tool message before any other turn, and no tool message stands alone. */
const toolTurns: Rule = body => {
  let open = new Set<string>()
  let openAt = 0
  const unanswered = (): Reply => {
    const ids = [...open].join(', ')
    const message = `An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: ${ids}`
    return openAiError(400, null, message, `messages[${openAt}].role`)
  }
  for (const [index, each] of listOf(body['messages']).entries()) {
    const {
      role,
      tool_calls: calls,
      tool_call_id: id,
      content,
      refusal,
      audio,
      function_call,
    } = objectOf(each)
    const param = `messages[${index}]`
    if (role === 'tool') {
      if (open.delete(textOf(id))) continue
      const message = `Invalid parameter: messages with role 'tool' must be a response to a preceding message with 'tool_calls'.`
      return openAiError(400, null, message, `${param}.role`)
    }
    if (open.size > 0) return unanswered()
    if (role !== 'assistant') continue
    const ids = listOf(calls).map(call => textOf(objectOf(call)['id']))
    open = new Set(ids)
    openAt = index
    if (open.size < ids.length) {
      return openAiError(400, 'invalid_value', `Duplicate tool call id in '${param}'.`, `${param}.tool_calls`)
    }
    if (ids.length === 0 && (content ?? refusal ?? audio ?? function_call ?? null) === null) {
      return openAiError(
        400,
        'invalid_type',
        `Invalid value for 'content': expected a string, got null.`,
        `${param}.content`,
      )
    }
  }
  return open.size > 0 ? unanswered() : undefined
}

const jsonIsNamed: Rule = body => {
  if (objectOf(body['response_format'])['type'] !== 'json_object') return undefined
  if (/json/i.test(JSON.stringify(body['messages']))) return undefined
  const message = `'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.`
  return openAiError(400, null, message, 'messages')
}

/** Strict schemas close every object and require all its properties. */
const strictSchemas: Rule = body => {
  const format = objectOf(objectOf(body['response_format'])['json_schema'])
  const given = [
    { strict: format['strict'], schema: format['schema'], param: 'response_format' },
    ...listOf(body['tools']).map((tool, index) => {
      const { strict, parameters } = objectOf(objectOf(tool)['function'])
      return { strict, schema: parameters ?? {}, param: `tools[${index}].function.parameters` }
    }),
  ]
  const loose = given.find(({ strict, schema }) => strict === true && !isClosed(schema))
  if (loose === undefined) return undefined
  const message = `Invalid schema for '${loose.param}': 'additionalProperties' is required to be supplied and to be false, and 'required' to name every property.`
  return openAiError(400, 'invalid_json_schema', message, loose.param)
}

/** Whether every object in the schema is closed and requires all its properties. */
export function isClosed(schema: unknown): boolean {
  if (Array.isArray(schema)) return schema.every(isClosed)
  if (!isObject(schema)) return true
  if (schema['type'] === 'object') {
    const names = Object.keys(objectOf(schema['properties']))
    const required = listOf(schema['required'])
    if (schema['additionalProperties'] !== false || !names.every(name => required.includes(name)))
      return false
  }
  const parts = [
    ...Object.values(objectOf(schema['properties'])),
    ...Object.values(objectOf(schema['$defs'])),
  ]
  return [...parts, schema['items'], schema['anyOf']].every(isClosed)
}

const webSearch: Rule = body =>
  has(body, 'web_search_options')
    ? unsupported('web_search_options', 'Web search options not supported with this model.')
    : undefined

const streamOptions: Rule = body =>
  has(body, 'stream_options') && body['stream'] !== true
    ? openAiError(
        400,
        'invalid_value',
        `The 'stream_options' parameter is only allowed when 'stream' is enabled.`,
        'stream_options',
      )
    : undefined

const rules: readonly Rule[] = [
  streamOptions,
  needs('tool_choice', 'tools'),
  needs('parallel_tool_calls', 'tools'),
  needs('top_logprobs', 'logprobs'),
  maxTokens,
  effort,
  sampling,
  stopWords,
  toolsWhileReasoning,
  choiceExists,
  toolTurns,
  jsonIsNamed,
  strictSchemas,
  webSearch,
]

/** Returns the refusal of the first rule that is broken. */
export function brokenRule(body: JsonObject, model: ModelRule, modelName: string): Reply | undefined {
  for (const rule of rules) {
    const refusal = rule(body, model, modelName)
    if (refusal !== undefined) return refusal
  }
  return undefined
}

// What OpenAI refuses in a Responses request whose fields are each right, but not together or not for the model.
import { openAiError } from './openai-errors.ts'
import type { ModelRule, ServedModel } from './openai-models.ts'
import { isClosed } from './openai-rules.ts'
import type { Reply } from './reply.ts'
import { isObject, type JsonObject, listOf, objectOf, textOf } from './shape.ts'

/** A request with the items of the response before it. */
export type Turn = { readonly body: JsonObject; readonly items: readonly unknown[] }

type Rule = (turn: Turn, model: ModelRule) => Reply | undefined

/** The efforts of models that only this endpoint has. */
const ownEfforts: Readonly<Record<string, readonly string[]>> = {
  'gpt-5.5-pro': ['medium', 'high', 'xhigh'],
  'gpt-5.3-codex': ['low', 'medium', 'high', 'xhigh'],
  'gpt-5-pro': ['high'],
  'o3-pro': ['low', 'medium', 'high'],
}

/** The model's rule as it is on this endpoint. */
export function responsesRule(model: ServedModel): ModelRule {
  const efforts = ownEfforts[model.id] ?? model.rule.efforts
  const { defaultEffort } = model.rule
  const [only] = efforts
  return {
    ...model.rule,
    efforts,
    defaultEffort: efforts.includes(defaultEffort) ? defaultEffort : (only ?? defaultEffort),
  }
}

/** The effort that will be used. */
export const responsesEffort = (body: JsonObject, model: ModelRule): string =>
  textOf(objectOf(body['reasoning'])['effort']) || model.defaultEffort

/** The items of the input; a string is one user message. */
export const itemsOf = (body: JsonObject): readonly unknown[] =>
  typeof body['input'] === 'string'
    ? [{ type: 'message', role: 'user', content: body['input'] }]
    : listOf(body['input'])

const needsTools: Rule = ({ body }) => {
  const field = ['tool_choice', 'parallel_tool_calls'].find(each => body[each] !== undefined)
  if (field === undefined || body['tools'] !== undefined) return undefined
  return openAiError(400, 'invalid_value', `'${field}' is only allowed when 'tools' is specified.`, field)
}

const choiceExists: Rule = ({ body }) => {
  const choice = body['tool_choice']
  if (!isObject(choice)) return undefined
  const wanted = choice['type'] === 'allowed_tools' ? listOf(choice['tools']) : [choice]
  const names = listOf(body['tools']).map(tool => objectOf(tool)['name'])
  const stranger = wanted.map(each => objectOf(each)['name']).find(each => !names.includes(each))
  if (stranger === undefined) return undefined
  const message = `Tool choice '${stranger}' not found in 'tools' parameter.`
  return openAiError(400, 'invalid_value', message, 'tool_choice')
}

const effort: Rule = ({ body }, model) => {
  if (body['reasoning'] === undefined) return undefined
  const param = 'reasoning.effort'
  if (model.efforts.length === 0) {
    const message = `Unsupported parameter: '${param}' is not supported with this model.`
    return openAiError(400, 'unsupported_parameter', message, param)
  }
  const sent = responsesEffort(body, model)
  if (model.efforts.includes(sent)) return undefined
  const supported = model.efforts.map(each => `'${each}'`).join(', ')
  const message = `Unsupported value: '${sent}' is not supported with this model. Supported values are: ${supported}.`
  return openAiError(400, 'unsupported_value', message, param)
}

const sampling: Rule = ({ body }, model) => {
  if (model.efforts.length === 0 || responsesEffort(body, model) === 'none') return undefined
  const sent = ['temperature', 'top_p'].find(field => body[field] !== undefined && body[field] !== 1)
  if (sent === undefined) return undefined
  const message = `Unsupported parameter: '${sent}' is not supported with this model.`
  return openAiError(400, 'unsupported_parameter', message, sent)
}

/** Every output has its call before it, every call has just one output, and call ids differ. */
const callsAndOutputs: Rule = ({ items }) => {
  const open = new Set<string>()
  const met = new Set<string>()
  for (const each of items) {
    const { type, call_id } = objectOf(each)
    const id = textOf(call_id)
    if (type === 'function_call') {
      if (met.has(id)) return openAiError(400, 'invalid_value', `Duplicate call_id '${id}'.`, 'input')
      met.add(id)
      open.add(id)
    }
    if (type === 'function_call_output' && !open.delete(id)) {
      const message = `No tool call found for function call output with call_id ${id}.`
      return openAiError(400, null, message, 'input')
    }
  }
  const [unanswered] = open
  if (unanswered === undefined) return undefined
  return openAiError(400, null, `No tool output found for function call ${unanswered}.`, 'input')
}

const jsonIsNamed: Rule = ({ body, items }) => {
  if (objectOf(objectOf(body['text'])['format'])['type'] !== 'json_object') return undefined
  if (/json/i.test(JSON.stringify([items, body['instructions'] ?? '']))) return undefined
  const message = `Response input must contain the word 'json' in some form to use 'text.format' of type 'json_object'.`
  return openAiError(400, null, message, 'input')
}

const strictSchemas: Rule = ({ body }) => {
  const given = [
    { ...objectOf(objectOf(body['text'])['format']), param: 'text.format.schema' },
    ...listOf(body['tools']).map((tool, index) => {
      const { strict, parameters } = objectOf(tool)
      return { strict, schema: parameters ?? {}, param: `tools[${index}].parameters` }
    }),
  ].map(objectOf)
  const loose = given.find(({ strict, schema }) => strict === true && !isClosed(schema))
  if (loose === undefined) return undefined
  const param = textOf(loose['param'])
  const message = `Invalid schema for '${param}': 'additionalProperties' is required to be supplied and to be false, and 'required' to name every property.`
  return openAiError(400, 'invalid_json_schema', message, param)
}

const rules: readonly Rule[] = [
  needsTools,
  choiceExists,
  effort,
  sampling,
  callsAndOutputs,
  jsonIsNamed,
  strictSchemas,
]

/** Returns the refusal of the first rule that is broken. */
export function responsesBrokenRule(turn: Turn, model: ModelRule): Reply | undefined {
  for (const rule of rules) {
    const refusal = rule(turn, model)
    if (refusal !== undefined) return refusal
  }
  return undefined
}

// The rules of a chat request, as one table: what the contract says of each field, checked before anything is done.
import type { JsonValue } from '@bufbuild/protobuf'
import { ReasoningEffort, type ResponseFormat, type Tool, ToolChoice_Mode } from '#gen/exai/v1/chat_pb'
import { type CompleteRequest, Routing_Prefer } from '#gen/exai/v1/chat_service_pb'
import { GatewayError } from '../core/errors.ts'
import { millisecondsOf } from '../core/time.ts'
import { barredFieldIn, foreignFileIn } from './own-options.ts'
import { schemaProblem } from './schema.ts'

/** Limits of a request; each is part of the contract and named in its comments. */
export const REQUEST_LIMITS = {
  nameCharacters: 256,
  tools: 128,
  stops: 16,
  stopCharacters: 256,
  metadataEntries: 16,
  metadataKeyCharacters: 64,
  metadataValueCharacters: 512,
  hintCharacters: 256,
  idempotencyKeyCharacters: 255,
  routingNames: 64,
  providerOptions: 16,
  webSearchResults: 50,
} as const

/** The longest that a call may live on after its client has left, in milliseconds; longer is clamped. */
export const RESUME_WINDOW_MAX_MS = 10 * 60 * 1000

/** Most of a place within fields that the caller has named. */
const PLACE_CHARACTERS = 256

const NAME = /^[A-Za-z0-9_-]{1,64}$/
const VISIBLE_ASCII = /^[\x21-\x7e]+$/

/** What is wrong with a field, or undefined. */
type Problem = string | undefined
type Rule = (request: CompleteRequest) => Problem

const RULES = {
  model: r => {
    if (r.model === '') return 'is required: a model id, provider/id, an alias, or auto'
    return atMost(r.model.length, REQUEST_LIMITS.nameCharacters, 'characters')
  },
  messages: r => (r.messages.length === 0 ? 'needs at least one message' : undefined),
  tools: r => atMost(r.tools.length, REQUEST_LIMITS.tools, 'tools') ?? toolsProblem(r.tools),
  tool_choice: r => {
    const choice = r.toolChoice?.choice
    if (choice?.case === 'toolName' && !r.tools.some(tool => tool.name === choice.value))
      return `names ${quoted(choice.value)}, which is not among tools`
    if (choice?.case !== 'mode') return undefined
    if (choice.value !== ToolChoice_Mode.NONE && r.tools.length === 0)
      return 'needs tools, unless its mode is MODE_NONE'
    return known(ToolChoice_Mode, choice.value)
  },
  response_format: r => formatProblem(r.responseFormat),
  temperature: r => within(r.temperature, 0, 2),
  top_p: r =>
    r.topP === undefined || (r.topP > 0 && r.topP <= 1) ? undefined : 'must be above 0 and at most 1',
  max_output_tokens: r =>
    r.maxOutputTokens === undefined || r.maxOutputTokens >= 1 ? undefined : 'must be at least 1',
  stop: r => {
    if (r.stop.some(text => text === '' || text.length > REQUEST_LIMITS.stopCharacters))
      return `takes texts of 1 to ${REQUEST_LIMITS.stopCharacters} characters`
    return atMost(r.stop.length, REQUEST_LIMITS.stops, 'texts')
  },
  reasoning_effort: r => known(ReasoningEffort, r.reasoningEffort),
  'web_search.max_results': r => within(r.webSearch?.maxResults, 1, REQUEST_LIMITS.webSearchResults),
  idempotency_key: r => {
    if (r.idempotencyKey === '') return undefined
    if (!VISIBLE_ASCII.test(r.idempotencyKey)) return 'takes visible ASCII characters only'
    return atMost(r.idempotencyKey.length, REQUEST_LIMITS.idempotencyKeyCharacters, 'characters')
  },
  resume_window: r => {
    const window = r.resumeWindow
    return window !== undefined && (window.seconds < 0n || window.nanos < 0)
      ? 'must not be negative'
      : undefined
  },
  user: r => atMost(r.user.length, REQUEST_LIMITS.hintCharacters, 'characters'),
  prompt_cache_key: r => atMost(r.promptCacheKey.length, REQUEST_LIMITS.hintCharacters, 'characters'),
  service_tier: r => atMost(r.serviceTier.length, REQUEST_LIMITS.hintCharacters, 'characters'),
  metadata: r => metadataProblem(r.metadata),
  'routing.allow': r => namesProblem(r.routing?.allow),
  'routing.deny': r => namesProblem(r.routing?.deny),
  'routing.fallback_models': r => namesProblem(r.routing?.fallbackModels),
  'routing.prefer': r => known(Routing_Prefer, r.routing?.prefer ?? 0),
  'routing.max_cost_nano_usd': r =>
    (r.routing?.maxCostNanoUsd ?? 0n) < 0n ? 'must not be negative' : undefined,
  provider_options: r =>
    atMost(Object.keys(r.providerOptions).length, REQUEST_LIMITS.providerOptions, 'providers') ??
    optionsProblem(r.providerOptions),
} as const satisfies Record<string, Rule>

const RULE_ENTRIES = Object.entries<Rule>(RULES)

/** Checks a request against the contract. Throws INVALID_REQUEST naming the first field that breaks it, or UNSUPPORTED. */
export function validateRequest(request: CompleteRequest): void {
  for (const [field, rule] of RULE_ENTRIES) {
    const problem = rule(request)
    if (problem === undefined) continue
    // A problem that begins with a deeper place, such as `[3].name`, goes on with the field's name.
    throw new GatewayError('INVALID_REQUEST', /^[.[]/.test(problem) ? field + problem : `${field} ${problem}`)
  }
  const { strict, resumeWindow } = request
  if (strict && resumeWindow !== undefined && millisecondsOf(resumeWindow) > RESUME_WINDOW_MAX_MS)
    throw new GatewayError('UNSUPPORTED', `resume_window: ${RESUME_WINDOW_MAX_MS / 1000} s is the longest`)
}

/** Whether a request keeps the rules. */
export function isValidRequest(request: CompleteRequest): boolean {
  try {
    validateRequest(request)
    return true
  } catch (error) {
    if (error instanceof GatewayError) return false
    throw error
  }
}

function optionsProblem(options: CompleteRequest['providerOptions']): Problem {
  const place = foreignFileIn(options)
  if (place === undefined) return barredFieldIn(options, 'chat')
  return `${place.slice(0, PLACE_CHARACTERS)} names a file at the provider: name one of yours in a message`
}

function toolsProblem(tools: readonly Tool[]): Problem {
  const names = new Set<string>()
  for (const [index, tool] of tools.entries()) {
    if (!NAME.test(tool.name)) return `[${index}].name must be 1 to 64 of A-Z a-z 0-9 _ -`
    if (names.has(tool.name)) return `[${index}].name ${quoted(tool.name)} is used twice`
    names.add(tool.name)
    if (tool.parameters === undefined) continue
    const problem = objectSchemaProblem(tool.parameters)
    if (problem !== undefined) return `[${index}].parameters ${problem}`
  }
  return undefined
}

function formatProblem(format: ResponseFormat | undefined): Problem {
  if (format?.format.case !== 'jsonSchema') return undefined
  const { name, schema } = format.format.value
  if (!NAME.test(name)) return '.json_schema.name must be 1 to 64 of A-Z a-z 0-9 _ -'
  if (schema === undefined) return '.json_schema.schema is required'
  const problem = schemaProblem(schema)
  return problem === undefined ? undefined : `.json_schema.schema ${problem}`
}

function objectSchemaProblem(schema: { readonly [key: string]: JsonValue }): Problem {
  const { type } = schema
  if (type !== undefined && type !== 'object') return 'must be a schema of type object'
  return schemaProblem(schema)
}

function metadataProblem(metadata: { readonly [key: string]: string }): Problem {
  const entries = Object.entries(metadata)
  for (const [key, value] of entries) {
    if (key.length > REQUEST_LIMITS.metadataKeyCharacters)
      return `has a key longer than ${REQUEST_LIMITS.metadataKeyCharacters} characters`
    if (value.length > REQUEST_LIMITS.metadataValueCharacters)
      return `has a value longer than ${REQUEST_LIMITS.metadataValueCharacters} characters`
  }
  return atMost(entries.length, REQUEST_LIMITS.metadataEntries, 'entries')
}

function namesProblem(names: readonly string[] = []): Problem {
  if (names.some(name => name === '' || name.length > REQUEST_LIMITS.nameCharacters))
    return `takes names of 1 to ${REQUEST_LIMITS.nameCharacters} characters`
  return atMost(names.length, REQUEST_LIMITS.routingNames, 'names')
}

function known(values: Readonly<Record<string, number>>, value: number): Problem {
  return Object.values(values).includes(value) ? undefined : `has no value ${value}`
}

function within(value: number | undefined, low: number, high: number): Problem {
  // Written so that NaN fails too.
  return value === undefined || (value >= low && value <= high) ? undefined : `must be ${low} to ${high}`
}

function atMost(count: number, limit: number, unit: string): Problem {
  return count > limit ? `takes at most ${limit} ${unit}, and got ${count}` : undefined
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 64 ? `${text.slice(0, 64)}…` : text)
}

// Turns a request of the contract into the body of `POST /chat/completions`, by the rules of a host and a model.
import { createHash, randomUUID } from 'node:crypto'
import { GatewayError } from '../../core/errors.ts'
import type { AttemptInput } from '../../core/provider.ts'
import { type Fields, mergeFields, providerLayers } from '../merge.ts'
import type { Dialect } from './dialect.ts'
import { buildMessages } from './messages.ts'
import { createNote, type Note, unsupported } from './notes.ts'
import { outputCap } from './output-cap.ts'
import { buildSampling } from './sampling.ts'
import { buildTools } from './tools.ts'

// Below this, answers of models that always think may be empty (antirez/ds4#898).
const THINKERS_TOKENS_MIN = 2048

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
  const messages = buildMessages(input, dialect, note)
  const tools = buildTools(input, dialect, note)
  const body: Fields = {
    model: model.id,
    messages,
    ...tools,
    response_format: responseFormat(input, dialect),
    ...buildSampling(input, dialect, note),
    [dialect.outputCap]: chooseCap(input, [messages, tools], note),
    ...buildHints(input, dialect, extra, note),
    ...dialect.always,
    // A second request under the id of the first would be refused (GLM 1231).
    ...(dialect.attemptId === undefined ? {} : { [dialect.attemptId]: randomUUID() }),
    ...(input.stream && {
      stream: true,
      stream_options: dialect.streamUsage ? { include_usage: true } : undefined,
    }),
  }
  if (layers.length === 0) return body
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

function chooseCap(
  { model, request }: AttemptInput,
  prompt: readonly unknown[],
  note: Note,
): number | undefined {
  const asked = request.maxOutputTokens
  // Thoughts count, too, and these models cannot be told not to think.
  if (asked !== undefined && asked < THINKERS_TOKENS_MIN && model.reasoning === 'always')
    note('NOTICE', 'max_output_tokens', `${model.id} may spend all ${asked} tokens on thinking`)
  return outputCap({ model, request, prompt }, note)
}

function responseFormat(input: AttemptInput, dialect: Dialect): unknown {
  const format = input.request.responseFormat?.format
  if (format === undefined || format.case === undefined || format.case === 'text') return undefined
  const form = format.case === 'json' ? 'json_object' : 'json_schema'
  if (!dialect.responseForms.includes(form)) {
    throw unsupported(input, 'response_format', `${input.model.provider} cannot be held to ${form}`)
  }
  if (format.case === 'json') return { type: form }
  const { name, description, strict } = format.value
  const schema = format.value.schema ?? {}
  return {
    type: form,
    json_schema: {
      name,
      description: description === '' ? undefined : description,
      schema: dialect.adaptSchema === undefined ? schema : dialect.adaptSchema(schema),
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
    service_tier: keep(
      takes.serviceTier || hasTier(input, dialect),
      'service_tier',
      request.serviceTier || undefined,
    ),
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

function hasTier({ model, request }: AttemptInput, { serviceTiers }: Dialect): boolean {
  return serviceTiers?.models.test(model.id) === true && serviceTiers.values.includes(request.serviceTier)
}

function userField(user: string, dialect: Dialect, note: Note): Fields {
  if (user === '') return {}
  if (dialect.user === undefined) {
    note('DROPPED', 'user', 'there is no such field on this wire')
    return {}
  }
  const { field, charsMin = 1, charsMax } = dialect.user
  if (user.length >= charsMin && user.length <= charsMax) return { [field]: user }
  const limit =
    user.length < charsMin ? `${charsMin} characters are the least` : `${charsMax} characters are the most`
  note('CHANGED', 'user', `its SHA-256 is sent, because ${limit}`)
  return { [field]: createHash('sha256').update(user).digest('hex') }
}

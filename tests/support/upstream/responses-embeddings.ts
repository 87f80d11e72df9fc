// OpenAI's embeddings: deterministic vectors of length 1 in both encodings, and the documented limits.
import { createHash } from 'node:crypto'
import { countWords } from './answer.ts'
import { openAiError } from './openai-errors.ts'
import { jsonReply, type Reply } from './reply.ts'
import { checkOpenAiBody } from './responses-body.ts'
import type { Mounted } from './responses-mount.ts'
import { withoutFaults } from './script.ts'
import { byKind, type JsonObject, list, number, object, oneOf, type Shape, text, textOf } from './shape.ts'
import type { UpstreamRequest } from './wire.ts'

const ITEM_TOKENS_MAX = 8_192
const ITEMS_MAX = 2_048
const TOTAL_TOKENS_MAX = 300_000

/** The models: how long their vectors are, and whether shorter ones can be had. */
const models: Readonly<Record<string, { readonly size: number; readonly shortens: boolean }>> = {
  'text-embedding-3-small': { size: 1536, shortens: true },
  'text-embedding-3-large': { size: 3072, shortens: true },
  'text-embedding-ada-002': { size: 1536, shortens: false },
}

const token = number({ min: 0, integer: true })
const filled = text({ pattern: /[\s\S]/ })
const input: Shape = (value, path) => {
  if (typeof value === 'string') return filled(value, path)
  const first: unknown = Array.isArray(value) ? value[0] : undefined
  // A plain list of tokens is one item, and has no limit of items.
  if (typeof first === 'number') return list(token)(value, path)
  byKind({ list: list(byKind({ string: filled, list: list(token) }), { max: ITEMS_MAX }) })(value, path)
  const kinds = new Set(Array.isArray(value) ? value.map((each: unknown) => typeof each) : [])
  if (kinds.size > 1) list(typeof first === 'string' ? filled : list(token))(value, path)
}
const shape = object(
  { model: filled, input },
  {
    encoding_format: oneOf('float', 'base64'),
    dimensions: number({ min: 1, integer: true }),
    user: filled,
  },
)

type Item = { readonly key: string; readonly tokens: number }

const itemOf = (value: unknown): Item =>
  typeof value === 'string'
    ? { key: withoutFaults(value), tokens: countWords(withoutFaults(value)) }
    : { key: JSON.stringify(value), tokens: Array.isArray(value) ? value.length : 0 }

/** Checks a request and makes its vectors. */
export function receiveEmbeddings(request: UpstreamRequest): Mounted {
  const checked = checkOpenAiBody(request, shape)
  if ('refusal' in checked) return { final: checked.refusal }
  const { body } = checked
  const given = inputsOf(body)
  const items = given.map(itemOf)
  const refusal = brokenLimit(body, items)
  if (refusal !== undefined) return { final: refusal }
  const size = Number(body['dimensions'] ?? models[textOf(body['model'])]?.size)
  const base64 = body['encoding_format'] === 'base64'
  const tokens = items.reduce((sum, item) => sum + item.tokens, 0)
  const json = {
    object: 'list',
    data: items.map(({ key }, index) => {
      const vector = vectorOf(key, size)
      return { object: 'embedding', index, embedding: base64 ? packed(vector) : [...vector] }
    }),
    model: textOf(body['model']),
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  }
  return {
    stream: false,
    lastUserText: given.map(textOf).join(' '),
    reply: () => jsonReply(200, json),
  }
}

function inputsOf(body: JsonObject): readonly unknown[] {
  const value = body['input']
  return Array.isArray(value) && typeof value[0] !== 'number' ? value : [value]
}

function brokenLimit(body: JsonObject, items: readonly Item[]): Reply | undefined {
  const name = textOf(body['model'])
  const model = Object.hasOwn(models, name) ? models[name] : undefined
  if (model === undefined) {
    const message = `The model \`${name}\` does not exist or you do not have access to it.`
    return openAiError(404, 'model_not_found', message)
  }
  const dimensions = body['dimensions']
  if (dimensions !== undefined && !model.shortens) {
    const message = 'This model does not support specifying dimensions.'
    return openAiError(400, 'unsupported_parameter', message, 'dimensions')
  }
  if (typeof dimensions === 'number' && dimensions > model.size) {
    const message = `'dimensions' must be at most ${model.size}.`
    return openAiError(400, 'number_above_max_value', message, 'dimensions')
  }
  const long = items.find(item => item.tokens > ITEM_TOKENS_MAX)
  if (long !== undefined) {
    const message = `This model's maximum context length is ${ITEM_TOKENS_MAX} tokens, however you requested ${long.tokens} tokens.`
    return openAiError(400, 'context_length_exceeded', message, 'input')
  }
  if (items.reduce((sum, item) => sum + item.tokens, 0) <= TOTAL_TOKENS_MAX) return undefined
  const message = `Requested more than ${TOTAL_TOKENS_MAX} tokens in all.`
  return openAiError(400, 'max_tokens_per_request', message, 'input')
}

/** A vector of length 1 that depends on the text alone, in 32-bit floats. */
function vectorOf(key: string, size: number): Float32Array {
  const bytes = Buffer.concat(
    Array.from({ length: Math.ceil(size / 32) }, (_, block) =>
      createHash('sha256').update(`${block}:${key}`).digest(),
    ),
  )
  const raw = Array.from({ length: size }, (_, at) => (bytes[at] ?? 0) - 127.5)
  const norm = Math.hypot(...raw)
  return Float32Array.from(raw, each => each / norm)
}

/** Little-endian floats as base64. */
function packed(vector: Float32Array): string {
  const bytes = Buffer.alloc(vector.length * 4)
  for (const [at, each] of vector.entries()) bytes.writeFloatLE(each, at * 4)
  return bytes.toString('base64')
}

// Checks the rules of a request for embeddings, just inside and just outside of each.
import { create, type JsonObject, type MessageInitShape } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { EmbedRequestSchema } from '#gen/exai/v1/embeddings_service_pb'
import { GatewayError } from '../../../src/core/errors.ts'
import { validateEmbedRequest } from '../../../src/embeddings/validate.ts'

type Init = Extract<MessageInitShape<typeof EmbedRequestSchema>, { readonly $typeName?: never }>

function problemOf(over: Init): string | undefined {
  try {
    validateEmbedRequest(create(EmbedRequestSchema, { model: 'm', inputs: ['x'], ...over }))
    return undefined
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error
    expect(error.reason).toBe('INVALID_REQUEST')
    return error.message
  }
}
const many = (count: number): Record<string, JsonObject> =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [`p${at}`, {}]))

describe('a request', () => {
  const good: readonly (readonly [string, Init])[] = [
    ['one text', {}],
    ['2,048 texts', { inputs: Array(2048).fill('x') }],
    ['a blank, which the provider judges', { inputs: [' '] }],
    ['one dimension', { dimensions: 1 }],
    ['a user of 256 characters', { user: 'u'.repeat(256) }],
    ['a model of 256 characters', { model: 'm'.repeat(256) }],
    ['fields for 16 providers', { providerOptions: many(16) }],
    ['fields that providers know', { providerOptions: { '*': { truncate_prompt_tokens: 512 } } }],
  ]
  it.each(good)('may have %s', (_, over) => expect(problemOf(over)).toBeUndefined())

  const bad: readonly (readonly [string, Init, string])[] = [
    ['no model', { model: '' }, 'model is required: a model id, provider/id or an alias'],
    ['auto', { model: 'Auto' }, 'model must not be auto'],
    ['a long model', { model: 'm'.repeat(257) }, 'model takes at most 256 characters, and got 257'],
    ['no text', { inputs: [] }, 'inputs needs at least one text'],
    ['an empty text', { inputs: ['a', ''] }, 'inputs[1] is empty: leave it out'],
    ['2,049 texts', { inputs: Array(2049).fill('x') }, 'inputs takes at most 2048 texts, and got 2049'],
    ['no dimension', { dimensions: 0 }, 'dimensions must be at least 1'],
    ['dimensions below nothing', { dimensions: -1 }, 'dimensions must be at least 1'],
    ['a long user', { user: 'u'.repeat(257) }, 'user takes at most 256 characters, and got 257'],
    ['fields for 17', { providerOptions: many(17) }, 'provider_options takes at most 16 providers'],
    [
      'a file of the account',
      { providerOptions: { openai: { file_id: 'file-1' } } },
      'provider_options.openai.file_id names a file at the provider',
    ],
  ]
  it.each(bad)('is refused with %s', (_, over, message) => expect(problemOf(over)).toContain(message))

  it.each([
    ['model', 'set model itself'],
    ['models', 'set model itself'],
    ['input', 'set inputs'],
    ['encoding_format', 'vectors come as numbers'],
    ['dimensions', 'set dimensions itself'],
    ['user', 'set user itself'],
    ['api_base', 'where and how a provider is asked stands in the configuration'],
    ['service_tier', 'it changes the price, so leave it out'],
  ])('is refused with %s among the fields of a provider', (name, remedy) => {
    expect(problemOf({ providerOptions: { glm: {}, openai: { [name]: 'x' } } })).toBe(
      `provider_options.openai.${name} is not taken: ${remedy}`,
    )
  })

  it('is taken with what changes nothing, as a chat is, and refused with null where that takes something away', () => {
    expect(problemOf({ providerOptions: { openai: { api_base: null, extra_body: null } } })).toBeUndefined()
    expect(problemOf({ providerOptions: { openai: { dimensions: null } } })).toContain(
      'set dimensions itself',
    )
  })

  it('is taken with fields that are refused in a chat alone', () => {
    expect(problemOf({ providerOptions: { openai: { prompt: 'query: ', tools: [] } } })).toBeUndefined()
  })
})

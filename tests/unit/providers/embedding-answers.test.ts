// Checks how answers to embeddings are read: in any order and form, and what makes one broken.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Provider } from '../../../src/core/provider.ts'
import { createOpenAi } from '../../../src/providers/openai.ts'
import { createOpenAiCompatible } from '../../../src/providers/openai-compatible.ts'
import { startUpstream } from '../../support/upstream/openai.ts'
import type { Upstream } from '../../support/upstream/server.ts'
import { collect, failure } from './attempt.ts'
import { answered, asking, finish, item, SMALL, usage } from './embedding.ts'

let upstream: Upstream
const providers: Provider[] = []
const keys = ['test-key']

beforeAll(async () => {
  upstream = await startUpstream()
})
afterAll(async () => {
  for (const each of [...providers, upstream]) await each.close()
})

function made(provider: Provider): Provider {
  providers.push(provider)
  return provider
}
const openAi = () => made(createOpenAi({ id: 'openai', keys, baseUrl: upstream.url }))
const compatible = () => made(createOpenAiCompatible({ id: 'own', keys, baseUrl: upstream.url }))

describe('an answer', () => {
  const nan = Buffer.from('0000c07f', 'hex').toString('base64')
  it('may be in any order, and say the total alone', async () => {
    upstream.next(answered([item(1, [2, 3]), item(0, [0, 1])], { usage: { total_tokens: 9 } }))
    const asked = asking(compatible())
    expect(await collect(asked.once().deltas)).toEqual([usage(9), finish])
    expect(asked.vectors).toEqual([
      [0, 1],
      [2, 3],
    ])
  })

  it('may leave out the places and the counts', async () => {
    upstream.next(answered([item(undefined, [1]), item(undefined, [2])]))
    const asked = asking(compatible())
    expect(await collect(asked.once().deltas)).toEqual([finish])
    expect(asked.vectors).toEqual([[1], [2]])
  })

  it('with vectors of another length than asked for is a warning, and refused under strict though it is billed', async () => {
    const other = answered([item(0, [1, 2, 3]), item(1, [4, 5, 6])], { usage: { prompt_tokens: 2 } })
    upstream.next(other)
    const { deltas, warnings } = asking(compatible(), { dimensions: 2 }).once()
    expect(await collect(deltas)).toEqual([usage(2), finish])
    expect(warnings).toEqual([
      'DROPPED dimensions: the vectors have 3 numbers: the host did not shorten them',
    ])
    upstream.next(other)
    const strict = asking(compatible(), { dimensions: 2, request: { strict: true } })
    const { error, said } = await failure(strict.once().deltas)
    expect([error.reason, said]).toEqual(['UNSUPPORTED', [usage(2)]])
    expect(strict.vectors).toEqual([])
  })

  it.each([
    ['fewer vectors than texts', [item(0, [1])], 'sent 1 vectors for 2 texts'],
    ['more vectors than texts', [item(0, [1]), item(1, [1]), item(2, [1])], 'sent 3 vectors for 2 texts'],
    ['a text twice', [item(0, [1]), item(0, [2])], 'sent two vectors for the text 0'],
    ['a text that there is not', [item(0, [1]), item(2, [2])], 'a vector for a text that there is not'],
    ['half a place', [item(0, [1]), item(0.5, [2])], 'a vector for a text that there is not'],
    ['an empty vector', [item(0, [1]), item(1, [])], 'sent a vector without numbers'],
    ['no vector', [item(0, [1]), item(1, undefined)], 'sent a vector without numbers'],
    ['words', [item(0, [1]), item(1, ['2'])], 'sent a vector without numbers'],
    ['a number that is none', [item(0, [1]), item(1, nan)], 'has a number too large, or none'],
    ['a number that is too large', [item(0, [1]), item(1, [1e39])], 'has a number too large, or none'],
    ['base64 that is none', [item(0, [1]), item(1, '%%%%')], 'sent a vector without numbers'],
    ['base64 of half a number', [item(0, [1]), item(1, 'AAA=')], 'sent a vector without numbers'],
    ['two lengths', [item(0, [1]), item(1, [1, 2])], 'sent vectors of different lengths'],
  ])('with %s is broken', async (_, data, message) => {
    upstream.next(answered(data))
    const asked = asking(compatible())
    const { error } = await failure(asked.once().deltas)
    expect(error).toMatchObject({
      reason: 'UPSTREAM_BROKEN',
      message: expect.stringContaining(message),
      details: { provider: 'own', model: SMALL, against: 'provider' },
    })
    expect(asked.vectors).toEqual([])
  })

  it.each([
    ['html', 'UPSTREAM_UNAVAILABLE'],
    ['half-json', 'UPSTREAM_BROKEN'],
    ['error-200', 'UPSTREAM_UNAVAILABLE'],
    ['status=401', 'UPSTREAM_CREDENTIALS'],
    ['status=429', 'UPSTREAM_LIMITED'],
    ['status=500', 'UPSTREAM_UNAVAILABLE'],
  ])('that is %s fails as a chat does', async (fault, reason) => {
    const { error } = await failure(asking(compatible(), { inputs: [`[[fault:${fault}]] a`] }).once().deltas)
    expect(error.reason).toBe(reason)
  })

  it('says that a text is too long, and that a model is unknown', async () => {
    const long = await failure(asking(openAi(), { inputs: ['a '.repeat(9_000)] }).once().deltas)
    expect(long.error.reason).toBe('CONTEXT_TOO_LONG')
    const unknown = await failure(asking(openAi(), { id: 'text-embedding-9' }).once().deltas)
    expect(unknown.error.reason).toBe('MODEL_NOT_FOUND')
  })
})

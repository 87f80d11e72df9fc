// Checks embeddings through real sockets against strict doubles: parts, forms of vectors, and fields.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GatewayError } from '../../../src/core/errors.ts'
import type { Provider } from '../../../src/core/provider.ts'
import { createGlm } from '../../../src/providers/glm.ts'
import { createKimi } from '../../../src/providers/kimi.ts'
import { createOpenAi } from '../../../src/providers/openai.ts'
import { createOpenAiCompatible } from '../../../src/providers/openai-compatible.ts'
import { startGlm } from '../../support/upstream/glm.ts'
import { startUpstream } from '../../support/upstream/openai.ts'
import type { Upstream } from '../../support/upstream/server.ts'
import { collect, failure } from './attempt.ts'
import { answered, asking, bodies, finish, item, SMALL, usage } from './embedding.ts'

let upstream: Upstream
let bigModel: Upstream
const providers: Provider[] = []
const keys = ['test-key']

beforeAll(async () => {
  upstream = await startUpstream()
  bigModel = await startGlm({ bigModel: true })
})
afterAll(async () => {
  for (const each of [...providers, upstream, bigModel]) await each.close()
})

function made(provider: Provider): Provider {
  providers.push(provider)
  return provider
}
const openAi = () => made(createOpenAi({ id: 'openai', keys, baseUrl: upstream.url }))
const glm = () => made(createGlm({ id: 'glm', keys, baseUrl: bigModel.url }))
const compatible = () => made(createOpenAiCompatible({ id: 'own', keys, baseUrl: upstream.url }))

describe('OpenAI', () => {
  it('is asked for base64, which becomes the same numbers as without', async () => {
    const from = upstream.requests.length
    const packed = asking(openAi(), { dimensions: 8 })
    expect(await collect(packed.once().deltas)).toEqual([usage(2), finish])
    const plain = asking(compatible(), { dimensions: 8 })
    await collect(plain.once().deltas)
    expect(bodies(upstream, from)).toEqual([
      { model: SMALL, input: ['one', 'two'], dimensions: 8, encoding_format: 'base64' },
      { model: SMALL, input: ['one', 'two'], dimensions: 8 },
    ])
    expect(packed.vectors).toHaveLength(2)
    expect(packed.vectors[0]).toHaveLength(8)
    expect(packed.vectors).toEqual(plain.vectors.map(vector => vector.map(Math.fround)))
  })

  it('reads float32 in little-endian order', async () => {
    // 1.0 is 00 00 80 3f, and -2.5 is 00 00 20 c0.
    upstream.next(answered([item(0, Buffer.from('0000803f000020c0', 'hex').toString('base64'))]))
    const asked = asking(openAi(), { inputs: ['a'] })
    await collect(asked.once().deltas)
    expect(asked.vectors).toEqual([[1, -2.5]])
  })

  it('is told the end user, and takes the caller’s own fields under ours', async () => {
    const from = upstream.requests.length
    const { deltas, warnings } = asking(openAi(), { inputs: ['a'], request: { user: 'u-1' } }).once()
    await collect(deltas)
    expect(bodies(upstream, from)).toMatchObject([{ user: 'u-1', model: SMALL }])
    expect(warnings).toEqual([])
    upstream.next(answered([item(0, [1])]))
    const own = { '*': { input: ['not this'], model: 'not-this' }, openai: { user: 'own' } }
    await collect(asking(openAi(), { inputs: ['b'], request: { providerOptions: own } }).once().deltas)
    expect(bodies(upstream, from)[1]).toMatchObject({ input: ['b'], model: SMALL })
  })

  it('drops the length of a model that has only one, or refuses it under strict', async () => {
    const wanted = { inputs: ['a'], dimensions: 8, id: 'text-embedding-ada-002' }
    const lax = asking(openAi(), wanted)
    const { deltas, warnings } = lax.once()
    await collect(deltas)
    expect(lax.vectors[0]).toHaveLength(1536)
    expect(warnings).toEqual(['DROPPED dimensions: text-embedding-ada-002 makes vectors of one length only'])
    const strict = await failure(asking(openAi(), { ...wanted, request: { strict: true } }).once().deltas)
    expect(strict.error).toMatchObject({ reason: 'UNSUPPORTED' })
  })

  it('is asked in parts when the texts may have more tokens than one request takes, and the counts add up', async () => {
    const from = upstream.requests.length
    // For the double each is one word, and for us it may be as many tokens as bytes.
    const texts = [140_000, 140_000, 140_000, 400_000, 10].map((length, at) =>
      'abcde'.charAt(at).repeat(length),
    )
    const asked = asking(openAi(), { inputs: texts, dimensions: 4 })
    expect(await collect(asked.once().deltas)).toEqual([usage(2), usage(3), usage(4), usage(5), finish])
    expect(bodies(upstream, from).map(({ input }) => Object(input).length)).toEqual([2, 1, 1, 1])
    expect(asked.vectors).toHaveLength(5)
    expect(new Set(asked.vectors.map(String)).size).toBe(5)
  })

  it('closes the connection as soon as the call ends', async () => {
    const leaving = new AbortController()
    upstream.next({ faults: ['hang-before-headers'] })
    const provider = openAi()
    const from = upstream.requests.length
    const asked = failure(asking(provider, { inputs: ['x'], signal: leaving.signal }).once().deltas)
    await upstream.waitFor(request => upstream.requests.indexOf(request) >= from)
    const enough = new GatewayError('CANCELLED', 'the caller left')
    leaving.abort(enough)
    expect((await asked).error).toBe(enough)
    await upstream.waitFor(
      request => upstream.requests.indexOf(request) >= from && request.closedByClientAtMs !== undefined,
    )
  })
})

describe('BigModel', () => {
  it('is asked for at most 64 texts at once, in their order, for numbers', async () => {
    const from = bigModel.requests.length
    const inputs = Array.from({ length: 150 }, (_, at) => `text ${at}`)
    const asked = asking(glm(), { inputs, dimensions: 4, id: 'embedding-3' })
    expect(await collect(asked.once().deltas)).toEqual([usage(128), usage(256), usage(300), finish])
    expect(asked.sent).toEqual([64, 64, 22])
    const sent = bodies(bigModel, from)
    expect(sent.map(({ input }) => Object(input).length)).toEqual([64, 64, 22])
    expect(sent.flatMap(({ input }) => input)).toEqual(inputs)
    expect(sent[0]).toEqual({ model: 'embedding-3', input: inputs.slice(0, 64), dimensions: 4 })
    expect(bigModel.requests[from]?.headers['accept-language']).toBe('en-US,en')
    expect(asked.vectors).toHaveLength(150)
  })

  it('keeps the parts that it has made, and is asked only for the others the next time', async () => {
    const inputs = Array.from({ length: 100 }, (_, at) => `part ${at}`)
    const asked = asking(glm(), { inputs, dimensions: 4, id: 'embedding-3' })
    const from = bigModel.requests.length
    bigModel.next({})
    bigModel.next({ faults: ['code=1234'] })
    const { error, said } = await failure(asked.once().deltas)
    expect(error.reason).toBe('UPSTREAM_UNAVAILABLE')
    expect(said).toEqual([usage(128)])
    expect(asked.vectors).toHaveLength(64)
    // What is counted the second time is its own.
    expect(await collect(asked.once().deltas)).toEqual([usage(72), finish])
    expect(bodies(bigModel, from).map(({ input }) => Object(input).length)).toEqual([64, 36, 36])
    expect(asked.vectors).toHaveLength(100)
  })

  it('says that it takes no end user, and that the older model has one length and fewer tokens at once', async () => {
    const from = bigModel.requests.length
    const inputs = ['a'.repeat(5_000), 'b'.repeat(3_000), 'c']
    const asked = asking(glm(), { inputs, dimensions: 4, id: 'embedding-2', request: { user: 'somebody' } })
    const { deltas, warnings } = asked.once()
    await collect(deltas)
    expect(bodies(bigModel, from).map(body => [Object.keys(body), Object(body['input']).length])).toEqual([
      [['model', 'input'], 2],
      [['model', 'input'], 1],
    ])
    expect(asked.vectors.map(({ length }) => length)).toEqual([1024, 1024, 1024])
    expect(warnings).toEqual([
      'DROPPED dimensions: embedding-2 makes vectors of one length only',
      'DROPPED user: there is no such field on this wire',
    ])
  })
})

describe('who cannot embed', () => {
  it('says so: Z.AI and Kimi have no such endpoint, and other addresses of GLM may', async () => {
    const at = (baseUrl?: string) => made(createGlm({ id: 'glm', keys, baseUrl })).embeds
    expect([at(), at('https://api.z.ai/api/coding/paas/v4')]).toEqual([undefined, undefined])
    expect([at('https://open.bigmodel.cn/api/paas/v4'), at(bigModel.url)]).toEqual([true, true])
    const china = { secret: 'k', label: 'china', baseUrl: 'https://open.bigmodel.cn/api/paas/v4' }
    const other = { secret: 'l', label: 'other' }
    expect(made(createGlm({ id: 'glm', keys: [china] })).embeds).toBe(true)
    expect(made(createGlm({ id: 'glm', keys: [china, other] })).embeds).toBeUndefined()
    expect(made(createKimi({ id: 'kimi', keys })).embeds).toBeUndefined()
    const { error } = await failure(asking(made(createKimi({ id: 'kimi', keys }))).once().deltas)
    expect([error.reason, error.message]).toEqual(['UNSUPPORTED', 'kimi has no endpoint for embeddings'])
    expect([openAi().embeds, compatible().embeds]).toEqual([true, true])
    expect(made(createOpenAiCompatible({ id: 'ds', keys, preset: 'deepseek' })).embeds).toBeUndefined()
  })
})

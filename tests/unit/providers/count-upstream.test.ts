// Checks token counts of the providers themselves against their doubles: exact where there are any, and never in the way.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import {
  countWays,
  createUpstreamCounter,
  type UpstreamCounterDeps,
} from '../../../src/providers/count-upstream.ts'
import { glmDialect } from '../../../src/providers/glm.ts'
import { kimiDialect } from '../../../src/providers/kimi.ts'
import { openAiDialect } from '../../../src/providers/openai.ts'
import { startGlm } from '../../support/upstream/glm.ts'
import { startKimi } from '../../support/upstream/kimi.ts'
import { startUpstream } from '../../support/upstream/openai.ts'
import type { Upstream } from '../../support/upstream/server.ts'
import { type Account, filesOf, signal } from './file-apis.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

function counterFor(kind: keyof typeof countWays, account: Account, over: Partial<UpstreamCounterDeps> = {}) {
  const { deps, close } = filesOf(account)
  closing.push(close)
  return createUpstreamCounter({ ...deps, way: countWays[kind], ...over })
}

const started = async (starting: Promise<Upstream>): Promise<Upstream> => {
  const double = await starting
  closing.push(double.close)
  return double
}

const accounts = {
  openai: (baseUrl: string): Account => ({ provider: 'openai', dialect: openAiDialect, baseUrl }),
  glm: (baseUrl: string): Account => ({ provider: 'glm', dialect: glmDialect('search_std'), baseUrl }),
  kimi: (baseUrl: string): Account => ({ provider: 'kimi', dialect: kimiDialect, baseUrl }),
}

const messages = [{ role: 'user', content: 'one two three four' }]
const tools = [
  { type: 'function', function: { name: 'look', parameters: { type: 'object', properties: {} } } },
]

describe('a count', () => {
  it('of OpenAI is of what becomes input, and of nothing else', async () => {
    const double = await started(startUpstream())
    const counter = counterFor('openai', accounts.openai(double.url))
    const body = {
      model: 'gpt-5.6-sol',
      input: 'one two three',
      store: false,
      stream: true,
      max_output_tokens: 9,
    }
    expect(await counter.count(body, signal)).toEqual({ tokens: 3, notCounted: [] })
    expect(double.requests.at(-1)).toMatchObject({
      path: '/v1/responses/input_tokens',
      body: { model: 'gpt-5.6-sol', input: 'one two three' },
    })
  })

  it('of GLM has the tools in it', async () => {
    const double = await started(startGlm())
    const counter = counterFor('glm', accounts.glm(double.url))
    const body = { model: 'glm-4.6', messages, tools, request_id: 'r-1', temperature: 1, stream: true }
    expect(await counter.count(body, signal)).toEqual({ tokens: 4, notCounted: [] })
    // The id of the chat's own request must be new when the chat is asked: else 1231.
    expect(double.requests.at(-1)?.body).toEqual({ model: 'glm-4.6', messages, tools })
  })

  it('of GLM is for three models, and the others are not asked for', async () => {
    const double = await started(startGlm())
    const counter = counterFor('glm', accounts.glm(double.url))
    for (const model of ['glm-4.5', 'glm-4.6', 'glm-4.6v'])
      expect(await counter.count({ model, messages }, signal)).toHaveProperty('tokens', 4)
    for (const model of ['glm-5.3', 'glm-4.5-air', 'glm-4.6v-flash'])
      expect(await counter.count({ model, messages }, signal)).toEqual({
        tokens: undefined,
        reason: `glm counts no tokens for ${model}`,
      })
    expect(double.requests).toHaveLength(3)
  })

  it('of Kimi says that tools and schemas are not in it', async () => {
    const double = await started(startKimi())
    const counter = counterFor('kimi', accounts.kimi(double.url))
    const body = { model: 'kimi-k3', messages, tools, response_format: { type: 'json_object' } }
    expect(await counter.count(body, signal)).toEqual({
      tokens: 4,
      notCounted: ['tools', 'response_format'],
    })
    expect(await counter.count({ model: 'kimi-k3', messages }, signal)).toEqual({ tokens: 4, notCounted: [] })
  })

  it('is not asked of a provider that has none', async () => {
    const { deps, close } = filesOf(accounts.kimi('http://127.0.0.1:9'))
    closing.push(close)
    const counter = createUpstreamCounter({ ...deps, way: countWays.minimax })
    expect(await counter.count({}, signal)).toEqual({ tokens: undefined, reason: 'kimi counts no tokens' })
  })
})

describe('a count that fails', () => {
  async function answering(status: number, body: string): Promise<string> {
    const server = createServer((_, response) => void response.writeHead(status).end(body))
    const { promise, resolve } = Promise.withResolvers<void>()
    server.listen(0, '127.0.0.1', resolve)
    await promise
    closing.push(() => server.close())
    // A TCP server that listens has an address of this kind.
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  it('says why, and what it counts against', async () => {
    const double = await started(startKimi())
    const counter = counterFor('kimi', { ...accounts.kimi(double.url), key: 'bad-key-000' })
    const count = await counter.count({ model: 'kimi-k3', messages }, signal)
    expect(count).toMatchObject({
      tokens: undefined,
      reason: 'kimi refuses our key: check the key, its plan and its region',
      fault: { reason: 'UPSTREAM_CREDENTIALS', details: { keyTrouble: 'auth', model: 'kimi-k3' } },
    })
  })

  it.each([
    ['is no count', 200, '{"data":{"total_tokens":"many"}}', 'kimi sent no count of tokens'],
    ['is negative', 200, '{"data":{"total_tokens":-1}}', 'kimi sent no count of tokens'],
    ['is no JSON', 200, '<html>', 'kimi sent no count of tokens'],
    ['is an error under 200', 200, '{"error":{"type":"server_error"}}', 'kimi failed: try again later'],
    ['is an error', 503, 'down', 'kimi is overloaded: try again later'],
  ])('because the answer %s has no tokens', async (_, status, body, reason) => {
    const counter = counterFor('kimi', accounts.kimi(await answering(status, body)))
    const count = await counter.count({ model: 'kimi-k3', messages }, signal)
    expect(count).toMatchObject({ tokens: undefined, reason })
  })

  it('because nobody is there has no tokens', async () => {
    const double = await startKimi()
    await double.close()
    const count = await counterFor('kimi', accounts.kimi(double.url)).count(
      { model: 'kimi-k3', messages },
      signal,
    )
    expect(count).toMatchObject({ tokens: undefined, reason: 'kimi refuses connections' })
  })

  it('because it takes too long, or its caller left, closes its socket', async () => {
    const silent = createServer(() => {})
    const { promise, resolve } = Promise.withResolvers<void>()
    silent.listen(0, '127.0.0.1', resolve)
    await promise
    closing.push(() => silent.close())
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`
    const counter = counterFor('kimi', accounts.kimi(url), { timeoutMs: 30 })
    const late = await counter.count({ model: 'kimi-k3', messages }, signal)
    expect(late).toEqual({ tokens: undefined, reason: 'kimi did not count within 30 ms' })
    const leaving = new AbortController()
    const closed = Promise.withResolvers<void>()
    silent.once('request', request => {
      request.socket.once('close', () => closed.resolve())
      leaving.abort()
    })
    const counting = counterFor('kimi', accounts.kimi(url)).count(
      { model: 'kimi-k3', messages },
      leaving.signal,
    )
    expect(await counting).toMatchObject({ tokens: undefined, fault: { reason: 'CANCELLED' } })
    await closed.promise
  })
})

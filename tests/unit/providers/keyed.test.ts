// A provider with keys of several regions: each goes to its own address, with the headers of the settings.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { assumedEntry } from '../../../src/catalogue/configured.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import type { KeyState } from '../../../src/providers/keys.ts'
import { createKimi } from '../../../src/providers/kimi.ts'
import { createOpenAi } from '../../../src/providers/openai.ts'
import { createOpenAiCompatible } from '../../../src/providers/openai-compatible.ts'
import type { ProviderSettings } from '../../../src/providers/settings.ts'
import { createHandClock } from '../../support/hand-clock.ts'
import { startKimi } from '../../support/upstream/kimi.ts'
import { startUpstream } from '../../support/upstream/openai.ts'
import { attempt, collect, failure, model, thrown, user } from './attempt.ts'

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
})

async function double(...apiKeys: readonly string[]) {
  const upstream = await startUpstream({ apiKeys })
  cleanups.push(upstream.close)
  return upstream
}

function providerOf(settings: Omit<ProviderSettings, 'id'>) {
  const provider = createOpenAi({ id: 'openai', ...settings })
  cleanups.push(provider.close)
  return provider
}

describe('a key with an address of its own', () => {
  it('is never sent to another', async () => {
    const [here, there] = [await double('key-of-here'), await double('key-of-there')]
    const provider = providerOf({
      baseUrl: here.url,
      keys: ['key-of-here', { secret: 'key-of-there', label: 'there', baseUrl: there.url }],
    })
    const labels: string[] = []
    const useKey = (label: string) => void labels.push(label)
    for (let count = 0; count < 4; count += 1) await collect(provider.open({ ...attempt({}), useKey }))
    expect(labels).toEqual(['key-1', 'there', 'key-1', 'there'])
    const sent = (upstream: typeof here) => upstream.requests.map(({ headers }) => headers.authorization)
    expect(sent(here)).toEqual(['Bearer key-of-here', 'Bearer key-of-here'])
    expect(sent(there)).toEqual(['Bearer key-of-there', 'Bearer key-of-there'])
    await provider.close()
    await expect.poll(() => [here.openSockets(), there.openSockets()]).toEqual([0, 0])
  })

  it('is the one to ask after another address failed, and the next attempt goes there', async () => {
    const there = await double('key-of-there')
    const provider = providerOf({
      baseUrl: 'http://127.0.0.1:1',
      keys: ['key-of-here', { secret: 'key-of-there', label: 'there', baseUrl: there.url }],
    })
    expect(provider.hasOtherAddress?.('gpt-4.1')).toBe(false)
    expect((await failure(provider.open(attempt({})))).error.reason).toBe('UPSTREAM_UNAVAILABLE')
    expect(provider.hasOtherAddress?.('gpt-4.1')).toBe(true)
    await collect(provider.open(attempt({})))
    await collect(provider.open(attempt({})))
    expect(there.requests.length).toBe(2)
  })

  it('needs one that is one', () => {
    const keys = [{ secret: 'k', label: 'there', baseUrl: 'nowhere' }]
    expect(thrown(() => createOpenAi({ id: 'openai', keys })).reason).toBe('INVALID_REQUEST')
  })
})

describe('a provider with settings', () => {
  it('sends their headers with every request, and never lets them replace the key', async () => {
    const upstream = await double('k')
    const headers = { 'openai-organization': 'org-1', authorization: 'Bearer other' }
    await collect(providerOf({ baseUrl: upstream.url, keys: ['k'], headers }).open(attempt({})))
    expect(upstream.requests[0]?.headers).toMatchObject({
      'openai-organization': 'org-1',
      authorization: 'Bearer k',
    })
  })

  it('cannot be used while its key is refused, asks nobody meanwhile, and is told of once', async () => {
    const upstream = await double('another')
    const clock = createHandClock()
    const told: KeyState[] = []
    const provider = providerOf({
      baseUrl: upstream.url,
      keys: ['old-key'],
      clock,
      onKeyOut: state => void told.push(state),
    })
    expect([provider.unusableReason, provider.outage]).toEqual(['', undefined])
    await failure(provider.open(attempt({})))
    const reason = 'every key of openai is out until 2026-11-22T17:10:00Z: refused'
    expect([provider.unusableReason, provider.outage?.message]).toEqual([reason, reason])
    expect((await failure(provider.open(attempt({})))).error.message).toBe(reason)
    expect(upstream.requests.length).toBe(1)
    expect(told).toEqual([
      { label: 'key-1', running: 1, out: { trouble: 'auth', untilMs: Date.parse('2026-11-22T17:10:00Z') } },
    ])
    clock.pass(10 * 60_000)
    expect([provider.unusableReason, provider.outage]).toEqual(['', undefined])
  })

  it('that can never be used is not told as out for a while', () => {
    const provider = providerOf({ keys: [] })
    expect(provider.unusableReason).toBe('openai has no key: set OPENAI_API_KEY')
    expect(provider.outage).toBeUndefined()
  })
})

describe('a count and a list of models', () => {
  const counted = { ...attempt({}), model: model({ endpoints: ['chat/completions', 'responses'] }) }

  it('are asked with a key that is given back, and goes to their own addresses', async () => {
    const upstream = await double('k')
    const provider = providerOf({ baseUrl: upstream.url, keys: ['k'] })
    expect(await provider.countTokens?.(counted)).toMatchObject({
      notCounted: [],
    })
    const listed = await provider.listModels?.(counted.signal)
    expect(listed).toContainEqual(assumedEntry('openai', 'test-model'))
    expect(upstream.requests.map(({ path, headers }) => [path, headers.authorization])).toEqual([
      ['/v1/responses/input_tokens', 'Bearer k'],
      ['/v1/models', 'Bearer k'],
    ])
  })

  it('that are refused leave the key as it is, and a count says nothing then', async () => {
    const upstream = await double('another')
    const provider = providerOf({ baseUrl: upstream.url, keys: ['old-key'] })
    expect(await provider.countTokens?.(counted)).toBeUndefined()
    await expect(provider.listModels?.(counted.signal)).rejects.toMatchObject({
      reason: 'UPSTREAM_CREDENTIALS',
    })
    expect(upstream.requests.length).toBe(2)
    expect(provider.outage).toBeUndefined()
  })

  it('are not asked for without a key, nor a count of a model that the endpoint does not have', async () => {
    const upstream = await double('k')
    const keyless = providerOf({ baseUrl: upstream.url, keys: [] })
    expect(await keyless.countTokens?.(counted)).toBeUndefined()
    await expect(keyless.listModels?.(counted.signal)).rejects.toMatchObject({
      reason: 'UPSTREAM_CREDENTIALS',
    })
    const provider = providerOf({ baseUrl: upstream.url, keys: ['k'] })
    expect(await provider.countTokens?.(attempt({}))).toBeUndefined()
    expect(upstream.requests).toEqual([])
  })

  it('throw what ends them from outside', async () => {
    const silent = createServer()
    await once(silent.listen(0, '127.0.0.1'), 'listening')
    cleanups.push(async () => void silent.close())
    const { port } = silent.address() as AddressInfo
    const provider = providerOf({ baseUrl: `http://127.0.0.1:${port}`, keys: ['k'] })
    const ending = new AbortController()
    const count = provider.countTokens?.({ ...counted, signal: ending.signal })
    await once(silent, 'request')
    const reason = new GatewayError('CANCELLED', 'the client left')
    ending.abort(reason)
    await expect(count).rejects.toBe(reason)
  })
})

describe('a host', () => {
  it('counts what it would be sent and names what is not in the count, unless its kind cannot count', async () => {
    const upstream = await startKimi()
    cleanups.push(upstream.close)
    const settings = { baseUrl: upstream.url, keys: ['test-key'] }
    const kimi = createKimi({ id: 'kimi', ...settings })
    cleanups.push(kimi.close)
    const request = attempt({ messages: [user('one two three')], tools: [{ name: 'a.b' }] })
    const input = { ...request, model: model({ provider: 'kimi', id: 'kimi-k3' }) }
    const count = await kimi.countTokens?.(input)
    expect(count).toEqual({ tokens: 3, notCounted: ['tools'] })
    expect(upstream.requests.map(({ path }) => path)).toEqual(['/v1/tokenizers/estimate-token-count'])
    const other = createOpenAiCompatible({ id: 'other', ...settings })
    cleanups.push(other.close)
    expect(other.countTokens).toBeUndefined()
    expect(other.listModels).toBeDefined()
  })
})

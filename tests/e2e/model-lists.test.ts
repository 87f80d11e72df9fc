// What providers tell besides answers, through the whole service: models that nobody described, and counts of tokens.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { type Service, startService } from '../support/running-server.ts'
import { startKimi } from '../support/upstream/kimi.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
})

async function double(starting: Promise<Upstream>): Promise<Upstream> {
  const upstream = await starting
  cleanups.push(upstream.close)
  return upstream
}

async function start(env: Readonly<Record<string, string>>, file?: string): Promise<Service> {
  const service = await startService(
    { ...env, ...(file === undefined ? {} : { EXAI_CONFIG: 'exai.yaml' }) },
    { files: file === undefined ? {} : { 'exai.yaml': file } },
  )
  cleanups.push(() => service.stop())
  return service
}

async function ask({ url }: Service, method: string, body: object) {
  const response = await fetch(`${url}/exai.v1.ChatService/${method}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return { status: response.status, body: JSON.parse(await response.text()) }
}

const chat = (model: string, more: object = {}) => ({
  model,
  messages: [{ role: 'ROLE_USER', content: [{ text: 'one two three' }] }],
  ...more,
})

const configFor = (upstream: Pick<Upstream, 'url'>, more = '') =>
  [
    'providers:',
    '  - name: local',
    '    kind: openai-compatible',
    `    base_url: ${upstream.url}`,
    '    keys: [{ api_key: test-key }]',
    more,
  ].join('\n')

const paths = (upstream: Upstream) => upstream.requests.map(({ path }) => path)

it('a model that only its provider knows is listed, and answers by its bare id', async () => {
  const upstream = await double(startUpstream({ models: ['Brand-New:8b', 'brand-newer'] }))
  const service = await start({}, configFor(upstream))
  expect(paths(upstream)).toEqual([])
  const { body } = await ask(service, 'ListModels', { provider: 'local' })
  expect(body.models).toMatchObject([
    { id: 'Brand-New:8b', provider: 'local' },
    { id: 'brand-newer', provider: 'local' },
  ])
  const answer = await ask(service, 'Complete', chat('brand-new:8b'))
  expect(answer).toMatchObject({ status: 200, body: { provider: 'local', model: 'Brand-New:8b' } })
  await ask(service, 'ListModels', {})
  expect(paths(upstream)).toEqual(['/v1/models', '/v1/chat/completions'])
})

it('the first unknown name makes the service ask, so that a later call finds it', async () => {
  const upstream = await double(startUpstream({ models: ['brand-new'] }))
  const service = await start({}, configFor(upstream))
  expect((await ask(service, 'Complete', chat('brand-new'))).status).toBe(404)
  await expect.poll(async () => (await ask(service, 'Complete', chat('brand-new'))).status).toBe(200)
  expect(paths(upstream).filter(path => path === '/v1/models')).toHaveLength(1)
})

it('a provider that does not list its models holds nobody up, and is passed on any id as before', async () => {
  const upstream = await double(startUpstream({ models: ['brand-new'] }))
  const service = await start({}, configFor(upstream).replace('test-key', 'wrong-key'))
  expect(await ask(service, 'ListModels', { provider: 'local' })).toEqual({ status: 200, body: {} })
  expect((await ask(service, 'CountTokens', chat('local/any'))).body).toMatchObject({
    provenance: 'PROVENANCE_ESTIMATED',
    provider: 'local',
    model: 'any',
  })
})

it('a provider that never answers is waited for 2 s, and asked no more once the service ends', async () => {
  const silent = createServer()
  await once(silent.listen(0, '127.0.0.1'), 'listening')
  cleanups.push(async () => void silent.close().closeAllConnections())
  const { port } = silent.address() as AddressInfo
  const service = await start({ DRAIN_DELAY: '0' }, configFor({ url: `http://127.0.0.1:${port}` }))
  const connected = once(silent, 'connection')
  const asked = performance.now()
  expect(await ask(service, 'ListModels', { provider: 'local' })).toEqual({ status: 200, body: {} })
  const tookMs = performance.now() - asked
  expect(tookMs).toBeGreaterThan(1900)
  expect(tookMs).toBeLessThan(5000)
  const [socket] = await connected
  const closed = once(socket, 'close')
  const stopping = performance.now()
  expect(await service.stop()).toBe(0)
  await closed
  // One try would take 10 s.
  expect(performance.now() - stopping).toBeLessThan(5000)
})

it('a provider of which no list is wanted is never asked for one', async () => {
  const upstream = await double(startUpstream({ models: ['brand-new'] }))
  const service = await start(
    {},
    configFor(upstream, '    open_ended: false\n    models: [{ id: described }]'),
  )
  const { body } = await ask(service, 'ListModels', { provider: 'local' })
  expect(body.models).toMatchObject([{ id: 'described' }])
  expect((await ask(service, 'Complete', chat('brand-new'))).status).toBe(404)
  expect(paths(upstream)).toEqual([])
})

it('tokens are counted by the provider, if it counts', async () => {
  const [openai, kimi] = [await double(startUpstream()), await double(startKimi())]
  const service = await start({
    OPENAI_API_KEY: 'test-key',
    OPENAI_BASE_URL: openai.url,
    KIMI_API_KEY: 'test-key',
    KIMI_BASE_URL: kimi.url,
  })
  const count = async (request: object) => (await ask(service, 'CountTokens', request)).body
  // The doubles count words.
  const reported = { inputTokens: 3, provenance: 'PROVENANCE_REPORTED' }
  expect(await count(chat('gpt-4.1'))).toEqual({ ...reported, provider: 'openai', model: 'gpt-4.1' })
  expect(await count(chat('kimi-k3'))).toEqual({ ...reported, provider: 'kimi', model: 'kimi-k3' })
  // Kimi does not count tools: "look" is one token of ours.
  expect(await count(chat('kimi-k3', { tools: [{ name: 'look' }] }))).toMatchObject({
    inputTokens: 4,
    provenance: 'PROVENANCE_ESTIMATED',
  })
  await openai.goOffline()
  expect(await count(chat('gpt-4.1'))).toMatchObject({ provenance: 'PROVENANCE_ESTIMATED' })
})

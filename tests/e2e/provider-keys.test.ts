// The keys of providers through the whole service: the next one takes over, routes name labels, and no key is ever shown.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { loadConfig } from '../../src/config/config.ts'
import { secretsOf } from '../../src/config/snapshot.ts'
import { systemClock } from '../../src/core/clock.ts'
import { startGateway } from '../../src/gateway.ts'
import { createLogger } from '../../src/telemetry/logger.ts'
import { startGlm } from '../support/upstream/glm.ts'
import { startKimi } from '../support/upstream/kimi.ts'
import { startMiniMax } from '../support/upstream/minimax.ts'
import { startUpstream } from '../support/upstream/openai.ts'

const REFUSED = 'an-old-key-of-GRZLPFT'
const ACCEPTED = 'a-good-key-of-QWXVBNM'

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
})

interface Answer {
  readonly status: number
  readonly text: string
}

/** A running service in front of a double that takes one key only, and everything that it ever says. */
async function start(env: Readonly<Record<string, string>>, file?: (upstreamUrl: string) => string) {
  const upstream = await startUpstream({ apiKeys: [ACCEPTED] })
  cleanups.push(upstream.close)
  const dataDir = await mkdtemp(join(tmpdir(), 'exai-keys-'))
  cleanups.push(() => rm(dataDir, { recursive: true, force: true }))
  const config = await loadConfig({
    env: {
      PORT: '0',
      DATA_DIR: dataDir,
      LOG_LEVEL: 'trace',
      ...(file === undefined ? { OPENAI_BASE_URL: upstream.url } : { EXAI_CONFIG: 'exai.yaml' }),
      ...env,
    },
    cwd: '/srv/exai',
    readFile: () => file?.(upstream.url) ?? '',
  })
  const said: string[] = []
  const log = createLogger({
    level: 'trace',
    version: '0.0.0',
    secrets: secretsOf(config.snapshot),
    destination: { write: line => void said.push(line) },
  })
  const gateway = await startGateway({
    config,
    log,
    clock: systemClock,
    version: '0.0.0',
    announce: () => undefined,
  })
  cleanups.push(gateway.stop)
  const url = `http://127.0.0.1:${gateway.at.port}`
  async function ask(path: string, body?: object): Promise<Answer> {
    const response = await fetch(`${url}${path}`, {
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
      headers: { 'content-type': 'application/json' },
    })
    const text = await response.text()
    said.push(JSON.stringify([...response.headers]), text)
    return { status: response.status, text }
  }
  const complete = (model: string) =>
    ask('/exai.v1.ChatService/Complete', {
      model,
      messages: [{ role: 'ROLE_USER', content: [{ text: 'Hello!' }] }],
    })
  return { upstream, ask, complete, said }
}

const attemptsOf = ({ text }: Answer): unknown => JSON.parse(text).route?.attempts

const warned = (said: readonly string[]) =>
  said.flatMap(line => (line.includes('"a provider key is out"') ? [JSON.parse(line)] : []))

describe('two keys of which one is refused', () => {
  it('cost one failed attempt: the other answers, and routes and log name them by their labels', async () => {
    const { upstream, ask, complete, said } = await start({ OPENAI_API_KEY: `${REFUSED},${ACCEPTED}` })
    const first = await complete('openai/gpt-4.1')
    expect(first.status).toBe(200)
    expect(attemptsOf(first)).toMatchObject([
      { provider: 'openai', outcome: 'OUTCOME_FAILED', upstreamStatus: 401, keyLabel: 'key-1' },
      { provider: 'openai', outcome: 'OUTCOME_SUCCEEDED', keyLabel: 'key-2' },
    ])
    const next = await complete('openai/gpt-4.1')
    expect(next.status).toBe(200)
    expect(attemptsOf(next)).toMatchObject([{ outcome: 'OUTCOME_SUCCEEDED', keyLabel: 'key-2' }])
    expect(upstream.requests.map(({ headers }) => headers.authorization)).toEqual([
      `Bearer ${REFUSED}`,
      `Bearer ${ACCEPTED}`,
      `Bearer ${ACCEPTED}`,
    ])
    expect(warned(said)).toMatchObject([
      { level: 'warn', provider: 'openai', keyLabel: 'key-1', trouble: 'auth' },
    ])
    // A provider may repeat the key in what it says.
    const error = { message: `no such thing for ${ACCEPTED}, sorry`, type: 'invalid_request_error' }
    upstream.next({ raw: { status: 400, body: JSON.stringify({ error }) } })
    expect((await complete('openai/gpt-4.1')).text).toMatch(/no such thing for \[redacted\], sorry/)
    expect((await ask('/metrics')).text).toContain('exai_provider_health{provider="openai"} 1')
    await ask('/health')
    expect(said.join('\n')).not.toMatch(/GRZLPFT|QWXVBNM/)
  })

  it('may come from the file, each with a label and an address of its own', async () => {
    const { complete, said } = await start({ GOOD_KEY: ACCEPTED }, upstreamUrl =>
      [
        'providers:',
        '  - name: openai',
        '    base_url: http://127.0.0.1:1/nobody-there',
        '    keys:',
        `      - { api_key: ${REFUSED}, label: old, base_url: "${upstreamUrl}" }`,
        `      - { api_key_env: GOOD_KEY, label: new, base_url: "${upstreamUrl}" }`,
      ].join('\n'),
    )
    expect(attemptsOf(await complete('openai/gpt-4.1'))).toMatchObject([
      { keyLabel: 'old' },
      { keyLabel: 'new' },
    ])
    expect(attemptsOf(await complete('openai/gpt-4.1'))).toMatchObject([{ keyLabel: 'new' }])
    expect(said.join('\n')).not.toMatch(/GRZLPFT|QWXVBNM/)
  })
})

describe('a provider of which every key is out', () => {
  it('is told by its health, its metric and the list of models as long as it lasts', async () => {
    const { ask, complete, said } = await start({ OPENAI_API_KEY: REFUSED })
    const health = async () =>
      (await ask('/grpc.health.v1.Health/Check', { service: 'provider/openai' })).text
    expect(await health()).toContain('"SERVING"')
    expect((await ask('/metrics')).text).toContain('exai_provider_health{provider="openai"} 1')
    await complete('openai/gpt-4.1')
    expect(await health()).toContain('"NOT_SERVING"')
    expect((await ask('/metrics')).text).toContain('exai_provider_health{provider="openai"} 0')
    const out = /every key of openai is out until \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ: refused/
    expect((await ask('/health')).text).toMatch(out)
    expect((await ask('/exai.v1.ChatService/ListModels', { provider: 'openai' })).text).toMatch(out)
    expect(said.join('\n')).not.toMatch(/GRZLPFT/)
  })
})

describe.each([
  ['glm', 'GLM', startGlm, 'glm-5.2'],
  ['kimi', 'MOONSHOT', startKimi, 'kimi-k2.6'],
  ['minimax', 'MINIMAX', startMiniMax, 'MiniMax-M2.5'],
] as const)('%s', (id, prefix, startDouble, model) => {
  it('is turned on by its key, and passes over a refused one', async () => {
    const double = await startDouble({ apiKeys: [ACCEPTED] })
    cleanups.push(double.close)
    const env = {
      [`${prefix}_API_KEY`]: `${REFUSED},${ACCEPTED}`,
      [`${id.toUpperCase()}_BASE_URL`]: double.url,
    }
    const { complete, said } = await start(env)
    const answer = await complete(`${id}/${model}`)
    expect(answer.text).toContain('Hello!')
    expect(attemptsOf(answer)).toMatchObject([
      { provider: id, outcome: 'OUTCOME_FAILED', keyLabel: 'key-1' },
      { provider: id, outcome: 'OUTCOME_SUCCEEDED', keyLabel: 'key-2' },
    ])
    expect(warned(said)).toMatchObject([{ provider: id, keyLabel: 'key-1', trouble: 'auth' }])
    expect(said.join('\n')).not.toMatch(/GRZLPFT|QWXVBNM/)
  })
})

describe('the providers of a service', () => {
  it('are listed in their order with and without keys', async () => {
    const { ask } = await start({}, () => 'providers: [{ name: other, kind: glm, api_key: k }]')
    const { components } = JSON.parse((await ask('/health')).text)
    expect(Object.keys(components)).toEqual([
      'config',
      'store',
      ...['openai', 'glm', 'kimi', 'minimax', 'other', 'sandbox'].map(id => `provider/${id}`),
    ])
    expect(components['provider/glm']).toEqual({
      status: 'unhealthy',
      reason: 'glm has no key: set GLM_API_KEY',
    })
    expect(components['provider/other']).toEqual({ status: 'healthy', reason: '' })
  })
})

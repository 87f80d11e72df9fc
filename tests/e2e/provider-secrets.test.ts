// Keys of all providers through good and bad calls of a running service: no log line and no answer ever shows one.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Service, startService } from '../support/running-server.ts'
import { startGlm } from '../support/upstream/glm.ts'
import { startKimi } from '../support/upstream/kimi.ts'
import { startMiniMax } from '../support/upstream/minimax.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Script } from '../support/upstream/script.ts'
import type { Upstream } from '../support/upstream/server.ts'

const providers = [
  { id: 'openai', model: 'gpt-6-sol', start: startUpstream },
  { id: 'glm', model: 'glm-5.3', start: startGlm },
  { id: 'kimi', model: 'kimi-k3', start: startKimi },
  { id: 'minimax', model: 'MiniMax-M3', start: startMiniMax },
] as const

// Recognisable, and like nothing else that could be said.
const acceptedKey = (id: string): string => `sk-${id}-accepted-Tq7ZpLw0815`
const refusedKey = (id: string): string => `sk-${id}-refused-Xk3VnRb4711`
const secrets = providers.flatMap(({ id }) => [acceptedKey(id), refusedKey(id)])

let service: Service
const doubles = new Map<string, Upstream>()
const heard: string[] = []

beforeAll(async () => {
  const env: Record<string, string> = { LOG_LEVEL: 'trace' }
  for (const { id, start } of providers) {
    const double = await start({ apiKeys: [acceptedKey(id)] })
    doubles.set(id, double)
    env[`${id.toUpperCase()}_API_KEY`] = `${acceptedKey(id)},${refusedKey(id)}`
    env[`${id.toUpperCase()}_BASE_URL`] = double.url
  }
  service = await startService(env)
})
afterAll(async () => {
  await service.stop()
  for (const double of doubles.values()) await double.close()
})

async function hear(path: string, init: RequestInit = {}): Promise<string> {
  const response = await fetch(`${service.url}${path}`, init)
  const text = await response.text()
  heard.push(JSON.stringify([...response.headers]), text)
  return text
}

async function ask(model: string, stream: boolean, double: Upstream, script?: Script): Promise<string> {
  if (script !== undefined) double.next(script)
  const message = Buffer.from(
    JSON.stringify({
      model,
      messages: [{ role: 'ROLE_USER', content: [{ text: 'one two three four' }] }],
    }),
  )
  if (!stream) {
    return hear('/exai.v1.ChatService/Complete', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: message,
    })
  }
  // A streamed call in Connect's JSON has its length before it (connectrpc.com/docs/protocol).
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(message.length, 1)
  return hear('/exai.v1.ChatService/StreamComplete', {
    method: 'POST',
    headers: { 'content-type': 'application/connect+json' },
    body: Buffer.concat([prefix, message]),
  })
}

describe.each(providers)('the keys of $id', ({ id, model: modelId }) => {
  it('are used in calls that succeed, are refused, are limited, fail midway and are quoted back', async () => {
    const double = doubles.get(id)
    if (double === undefined) throw new Error('there is nobody to ask')
    const model = `${id}/${modelId}`
    expect(await ask(model, false, double)).toContain('one two three four')
    // The refused key's turn: the accepted one goes on.
    expect(await ask(model, false, double)).toMatch(/"upstreamStatus":401.*"keyLabel":"key-2"/)
    expect(await ask(model, true, double)).toContain('completed')
    expect(await ask(model, true, double, { faults: ['error-after-events=8'] })).toContain('UPSTREAM_BROKEN')
    const message = `nothing for ${acceptedKey(id)} in Bearer ${acceptedKey(id)}, sorry`
    const body = JSON.stringify({ error: { message, type: 'invalid_request_error' } })
    for (const stream of [false, true])
      expect(await ask(model, stream, double, { raw: { status: 400, body } })).toContain('nothing for')
    // The limit is waited for once, because it is short and nobody else is left to ask.
    double.next({ faults: ['status=429'] })
    expect(await ask(model, true, double, { faults: ['status=429'] })).toContain('UPSTREAM_LIMITED')

    expect(new Set(double.requests.map(({ headers }) => headers.authorization))).toEqual(
      new Set([`Bearer ${acceptedKey(id)}`, `Bearer ${refusedKey(id)}`]),
    )
    expect(double.requests.map(({ status }) => status)).toEqual([200, 401, 200, 200, 200, 400, 400, 429, 429])
  })
})

describe('a service that has been through all that', () => {
  it('has said none of the keys, in any answer or line of its log', async () => {
    await hear('/health')
    await hear('/metrics')
    await hear('/exai.v1.ChatService/ListModels', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    })
    const said = [...heard, service.output()].join('\n')
    expect(heard.length).toBeGreaterThan(2 * 7 * providers.length)
    expect(service.log().filter(({ msg }) => msg === 'call').length).toBeGreaterThanOrEqual(
      7 * providers.length,
    )
    // What is looked for would be found.
    expect(said).toContain('key-2')
    for (const secret of secrets) {
      expect(said).not.toContain(secret)
      expect(said).not.toContain(Buffer.from(secret).toString('base64'))
    }
    expect(said).not.toMatch(/Tq7ZpLw|Xk3VnRb/)
  })
})

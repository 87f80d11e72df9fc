// How often a call asks Redis: once at the entrance, once for each attempt, and never before its answer about what it used.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RedisProxy, startRedisProxy, type Trip } from '../support/redis-proxy.ts'
import { type RedisServer, startRedis } from '../support/redis-rig.ts'
import { type Service, startService } from '../support/running-server.ts'
import { until } from '../support/scripted-completion.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

const MANY = 1_000_000_000
/** After so long nobody waits for Redis any more; whoever does not wait answers much earlier. */
const COMMAND_MS = 50
const TRIES_MAX = 20
const CALLS = 5
const POLL_MS = 20_000

const ENTRANCE = `requests_per_minute: ${MANY}, concurrent_calls: ${MANY}`
const CONFIG = `
models: [{ provider: openai, id: test-model, input_price: 1, output_price: 1 }]
limits:
  tenants:
    entrance: { ${ENTRANCE} }
    everything: { ${ENTRANCE}, tokens_per_minute: ${MANY}, day_budget_usd: 1000000 }
`

let redis: RedisServer
let proxy: RedisProxy
let upstream: Upstream
let service: Service

beforeAll(async () => {
  redis = await startRedis()
  proxy = await startRedisProxy(redis.port)
  upstream = await startUpstream()
  service = await startService(
    {
      EXAI_AUTH: 'key',
      EXAI_CONFIG: 'exai.yaml',
      OPENAI_API_KEY: 'test-key',
      OPENAI_BASE_URL: upstream.url,
      REDIS_URL: proxy.url,
    },
    { files: { 'exai.yaml': CONFIG } },
  )
})
afterAll(async () => {
  await service.stop()
  await upstream.close()
  proxy.close()
  await redis.stop()
})

const LIMITS = {
  entrance: ['KIND_REQUESTS_PER_MINUTE', 'KIND_CONCURRENT_CALLS'],
  everything: [
    ...['KIND_REQUESTS_PER_MINUTE', 'KIND_CONCURRENT_CALLS'],
    ...['KIND_TOKENS_PER_MINUTE', 'KIND_DAY_BUDGET'],
  ],
  nothing: [],
} as const satisfies Record<string, readonly string[]>
type Tenant = keyof typeof LIMITS

const post = (path: string, body: unknown, credential: string): Promise<Response> =>
  fetch(`${service.url}/exai.v1.${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${credential}` },
    body: JSON.stringify(body),
  })

/** A caller whose key has the limits that its tenant has. */
async function callerOf(tenant: Tenant): Promise<() => Promise<void>> {
  const admin = /\bexai_[\w-]{43}\b/.exec(service.output())?.[0] ?? ''
  const limits = LIMITS[tenant].map(kind => ({ kind, value: String(MANY) }))
  const made = await post(
    'AccessService/CreateKey',
    { label: tenant, tenant, scopes: ['SCOPE_CHAT'], limits },
    admin,
  )
  expect(made.status).toBe(200)
  // What the API promises of a key that was made.
  const { secret } = (await made.json()) as { readonly secret: string }
  const messages = [{ role: 'ROLE_USER', content: [{ text: 'hi' }] }]
  return async () => {
    const answer = await post('ChatService/Complete', { model: 'openai/test-model', messages }, secret)
    expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining('"message"')])
  }
}

/** What some calls ask of Redis, one call after the other: each before its provider was asked, and all together. */
async function tripsOf(call: () => Promise<void>, count: number) {
  proxy.forget()
  const beforeAsking: number[] = []
  for (let calls = 0; calls < CALLS; calls += 1) {
    const calledAtMs = performance.now()
    await call()
    const askedAtMs = upstream.requests.at(-1)?.receivedAtMs ?? 0
    const isBefore = ({ script, atMs }: Trip) =>
      script === 'reserve' && calledAtMs <= atMs && atMs < askedAtMs
    beforeAsking.push(proxy.trips().filter(isBefore).length)
  }
  // What comes after the answer comes a moment later; what never comes is seen by whoever compares.
  await until(() => proxy.trips().length >= CALLS * count).catch(() => undefined)
  return {
    beforeAsking,
    all: proxy
      .trips()
      .map(({ script }) => script)
      .toSorted(),
  }
}

/** The shortest time from the first thing that is held back until the answer is there all the same, in milliseconds. */
async function shortestHold(call: () => Promise<void>, count: number): Promise<number> {
  let shortest = Number.POSITIVE_INFINITY
  for (let tries = 0; tries < TRIES_MAX && shortest >= COMMAND_MS / 2; tries += 1) {
    proxy.hold('settle')
    proxy.forget()
    await call()
    const answeredAtMs = performance.now()
    await until(() => proxy.trips().length >= count).catch(() => undefined)
    const settled = proxy.trips().find(({ script }) => script === 'settle')
    if (settled !== undefined) shortest = Math.min(shortest, answeredAtMs - settled.atMs)
    proxy.goOn()
  }
  return shortest
}

describe.each([
  { tenant: 'nothing', reserves: 0, about: 'a caller without limits' },
  { tenant: 'entrance', reserves: 1, about: 'a caller whose limits are all at the entrance' },
  { tenant: 'everything', reserves: 2, about: 'a caller whose tokens and money are counted' },
] as const)('$about', ({ tenant, reserves }) => {
  it(`waits for ${reserves} round trips before the provider is asked, and for none afterwards`, {
    timeout: 2 * POLL_MS,
  }, async () => {
    const call = await callerOf(tenant)
    // The first call makes its key known, and says from where its budgets are counted. On a busy machine Redis may be given up
    // for a moment, and calls are counted without it: then it is looked at once more.
    await call()
    const each = <T>(times: number, what: T): readonly T[] => Array.from({ length: times }, () => what)
    const expected = [...each(CALLS * reserves, 'reserve'), ...each(CALLS * reserves, 'settle')]
    await expect
      .poll(() => tripsOf(call, 2 * reserves), { timeout: POLL_MS })
      .toEqual({ beforeAsking: each(CALLS, reserves), all: expected })
    if (reserves > 0) expect(await shortestHold(call, 2 * reserves)).toBeLessThan(COMMAND_MS / 2)
  })
})

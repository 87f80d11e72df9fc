// Two services over one Redis and one store: a key that is taken back at one is refused at the other at once.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { jsonQuestion, postJson } from '../support/clients.ts'
import { type RedisServer, startRedis } from '../support/redis-rig.ts'
import { runCommand, type Service, startService } from '../support/running-server.ts'

const FIRST = /^exai: the first admin key, shown only now: (exai_[\w-]{43})$/m

let redis: RedisServer
let dataDir: string
let one: Service
let two: Service
let admin: string

const env = () => ({ EXAI_AUTH: 'key', DATA_DIR: dataDir, REDIS_URL: redis.url })

beforeAll(async () => {
  redis = await startRedis({ password: 'only-for-this-test' })
  dataDir = await mkdtemp(join(tmpdir(), 'exai-access-'))
  ;[one, two] = await Promise.all([startService(env()), startService(env())])
  admin = FIRST.exec(one.output() + two.output())?.[1] ?? ''
})
afterAll(async () => {
  await Promise.all([one.stop(), two.stop()])
  await redis.stop()
  await rm(dataDir, { recursive: true, force: true })
})

const statusOf = async (service: Service, secret: string): Promise<number> => {
  const headers = { authorization: `Bearer ${secret}` }
  return (await postJson(service.url, 'Complete', jsonQuestion('sandbox', 'hello'), headers)).status
}

async function act(service: Service, method: string, body: object) {
  const response = await fetch(`${service.url}/exai.v1.AccessService/${method}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${admin}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  expect(response.status).toBe(200)
  // The answer of the method in JSON, of which a test reads what it needs.
  return (await response.json()) as { key: { id: string }; secret: string }
}

it('of two that start together, one makes the first admin key', () => {
  expect([one, two].filter(service => FIRST.test(service.output()))).toHaveLength(1)
})

it('a key that one revokes or rotates is refused by the other from the answer on, every time', async () => {
  for (let round = 0; round < 10; round += 1) {
    const { key, secret } = await act(one, 'CreateKey', { label: 'app', scopes: ['SCOPE_CHAT'] })
    expect(await statusOf(two, secret)).toBe(200)
    const { secret: next } = await act(one, 'RotateKey', { keyId: key.id })
    expect([await statusOf(two, secret), await statusOf(two, next)]).toEqual([401, 200])
    await act(one, 'RevokeKey', { keyId: key.id })
    expect(await statusOf(two, next)).toBe(401)
  }
})

it('a key that a command revokes in the store is refused by both, which hear of it through Redis', async () => {
  const { key, secret } = await act(one, 'CreateKey', { label: 'app', scopes: ['SCOPE_CHAT'] })
  expect([await statusOf(one, secret), await statusOf(two, secret)]).toEqual([200, 200])
  const { code } = await runCommand(['keys', 'revoke', key.id, '--store'], { env: env() })
  expect([code, await statusOf(one, secret), await statusOf(two, secret)]).toEqual([0, 401, 401])
})

// Walks every RPC and every page as a second tenant with the ids of a first one: what is foreign is answered like what never was.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { DescMethod, DescService } from '@bufbuild/protobuf'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PAGES } from '../../src/server/routes.ts'
import { claims, hmac, tokenOf } from '../security/credentials.ts'
import { CASES, chat, missing, type Owned, type Probe } from '../security/tenancy-cases.ts'
import { type Service, startService } from '../support/running-server.ts'
import { root } from '../support/tools.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

const SECRET = 'a-secret-of-this-test-with-more-than-32-bytes'
const WATCH_MS = 300

let service: Service
let upstream: Upstream
let owner: Owned
let own: Owned

const tokenFor = (tenant: string, scope = 'chat files monitoring'): string =>
  tokenOf({ alg: 'HS256' }, claims({ sub: `user of ${tenant}`, tenant_id: tenant, scope }), hmac(SECRET))

/** Every service in the generated code, wherever it lies. */
async function servicesIn(folder: string): Promise<readonly DescService[]> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(name =>
    name.endsWith('_pb.ts'),
  )
  const modules = await Promise.all(files.map(name => import(join(folder, name))))
  const isService = (value: unknown): value is DescService => Object(value)['kind'] === 'service'
  return modules.flatMap(found => Object.values(found).filter(isService))
}

const services = await servicesIn(join(root, 'gen/ts'))
const methods = services.flatMap(each => each.methods)
const nameOf = ({ parent, name }: DescMethod): string => `${parent.typeName}/${name}`

/** A message of a Connect stream. */
function enveloped(message: unknown): Buffer {
  const data = Buffer.from(JSON.stringify(message))
  const head = Buffer.alloc(5)
  head.writeUInt32BE(data.length, 1)
  return Buffer.concat([head, data])
}

/** Calls a method; a stream that does not end by itself is left after a while. Gives everything that was said. */
async function call(name: string, message: unknown, token: string, waitMs = WATCH_MS): Promise<string> {
  const method = methods.find(each => nameOf(each) === name)
  const isUnary = method === undefined || method.methodKind === 'unary'
  const uploaded = name.endsWith('/UploadFile') ? [enveloped({ chunk: 'AAAA' })] : []
  const isWatch = name.includes('/Watch')
  const leaving = new AbortController()
  const timer = setTimeout(() => leaving.abort(), isWatch ? waitMs : 15_000)
  let said = ''
  try {
    const answer = await fetch(`${service.url}/${name}`, {
      method: 'POST',
      headers: {
        'content-type': isUnary ? 'application/json' : 'application/connect+json',
        authorization: `Bearer ${token}`,
        'x-request-id': 'tenancy',
      },
      body: isUnary ? JSON.stringify(message) : Buffer.concat([enveloped(message), ...uploaded]),
      signal: leaving.signal,
    })
    said = `${answer.status} `
    for await (const chunk of answer.body ?? []) said += Buffer.from(chunk).toString()
  } catch (error) {
    if (!(isWatch && leaving.signal.aborted)) throw error
  } finally {
    clearTimeout(timer)
  }
  return said
}

const idIn = (said: string, prefix: string): string =>
  new RegExp(`${prefix}_[0-9a-f-]{36}`).exec(said)?.[0] ?? `no ${prefix} in ${said}`

/** Makes one of everything for a tenant. */
async function settle(tenant: string): Promise<Owned> {
  const token = tokenFor(tenant)
  const idempotencyKey = 'the-same-for-both'
  const made = await call(
    'exai.v1.FilesService/CreateFile',
    { filename: `${tenant}.txt`, content: 'AAAA', metadata: { owner: tenant } },
    token,
  )
  const talk = await call(
    'exai.v1.ChatService/Complete',
    chat({ conversationId: 'new', idempotencyKey }, { text: `secret of ${tenant}` }),
    token,
  )
  const key = await call(
    'exai.v1.AccessService/CreateKey',
    { label: `key of ${tenant}`, scopes: ['SCOPE_CHAT'] },
    tokenFor(tenant, 'admin'),
  )
  const running = upstream.waitFor(({ rawBody }) => rawBody.includes(`a long story of ${tenant}`))
  // Left at once, and going on for its window.
  const stream = await started(token, tenant)
  await running
  return {
    tenant,
    file: idIn(made, 'file'),
    conversation: idIn(talk, 'conv'),
    response: idIn(talk, 'resp'),
    stream,
    request: `request-of-${tenant}`,
    key: idIn(key, 'key'),
    idempotencyKey,
  }
}

/** Starts a stream that runs for long, and leaves it; gives its id. */
async function started(token: string, tenant: string): Promise<string> {
  const leaving = new AbortController()
  const text = `[[fault:words=400]][[fault:drip-events=300]] a long story of ${tenant}`
  const answer = await fetch(`${service.url}/exai.v1.ChatService/StreamComplete`, {
    method: 'POST',
    headers: {
      'content-type': 'application/connect+json',
      authorization: `Bearer ${token}`,
      'x-request-id': `request-of-${tenant}`,
    },
    body: enveloped({ ...chat({ resumeWindow: '300s' }, { text }), model: 'openai/test-model' }),
    signal: leaving.signal,
  })
  let said = ''
  for await (const chunk of answer.body ?? []) {
    said += Buffer.from(chunk).toString()
    if (/resp_[0-9a-f-]{36}/.test(said)) break
  }
  leaving.abort()
  return idIn(said, 'resp')
}

beforeAll(async () => {
  upstream = await startUpstream()
  service = await startService({
    // Streams that were left on purpose would be waited for.
    DRAIN_TIMEOUT: '0',
    JWT_SECRET: SECRET,
    OPENAI_API_KEY: 'test-key',
    OPENAI_BASE_URL: upstream.url,
  })
  owner = await settle('owner-of-it-all')
  own = await settle('stranger')
})

afterAll(async () => {
  await service.stop()
  await upstream.close()
})

/** Everything by which the owner could be seen. */
const marks = ({ idempotencyKey: _, ...owned }: Owned): readonly string[] => [
  ...Object.values(owned),
  `secret of ${owned.tenant}`,
]

/** An answer without what differs from one call to the next anyway. */
const plain = (said: string, id: string): string =>
  said.replaceAll(id, 'ID').replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')

async function probe(name: string, asked: Probe): Promise<void> {
  const token = tokenFor('stranger')
  if (asked.kind === 'view') {
    const said = await call(name, asked.message(owner), token)
    for (const mark of marks(owner)) expect(said).not.toContain(mark)
    expect(said).not.toContain('"replayed":true')
    if (asked.own !== undefined) expect(said).toContain(own[asked.own])
    return
  }
  const foreign = owner[asked.of]
  const never = missing(foreign)
  const [said, expected] = [
    await call(name, asked.message(foreign), token),
    await call(name, asked.message(never), token),
  ]
  expect(plain(said, foreign)).toBe(plain(expected, never))
  if (asked.code !== 'any') expect(said).toContain(`"code":"${asked.code}"`)
}

describe('a second tenant', () => {
  it('is asked about in every RPC that there is', () => {
    expect(Object.keys(CASES).sort()).toEqual(methods.map(nameOf).sort())
    for (const [name, probes] of Object.entries(CASES)) expect([name, probes.length]).not.toEqual([name, 0])
  })

  it.each(Object.entries(CASES))('learns nothing of the first by %s', async (name, probes) => {
    for (const each of probes) await probe(name, each)
  })

  it.each(PAGES)('learns nothing of the first at %s', async path => {
    for (const query of [
      '',
      `?tenant=${owner.tenant}`,
      `?file_id=${owner.file}&response_id=${owner.stream}`,
    ]) {
      const answer = await fetch(`${service.url}${path}${query}`, {
        headers: { authorization: `Bearer ${tokenFor('stranger')}` },
      })
      const said = `${JSON.stringify([...answer.headers])} ${await answer.text()}`
      for (const mark of marks(owner)) expect(said).not.toContain(mark)
    }
  })

  it('cannot look like the first: a tenant in a header or a query counts for nothing', async () => {
    const answer = await fetch(`${service.url}/exai.v1.FilesService/ListFiles?tenant=${owner.tenant}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${tokenFor('stranger')}`,
        'x-tenant-id': owner.tenant,
        tenant_id: owner.tenant,
      },
      body: '{}',
    })
    const said = await answer.text()
    expect(said).toContain(own.file)
    expect(said).not.toContain(owner.file)
  })
})

describe('after all that', () => {
  it('the first tenant still has everything: its file, its conversation, its key and its running stream', async () => {
    const token = tokenFor(owner.tenant)
    expect(await call('exai.v1.FilesService/GetFile', { fileId: owner.file }, token)).toContain(
      `${owner.tenant}.txt`,
    )
    const { conversation: conversationId } = owner
    expect(await call('exai.v1.ChatService/GetConversation', { conversationId }, token)).toContain(
      `secret of ${owner.tenant}`,
    )
    const keys = await call(
      'exai.v1.AccessService/ListKeys',
      { tenant: owner.tenant },
      tokenFor(owner.tenant, 'admin'),
    )
    expect(keys).toMatch(new RegExp(`"id":"${owner.key}".*"state":"STATE_ACTIVE"`))
    expect(await call('exai.v1.ChatService/CancelStream', { responseId: owner.stream }, token)).toContain(
      '"cancelled":true',
    )
    expect(await call('exai.v1.ChatService/ResumeStream', { responseId: owner.stream }, token)).toContain(
      '"started"',
    )
  })

  it('the same idempotency key of both tenants stands for two calls', async () => {
    const message = chat(
      { conversationId: 'new', idempotencyKey: owner.idempotencyKey },
      { text: `secret of ${owner.tenant}` },
    )
    const said = await call('exai.v1.ChatService/Complete', message, tokenFor(owner.tenant))
    expect(said).toContain('"replayed":true')
    expect(said).toContain(owner.response)
    expect(own.response).not.toBe(owner.response)
  })
})

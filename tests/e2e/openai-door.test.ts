// The OpenAI-compatible door of a running service: who may come in, limits, browsers, HTTP/2, and files of other tenants.
import { connect } from 'node:http2'
import OpenAI, { AuthenticationError, PermissionDeniedError, RateLimitError, toFile } from 'openai'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Service, startService } from '../support/running-server.ts'

const hi = { model: 'sandbox', messages: [{ role: 'user' as const, content: 'hi' }] }

async function start(env: Readonly<Record<string, string>>, yaml?: string): Promise<Service> {
  const files = yaml === undefined ? {} : { 'exai.yaml': yaml }
  const config: Record<string, string> = yaml === undefined ? {} : { EXAI_CONFIG: 'exai.yaml' }
  const service = await startService({ ...env, ...config }, { files })
  onTestFinished(async () => void (await service.stop()))
  return service
}

const sdkOf = ({ url }: Service, apiKey = 'unused') =>
  new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 })

async function failure(call: Promise<unknown>): Promise<unknown> {
  try {
    await call
  } catch (error) {
    return error
  }
  throw new Error('the call succeeded')
}

async function createKey(service: Service, admin: string, key: object): Promise<string> {
  const reply = await fetch(`${service.url}/exai.v1.AccessService/CreateKey`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${admin}` },
    body: JSON.stringify(key),
  })
  return String(Reflect.get(Object(await reply.json()), 'secret'))
}

describe('a service that asks who comes', () => {
  it('takes a key as the package sends it, and refuses in words that the package knows', async () => {
    const service = await start({ EXAI_AUTH: 'key' })
    const admin = /exai_[\w-]{43}/.exec(service.output())?.[0] ?? ''
    expect((await sdkOf(service, admin).chat.completions.create(hi)).choices).toHaveLength(1)
    const stranger = await failure(sdkOf(service, 'sk-nothing').chat.completions.create(hi))
    expect(stranger).toBeInstanceOf(AuthenticationError)
    expect(stranger).toMatchObject({ status: 401, type: 'authentication_error', code: 'unauthenticated' })
    const files = await createKey(service, admin, { label: 'f', tenant: 'a', scopes: ['SCOPE_FILES'] })
    const forbidden = await failure(sdkOf(service, files).chat.completions.create(hi))
    expect(forbidden).toBeInstanceOf(PermissionDeniedError)
    expect(forbidden).toMatchObject({ status: 403, code: 'permission_denied' })
  })

  it('shows nobody the files of another tenant', async () => {
    const service = await start({ EXAI_AUTH: 'key' })
    const admin = /exai_[\w-]{43}/.exec(service.output())?.[0] ?? ''
    const [a, b] = await Promise.all(
      ['a', 'b'].map(async tenant => {
        const scopes = ['SCOPE_FILES', 'SCOPE_CHAT']
        return sdkOf(service, await createKey(service, admin, { label: 'k', tenant, scopes }))
      }),
    )
    if (a === undefined || b === undefined) throw new Error('there are two keys')
    const { id } = await a.files.create({
      file: await toFile(Buffer.from('mine'), 'm.txt'),
      purpose: 'user_data',
    })
    for (const call of [b.files.retrieve(id), b.files.content(id), b.files.delete(id)])
      expect(await failure(call)).toMatchObject({ status: 404, code: 'file_not_found' })
    expect((await b.files.list()).data).toEqual([])
    expect((await b.files.list({ after: id })).data).toEqual([])
    expect((await a.files.list()).data.map(file => file.id)).toEqual([id])
  })
})

it('a form that says something wrong behind its file stores nothing', async () => {
  const service = await start({})
  for (const [name, value] of [
    ['nothing', 'x'],
    ['purpose', 'x'.repeat(65)],
    ['expires_after[seconds]', '-1'],
  ] as const) {
    const form = new FormData()
    form.append('file', new Blob(['content']), 'a.txt')
    form.append(name, value)
    const reply = await fetch(`${service.url}/v1/files`, { method: 'POST', body: form })
    expect([name, reply.status]).toEqual([name, 400])
    expect(await reply.json()).toMatchObject({ error: { type: 'invalid_request_error' } })
  }
  expect((await sdkOf(service).files.list()).data).toEqual([])
})

it('a limit that is reached says so in the headers that the package reads', async () => {
  const service = await start({}, 'limits: { tenants: { default: { requests_per_minute: 1 } } }\n')
  const sdk = sdkOf(service)
  await sdk.chat.completions.create(hi)
  const error = await failure(sdk.chat.completions.create(hi))
  expect(error).toBeInstanceOf(RateLimitError)
  if (!(error instanceof RateLimitError)) return
  expect(error).toMatchObject({ code: 'rate_limited', type: 'rate_limit_error' })
  expect(error.headers.get('x-ratelimit-limit-requests')).toBe('1')
  expect(error.headers.get('x-ratelimit-remaining-requests')).toBe('0')
  expect(error.headers.get('x-ratelimit-reset-requests')).toMatch(/^\d+s$/)
  expect(Number(error.headers.get('retry-after'))).toBeGreaterThan(0)
})

it('an answer says how the nearest limit of requests stands, also one that is streamed', async () => {
  const limits = 'limits: { tenants: { default: { requests_per_minute: 3 } } }\n'
  const service = await start({}, limits)
  const sdk = sdkOf(service)
  const { response: whole } = await sdk.chat.completions.create(hi).withResponse()
  const { response: streamed, data } = await sdk.chat.completions
    .create({ ...hi, stream: true })
    .withResponse()
  for await (const _ of data);
  expect(
    [whole, streamed].map(({ headers }) => [
      headers.get('x-ratelimit-limit-requests'),
      headers.get('x-ratelimit-remaining-requests'),
    ]),
  ).toEqual([
    ['3', '2'],
    ['3', '1'],
  ])
  expect(whole.headers.get('x-ratelimit-reset-requests')).toMatch(/^(?:6\d|70)s$/)
  const free = await start({})
  const { response } = await sdkOf(free).chat.completions.create(hi).withResponse()
  expect(response.headers.get('x-ratelimit-limit-requests')).toBeNull()
})

it('a page of an allowed origin may send what the package sends', async () => {
  const service = await start({ CORS_ORIGINS: 'https://app.example.org', EXAI_AUTH: 'key' })
  const reply = await fetch(`${service.url}/v1/files/file_1`, {
    method: 'OPTIONS',
    headers: {
      origin: 'https://app.example.org',
      'access-control-request-method': 'DELETE',
      'access-control-request-headers': 'authorization, x-stainless-retry-count',
    },
  })
  expect(reply.status).toBe(204)
  expect(reply.headers.get('access-control-allow-methods')).toContain('DELETE')
  expect(reply.headers.get('access-control-allow-headers')).toContain('x-stainless-retry-count')
})

it('a caller over HTTP/2 gets the same stream', async () => {
  const service = await start({})
  const session = connect(service.url)
  onTestFinished(() => session.destroy())
  const stream = session.request({
    ':method': 'POST',
    ':path': '/v1/chat/completions',
    'content-type': 'application/json',
  })
  stream.end(JSON.stringify({ ...hi, stream: true }))
  const headers = await new Promise<Record<string, unknown>>(resolve =>
    stream.once('response', got => resolve({ ...got })),
  )
  expect(headers).toMatchObject({ ':status': 200, 'content-type': 'text/event-stream; charset=utf-8' })
  let text = ''
  for await (const chunk of stream.setEncoding('utf8')) text += chunk
  expect(text.endsWith('data: [DONE]\n\n')).toBe(true)
  const written = text
    .split('\n\n')
    .filter(frame => frame.startsWith('data: {'))
    .map(frame => JSON.parse(frame.slice(6)).choices[0].delta.content ?? '')
  const whole = await sdkOf(service).chat.completions.create(hi)
  expect(written.join('')).toBe(whole.choices[0]?.message.content)
})

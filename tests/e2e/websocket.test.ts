// The WebSocket of a running service: the example of the handover guide as it stands, other clients, and the end of the process.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { jsonQuestion, postJson } from '../support/clients.ts'
import { runProgram } from '../support/program.ts'
import { type Service, startService } from '../support/running-server.ts'
import { selfSigned } from '../support/self-signed.ts'
import { codeOf, type Frame, is, openSocket, refusedHandshake } from '../support/socket-client.ts'
import { root, tool } from '../support/tools.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

const python = tool('python-websockets')
const MODEL = 'openai/test-model'
const FIRST = /the first admin key, shown only now: (exai_[\w-]{43})$/m
// Some seconds of text, piece by piece.
const SLOW = '[[fault:words=300]][[fault:drip-events=20]] tell me a story'

let upstream: Upstream
let service: Service
let key: string
beforeAll(async () => {
  upstream = await startUpstream()
  service = await startService({
    OPENAI_API_KEY: 'test-key',
    OPENAI_BASE_URL: upstream.url,
    EXAI_AUTH: 'key',
  })
  key = FIRST.exec(service.output())?.[1] ?? ''
})
afterAll(async () => {
  await service.stop()
  await upstream.close()
})

const ask = (id: string, text: string, more: object = {}) => ({
  type: 'request',
  request_id: id,
  model: MODEL,
  messages: [{ role: 'user', content: text }],
  ...more,
})

const at = ({ url }: Service, path = '/ws') => `${url.replace('http', 'ws')}${path}`

/** A connection that has said who it is. */
async function open(path = '/ws', token = key, where = service) {
  const client = await openSocket(at(where, path))
  client.send({ type: 'auth', token })
  await client.frame(is('authenticated'))
  return client
}

/** Calls a method of the administration of keys. */
async function administer(
  method: string,
  body: object,
): Promise<{ readonly secret: string; readonly key: { readonly id: string } }> {
  const answer = await fetch(`${service.url}/exai.v1.AccessService/${method}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify(body),
  })
  expect(answer.status).toBe(200)
  // As the contract says of CreateKey; of other methods nothing is looked at.
  return (await answer.json()) as Awaited<ReturnType<typeof administer>>
}

const textOf = ({ content }: Frame): unknown => JSON.parse(JSON.stringify(content)).choices[0].message.content

/** Runs a Python script that calls port 8080, and leads it to the service of this test. */
async function runPython(text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'exai-ws-'))
  try {
    const script = join(folder, 'example.py')
    await writeFile(script, text)
    await writeFile(
      join(folder, 'sitecustomize.py'),
      `import socket
real = socket.getaddrinfo
def led(host, port, *rest, **named):
    return real('127.0.0.1' if port == 8080 else host, ${service.port} if port == 8080 else port, *rest, **named)
socket.getaddrinfo = led
`,
    )
    const { stdout, stderr } = await runProgram(python?.path ?? '', [script], {
      env: { PATH: process.env['PATH'], PYTHONPATH: folder, PYTHONDONTWRITEBYTECODE: '1' },
    })
    expect(stderr).toBe('')
    return stdout
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

describe.skipIf(python === undefined)('Python (skipped without websockets: see .ci/run)', () => {
  it('runs the example of the handover guide unchanged but for its token and its model', async () => {
    const example = await readFile(join(root, 'tests/e2e/seed-websocket.py'), 'utf8')
    expect(example.match(/your_jwt_token|gpt-4/g)).toEqual(['your_jwt_token', 'gpt-4'])
    const shown = await runPython(example.replace('your_jwt_token', key).replace('gpt-4', MODEL))
    expect(shown).toMatch(/^\{'id': 'resp_.*'content': 'You said: Hello!'.*'total_tokens': \d+/)
  })

  it('runs the example of docs/websocket.md', async () => {
    const page = await readFile(join(root, 'docs/websocket.md'), 'utf8')
    const example = /```python\n(.*?)```/s.exec(page)?.[1] ?? ''
    const shown = await runPython(example.replace('exai_… or a JWT', key).replace('"auto"', `"${MODEL}"`))
    expect(shown).toBe('You said: Hello!')
  })
})

describe('a connection', () => {
  it('carries several requests at once, each with its own frames and its own line in the log', async () => {
    const client = await open()
    const ids = ['multi-1', 'multi-2', 'multi-3', 'multi-4']
    for (const id of ids) client.send(ask(id, `hello from ${id}`, { stream: id !== 'multi-4' }))
    for (const id of ids) {
      expect(textOf(await client.frame(is('response', id)))).toBe(`You said: hello from ${id}`)
      const pieces = client.frames.filter(is('stream', id)).map(({ delta }) => Object(delta).content)
      if (id !== 'multi-4') expect(pieces.join('')).toBe(`You said: hello from ${id}`)
      expect(await service.call(id)).toMatchObject({
        channel: 'ws',
        door: 'websocket',
        protocol: 'websocket',
        provider: 'openai',
        code: 'OK',
      })
    }
    const metrics = await (await fetch(`${service.url}/metrics`)).text()
    expect(metrics).toMatch(/exai_requests_total\{[^}]*door="websocket"[^}]*\} [1-9]/)
    client.ws.close(1000)
    expect(await client.closed).toMatchObject({ code: 1000 })
  })

  it('cancels a request up to the provider', async () => {
    const client = await open()
    client.send(ask('cancelled', `${SLOW}, a slow story`, { stream: true }))
    await client.frame(is('stream', 'cancelled'))
    client.send({ type: 'cancel', request_id: 'cancelled' })
    expect(codeOf(await client.frame(is('error', 'cancelled')))).toBe('CANCELLED')
    expect(await service.call('cancelled')).toMatchObject({ code: 'CANCELLED', attempts: 1 })
    expect(client.frames.filter(is('response'))).toEqual([])
    const asked = upstream.requests.find(({ rawBody }) => rawBody.includes('a slow story'))
    await expect.poll(() => asked?.closedByClientAtMs).toBeGreaterThan(0)
    client.send(ask('after', 'hello'))
    await client.frame(is('response', 'after'))
  })

  it('tells what is wrong with a request in the words of the service', async () => {
    const client = await open()
    client.send(ask('wrong-model', 'hello', { model: 'no-such-model' }))
    expect(codeOf(await client.frame(is('error', 'wrong-model')))).toBe('MODEL_NOT_FOUND')
    client.send(ask('too-hot', 'hello', { parameters: { temperature: 9 } }))
    expect(await client.frame(is('error', 'too-hot'))).toMatchObject({
      error: { code: 'INVALID_REQUEST', message: expect.stringContaining('temperature') },
    })
    client.send(ask('broken', '[[fault:cut-after-events=3]] hello', { stream: true }))
    expect(codeOf(await client.frame(is('error', 'broken')))).toMatch(/^UPSTREAM_/)
    expect(client.frames.filter(is('response'))).toEqual([])
  })

  it('gets by an idempotency key what was answered through another door', async () => {
    const question = { ...jsonQuestion(MODEL, 'the same'), idempotencyKey: 'ws-1' }
    const answer = await postJson(service.url, 'Complete', question, { authorization: `Bearer ${key}` })
    expect(answer.status).toBe(200)
    const client = await open()
    client.send(ask('again', 'the same', { idempotency_key: 'ws-1' }))
    expect(await client.frame(is('response', 'again'))).toMatchObject({
      content: { id: Object(answer.json).id, metadata: { replayed: true } },
    })
  })

  it('of a page of a foreign origin is refused', async () => {
    expect(await refusedHandshake(at(service), { origin: 'https://evil.example' })).toMatchObject({
      status: 403,
      body: { code: 'permission_denied' },
    })
  })

  it('of a key that is revoked is closed with its next request', async () => {
    const made = await administer('CreateKey', { label: 'ws', scopes: ['SCOPE_CHAT'] })
    const client = await open('/ws', String(made.secret))
    client.send(ask('revoked-1', 'hello'))
    await client.frame(is('response', 'revoked-1'))
    await administer('RevokeKey', { keyId: made.key.id })
    client.send(ask('revoked-2', 'hello'))
    expect(codeOf(await client.frame(is('error', 'revoked-2')))).toBe('UNAUTHENTICATED')
    expect(await client.closed).toEqual({ code: 4401, reason: 'unauthenticated' })
  })
})

describe('the monitoring', () => {
  const shows = (name: string) => (frame: Frame) => frame['event_type'] === name

  it('shows calls as they go, and what fails', async () => {
    const watcher = await open('/ws/monitoring')
    watcher.send({ type: 'subscribe', request_id: 'seen', interval_seconds: 1 })
    expect((await watcher.frame(shows('provider_metrics')))['data']).toMatchObject({
      providers: expect.arrayContaining([expect.objectContaining({ provider: 'openai', status: 'healthy' })]),
    })
    const client = await open()
    client.send(ask('watched', 'hello'))
    client.send(ask('failing', '[[fault:status=500]] hello'))
    await client.frame(is('response', 'watched'))
    await client.frame(is('error', 'failing'))
    const alert = (frame: Frame) =>
      shows('error_alert')(frame) &&
      Object(frame['data']).request_id === 'failing' &&
      Object(frame['data']).kind === 'request'
    expect((await watcher.frame(alert))['data']).toMatchObject({
      severity: 'error',
      code: 'UPSTREAM_UNAVAILABLE',
    })
    const counted = (frame: Frame) =>
      shows('connection_status')(frame) && Object(frame['data']).total_requests === 2
    expect((await watcher.frame(counted))['data']).toMatchObject({ error_rate: 0.5 })
    await watcher.frame(shows('performance_update'))
  })

  it('is for callers with its scope', async () => {
    const { secret } = await administer('CreateKey', { label: 'chats', scopes: ['SCOPE_CHAT'] })
    const watcher = await open('/ws/monitoring', String(secret))
    watcher.send({ type: 'subscribe', request_id: 'mine' })
    expect(codeOf(await watcher.frame(is('error', 'mine')))).toBe('PERMISSION_DENIED')
  })
})

describe('on SIGTERM', () => {
  const env = () => ({ OPENAI_API_KEY: 'test-key', OPENAI_BASE_URL: upstream.url })

  it('a request that runs is finished, idle connections are closed, and the service exits with 0', async () => {
    const ending = await startService(env())
    const [busy, idle] = [await openSocket(at(ending)), await openSocket(at(ending))]
    busy.send(ask('last', SLOW.replace('300', '60'), { stream: true }))
    await busy.frame(is('stream', 'last'))
    const code = ending.stop()
    expect(await idle.closed).toEqual({ code: 1001, reason: 'shutting down' })
    await busy.frame(is('response', 'last'))
    expect(await busy.closed).toMatchObject({ code: 1001 })
    expect(await code).toBe(0)
    expect(ending.log().at(-1)).toMatchObject({ msg: 'stopped', running: 1, aborted: 0 })
  })

  it('a request that takes too long is told so before the connection closes', async () => {
    const ending = await startService({ ...env(), DRAIN_TIMEOUT: '0.3' })
    const client = await openSocket(at(ending))
    client.send(ask('late', SLOW, { stream: true }))
    await client.frame(is('stream', 'late'))
    const code = ending.stop()
    expect(codeOf(await client.frame(is('error', 'late')))).toBe('SHUTTING_DOWN')
    expect(await client.closed).toMatchObject({ code: 1001 })
    expect(await code).toBe(0)
  })
})

it('works behind TLS', async () => {
  const { cert, key: secret } = selfSigned()
  const safe = await startService(
    { TLS_CERT: 'cert.pem', TLS_KEY: 'key.pem' },
    { files: { 'cert.pem': cert, 'key.pem': secret } },
  )
  try {
    const client = await openSocket(`wss://127.0.0.1:${safe.port}/ws`, { ca: cert })
    client.send(ask('tls', 'hello', { model: 'sandbox' }))
    await client.frame(is('response', 'tls'))
  } finally {
    await safe.stop()
  }
})

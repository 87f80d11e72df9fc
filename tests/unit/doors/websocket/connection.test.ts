// Who may connect and stay: credentials, pages of other origins, and the end of the process.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Scope } from '#gen/exai/v1/key_pb'
import { type AccessRig, makeKey, openAccessRig, revokeKey } from '../../../support/access-rig.ts'
import { openRaw } from '../../../support/raw-client.ts'
import { codeOf, is, refusedHandshake } from '../../../support/socket-client.ts'
import { answerOf, type RigOptions, request, startRig } from './harness.ts'

const untilAborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
const hello = { complete: async () => answerOf('Hi') }

describe('where callers need a credential', () => {
  let rig: AccessRig
  beforeEach(async () => {
    rig = await openAccessRig()
  })
  afterEach(() => rig.close())

  const start = (options: RigOptions = {}) => startRig({ access: rig.access, chat: hello, ...options })

  test('an auth frame lets in, also when the request comes in the same packet', async () => {
    const { open, ends, lines } = await start()
    const { secret } = await makeKey(rig, {})
    const client = await open()
    client.send({ type: 'auth', token: secret })
    client.send(request('a'))
    await client.frame(is('response', 'a'))
    expect(client.frames.map(({ type }) => type)).toEqual(['authenticated', 'response'])
    expect(ends).toMatchObject([{ code: 'OK' }])
    expect(lines[0]?.fields).toMatchObject({ channel: 'ws', tenant: 'default' })
  })

  test('the header of the handshake lets in', async () => {
    const { open } = await start()
    const { secret } = await makeKey(rig, {})
    const client = await open('/ws', { headers: { authorization: `Bearer ${secret}` } })
    client.send(request('a'))
    await client.frame(is('response', 'a'))
  })

  test('a header that is not accepted is refused before the handshake', async () => {
    const { url, ends } = await start()
    const { status, body } = await refusedHandshake(`${url}/ws`, { headers: { authorization: 'Bearer no' } })
    expect([status, body['code']]).toEqual([401, 'unauthenticated'])
    expect(ends).toMatchObject([{ door: 'websocket', code: 'UNAUTHENTICATED' }])
  })

  test.each([
    ['a request', request('a'), 'UNAUTHENTICATED'],
    ['an unknown token', { type: 'auth', token: 'nobody' }, 'UNAUTHENTICATED'],
    ['no token', { type: 'auth' }, 'UNAUTHENTICATED'],
    ['garbage', 'garbage', 'INVALID_REQUEST'],
  ])('%s instead of a good auth frame is told why, and closed with 4401', async (_, frame, code) => {
    const { open, ends } = await start()
    const client = await open()
    client.send(frame)
    expect(codeOf(await client.frame(is('error')))).toBe(code)
    expect(await client.closed).toEqual({ code: 4401, reason: 'unauthenticated' })
    expect(ends).toMatchObject([{ reason: code }])
  })

  test('a client that does not say who it is is closed with 4401 after a while', async () => {
    const { open } = await start({ limits: { authTimeoutMs: 50 } })
    const client = await open()
    expect(codeOf(await client.frame(is('error')))).toBe('UNAUTHENTICATED')
    expect(await client.closed).toMatchObject({ code: 4401 })
  })

  test('a client that sends much before it says who it is is cut', async () => {
    const { open } = await start({ limits: { strangerBytes: 1_000 } })
    const client = await open()
    client.ws.send('x'.repeat(10_000), { fin: false })
    expect(await client.closed).toMatchObject({ code: 1006 })
  })

  test('only so many may wait to say who they are', async () => {
    const { open, url } = await start({ limits: { strangersMax: 1 } })
    const { secret } = await makeKey(rig, {})
    const first = await open()
    expect((await refusedHandshake(`${url}/ws`)).status).toBe(503)
    first.send({ type: 'auth', token: secret })
    await first.frame(is('authenticated'))
    await open()
  })

  test('a key that is revoked stops at once: what runs, and what is asked next', async () => {
    const { open, ends } = await start({
      chat: { ...hello, stream: ({ signal }) => speechUntil(signal) },
    })
    const { secret, id } = await makeKey(rig, {})
    const client = await open()
    client.send({ type: 'auth', token: secret })
    client.send(request('running', { stream: true }))
    await client.frame(is('stream', 'running'))
    await revokeKey(rig, id)
    client.send(request('next'))
    expect(codeOf(await client.frame(is('error', 'next')))).toBe('UNAUTHENTICATED')
    expect(codeOf(await client.frame(is('error', 'running')))).toBe('UNAUTHENTICATED')
    expect(await client.closed).toMatchObject({ code: 4401 })
    expect(ends.map(({ code }) => code)).toEqual(['UNAUTHENTICATED', 'UNAUTHENTICATED'])
  })

  test('a key that is revoked ends what runs after a while, also when nothing more is asked', async () => {
    const { open } = await start({
      limits: { recheckIntervalMs: 30 },
      chat: { stream: ({ signal }) => speechUntil(signal) },
    })
    const { secret, id } = await makeKey(rig, {})
    const client = await open()
    client.send({ type: 'auth', token: secret })
    client.send(request('running', { stream: true }))
    await client.frame(is('stream', 'running'))
    await revokeKey(rig, id)
    expect(codeOf(await client.frame(is('error', 'running')))).toBe('UNAUTHENTICATED')
    expect(await client.closed).toMatchObject({ code: 4401 })
  })

  test('a scope that is missing refuses the request, and the connection goes on', async () => {
    const { open } = await start()
    const { secret } = await makeKey(rig, { scopes: [Scope.MONITORING] })
    const client = await open()
    client.send({ type: 'auth', token: secret })
    client.send(request('a'))
    expect(codeOf(await client.frame(is('error', 'a')))).toBe('PERMISSION_DENIED')
    const { secret: better } = await makeKey(rig, {})
    client.send({ type: 'auth', token: better })
    client.send(request('b'))
    await client.frame(is('response', 'b'))
  })
})

async function* speechUntil(signal: AbortSignal) {
  yield { sequence: 1, event: { case: 'textDelta' as const, value: { text: 'Hel' } } }
  await untilAborted(signal)
}

describe('a page of a browser', () => {
  test.each(['https://evil.example', 'null', 'http://127.0.0.1:1'])(
    'of the origin %s is refused before the handshake',
    async origin => {
      const { url, ends } = await startRig()
      const { status, body } = await refusedHandshake(`${url}/ws`, { origin })
      expect([status, body['code']]).toEqual([403, 'permission_denied'])
      expect(ends).toMatchObject([{ door: 'websocket', code: 'PERMISSION_DENIED' }])
    },
  )

  test('of this host, or of an origin that may call, is let in', async () => {
    const { open, url } = await startRig({ chat: hello, corsOrigins: ['http://localhost:5173'] })
    for (const origin of [url.replace('ws:', 'http:'), 'http://localhost:5173']) {
      const client = await open('/ws', { origin })
      client.send(request('a'))
      await client.frame(is('response'))
    }
  })

  test('that has given this machine a foreign name is refused', async () => {
    const { url } = await startRig()
    const headers = { host: 'evil.example' }
    expect((await refusedHandshake(`${url}/ws`, { headers, origin: 'http://evil.example' })).status).toBe(403)
  })
})

describe('the end of the process', () => {
  test('lets a request finish, refuses the next one, and closes with 1001', async () => {
    let finish = (): void => undefined
    const { open, drain } = await startRig({
      chat: { complete: () => new Promise(resolve => (finish = () => resolve(answerOf('done')))) },
    })
    const [busy, idle] = [await open(), await open()]
    busy.send(request('a'))
    busy.send({ type: 'ping' })
    await busy.frame(is('pong'))
    const ended = drain.run()
    expect(await idle.closed).toEqual({ code: 1001, reason: 'shutting down' })
    busy.send(request('b'))
    expect(codeOf(await busy.frame(is('error', 'b')))).toBe('SHUTTING_DOWN')
    finish()
    await busy.frame(is('response', 'a'))
    expect(await busy.closed).toMatchObject({ code: 1001 })
    expect(await ended).toMatchObject({ aborted: 0 })
  })

  test('ends a request that takes too long with an error frame, then with 1001', async () => {
    const { open, drain } = await startRig({ chat: { complete: ({ signal }) => untilAborted(signal) } })
    const client = await open()
    client.send(request('a'))
    client.send({ type: 'ping' })
    await client.frame(is('pong'))
    const ended = drain.run()
    expect(codeOf(await client.frame(is('error', 'a')))).toBe('SHUTTING_DOWN')
    expect(await client.closed).toMatchObject({ code: 1001 })
    expect(await ended).toMatchObject({ running: 1, aborted: 1 })
  })
})

describe('a request that is no handshake', () => {
  test('is told to upgrade', async () => {
    const { url } = await startRig()
    for (const path of ['/ws', '/ws/monitoring?x=1']) {
      const answer = await fetch(url.replace('ws:', 'http:') + path)
      expect([answer.status, answer.headers.get('upgrade')]).toEqual([426, 'websocket'])
      expect(await answer.json()).toMatchObject({ code: 'invalid_argument' })
    }
  })

  test('or a handshake elsewhere, is served as a plain one', async () => {
    const { url } = await startRig()
    const client = await openRaw(Number(new URL(url).port))
    client.send(
      'GET /elsewhere HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    )
    await client.until('a page')
  })

  test('without a key is refused', async () => {
    const { url } = await startRig()
    const client = await openRaw(Number(new URL(url).port))
    client.send(
      'GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n',
    )
    await client.until('HTTP/1.1 400 ')
  })
})

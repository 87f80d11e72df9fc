// The gate before every door: who asks, what that may do, and what everybody else is told.

import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:http2'
import { connect as connectTcp } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Scope } from '#gen/exai/v1/key_pb'
import { METHOD_NEEDS, needOf } from '../../../src/access/scopes.ts'
import { type AccessRig, goodToken, makeKey, openAccessRig } from '../../support/access-rig.ts'
import { errorOf, post, type Running, type ServerOptions, startServer } from '../doors/connect/harness.ts'

const COMPLETE = 'exai.v1.ChatService/Complete'
const GRPC = { 'content-type': 'application/grpc+proto', te: 'trailers' }

let rig: AccessRig
beforeEach(async () => {
  rig = await openAccessRig()
})
afterEach(() => rig.close())

const start = (options: ServerOptions = {}, { access } = rig) => startServer({ access, ...options })
const bearer = (credential: string) => ({ authorization: `Bearer ${credential}` })

describe('a call', () => {
  test('with a key or a token is served, for its tenant', async () => {
    await using server = await start()
    const { secret } = await makeKey(rig, { tenant: 'acme' })
    for (const headers of [bearer(secret), { 'x-api-key': secret }, bearer(secret)])
      expect((await post(server.url, COMPLETE, '{}', headers)).status).toBe(200)
    expect((await post(server.url, COMPLETE, '{}', bearer(goodToken(rig.clock.now())))).status).toBe(200)
    await server.exchanges.idle()
    expect(server.lines.map(({ fields }) => fields['tenant'])).toEqual(['acme', 'acme', 'acme', 'sub:ada'])
  })

  test('under any name of the host and from any page is for whoever has a credential', async () => {
    await using server = await start()
    const headers = { ...bearer(goodToken(rig.clock.now())), origin: 'https://app.example.org' }
    expect((await post(server.url, COMPLETE, '{}', headers)).status).toBe(200)
  })

  test.each([
    ['application/json', 401],
    ['application/connect+json', 200],
    ['application/grpc-web+proto', 200],
    ['application/grpc-web-text', 200],
  ])('without a credential is refused in its own protocol (%s)', async (type, status) => {
    await using server = await start()
    const response = await post(server.url, COMPLETE, '{}', { 'content-type': type })
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([status, 'Bearer'])
    if (type === 'application/json')
      expect(await errorOf(response)).toMatchObject({
        code: 'unauthenticated',
        reason: 'ERROR_REASON_UNAUTHENTICATED',
        message: expect.stringContaining('authorization: Bearer'),
      })
    else if (type.startsWith('application/grpc')) expect(response.headers.get('grpc-status')).toBe('16')
    else expect(await response.text()).toContain('"code":"unauthenticated"')
    const { line, end } = await server.onlyEnd()
    expect(end).toMatchObject({ method: COMPLETE, code: 'UNAUTHENTICATED', reason: 'UNAUTHENTICATED' })
    expect(line.fields['tenant']).toBe('')
  })

  test('of a method that does not exist is refused the same way', async () => {
    await using server = await start()
    expect((await post(server.url, 'exai.v1.ChatService/Nothing', '{}')).status).toBe(401)
    const known = await post(
      server.url,
      'exai.v1.ChatService/Nothing',
      '{}',
      bearer(goodToken(rig.clock.now())),
    )
    expect(known.status).toBe(404)
  })

  test('may have one credential only, however a client doubles it', async () => {
    await using server = await start()
    const { secret } = await makeKey(rig)
    const { secret: other } = await makeKey(rig)
    const line = `Authorization: Bearer ${secret}\r\n`
    const key = `x-api-key: ${secret}\r\n`
    const doubles = [line + line, key + key, `${line}x-api-key: ${other}\r\n`, `${line}AUTHORIZATION:\r\n`]
    // One key in both fields is one credential: some clients send it so.
    for (const headers of [line, key, line + key]) expect(await rawStatus(server, headers)).toBe('200')
    for (const headers of doubles) expect(await rawStatus(server, headers)).toBe('401')
  })

  test('says nothing of its credential, wherever it is told of', async () => {
    await using server = await start()
    const { secret } = await makeKey(rig)
    const token = goodToken(rig.clock.now())
    const bad = [`${secret.slice(0, -2)}zz`, `${token}x`]
    const bodies = []
    for (const credential of [secret, token, ...bad])
      bodies.push(await (await post(server.url, COMPLETE, '{}', bearer(credential))).text())
    await server.exchanges.idle()
    const told = JSON.stringify([bodies, server.lines, server.ends, rig.lines])
    for (const text of [secret, token, ...bad]) expect(told).not.toContain(text.slice(-20))
  })
})

describe('every method', () => {
  test('needs what the table says, for every caller', async () => {
    await using server = await start()
    const secrets = new Map<string, string>()
    for (const [name, scope] of Object.entries({ chat: 1, files: 2, monitoring: 3, admin: 4 } as const))
      secrets.set(name, (await makeKey(rig, { scopes: [scope] })).secret)
    for (const method of Object.keys(METHOD_NEEDS)) {
      const need = needOf(method)
      expect([method, await codeOf(server, method)]).toEqual([method, need === 'open' ? 'in' : '16'])
      for (const [scope, secret] of secrets) {
        const may = need === 'open' || need === 'any' || need === scope || scope === 'admin'
        expect([method, scope, await codeOf(server, method, secret)]).toEqual([
          method,
          scope,
          may ? 'in' : '7',
        ])
      }
    }
  })
})

describe('a page', () => {
  test('is open, but for the metrics to strangers', async () => {
    await using server = await start()
    for (const path of ['/', '/health', '/health/live', '/health/ready', '/metrics'])
      expect([path, (await fetch(server.url + path)).status]).toEqual([path, 200])
    const asked = (headers: Record<string, string>) =>
      fetch(`${server.url}/metrics`, { headers: { 'x-forwarded-for': '192.0.2.1', ...headers } })
    const refused = await asked({})
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
    const chat = await makeKey(rig)
    const monitoring = await makeKey(rig, { scopes: [Scope.MONITORING] })
    expect((await asked(bearer(chat.secret))).status).toBe(403)
    expect((await asked(bearer(`${chat.secret.slice(0, -2)}zz`))).status).toBe(401)
    expect(await (await asked(bearer(monitoring.secret))).text()).toBe('up 1\n')
    expect(server.ends).toEqual([])
  })

  test('with metrics is not for a page of a foreign site whose name leads to this machine', async () => {
    await using server = await start()
    const { port } = new URL(server.url)
    const statusOf = (headers: Record<string, string>) =>
      new Promise<number | undefined>((resolve, reject) => {
        const options = { host: '127.0.0.1', port, path: '/metrics', headers, agent: false }
        request(options, answer => resolve(answer.resume().statusCode))
          .on('error', reject)
          .end()
      })
    expect(await statusOf({ host: 'rebound.example' })).toBe(401)
    expect(await statusOf({ host: `localhost:${port}`, origin: 'https://page.example' })).toBe(401)
    expect(await statusOf({ host: `localhost:${port}` })).toBe(200)
  })

  test('with metrics is for this machine alone where nobody is asked for a credential', async () => {
    const free = await openAccessRig({ auth: { mode: 'loopback' } })
    await using server = await start({}, free)
    const refused = await fetch(`${server.url}/metrics`, { headers: { forwarded: 'for=192.0.2.1' } })
    expect([refused.status, await refused.text()]).toEqual([403, expect.stringContaining('METRICS_PUBLIC=1')])
    await free.close()
  })
})

function requestText(headers: string): string {
  const fixed =
    'Host: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n'
  return `POST /${COMPLETE} HTTP/1.1\r\n${fixed}${headers}\r\n{}`
}

/** Sends a request byte by byte as it stands, and gives the status of the answer. */
async function rawStatus(server: Running, headers: string): Promise<string | undefined> {
  const socket = connectTcp(Number(new URL(server.url).port), '127.0.0.1')
  socket.write(requestText(headers))
  let text = ''
  for await (const chunk of socket) text += String(chunk)
  return /^HTTP\/1\.1 (\d+)/.exec(text)?.[1]
}

/** `in` when the call got past the gate, and else the code of its refusal. */
async function codeOf(server: Running, method: string, secret?: string): Promise<string> {
  const session = connect(server.url)
  const headers = secret === undefined ? {} : bearer(secret)
  const stream = session.request({ ':method': 'POST', ':path': `/${method}`, ...GRPC, ...headers })
  stream.on('error', () => undefined)
  // Half an envelope: whoever reads it calls it malformed, and who may not come in never gets that far.
  stream.end(Buffer.from([0, 0, 0]))
  const [answer] = await once(stream, 'response')
  const trailers: Record<string, unknown> = { ...answer }
  stream.on('trailers', more => Object.assign(trailers, more))
  stream.resume()
  if (!stream.closed) await once(stream, 'close')
  session.destroy()
  const status = String(trailers['grpc-status'])
  return status === '7' || status === '16' ? status : 'in'
}

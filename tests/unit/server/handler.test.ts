// What every request meets before and beside the doors: ids, guards, browsers, and the plain pages.
import { request } from 'node:http'
import { connect } from 'node:http2'
import { describe, expect, test } from 'vitest'
import { GatewayError } from '../../../src/core/errors.ts'
import { errorOf, post, type Running, startServer } from '../doors/connect/harness.ts'
import { grpc, raw } from '../doors/connect/raw.ts'

const COMPLETE = 'exai.v1.ChatService/Complete'

type Answer = { status: number; headers: Record<string, unknown>; body: string }

// fetch does not let the Host be chosen.
function ask(
  server: Running,
  path: string,
  options: { method?: string; headers?: Record<string, string> } = {},
) {
  return new Promise<Answer>((resolve, reject) => {
    const req = request(`${server.url}${path}`, options, res => {
      let body = ''
      res.on('data', chunk => {
        body += String(chunk)
      })
      res.on('end', () => resolve({ status: res.statusCode ?? 0, headers: res.headers, body }))
    })
    req.on('error', reject)
    req.end()
  })
}

describe('a foreign name', () => {
  test.each(['/health', '/metrics', '/', '/nothing'])('as host is refused at %s', async path => {
    await using server = await startServer()
    const answer = await ask(server, path, { headers: { host: 'rebound.example.org' } })
    expect(answer.status).toBe(403)
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'permission_denied' })
    expect(answer.body).toContain('rebound.example.org')
    expect(answer.headers['x-request-id']).toBeTruthy()
  })

  test('as host is refused at the door in its own words, and is counted', async () => {
    await using server = await startServer()
    const answer = await ask(server, `/${COMPLETE}`, {
      method: 'POST',
      headers: { host: 'rebound.example.org', 'content-type': 'application/json' },
    })
    expect(answer.status).toBe(403)
    expect(JSON.parse(answer.body)).toMatchObject({
      details: [{ debug: { reason: 'ERROR_REASON_PERMISSION_DENIED' } }],
    })
    expect((await server.onlyEnd()).end).toMatchObject({ method: COMPLETE, code: 'PERMISSION_DENIED' })
  })

  test('as authority of HTTP/2 is refused', async () => {
    await using server = await startServer()
    const answer = await raw(server, `/${COMPLETE}`, { ...grpc, ':authority': 'rebound.example.org' })
    expect(answer.headers['grpc-status']).toBe('7')
    expect((await server.onlyEnd()).end.code).toBe('PERMISSION_DENIED')
  })

  test('as host beside an innocent authority is refused', async () => {
    await using server = await startServer()
    const answer = await raw(server, `/${COMPLETE}`, { ...grpc, host: 'rebound.example.org' })
    expect(answer.headers['grpc-status']).toBe('7')
  })

  test('as origin is refused, one of this machine is not', async () => {
    await using server = await startServer()
    expect((await post(server.url, COMPLETE, '{}', { origin: 'https://example.org' })).status).toBe(403)
    expect((await post(server.url, COMPLETE, '{}', { origin: 'http://localhost:5173' })).status).toBe(200)
  })
})

describe('a call while the process leaves', () => {
  test.each(['application/json', 'application/grpc-web+proto', 'application/connect+json'])(
    'of type %s is refused with SHUTTING_DOWN',
    async type => {
      await using server = await startServer()
      server.exchanges.refuseNew(new GatewayError('SHUTTING_DOWN', 'going'))
      const response = await post(server.url, COMPLETE, '{}', { 'content-type': type })
      if (type === 'application/json') expect((await errorOf(response)).code).toBe('unavailable')
      else if (type.startsWith('application/grpc')) expect(response.headers.get('grpc-status')).toBe('14')
      else expect(await response.text()).toContain('"code":"unavailable"')
      expect((await server.onlyEnd()).end).toMatchObject({ code: 'UNAVAILABLE', reason: 'SHUTTING_DOWN' })
    },
  )
})

describe('browsers', () => {
  const origin = 'http://localhost:5173'
  const preflight = { origin, 'access-control-request-method': 'POST' }

  test('get no word without the setting', async () => {
    await using server = await startServer()
    const answer = await ask(server, `/${COMPLETE}`, { method: 'OPTIONS', headers: preflight })
    expect(Object.keys(answer.headers).filter(name => name.startsWith('access-control'))).toEqual([])
    expect(answer.status).toBe(404)
  })

  test('of an allowed origin may send and read what the protocols need', async () => {
    await using server = await startServer({ corsOrigins: [origin] })
    const answer = await ask(server, `/${COMPLETE}`, { method: 'OPTIONS', headers: preflight })
    expect(answer.status).toBe(204)
    expect(answer.headers).toMatchObject({ 'access-control-allow-origin': origin, vary: 'Origin' })
    for (const name of ['authorization', 'x-request-id', 'Connect-Timeout-Ms', 'X-Grpc-Web']) {
      expect(answer.headers['access-control-allow-headers']).toContain(name)
    }
    const response = await post(server.url, COMPLETE, '{}', { origin })
    expect(response.headers.get('access-control-allow-origin')).toBe(origin)
    expect(response.headers.get('access-control-expose-headers')).toContain('Grpc-Status')
    expect(server.ends).toHaveLength(1)
  })

  test('of another origin get no word', async () => {
    await using server = await startServer({ corsOrigins: ['https://app.example.org'] })
    const response = await post(server.url, COMPLETE, '{}', { origin })
    expect(response.headers.get('access-control-allow-origin')).toBeNull()
    expect(response.headers.get('vary')).toBe('Origin')
  })

  test('of any origin are let in by *', async () => {
    await using server = await startServer({ corsOrigins: ['*'] })
    const response = await post(server.url, COMPLETE, '{}', { origin })
    expect(response.headers.get('access-control-allow-origin')).toBe('*')
  })
})

describe('plain pages', () => {
  test('tell health, with the version and the time', async () => {
    await using server = await startServer()
    const answer = await ask(server, '/health?x=1')
    expect(answer.status).toBe(200)
    expect(JSON.parse(answer.body)).toEqual({
      status: 'healthy',
      version: '1.2.3',
      timestamp_utc: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      uptime_seconds: 0,
      components: {},
    })
  })

  test('are neither counted nor logged', async () => {
    await using server = await startServer()
    for (const path of ['/health', '/health/live', '/health/ready', '/metrics', '/']) {
      expect((await ask(server, path)).status).toBe(200)
    }
    expect([server.ends, server.lines]).toEqual([[], []])
  })

  test('answer HEAD without a body, other verbs with 405', async () => {
    await using server = await startServer()
    const head = await ask(server, '/health', { method: 'HEAD' })
    expect([head.status, head.body, Number(head.headers['content-length']) > 0]).toEqual([200, '', true])
    const put = await ask(server, '/health', { method: 'PUT' })
    expect([put.status, put.headers['allow']]).toEqual([405, 'GET, HEAD'])
  })

  test('that are not there say which are', async () => {
    await using server = await startServer()
    const answer = await ask(server, '/helth')
    expect(answer.status).toBe(404)
    expect(JSON.parse(answer.body)).toMatchObject({
      code: 'not_found',
      message: 'nothing is at "/helth"',
      pages: expect.arrayContaining(['GET /health']),
    })
  })

  test('of metrics are for this machine, and not for whom a proxy speaks', async () => {
    await using server = await startServer()
    expect((await ask(server, '/metrics')).body).toBe('up 1\n')
    expect((await ask(server, '/metrics', { headers: { 'x-forwarded-for': '203.0.113.9' } })).status).toBe(
      403,
    )
  })

  test('are there on HTTP/2', async () => {
    await using server = await startServer()
    const session = connect(server.url)
    const status = await new Promise<unknown>((resolve, reject) => {
      const stream = session.request({ ':path': '/health' })
      stream.on('error', reject)
      stream.on('response', head => resolve(head[':status']))
      stream.resume()
    })
    session.destroy()
    expect(status).toBe(200)
  })
})

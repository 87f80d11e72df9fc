// The plain pages under every state of the service.
import { createServer, type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../../src/core/clock.ts'
import type { PortHandler } from '../../../src/server/port-handler.ts'
import { createRoutes, type RoutesDeps } from '../../../src/server/routes.ts'
import { ask, startPort } from '../../support/port-rig.ts'
import { selfSigned } from '../../support/self-signed.ts'

type Answer = { status: number; body: string; faults: unknown[]; port: number }

const frontPage = (headers: Record<string, string>): Promise<Answer> => get('/', {}, headers)

const routesOf = (deps: Partial<RoutesDeps> = {}): PortHandler =>
  createRoutes({
    version: '1.2.3',
    clock: systemClock,
    health: () => ({ status: 'healthy', components: {} }),
    isReady: () => true,
    metrics: () => Promise.resolve({ contentType: 'text/plain', text: '' }),
    isMetricsPublic: false,
    onFault: () => {},
    ...deps,
  })

async function get(
  path: string,
  deps: Partial<RoutesDeps>,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const faults: unknown[] = []
  const server = createServer(routesOf({ onFault: error => void faults.push(error), ...deps }))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  // A server on TCP has an address with a port.
  const { port } = server.address() as AddressInfo
  try {
    // Not fetch: it does not send a Host of the caller's choice.
    const response = await new Promise<IncomingMessage>((resolve, reject) =>
      request({ host: '127.0.0.1', port, path, headers }, resolve).on('error', reject).end(),
    )
    return { status: response.statusCode ?? 0, body: await text(response), faults, port }
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

describe('the health page', () => {
  test.each([
    ['healthy', 200],
    ['degraded', 200],
    ['unhealthy', 503],
  ] as const)('of a %s service is %s', async (status, code) => {
    const answer = await get('/health', {
      health: () => ({ status, components: { store: { state: status } } }),
    })
    expect(answer.status).toBe(code)
    expect(JSON.parse(answer.body)).toMatchObject({ status, components: { store: { state: status } } })
  })

  test('of readiness is 503 while not ready, of life 200', async () => {
    expect((await get('/health/ready', { isReady: () => false })).status).toBe(503)
    expect((await get('/health/live', { isReady: () => false })).status).toBe(200)
  })
})

test('a page that cannot be made is 500, and the fault is told to us alone', async () => {
  const fault = new Error('secret')
  const answer = await get('/metrics', { metrics: () => Promise.reject(fault) })
  expect(answer.status).toBe(500)
  expect(answer.body).not.toContain('secret')
  expect(answer.faults).toEqual([fault])
})

describe('the front page', () => {
  test('names the version and the first call', async () => {
    const { body } = await get('/', {})
    expect(body).toContain('exai 1.2.3')
    expect(body).toContain('/exai.v1.ChatService/Complete')
  })

  test.each([
    [
      'gateway.example:9000',
      'http://gateway.example:9000/exai',
      'grpcurl -plaintext gateway.example:9000 list',
    ],
    ['gateway.example', 'http://gateway.example/exai', 'grpcurl -plaintext gateway.example:80 list'],
    ['[::1]:9000', 'http://[::1]:9000/exai', 'grpcurl -plaintext [::1]:9000 list'],
  ])('says how to call what the client calls %s', async (host, url, grpcurl) => {
    const { body } = await frontPage({ host })
    expect(body).toContain(url)
    expect(body).toContain(grpcurl)
  })

  test('says https to a client of HTTP/2 over TLS', async () => {
    const tls = selfSigned()
    const { h2, number } = await startPort({}, { handler: routesOf(), tls })
    const session = h2(`https://127.0.0.1:${number}`, tls.cert)
    const { text } = await ask(session, { ':path': '/' })
    expect(text).toContain(`https://127.0.0.1:${number}/exai`)
    expect(text).toContain(`grpcurl 127.0.0.1:${number} list`)
    const strange = await ask(session, { ':path': '/', ':authority': 'a;reboot' })
    expect(strange.text).toContain(`https://localhost:${number}/exai`)
  })

  test('says https where a proxy says so', async () => {
    const { body } = await frontPage({ host: 'gateway.example', 'x-forwarded-proto': 'https' })
    expect(body).toContain('https://gateway.example/exai')
    expect(body).toContain('grpcurl gateway.example:443 list')
  })

  test.each(['$(reboot)', 'a;reboot', '-plaintext', "a'b", 'a:1:2', 'user@host'])(
    'does not repeat a Host like %s, and names its own port instead',
    async host => {
      const { body, port } = await frontPage({ host })
      expect(body).not.toContain(`//${host}`)
      expect(body).toContain(`http://localhost:${port}/exai`)
    },
  )
})

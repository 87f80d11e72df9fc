// The plain pages under every state of the service.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../../src/core/clock.ts'
import { createRoutes, type RoutesDeps } from '../../../src/server/routes.ts'

async function get(
  path: string,
  deps: Partial<RoutesDeps>,
): Promise<{ status: number; body: string; faults: unknown[] }> {
  const faults: unknown[] = []
  const routes = createRoutes({
    version: '1.2.3',
    clock: systemClock,
    health: () => ({ status: 'healthy', components: {} }),
    isReady: () => true,
    metrics: () => Promise.resolve({ contentType: 'text/plain', text: '' }),
    isMetricsPublic: false,
    onFault: error => void faults.push(error),
    ...deps,
  })
  const server = createServer(routes)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  // A server on TCP has an address with a port.
  const { port } = server.address() as AddressInfo
  try {
    const response = await fetch(`http://127.0.0.1:${port}${path}`)
    return { status: response.status, body: await response.text(), faults }
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

test('the front page names the version and the first call', async () => {
  const { body } = await get('/', {})
  expect(body).toContain('exai 1.2.3')
  expect(body).toContain('/exai.v1.ChatService/Complete')
})

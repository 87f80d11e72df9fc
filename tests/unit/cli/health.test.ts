// What `exai health` finds out, over clear text and TLS, and that it never waits for long.
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { askHealth, HEALTH_TIMEOUT_MS } from '../../../src/cli/health.ts'
import { selfSigned } from '../../support/self-signed.ts'

function portOf(server: Server, host = '127.0.0.1'): Promise<number> {
  onTestFinished(() => void server.close())
  return new Promise(resolve => server.listen(0, host, () => resolve((server.address() as AddressInfo).port)))
}

const saying =
  (status: number, asked: (string | undefined)[] = []): RequestListener =>
  (req, res) => {
    asked.push(req.url, req.headers.host)
    res.writeHead(status).end()
  }

test('200 is ready, and it is the readiness that is asked, by a name that is never refused', async () => {
  const asked: (string | undefined)[] = []
  const port = await portOf(createServer(saying(200, asked)))
  expect(await askHealth({ host: '127.0.0.1', port })).toEqual({ ready: true, line: 'ready' })
  expect(asked).toEqual(['/health/ready', 'localhost'])
})

test.each(['0.0.0.0', '::'])('a service on %s is asked on loopback', async host => {
  const port = await portOf(createServer(saying(200)))
  expect((await askHealth({ host, port })).ready).toBe(true)
})

test('another status is not ready and is named', async () => {
  const port = await portOf(createServer(saying(503)))
  expect(await askHealth({ host: '127.0.0.1', port })).toEqual({ ready: false, line: 'not ready: HTTP 503' })
})

test('a service with a certificate for another name is asked over TLS', async () => {
  // The certificate names 127.0.0.1 alone, and nobody here trusts who made it.
  const port = await portOf(createTlsServer(selfSigned(), saying(200)))
  expect(await askHealth({ host: 'localhost', port, tls: {} })).toEqual({ ready: true, line: 'ready' })
})

test('nobody there is not ready', async () => {
  const server = createTcpServer()
  const port = await portOf(server)
  await new Promise(resolve => server.close(resolve))
  const { ready, line } = await askHealth({ host: '127.0.0.1', port })
  expect([ready, line]).toEqual([false, expect.stringMatching(/^not ready: .*ECONNREFUSED/)])
})

test('a service that only drips is given up in time', async () => {
  const sockets = new Set<Socket>()
  const port = await portOf(
    createTcpServer(socket => {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.write('HTTP/1.1 200 OK\r\nx: ')
      const drip = setInterval(() => socket.write('x'), 50)
      socket.once('close', () => clearInterval(drip))
    }),
  )
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
  })
  const startedAtMs = performance.now()
  const { ready, line } = await askHealth({ host: '127.0.0.1', port })
  expect([ready, line]).toEqual([false, `not ready: no answer within ${HEALTH_TIMEOUT_MS} ms`])
  expect(performance.now() - startedAtMs).toBeLessThan(HEALTH_TIMEOUT_MS + 1_500)
})

// Every call has one end, by whatever way it is refused or left: one log line, and nothing that runs on.
import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { GatewayError } from '../../../../src/core/errors.ts'
import { post, startServer, until } from './harness.ts'
import { envelope, grpc, raw } from './raw.ts'

const COMPLETE = 'exai.v1.ChatService/Complete'

/** Sends these bytes on a connection of their own; gives all that comes back until the other side ends it. */
function tell(url: string, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write(bytes, 'latin1'))
    let answer = ''
    socket.on('data', chunk => {
      answer += String(chunk)
    })
    socket.on('end', () => resolve(answer))
    socket.on('error', reject)
  })
}

describe('a call has one end', () => {
  test.each([COMPLETE, 'exai.v1.Nobody/Nothing', 'grpc.health.v1.Health/Check'])(
    'when a foreign Host is refused (%s)',
    async method => {
      await using server = await startServer()
      const answer = await tell(
        server.url,
        `POST /${method} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`,
      )
      expect(answer).toMatch(/^HTTP\/1\.1 403 /)
      await server.exchanges.idle()
      expect(server.lines).toHaveLength(1)
      // Probes are logged, and are not in the metrics.
      expect(server.ends).toHaveLength(method.includes('Health') ? 0 : 1)
    },
  )

  test('when a foreign Origin is refused over gRPC', async () => {
    await using server = await startServer()
    const headers = { ...grpc, origin: 'https://evil.example' }
    const answer = await raw(server, `/${COMPLETE}`, headers, envelope(Buffer.alloc(0)))
    expect(answer.headers['grpc-status']).toBe('7')
    expect((await server.onlyEnd()).end.code).toBe('PERMISSION_DENIED')
  })

  test.each(['HEAD', 'PUT', 'DELETE', 'GET'])('when the verb is %s', async method => {
    await using server = await startServer()
    const response = await fetch(`${server.url}/${COMPLETE}`, { method })
    expect(response.status).toBe(405)
    await response.text()
    expect((await server.onlyEnd()).end).toMatchObject({ method: COMPLETE, code: 'INVALID_ARGUMENT' })
  })

  test('when the query of a GET cannot be read', async () => {
    await using server = await startServer()
    const response = await fetch(
      `${server.url}/exai.v1.ChatService/ListModels?connect=v1&encoding=json&message=%ff`,
    )
    expect(response.status).toBe(400)
    await response.text()
    expect((await server.onlyEnd()).end.origin).toBe('client')
  })

  test('when the client leaves with its header', async () => {
    const left = Promise.withResolvers<void>()
    await using server = await startServer({
      chat: {
        complete: call =>
          new Promise((_resolve, reject) => {
            call.signal.addEventListener('abort', () => {
              left.resolve()
              reject(call.signal.reason)
            })
          }),
      },
    })
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
    socket.end(
      `POST /${COMPLETE} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`,
    )
    await left.promise
    expect((await server.onlyEnd()).end.code).toBe('CANCELLED')
  })

  test('when the process is shutting down', async () => {
    await using server = await startServer()
    server.exchanges.refuseNew(new GatewayError('SHUTTING_DOWN', 'going'))
    const response = await post(server.url, COMPLETE, '{}')
    expect(response.status).toBe(503)
    await response.text()
    expect((await server.onlyEnd()).end.reason).toBe('SHUTTING_DOWN')
  })
})

test('OPTIONS is no call', async () => {
  await using server = await startServer()
  const response = await fetch(`${server.url}/${COMPLETE}`, { method: 'OPTIONS' })
  expect(response.status).toBe(404)
  expect([server.lines, server.ends, server.exchanges.active()]).toEqual([[], [], 0])
})

test('whatever strangers call, the metrics get one name for it', async () => {
  await using server = await startServer()
  for (const path of ['a.B/C1', 'a.B/C2', 'x.y.Z/W', 'exai.v1.ChatService/complete'])
    await (await post(server.url, path, '{}')).text()
  await raw(server, '/\u007e/../%00', grpc)
  await until(() => server.ends.length === 5)
  expect(new Set(server.ends.map(({ method }) => method))).toEqual(new Set(['unknown']))
})

test('a client that closes its connection with a request that is too large gets the answer', async () => {
  await using server = await startServer()
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
  const failures: unknown[] = []
  socket.on('error', error => failures.push(error))
  socket.write(
    `POST /${COMPLETE} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 9000000\r\n\r\n`,
  )
  for (let sent = 0; sent < 9; sent += 1)
    await new Promise<void>(resolve => socket.write(Buffer.alloc(1_000_000, 0x20), () => resolve()))
  let answer = ''
  socket.on('data', chunk => {
    answer += String(chunk)
  })
  await until(() => answer.includes('resource_exhausted'))
  expect(answer).toMatch(/^HTTP\/1\.1 429 /)
  expect(failures).toEqual([])
  expect((await server.onlyEnd()).end.code).toBe('RESOURCE_EXHAUSTED')
})

// What strangers send: every malformed or oversized request gets a clear answer, one log line and one entry in the metrics.
import { request as httpRequest } from 'node:http'
import { connect as connectTcp } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { errorOf, post, startServer, until } from './harness.ts'
import { envelope, grpc, raw } from './raw.ts'

const COMPLETE = 'exai.v1.ChatService/Complete'
const STREAM = 'exai.v1.ChatService/StreamComplete'

const console_ = vi.spyOn(console, 'error')
beforeEach(() => void console_.mockClear())
afterEach(() => expect(console_).not.toHaveBeenCalled())

describe('Connect', () => {
  test.each([
    ['malformed JSON', '{"model":', {}, 400, 'invalid_argument', 'INVALID_REQUEST'],
    ['a misspelt field', '{"max_tokens":7}', {}, 400, 'invalid_argument', 'INVALID_REQUEST'],
    ['a field of the wrong type', '{"model":7}', {}, 400, 'invalid_argument', 'INVALID_REQUEST'],
    [
      'malformed protobuf',
      '\xff\xff',
      { 'content-type': 'application/proto' },
      400,
      'invalid_argument',
      'INVALID_REQUEST',
    ],
    [
      'a malformed time-out',
      '{}',
      { 'connect-timeout-ms': 'soon' },
      400,
      'invalid_argument',
      'INVALID_REQUEST',
    ],
    [
      'a body that is not gzip',
      '{}',
      { 'content-encoding': 'gzip' },
      400,
      'invalid_argument',
      'INVALID_REQUEST',
    ],
    ['an unknown encoding', '{}', { 'content-encoding': 'br' }, 501, 'unimplemented', 'UNSUPPORTED'],
    ['no content type', '{}', { 'content-type': '' }, 415, 'invalid_argument', 'INVALID_REQUEST'],
    [
      'a wrong content type',
      '{}',
      { 'content-type': 'text/plain' },
      415,
      'invalid_argument',
      'INVALID_REQUEST',
    ],
    [
      'a stream for a unary method',
      '{}',
      { 'content-type': 'application/connect+json' },
      415,
      'invalid_argument',
      'INVALID_REQUEST',
    ],
  ] as const)('%s is refused with a reason', async (_name, body, headers, status, code, reason) => {
    await using server = await startServer()
    const response = await post(server.url, COMPLETE, body, headers)
    expect(response.status).toBe(status)
    // With 415 it is no error of Connect's, which has no code for it; its clients then say "unknown".
    const type = status === 415 ? 'application/problem+json' : 'application/json'
    expect(response.headers.get('content-type')).toBe(type)
    expect(await errorOf(response)).toMatchObject({ code, reason: `ERROR_REASON_${reason}` })
    const { line, end } = await server.onlyEnd()
    expect(end).toMatchObject({ method: COMPLETE, code: code.toUpperCase(), reason, origin: 'client' })
    expect(line.fields['request_id']).toBe(response.headers.get('x-request-id'))
  })

  test('a wrong verb is told the right one', async () => {
    await using server = await startServer()
    const response = await fetch(`${server.url}/${COMPLETE}`)
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe('POST')
    expect((await errorOf(response)).message).toBe(`${COMPLETE} takes POST only`)
    expect((await server.onlyEnd()).end.code).toBe('INVALID_ARGUMENT')
  })

  test('a unary content type for a stream is told which ones fit', async () => {
    await using server = await startServer()
    const response = await post(server.url, STREAM, '{}')
    expect(response.status).toBe(415)
    expect(response.headers.get('accept-post')).toContain('application/connect+json')
    await response.text()
  })

  test.each(['exai.v1.ChatService/Complet', 'exai.v9.NoService/Nothing'])(
    '%s is 404, unimplemented',
    async method => {
      await using server = await startServer()
      const response = await post(server.url, method, '{}')
      expect(response.status).toBe(404)
      expect(await errorOf(response)).toMatchObject({
        code: 'unimplemented',
        message: `there is no method /${method}`,
      })
      expect((await server.onlyEnd()).end).toMatchObject({ method: 'unknown', code: 'UNIMPLEMENTED' })
    },
  )

  test('a method without side effects can be called with GET', async () => {
    await using server = await startServer()
    const response = await fetch(
      `${server.url}/exai.v1.ChatService/ListModels?connect=v1&encoding=json&message=${encodeURIComponent('{}')}`,
    )
    expect(await response.json()).toEqual({ models: [{ id: 'echo', provider: 'sandbox' }] })
    expect((await server.onlyEnd()).end.code).toBe('OK')
  })

  test('a request id of another shape is replaced', async () => {
    await using server = await startServer()
    const response = await post(server.url, COMPLETE, '{}', { 'x-request-id': 'no spaces' })
    await response.text()
    expect(response.headers.get('x-request-id')).toMatch(/^call_[0-9a-f-]{36}$/)
  })

  test('a gzipped request is read, and a large answer comes gzipped', async () => {
    const id = 'x'.repeat(10_000)
    await using server = await startServer({ chat: { complete: () => Promise.resolve({ id }) } })
    const answer = await raw(
      server,
      `/${COMPLETE}`,
      { 'content-type': 'application/json', 'content-encoding': 'gzip', 'accept-encoding': 'br, gzip' },
      gzipSync('{"model":"auto"}'),
    )
    expect(answer.headers['content-encoding']).toBe('gzip')
    expect(answer.body.byteLength).toBeLessThan(1_000)
  })
})

describe('gRPC', () => {
  test.each([
    ['malformed protobuf', envelope(Buffer.from([0xff, 0xff])), {}, '3'],
    ['half an envelope', Buffer.from([0, 0, 0, 0, 9, 1]), {}, '3'],
    // INTERNAL, and not invalid: https://github.com/grpc/grpc/blob/master/doc/compression.md#compression-method-asymmetry-between-peers
    ['a compressed message without its encoding', envelope(gzipSync(''), 1), {}, '13'],
    ['no message', Buffer.alloc(0), {}, '12'],
    ['a malformed time-out', envelope(Buffer.alloc(0)), { 'grpc-timeout': '1 hour' }, '3'],
  ])('%s is refused', async (_name, body, headers, status) => {
    await using server = await startServer()
    for (const method of [COMPLETE, STREAM]) {
      const answer = await raw(server, `/${method}`, { ...grpc, ...headers }, body)
      expect(answer.status).toBe(200)
      expect(answer.trailers['grpc-status']).toBe(status)
      expect(answer.trailers['grpc-status-details-bin']).toBeTruthy()
    }
    await server.exchanges.idle()
    expect(server.ends.map(({ origin }) => origin)).toEqual(['client', 'client'])
    expect(server.lines).toHaveLength(2)
  })

  test('an unknown method is UNIMPLEMENTED', async () => {
    await using server = await startServer()
    const answer = await raw(server, '/Nobody/Nothing', grpc, envelope(Buffer.alloc(0)))
    expect(answer.status).toBe(200)
    expect(answer.headers['grpc-status']).toBe('12')
    expect((await server.onlyEnd()).end).toMatchObject({ method: 'unknown', code: 'UNIMPLEMENTED' })
  })
})

describe('gRPC with another verb', () => {
  test.each(['GET', 'DELETE'])('%s is a method that there is not', async method => {
    await using server = await startServer()
    const response = await fetch(`${server.url}/${COMPLETE}`, { method, headers: grpc })
    expect([response.status, response.headers.get('grpc-status')]).toEqual([200, '12'])
    await response.text()
    expect((await server.onlyEnd()).end).toMatchObject({ code: 'UNIMPLEMENTED', reason: 'INVALID_REQUEST' })
  })
})

describe('a client that is gone', () => {
  test('in the middle of its body is logged as cancelled', async () => {
    await using server = await startServer()
    const { port } = new URL(server.url)
    const socket = connectTcp(Number(port), '127.0.0.1')
    socket.write(
      `POST /${COMPLETE} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"mod`,
    )
    await until(() => server.exchanges.active() === 1)
    socket.destroy()
    expect((await server.onlyEnd()).end).toMatchObject({ code: 'CANCELLED', origin: 'client' })
  })

  test('whose body never comes gets its deadline', async () => {
    await using server = await startServer({ requestTimeoutMs: 50 })
    const { port } = new URL(server.url)
    const socket = connectTcp(Number(port), '127.0.0.1')
    let answer = ''
    socket.on('data', chunk => {
      answer += String(chunk)
    })
    socket.write(
      `POST /${COMPLETE} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"mod`,
    )
    await until(() => answer.includes('\r\n\r\n'))
    expect(answer).toContain('504')
    expect(answer).toContain('"deadline_exceeded"')
    socket.destroy()
    expect((await server.onlyEnd()).end.code).toBe('DEADLINE_EXCEEDED')
  })
})

describe('gRPC on HTTP/1.1', () => {
  test('a call that fails before any message carries its status in the trailers', async () => {
    await using server = await startServer()
    const trailers = await new Promise<NodeJS.Dict<string>>((resolve, reject) => {
      const call = httpRequest(`${server.url}/${COMPLETE}`, { method: 'POST', headers: grpc }, res => {
        res.resume()
        res.once('end', () => resolve(res.trailers))
      })
      call.once('error', reject)
      call.end(envelope(Buffer.from([0xff, 0xff])))
    })
    expect(trailers['grpc-status']).toBe('3')
  })
})

// Requests above the limit: a clear answer on every protocol and HTTP version, and a connection that can be used again.
import { connect as connectTcp } from 'node:net'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { errorOf, MAX_REQUEST_BYTES, post, startServer, until } from './harness.ts'
import { grpc, raw } from './raw.ts'

const COMPLETE = 'exai.v1.ChatService/Complete'

describe('too large', () => {
  const big = Buffer.alloc(5_000_000, 0x20)

  test('a body with its length is answered 429', async () => {
    await using server = await startServer()
    const response = await post(server.url, COMPLETE, big)
    expect(response.status).toBe(429)
    expect(await errorOf(response)).toMatchObject({
      code: 'resource_exhausted',
      reason: 'ERROR_REASON_OVERLOADED',
    })
    expect((await server.onlyEnd()).end.code).toBe('RESOURCE_EXHAUSTED')
  })

  test('the connection of a refused body takes the next request', async () => {
    await using server = await startServer()
    const socket = connectTcp(Number(new URL(server.url).port), '127.0.0.1')
    let answers = ''
    socket.on('data', chunk => {
      answers += String(chunk)
    })
    const head = `POST /${COMPLETE} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length:`
    socket.write(`${head} ${big.byteLength}\r\n\r\n`)
    socket.write(big)
    socket.write(`${head} 2\r\n\r\n{}`)
    await until(() => answers.includes('resp_1'))
    expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 429', 'HTTP/1.1 200'])
    socket.destroy()
  })

  test('a body without its length is answered 429 on HTTP/1.1', async () => {
    await using server = await startServer()
    const chunks = new ReadableStream({
      start(controller) {
        for (let at = 0; at < big.byteLength; at += 100_000)
          controller.enqueue(big.subarray(at, at + 100_000))
        controller.close()
      },
    })
    const response = await fetch(`${server.url}/${COMPLETE}`, {
      method: 'POST',
      body: chunks,
      headers: { 'content-type': 'application/json' },
      duplex: 'half',
    })
    expect(response.status).toBe(429)
    await response.text()
    expect((await server.onlyEnd()).end.code).toBe('RESOURCE_EXHAUSTED')
  })

  test('a body without its length is answered 429 on HTTP/2', async () => {
    await using server = await startServer()
    expect((await raw(server, `/${COMPLETE}`, { 'content-type': 'application/json' }, big)).status).toBe(429)
  })

  test('a body that is large only when decompressed is answered 429', async () => {
    await using server = await startServer()
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' }
    expect((await post(server.url, COMPLETE, gzipSync(big), headers)).status).toBe(429)
    expect((await server.onlyEnd()).end).toMatchObject({ code: 'RESOURCE_EXHAUSTED', origin: 'client' })
  })

  test('a gRPC message that announces 4 GiB is refused by its header alone', async () => {
    await using server = await startServer()
    const answer = await raw(server, `/${COMPLETE}`, grpc, Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 1, 2, 3]))
    expect(answer.trailers['grpc-status']).toBe('8')
  })

  test('a body of just the limit is read', async () => {
    await using server = await startServer()
    const body = `{}${' '.repeat(MAX_REQUEST_BYTES - 2)}`
    const response = await post(server.url, COMPLETE, body)
    expect(response.status).toBe(200)
    await response.text()
    expect((await post(server.url, COMPLETE, `${body} `)).status).toBe(429)
  })

  test('CreateFile takes more than other methods', async () => {
    await using server = await startServer()
    expect(
      (await post(server.url, 'exai.v1.FilesService/CreateFile', `{}${' '.repeat(5_000_000)}`)).status,
    ).toBe(200)
    expect(
      (await post(server.url, 'exai.v1.FilesService/CreateFile', `{}${' '.repeat(6_300_000)}`)).status,
    ).toBe(429)
  })

  test('a client that never stops sending loses its connection', async () => {
    await using server = await startServer()
    const { port } = new URL(server.url)
    const socket = connectTcp(Number(port), '127.0.0.1')
    let isClosed = false
    socket.on('error', () => {})
    socket.on('close', () => {
      isClosed = true
    })
    socket.write(
      `POST /${COMPLETE} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 999999999\r\n\r\n`,
    )
    const flood = (): void => {
      while (!isClosed && socket.write(big)) {}
    }
    socket.on('drain', flood)
    flood()
    await until(() => isClosed)
    expect((await server.onlyEnd()).end.code).toBe('RESOURCE_EXHAUSTED')
  })
})

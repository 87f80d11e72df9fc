// Checks the HTTP client of providers on real sockets: faults in our words, caps, aborts, and what it leaves open.
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { GatewayError } from '../../../src/core/errors.ts'
import { createUpstreamHttp, type UpstreamHttp, within } from '../../../src/providers/http.ts'
import type { UpstreamResponse } from '../../../src/providers/http-answer.ts'
import { eventually } from '../../support/eventually.ts'

const closing: (() => Promise<unknown> | unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function listen(server: Server): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<void>()
  server.listen(0, '127.0.0.1', resolve)
  await promise
  closing.push(() => server.close())
  // A TCP server that listens has an address of this kind.
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const serveHttp = (listener: RequestListener): Promise<string> => listen(createHttpServer(listener))
const serveBytes = (answer: (socket: Socket) => void): Promise<string> =>
  listen(createServer(socket => void socket.on('error', () => {}).once('data', () => answer(socket))))

function client(baseUrl: string, more: object = {}): UpstreamHttp {
  const http = createUpstreamHttp({ provider: 'acme', baseUrl, ...more })
  closing.push(http.close)
  return http
}

const post = (http: UpstreamHttp, signal = new AbortController().signal): Promise<UpstreamResponse> =>
  http.post({ path: '/chat', headers: { 'content-type': 'application/json' }, body: '{"a":1}', signal })

describe('a request', () => {
  it('goes to the base URL and the path, with its headers and nothing compressed', async () => {
    const url = await serveHttp(async (request, response) => {
      const body: Buffer[] = []
      for await (const chunk of request) body.push(chunk)
      const { 'accept-encoding': encoding, 'content-type': type, 'content-length': length } = request.headers
      const seen = { url: request.url, encoding, type, length, body: Buffer.concat(body).toString() }
      response.setHeader('X-Twice', ['a', 'b']).end(JSON.stringify(seen))
    })
    for (const base of [`${url}/api/v4`, `${url}/api/v4/`]) {
      const response = await post(client(base))
      expect(JSON.parse(await response.text())).toEqual({
        url: '/api/v4/chat',
        encoding: 'identity',
        type: 'application/json',
        length: '7',
        body: '{"a":1}',
      })
      expect(response.headers['x-twice']).toMatch(/^a/)
    }
  })
})

describe('a fault before the answer', () => {
  it.each([
    ['is a closed connection', (socket: Socket) => socket.destroy()],
    ['is a reset', (socket: Socket) => socket.resetAndDestroy()],
    ['is half a head', (socket: Socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-')],
  ])('%s: nothing was answered', async (_, answer) => {
    const error = await post(client(await serveBytes(answer))).catch(GatewayError.from)
    expect(error).toMatchObject({ reason: 'UPSTREAM_UNAVAILABLE', details: { provider: 'acme' } })
    expect(error).toHaveProperty('message', 'acme closed the connection before it answered')
  })

  it('is a host that nobody knows', async () => {
    const error = await post(client('http://nowhere.invalid')).catch(GatewayError.from)
    expect(error).toMatchObject({ reason: 'UPSTREAM_UNAVAILABLE' })
    expect(error).toHaveProperty('message', expect.stringMatching(/^acme cannot be found/))
  })

  it('is an answer that is no HTTP, and may be billed', async () => {
    const error = await post(client(await serveBytes(socket => socket.end('SSH-2.0-x\r\n\r\n')))).catch(
      GatewayError.from,
    )
    expect(error).toMatchObject({ reason: 'UPSTREAM_BROKEN', message: 'acme sent an answer that is no HTTP' })
  })
})

describe('a body', () => {
  it('that breaks is a broken answer', async () => {
    const url = await serveHttp((_, response) => {
      response.write('{"half":', () => response.socket?.destroy())
    })
    const response = await post(client(url))
    await expect(response.text()).rejects.toMatchObject({ reason: 'UPSTREAM_BROKEN' })
  })

  it('above its cap is not read on', async () => {
    let socket: Socket | undefined
    const url = await serveHttp((request, response) => {
      socket = request.socket
      response.write(Buffer.alloc(200_000))
    })
    const response = await post(client(url, { maxResponseBytes: 100_000 }))
    await expect(response.text()).rejects.toMatchObject({
      reason: 'UPSTREAM_BROKEN',
      message: 'acme sent an answer of more than 100000 bytes',
    })
    await eventually(() => expect(socket?.destroyed).toBe(true))
  })

  it('is only begun when it explains a failure', async () => {
    const url = await serveHttp((_, response) => void response.writeHead(500).end('x'.repeat(300_000)))
    const response = await post(client(url))
    expect(await response.head(1000)).toBe('x'.repeat(1000))
    const broken = await serveHttp((_, answer) => {
      answer.writeHead(500).write('why', () => answer.socket?.destroy())
    })
    expect(await (await post(client(broken))).head(1000)).toBe('why')
  })
})

describe('bytes that have come', () => {
  it('are taken without waiting, and there are none at the end', async () => {
    const url = await serveBytes(
      socket =>
        void socket.write(
          'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n',
        ),
    )
    const response = await post(client(url))
    const texts = [await response.read(), response.take(), response.take()].map(
      bytes => bytes && Buffer.from(bytes).toString(),
    )
    expect(texts).toEqual(['a', 'b', undefined])
    expect(await response.read()).toBeUndefined()
  })

  it('hold the sender back until they are read, and none is lost', async () => {
    const size = 32 * 1024 * 1024
    let isSent = false
    const url = await serveHttp((_, response) => {
      response.end(Buffer.alloc(size), () => {
        isSent = true
      })
    })
    const response = await post(client(url))
    await response.read()
    expect(isSent).toBe(false)
    let left = 0
    for (let part = await response.read(); part !== undefined; part = await response.read())
      left += part.length
    expect(left).toBeGreaterThan(size - 256 * 1024)
    await eventually(() => expect(isSent).toBe(true))
  })
})

describe('an abort', () => {
  it('while a call waits for a connection is told at once, and nothing is sent', async () => {
    let asked = 0
    const url = await serveHttp(() => {
      asked += 1
    })
    const http = client(url, { maxConnections: 1 })
    const first = new AbortController()
    const running = post(http, first.signal)
    await eventually(() => expect(asked).toBe(1))
    const second = new AbortController()
    const waiting = post(http, second.signal)
    second.abort(new GatewayError('CANCELLED', 'the caller left'))
    await expect(waiting).rejects.toMatchObject({ message: 'the caller left' })
    first.abort()
    await expect(running).rejects.toMatchObject({ reason: 'CANCELLED' })
    await eventually(() => expect(http.openSockets()).toBe(0))
    expect(asked).toBe(1)
  })

  it('is told by its reason, wherever it strikes, and leaves no socket', async () => {
    const url = await serveHttp((request, response) => {
      request.resume()
      response.write('first')
    })
    const http = client(url)
    const ending = new AbortController()
    const reason = new GatewayError('CANCELLED', 'the caller left')
    const response = await post(http, ending.signal)
    expect(Buffer.from((await response.read()) ?? []).toString()).toBe('first')
    // Between two reads, when nobody listens.
    ending.abort(reason)
    await eventually(() => expect(http.openSockets()).toBe(0))
    await expect(response.read()).rejects.toBe(reason)
  })

  it('without an error of ours becomes one', async () => {
    const ending = new AbortController()
    const asked = post(client(await serveBytes(() => {})), ending.signal)
    ending.abort()
    await expect(asked).rejects.toMatchObject({ reason: 'CANCELLED' })
  })
})

describe('sockets', () => {
  it('are none before the first request and none after close', async () => {
    const url = await serveHttp((_, response) => void response.end('{}'))
    const http = client(url)
    expect(http.openSockets()).toBe(0)
    await (await post(http)).text()
    expect(http.openSockets()).toBe(1)
    await http.close()
    expect(http.openSockets()).toBe(0)
  })

  it('of a released answer that never ends are closed', async () => {
    const url = await serveHttp((_, response) => void response.write('data: [DONE]\n\n'))
    const http = client(url)
    const response = await post(http)
    await response.read()
    response.release()
    response.close()
    await eventually(() => expect(http.openSockets()).toBe(0))
  })
})

describe('waiting for a promise no longer than a time', () => {
  it('gives its value, its failure, or nothing', async () => {
    expect(await within(Promise.resolve(7), 1000)).toBe(7)
    await expect(within(Promise.reject(new Error('no')), 1000)).rejects.toThrow('no')
    const { promise, reject } = Promise.withResolvers<number>()
    expect(await within(promise, 1)).toBeUndefined()
    reject(new Error('too late to matter'))
  })
})

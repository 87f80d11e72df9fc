// Which failures make it certain that a request was not taken up, so that it may be sent again: on real sockets.
import { createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { GatewayError } from '../../../src/core/errors.ts'
import { createUpstreamHttp, type UpstreamHttp } from '../../../src/providers/http.ts'
import { createOpenAi } from '../../../src/providers/openai.ts'
import { attempt, failure } from './attempt.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

async function serve(answer: (socket: Socket, text: string) => void): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('data', data => answer(socket, String(data)))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
}

async function post(baseUrl: string): Promise<GatewayError> {
  const http: UpstreamHttp = createUpstreamHttp({ provider: 'acme', baseUrl, connectTimeoutMs: 200 })
  closing.push(http.close)
  const request = { path: '/x', headers: {}, body: '{}', signal: AbortSignal.timeout(5000) }
  return http.post(request).then(() => Promise.reject(new Error('it was answered')), GatewayError.from)
}

describe('a request that got no answer', () => {
  it.each<readonly [string, () => Promise<string>]>([
    [
      'the port is closed',
      async () => {
        const url = await serve(() => undefined)
        for (const close of closing.splice(0)) await close()
        return url
      },
    ],
    ['the host has no address', async () => 'http://nowhere.invalid'],
  ])('was certainly not taken up when %s', async (_, url) => {
    expect((await post(await url())).details).toMatchObject({ isUntaken: true })
  })

  it.each<readonly [string, (socket: Socket) => void]>([
    ['closed', socket => socket.end()],
    ['reset', socket => socket.resetAndDestroy()],
  ])('may have been taken up when the connection was %s after it was sent', async (_, answer) => {
    const error = await post(await serve(answer))
    expect(error.reason).toBe('UPSTREAM_UNAVAILABLE')
    expect(error.details).not.toHaveProperty('isUntaken')
  })

  it('was not sent, and sending it again would not help, when a header field cannot be sent', async () => {
    const http = createUpstreamHttp({ provider: 'acme', baseUrl: 'http://127.0.0.1:9' })
    closing.push(http.close)
    const request = { path: '/x', headers: { bad: 'a\nb' }, body: '', signal: AbortSignal.timeout(5000) }
    const error = await http.post(request).catch(GatewayError.from)
    expect(error).toMatchObject({ reason: 'UPSTREAM_UNAVAILABLE' })
    expect(error).not.toHaveProperty('details.isUntaken')
  })
})

describe('a refusal', () => {
  const json = (status: number, body: string): string =>
    `HTTP/1.1 ${status} No\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`

  it.each<readonly [string, number, string, boolean]>([
    ['429', 429, '{"error":{"message":"slow down"}}', true],
    ['bare 429', 429, '', true],
    ['bare 503', 503, '', true],
    ['503 of blanks', 503, ' \n', true],
    ['503 with text', 503, 'upstream connect error or disconnect/reset before headers', false],
    ['503 with an error', 503, '{"error":{"message":"busy"}}', false],
    ['bare 500', 500, '', false],
    ['bare 502', 502, '', false],
    ['bare 504', 504, '', false],
  ])('%s says for certain whether the request was taken up', async (_, status, body, isUntaken) => {
    const baseUrl = await serve((socket, text) => {
      if (text.includes('}')) socket.end(json(status, body))
    })
    const provider = createOpenAi({ id: 'acme', baseUrl, keys: ['secret'] })
    closing.push(provider.close)
    const { error } = await failure(provider.open(attempt({})))
    expect(error.details.isUntaken ?? false).toBe(isUntaken)
  })
})

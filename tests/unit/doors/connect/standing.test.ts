// An error that ends many calls is answered from what was made of it before: byte for byte like one that is made anew.
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, expect, it } from 'vitest'
import { GatewayError, type GatewayErrorDetails } from '../../../../src/core/errors.ts'
import { type Running, startServer } from './harness.ts'
import { raw } from './raw.ts'

const COMPLETE = '/exai.v1.ChatService/Complete'
const MESSAGE = 'more calls come than this process can serve: call again later'
const TYPES = [
  'application/json',
  'application/proto',
  'application/connect+json',
  'application/connect+proto',
  'application/grpc',
  'application/grpc+proto',
  'application/grpc-web+proto',
  'application/grpc-web-text',
  'text/plain',
]
const IDS = [
  'a',
  'fifteen-chars-a',
  'sixteen-chars-ab',
  'resource_exhausted',
  'call_0198c1b2-a0b1-7c2d-8e3f-0123456789ab',
  'dc3f0f0a77d14c5d8d5d8b2f7b1f5e11',
  'Z'.repeat(20),
  `${'0.-_'.repeat(15)}.abc`,
  'b'.repeat(64),
  'b'.repeat(65),
  'b'.repeat(128),
]

function overloaded(details: GatewayErrorDetails = {}): GatewayError {
  return new GatewayError('OVERLOADED', MESSAGE, { retryDelayMs: 2_000, ...details })
}

/** All bytes of an answer on HTTP/1.1 but its date. */
async function bytesOf({ url }: Running, type: string, id: string, verb = 'POST'): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  const pieces: Buffer[] = []
  socket.on('data', (piece: Buffer) => pieces.push(piece))
  socket.write(
    `${verb} ${COMPLETE} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncontent-type: ${type}\r\n` +
      `x-request-id: ${id}\r\norigin: http://localhost:5173\r\ncontent-length: 2\r\n\r\n{}`,
  )
  await once(socket, 'close')
  return Buffer.concat(pieces)
    .toString('latin1')
    .replace(/\r\ndate: [^\r]*/i, '')
}

describe('a standing error', () => {
  it('is answered with the same bytes on HTTP/1.1 in every protocol, whatever the id of the request', async () => {
    const anew = overloaded()
    const standing = overloaded({ isStanding: true })
    const corsOrigins = ['http://localhost:5173']
    await using plain = await startServer({ shed: () => anew, corsOrigins })
    await using kept = await startServer({ shed: () => standing, corsOrigins })
    for (const type of TYPES)
      for (const id of [...IDS, ...IDS]) {
        const answer = await bytesOf(kept, type, id)
        expect(answer).toBe(await bytesOf(plain, type, id))
        expect(answer).toContain(`x-request-id: ${id}\r\n`)
      }
    for (const verb of ['GET', 'HEAD'])
      expect(await bytesOf(kept, 'application/json', 'head-of-a-request', verb)).toBe(
        await bytesOf(plain, 'application/json', 'head-of-a-request', verb),
      )
  })

  it('is answered with the same header and body on HTTP/2', async () => {
    const anew = overloaded()
    const standing = overloaded({ isStanding: true })
    await using plain = await startServer({ shed: () => anew })
    await using kept = await startServer({ shed: () => standing })
    for (const type of TYPES)
      for (const id of IDS) {
        const [one, other] = await Promise.all(
          [kept, plain].map(server =>
            raw(server, COMPLETE, { 'content-type': type, 'x-request-id': id }, Buffer.from('{}')),
          ),
        )
        const { date, ...header } = one?.headers ?? {}
        expect(date).toBeDefined()
        expect({ ...one, headers: header }).toEqual({
          ...other,
          headers: { ...other?.headers, date: undefined },
        })
      }
  })

  it('is one of its own for each error', async () => {
    const errors = [1_000, 3_000].map(retryDelayMs => overloaded({ isStanding: true, retryDelayMs }))
    let asked = 0
    await using server = await startServer({ shed: () => errors[asked++ % errors.length] })
    const id = 'one-id-of-a-request'
    const answers = [
      await bytesOf(server, 'application/json', id),
      await bytesOf(server, 'application/json', id),
      await bytesOf(server, 'application/json', id),
    ]
    expect(answers[0]).toContain('"retryDelay":"1s"')
    expect(answers[1]).toContain('"retryDelay":"3s"')
    expect(answers[2]).toBe(answers[0])
  })

  it('leaves one line at debug, as a call without a caller', async () => {
    const standing = overloaded({ isStanding: true })
    await using server = await startServer({ shed: () => standing })
    await bytesOf(server, 'application/json', 'the-id-of-a-request')
    expect(server.ends).toEqual([])
    expect(server.lines).toEqual([
      {
        level: 'debug',
        message: 'call',
        fields: expect.objectContaining({
          request_id: 'the-id-of-a-request',
          method: 'exai.v1.ChatService/Complete',
          protocol: 'connect',
          code: 'RESOURCE_EXHAUSTED',
          reason: 'OVERLOADED',
          origin: 'gateway',
          tenant: '',
        }),
      },
    ])
  })

  it('takes the body of its request, so that the connection serves the next one', async () => {
    const standing = overloaded({ isStanding: true })
    let isBusy = true
    await using server = await startServer({ shed: () => (isBusy ? standing : undefined) })
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
    let text = ''
    socket.on('data', (piece: Buffer) => {
      text += String(piece)
    })
    const send = (body: string): void =>
      void socket.write(
        `POST ${COMPLETE} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n` +
          `content-length: ${body.length}\r\n\r\n${body}`,
      )
    send(JSON.stringify({ model: 'x'.repeat(300_000) }))
    await expect.poll(() => text).toContain('"ERROR_REASON_OVERLOADED"')
    isBusy = false
    text = ''
    send('{}')
    await expect.poll(() => text).toContain('HTTP/1.1 200 OK')
    socket.destroy()
  })
})

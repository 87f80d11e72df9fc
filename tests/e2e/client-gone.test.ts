// Tests that a client's leaving, in whatever way it leaves, ends the request to the provider within 100 ms.
import { once } from 'node:events'
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { jsonQuestion, postJson } from '../support/clients.ts'
import { bodyOf, wires } from '../support/clients-raw.ts'
import { openRaw } from '../support/raw-client.ts'
import { type Service, startService } from '../support/running-server.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

let upstream: Upstream
let service: Service

beforeAll(async () => {
  upstream = await startUpstream()
  service = await startService({ OPENAI_API_KEY: 'test-key', OPENAI_BASE_URL: upstream.url })
})

afterAll(async () => {
  await service.stop()
  await upstream.close()
})

const ROUNDS = 5
const MEDIAN_MS = 100
// One round may be unlucky on a busy machine.
const EVERY_MS = 500

const MODEL = 'openai/test-model'
const grpc = wires.find(({ protocol }) => protocol === 'grpc') ?? { name: '', http: 2, protocol: 'grpc' }

/** A client in the middle of a call. */
type Caller = { readonly leave: () => void; readonly close: () => void }
type Call = { readonly method: string; readonly text: string; readonly id: string }
type Way = { readonly how: string; readonly open: (call: Call) => Promise<Caller> }

async function openHttp1({ method, text, id }: Call, leave: (socket: Socket) => void): Promise<Caller> {
  const client = await openRaw(service.port)
  const json = JSON.stringify(jsonQuestion(MODEL, text))
  // The stream of Connect wants its one message in an envelope.
  const isStream = method === 'StreamComplete'
  const size = Buffer.byteLength(json)
  const head = Buffer.alloc(isStream ? 5 : 0)
  if (isStream) head.writeUInt32BE(size, 1)
  client.send(
    [
      `POST /exai.v1.ChatService/${method} HTTP/1.1`,
      'host: 127.0.0.1',
      `x-request-id: ${id}`,
      `content-type: application/${isStream ? 'connect+' : ''}json`,
      `content-length: ${size + head.length}`,
      '\r\n',
    ].join('\r\n'),
  )
  client.send(Buffer.concat([head, Buffer.from(json)]))
  return { leave: () => leave(client.socket), close: () => client.socket.destroy() }
}

async function openHttp2(
  { method, text, id }: Call,
  leave: (connection: {
    readonly session: ClientHttp2Session
    readonly stream: ClientHttp2Stream
    readonly socket: Socket
  }) => void,
): Promise<Caller> {
  // A session keeps its socket to itself: with a relay in between, the test can end what the service sees.
  const { socket } = await openRaw(service.port)
  const relay = createServer(near => {
    near.pipe(socket).pipe(near)
    near.on('error', ignore)
  })
  relay.listen(0, '127.0.0.1')
  await once(relay, 'listening')
  // A TCP server that listens has an address of this kind.
  const session = connect(`http://127.0.0.1:${(relay.address() as AddressInfo).port}`)
  session.on('error', ignore)
  const stream = session.request({
    ':path': `/exai.v1.ChatService/${method}`,
    ':method': 'POST',
    'content-type': 'application/grpc',
    te: 'trailers',
    'x-request-id': id,
  })
  stream.on('error', ignore).resume()
  stream.end(bodyOf(grpc, jsonQuestion(MODEL, text)))
  const close = (): void => {
    session.destroy()
    socket.destroy()
    relay.close()
  }
  return { leave: () => leave({ session, stream, socket }), close }
}

const ignore = (): void => {
  // Its own leaving.
}

const ways: readonly Way[] = [
  { how: 'ends its HTTP/1.1 connection (FIN)', open: call => openHttp1(call, socket => socket.end()) },
  {
    how: 'resets its HTTP/1.1 connection',
    open: call => openHttp1(call, socket => socket.resetAndDestroy()),
  },
  { how: 'destroys its HTTP/1.1 socket', open: call => openHttp1(call, socket => socket.destroy()) },
  { how: 'cancels its HTTP/2 stream', open: call => openHttp2(call, ({ stream }) => stream.close(CANCEL)) },
  { how: 'destroys its HTTP/2 session', open: call => openHttp2(call, ({ session }) => session.destroy()) },
  { how: 'ends its HTTP/2 connection (FIN)', open: call => openHttp2(call, ({ socket }) => socket.end()) },
  {
    how: 'resets its HTTP/2 connection',
    open: call => openHttp2(call, ({ socket }) => socket.resetAndDestroy()),
  },
]

// RFC 9113 section 7.
const CANCEL = 8

/** When the provider is in the middle of what: before its first byte, or while it streams. */
const moments = [
  { when: 'before the first token', method: 'Complete', faults: '[[fault:hang-before-headers]]' },
  {
    when: 'before the first token of a stream',
    method: 'StreamComplete',
    faults: '[[fault:hang-after-headers]]',
  },
  {
    when: 'in the middle of a stream',
    method: 'StreamComplete',
    faults: '[[fault:words=1000]][[fault:drip-events=10]]',
  },
  { when: 'in a pause of a stream', method: 'StreamComplete', faults: '[[fault:silence-after-events=3]]' },
] as const

const isTold = (faults: string) => faults.includes('drip-events') || faults.includes('silence-after-events')

describe.each(ways)('a client that $how', ({ how, open }) => {
  it.each(moments)(
    '$when ends the request to the provider within 100 ms',
    async ({ when, method, faults }) => {
      const delaysMs: number[] = []
      for (let round = 0; round < ROUNDS; round += 1) {
        const mark = `${how}, ${when}, round ${round}`
        const id = mark.replaceAll(/[^\w]+/g, '-')
        const caller = await open({ method, text: `${faults} ${mark}`, id })
        await upstream.waitFor(
          ({ rawBody, bytesSent }) => rawBody.includes(mark) && (!isTold(faults) || bytesSent > 0),
        )
        const leftAtMs = performance.now()
        caller.leave()
        const { closedByClientAtMs = Number.NaN } = await upstream.waitFor(
          each => each.closedByClientAtMs !== undefined && each.rawBody.includes(mark),
        )
        delaysMs.push(closedByClientAtMs - leftAtMs)
        caller.close()
        expect(await service.call(id)).toMatchObject({
          code: 'CANCELLED',
          reason: 'CANCELLED',
          origin: 'client',
        })
      }
      const sorted = delaysMs.toSorted((a, b) => a - b)
      expect(sorted.at(ROUNDS >> 1)).toBeLessThanOrEqual(MEDIAN_MS)
      expect(sorted.at(-1)).toBeLessThanOrEqual(EVERY_MS)
    },
  )
})

it('after all of this the service answers, and holds no call and no connection to the provider', async () => {
  const headers = { 'x-request-id': 'after-all' }
  expect((await postJson(service.url, 'Complete', jsonQuestion(MODEL, 'hello'), headers)).status).toBe(200)
  await service.call('after-all')
  const ids = service.log().flatMap(({ msg, request_id: id }) => (msg === 'call' ? [String(id)] : []))
  expect(ids).toHaveLength(ways.length * moments.length * ROUNDS + 1)
  expect(new Set(ids).size).toBe(ids.length)
  // The one connection that may stay is the kept-alive one of the last answer.
  expect(upstream.openSockets()).toBeLessThanOrEqual(1)
})

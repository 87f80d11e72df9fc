// HTTP/2 in bad faith: floods of every kind of frame, and frames that contradict one another.
import { connect } from 'node:http2'
import { setTimeout as sleep } from 'node:timers/promises'
import { FRAME, frame, framesOf, PREFACE, SETTINGS } from '../../support/raw-client.ts'
import type { Attack } from '../attack.ts'
import type { Stage, Target } from '../stage.ts'

const TOPIC = 'frames'
const CONTINUATION = 9
const PRIORITY = 2
const END_STREAM = 0x1
const END_HEADERS = 0x4
let asked = 0

/** A literal field (RFC 7541 6.2.2); names and values may be what no client would send. */
function literal(name: string, value: string): Buffer {
  const text = (of: string): Buffer => {
    const bytes = Buffer.from(of, 'latin1')
    if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes])
    const lengths: number[] = [127]
    let left = bytes.length - 127
    for (; left >= 128; left = Math.floor(left / 128)) lengths.push((left % 128) + 128)
    return Buffer.concat([Buffer.from([...lengths, left]), bytes])
  }
  return Buffer.concat([Buffer.from([0]), text(name), text(value)])
}

type Head = readonly (readonly [string, string])[]

const rpcHead = (id: string): Head => [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':authority', 'localhost'],
  [':path', '/exai.v1.ChatService/ListModels'],
  ['content-type', 'application/json'],
  ['x-request-id', id],
]

const block = (head: Head): Buffer => Buffer.concat(head.map(([name, value]) => literal(name, value)))
const headers = (stream: number, head: Head, flags = END_HEADERS): Buffer =>
  frame(FRAME.headers, flags, stream, block(head))
const data = (stream: number, text: string, flags = END_STREAM): Buffer =>
  frame(FRAME.data, flags, stream, Buffer.from(text))
const reset = (stream: number): Buffer => frame(FRAME.reset, 0, stream, Buffer.from([0, 0, 0, 8]))
const many = (count: number, make: (at: number) => Uint8Array): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, at) => make(at)))
/** Stream ids of a client. */
const id = (at: number): number => at * 2 + 1

/** Sends frames to both gateways; they may answer what they like, as long as they go on serving others. */
const flood = (name: string, frames: (target: Target) => Uint8Array, limitMs = 4_000): Attack => ({
  topic: TOPIC,
  name,
  run: async stage => {
    const found = await Promise.all(
      [stage.open, stage.guarded].map(async target => {
        const { received } = await target.wire.bytes([PREFACE, SETTINGS, frames(target)], {
          limitMs,
          quietMs: 1_000,
        })
        return isServing(target, received.length)
      }),
    )
    return found.flat()
  },
})

/** A flood that the gateway itself must end. */
const ended = (name: string, frames: (target: Target) => Uint8Array): Attack => ({
  topic: TOPIC,
  name,
  run: async stage => {
    const found = await Promise.all(
      [stage.open, stage.guarded].map(async target => {
        const { isEnded, received } = await target.wire.bytes([PREFACE, SETTINGS, frames(target)], {
          limitMs: 15_000,
          quietMs: 14_000,
        })
        const isAskedToLeave = framesOf(received).some(({ type }) => type === FRAME.goAway)
        return isEnded || isAskedToLeave ? [] : [`${target.name}: the connection goes on`]
      }),
    )
    return found.flat()
  },
})

/** Somebody else, on another connection, is answered at once. */
async function isServing({ name, wire }: Target, heardBytes: number): Promise<readonly string[]> {
  const { status } = await wire.h2({ method: 'GET', path: '/health/live' })
  return status === 200
    ? []
    : [`${name}: another caller got ${status} after ${heardBytes} bytes to the attacker`]
}

/** One request that is not as it must be; with a credential, so that it alone is what is refused. */
const malformed = (name: string, change: (head: Head) => Head, body = '{}'): Attack => ({
  topic: TOPIC,
  name,
  run: async ({ open, guarded }: Stage) => {
    const found = await Promise.all(
      [open, guarded].map(async target => {
        asked += 1
        const own = `frame-${asked}`
        const head = change([...rpcHead(own), ...target.pass])
        await target.wire.bytes([PREFACE, SETTINGS, headers(1, head), data(1, body)], { limitMs: 3_000 })
        await sleep(50)
        const good = target.service.calls(own).filter(({ code }) => code === 'OK')
        return good.map(() => `${target.name}: it was answered well`)
      }),
    )
    return found.flat()
  },
})

const without = (name: string) => (head: Head) => head.filter(([each]) => each !== name)
const replaced = (name: string, value: string) => (head: Head) =>
  head.map(([each, was]): readonly [string, string] => [each, each === name ? value : was])
const added =
  (name: string, value: string) =>
  (head: Head): Head => [...head, [name, value]]

const floods: readonly Attack[] = [
  ended('20,000 streams are opened and reset at once', () =>
    many(20_000, at => Buffer.concat([headers(id(at), rpcHead('r')), reset(id(at))])),
  ),
  ended('20,000 streams are opened, and made to be reset by the other side', () =>
    many(20_000, at =>
      Buffer.concat([headers(id(at), rpcHead('r')), frame(FRAME.windowUpdate, 0, id(at), Buffer.alloc(4))]),
    ),
  ),
  flood('20,000 SETTINGS are sent', () =>
    many(20_000, () => frame(FRAME.settings, 0, 0, Buffer.from([0, 4, 0, 1, 0, 0]))),
  ),
  flood('50,000 PING are sent', () =>
    many(50_000, at => frame(FRAME.ping, 0, 0, Buffer.from(`${at}`.padStart(8, '0')))),
  ),
  ended('a header is continued for 20 MiB', () =>
    Buffer.concat([
      headers(1, rpcHead('c'), 0),
      many(1_280, () => frame(CONTINUATION, 0, 1, literal('x', 'y'.repeat(16_000)))),
    ]),
  ),
  ended('a header is continued by 100,000 empty frames', () =>
    Buffer.concat([headers(1, rpcHead('c'), 0), many(100_000, () => frame(CONTINUATION, 0, 1))]),
  ),
  flood('100,000 empty DATA are sent', () =>
    Buffer.concat([headers(1, rpcHead('e')), many(100_000, () => data(1, '', 0))]),
  ),
  flood('20,000 empty headers are sent', () =>
    many(20_000, at => frame(FRAME.headers, END_HEADERS | END_STREAM, id(at))),
  ),
  flood('50,000 PRIORITY are sent', () =>
    many(50_000, at => frame(PRIORITY, 0, id(at), Buffer.from([0, 0, 0, 0, 15]))),
  ),
  flood('50,000 WINDOW_UPDATE are sent', () =>
    many(50_000, () => frame(FRAME.windowUpdate, 0, 0, Buffer.from([0, 0, 0, 1]))),
  ),
  flood('50,000 frames of an unknown type are sent', () =>
    many(50_000, () => frame(0x77, 0xff, 0, Buffer.from('x'))),
  ),
  flood('1,000 streams are opened and never ended', () => many(1_000, at => headers(id(at), rpcHead('o')))),
  flood('a header of 64 fields refers to one of 4,000 characters a hundred times', () => {
    const entry = Buffer.concat([Buffer.from([0x40]), literal('x', 'y'.repeat(3_900)).subarray(1)])
    return many(50, at =>
      frame(
        FRAME.headers,
        END_HEADERS | END_STREAM,
        id(at),
        Buffer.concat([block(rpcHead('h')), entry, Buffer.alloc(2_000, 0xbe)]),
      ),
    )
  }),
  flood('all windows stay closed while 200 answers wait', ({ pass }) =>
    Buffer.concat([
      frame(FRAME.settings, 0, 0, Buffer.from([0, 4, 0, 0, 0, 0])),
      many(200, at => Buffer.concat([headers(id(at), [...rpcHead('w'), ...pass]), data(id(at), '{}')])),
    ]),
  ),
]

const contradictions: readonly Attack[] = [
  ended('a frame is longer than allowed', () => frame(FRAME.data, 0, 1, Buffer.alloc(20_000))),
  ended('data comes on stream 0', () => data(0, '{}')),
  ended('data comes on a stream that was never opened', () => data(99, '{}')),
  ended('a stream has an even number', () => headers(2, rpcHead('x'))),
  flood('stream numbers go down', () => Buffer.concat([headers(5, rpcHead('x')), headers(3, rpcHead('x'))])),
  ended('a window grows beyond all windows', () =>
    many(3, () => frame(FRAME.windowUpdate, 0, 0, Buffer.from([0x7f, 0xff, 0xff, 0xff]))),
  ),
  ended('another frame stands in the middle of a header', () =>
    Buffer.concat([headers(1, rpcHead('x'), 0), frame(FRAME.ping, 0, 0, Buffer.alloc(8))]),
  ),
  ended('a header cannot be unpacked', () =>
    frame(FRAME.headers, END_HEADERS, 1, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff])),
  ),
  ended('SETTINGS have an odd length', () => frame(FRAME.settings, 0, 0, Buffer.alloc(5))),
  ended('there is a second preface', () => PREFACE),
  malformed('there is no :path', without(':path')),
  malformed('there is no :method', without(':method')),
  malformed('there are two :path', head => [head[3] ?? ['', ''], ...head]),
  malformed('there are two :authority', head => [[':authority', 'evil.example'], ...head]),
  malformed('a pseudo-header stands behind a field', added(':authority', 'localhost')),
  malformed('there is a pseudo-header that does not exist', head => [[':admin', 'yes'], ...head]),
  malformed('a name has capitals', added('X-Admin', 'yes')),
  malformed('there is a transfer-encoding', added('transfer-encoding', 'chunked')),
  malformed('there is a connection', added('connection', 'keep-alive')),
  malformed('te is not trailers', added('te', 'gzip')),
  malformed('the path has a line end', replaced(':path', '/exai.v1.ChatService/ListModels HTTP/1.1\r\nx: y')),
  malformed('the path is a whole URL', replaced(':path', 'http://localhost/exai.v1.ChatService/ListModels')),
  malformed('the path has no slash', replaced(':path', 'exai.v1.ChatService/ListModels')),
  malformed('the length is not that of the body', added('content-length', '1')),
  malformed('there are two lengths', head => [...head, ['content-length', '2'], ['content-length', '3']]),
  malformed('the method is CONNECT', replaced(':method', 'CONNECT')),
]

/** A credential whose field is not as it must be: HTTP/2 may refuse the request or leave the field out. */
const spoilt = (name: string, fields: (key: string) => Head): Attack => ({
  topic: TOPIC,
  name,
  run: async ({ guarded, keys }) => {
    asked += 1
    const own = `frame-${asked}`
    const head = [...rpcHead(own), ...fields(keys.chat.secret)]
    await guarded.wire.bytes([PREFACE, SETTINGS, headers(1, head), data(1, '{}')], { limitMs: 3_000 })
    await sleep(50)
    const found = guarded.service.calls(own).filter(({ code }) => code !== 'UNAUTHENTICATED')
    return found.map(({ code }) => `it ended as ${code}`)
  },
})

const credentials: readonly Attack[] = [
  spoilt('a good credential ends in a NUL', key => [['x-api-key', `${key}\u0000`]]),
  spoilt('a good credential ends in a line end and another field', key => [
    ['x-api-key', `${key}\r\nx-admin: yes`],
  ]),
  spoilt('a good credential stands in a field whose name has a line end', key => [['x-a\r\nx-api-key', key]]),
  spoilt('a good credential stands in a field with capitals', key => [['X-Api-Key', key]]),
  spoilt('a good credential stands in a pseudo-header', key => [[':x-api-key', key]]),
  spoilt('a good credential stands in a field of :authorization', key => [
    [':authorization', `Bearer ${key}`],
  ]),
  spoilt('a good credential stands twice in a header of HTTP/2', key => [
    ['authorization', `Bearer ${key}`],
    ['authorization', `Bearer ${key}`],
  ]),
  {
    topic: TOPIC,
    name: 'an honest client resets 50 calls in a row, and is served on the same connection',
    run: async ({ guarded }) => {
      const session = connect(guarded.service.url)
      session.on('error', () => undefined)
      const path = '/exai.v1.ChatService/ListModels'
      const fields = {
        ':method': 'POST',
        ':path': path,
        'content-type': 'application/json',
        ...Object.fromEntries(guarded.pass),
      }
      for (let at = 0; at < 50; at += 1) {
        const call = session.request(fields, { endStream: false })
        call.on('error', () => undefined)
        call.close(8)
      }
      const { promise, resolve } = Promise.withResolvers<number>()
      const call = session.request(fields, { endStream: false })
      call.on('response', head => resolve(head[':status'] ?? 0))
      call.on('error', () => resolve(0))
      call.end('{}')
      const status = await promise
      session.destroy()
      return status === 200 ? [] : [`it is answered ${status}`]
    },
  },
]

/** All of them. */
export const frameAttacks: readonly Attack[] = [...floods, ...contradictions, ...credentials]

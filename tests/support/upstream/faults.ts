// The faults that befall the bytes of any provider's answer, as a table from name to change.
import { gzipSync } from 'node:zlib'
import {
  bodyBytes,
  eventReply,
  isStream,
  jsonReply,
  type Piece,
  type Reply,
  splitAtByte,
  splitAtEvent,
} from './reply.ts'
import type { Fault } from './wire.ts'

/** What a fault may know besides the answer. */
export type FaultContext = {
  readonly acceptEncoding: string
  /** An error answer of the provider by code or status. */
  readonly refusal: (codeOrStatus: string) => Reply
}

type ReplyFault = (reply: Reply, value: string | undefined, context: FaultContext) => Reply

const numberOf = (value: string | undefined, preset: number): number => {
  const number = Number(value ?? preset)
  if (!Number.isFinite(number) || number < 0) throw new Error(`a fault needs a number, not ${value}`)
  return number
}

/** Puts pieces behind a number of bytes or events. What follows is kept, so that a given content-length stays true. */
const insert =
  (split: typeof splitAtByte, ...pieces: readonly Piece[]): ReplyFault =>
  (reply, value) => {
    const [head, tail] = split(reply.body, numberOf(value, 1))
    return { ...reply, body: [...head, ...pieces, ...tail] }
  }

/** Ends the body, as if that were all, behind a number of bytes or events. */
const endAfter =
  (split: typeof splitAtByte): ReplyFault =>
  (reply, value) => ({ ...reply, body: split(reply.body, numberOf(value, 1))[0] })

const withHeader = (reply: Reply, name: string, value: string): Reply => ({
  ...reply,
  headers: { ...reply.headers, [name]: value },
})

const eachEvent = (reply: Reply, change: (text: string) => string): Reply => ({
  ...reply,
  body: reply.body.map(piece =>
    piece.kind === 'event' ? { kind: 'event', bytes: Buffer.from(change(piece.bytes.toString())) } : piece,
  ),
})

/** Puts a wait before every part. */
const dripped = (reply: Reply, ms: number, parts: readonly Piece[]): Reply => ({
  ...reply,
  body: parts.flatMap((piece): readonly Piece[] => [{ kind: 'wait', ms }, piece]),
})

function halfEvent(reply: Reply, value: string | undefined): Reply {
  const [head, [next]] = splitAtEvent(reply.body, numberOf(value, 1))
  if (next?.kind !== 'event') return { ...reply, body: head }
  return {
    ...reply,
    body: [...head, { kind: 'bytes', bytes: next.bytes.subarray(0, next.bytes.length >> 1) }],
  }
}

/** Sends the event behind this many a byte at a time: `4,20` is the fifth one with 20 ms before each byte. */
function dripEvent(reply: Reply, value: string | undefined): Reply {
  const [count = '1', ms = '20'] = (value ?? '').split(',')
  const [head, [event, ...tail]] = splitAtEvent(reply.body, numberOf(count || undefined, 1))
  if (event?.kind !== 'event') throw new Error(`there is no event behind ${count} to drip`)
  const bytes = [...event.bytes].map((byte): Piece => ({ kind: 'bytes', bytes: Buffer.of(byte) }))
  return { ...reply, body: [...head, ...dripped(reply, numberOf(ms, 20), bytes).body, ...tail] }
}

/** Sends what says why the model stopped once more. */
function finishTwice(reply: Reply): Reply {
  const isFinish = (piece: Piece): boolean =>
    piece.kind === 'event' && /"finish_reason":"/.test(piece.bytes.toString())
  return { ...reply, body: reply.body.flatMap(piece => (isFinish(piece) ? [piece, piece] : [piece])) }
}

const html = `<!DOCTYPE html>\n<html>\n<head><title>502 Bad Gateway</title></head>\n<body>\n<center><h1>502 Bad Gateway</h1></center>\n<hr><center>nginx</center>\n</body>\n</html>\n`

/** By name; where a value is a number of bytes or events it defaults to 1, and 0 means before the first. */
export const faults = {
  /** The provider's error answer for an HTTP status, or for one of its codes. */
  status: (_reply, value, context) => context.refusal(value ?? '500'),
  error: (_reply, value, context) => context.refusal(value ?? '500'),
  /** A body with only an error, under status 200. */
  'error-200': (_reply, value, context) => ({ ...context.refusal(value ?? '500'), status: 200 }),
  /** An error object as an event, then the end, behind this many events. */
  'error-after-events': (reply, value, context) => {
    const [head] = splitAtEvent(reply.body, numberOf(value, 1))
    const data = bodyBytes(context.refusal('500').body).toString()
    const eventsBefore = head.filter(piece => piece.kind === 'event').length
    const frame = reply.errorFrame?.(data, eventsBefore) ?? `data: ${data}\n\n`
    return { ...reply, body: [...head, ...eventReply([frame]).body] }
  },
  'retry-after': (reply, value) => withHeader(reply, 'retry-after', value ?? '1'),
  'retry-after-ms': (reply, value) => withHeader(reply, 'retry-after-ms', value ?? '100'),
  /** As an HTTP date this many seconds from now. */
  'retry-after-date': (reply, value) =>
    withHeader(reply, 'retry-after', new Date(Date.now() + numberOf(value, 1) * 1000).toUTCString()),
  'should-retry': (reply, value) => withHeader(reply, 'x-should-retry', value ?? 'false'),
  /** Any header: `name:value`. */
  header: (reply, value) => {
    const [name = 'x-double', ...rest] = (value ?? '').split(':')
    return withHeader(reply, name.trim().toLowerCase(), rest.join(':').trim())
  },
  /** A proxy's error page; the value is the status. */
  html: (_reply, value) => ({
    status: numberOf(value, 502),
    headers: { 'content-type': 'text/html' },
    body: [{ kind: 'bytes', bytes: Buffer.from(html) }],
  }),
  /** The first half of the body, ended as if that were all. */
  'half-json': (reply, value) =>
    isStream(reply)
      ? halfEvent(reply, value)
      : { ...reply, body: splitAtByte(reply.body, bodyBytes(reply.body).length >> 1)[0] },
  /** The stream ends in the middle of the event behind this many. */
  'half-event': halfEvent,
  empty: reply => ({ ...reply, body: [] }),
  'hang-before-headers': reply => ({ ...reply, before: { kind: 'silence' } }),
  'hang-after-headers': reply => ({ ...reply, body: [{ kind: 'silence' }, ...reply.body] }),
  /** The request is read, and then the connection is reset. */
  'reset-before-headers': reply => ({ ...reply, before: { kind: 'reset' } }),
  /** The request is read, and then the connection is ended without a byte. */
  'fin-before-headers': reply => ({ ...reply, before: { kind: 'fin' } }),
  /** Signs of life each so many milliseconds and never an answer: comments of a stream, else blank lines. */
  'alive-forever': (reply, value) => ({
    ...reply,
    body: [
      {
        kind: 'repeat',
        bytes: Buffer.from(isStream(reply) ? ': keep-alive\n\n' : '\n'),
        everyMs: numberOf(value, 100),
      },
      ...reply.body,
    ],
  }),
  'slow-headers': (reply, value) => ({ ...reply, before: { kind: 'wait', ms: numberOf(value, 100) } }),
  'slow-body': (reply, value) => ({
    ...reply,
    body: [{ kind: 'wait', ms: numberOf(value, 100) }, ...reply.body],
  }),
  'silence-after': insert(splitAtByte, { kind: 'silence' }),
  'silence-after-events': insert(splitAtEvent, { kind: 'silence' }),
  /** TCP reset. */
  'cut-after': insert(splitAtByte, { kind: 'reset' }),
  'cut-after-events': insert(splitAtEvent, { kind: 'reset' }),
  /** TCP FIN without the end of the HTTP body. */
  'fin-after': insert(splitAtByte, { kind: 'fin' }),
  'fin-after-events': insert(splitAtEvent, { kind: 'fin' }),
  /** A proper end of the HTTP body, too early. */
  'end-after': endAfter(splitAtByte),
  'end-after-events': endAfter(splitAtEvent),
  /** Comments and blank lines before every event. */
  comments: (reply, value) => eachEvent(reply, text => `: ${value ?? 'keep-alive'}\n\n\n:\n${text}`),
  /** Blank lines before the body. */
  'blank-lines': (reply, value) => ({
    ...reply,
    body: [{ kind: 'bytes', bytes: Buffer.from('\n'.repeat(numberOf(value, 3))) }, ...reply.body],
  }),
  crlf: reply => eachEvent(reply, text => text.replaceAll('\n', '\r\n')),
  cr: reply => eachEvent(reply, text => text.replaceAll('\n', '\r')),
  bom: reply => ({ ...reply, body: [{ kind: 'bytes', bytes: Buffer.from('\uFEFF') }, ...reply.body] }),
  'data-without-space': reply => eachEvent(reply, text => text.replaceAll(/^data: /gm, 'data:')),
  /** An event each so many milliseconds. */
  'drip-events': (reply, value) => dripped(reply, numberOf(value, 10), reply.body),
  /** A byte each so many milliseconds. */
  'drip-bytes': (reply, value) => {
    const bytes = [...bodyBytes(reply.body)].map((byte): Piece => ({ kind: 'bytes', bytes: Buffer.of(byte) }))
    return dripped(reply, numberOf(value, 1), bytes)
  },
  'drip-event': dripEvent,
  'finish-twice': finishTwice,
  /** Writes of their own, with a pause between, at these byte offsets (commas between). */
  'split-at': (reply, value) =>
    (value ?? '1')
      .split(',')
      .reduce((each, at) => insert(splitAtByte, { kind: 'wait', ms: 5 })(each, at, noContext), reply),
  /** The connection is reset without a byte; in a script it also refuses the next new connection. */
  refuse: reply => ({ ...reply, before: { kind: 'reset' } }),
  /** One line of this many bytes (100 MB) behind the first event, and never its end. */
  flood: (reply, value) => {
    const [head, tail] = splitAtEvent(reply.body, 1)
    const start: Piece = { kind: 'bytes', bytes: Buffer.from('data: ') }
    return {
      ...reply,
      body: [...head, start, { kind: 'flood', sizeBytes: numberOf(value, 100_000_000) }, ...tail],
    }
  },
  /** Compressed when the request allows it, else unchanged. */
  gzip: (reply, _value, context) => {
    if (!/\bgzip\b/.test(context.acceptEncoding)) return reply
    const body: readonly Piece[] = [{ kind: 'bytes', bytes: gzipSync(bodyBytes(reply.body)) }]
    return withHeader({ ...reply, body }, 'content-encoding', 'gzip')
  },
} as const satisfies Readonly<Record<string, ReplyFault>>

/** A name in the table. */
export type FaultName = keyof typeof faults

const noContext: FaultContext = { acceptEncoding: '', refusal: () => jsonReply(500, {}) }

const isFault = (name: string): name is FaultName => Object.hasOwn(faults, name)

/** Applies one fault; undefined when the table does not have it. */
export function applyFault(reply: Reply, fault: Fault, context: FaultContext): Reply | undefined {
  if (!isFault(fault.name)) return undefined
  const change: ReplyFault = faults[fault.name]
  return change(reply, fault.value, context)
}

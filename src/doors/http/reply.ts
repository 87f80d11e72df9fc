// Writes the answers of routes to the port, and errors in the shape of their door.
import { batchesOf } from '../../core/batched.ts'
import type { LimitFacts } from '../../core/limits.ts'
import type { PortRequest, PortResponse } from '../../server/port-handler.ts'
import { errorHeaders, limitHeaders, type Told } from './errors.ts'
import { EVENT_STREAM_HEADERS, type Frame, frameText } from './frame.ts'
import { cut, drained, finish, flushHeader, isOpen, write, writeLent } from './pace.ts'
import type { HttpReply } from './route.ts'

/** How a door says that something went wrong. */
export interface ErrorShape {
  /** The body of an error answer, to be sent as JSON. */
  body(told: Told): unknown
  /** What ends a stream of events that has begun: never the frame that says that all is well. */
  frames(told: Told): readonly Frame[]
  /** The HTTP status, where the door's clients know another one. Absent: as it is told. */
  readonly status?: (told: Told) => number
  /** What the header of an error answer says besides. */
  readonly headers?: (told: Told) => Readonly<Record<string, string>>
  /** What the header of any other answer says of the limit of requests that counts the call. Absent: it goes by OpenAI's names. */
  readonly limitHeaders?: (limit: LimitFacts) => Readonly<Record<string, string>>
}

/** What an answer is written with. */
export interface Writing {
  readonly req: PortRequest
  readonly res: PortResponse
  readonly signal: AbortSignal
  readonly errors: ErrorShape
  /** Hears how many bytes of the body leave, piece by piece. */
  readonly sent: (bytes: number) => void
  /** The limit of requests that counts the call; undefined when none does. */
  readonly limit: () => LimitFacts | undefined
  /** What a client is to be told of anything that was thrown. */
  readonly told: (thrown: unknown) => Told
}

/** Writes a whole answer. Resolves when it has been handed to the system or when the client has left. */
export async function writeReply(writing: Writing, reply: HttpReply): Promise<void> {
  const { res, errors } = writing
  const limit = writing.limit()
  if (limit !== undefined) setHeaders(res, (errors.limitHeaders ?? limitHeaders)(limit))
  switch (reply.type) {
    case 'json':
      return sendJson(writing, reply.status ?? 200, reply.value, reply.headers)
    case 'events':
      return await stream(
        writing,
        { ...EVENT_STREAM_HEADERS, ...reply.headers },
        framesOf(writing, reply.frames),
      )
    case 'bytes':
      return await stream(writing, { 'x-content-type-options': 'nosniff', ...reply.headers }, reply.chunks)
    default:
      reply satisfies never
      cut(res)
  }
}

/** Writes an error answer. A header that has left cannot be taken back: then the connection is cut. */
export async function writeError(writing: Writing, told: Told): Promise<void> {
  const { res, errors } = writing
  if (res.headersSent) cut(res)
  else {
    const headers = { ...errorHeaders(told), ...errors.headers?.(told) }
    await sendJson(writing, errors.status?.(told) ?? told.status, errors.body(told), headers)
  }
}

async function sendJson(
  { req, res, sent }: Pick<Writing, 'req' | 'res' | 'sent'>,
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  const body = Buffer.from(`${JSON.stringify(value)}\n`)
  setHeaders(res, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(body.byteLength),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...headers,
  })
  res.statusCode = status
  if (req.method === 'HEAD') return await finish(res)
  sent(body.byteLength)
  await finish(res, body)
}

/** Sends the header with the first piece: until then a fault is an ordinary error answer. */
async function stream(
  { req, res, signal, sent }: Writing,
  headers: Readonly<Record<string, string>>,
  pieces: AsyncIterable<Uint8Array | string>,
): Promise<void> {
  let isBegun = false
  const begin = (): void => {
    isBegun = true
    res.statusCode = 200
    setHeaders(res, headers)
  }
  for await (const piece of pieces) {
    if (!isOpen(res)) return
    if (!isBegun) begin()
    if (req.method === 'HEAD') break
    const isText = typeof piece === 'string'
    const bytes = isText ? Buffer.from(piece) : piece
    sent(bytes.byteLength)
    const hasRoom = isText ? write(res, bytes) : writeLent(res, bytes)
    if (!hasRoom) await drained(res, signal)
  }
  if (!isOpen(res)) return
  if (!isBegun) begin()
  // Without a body Node would say how long it is.
  if (!res.headersSent) flushHeader(res, 200)
  await finish(res)
}

/** The frames as they are sent; those that are ready together are one piece. */
async function* framesOf({ errors, told }: Writing, frames: AsyncIterable<Frame>): AsyncGenerator<string> {
  let isBegun = false
  try {
    for await (const batch of batchesOf(frames)) {
      isBegun = true
      let text = ''
      for (const frame of batch) text += frameText(frame)
      yield text
    }
  } catch (error) {
    if (!isBegun) throw error
    for (const frame of errors.frames(told(error))) yield frameText(frame)
  }
}

function setHeaders(res: PortResponse, headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value)
}

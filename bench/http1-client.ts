// An HTTP/1.1 client for one keep-alive connection that costs next to nothing: bytes out, status and body back.
import { connect, type Socket } from 'node:net'
import { TOKEN_MARK } from './payload.ts'
import type { WireAnswer } from './wire.ts'

/** One connection; one call at a time. */
export type Http1Client = {
  /** Sends a whole request and waits for its whole answer. Rejects when the connection breaks. */
  readonly call: (request: Buffer) => Promise<WireAnswer>
  readonly close: () => void
}

/** Connects to a port of 127.0.0.1. */
export async function openHttp1(port: number): Promise<Http1Client> {
  const socket = await connected(port)
  let waiting: { resolve: (answer: WireAnswer) => void; reject: (error: Error) => void } | undefined
  let reader = createReader()
  let firstAtMs: number | undefined
  const broke = (error?: Error): void => waiting?.reject(error ?? new Error('the connection was closed'))
  socket.on('error', broke)
  socket.on('close', () => broke())
  socket.on('data', (bytes: Buffer) => {
    if (firstAtMs === undefined && bytes.includes(TOKEN_MARK)) firstAtMs = performance.now()
    const answer = reader(bytes)
    if (answer === undefined) return
    reader = createReader()
    waiting?.resolve({ ...answer, firstAtMs })
    firstAtMs = undefined
  })
  return {
    call: request =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject }
        socket.write(request)
      }),
    close: () => void socket.destroy(),
  }
}

function connected(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      resolve(socket)
    })
  })
}

const END_OF_HEAD = '\r\n\r\n'
const NEW_LINE = '\r\n'

type Head = { readonly status: number; readonly length: number | 'chunked' }

// Takes what arrives, keeps what is not whole yet, and gives the answer once it is.
function createReader(): (bytes: Buffer) => WireAnswer | undefined {
  let rest: Buffer = Buffer.alloc(0)
  let head: Head | undefined
  const pieces: Buffer[] = []
  const done = (status: number): WireAnswer => ({ status, grpcStatus: '', body: Buffer.concat(pieces) })

  return bytes => {
    rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes])
    if (head === undefined) {
      const end = rest.indexOf(END_OF_HEAD)
      if (end < 0) return undefined
      head = readHead(rest.toString('latin1', 0, end))
      rest = rest.subarray(end + END_OF_HEAD.length)
    }
    const { status, length } = head
    if (length !== 'chunked') {
      if (rest.length < length) return undefined
      pieces.push(rest.subarray(0, length))
      return done(status)
    }
    for (;;) {
      const line = rest.indexOf(NEW_LINE)
      if (line < 0) return undefined
      const size = Number.parseInt(rest.toString('latin1', 0, line), 16)
      const from = line + NEW_LINE.length
      if (rest.length < from + size + NEW_LINE.length) return undefined
      if (size === 0) return done(status)
      pieces.push(rest.subarray(from, from + size))
      rest = rest.subarray(from + size + NEW_LINE.length)
    }
  }
}

function readHead(head: string): Head {
  const status = Number(head.slice(9, 12))
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
  if (length !== undefined) return { status, length: Number(length) }
  if (/\r\ntransfer-encoding: *chunked/i.test(head)) return { status, length: 'chunked' }
  throw new Error(`an answer without length: ${head}`)
}

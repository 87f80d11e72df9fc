// A port with small limits, a handler that a test steers by the path, and a record of what its handlers saw.
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from 'node:http2'
import type { Writable } from 'node:stream'
import { onTestFinished, vi } from 'vitest'
import { createPort, type Port, type PortOptions } from '../../src/server/port.ts'
import type { PortEvent, PortRequest, PortResponse } from '../../src/server/port-handler.ts'
import type { PortLimits } from '../../src/server/port-limits.ts'
import { openRaw, type RawClient } from './raw-client.ts'

/** What became of the calls of one path. */
export type Seen = { readonly started: number; readonly closed: number }

/** A running port under test. It is destroyed when the test ends. */
export type PortRig = {
  readonly port: Port
  readonly number: number
  readonly events: readonly PortEvent[]
  /** What happened to calls of this path so far. */
  readonly seen: (path: string) => Seen
  /** Ends the answers of all running calls of this path. */
  readonly finish: (path: string) => void
  readonly raw: (options?: { readonly reads?: boolean }) => Promise<RawClient>
  readonly h2: (url?: string, ca?: string) => ClientHttp2Session
}

/** An answer as a test looks at it. */
export type Answer = { readonly status: number | undefined; readonly text: string }

const LARGE = Buffer.alloc(64 * 1024, 'x')

// Writes as fast as the reader takes, for ever: what a stalled reader stalls.
const pour = (res: Writable): void => {
  const more = (): void => {
    while (!res.destroyed && res.write(LARGE)) {
      // Until the buffer is full.
    }
  }
  res.on('drain', more)
  more()
}

const answer = (req: PortRequest, res: Writable): void => {
  switch (new URL(req.url ?? '/', 'http://test').pathname) {
    case '/stream':
      res.write('begun')
      return
    case '/silent':
      return
    case '/pour':
      pour(res)
      return
    case '/lump':
      res.end(Buffer.alloc(24 * 1024 * 1024, 'x'))
      return
    case '/echo': {
      const chunks: Buffer[] = []
      req.on('data', (chunk: Buffer) => chunks.push(chunk))
      req.on('end', () => res.end(Buffer.concat(chunks)))
      return
    }
    default:
      res.end(`${req.httpVersion} ${req.url}`)
  }
}

/** Small limits, so that a test takes milliseconds; those that a test is not about stay out of its way. */
export const QUICK: Partial<PortLimits> = { checkIntervalMs: 10, closeGraceMs: 20 }

/** Starts a port on a free loopback port. */
export const startPort = async (
  limits: Partial<PortLimits> = {},
  more: Partial<PortOptions> = {},
): Promise<PortRig> => {
  const events: PortEvent[] = []
  const calls: { readonly path: string; readonly res: PortResponse; isClosed: boolean }[] = []
  const port = createPort({
    limits: { ...QUICK, ...limits },
    onEvent: event => events.push(event),
    handler: (req, res) => {
      const call = { path: req.url ?? '', res, isClosed: false }
      calls.push(call)
      res.once('close', () => {
        call.isClosed = true
      })
      answer(req, res)
    },
    ...more,
  })
  onTestFinished(() => port.destroy())
  const { port: number } = await port.listen({ host: '127.0.0.1', port: 0 })
  const of = (path: string) => calls.filter(call => call.path === path)
  return {
    port,
    number,
    events,
    seen: path => ({ started: of(path).length, closed: of(path).filter(call => call.isClosed).length }),
    finish: path => {
      for (const { res } of of(path)) res.end('done')
    },
    raw: async options => {
      const client = await openRaw(number, options)
      onTestFinished(() => void client.socket.destroy())
      return client
    },
    h2: (url = `http://127.0.0.1:${number}`, ca) => {
      const session = connect(url, ca === undefined ? {} : { ca })
      session.on('error', () => {
        // A session that the port ends with an error is what some tests are about; they look at its 'close'.
      })
      onTestFinished(() => session.destroy())
      return session
    },
  }
}

/** Makes one HTTP/2 request and gives the answer; rejects when the stream is reset. */
export const ask = (
  session: ClientHttp2Session,
  headers: IncomingHttpHeaders,
  body?: string,
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const stream = session.request(headers, { endStream: body === undefined })
    const chunks: Buffer[] = []
    let status: number | undefined
    stream.on('response', head => {
      status = head[':status']
    })
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('end', () => resolve({ status, text: Buffer.concat(chunks).toString() }))
    stream.on('error', reject)
    stream.on('close', () => reject(new Error(`the stream was closed with ${stream.rstCode}`)))
    if (body !== undefined) stream.end(body)
  })

/** Looks every few milliseconds until the expectation holds; fails with its reason after two seconds. */
export const soon = (expectation: () => void): Promise<void> =>
  vi.waitFor(expectation, { interval: 5, timeout: 15_000 })

// Writes an answer of connect-es to the port, at the pace of its reader.
import type { Writable } from 'node:stream'
import type { UniversalServerResponse } from '@connectrpc/connect/protocol'
import type { PortResponse } from '../../server/port-handler.ts'
import { answerSizes } from './sizes.ts'

/** How many bytes may stand before a reader of a call that has been ended: room for its end, also behind what waits. */
const FAREWELL_BYTES = 1_048_576

/**
 * Writes a whole answer. Who ends the call ends the waiting for its reader, too, so that the end is made and stands behind what
 * waits; a source that does not end then is held back again. Resolves when it has been handed to the system or when the client has left.
 * `sent` hears how long each piece is without its compression.
 */
export async function writeReply(
  res: PortResponse,
  reply: UniversalServerResponse,
  signal?: AbortSignal,
  sent?: (bytes: number) => void,
): Promise<void> {
  const { status, header = new Headers(), body } = reply
  res.statusCode = status
  header.forEach((value, name) => void res.setHeader(name, value))
  const sizeOf = answerSizes(header)
  if (body !== undefined && header.has('content-length')) {
    // A unary answer of Connect is one piece: header and body leave in one write.
    for await (const chunk of body) {
      sent?.(sizeOf(chunk))
      return finish(res, chunk)
    }
  }
  if (body !== undefined) {
    for await (const chunk of body) {
      if (!isOpen(res)) return
      sent?.(sizeOf(chunk))
      if (!write(res, chunk)) await drained(res, signal)
    }
  }
  if (!isOpen(res)) return
  const trailers: Record<string, string> = {}
  // Known only now: the status of a gRPC call is made when its stream has ended.
  reply.trailer?.forEach((value, name) => {
    trailers[name] = value
  })
  if (reply.trailer !== undefined) {
    // Node forgets the trailers of an answer whose header leaves together with its end.
    if (!res.headersSent) flushHeader(res, status)
    res.addTrailers(trailers)
  }
  await finish(res)
}

// The two signatures have nothing in common for the compiler.
function write(res: PortResponse, chunk: Uint8Array): boolean {
  return 'stream' in res ? res.write(chunk) : res.write(chunk)
}

function flushHeader(res: PortResponse, status: number): void {
  if ('stream' in res) res.writeHead(status)
  else res.flushHeaders()
}

function isOpen(res: PortResponse): boolean {
  const sink = sinkOf(res)
  return !sink.destroyed && !sink.closed && !res.writableEnded
}

// The compatibility layer of HTTP/2 says 'finish' also for a stream that was reset, and never that it is destroyed.
function sinkOf(res: PortResponse): Writable {
  return 'stream' in res ? res.stream : res
}

function drained(res: PortResponse, signal: AbortSignal | undefined): Promise<void> {
  const hasRoom = (): boolean => sinkOf(res).writableLength < FAREWELL_BYTES
  if (signal?.aborted && hasRoom()) return Promise.resolve()
  return new Promise(resolve => {
    const done = (): void => {
      res.off('drain', done)
      res.off('close', done)
      signal?.removeEventListener('abort', ended)
      resolve()
    }
    const ended = (): void => {
      if (hasRoom()) done()
    }
    res.on('drain', done)
    res.on('close', done)
    signal?.addEventListener('abort', ended)
  })
}

function finish(res: PortResponse, chunk?: Uint8Array): Promise<void> {
  return new Promise(resolve => {
    if (!isOpen(res)) return resolve()
    const sink = sinkOf(res)
    sink.once('finish', resolve)
    sink.once('close', resolve)
    if (chunk === undefined) res.end()
    else res.end(chunk)
  })
}

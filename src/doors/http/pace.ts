// Writes to the port at the pace of its reader.
import { constants } from 'node:http2'
import type { Writable } from 'node:stream'
import { giveBack } from '../../core/lent-bytes.ts'
import type { PortResponse } from '../../server/port-handler.ts'

/** How many bytes may stand before a reader of a call that has been ended: room for its end, also behind what waits. */
const FAREWELL_BYTES = 1_048_576

/** Hands bytes over; false when they stand and it is better to wait for `drained`. */
export function write(res: PortResponse, chunk: Uint8Array | string): boolean {
  // The two signatures have nothing in common for the compiler.
  return 'stream' in res ? res.write(chunk) : res.write(chunk)
}

/** The same with a piece that may be lent: it is given back when it has left, of which `bytes` are all that does. */
export function writeLent(res: PortResponse, piece: Uint8Array, bytes: Uint8Array = piece): boolean {
  const left = (error?: Error | null): void => {
    // Of a stream that was reset Node lets go while the system may still send from it.
    if (!error && isOpen(res)) giveBack(piece)
  }
  return 'stream' in res ? res.write(bytes, left) : res.write(bytes, left)
}

/** Sends the header of an answer before anything of its body. */
export function flushHeader(res: PortResponse, status: number): void {
  if ('stream' in res) res.writeHead(status)
  else res.flushHeaders()
}

/** Whether anybody can still be told anything. */
export function isOpen(res: PortResponse): boolean {
  const sink = sinkOf(res)
  return !sink.destroyed && !sink.closed && !res.writableEnded
}

/** Resolves when there is room again, when the client has left, or when the call was ended and there is room for its end. */
export function drained(res: PortResponse, signal: AbortSignal | undefined): Promise<void> {
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

/** Ends an answer. Resolves when it has been handed to the system or when the client has left. */
export function finish(res: PortResponse, chunk?: Uint8Array | string): Promise<void> {
  return new Promise(resolve => {
    if (!isOpen(res)) return resolve()
    const sink = sinkOf(res)
    sink.once('finish', resolve)
    sink.once('close', resolve)
    if (chunk === undefined) res.end()
    else res.end(chunk)
  })
}

/** Breaks an answer off that cannot be whole any more, so that nobody takes it for one. */
export function cut(res: PortResponse): void {
  // Destroyed without a reason a stream of HTTP/2 ends well, and on HTTP/1.1 a connection has no reasons.
  if ('stream' in res) res.stream.close(constants.NGHTTP2_INTERNAL_ERROR)
  else res.destroy()
}

// The compatibility layer of HTTP/2 says 'finish' also for a stream that was reset, and never that it is destroyed.
function sinkOf(res: PortResponse): Writable {
  return 'stream' in res ? res.stream : res
}

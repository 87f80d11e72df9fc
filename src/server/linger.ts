// Keeps a connection readable after its last answer while its client is still sending: else that answer may be lost.
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { performance } from 'node:perf_hooks'

// How often the limits of the rest are looked at.
const CHECK_MS = 20

/** What `linger` needs. */
export type LingerDeps = {
  readonly socket: Socket
  /** The request that has begun to arrive on this socket and has not ended. */
  readonly receiving: () => IncomingMessage | undefined
  /** How long the rest may take, in milliseconds. */
  readonly timeoutMs: number
  /** How much of the rest is taken, in bytes. */
  readonly maxBytes: number
}

/** A socket that may wait for the rest of a request before it closes. */
export type Lingering = {
  /** Whether the last answer is out and only the rest of its request is awaited. */
  readonly isLast: () => boolean
}

/**
 * Changes how a socket of HTTP/1.1 closes after its last answer. Node closes it at once; bytes that then still arrive make
 * the kernel reset the connection, and the reset throws away what the client has not read yet. RFC 9112 9.6 has it so: first
 * our side ends, then the client's rest is read, within limits.
 */
export const linger = ({ socket, receiving, timeoutMs, maxBytes }: LingerDeps): Lingering => {
  // Node calls exactly this method of the socket when an answer that is the last has been written.
  const close = socket.destroySoon.bind(socket)
  let timer: NodeJS.Timeout | undefined
  const stop = (): void => clearInterval(timer)
  socket.destroySoon = () => {
    if (timer !== undefined) return
    const request = receiving()
    if (request === undefined || socket.destroyed) return close()
    request.once('end', close)
    const endBytes = socket.bytesRead + maxBytes
    const endMs = performance.now() + timeoutMs
    // Not by listening for 'data': that would take the bytes from the parser, which reads past the stream.
    timer = setInterval(() => {
      if (socket.bytesRead > endBytes || performance.now() >= endMs) socket.destroy()
    }, CHECK_MS).unref()
    socket.once('close', stop)
    socket.end()
  }
  return { isLast: () => timer !== undefined }
}

// Tells HTTP/2 with prior knowledge from HTTP/1.1 by the first bytes of a clear-text connection.
import type { Socket } from 'node:net'
import { unlessHeard } from './late.ts'

/** What a connection turned out to speak. */
export type Protocol = 'h1' | 'h2'

/** What `sniff` needs. */
export type SniffDeps = {
  readonly socket: Socket
  /** How long nothing may come at all, in milliseconds. */
  readonly silenceMs: number
  /** How long each further byte may take, in milliseconds. */
  readonly timeoutMs: number
  /** Called at most once, with all bytes back in the socket and no listener left on it. */
  readonly onDecided: (protocol: Protocol) => void
  /** Called when the time is over; the socket has been destroyed. */
  readonly onExpired: () => void
}

// "PRI" is reserved for the HTTP/2 preface (RFC 9113 3.4): no HTTP/1 method begins with it.
const PREFACE_START = Buffer.from('PRI', 'latin1')

const decide = (seen: Buffer): Protocol | undefined => {
  const start = seen.subarray(0, PREFACE_START.length)
  if (!PREFACE_START.subarray(0, start.length).equals(start)) return 'h1'
  return start.length === PREFACE_START.length ? 'h2' : undefined
}

/** Reads until the protocol is known, at most three bytes, and gives the bytes back. A peer that leaves before is forgotten. */
export const sniff = ({ socket, silenceMs, timeoutMs, onDecided, onExpired }: SniffDeps): void => {
  // Kept here, not put back each time: 'readable' fires at once after unshift, and the wait would be a busy loop.
  let seen: Buffer = Buffer.alloc(0)
  let timer: NodeJS.Timeout | undefined

  const stop = (): void => {
    clearTimeout(timer)
    socket.off('readable', onReadable)
    socket.off('end', onEnd)
    socket.off('close', stop)
  }
  const onReadable = (): void => {
    const chunk: unknown = socket.read()
    if (!Buffer.isBuffer(chunk)) return
    seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk])
    const protocol = decide(seen)
    if (protocol === undefined) {
      wait(timeoutMs)
      return
    }
    stop()
    socket.unshift(seen)
    onDecided(protocol)
  }
  const onEnd = (): void => {
    socket.destroy()
  }
  const wait = (ms: number): void => {
    clearTimeout(timer)
    timer = setTimeout(() => {
      unlessHeard(socket, () => {
        stop()
        socket.destroy()
        onExpired()
      })
    }, ms)
  }

  wait(silenceMs)
  socket.on('readable', onReadable)
  socket.on('end', onEnd)
  socket.on('close', stop)
}

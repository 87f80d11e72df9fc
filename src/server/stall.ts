// Finds readers that take nothing of what is waiting for them: such a reader would hold its handler for ever.
import type { Socket } from 'node:net'
import type { Writable } from 'node:stream'

/** What one look at a writer shows. */
export type Flow = {
  /** Whether bytes wait for the peer. */
  readonly waiting: boolean
  /** A number that changes whenever the peer takes something, and only then. */
  readonly taken: number
}

/** Judges a writer by repeated looks. */
export type StallWatch = {
  /** Takes one look; true when bytes have been waiting for the whole time-out and none was taken. */
  readonly isStalled: (flow: Flow, nowMs: number) => boolean
}

/** Makes a watch for one writer. `timeoutMs` is how long nothing may be taken while something waits. */
export const createStallWatch = (timeoutMs: number): StallWatch => {
  let stuckAt: { readonly taken: number; readonly sinceMs: number } | undefined
  return {
    isStalled: ({ waiting, taken }, nowMs) => {
      if (!waiting) {
        stuckAt = undefined
        return false
      }
      if (stuckAt?.taken !== taken) {
        stuckAt = { taken, sinceMs: nowMs }
        return false
      }
      return nowMs - stuckAt.sinceMs >= timeoutMs
    },
  }
}

const numberAt = (holder: object, name: string): number => {
  const value: unknown = Reflect.get(holder, name)
  return typeof value === 'number' ? value : 0
}

/**
 * Looks at a TCP socket. What the kernel has taken is what was handed down less what libuv still holds, so a slow reader
 * of one large write is seen to move. Only the handle knows both, also under HTTP/2 and TLS, which write past the stream;
 * Node's own socket time-outs read the same two numbers. Without a handle the socket is closed: nothing waits.
 */
export const socketFlow = (socket: Socket): Flow => {
  const handle: unknown = Reflect.get(socket, '_handle')
  if (typeof handle !== 'object' || handle === null) return { waiting: false, taken: 0 }
  const queuedBytes = numberAt(handle, 'writeQueueSize')
  return {
    waiting: queuedBytes > 0 || socket.writableLength > 0,
    taken: numberAt(handle, 'bytesWritten') - queuedBytes,
  }
}

/**
 * Follows a stream that does not say how much of it was sent, as an HTTP/2 stream. Something was taken when it drained or
 * when less waits than at the last look; more waiting is only its writer going on. Returns the way to take a look.
 */
export const followStream = (stream: Writable): (() => Flow) => {
  let taken = 0
  let waitingBytes = 0
  stream.on('drain', () => {
    taken += 1
  })
  return () => {
    if (stream.writableLength < waitingBytes) taken += 1
    waitingBytes = stream.writableLength
    return { waiting: waitingBytes > 0, taken }
  }
}

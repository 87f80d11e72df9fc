// Reads the body of a request without ever destroying it: an unread rest must not take the answer with it.
import { constants } from 'node:http2'
import { timers } from '../../core/timer-wheel.ts'
import type { PortRequest } from '../../server/port-handler.ts'

/** Looks at the bytes of a body before their reader gets them, and throws what the reader is to get instead. */
export interface BodyInspector {
  chunk(bytes: Uint8Array): void
  end(): void
}

/** What a body is read with. */
export interface BodyReading {
  /** Ends the reading. */
  readonly signal: AbortSignal
  /** Makes the error that the reader gets when the signal has ended the reading, or the client has left. */
  readonly failure: () => Error
  readonly inspector?: BodyInspector | undefined
  /** Hears how many bytes have come, piece by piece. */
  readonly received?: ((bytes: number) => void) | undefined
}

// The most that a frame of HTTP/2 has unless more was agreed on (RFC 9113, 6.5.2), which we do not.
const FRAME_BYTES = 16_384

/**
 * How much to read. Frames of HTTP/2 come several at once, and Node copies them into one piece for whoever asks for all that is there;
 * as they came they are given as they are.
 */
function nextBytes(req: PortRequest): number | undefined {
  const { readableLength } = req
  return 'stream' in req && readableLength > FRAME_BYTES ? FRAME_BYTES : undefined
}

/** The bytes of a body as they arrive. Leaving the loop early leaves the rest for `discardRest`. */
export function readBody(
  req: PortRequest,
  { signal, failure, inspector, received }: BodyReading,
): AsyncIterableIterator<Uint8Array> {
  const events = ['readable', 'end', 'close', 'error'] as const
  let wake = (): void => {}
  let isListening = false
  const onEvent = (): void => wake()
  const stop = (): void => {
    for (const event of events) req.off(event, onEvent)
    signal.removeEventListener('abort', onEvent)
  }
  const end = { done: true, value: undefined } as const
  const start = (): void => {
    isListening = true
    for (const event of events) req.on(event, onEvent)
    signal.addEventListener('abort', onEvent)
  }
  const look = (at: () => void): void => {
    try {
      at()
    } catch (error) {
      stop()
      throw error
    }
  }
  return {
    next: async () => {
      // Not earlier: a body that nobody reads must stay free to be discarded.
      if (!isListening) start()
      for (;;) {
        if (signal.aborted) {
          stop()
          throw failure()
        }
        const chunk: unknown = req.read(nextBytes(req))
        if (chunk instanceof Uint8Array) {
          received?.(chunk.byteLength)
          look(() => inspector?.chunk(chunk))
          return { done: false, value: chunk }
        }
        if (req.readableEnded || req.destroyed) {
          stop()
          if (!req.readableEnded) throw failure()
          inspector?.end()
          return end
        }
        await new Promise<void>(resolve => {
          wake = resolve
        })
      }
    },
    return: () => {
      stop()
      return Promise.resolve(end)
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}

// Beyond this, or after this, a client that goes on sending what was refused loses its connection.
const DISCARD_MAX_BYTES = 32 * 1024 * 1024
const DISCARD_MAX_MS = 30_000

/**
 * Takes what is left of a body and throws it away, within limits. Many clients read the answer only when they have sent
 * everything; closing a socket with unread bytes in it makes the kernel reset it, and the answer is lost.
 */
export function discardRest(req: PortRequest): void {
  if (req.readableEnded || req.destroyed) return
  let sizeBytes = 0
  const cut = (): void => {
    if ('stream' in req) req.stream.close(constants.NGHTTP2_NO_ERROR)
    else req.socket.destroy()
  }
  const timer = timers.start(DISCARD_MAX_MS, cut)
  const stop = (): void => timers.stop(timer)
  // While somebody listens for it, nothing flows by itself.
  req.removeAllListeners('readable')
  // A body that says how long it is need not be counted.
  if (!(Number(req.headers['content-length']) <= DISCARD_MAX_BYTES))
    req.on('data', (chunk: Uint8Array) => {
      sizeBytes += chunk.byteLength
      if (sizeBytes > DISCARD_MAX_BYTES) cut()
    })
  req.once('end', stop)
  req.once('close', stop)
  req.on('error', stop)
  req.resume()
}

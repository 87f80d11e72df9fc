// One answer of a provider as it comes: its bytes wait until they are read, and who reads slowly holds the sender back.
import type { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { GatewayError } from '../core/errors.ts'
import { beforeAnswer, brokenBody } from './http-faults.ts'

/** Names of headers in lower case; of repeated ones the first. */
export type UpstreamHeaders = Readonly<Record<string, string | undefined>>

/** An answer whose body is still to be read; it ends in `text`, in `read` giving undefined, in `release` or in `close`. */
export interface UpstreamResponse {
  readonly status: number
  readonly headers: UpstreamHeaders
  /** The next bytes, undefined at the end. Throws UPSTREAM_BROKEN when the connection breaks. */
  read(): Promise<Uint8Array | undefined>
  /** The next bytes if they have come already; undefined when there are none, or `read` has to say what is wrong. */
  take(): Uint8Array | undefined
  /** The rest as UTF-8. Throws UPSTREAM_BROKEN above `maxBytes`. */
  text(maxBytes?: number): Promise<string>
  /** The beginning of the rest, at most `maxBytes`; never throws, because it is for explaining a failure. */
  head(maxBytes: number): Promise<string>
  /** Reads what little is left in the background, so that the connection can serve again. */
  release(): void
  /** Stops reading and closes the connection, unless the body was read to its end or released. */
  close(): void
}

/** Whose answer it is, and what ends it. */
export interface ReceiveDeps {
  /** Id of the provider, for messages. */
  readonly provider: string
  /** How long connecting may take, in milliseconds, for messages. */
  readonly connectTimeoutMs: number
  /** Ends the request at any time: the socket closes, and its reason is what is thrown. */
  readonly signal: AbortSignal
  /** Most bytes of the body. Default 32 MiB for `text`, 256 MiB for reading. */
  readonly maxBytes: number | undefined
  /** The request's body, where it comes piece by piece. */
  readonly source: Readable | undefined
}

const ANSWER_BYTES_MAX = 32 * 1024 * 1024
const STREAM_BYTES_MAX = 256 * 1024 * 1024
const RELEASE_BYTES_MAX = 64 * 1024
const RELEASE_MS_MAX = 1000
/** So much waits to be read before the sender is held back, in bytes. */
const WAITING_BYTES_MAX = 64 * 1024

/**
 * Sends a request and waits for the head of its answer. Throws the signal's reason, what the source of its body throws, and
 * what `beforeAnswer` makes of a request without an answer.
 */
export function receive(
  deps: ReceiveDeps,
  send: (handler: Dispatcher.DispatchHandler) => void,
): Promise<UpstreamResponse> {
  const { provider, signal, source } = deps
  const { promise, resolve, reject } = Promise.withResolvers<UpstreamResponse>()
  const waiting: Buffer[] = []
  let controller: Dispatcher.DispatchController | undefined
  let waitingBytes = 0
  let readBytes = 0
  /** What is left to be thrown away, in bytes; undefined while somebody reads. */
  let releasedBytes: number | undefined
  let releaseTimer: NodeJS.Timeout | undefined
  let hasHead = false
  let isStopped = false
  let isEnded = false
  let fault: GatewayError | undefined
  let wake: (() => void) | undefined

  /** Closes the socket; as long as there is none, it is told to let go as soon as there is one. */
  function stop(): void {
    if (isStopped || isEnded) return
    isStopped = true
    controller?.abort(LEFT)
    arrived()
  }

  function onAbort(): void {
    stop()
    reject(reasonOf(signal))
  }

  function arrived(): void {
    wake?.()
    wake = undefined
  }

  function end(error?: unknown): void {
    isEnded = true
    signal.removeEventListener('abort', onAbort)
    clearTimeout(releaseTimer)
    if (error !== undefined) {
      source?.on('error', () => {}).destroy()
      if (hasHead) fault ??= brokenBody(provider, 'broke the connection in the middle of its answer', error)
      else reject(beforeHead(error))
    }
    arrived()
  }

  function beforeHead(error: unknown): GatewayError {
    if (signal.aborted) return reasonOf(signal)
    // The source of a body failed: the provider is not to blame.
    return error instanceof GatewayError ? error : beforeAnswer(provider, error, deps.connectTimeoutMs)
  }

  function isIdle(): boolean {
    return waiting.length === 0 && !isEnded && !isStopped
  }

  function arrival(): Promise<void> {
    return new Promise(go => {
      wake = go
    })
  }

  /** What has come; undefined at the end. To be called when it is not idle. */
  function shift(limit: number): Buffer | undefined {
    // An aborted body may also just end.
    if (signal.aborted) throw reasonOf(signal)
    const chunk = waiting.shift()
    if (chunk === undefined) {
      if (fault !== undefined) throw fault
      return undefined
    }
    waitingBytes -= chunk.byteLength
    readBytes += chunk.byteLength
    if (waiting.length === 0) controller?.resume()
    if (readBytes > limit) {
      stop()
      throw brokenBody(provider, `sent an answer of more than ${limit} bytes`)
    }
    return chunk
  }

  /** Whether something waits that may be read. */
  function isGood(limit: number): boolean {
    const [chunk] = waiting
    return chunk !== undefined && !signal.aborted && readBytes + chunk.byteLength <= limit
  }

  async function pull(limit: number): Promise<Buffer | undefined> {
    if (isIdle()) await arrival()
    return shift(limit)
  }

  async function text(limit: number): Promise<string> {
    const parts: Buffer[] = []
    for (;;) {
      if (isIdle()) await arrival()
      const part = shift(limit)
      if (part === undefined) break
      parts.push(part)
    }
    const [whole = NOTHING] = parts
    return (parts.length > 1 ? Buffer.concat(parts) : whole).toString('utf8')
  }

  async function head(limit: number): Promise<string> {
    const parts: Buffer[] = []
    let bytes = 0
    try {
      while (bytes < limit) {
        const part = await pull(Number.POSITIVE_INFINITY)
        if (part === undefined) break
        parts.push(part)
        bytes += part.byteLength
      }
    } catch (error) {
      // The failure that is being explained is the one to tell, unless nobody waits for it any more.
      if (signal.aborted) throw GatewayError.from(error)
    }
    if (bytes >= limit) stop()
    return Buffer.concat(parts).subarray(0, limit).toString('utf8')
  }

  function release(): void {
    if (releasedBytes !== undefined) return
    releasedBytes = RELEASE_BYTES_MAX - waitingBytes
    waiting.length = 0
    waitingBytes = 0
    if (isEnded) return
    if (releasedBytes < 0) {
      stop()
      return
    }
    controller?.resume()
    releaseTimer = setTimeout(stop, RELEASE_MS_MAX).unref()
  }

  /** Throws away what is released, unless it is too much. */
  function drop(chunk: Buffer, left: number): void {
    releasedBytes = left - chunk.byteLength
    if (releasedBytes < 0) stop()
  }

  if (signal.aborted) {
    reject(reasonOf(signal))
    return promise
  }
  signal.addEventListener('abort', onAbort)
  send({
    onRequestStart(started) {
      controller = started
      if (isStopped) started.abort(LEFT)
    },
    onResponseStart(_, status, headers) {
      // What comes before the answer, such as early hints, is none.
      if (status < 200) return
      hasHead = true
      const { maxBytes } = deps
      resolve({
        status,
        headers: firstValues(headers),
        read: () => pull(maxBytes ?? STREAM_BYTES_MAX),
        take: () => (isGood(maxBytes ?? STREAM_BYTES_MAX) ? shift(Number.POSITIVE_INFINITY) : undefined),
        text: limit => text(limit ?? maxBytes ?? ANSWER_BYTES_MAX),
        head,
        release,
        close() {
          if (releasedBytes === undefined) stop()
        },
      })
    },
    onResponseData(running, chunk) {
      if (isStopped) return
      if (releasedBytes !== undefined) return drop(chunk, releasedBytes)
      waiting.push(chunk)
      waitingBytes += chunk.byteLength
      if (waitingBytes >= WAITING_BYTES_MAX) running.pause()
      arrived()
    },
    onResponseEnd: () => end(),
    onResponseError: (_, error) => end(error),
  })
  return promise
}

/** With what a request ends that nobody wants any more: undici asks for an error, and nobody is told of it. */
const LEFT = new Error('nobody reads the answer')
const NOTHING = Buffer.alloc(0)

/** The error with which a signal ends work. */
export function reasonOf(signal: AbortSignal): GatewayError {
  if (signal.reason instanceof GatewayError) return signal.reason
  return new GatewayError('CANCELLED', 'the call was cancelled', { cause: signal.reason })
}

/** Names come in lower case. */
function firstValues(headers: Readonly<Record<string, string | string[] | undefined>>): UpstreamHeaders {
  const first: Record<string, string | undefined> = {}
  for (const name in headers) {
    const value = headers[name]
    first[name] = Array.isArray(value) ? value[0] : value
  }
  return first
}

// HTTP to one provider: a pool of connections, aborts that close the socket, capped bodies, and faults in our own words.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Dispatcher, Pool } from 'undici'
import { GatewayError } from '../core/errors.ts'
import { bodyOf } from './http-body.ts'
import { beforeAnswer, brokenBody } from './http-faults.ts'

/** Names of headers in lower case; of repeated ones the first. */
export type UpstreamHeaders = Readonly<Record<string, string | undefined>>

/** What a client of one provider is made from. */
export interface UpstreamHttpDeps {
  /** Id of the provider, for messages. */
  readonly provider: string
  /** Absolute http or https URL to which paths are appended as they are, with or without a slash at its end. */
  readonly baseUrl: string
  /** How long connecting may take, in milliseconds; it ends up to 500 later, by undici's clock. Default 5000. */
  readonly connectTimeoutMs?: number
  /** Most connections at once; further calls wait for one until their signal ends them. Default 1024. */
  readonly maxConnections?: number
  /** Most bytes of one answer's body. Default 32 MiB for `text`, 256 MiB for streams. */
  readonly maxResponseBytes?: number
}

/** A request to the provider. */
export interface UpstreamRequest {
  /** Begins with a slash. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** Ends the request at any time: the socket closes, and its reason is what is thrown. */
  readonly signal: AbortSignal
}

/** A request of any method. */
export interface UpstreamSend {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Begins with a slash; may end in a query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** An iterable is read once and no faster than it is sent; what it throws is thrown, as INTERNAL unless it is a GatewayError. */
  readonly body?: string | AsyncIterable<Uint8Array>
  /** As for a POST. */
  readonly signal: AbortSignal
}

/** An answer whose body is still to be read; it ends in `text`, in `read` giving undefined, in `release` or in `close`. */
export interface UpstreamResponse {
  readonly status: number
  readonly headers: UpstreamHeaders
  /** The next bytes, undefined at the end. Throws UPSTREAM_BROKEN when the connection breaks. */
  read(): Promise<Uint8Array | undefined>
  /** The rest as UTF-8. Throws UPSTREAM_BROKEN above `maxBytes`. */
  text(maxBytes?: number): Promise<string>
  /** The beginning of the rest, at most `maxBytes`; never throws, because it is for explaining a failure. */
  head(maxBytes: number): Promise<string>
  /** Reads what little is left in the background, so that the connection can serve again. */
  release(): void
  /** Stops reading and closes the connection, unless the body was read to its end or released. */
  close(): void
}

/** A client of one provider. */
export interface UpstreamHttp {
  /**
   * Sends a POST and waits for the head of its answer, whatever the status. Throws UPSTREAM_UNAVAILABLE when no answer came:
   * refused, unknown host, connecting took too long, or closed before the whole head of an answer was read. The last one is
   * mostly the race with a server that closes an idle connection, and can't be told from one that failed while it worked.
   * After the head it is UPSTREAM_BROKEN. Nothing is ever sent twice.
   */
  post(request: UpstreamRequest): Promise<UpstreamResponse>
  /** Sends a request of any method, as `post` does. */
  send(request: UpstreamSend): Promise<UpstreamResponse>
  /** Open sockets, idle ones included. */
  openSockets(): number
  /** Closes all connections at once, those of running requests too. */
  close(): Promise<void>
}

const ANSWER_BYTES_MAX = 32 * 1024 * 1024
const STREAM_BYTES_MAX = 256 * 1024 * 1024
const RELEASE_BYTES_MAX = 64 * 1024
const RELEASE_MS_MAX = 1000
const CONNECT_MS = 5000
const CONNECTIONS_MAX = 1024
const KEEP_ALIVE_MS = 30_000

/** Makes a client for one provider. Nothing is connected before the first request. Throws INVALID_REQUEST for a bad base URL. */
export function createUpstreamHttp(deps: UpstreamHttpDeps): UpstreamHttp {
  const { provider, connectTimeoutMs = CONNECT_MS } = deps
  const base = parseBase(provider, deps.baseUrl)
  const prefix = base.pathname.replace(/\/+$/, '')
  let opening: Promise<Pool> | undefined
  let pool: Pool | undefined

  // Loaded when first used: it costs 80 ms and 30 MB, which a start without providers does not owe.
  async function open(): Promise<Pool> {
    const undici = await import('undici')
    pool = new undici.Pool(base.origin, {
      connections: deps.maxConnections ?? CONNECTIONS_MAX,
      pipelining: 1,
      // One stream per socket: an abort closes it, and no stream waits behind another one's window.
      allowH2: false,
      connect: { timeout: connectTimeoutMs },
      keepAliveTimeout: KEEP_ALIVE_MS,
      // The attempt's signal ends what takes too long; undici's own timers tick only about once a second.
      headersTimeout: 0,
      bodyTimeout: 0,
    })
    return pool
  }

  async function send(request: UpstreamSend): Promise<UpstreamResponse> {
    const { method, path, headers, body, signal } = request
    opening ??= open()
    const dispatcher = await opening
    if (signal.aborted) throw reasonOf(signal)
    try {
      const data = await dispatcher.request({
        method,
        path: `${prefix}${path}${path.includes('?') ? base.search.replace('?', '&') : base.search}`,
        headers: { ...headers, 'accept-encoding': 'identity' },
        ...(body && { body: bodyOf(body) }),
        signal,
      })
      return createResponse(provider, data, signal, deps.maxResponseBytes)
    } catch (error) {
      if (signal.aborted) throw reasonOf(signal)
      // The source of a body failed: the provider is not to blame.
      if (error instanceof GatewayError) throw error
      throw beforeAnswer(provider, error, connectTimeoutMs)
    }
  }

  return {
    post: request => send({ ...request, method: 'POST' }),
    send,
    openSockets: () => pool?.stats.connected ?? 0,
    async close() {
      await (await opening)?.destroy()
    },
  }
}

function createResponse(
  provider: string,
  { statusCode, headers, body }: Dispatcher.ResponseData,
  signal: AbortSignal,
  maxBytes: number | undefined,
): UpstreamResponse {
  const chunks: AsyncIterator<Uint8Array> = body[Symbol.asyncIterator]()
  let readBytes = 0
  let released = false
  // An abort between two reads is told by the next one; without a listener it would end the process.
  body.on('error', () => {})

  async function pull(limit: number): Promise<Uint8Array | undefined> {
    let chunk: IteratorResult<Uint8Array>
    try {
      chunk = await chunks.next()
    } catch (error) {
      if (signal.aborted) throw reasonOf(signal)
      throw brokenBody(provider, 'broke the connection in the middle of its answer', error)
    }
    // An aborted body may also just end.
    if (signal.aborted) throw reasonOf(signal)
    if (chunk.done === true) return undefined
    readBytes += chunk.value.byteLength
    if (readBytes > limit) {
      body.destroy()
      throw brokenBody(provider, `sent an answer of more than ${limit} bytes`)
    }
    return chunk.value
  }

  async function text(limit: number): Promise<string> {
    const parts: Uint8Array[] = []
    for (let part = await pull(limit); part !== undefined; part = await pull(limit)) parts.push(part)
    return Buffer.concat(parts).toString('utf8')
  }

  async function head(limit: number): Promise<string> {
    const parts: Uint8Array[] = []
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
    if (bytes >= limit) body.destroy()
    return Buffer.concat(parts).subarray(0, limit).toString('utf8')
  }

  async function drain(): Promise<void> {
    const bytesMax = readBytes + RELEASE_BYTES_MAX
    const timer = AbortSignal.timeout(RELEASE_MS_MAX)
    timer.addEventListener('abort', () => body.destroy(), { once: true })
    try {
      while ((await pull(bytesMax)) !== undefined && !timer.aborted);
    } catch {
      // The answer has been told already: a connection that breaks now is only not used again.
      body.destroy()
    }
  }

  return {
    status: statusCode,
    headers: firstValues(headers),
    read: () => pull(maxBytes ?? STREAM_BYTES_MAX),
    text: limit => text(limit ?? maxBytes ?? ANSWER_BYTES_MAX),
    head,
    release() {
      released = true
      void drain()
    },
    close() {
      if (!released) body.destroy()
    },
  }
}

/** Waits for a promise no longer than so many milliseconds; undefined when it took longer, and then its failure is dropped. */
export async function within<Value>(promise: Promise<Value>, waitMs: number): Promise<Value | undefined> {
  const timer = new AbortController()
  const late = sleep(waitMs, undefined, { signal: timer.signal, ref: false })
  try {
    return await Promise.race([promise, late])
  } finally {
    timer.abort()
    // Whichever lost may still fail, and nobody waits for it.
    void Promise.allSettled([promise, late])
  }
}

function parseBase(provider: string, baseUrl: string): URL {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined
  if (url !== undefined && (url.protocol === 'https:' || url.protocol === 'http:') && url.username === '')
    return url
  // The URL is not repeated: it may hold a password.
  throw new GatewayError(
    'INVALID_REQUEST',
    `the base URL of ${provider} must be an http or https URL without user name`,
  )
}

function reasonOf(signal: AbortSignal): GatewayError {
  if (signal.reason instanceof GatewayError) return signal.reason
  return new GatewayError('CANCELLED', 'the call was cancelled', { cause: signal.reason })
}

function firstValues(headers: Readonly<Record<string, string | string[] | undefined>>): UpstreamHeaders {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name.toLowerCase(),
      Array.isArray(value) ? value[0] : value,
    ]),
  )
}

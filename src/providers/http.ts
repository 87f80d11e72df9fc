// HTTP to one provider: a pool of connections, aborts that close the socket, capped bodies, and faults in our own words.
import type { Pool } from 'undici'
import { afterReading } from '../core/after-reading.ts'
import { GatewayError } from '../core/errors.ts'
import { reasonOf, receive, type UpstreamResponse } from './http-answer.ts'
import { bodyOf } from './http-body.ts'

/** What a client of one provider is made from. */
export interface UpstreamHttpDeps {
  /** Id of the provider, for messages. */
  readonly provider: string
  /** Absolute http or https URL to which paths are appended as they are, with or without a slash at its end. */
  readonly baseUrl: string
  /** How long connecting may take, in milliseconds; it ends up to 500 later, by undici's clock. Default 5000. */
  readonly connectTimeoutMs?: number
  /** Most connections at once; further calls wait for one until their signal ends them. Default 16384. */
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

const CONNECT_MS = 5000
// HTTP/1.1 carries one call on each, and a waiting stream is one. Far from the 28,232 ports that Linux has for one address.
const CONNECTIONS_MAX = 16_384
const KEEP_ALIVE_MS = 30_000

/** Makes a client for one provider. Nothing is connected before the first request. Throws INVALID_REQUEST for a bad base URL. */
export function createUpstreamHttp(deps: UpstreamHttpDeps): UpstreamHttp {
  const { provider, connectTimeoutMs = CONNECT_MS } = deps
  const base = parseBase(provider, deps.baseUrl)
  const prefix = base.pathname.replace(/\/+$/, '')
  let opening: Promise<Pool> | undefined
  let pool: Pool | undefined

  // Loaded when first used, and of undici only this: all of it costs 40 ms more before the first answer.
  async function open(): Promise<Pool> {
    const { default: UndiciPool } = await import('undici/lib/dispatcher/pool.js')
    pool = new UndiciPool(base.origin, {
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
    const { method, path, headers, signal } = request
    opening ??= open()
    const dispatcher = pool ?? (await opening)
    if (signal.aborted) throw reasonOf(signal)
    const body = request.body ? bodyOf(request.body) : null
    const source = typeof body === 'string' || body === null ? undefined : body
    const search = path.includes('?') ? base.search.replace('?', '&') : base.search
    return receive(
      { provider, connectTimeoutMs, signal, maxBytes: deps.maxResponseBytes, source },
      // Not `request` of undici: its stream of an answer costs more than all else, and most of that in the collector.
      handler =>
        void dispatcher.dispatch(
          {
            method,
            path: `${prefix}${path}${search}`,
            headers: { ...headers, 'accept-encoding': 'identity' },
            body,
          },
          handler,
        ),
    )
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

/**
 * Waits for a promise no longer than so many milliseconds; undefined when it took longer, and then its failure is dropped. What came
 * in time counts, even when this process was too busy to look.
 */
export function within<Value>(promise: Promise<Value>, waitMs: number): Promise<Value | undefined> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => afterReading(() => resolve(undefined)), waitMs).unref()
    promise.then(
      value => {
        clearTimeout(timer)
        resolve(value)
      },
      (fault: unknown) => {
        clearTimeout(timer)
        reject(fault)
      },
    )
  })
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

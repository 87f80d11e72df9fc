// Downloads what callers name by URL, and never from an address that only this machine or its network can reach.
import { lookup } from 'node:dns/promises'
import { isIP, type Socket } from 'node:net'
import { type Clock, systemClock } from './clock.ts'
import type { GatewayError } from './errors.ts'
import { isPublicAddress } from './ip-ranges.ts'
import { mediaTypeOf, readBody, refuseAnswer, requestHead } from './safe-fetch-answer.ts'
import { addressesOfName, connectToAny, type Dial, dialTcp, type Resolve } from './safe-fetch-connect.ts'
import { cancellation, shown, unavailable, unusable } from './safe-fetch-fault.ts'
import { checkUrl, hostOf, redirectTarget } from './safe-fetch-url.ts'

/** How long a download may take, in milliseconds. */
export interface SafeFetchLimits {
  /** From a host's name to a connection that can carry the request: resolution, TCP and TLS together; anew for each redirect. */
  readonly connectMs: number
  /** Silence of a connected host. */
  readonly idleMs: number
  /** Everything, redirects included. */
  readonly totalMs: number
}

/** The limits when none are given. */
export const SAFE_FETCH_LIMITS: SafeFetchLimits = { connectMs: 5000, idleMs: 10_000, totalMs: 20_000 }

/** How many redirects are followed when no number is given. */
export const REDIRECTS_MAX = 3

/** What a safe fetch is made from. */
export interface SafeFetchDeps {
  /** Default: the machine's own resolution. Asked once for each host on the way, and what it says is what is connected to. */
  readonly resolve?: Resolve
  /** Opens the TCP connections. Default: real ones. */
  readonly connect?: Dial
  /** Leaves the check of addresses out, and nothing else: for closed networks, whose callers are trusted with all of it. */
  readonly allowPrivate: boolean
  /** Default 3. */
  readonly maxRedirects?: number
  /** Default `SAFE_FETCH_LIMITS`. */
  readonly limits?: Partial<SafeFetchLimits>
  /** PEM certificates to trust in place of Node's own. (NODE_EXTRA_CA_CERTS adds to Node's own.) */
  readonly ca?: string
  /** Default: the machine's. */
  readonly clock?: Clock
}

/** What is to be downloaded. */
export interface SafeFetchRequest {
  /** Absolute, http or https, on any port, without user name and password. */
  readonly url: string
  /** Most bytes of the body. */
  readonly maxBytes: number
  /** Lower-case media types such as `image/png` or `image/*`. Absent: any. */
  readonly acceptTypes?: readonly string[]
  /** Ends the download at any time; its reason is what is thrown if it is a GatewayError, else CANCELLED. */
  readonly signal: AbortSignal
}

/** What was downloaded. */
export interface SafeFetchResult {
  readonly bytes: Uint8Array
  /** Of the Content-Type, in lower case and without parameters; `application/octet-stream` when it says nothing usable. */
  readonly mimeType: string
  /** After redirects, without its fragment. */
  readonly finalUrl: string
}

/** Downloads from the public internet. */
export interface SafeFetch {
  /**
   * Gets one URL without cookies, credentials or anything else of the caller's. All addresses of its host are checked, and
   * only those are connected to; so is each redirect, as if it were the first URL, and none leads from https to http.
   * The answer must be a 200 that is not compressed.
   *
   * Throws UPSTREAM_UNAVAILABLE where the same URL may do later (a time-out, a resolver without an answer, a 5xx),
   * INVALID_REQUEST for everything else that is wrong with the URL or its host, which is for the caller to mend: a host that
   * is unknown, not public, not reachable or without a valid certificate, a wrong status, type or size, a broken answer.
   */
  fetch(request: SafeFetchRequest): Promise<SafeFetchResult>
}

/** Makes a safe fetch. It keeps no connections and has nothing to close. */
export function createSafeFetch(deps: SafeFetchDeps): SafeFetch {
  const {
    resolve = systemResolve,
    connect = dialTcp,
    maxRedirects = REDIRECTS_MAX,
    clock = systemClock,
  } = deps
  const limits = { ...SAFE_FETCH_LIMITS, ...deps.limits }

  async function addressesOf(url: URL, signal: AbortSignal): Promise<readonly string[]> {
    const host = hostOf(url)
    const addresses =
      isIP(host) === 0 ? await addressesOfName(host, resolve, limits.connectMs, signal) : [host]
    if (deps.allowPrivate || addresses.every(isPublicAddress)) return addresses
    // The address stays unsaid: a caller must not learn how names are resolved in here.
    throw unusable(
      `the media host ${shown(url.host)} is not on the public internet; name one that is, or let the operator set ALLOW_PRIVATE_URLS`,
    )
  }

  async function open(url: URL, signal: AbortSignal): Promise<Socket> {
    const began = clock.monotonic()
    const addresses = await addressesOf(url, signal)
    const budgetMs = limits.connectMs - (clock.monotonic() - began)
    return connectToAny({ dial: connect, clock, ca: deps.ca, url, addresses, budgetMs }, signal)
  }

  // One hop: a result, or the URL to which it was redirected. The socket does not outlive it.
  async function hop(
    url: URL,
    request: SafeFetchRequest,
    ending: AbortController,
  ): Promise<SafeFetchResult | URL> {
    const { signal } = ending
    const socket = await open(url, signal)
    const stop = (): unknown => socket.destroy()
    signal.addEventListener('abort', stop)
    socket.setTimeout(limits.idleMs, () => ending.abort(silent(url, limits.idleMs)))
    try {
      // The call may have ended in the moment in which the connection stood.
      signal.throwIfAborted()
      const answer = await requestHead(url, socket, request.acceptTypes)
      const target = redirectTarget(url, answer.statusCode, answer.headers.location)
      if (target !== undefined) return target
      refuseAnswer(url, answer, request)
      const bytes = await readBody(url, answer, request.maxBytes)
      return { bytes, mimeType: mediaTypeOf(answer), finalUrl: url.href }
    } finally {
      signal.removeEventListener('abort', stop)
      socket.destroy()
    }
  }

  async function follow(request: SafeFetchRequest, ending: AbortController): Promise<SafeFetchResult> {
    let url = checkUrl(request.url)
    for (let redirects = 0; ; redirects += 1) {
      const outcome = await hop(url, request, ending)
      if (!(outcome instanceof URL)) return outcome
      if (redirects >= maxRedirects) {
        throw unusable(
          `the media URL redirects more than ${maxRedirects} times; give the URL at which it ends`,
        )
      }
      url = outcome
    }
  }

  return {
    async fetch(request) {
      // Whatever ends the download early aborts this with the error to be thrown; everything else only closes its sockets.
      const ending = new AbortController()
      const { signal } = request
      const leave = (): void => ending.abort(cancellation(signal))
      const total = setTimeout(
        () => ending.abort(unavailable(`the download of a media URL took longer than ${limits.totalMs} ms`)),
        limits.totalMs,
      )
      signal.addEventListener('abort', leave)
      try {
        if (signal.aborted) throw cancellation(signal)
        return await follow(request, ending)
      } catch (error) {
        throw ending.signal.aborted ? ending.signal.reason : error
      } finally {
        clearTimeout(total)
        signal.removeEventListener('abort', leave)
      }
    },
  }
}

const systemResolve: Resolve = hostname => lookup(hostname, { all: true, order: 'verbatim' })

function silent(url: URL, limitMs: number): GatewayError {
  return unavailable(`the media host ${shown(url.host)} sent nothing for ${limitMs} ms`)
}

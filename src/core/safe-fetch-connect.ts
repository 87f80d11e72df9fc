// Connections to addresses that were checked: no name is resolved here, but TLS still asks for the name.
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Clock } from './clock.ts'
import { GatewayError } from './errors.ts'
import { cancellation, codeOf, shown, unavailable, unusable } from './safe-fetch-fault.ts'
import { hostOf } from './safe-fetch-url.ts'

/** Where to connect to. */
export interface DialTarget {
  /** IPv4 or IPv6, never a name. */
  readonly address: string
  readonly port: number
}

/** Opens a TCP connection to exactly that address. When the signal ends it, it closes the socket and throws. */
export type Dial = (target: DialTarget, signal: AbortSignal) => Promise<Socket>

/** Finds the addresses of a name. Throws what node:dns throws, or gives none, when it has no address. */
export type Resolve = (hostname: string) => Promise<readonly { readonly address: string }[]>

/** What a connection to a URL's host is made from. */
export interface ConnectDeps {
  readonly dial: Dial
  readonly clock: Clock
  /** PEM certificates to trust in place of Node's own. */
  readonly ca: string | undefined
  readonly url: URL
  /** All checked. */
  readonly addresses: readonly string[]
  /** For all tries together, in milliseconds. */
  readonly budgetMs: number
}

/** How many addresses of one host are tried: a name with hundreds must not make us a port scanner. */
export const ADDRESSES_TRIED_MAX = 4

/**
 * A connection to the first address that takes one, for https with TLS on it and the certificate checked against the host of
 * the URL. Each try gets an even share of the time that is left. Throws UPSTREAM_UNAVAILABLE if a try took too long, else
 * INVALID_REQUEST.
 */
export async function connectToAny(deps: ConnectDeps, signal: AbortSignal): Promise<Socket> {
  const { clock, url, budgetMs } = deps
  const began = clock.monotonic()
  const addresses = bothFamilies(deps.addresses).slice(0, ADDRESSES_TRIED_MAX)
  const faults: unknown[] = []
  for (const [index, address] of addresses.entries()) {
    const shareMs = (budgetMs - (clock.monotonic() - began)) / (addresses.length - index)
    try {
      return await within(Math.max(shareMs, 0), url.host, signal, ended => connectTo(deps, address, ended))
    } catch (error) {
      if (signal.aborted) throw cancellation(signal)
      faults.push(error)
    }
  }
  throw faults.find(fault => fault instanceof GatewayError) ?? unreachable(url.host, faults[0])
}

/**
 * The addresses of a name. Throws UPSTREAM_UNAVAILABLE when the resolver has no answer for now, INVALID_REQUEST when it knows
 * none.
 */
export async function addressesOfName(
  host: string,
  resolve: Resolve,
  limitMs: number,
  signal: AbortSignal,
): Promise<readonly string[]> {
  try {
    const found = await within(limitMs, host, signal, () => resolve(host))
    const addresses = found.map(({ address }) => address)
    // Anything else would be resolved once more when it is connected to.
    if (addresses.length > 0 && addresses.every(address => isIP(address) !== 0)) return addresses
  } catch (error) {
    if (error instanceof GatewayError) throw error
    if (UNDECIDED.has(codeOf(error)))
      throw unavailable(`the media host ${shown(host)} can't be looked up now`, error)
    throw unknownHost(host, error)
  }
  throw unknownHost(host)
}

/** Opens a real TCP connection. */
export const dialTcp: Dial = ({ address, port }, signal) => {
  const socket = connectTcp({ host: address, port })
  return ready(socket, 'connect', signal)
}

// Waits at most so long, also for what can't be stopped, such as the resolver of the system.
async function within<T>(
  ms: number,
  host: string,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const timing = new AbortController()
  const timer = setTimeout(
    () => timing.abort(unavailable(`no connection to the media host ${shown(host)} within the time for it`)),
    ms,
  )
  const ended = AbortSignal.any([signal, timing.signal])
  const gaveUp = Promise.withResolvers<never>()
  const giveUp = (): void => gaveUp.reject(cancellation(ended))
  ended.addEventListener('abort', giveUp)
  try {
    if (ended.aborted) throw cancellation(ended)
    return await Promise.race([work(ended), gaveUp.promise])
  } finally {
    clearTimeout(timer)
    ended.removeEventListener('abort', giveUp)
  }
}

// The resolver's order within each family, the families in turn: one of them may lead nowhere on this machine.
function bothFamilies(addresses: readonly string[]): readonly string[] {
  const [first = ''] = addresses
  const same = addresses.filter(address => isIP(address) === isIP(first))
  const other = addresses.filter(address => isIP(address) !== isIP(first))
  return same
    .flatMap((address, index) => [address, ...other.slice(index, index + 1)])
    .concat(other.slice(same.length))
}

const DEFAULT_PORTS = { http: 80, https: 443 } as const

async function connectTo(deps: ConnectDeps, address: string, signal: AbortSignal): Promise<Socket> {
  const { dial, url } = deps
  const isSecure = url.protocol === 'https:'
  const port = url.port === '' ? DEFAULT_PORTS[isSecure ? 'https' : 'http'] : Number(url.port)
  const socket = await dial({ address, port }, signal)
  if (signal.aborted) {
    // Whoever waited for it has gone.
    socket.destroy()
    throw cancellation(signal)
  }
  return isSecure ? secure(deps, socket, signal) : socket
}

async function secure({ url, ca }: ConnectDeps, socket: Socket, signal: AbortSignal): Promise<Socket> {
  // A name's last dot is no part of it here (RFC 6066 3), and an address is asked for without a name.
  const host = hostOf(url).replace(/\.$/, '')
  const secured = connectTls({
    socket,
    host,
    ...(isIP(host) === 0 && { servername: host }),
    ...(ca !== undefined && { ca }),
    ALPNProtocols: ['http/1.1'],
    rejectUnauthorized: true,
  })
  try {
    return await ready(secured, 'secureConnect', signal)
  } catch (error) {
    socket.destroy()
    throw error
  }
}

// What getaddrinfo and c-ares say when a name server did not answer.
const UNDECIDED: ReadonlySet<string> = new Set(['EAI_AGAIN', 'ETIMEOUT', 'ESERVFAIL', 'ECONNREFUSED'])

function unknownHost(host: string, cause?: unknown): GatewayError {
  return unusable(`the media host ${shown(host)} is not known; check the URL`, cause)
}

function ready<T extends Socket>(
  socket: T,
  event: 'connect' | 'secureConnect',
  signal: AbortSignal,
): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const stop = (): void => {
    socket.destroy()
    reject(cancellation(signal))
  }
  signal.addEventListener('abort', stop)
  if (signal.aborted) stop()
  // The listener for errors stays: one that nobody waits for any more must not end the process.
  socket.on('error', reject)
  socket.once('close', () => reject(new Error('closed before it was connected')))
  socket.once(event, () => resolve(socket))
  return promise.finally(() => signal.removeEventListener('abort', stop))
}

// Codes of OpenSSL's verification and of Node's check of the name, such as CERT_HAS_EXPIRED.
const TLS_FAULT = /CERT|UNABLE_TO_VERIFY/

function unreachable(host: string, cause: unknown): GatewayError {
  const isUntrusted = TLS_FAULT.test(codeOf(cause))
  return unusable(
    isUntrusted
      ? `the media host ${shown(host)} has no valid certificate for its name; give a URL of another host`
      : `the media host ${shown(host)} can't be reached; check the URL`,
    cause,
  )
}

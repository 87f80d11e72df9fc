// Keeps web pages away from a gateway without authentication: a Host or Origin that is not loopback is refused.
import { isIPv4 } from 'node:net'
import { GatewayError } from '../core/errors.ts'
import type { PortRequest } from './port-handler.ts'

/** Says why a request is refused; undefined when it may pass. */
export type HostGuard = (req: PortRequest) => GatewayError | undefined

const REMEDY =
  'without authentication only this machine is served: call localhost, or set EXAI_AUTH=key or JWT_SECRET'

/** Lets everything pass: for a listener that asks for credentials, or that was opened to everybody on purpose. */
export const openGuard: HostGuard = () => undefined

/**
 * Lets loopback names pass alone. A page of a foreign site can reach 127.0.0.1 with a name of its own (DNS rebinding),
 * but it cannot choose the Host or the Origin that its browser sends. A request without either is not from a page.
 */
export const loopbackGuard: HostGuard = req => {
  const { host, origin } = req.headers
  const authority = 'authority' in req ? req.authority : undefined
  for (const name of [authority, host]) {
    if (name !== undefined && name !== '' && !isLoopbackAuthority(name)) return refusal('host', name)
  }
  return origin === undefined || isLoopbackOrigin(origin) ? undefined : refusal('origin', origin)
}

/**
 * Lets the pages of this host pass, those of allowed origins, and whoever is no page. Browsers open a WebSocket to anywhere
 * without asking: what CORS is to a request, only this is to a connection (RFC 6455 10.2).
 */
export function pageGuard(allows: (origin: string) => boolean): HostGuard {
  return req => {
    const { host, origin } = req.headers
    if (origin === undefined || allows(origin) || isOwn(origin, host)) return undefined
    return new GatewayError(
      'PERMISSION_DENIED',
      `pages of the origin ${shown(origin)} may not connect; CORS_ORIGINS names those that may`,
    )
  }
}

// Behind a proxy only the client knows whether it came by TLS.
function isOwn(origin: string, host: string | undefined): boolean {
  return host !== undefined && /^https?:\/\/(.+)$/i.exec(origin)?.[1]?.toLowerCase() === host.toLowerCase()
}

function refusal(what: string, value: string): GatewayError {
  return new GatewayError('PERMISSION_DENIED', `the ${what} ${shown(value)} is not loopback; ${REMEDY}`)
}

// The value comes from a stranger: it goes back short and without anything that could move a terminal's cursor.
function shown(value: string): string {
  return JSON.stringify(value.slice(0, 100))
}

/** Whether `host[:port]` names this machine: `localhost`, 127.0.0.0/8 or `[::1]`. Anything that is not exactly so is foreign. */
export function isLoopbackAuthority(authority: string): boolean {
  if (isUsual(authority)) return true
  const match = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(?::\d{1,5})?$/.exec(authority)
  const name = match?.[1]?.toLowerCase()
  if (name === undefined) return false
  if (name === '[::1]' || name === '[0:0:0:0:0:0:0:1]') return true
  // One trailing dot makes the same name absolute (RFC 1034 3.1).
  const relative = name.endsWith('.') ? name.slice(0, -1) : name
  return relative === 'localhost' || (isIPv4(name) && name.startsWith('127.'))
}

/** What nearly all clients of this machine say, found without a pattern. */
const USUAL: ReadonlySet<string> = new Set(['127.0.0.1', 'localhost'])

function isUsual(authority: string): boolean {
  const colon = authority.indexOf(':')
  if (colon < 0) return USUAL.has(authority)
  const digits = authority.length - colon - 1
  if (digits < 1 || digits > 5) return false
  for (let at = colon + 1; at < authority.length; at += 1) {
    const code = authority.charCodeAt(at)
    if (code < 0x30 || code > 0x39) return false
  }
  return USUAL.has(authority.slice(0, colon))
}

/** Whether an Origin is a page of this machine: `http` or `https` and a loopback host. `null` is nobody. */
export function isLoopbackOrigin(origin: string): boolean {
  const match = /^https?:\/\/(.+)$/i.exec(origin)
  return match?.[1] !== undefined && isLoopbackAuthority(match[1])
}

/** Whether an address of a peer is loopback, also when IPv6 wraps it. */
export function isLoopbackAddress(address: string | undefined): boolean {
  if (address === undefined) return false
  const plain = address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address
  return plain === '::1' || (isIPv4(plain) && plain.startsWith('127.'))
}

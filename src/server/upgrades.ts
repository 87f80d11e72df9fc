// What the port hands connections to that leave HTTP: the same guards as for requests, and a refusal before the handshake.
import { STATUS_CODES } from 'node:http'
import type { Clock } from '../core/clock.ts'
import type { GatewayError, Reason } from '../core/errors.ts'
import { STRANGER } from './entrance.ts'
import type { Asked, Exchanges } from './exchange.ts'
import type { HostGuard } from './hosts.ts'
import type { PortRequest, Upgrade, Upgrades } from './port-handler.ts'
import { refused } from './reply.ts'
import { REQUEST_ID_HEADER, requestIdOf } from './request-id.ts'

/** A door whose clients stay. Nothing of it may throw. */
export interface UpgradeDoor {
  /** As what a refused connection counts; undefined when it is for somebody else. */
  asks(req: PortRequest): Asked | undefined
  /** Takes a connection; to refuse it, it is to call `refuse` before it has sent anything. */
  take(upgrade: Upgrade, refuse: (error: GatewayError) => void): void
  /** Asks for the end of every connection as soon as nothing runs on it. */
  goAway(): void
}

/** What `createUpgrades` needs. */
export interface UpgradesDeps {
  readonly door: UpgradeDoor
  readonly exchanges: Pick<Exchanges, 'open' | 'refusal'>
  /** Each must let a request pass. */
  readonly guards: readonly HostGuard[]
  readonly clock: Clock
}

// How long a refused client may take to read why.
const FAREWELL_MS = 2_000

const STATUS: Partial<Record<Reason, number>> = {
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  INTERNAL: 500,
}
const STATUS_BUSY = 503

/** Makes it. */
export function createUpgrades({ door, exchanges, guards, clock }: UpgradesDeps): Upgrades {
  const refuse = ({ req, socket }: Upgrade, error: GatewayError): void => {
    const id = requestIdOf(req.headers[REQUEST_ID_HEADER], clock)
    const asked = door.asks(req)
    if (asked !== undefined) {
      const exchange = exchanges.open(undefined, id, asked)
      exchange.identify(STRANGER)
      exchange.fail(error)
      exchange.close()
    }
    const status = STATUS[error.reason] ?? STATUS_BUSY
    const { contentType, body } = refused(status, error)
    const head = [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'connection: close',
      `content-type: ${contentType}`,
      `content-length: ${Buffer.byteLength(body)}`,
      `${REQUEST_ID_HEADER}: ${id}`,
      ...(status === 401 ? ['www-authenticate: Bearer'] : []),
    ]
    // Unread bytes would make the kernel reset the connection, and the answer would be lost.
    socket.resume()
    socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
    const timer = setTimeout(() => socket.destroy(), FAREWELL_MS).unref()
    socket.once('close', () => clearTimeout(timer))
  }
  return {
    isFor: req => isUpgrade(req) && door.asks(req) !== undefined,
    take(upgrade) {
      const { req } = upgrade
      const why = guards.map(guard => guard(req)).find(refusal => refusal !== undefined)
      const refusal = why ?? exchanges.refusal()
      if (refusal === undefined) door.take(upgrade, error => refuse(upgrade, error))
      else refuse(upgrade, refusal)
    },
    goAway: () => door.goAway(),
  }
}

// A request with a body would have to be read first, and no WebSocket client sends one.
function isUpgrade({ method, headers }: PortRequest): boolean {
  return (
    method === 'GET' &&
    headers.upgrade?.toLowerCase() === 'websocket' &&
    headers['transfer-encoding'] === undefined &&
    Number(headers['content-length'] ?? 0) === 0
  )
}

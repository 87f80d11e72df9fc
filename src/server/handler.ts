// What the port hands every request to: an id, a door and its exchange, the guards, and the plain pages for the rest.
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import type { TraceCall } from '../core/trace.ts'
import type { Cors } from './cors.ts'
import type { Door } from './door.ts'
import { createEntrance, type Enter, type EntranceDeps, STRANGER } from './entrance.ts'
import type { Asked, Exchange, Exchanges } from './exchange.ts'
import type { HostGuard } from './hosts.ts'
import type { Shed } from './overload.ts'
import type { PortHandler, PortRequest, PortResponse } from './port-handler.ts'
import { refused, send } from './reply.ts'
import { REQUEST_ID_HEADER, requestIdOf } from './request-id.ts'

/** What `createHandler` needs. */
export interface HandlerDeps extends EntranceDeps {
  /** The ways in; the first one that knows a request gets it. */
  readonly doors: readonly Door[]
  /** Serves what is for no door. */
  readonly routes: PortHandler
  readonly exchanges: Exchanges
  readonly guard: HostGuard
  readonly cors: Cors
  readonly clock: Clock
  /** Refuses calls while there is too much to do. Absent: there never is. */
  readonly shed?: Shed | undefined
  /** Counts a call that was refused so. */
  readonly countShed?: ((asked: Asked) => void) | undefined
  /** Begins the trace of a call that counts. Absent: none is traced. */
  readonly trace?: TraceCall | undefined
}

/** Makes the handler of the port. */
export function createHandler(deps: HandlerDeps): PortHandler {
  const { routes, guard, cors, clock } = deps
  const inner = { ...deps, enter: createEntrance(deps) }
  return (req, res) => {
    const id = requestIdOf(req.headers[REQUEST_ID_HEADER], clock)
    res.setHeader(REQUEST_ID_HEADER, id)
    if (throughDoor(inner, req, res, id)) return
    const refusal = guard(req)
    if (refusal !== undefined) return send(req, res, refused(403, refusal))
    if (cors.preflight(req, res)) return
    cors.expose(req, res)
    routes(req, res)
  }
}

interface Inner extends HandlerDeps {
  readonly enter: Enter
}

// The exchange is open before the first guard: a refused call is logged and counted like any other.
function throughDoor(deps: Inner, req: PortRequest, res: PortResponse, id: string): boolean {
  const { doors, exchanges, guard, cors } = deps
  for (const door of doors) {
    const asked = door.asks(req)
    if (asked === undefined) continue
    const shed = exchanges.refusal() === undefined ? deps.shed?.(asked) : undefined
    if (shed !== undefined) {
      turnAway(deps, door, { req, res, id, asked }, shed)
      return true
    }
    const { door: name, method, protocol, isCounted } = asked
    const trace = isCounted
      ? deps.trace?.({ headers: req.headers, requestId: id, door: name, method, protocol })
      : undefined
    const exchange = exchanges.open(res, id, asked, trace)
    exchange.identify(STRANGER)
    const refusal = guard(req) ?? exchanges.refusal()
    cors.expose(req, res)
    if (refusal === undefined) letIn(deps, door, { req, res, exchange })
    else door.refuse(req, res, exchange, refusal)
    return true
  }
  return false
}

// Whoever cannot serve a call has no time to write a line of it, to trace it or to remember it, and its line would push others
// out. It is counted as any other; the alert says that there are such calls, and their lines are there at debug.
function turnAway(
  { exchanges, cors, countShed }: Inner,
  door: Door,
  { req, res, id, asked }: Pick<Arriving, 'req' | 'res'> & { readonly id: string; readonly asked: Asked },
  refusal: GatewayError,
): void {
  const exchange = exchanges.turnedAway(id, asked)
  exchange.identify(STRANGER)
  cors.expose(req, res)
  countShed?.(asked)
  door.refuse(req, res, exchange, refusal)
}

/** A call in front of a door. */
interface Arriving {
  readonly req: PortRequest
  readonly res: PortResponse
  readonly exchange: Exchange
}

/** Serves the call if its caller may, and refuses it in the caller's protocol otherwise; at once when nobody has to be asked. */
function letIn({ enter }: Inner, door: Door, { req, res, exchange }: Arriving): void {
  const refuse = (error: unknown): void => {
    const refusal = GatewayError.from(error)
    // RFC 9110 11.6.1 wants to be told how to do it right.
    if (refusal.reason === 'UNAUTHENTICATED' && !res.headersSent) res.setHeader('www-authenticate', 'Bearer')
    door.refuse(req, res, exchange, refusal)
  }
  const serve = (): void => {
    // While somebody was asked, the client may have left, the time may be over, or the process may have begun to stop.
    if (exchange.signal.aborted) refuse(exchange.signal.reason)
    else door.serve(req, res, exchange)
  }
  try {
    const pending = enter(req, exchange)
    if (pending === undefined) serve()
    else pending.then(serve, refuse)
  } catch (error) {
    refuse(error)
  }
}

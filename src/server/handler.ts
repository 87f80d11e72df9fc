// What the port hands every request to: an id, a door and its exchange, the guards, and the plain pages for the rest.
import type { Clock } from '../core/clock.ts'
import type { Cors } from './cors.ts'
import type { Door } from './door.ts'
import type { Exchanges } from './exchange.ts'
import type { HostGuard } from './hosts.ts'
import type { PortHandler, PortRequest, PortResponse } from './port-handler.ts'
import { refused, send } from './reply.ts'
import { REQUEST_ID_HEADER, requestIdOf } from './request-id.ts'

/** What `createHandler` needs. */
export interface HandlerDeps {
  /** The ways in; the first one that knows a request gets it. */
  readonly doors: readonly Door[]
  /** Serves what is for no door. */
  readonly routes: PortHandler
  readonly exchanges: Exchanges
  readonly guard: HostGuard
  readonly cors: Cors
  readonly clock: Clock
}

/** Makes the handler of the port. */
export function createHandler(deps: HandlerDeps): PortHandler {
  const { routes, guard, cors, clock } = deps
  return (req, res) => {
    const id = requestIdOf(req.headers[REQUEST_ID_HEADER], clock)
    res.setHeader(REQUEST_ID_HEADER, id)
    if (throughDoor(deps, req, res, id)) return
    const refusal = guard(req)
    if (refusal !== undefined) return send(req, res, refused(403, refusal))
    if (cors.preflight(req, res)) return
    cors.expose(req, res)
    routes(req, res)
  }
}

// The exchange is open before the first guard: a refused call is logged and counted like any other.
function throughDoor(
  { doors, exchanges, guard, cors }: HandlerDeps,
  req: PortRequest,
  res: PortResponse,
  id: string,
): boolean {
  for (const door of doors) {
    const asked = door.asks(req)
    if (asked === undefined) continue
    const exchange = exchanges.open(res, id, asked)
    const refusal = guard(req) ?? exchanges.refusal()
    cors.expose(req, res)
    if (refusal === undefined) door.serve(req, res, exchange)
    else door.refuse(req, res, exchange, refusal)
    return true
  }
  return false
}

// What the port hands every request to: an id, a door and its exchange, the guards, and the plain pages for the rest.
import type { Caller } from '../core/caller.ts'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import type { TraceCall } from '../core/trace.ts'
import type { Cors } from './cors.ts'
import type { Door } from './door.ts'
import type { Exchange, Exchanges } from './exchange.ts'
import type { HostGuard } from './hosts.ts'
import type { PortHandler, PortRequest, PortResponse } from './port-handler.ts'
import { refused, send } from './reply.ts'
import { REQUEST_ID_HEADER, requestIdOf } from './request-id.ts'

/** Who may come in. Everything is told by the header of a request alone: its body is read only afterwards. */
export interface Gatekeeper {
  /** Who makes a request; throws a GatewayError, or rejects with one, when it cannot be let in. */
  authenticate(req: PortRequest): Caller | Promise<Caller>
  /** Whether a method is for everybody. */
  isOpen(method: string): boolean
  /** Throws PERMISSION_DENIED unless the caller may call the method. */
  authorize(caller: Caller, method: string): void
}

/**
 * Takes what a call needs before it is served, such as room in a limit, or throws a GatewayError. What it took it gives
 * back by itself when the call ends, also when the client has left meanwhile.
 */
export type Admit = (exchange: Exchange) => undefined | Promise<void>

/** What `createHandler` needs. */
export interface HandlerDeps {
  /** The ways in; the first one that knows a request gets it. */
  readonly doors: readonly Door[]
  /** Serves what is for no door. */
  readonly routes: PortHandler
  readonly exchanges: Exchanges
  readonly guard: HostGuard
  readonly access: Gatekeeper
  /** Absent: every caller that may is admitted. */
  readonly admit?: Admit | undefined
  readonly cors: Cors
  readonly clock: Clock
  /** Begins the trace of a call that counts. Absent: none is traced. */
  readonly trace?: TraceCall | undefined
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
function throughDoor(deps: HandlerDeps, req: PortRequest, res: PortResponse, id: string): boolean {
  const { doors, exchanges, guard, cors } = deps
  for (const door of doors) {
    const asked = door.asks(req)
    if (asked === undefined) continue
    const trace = asked.isCounted
      ? deps.trace?.({ ...asked, headers: req.headers, requestId: id })
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

/** A call in front of a door. */
interface Arriving {
  readonly req: PortRequest
  readonly res: PortResponse
  readonly exchange: Exchange
}

/** Who has not shown a credential has no right at all. */
const STRANGER: Caller = { tenant: '', subject: '', scopes: [] }

/** Serves the call if its caller may, and refuses it in the caller's protocol otherwise; at once when nobody has to be asked. */
function letIn(deps: HandlerDeps, door: Door, { req, res, exchange }: Arriving): void {
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
    const pending = entrance(deps, req, exchange)
    if (pending === undefined) serve()
    else pending.then(serve, refuse)
  } catch (error) {
    refuse(error)
  }
}

/** Says who calls, and whether that may. Undefined: yes, and nothing is waited for. */
function entrance(
  { access, admit }: HandlerDeps,
  req: PortRequest,
  exchange: Exchange,
): undefined | Promise<void> {
  const { method } = exchange.asked
  if (access.isOpen(method)) return undefined
  const enter = (caller: Caller): undefined | Promise<void> => {
    exchange.identify(caller)
    access.authorize(caller, method)
    return admit?.(exchange)
  }
  const caller = access.authenticate(req)
  return caller instanceof Promise ? whileWanted(caller, exchange).then(enter) : enter(caller)
}

/** Waits for something as long as the call is wanted: nobody is kept waiting, and nothing is kept, for a client that left. */
function whileWanted<T>(waiting: Promise<T>, { signal }: Exchange): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const onAbort = (): void => reject(GatewayError.from(signal.reason))
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort, { once: true })
  waiting.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  return promise
}

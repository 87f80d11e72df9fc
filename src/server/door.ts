// What the server wants of a door: to know its own requests, and to serve or refuse them in the caller's protocol.
import type { GatewayError } from '../core/errors.ts'
import type { Asked, Exchange } from './exchange.ts'
import type { PortRequest, PortResponse } from './port-handler.ts'

/** A way in. */
export interface Door {
  /** What a request asks of this door; undefined when it is for somebody else. Looks at the header only. */
  asks(req: PortRequest): Asked | undefined
  /** Serves a request, and closes its exchange whatever happens. Must not throw. */
  serve(req: PortRequest, res: PortResponse, exchange: Exchange): void
  /** Answers a request with an error in the caller's protocol, and closes its exchange. Must not throw. */
  refuse(req: PortRequest, res: PortResponse, exchange: Exchange, error: GatewayError): void
}

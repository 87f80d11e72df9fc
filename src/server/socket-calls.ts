// Opens the calls that messages of a lasting connection ask for: each is identified, allowed, limited and counted by itself.
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import type { TraceCall } from '../core/trace.ts'
import { type CredentialSource, createEntrance, type EntranceDeps, STRANGER } from './entrance.ts'
import type { Asked, Exchange, Exchanges } from './exchange.ts'
import type { Shed } from './overload.ts'
import type { PortRequest } from './port-handler.ts'
import { requestIdOf } from './request-id.ts'

/** What `createSocketCalls` needs. */
export interface SocketCallsDeps extends EntranceDeps {
  readonly exchanges: Pick<Exchanges, 'open' | 'refusal'>
  readonly clock: Clock
  /** Refuses calls while there is too much to do. Absent: there never is. */
  readonly shed?: Shed | undefined
  /** Begins the trace of a call that counts. Absent: none is traced. */
  readonly trace?: TraceCall | undefined
}

/** Opens calls. */
export interface SocketCalls {
  /**
   * Opens a call, which the door must close, and abort when its client has left. Its id is the client's own when that can
   * be trusted in a log line. `origin`: with what the connection began.
   */
  open(origin: Pick<PortRequest, 'headers'>, id: string | undefined, asked: Asked): Exchange
  /** Lets a call in by the credential of its connection, as it is accepted now. Rejects with a GatewayError. */
  enter(exchange: Exchange, credential: CredentialSource): Promise<void>
}

/** Makes it. */
export function createSocketCalls(deps: SocketCallsDeps): SocketCalls {
  const { exchanges, clock, trace, shed } = deps
  const enter = createEntrance(deps)
  return {
    open({ headers }, wanted, asked) {
      const id = requestIdOf(wanted, clock)
      const traced = asked.isCounted ? trace?.({ ...asked, headers, requestId: id }) : undefined
      const exchange = exchanges.open(undefined, id, asked, traced)
      exchange.identify(STRANGER)
      return exchange
    },
    async enter(exchange, credential) {
      const refusal = exchanges.refusal() ?? shed?.(exchange.asked)
      if (refusal !== undefined) throw refusal
      await enter(credential, exchange)
      if (exchange.signal.aborted) throw GatewayError.from(exchange.signal.reason)
    },
  }
}

// Opens the calls that requests of a door carry in their bodies: each is identified, allowed, limited and counted by itself.
import { GatewayError } from '../core/errors.ts'
import type { TraceCall } from '../core/trace.ts'
import type { Admit, Gatekeeper } from './entrance.ts'
import type { Asked, Exchange, Exchanges } from './exchange.ts'
import type { Shed } from './overload.ts'
import type { PortRequest } from './port-handler.ts'

/** What `createInnerCalls` needs. */
export interface InnerCallsDeps {
  readonly exchanges: Pick<Exchanges, 'open'>
  readonly access: Pick<Gatekeeper, 'authorize'>
  /** Absent: every caller that may is admitted. */
  readonly admit?: Admit | undefined
  /** Refuses calls while there is too much to do. Absent: there never is. */
  readonly shed?: Shed | undefined
  /** Begins the trace of a call that counts. Absent: none is traced. */
  readonly trace?: TraceCall | undefined
}

/** The request that carries calls, once its caller is known. */
export interface CarryingRequest {
  readonly req: PortRequest
  readonly exchange: Exchange
}

/** Opens the calls of one request. */
export interface InnerCalls {
  /**
   * Opens a call, which the door must close. It ends at the latest when the request does. Rejects with PERMISSION_DENIED or
   * the refusal of a limit; the call is closed then.
   */
  open(carrier: CarryingRequest, asked: Asked): Promise<Exchange>
  /** Tells of a request that was refused before anybody knew which call it carries. */
  refused(carrier: CarryingRequest, asked: Asked, error: GatewayError): void
}

/** Makes it. */
export function createInnerCalls({ exchanges, access, admit, shed, trace }: InnerCallsDeps): InnerCalls {
  const begin = ({ req, exchange: { id, caller } }: CarryingRequest, asked: Asked): Exchange => {
    const traced = asked.isCounted ? trace?.({ ...asked, headers: req.headers, requestId: id }) : undefined
    const call = exchanges.open(undefined, id, asked, traced)
    call.identify(caller)
    return call
  }
  return {
    async open(carrier, asked) {
      const call = begin(carrier, asked)
      const { signal } = carrier.exchange
      const end = (): void => call.abort(GatewayError.from(signal.reason))
      // Whoever has left already will not say so again.
      if (signal.aborted) end()
      else signal.addEventListener('abort', end, { once: true })
      try {
        const refusal = shed?.(asked)
        if (refusal !== undefined) throw refusal
        access.authorize(call.caller, asked.method)
        await admit?.(call)
        if (call.signal.aborted) throw GatewayError.from(call.signal.reason)
        return call
      } catch (error) {
        const refusal = GatewayError.from(error)
        call.fail(refusal)
        call.close()
        throw refusal
      }
    },
    refused(carrier, asked, error) {
      const call = begin(carrier, asked)
      call.fail(error)
      call.close()
    },
  }
}

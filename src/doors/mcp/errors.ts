// From errors of ours to what MCP clients get: an HTTP status and a JSON-RPC error, or the result of a tool that failed.
import { GatewayError, type Reason, type StatusName } from '../../core/errors.ts'
import type { Told } from '../http/errors.ts'

/** What an error says to programs, in every form that it takes at this door. */
export interface ToldError {
  readonly reason: Reason
  readonly code: StatusName
  readonly message: string
  readonly origin: string
  readonly request_id?: string
  readonly provider?: string
  readonly model?: string
  readonly retry_delay_ms?: number
}

/** A JSON-RPC error that answers no known request (https://www.jsonrpc.org/specification, 5). */
export interface RefusalBody {
  readonly jsonrpc: '2.0'
  readonly id: null
  readonly error: { readonly code: number; readonly message: string; readonly data: ToldError }
}

/** The code of a server's own errors, and of a message that is none (https://www.jsonrpc.org/specification#error_object). */
const RPC_CODE = { refused: -32_000, unreadable: -32_700 } as const

/** What an error says; never its cause. */
export function toldError(error: GatewayError, requestId?: string): ToldError {
  const { provider, model, retryDelayMs } = error.details
  return {
    reason: error.reason,
    code: error.code,
    message: error.message.toWellFormed(),
    origin: error.origin,
    ...(requestId === undefined ? {} : { request_id: requestId }),
    ...(provider === undefined ? {} : { provider }),
    ...(model === undefined ? {} : { model }),
    ...(retryDelayMs === undefined ? {} : { retry_delay_ms: Math.ceil(retryDelayMs) }),
  }
}

/** The body of the answer to a request that is refused as a whole. */
export function refusalBody({ error, status, requestId }: Told): RefusalBody {
  const data = toldError(error, requestId)
  const code = status === 400 ? RPC_CODE.unreadable : RPC_CODE.refused
  return { jsonrpc: '2.0', id: null, error: { code, message: data.message, data } }
}

/**
 * The error that a tool or a resource ends with. Whoever waits with a signal may throw an AbortError of its own: why the
 * call was ended is what counts.
 */
export function errorOf(thrown: unknown, signal: AbortSignal): GatewayError {
  const isAbort = thrown instanceof Error && (thrown.name === 'AbortError' || thrown.name === 'TimeoutError')
  return GatewayError.from(signal.aborted && isAbort ? signal.reason : thrown)
}

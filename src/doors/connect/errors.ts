// From errors of ours, and of connect-es itself, to the one form that clients get: a code, a message and an ErrorInfo.
import type { MessageInitShape } from '@bufbuild/protobuf'
import { Code, ConnectError } from '@connectrpc/connect'
import { ErrorInfo_Origin, ErrorInfoSchema } from '#gen/exai/v1/error_pb'
import {
  GatewayError,
  type Origin,
  type Reason,
  StatusCode,
  type StatusName,
  wireReason,
} from '../../core/errors.ts'
import { durationOf } from '../../core/time.ts'
import type { Served } from './served.ts'

// What connect-es refuses by itself has a code only. Every other code of it means a fault.
const refusals: Partial<Record<Code, { readonly code: StatusName; readonly reason: Reason }>> = {
  [Code.Canceled]: { code: 'CANCELLED', reason: 'CANCELLED' },
  // A broken request stream, in the words of connect-node.
  [Code.Aborted]: { code: 'CANCELLED', reason: 'CANCELLED' },
  [Code.InvalidArgument]: { code: 'INVALID_ARGUMENT', reason: 'INVALID_REQUEST' },
  [Code.DeadlineExceeded]: { code: 'DEADLINE_EXCEEDED', reason: 'DEADLINE_EXCEEDED' },
  [Code.NotFound]: { code: 'NOT_FOUND', reason: 'INVALID_REQUEST' },
  [Code.ResourceExhausted]: { code: 'RESOURCE_EXHAUSTED', reason: 'OVERLOADED' },
  [Code.Unimplemented]: { code: 'UNIMPLEMENTED', reason: 'UNSUPPORTED' },
}

const origins: Record<Origin, ErrorInfo_Origin> = {
  client: ErrorInfo_Origin.CLIENT,
  gateway: ErrorInfo_Origin.GATEWAY,
  upstream: ErrorInfo_Origin.UPSTREAM,
}

/** The error that a client gets for anything that was thrown while its call was served. The exchange is told, too. */
export function explain(thrown: unknown, served: Served): ConnectError {
  if (thrown instanceof ConnectError) return amend(thrown, served)
  const { signal } = served.exchange
  // Whoever waits with the signal may throw an AbortError of its own: why the call was ended is what counts.
  const cause = signal.aborted && isAbortError(thrown) ? signal.reason : thrown
  return connectErrorOf(GatewayError.from(cause), served)
}

/** An error of ours as clients get it, with another code than the reason's when one is given. */
export function connectErrorOf(
  error: GatewayError,
  { exchange, plainErrors }: Served,
  code?: StatusName,
): ConnectError {
  exchange.fail(error, code)
  const isPlain = plainErrors !== undefined
  const explained = clientErrorOf(error, exchange.id, { code, isPlain })
  plainErrors?.add(explained)
  return explained
}

/** An error of ours as the client gets it whose request has this id; a plain one is without ErrorInfo. */
export function clientErrorOf(
  error: GatewayError,
  requestId: string,
  { code = error.code, isPlain }: { readonly code?: StatusName | undefined; readonly isPlain: boolean },
): ConnectError {
  const details = isPlain ? [] : [{ desc: ErrorInfoSchema, value: infoOf(error, requestId) }]
  // Half a surrogate pair, as in a text that was cut, cannot be encoded into a trailer.
  return new ConnectError(error.message.toWellFormed(), StatusCode[code], undefined, details)
}

/**
 * Gives an error that connect-es made itself what ours have. It is changed in place, because connect-es may already hold it.
 * A request that cannot be read is the client's fault, also where connect-es calls it internal.
 */
export function amend(error: ConnectError, served: Served): ConnectError {
  const { isRead, plainErrors } = served
  if (error.details.some(isInfo)) return error
  if (plainErrors !== undefined && (isRead || plainErrors.has(error))) return error
  plainErrors?.add(error)
  const known = refusals[error.code]
  const ours = connectErrorOf(errorOf(error, known?.reason, served), served, known?.code)
  const { code, rawMessage, message, details } = ours
  return Object.assign(error, { code, rawMessage, message, details })
}

function errorOf(error: ConnectError, reason: Reason | undefined, served: Served): GatewayError {
  if (served.isRead) {
    return reason === undefined
      ? GatewayError.from(copyOf(error))
      : new GatewayError(reason, error.rawMessage, { cause: error.cause })
  }
  if (reason === 'OVERLOADED') {
    const message = `the request is larger than ${served.maxRequestBytes} bytes, the most that this method takes`
    return new GatewayError(reason, message, { origin: 'client' })
  }
  return reason === undefined
    ? new GatewayError('INVALID_REQUEST', `the request cannot be read: ${error.rawMessage}`)
    : new GatewayError(
        reason,
        (reason === 'INVALID_REQUEST' ? served.misfit?.() : undefined) ?? error.rawMessage,
      )
}

// The original is about to be changed, and the log wants what it said.
function copyOf(error: ConnectError): Error {
  return Object.assign(new Error(error.message, { cause: error.cause }), { stack: error.stack })
}

function isInfo(detail: ConnectError['details'][number]): boolean {
  return 'desc' in detail && detail.desc.typeName === ErrorInfoSchema.typeName
}

function isAbortError(thrown: unknown): boolean {
  return thrown instanceof Error && (thrown.name === 'AbortError' || thrown.name === 'TimeoutError')
}

function infoOf(error: GatewayError, requestId: string): MessageInitShape<typeof ErrorInfoSchema> {
  const { provider = '', model = '', retryDelayMs, route } = error.details
  return {
    reason: wireReason(error.reason),
    provider,
    model,
    ...(retryDelayMs === undefined ? {} : { retryDelay: durationOf(retryDelayMs) }),
    ...(route === undefined ? {} : { route }),
    requestId,
    origin: origins[error.origin],
  }
}

// What went wrong with a call, in the form in which the page shows it and acts on it.
import { Code, ConnectError } from '@connectrpc/connect'
import { ErrorInfoSchema } from '#gen/exai/v1/error_pb'
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import type { Route } from '#gen/exai/v1/route_pb'
import { milliseconds } from './format.ts'
import { reasonName } from './words.ts'

/** A call that failed. */
export interface Failure {
  /** What can be done about it: sign in, ask for rights, nothing because it does not exist, or try again. */
  readonly kind: 'unauthenticated' | 'denied' | 'missing' | 'cancelled' | 'shutting-down' | 'other'
  /** The reason of the contract, such as `UPSTREAM_LIMITED`, or what the page itself noticed, such as `UNREACHABLE`. */
  readonly reason: string
  readonly message: string
  /** Empty: the call did not reach the gateway. */
  readonly requestId: string
  readonly provider: string
  readonly model: string
  readonly route: Route | undefined
  /** How long to wait before the next try, in milliseconds. Undefined: not said. */
  readonly retryMs: number | undefined
}

const kinds: Partial<Record<Code, Failure['kind']>> = {
  [Code.Unauthenticated]: 'unauthenticated',
  [Code.PermissionDenied]: 'denied',
  [Code.Unimplemented]: 'missing',
  [Code.Canceled]: 'cancelled',
}

/** Reads what was thrown. */
export function failureOf(thrown: unknown): Failure {
  const error = ConnectError.from(thrown)
  const [info] = error.findDetails(ErrorInfoSchema)
  const isUnreachable = info === undefined && isNetwork(error)
  const kind = info?.reason === ErrorReason.SHUTTING_DOWN ? 'shutting-down' : (kinds[error.code] ?? 'other')
  return {
    kind,
    reason: isUnreachable ? 'UNREACHABLE' : reasonName(info?.reason) || Code[error.code].toUpperCase(),
    message: isUnreachable ? 'the gateway does not answer' : error.rawMessage,
    requestId: info?.requestId || (error.metadata.get('x-request-id') ?? ''),
    provider: info?.provider ?? '',
    model: info?.model ?? '',
    route: info?.route,
    retryMs: info?.retryDelay && milliseconds(info.retryDelay),
  }
}

// A browser says of every broken connection no more than that fetching failed; a proxy may answer in HTML.
function isNetwork(error: ConnectError): boolean {
  return error.cause instanceof TypeError || error.code === Code.Unavailable || error.code === Code.Unknown
}

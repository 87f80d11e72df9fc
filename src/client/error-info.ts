// What an error of the gateway says beside its code, and whether the same call may be made again.
import { Code, ConnectError } from '@connectrpc/connect'
import { type ErrorInfo, ErrorInfoSchema } from '#gen/exai/v1/error_pb'
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import { millisecondsOf } from '../core/time.ts'

/** What the gateway says of an error; undefined when it does not come from a gateway, such as that of a broken connection. */
export function errorInfoOf(error: unknown): ErrorInfo | undefined {
  return ConnectError.from(error).findDetails(ErrorInfoSchema)[0]
}

/** Reasons that pass by themselves, and after which nothing was answered. */
const PASSING: ReadonlySet<ErrorReason> = new Set([
  ErrorReason.SHUTTING_DOWN,
  ErrorReason.OVERLOADED,
  ErrorReason.RATE_LIMITED,
  ErrorReason.TOO_MANY_CALLS,
  ErrorReason.UPSTREAM_UNAVAILABLE,
  ErrorReason.UPSTREAM_LIMITED,
])

/** Codes of what can only be told by who understood the request: a proxy that says so will say so again. */
const DEFINITE: ReadonlySet<Code> = new Set([
  Code.InvalidArgument,
  Code.NotFound,
  Code.AlreadyExists,
  Code.PermissionDenied,
  Code.Unauthenticated,
  Code.FailedPrecondition,
  Code.OutOfRange,
  Code.Unimplemented,
])

/** Whether the connection ended and not the call: the gateway has said nothing of how the call went. */
export function isBrokenConnection(error: unknown): boolean {
  return errorInfoOf(error) === undefined && !DEFINITE.has(ConnectError.from(error).code)
}

/** Whether the same call, with the same idempotency key, may succeed a little later. */
export function isPassing(error: unknown): boolean {
  const info = errorInfoOf(error)
  return info === undefined ? isBrokenConnection(error) : PASSING.has(info.reason)
}

/** How long the gateway asks to wait, in milliseconds; undefined when it does not say. */
export function askedDelayMs(error: unknown): number | undefined {
  const delay = errorInfoOf(error)?.retryDelay
  return delay === undefined ? undefined : millisecondsOf(delay)
}

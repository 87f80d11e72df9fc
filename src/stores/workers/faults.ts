// What goes wrong in one process, as it travels to another one.
import { GatewayError, type Reason } from '../../core/errors.ts'

/** A fault as plain values. */
export interface Fault {
  readonly reason: Reason
  readonly message: string
  readonly retryDelayMs?: number | undefined
  /** What was behind it; it is logged, and never sent to a client. */
  readonly cause?: string | undefined
}

/** The fault of something caught. */
export function faultOf(error: unknown): Fault {
  const { reason, message, details, cause } = GatewayError.from(error)
  return {
    reason,
    message,
    retryDelayMs: details.retryDelayMs,
    cause: cause instanceof Error ? cause.message : undefined,
  }
}

/** The error of a fault. */
export function errorOf({ reason, message, retryDelayMs, cause }: Fault): GatewayError {
  return new GatewayError(reason, message, {
    ...(retryDelayMs === undefined ? {} : { retryDelayMs }),
    ...(cause === undefined ? {} : { cause: new Error(cause) }),
  })
}

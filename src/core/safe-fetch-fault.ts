// The words in which a download of a caller's URL fails.
import { GatewayError } from './errors.ts'

const SHOWN_MAX = 100

/** A stranger's text for a message: short, quoted, and without anything that could move a terminal's cursor. */
export function shown(text: string): string {
  return JSON.stringify(text.slice(0, SHOWN_MAX))
}

/** INVALID_REQUEST: the caller has to name something else. */
export function unusable(message: string, cause?: unknown): GatewayError {
  return new GatewayError('INVALID_REQUEST', message, { cause })
}

/** UPSTREAM_UNAVAILABLE: the same URL may do later. */
export function unavailable(message: string, cause?: unknown): GatewayError {
  return new GatewayError('UPSTREAM_UNAVAILABLE', `${message}; try again, or send the bytes themselves`, {
    cause,
  })
}

/** What a signal was aborted with, if that is an error of ours; else CANCELLED. */
export function cancellation(signal: AbortSignal): GatewayError {
  if (signal.reason instanceof GatewayError) return signal.reason
  return new GatewayError('CANCELLED', 'the call was cancelled', { cause: signal.reason })
}

/** The code of a fault of Node's or of a library's; empty when it has none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

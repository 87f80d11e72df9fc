// The signal of a stream: it ends with its call, and when its reader leaves.
import { GatewayError } from '../core/errors.ts'

/** What ends the work on a stream. */
export interface Leaving {
  readonly signal: AbortSignal
  /** The reader has left. */
  readonly leave: () => void
  /** The reading is over: the call's signal is not listened to any more. */
  readonly over: () => void
}

/** Makes it for one reading. `AbortSignal.any` does the same at fifty times the price. */
export function leaving(call: AbortSignal): Leaving {
  const ending = new AbortController()
  const follow = (): void => ending.abort(call.reason)
  if (call.aborted) follow()
  else call.addEventListener('abort', follow)
  return {
    signal: ending.signal,
    leave: () => ending.abort(new GatewayError('CANCELLED', 'the caller left')),
    over: () => call.removeEventListener('abort', follow),
  }
}

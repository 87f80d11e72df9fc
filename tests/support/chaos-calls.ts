// What all clients of the chaos have in common: the way to a service whose address changes, and what they ask again after.
import { Code, type ConnectError, type Transport } from '@connectrpc/connect'
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import { infoOf, type Speech } from './clients.ts'

// A connection that breaks is ABORTED in the eyes of connect-node.
const AGAIN: readonly Code[] = [
  Code.Aborted,
  Code.Unavailable,
  Code.DeadlineExceeded,
  Code.ResourceExhausted,
  Code.Canceled,
  Code.Unknown,
  Code.Internal,
]

/** Whether a client asks again after it. */
export const isPassing = (error: ConnectError): boolean => AGAIN.includes(error.code)

/** Whether a key ended so, because its process died within its call. */
export const isUnknown = (error: ConnectError): boolean =>
  infoOf(error)?.reason === ErrorReason.OUTCOME_UNKNOWN

/** Milliseconds that a client waits after a failure. */
export const RETRY_MS = 100

/** One connection for each address that the service ever has. */
export function transportTo(url: () => string, speech: Speech | undefined): () => Transport {
  if (speech === undefined) throw new Error('there is no way to speak')
  const opened = new Map<string, Transport>()
  return () => {
    const now = url()
    const found = opened.get(now) ?? speech.open(now)
    opened.set(now, found)
    return found
  }
}

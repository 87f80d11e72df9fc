// The W3C's trace context as it stands in header fields: read from whoever calls, and passed on as it came.
import type { CallTrace, TraceCall, TracedRequest } from '../core/trace.ts'

/** Where a request says that it belongs. */
export interface RemoteContext {
  /** 32 hexadecimal digits, not all 0. */
  readonly traceId: string
  /** 16 hexadecimal digits, not all 0. */
  readonly spanId: string
  /** Whether the caller records its part. */
  readonly isSampled: boolean
  /** As it came; empty when there is none or it is none. */
  readonly state: string
}

// W3C Trace Context 3.2: later versions may add fields behind the four.
const PARENT = /^(?!ff)([\da-f]{2})-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})(-.*)?$/
/** W3C Trace Context 3.3.1.5 wants at least this much to be passed on. */
const STATE_LENGTH_MAX = 512
// Each member is a key, `=` and a value of printable ASCII.
const STATE =
  /^[ \t]*[a-z\d][\w\-*/@]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{1,256}(?:,[ \t]*(?:[a-z\d][\w\-*/@]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{1,256})?)*$/

/** Reads the context of a request; undefined when it has none, or one that is not well formed. */
export function remoteContext(headers: TracedRequest['headers']): RemoteContext | undefined {
  const { traceparent, tracestate } = headers
  if (typeof traceparent !== 'string' || traceparent.length > STATE_LENGTH_MAX) return undefined
  const [, version, traceId, spanId, flags = '0', more] = PARENT.exec(traceparent.trim()) ?? []
  if (traceId === undefined || spanId === undefined) return undefined
  if (version === '00' && more !== undefined) return undefined
  const state = Array.isArray(tracestate) ? tracestate.join(',') : (tracestate ?? '')
  return {
    traceId,
    spanId,
    isSampled: (Number.parseInt(flags, 16) & 1) === 1,
    state: state.length <= STATE_LENGTH_MAX && STATE.test(state) ? state : '',
  }
}

/** The header fields of a context. */
export function contextHeaders({
  traceId,
  spanId,
  isSampled,
  state,
}: RemoteContext): Readonly<Record<string, string>> {
  const traceparent = `00-${traceId}-${spanId}-${isSampled ? '01' : '00'}`
  return state === '' ? { traceparent } : { traceparent, tracestate: state }
}

/** Traces nothing, and passes on to providers what callers say of theirs, as a proxy that takes no part should. */
export const passOn: TraceCall = ({ headers }) => {
  const remote = remoteContext(headers)
  if (remote === undefined) return undefined
  const fields = contextHeaders(remote)
  return {
    traceId: remote.traceId,
    attemptBegan: () => ({ headersTo: () => fields }),
    attemptEnded: () => undefined,
    ended: () => undefined,
  } satisfies CallTrace
}

// The port through which a call is traced: carried with the call, never found by magic. Never a prompt, an answer or a secret.
import type { TokenCounts } from './delta.ts'
import type { Reason, StatusName } from './errors.ts'

/** One attempt in the trace of its call. */
export interface AttemptTrace {
  /** The header fields of a request that the attempt sends there, an absolute URL: `traceparent`, and `tracestate` if there is one. */
  headersTo(url: string): Readonly<Record<string, string>>
}

/** How an attempt went. */
export interface AttemptEnd {
  /** Present when it failed. */
  readonly error?: Reason | undefined
  /** HTTP status of the provider's refusal. Absent: none. */
  readonly status?: number | undefined
  readonly counts?: TokenCounts | undefined
  /** From sending the request to the first output, in milliseconds. */
  readonly firstTokenMs?: number | undefined
  /** Why it was made, such as `retry`. */
  readonly cause: string
}

/** How a call went. */
export interface CallEnded {
  readonly code: StatusName | 'OK'
  readonly reason: Reason | ''
  readonly tenant: string
  readonly provider?: string | undefined
  readonly model?: string | undefined
  readonly responseId?: string | undefined
  readonly inputTokens?: number | undefined
  readonly outputTokens?: number | undefined
  readonly attempts?: number | undefined
}

/** The trace of one call. */
export interface CallTrace {
  /** 32 hexadecimal digits; in the call's log line. */
  readonly traceId: string
  /** An attempt begins; `of` stands for it until its end. */
  attemptBegan(
    of: object,
    asked: { readonly provider: string; readonly model: string; readonly isStream: boolean },
  ): AttemptTrace
  /** The attempt for which `of` stands is over; nothing happens for one that never began. */
  attemptEnded(of: object, end: AttemptEnd): void
  /** The call is over. */
  ended(end: CallEnded): void
}

/** What a request says of itself in its header. */
export interface TracedRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly requestId: string
  readonly door: string
  readonly method: string
  readonly protocol: string
}

/** Begins the trace of a call; undefined when it is not traced. */
export type TraceCall = (request: TracedRequest) => CallTrace | undefined

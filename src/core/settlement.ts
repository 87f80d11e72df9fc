// The one value with which every call ends, whatever happened to it.
import type { FinishReason, Message } from '#gen/exai/v1/chat_pb'
import type { RouteAttempt } from '#gen/exai/v1/route_pb'
import type { Cost, Usage } from '#gen/exai/v1/usage_pb'
import type { Caller } from './caller.ts'
import type { Reason } from './errors.ts'

/** How a call ended. */
export type CallOutcome =
  | { readonly type: 'completed'; readonly finishReason: FinishReason }
  | { readonly type: 'failed'; readonly reason: Reason }
  | { readonly type: 'cancelled'; readonly reason: Reason }

/** What is kept of a call: made once, committed in one transaction, before the client is told. */
export interface Settlement {
  readonly responseId: string
  readonly requestId: string
  readonly caller: Caller
  readonly requestedModel: string
  /** Who answered; absent when nobody did. */
  readonly answeredBy?: { readonly provider: string; readonly model: string }
  readonly outcome: CallOutcome
  readonly attempts: readonly RouteAttempt[]
  /** Absent when nobody was asked, so nothing can have been used. */
  readonly usage?: Usage
  readonly cost?: Cost
  /** The answer as far as it came; absent without any output. */
  readonly answer?: Message
  /** When the call began, in milliseconds since the Unix epoch. */
  readonly startedAt: number
  /** How long it took, in milliseconds. */
  readonly durationMs: number
}

/** Keeps settlements. */
export interface Journal {
  /** Resolves when the settlement is safe; throws STORAGE_FULL or INTERNAL when it cannot be. */
  commit(settlement: Settlement): Promise<void>
}

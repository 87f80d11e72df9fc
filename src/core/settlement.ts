// The one value with which every call ends, whatever happened to it.

import type { MessageInitShape } from '@bufbuild/protobuf'
import type { FinishReason, Message } from '#gen/exai/v1/chat_pb'
import type { RouteAttemptSchema } from '#gen/exai/v1/route_pb'
import type { Cost, Usage } from '#gen/exai/v1/usage_pb'
import type { Caller } from './caller.ts'
import type { Reason } from './errors.ts'

/** How a call ended. */
export type CallOutcome =
  | { readonly type: 'completed'; readonly finishReason: FinishReason }
  | { readonly type: 'failed'; readonly reason: Reason }
  | { readonly type: 'cancelled'; readonly reason: Reason }

/** Why an attempt was made: it is the first, the same model again, another one, or one beside a slow one. */
export type AttemptCause = 'first' | 'retry' | 'fallback' | 'hedge' | 'repair'

/** What one attempt used and cost: a line of the ledger, which is never changed. */
export interface LedgerLine {
  /** A UUIDv7 of its own, so that a commit that is tried again books nothing twice. */
  readonly id: string
  readonly provider: string
  readonly model: string
  /** Label of the provider key that was used; absent when there was none. */
  readonly keyLabel?: string
  /** Absent when nobody can have billed it. */
  readonly usage?: Usage
  readonly cost?: Cost
  /** Why the attempt was made. Absent: not known. */
  readonly cause?: AttemptCause
}

/** Who speaks in a kept message. */
export type KeptRole = 'system' | 'user' | 'assistant' | 'tool'

/** A message as conversations keep it. */
export interface KeptMessage {
  /** A UUIDv7 of its own. */
  readonly id: string
  readonly role: KeptRole
  /** The message as canonical protobuf JSON. */
  readonly json: string
  /** An estimate of the tokens it takes in a prompt, a whole number. */
  readonly tokens: number
}

/** A conversation as a turn found it. */
export interface TurnFrom {
  /** In milliseconds since the Unix epoch. */
  readonly createdAt: number
  /** Number of its last message. */
  readonly lastPlace: number
  /** Messages, without standing instructions. */
  readonly messageCount: number
  readonly version: number
  readonly system: readonly KeptMessage[]
}

/** What a call adds to its conversation. */
export interface Turn {
  /** `conv_` and a UUIDv7, made by whoever began the conversation. */
  readonly conversationId: string
  /** Whether the conversation begins with this turn. */
  readonly isNew: boolean
  /** The conversation as it was read, for a store that does not have it because another machine began it. */
  readonly from?: TurnFrom
  /** Standing instructions that replace the ones before; absent: those stay. */
  readonly system?: readonly KeptMessage[]
  /** What is new, in order, the answer last; none of them is a system message. */
  readonly messages: readonly KeptMessage[]
  /** When the conversation is to be deleted, in milliseconds since the Unix epoch; absent: as before, at first never. */
  readonly expiresAt?: number
}

/** What becomes of the mark that was set before anybody was asked; see `Marks`. */
export type Ending =
  /** The answer, or the failure, is kept for whoever asks with the same key: bytes that only their maker reads. */
  | { readonly type: 'kept'; readonly body: Uint8Array; readonly expiresAt: number }
  /** The key is free again. */
  | { readonly type: 'freed' }

/** What is kept of a call: made once, committed in one transaction, before the client is told. */
export interface Settlement {
  readonly responseId: string
  readonly requestId: string
  readonly caller: Caller
  readonly requestedModel: string
  /** Who answered; absent when nobody did. */
  readonly answeredBy?: { readonly provider: string; readonly model: string }
  readonly outcome: CallOutcome
  readonly attempts: readonly MessageInitShape<typeof RouteAttemptSchema>[]
  /** Absent when nobody was asked, so nothing can have been used. */
  readonly usage?: Usage
  readonly cost?: Cost
  /** The answer as far as it came; absent without any output. */
  readonly answer?: Message
  /** A line for each attempt that may be billed; absent: one line of `usage` and `cost` for who answered or was asked last. */
  readonly ledger?: readonly LedgerLine[]
  /** Absent when nothing is kept of the chat. */
  readonly turn?: Turn
  /** Absent when no mark was set. */
  readonly ending?: Ending
  /** When the call began, in milliseconds since the Unix epoch. */
  readonly startedAt: number
  /** How long it took, in milliseconds. */
  readonly durationMs: number
}

/** Keeps settlements. */
export interface Journal {
  /**
   * Resolves when the whole settlement is safe, or throws STORAGE_FULL, OVERLOADED or INTERNAL and nothing of it is kept.
   * Committing it again changes nothing. A turn whose conversation was deleted meanwhile is dropped; all else is kept.
   */
  commit(settlement: Settlement): Promise<void>
}

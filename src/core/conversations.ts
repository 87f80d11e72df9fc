// The port for kept conversations. They grow by settlements only: see `Turn`.
import type { Page, PageQuery } from './page.ts'
import type { KeptMessage } from './settlement.ts'

/** Names a conversation of a tenant. */
export interface ConversationKey {
  readonly tenant: string
  readonly id: string
}

/** What is known of a conversation beside its messages. Times are in milliseconds since the Unix epoch. */
export interface ConversationInfo {
  readonly id: string
  readonly createdAt: number
  /** When its last turn was kept. */
  readonly updatedAt: number
  /** When it is deleted by itself; absent: never. */
  readonly expiresAt?: number
  /** Messages, standing instructions included. */
  readonly messageCount: number
  /** Number of its last message, from 1; 0 without any. History that begins below `lastPlace + 1` is what is there now. */
  readonly lastPlace: number
  /** Who answered last; empty when nobody has. */
  readonly provider: string
  readonly model: string
  /** Rises with every change. */
  readonly version: number
}

/** A conversation with its standing instructions. */
export interface Conversation extends ConversationInfo {
  readonly system: readonly KeptMessage[]
}

/** A message at its place in a conversation: later turns have higher places, in the order in which they were committed. */
export interface PlacedMessage extends KeptMessage {
  readonly place: number
}

/** Asks for a piece of history. */
export interface HistoryQuery extends ConversationKey {
  /** Messages below this place. */
  readonly before: number
  /** The most messages, at least 1. */
  readonly limit: number
  /** Where to stop: the messages' JSON has at most so many bytes, or it is one message. */
  readonly maxBytes: number
}

/** Names a message of a tenant by the id under which it is kept. */
export interface MessageKey {
  readonly tenant: string
  readonly messageId: string
}

/** Conversations that are kept. A foreign, deleted or expired one is as if it had never been. */
export interface Conversations {
  get(key: ConversationKey): Promise<Conversation | undefined>
  /** A tenant's conversations, those that began last first. */
  list(query: PageQuery & { readonly tenant: string }): Promise<Page<ConversationInfo>>
  /** Messages from the newest to the oldest, without standing instructions; none when there is no such conversation. */
  history(query: HistoryQuery): Promise<readonly PlacedMessage[]>
  /** Id of the conversation that a message was kept in; undefined for none. Whether that is still there, `get` says. */
  holding(key: MessageKey): Promise<string | undefined>
  /** Deletes it and its messages for good; false when there is none. */
  delete(key: ConversationKey): Promise<boolean>
  /** Frees at most `limit` conversations that have expired; gives how many. */
  expire(limit: number): Promise<number>
}

// What can become of rows that are sent to the project, and what takes them there.
import type { OutboxEntry, OutboxTable } from '../../core/outbox.ts'

/** A row that will never be accepted. */
export interface Refusal {
  readonly type: 'refused'
  /** SQLSTATE, or the code of the storage, such as `23514`. */
  readonly code: string
  /** What the other side said, for people. */
  readonly message: string
}

/** Nothing is wrong with the rows: the other side is away, busy or not set up. Sending them again does no harm. */
export interface Unavailable {
  readonly type: 'unavailable'
  /** `credentials`: the key is not taken. `schema`: a migration is missing. */
  readonly because: 'credentials' | 'schema' | 'trouble'
  readonly code: string
  readonly message: string
}

/** What became of rows that were sent together: all are there, once; or one at least is wrong and none is there; or neither. */
export type Delivery = { readonly type: 'delivered' } | Refusal | Unavailable

/** All is there. */
export const DELIVERED: Delivery = { type: 'delivered' }

/** Takes changes to the project. */
export interface Sink {
  /** Tables whose rows go together and fast, in the order in which they go. */
  readonly fast: readonly OutboxTable[]
  /** Tables whose rows go one by one and may take minutes, because bytes go with them. Nothing waits for those. */
  readonly slow: readonly OutboxTable[]
  /** Sends changes of one table, all of them rows or all of them removals. Never rejects. */
  send(table: OutboxTable, entries: readonly OutboxEntry[], signal: AbortSignal): Promise<Delivery>
}

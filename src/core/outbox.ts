// The port for what still has to be sent to the shared database: written with the rows themselves, so that it misses none.

/** Tables that are sent, in the order in which their rows may depend on one another. */
export const OUTBOX_TABLES = [
  'conversations',
  'messages',
  'ledger',
  'blobs',
  'files',
  'api_keys',
  'audit_log',
] as const

/** A table from the list. */
export type OutboxTable = (typeof OUTBOX_TABLES)[number]

/** A change that was not yet sent. */
export interface OutboxEntry {
  /** Rises with every entry. */
  readonly sequence: number
  readonly table: OutboxTable
  readonly id: string
  /** The row as it is now, by column, whole numbers as bigint where they may be large; absent: it has been deleted. */
  readonly row?: Readonly<Record<string, string | number | bigint | Uint8Array | null>>
}

/** How much waits. */
export interface OutboxSize {
  readonly entries: number
  /** Entries that can never be sent. */
  readonly dead: number
  /** When the oldest one was made, in milliseconds since the Unix epoch; absent without any. */
  readonly oldestAt?: number
}

/** Changes that wait to be sent. One process at a time drains it. */
export interface Outbox {
  /** The oldest entries, at most `limit` and about `maxBytes` of rows, at least one if there is one. */
  peek(limit: number, maxBytes: number): Promise<readonly OutboxEntry[]>
  /** Takes out what was sent. */
  done(sequences: readonly number[]): Promise<void>
  /** Sets aside what can never be sent, with the reason. */
  bury(sequence: number, reason: string): Promise<void>
  size(): Promise<OutboxSize>
}

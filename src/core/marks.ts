// The port for marks: what tells, also after the process has died, that a call was begun and how it ended.

/** A call that is about to ask somebody. */
export interface Mark {
  readonly responseId: string
  readonly tenant: string
  /** The caller's idempotency key; empty: it has none, and only its response id names the call. */
  readonly key: string
  /** Tells one request from another under the same key. */
  readonly fingerprint: string
  /** Which process runs the call. */
  readonly owner: string
  /** When it is forgotten, in milliseconds since the Unix epoch. */
  readonly expiresAt: number
}

/** A mark as it stands: `running` with an owner that is gone means that nobody knows how the call ended. */
export type Marked = Mark &
  ({ readonly state: 'running' } | { readonly state: 'ended'; readonly body: Uint8Array })

/** Marks that survive the process. Their endings are part of the settlements: see `Ending`. */
export interface Marks {
  /** Sets a mark unless its key has one. Gives the one that is there already; undefined: the mark is now set, and safe. */
  begin(mark: Mark): Promise<Marked | undefined>
  /** The mark of a tenant under a key. */
  byKey(tenant: string, key: string): Promise<Marked | undefined>
  /** The mark of a tenant's answer. */
  byResponse(tenant: string, responseId: string): Promise<Marked | undefined>
  /** Forgets the mark of an answer, for a call that was not settled. */
  free(responseId: string): Promise<void>
  /** Forgets at most `limit` marks that have expired; gives how many. */
  expire(limit: number): Promise<number>
}

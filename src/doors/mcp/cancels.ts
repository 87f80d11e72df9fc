// Finds the request that a notification of its cancelling is about, where each message comes in a request of its own.
import type { Caller } from '../../core/caller.ts'

/** Names a request of a client. */
export interface RequestName {
  readonly caller: Caller
  /** The session that the client was given; nothing but a name. */
  readonly session: string
  /** The client's own id of the request. */
  readonly id: string | number
}

/** The running requests of clients that have a session. They are in this process only. */
export interface Cancels {
  /** Keeps the way to cancel a request until the returned function is called. */
  running(name: RequestName, cancel: () => void): () => void
  /** Cancels a request; nothing happens when none of that caller has the name. */
  cancel(name: RequestName): void
}

/** Begins without any. */
export function createCancels(): Cancels {
  const running = new Map<string, () => void>()
  return {
    running(name, cancel) {
      const key = keyOf(name)
      running.set(key, cancel)
      return () => {
        if (running.get(key) === cancel) running.delete(key)
      }
    },
    cancel: name => running.get(keyOf(name))?.(),
  }
}

function keyOf({ caller: { tenant, subject }, session, id }: RequestName): string {
  return JSON.stringify([tenant, subject, session, id])
}

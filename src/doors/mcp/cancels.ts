// Finds the request that a notification of its cancelling is about, where each message comes in a request of its own.
import type { Caller } from '../../core/caller.ts'
import type { Shared } from '../../core/shared.ts'

/** Names a request of a client. */
export interface RequestName {
  readonly caller: Caller
  /** The session that the client was given; nothing but a name. */
  readonly session: string
  /** The client's own id of the request. */
  readonly id: string | number
}

/** The running requests of clients that have a session: those of this process, and the way to those of others. */
export interface Cancels {
  /** Keeps the way to cancel a request until the returned function is called. */
  running(name: RequestName, cancel: () => void): () => void
  /** Cancels a request, whichever process runs it; nothing happens when none of that caller has the name. */
  cancel(name: RequestName): void
}

/** What `createCancels` needs. */
export interface CancelsDeps {
  /** The way to the other processes: a client's connections need not end up in the same one. */
  readonly shared: Pick<Shared, 'publish' | 'subscribe'>
  /** Takes what goes wrong on that way. */
  readonly onFault: (fault: unknown) => void
}

const TOPIC = 'mcp:cancel'

/** Begins without any. */
export function createCancels({ shared, onFault }: CancelsDeps): Cancels {
  const running = new Map<string, () => void>()
  shared.subscribe(TOPIC, message => running.get(Buffer.from(message).toString())?.())
  return {
    running(name, cancel) {
      const key = keyOf(name)
      running.set(key, cancel)
      return () => {
        if (running.get(key) === cancel) running.delete(key)
      }
    },
    cancel(name) {
      const key = keyOf(name)
      const cancel = running.get(key)
      if (cancel !== undefined) cancel()
      else shared.publish(TOPIC, Buffer.from(key)).catch(onFault)
    },
  }
}

function keyOf({ caller: { tenant, subject }, session, id }: RequestName): string {
  return JSON.stringify([tenant, subject, session, id])
}

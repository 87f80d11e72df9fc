// State that the workers of a service share: another process owns it, and whatever is done here is done there, in the same order.
import type { LogPage, Shared } from '../../core/shared.ts'
import type { Channel, Handlers } from './channel.ts'
import { ASKED, type AskedName, HEARD, LISTEN, PUBLISH, questionOf, TAIL } from './shared-calls.ts'

/** What `createWorkersShared` needs. */
export interface WorkersSharedDeps {
  /** The way to the owner. */
  readonly channel: () => Pick<Channel, 'ask' | 'tell' | 'follow'>
  /** Takes what a listener throws. */
  readonly onFault: (fault: unknown) => void
}

/** The state as a worker sees it. */
export interface WorkersShared extends Shared {
  /** What the owner asks of this process. */
  readonly handlers: Handlers
}

type Listener = (message: Uint8Array) => void

/**
 * Makes it. An effect is there for the next call of this process as soon as the method has been called, because the owner does
 * everything in the order in which it was asked. Nothing of it outlives the owner.
 */
export function createWorkersShared({ channel, onFault }: WorkersSharedDeps): WorkersShared {
  const listeners = new Map<string, Set<Listener>>()
  const closing = new AbortController()

  function hear(topic: string, message: Uint8Array): void {
    // Over a copy: a listener may stop listening, or begin to, while it is told.
    for (const listener of [...(listeners.get(topic) ?? [])]) {
      try {
        listener(new Uint8Array(message))
      } catch (fault) {
        onFault(fault)
      }
    }
  }

  /** The methods that are asked as they are: the owner has the port, and gives what it gives. */
  function asked(): Pick<Shared, AskedName> {
    const methods = ASKED.map(name => {
      const question = questionOf(name)
      return [name, (...input: readonly unknown[]) => channel().ask(question, input)] as const
    })
    return Object.fromEntries(methods) as unknown as Pick<Shared, AskedName>
  }

  return {
    ...asked(),
    async *tail(log, after, signal) {
      signal.throwIfAborted()
      const ending = AbortSignal.any([signal, closing.signal])
      try {
        const pages = channel().follow(TAIL, [log, after], ending)
        for await (const page of pages) yield page as LogPage
      } catch (error) {
        signal.throwIfAborted()
        if (!closing.signal.aborted) throw error
      }
    },
    async publish(topic, message) {
      // Here at once; the answer comes when every other worker has heard it.
      hear(topic, message)
      await channel().ask(PUBLISH, [topic, message])
    },
    subscribe(topic, listener) {
      // Wrapped, so that the same function given twice is two listeners.
      const own: Listener = message => listener(message)
      const all = listeners.get(topic) ?? new Set()
      if (all.size === 0) channel().tell(LISTEN, [topic, true])
      listeners.set(topic, all.add(own))
      return () => {
        if (!all.delete(own) || all.size > 0 || listeners.get(topic) !== all) return
        listeners.delete(topic)
        channel().tell(LISTEN, [topic, false])
      }
    },
    async close() {
      closing.abort()
      for (const topic of listeners.keys()) channel().tell(LISTEN, [topic, false])
      listeners.clear()
    },
    handlers: {
      [HEARD]: ([topic, message]: readonly [string, Uint8Array]) => hear(topic, message),
    },
  }
}

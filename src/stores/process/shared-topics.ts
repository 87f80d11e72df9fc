// Messages within the process: whoever listens to a topic hears them at once.
import type { Shared } from '../../core/shared.ts'

/** Topics of the process. */
export interface ProcessTopics extends Pick<Shared, 'publish' | 'subscribe'> {
  /** Forgets who listens. */
  clear(): void
}

/** Makes topics to which nobody listens; `onFault` takes what a listener throws. */
export function createProcessTopics(onFault: (fault: unknown) => void): ProcessTopics {
  const listeners = new Map<string, Set<(message: Uint8Array) => void>>()
  return {
    async publish(topic, message) {
      // Over a copy: a listener may stop listening, or begin to, while it is told.
      for (const listener of [...(listeners.get(topic) ?? [])]) {
        try {
          listener(new Uint8Array(message))
        } catch (fault) {
          onFault(fault)
        }
      }
    },
    subscribe(topic, listener) {
      // Wrapped, so that the same function given twice is two listeners.
      const own = (message: Uint8Array): void => listener(message)
      const all = listeners.get(topic) ?? new Set()
      listeners.set(topic, all.add(own))
      return () => {
        all.delete(own)
        if (all.size === 0 && listeners.get(topic) === all) listeners.delete(topic)
      }
    },
    clear: () => listeners.clear(),
  }
}

// Notes when keys were last accepted, and writes that down from time to time: no call waits for it.
import type { Clock } from '../core/clock.ts'
import type { Keys } from '../core/keys.ts'
import type { Log } from '../core/log.ts'

/** The uses of keys. */
export interface KeyUses {
  note(keyId: string): void
  /** Writes down what was noted; resolves when that was tried. */
  flush(): Promise<void>
  /** Writes down the last ones and stops. */
  close(): Promise<void>
}

/** How often uses are written down, in milliseconds. */
export const FLUSH_MS = 60_000

// More keys than this in a minute are noted with the next one.
const NOTED_MAX = 10_000

/** Begins to note. */
export function createKeyUses({
  keys,
  clock,
  log,
}: {
  readonly keys: Pick<Keys, 'touch'>
  readonly clock: Clock
  readonly log: Log
}): KeyUses {
  let noted = new Map<string, number>()

  async function flush(): Promise<void> {
    if (noted.size === 0) return
    const uses = [...noted].map(([id, at]) => ({ id, at }))
    noted = new Map()
    try {
      await keys.touch(uses)
    } catch (err) {
      log.warn('the last uses of keys were not written down', { count: uses.length, err })
    }
  }

  const timer = setInterval(() => void flush(), FLUSH_MS).unref()
  return {
    note(keyId) {
      if (noted.size < NOTED_MAX || noted.has(keyId)) noted.set(keyId, clock.now())
    },
    flush,
    async close() {
      clearInterval(timer)
      await flush()
    },
  }
}

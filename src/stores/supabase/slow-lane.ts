// Carries what takes long beside the rest: entries stay in the outbox until they are through, and nothing waits for them.
import type { Clock } from '../../core/clock.ts'
import type { OutboxEntry } from '../../core/outbox.ts'
import type { Carry } from './carrier.ts'
import type { Unavailable } from './delivery.ts'
import { lastOfEach } from './window.ts'

/** What a slow lane is made from. */
export interface SlowLaneDeps {
  readonly carry: Carry
  readonly clock: Clock
  /** Entries at once. */
  readonly parallel: number
  /** Is told of trouble; gives how long the lane is to rest, in milliseconds. */
  readonly onTrouble: (trouble: Unavailable) => number
  /** Is told when entries have gone through without trouble. */
  readonly onThrough: () => void
}

/** A lane beside the others. */
export interface SlowLane {
  /** Takes on what it has room for; what it has already on its way it does not take again. */
  offer(entries: readonly OutboxEntry[]): void
  /** Resolves when nothing is on its way any more. */
  idle(): Promise<void>
}

/** Makes a lane. */
export function createSlowLane({ carry, clock, parallel, onTrouble, onThrough }: SlowLaneDeps): SlowLane {
  const running = new Map<string, Promise<void>>()
  let restsUntil = Number.NEGATIVE_INFINITY

  async function run(entry: OutboxEntry, earlier: ReadonlyMap<number, readonly number[]>): Promise<void> {
    let trouble: Unavailable | undefined
    try {
      trouble = await carry({ table: entry.table, entries: [entry], earlier })
    } catch (error) {
      trouble = { type: 'unavailable', because: 'trouble', code: 'outbox', message: String(error) }
    }
    running.delete(entry.id)
    if (trouble === undefined) onThrough()
    else restsUntil = clock.monotonic() + onTrouble(trouble)
  }

  return {
    offer(entries) {
      const { last, earlier } = lastOfEach(entries)
      for (const entry of last) {
        if (running.size >= parallel || clock.monotonic() < restsUntil) return
        if (!running.has(entry.id)) running.set(entry.id, run(entry, earlier))
      }
    },
    async idle() {
      await Promise.all(running.values())
    },
  }
}

// Ids of events: UUIDv7s of which later ones sort after earlier ones, also within a millisecond.
import type { Clock } from '../core/clock.ts'
import { uuidv7 } from '../core/ids.ts'

const COUNT_MAX = 0xfff

/** Makes the ids of one process: the twelve bits after the version count within a millisecond (RFC 9562 6.2, method 1). */
export function createEventIds(clock: Pick<Clock, 'now'>): () => string {
  let atMs = 0
  let count = 0
  return () => {
    const nowMs = Math.trunc(clock.now())
    // A clock that was set back must not make later events earlier.
    if (nowMs > atMs) {
      atMs = nowMs
      count = 0
    } else if (count < COUNT_MAX) count += 1
    else {
      atMs += 1
      count = 0
    }
    const id = uuidv7(atMs)
    return `${id.slice(0, 15)}${count.toString(16).padStart(3, '0')}${id.slice(18)}`
  }
}

// Places of calls in the order in which they began, over all workers: by time, and within the same moment by worker.
import type { Clock } from '../core/clock.ts'

/** Parts of a millisecond that are told apart. */
const PARTS = 64
/** More than there are workers. */
const SLOTS = 64

/** Makes the places of one worker: whole numbers below 2^53 until the year 2039, each above the one before. */
export function createPlaces(slot: number, clock: Pick<Clock, 'now'>): () => number {
  let last = 0
  return () => {
    last = Math.max(last + 1, Math.floor(clock.now() * PARTS))
    return last * SLOTS + (slot % SLOTS)
  }
}

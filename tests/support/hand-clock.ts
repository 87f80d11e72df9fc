// A clock that stands still until a test moves it.
import type { Clock } from '../../src/core/clock.ts'

/** A clock in the hands of a test. */
export interface HandClock extends Clock {
  /** Moves both times on by so many milliseconds. */
  pass(ms: number): void
}

/** Makes a clock that shows a time such as `2026-11-22T17:00:00Z`; its other time begins elsewhere, as on a machine. */
export function createHandClock(at = '2026-11-22T17:00:00Z'): HandClock {
  let passedMs = 0
  return {
    now: () => Date.parse(at) + passedMs,
    monotonic: () => 5000 + passedMs,
    pass(ms) {
      passedMs += ms
    },
  }
}

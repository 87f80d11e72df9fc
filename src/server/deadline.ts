// The timer behind a deadline, and what is said when it has passed.
import { GatewayError } from '../core/errors.ts'
import { timers } from '../core/timer-wheel.ts'

// The longest time that setTimeout takes (2^31 - 1); a longer one would fire at once.
const TIMER_MAX_MS = 2_147_483_647

/** From this time on, what the wheel may be late is less than a hundredth; nearly all calls have the default deadline. */
const COARSE_MIN_MS = 10_000

/** Calls back after so many milliseconds; at once when there are none, and never when they are too many to wait for. */
export function startDeadline(ms: number, expire: () => void): () => void {
  if (ms <= 0) expire()
  if (ms <= 0 || ms > TIMER_MAX_MS) return () => undefined
  if (ms >= COARSE_MIN_MS) {
    const timer = timers.start(ms, expire)
    return () => timers.stop(timer)
  }
  const timer = setTimeout(expire, ms).unref()
  return () => clearTimeout(timer)
}

/** Says that a call has had its time, in milliseconds. */
export function deadlineError(timeoutMs: number): GatewayError {
  return new GatewayError('DEADLINE_EXCEEDED', `the deadline of ${timeoutMs} ms has passed`)
}

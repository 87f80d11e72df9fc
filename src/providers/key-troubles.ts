// What may be wrong with a key: whom it keeps out, for how long, and what is said meanwhile.
import type { KeyTrouble, Reason } from '../core/errors.ts'

/** A trouble that keeps a key out; a limit of calls at once does not, it only leaves less room. */
export type OutTrouble = Exclude<KeyTrouble, 'concurrency'>

/** A time in which something is not used. Times are on the monotonic clock, in milliseconds. */
export interface Out {
  readonly trouble: OutTrouble
  readonly sinceMs: number
  readonly untilMs: number
}

interface TroubleRow {
  /** What is kept out: this key, every key with its bill, or this key for one model. */
  readonly scope: 'key' | 'account' | 'key_model'
  readonly reason: Reason
  readonly says: string
}

const SECOND_MS = 1000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
/** Longest time out: plans reset once a week. A longer one is a mistake in a date. */
const OUT_MS_MAX = 7 * 24 * HOUR_MS
const REFUSED_MS = 10 * MINUTE_MS
const REFUSED_MS_MAX = HOUR_MS
/** Shortest time out for what only a person mends: the wait in a header is about rates. */
const MENDED_MS_MIN = MINUTE_MS
/** Shortest and longest pause when a provider limits the rate and does not say how long; it varies, so that calls spread out. */
const RATE_MS = { min: SECOND_MS, max: 5 * SECOND_MS } as const
/** Up to this length an absence is no state to tell of: a caller just tries again. */
const MOMENT_MS = 10 * SECOND_MS

/** Every trouble that keeps a key out. */
export const TROUBLES = {
  auth: { scope: 'key', reason: 'UPSTREAM_CREDENTIALS', says: 'refused' },
  permission: { scope: 'key_model', reason: 'UPSTREAM_CREDENTIALS', says: 'permission' },
  quota: { scope: 'account', reason: 'UPSTREAM_CREDENTIALS', says: 'quota' },
  plan_window: { scope: 'account', reason: 'UPSTREAM_LIMITED', says: 'the window of the plan' },
  rate_limit: { scope: 'account', reason: 'UPSTREAM_LIMITED', says: 'rate limit' },
} as const satisfies Record<OutTrouble, TroubleRow>

/** What the length of an absence depends on. */
export interface Absence {
  readonly trouble: OutTrouble
  /** What the provider said, in milliseconds; undefined when it said nothing. */
  readonly waitMs: number | undefined
  /** How often the key was refused before, without having been taken in between. */
  readonly refusals: number
  readonly random: () => number
}

/** How long something stays out, in milliseconds: 0 to 7 days. */
export function absenceMs({ trouble, waitMs, refusals, random }: Absence): number {
  switch (trouble) {
    case 'auth': {
      // Keys come back by themselves rarely, but they do: a payment, an unlocked account, a key that was just made.
      const first = waitMs ?? REFUSED_MS
      return Math.min(first * 2 ** Math.min(refusals, 16), Math.max(first, REFUSED_MS_MAX), OUT_MS_MAX)
    }
    case 'rate_limit':
      return within(waitMs ?? RATE_MS.min + random() * (RATE_MS.max - RATE_MS.min))
    case 'permission':
    case 'quota':
      return within(Math.max(waitMs ?? HOUR_MS, MENDED_MS_MIN))
    case 'plan_window':
      return within(waitMs ?? HOUR_MS)
    default:
      return trouble satisfies never
  }
}

function within(ms: number): number {
  return Math.min(Math.max(ms, 0), OUT_MS_MAX)
}

/** Whether an absence is too short to be told as a state. */
export function isMoment({ sinceMs, untilMs }: Out): boolean {
  return untilMs - sinceMs <= MOMENT_MS
}

/** The one of two that ends later. */
export function longer(one: Out | undefined, other: Out): Out {
  return one === undefined || one.untilMs <= other.untilMs ? other : one
}

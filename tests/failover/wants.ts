// What scenarios expect, in the few forms that most of them share, and the limits that the service runs with.
import type { Reason, StatusName } from '../../src/core/errors.ts'
import type { CallPlan, Case, Play, Scenario, Want, WantAttempt, Who } from './scenario.ts'

/** The limits that the service is started with, in milliseconds. */
export const LIMITS = { connectMs: 500, firstTokenMs: 1500, idleMs: 2_000, requestMs: 20_000 } as const

/** How long circuits stay open where a scenario waits for it, in milliseconds. */
export const OPEN_MS = 2000

/** What a busy machine may add to any time, in milliseconds. */
export const SLACK_MS = 3000

/** Codes by reason, as the contract has them: written down once more, because the service must not be its own judge. */
const codes = {
  INVALID_REQUEST: 'INVALID_ARGUMENT',
  UNSUPPORTED: 'INVALID_ARGUMENT',
  CONTEXT_TOO_LONG: 'INVALID_ARGUMENT',
  MODEL_NOT_FOUND: 'NOT_FOUND',
  CONTENT_REFUSED: 'FAILED_PRECONDITION',
  IDEMPOTENCY_MISMATCH: 'FAILED_PRECONDITION',
  UPSTREAM_UNAVAILABLE: 'UNAVAILABLE',
  UPSTREAM_LIMITED: 'UNAVAILABLE',
  UPSTREAM_CREDENTIALS: 'UNAVAILABLE',
  UPSTREAM_BROKEN: 'ABORTED',
  DEADLINE_EXCEEDED: 'DEADLINE_EXCEEDED',
} as const satisfies Partial<Record<Reason, StatusName>>

type WantOf<End extends Want['end']> = Extract<Want, { readonly end: End }>

/** An attempt that answered in full. */
export const succeeded = (who: Who, key?: string): WantAttempt => ({
  who,
  outcome: 'SUCCEEDED',
  ...(key === undefined ? {} : { key }),
})

/** An attempt that gave nothing that could be used. */
export const failed = (who: Who, error: Reason, key?: string): WantAttempt => ({
  who,
  outcome: 'FAILED',
  error,
  ...(key === undefined ? {} : { key }),
})

/** An attempt that broke after its first output. */
export const broken = (who: Who): WantAttempt => ({ who, outcome: 'BROKEN', error: 'UPSTREAM_BROKEN' })

/** An attempt that was ended from outside. */
export const cancelled = (who: Who, error: Reason): WantAttempt => ({ who, outcome: 'CANCELLED', error })

/** The preferred provider answers by itself, after so long at most. */
export const answers = (afterMs = 0, more: Partial<WantOf<'answered'>> = {}): Want => ({
  end: 'answered',
  by: 'preferred',
  attempts: [succeeded('preferred')],
  withinMs: afterMs + SLACK_MS,
  booked: 'reported',
  ...more,
})

/** The preferred one fails for this reason, and the fallback answers, after so long at most. */
export const goesOn = (error: Reason, afterMs = 0): WantOf<'answered'> => ({
  end: 'answered',
  by: 'fallback',
  attempts: [failed('preferred', error), succeeded('fallback')],
  withinMs: afterMs + SLACK_MS,
  booked: 'reported',
})

/** The call fails for this reason at once, nobody else is asked, and nothing is booked. */
export const stops = (reason: keyof typeof codes, more: Partial<WantOf<'failed'>> = {}): Want => ({
  end: 'failed',
  code: codes[reason],
  reason,
  text: 'none',
  attempts: [failed('preferred', reason)],
  withinMs: SLACK_MS,
  booked: 'nothing',
  ...more,
})

/**
 * The answer began and broke before any of it was passed on: the fallback answers, and what the first one may bill is booked
 * as well.
 */
export const spoils = (afterMs = 0): Want => ({ ...goesOn('UPSTREAM_BROKEN', afterMs), booked: 'both' })

/** The same where nobody else is left: the caller is told, and what may be billed is booked. */
export const spoilsAlone = (afterMs = 0): Want =>
  stops('UPSTREAM_BROKEN', { booked: 'counted', withinMs: afterMs + SLACK_MS })

/** The answer breaks after its first output: the caller is told, and no other provider goes on in its place. */
export const breaks = (afterMs = 0): Want =>
  stops('UPSTREAM_BROKEN', {
    text: 'beginning',
    attempts: [broken('preferred')],
    booked: 'counted',
    withinMs: afterMs + SLACK_MS,
  })

/** The caller leaves while this many attempts have begun: the last one may be billed. */
export const left = (...attempts: readonly WantAttempt[]): Want => ({
  end: 'left',
  attempts,
  withinMs: LIMITS.firstTokenMs + SLACK_MS,
  booked: 'counted',
})

/** A provider that meets every request with these faults. */
export const meeting = (...faults: readonly string[]): Play => ({ turns: [{ faults }] })

/** One call with one expectation. */
export const one = (want: Want, more: Omit<CallPlan, 'want'> = {}): readonly CallPlan[] => [{ want, ...more }]

/** A case in which only the preferred provider does anything unusual. */
export const met = (preferred: Play, want: Want, more: Partial<Case> = {}): Case => ({
  preferred,
  calls: one(want),
  ...more,
})

/** The same case for both shapes. */
export const both = (each: Case): Scenario['cases'] => ({ unary: each, stream: each })

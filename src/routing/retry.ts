// What may follow a failed attempt: nothing, whoever is next, or the same candidate once more. Pure: it decides, and waits for nobody.
import type { GatewayError, Reason } from '../core/errors.ts'

/** What follows. */
export type AfterFailure =
  | { readonly type: 'stop' }
  /** Whoever is left, if only the same candidate with another key. With nobody left it is as good as `stop`. */
  | { readonly type: 'next' }
  | { readonly type: 'retry'; readonly afterMs: number }

/** A failed attempt that put nothing out, and what the call still has. */
export interface FailedAttempt {
  /** Its own limits, deadline and end are told as its error. */
  readonly error: GatewayError
  /** How often this candidate was asked, this time included. */
  readonly triesOfCandidate: number
  /** Until the call's deadline, in milliseconds. */
  readonly remainingMs: number
  /** Whether somebody else is left whom asking may help after this failure. */
  readonly hasNext: boolean
  /** Whether the caller marked the call so that asking twice is safe. */
  readonly isIdempotent: boolean
  /** Whether the caller named who else may answer when one refuses the content. */
  readonly mayChangeMind: boolean
  /** From 0 to below 1. */
  readonly random: () => number
}

/** Most attempts of one candidate in one call. */
export const TRIES_MAX = 2
/** Longest wait for a retry, in milliseconds: whoever asks for more gets no retry, and the caller is told the time. */
export const RETRY_WAIT_MS_MAX = 5_000
/** A wait when nobody says how long, in milliseconds; it varies, so that retries spread out. */
export const BACK_OFF_MS = { min: 100, max: 500 } as const
/** Most that is added to a wait that was asked for, in milliseconds: its end is the same moment for everybody. */
const SPREAD_MS = 100

/**
 * What a failure before any output allows. `always` and `if_next`: somebody else may be asked, the latter only where one is
 * left for whom it is worth it. `if_named`: only if the caller named others for this. `if_next_or_marked`: it may be billed, so
 * only a caller who marked the call has the same candidate asked again; somebody else is no repetition, and is asked for all.
 */
type Rule = 'stop' | 'always' | 'if_next' | 'if_named' | 'if_next_or_marked'

/** Every reason and what follows it. */
const RULES = {
  INVALID_REQUEST: 'stop',
  // Somebody else may be able to, or have a larger window.
  UNSUPPORTED: 'if_next',
  CONTEXT_TOO_LONG: 'if_next',
  UNAUTHENTICATED: 'stop',
  PERMISSION_DENIED: 'stop',
  // Of the provider: ours is told before anybody is asked.
  MODEL_NOT_FOUND: 'if_next',
  FILE_NOT_FOUND: 'stop',
  CONVERSATION_NOT_FOUND: 'stop',
  STREAM_NOT_FOUND: 'stop',
  KEY_NOT_FOUND: 'stop',
  NO_CANDIDATE: 'stop',
  // Another opinion on what was refused is asked for by those only who say so.
  CONTENT_REFUSED: 'if_named',
  IDEMPOTENCY_MISMATCH: 'stop',
  RATE_LIMITED: 'stop',
  BUDGET_SPENT: 'stop',
  TOO_MANY_CALLS: 'stop',
  // Our own limit for this candidate.
  OVERLOADED: 'if_next',
  STORAGE_FULL: 'stop',
  UPSTREAM_UNAVAILABLE: 'always',
  UPSTREAM_LIMITED: 'always',
  UPSTREAM_CREDENTIALS: 'always',
  SHUTTING_DOWN: 'stop',
  UPSTREAM_BROKEN: 'if_next_or_marked',
  STREAM_LOST: 'stop',
  OUTCOME_UNKNOWN: 'stop',
  DEADLINE_EXCEEDED: 'stop',
  CANCELLED: 'stop',
  INTERNAL: 'stop',
} as const satisfies Record<Reason, Rule>

/**
 * Decides what follows. Going on to somebody else comes first: it costs nothing, and a wait is paid by the caller. The same
 * candidate is asked again only if it is certain that it did not take the request up, or if the caller marked the call.
 */
export function afterFailure(failed: FailedAttempt): AfterFailure {
  const { error, hasNext, isIdempotent, mayChangeMind } = failed
  const rule: Rule = RULES[error.reason]
  switch (rule) {
    case 'stop':
      return { type: 'stop' }
    case 'if_next':
      return { type: hasNext ? 'next' : 'stop' }
    case 'if_named':
      return { type: hasNext && mayChangeMind ? 'next' : 'stop' }
    case 'if_next_or_marked':
      if (hasNext) return { type: 'next' }
      return (isIdempotent ? retryOf(failed) : undefined) ?? { type: 'stop' }
    case 'always':
      return hasNext ? { type: 'next' } : (retryOf(failed) ?? { type: 'next' })
    default:
      return rule satisfies never
  }
}

function retryOf(failed: FailedAttempt): AfterFailure | undefined {
  const { error, triesOfCandidate, remainingMs, isIdempotent, random } = failed
  if (triesOfCandidate >= TRIES_MAX) return undefined
  // A refused key is refused again, and another one is not asked as a retry.
  if (error.reason === 'UPSTREAM_CREDENTIALS' || error.details.keyBackMs === 0) return undefined
  if (!isIdempotent && !isUntaken(error)) return undefined
  const asked = Math.max(error.details.retryDelayMs ?? 0, error.details.keyBackMs ?? 0)
  const backOffMs = BACK_OFF_MS.min + random() * (BACK_OFF_MS.max - BACK_OFF_MS.min)
  const afterMs = Math.ceil(Math.max(backOffMs, asked + random() * SPREAD_MS))
  if (asked > RETRY_WAIT_MS_MAX || afterMs >= remainingMs) return undefined
  return { type: 'retry', afterMs }
}

/** Whether it is certain that the request was not taken up. A limit always says so, whoever's it is and however it is told. */
function isUntaken({ reason, details }: GatewayError): boolean {
  return reason === 'UPSTREAM_LIMITED' || details.isUntaken === true
}

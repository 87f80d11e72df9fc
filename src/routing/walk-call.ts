// What one call walks along, and what the walks of all calls share.
import type { Clock } from '../core/clock.ts'
import type { GatewayError } from '../core/errors.ts'
import type { AttemptHold } from '../core/limits.ts'
import type { Candidate, WarningInit } from '../core/provider.ts'
import type { Attempt, AttemptQuestion } from './attempt.ts'
import type { AttemptLimits } from './attempt-silences.ts'
import type { Circuits } from './circuit.ts'
import type { Leases } from './leases.ts'
import type { Live } from './live.ts'
import type { RetryBudget } from './retry-budget.ts'

/** What every walk of the process shares. */
export interface WalkDeps {
  readonly circuits: Circuits
  readonly leases: Leases
  readonly live: Live
  readonly budget: RetryBudget
  readonly limits: AttemptLimits
  readonly clock: Clock
  /** From 0 to below 1. Default: Math.random. */
  readonly random?: () => number
}

/** A limit of the caller stands in the way of asking somebody. */
export interface HoldRefused {
  readonly error: GatewayError
  /** Whether that is money, and not a rate. */
  readonly isMoney: boolean
}

/** Takes an attempt that begins, or has ended. */
export type AttemptSink = (attempt: Attempt, phase: 'started' | 'ended') => void

/** What one call walks along. */
export interface WalkInput {
  /** Who is asked, in order. */
  readonly candidates: readonly Candidate[]
  /** Ends the walk with the call; its reason is a GatewayError. */
  readonly signal: AbortSignal
  /** When the call began, on the monotonic clock. */
  readonly startedAtMs: number
  /** When the call must be over, on the monotonic clock. */
  readonly deadlineAtMs: number
  /** Whose turn it is where calls wait for room. */
  readonly tenant: string
  /** Makes what a candidate is asked, with a cap where the caller's limits leave room for no more. */
  readonly question: (
    candidate: Candidate,
    warn: (warning: WarningInit) => void,
    outputCap?: number,
  ) => Omit<AttemptQuestion, 'prefill' | 'stream' | 'waiting'>
  /** Whether the answer is asked for as a stream. */
  readonly isStream: boolean
  /** Whether another key or address of a candidate may help after this failure of its own. */
  readonly anotherKeyHelps: (candidate: Candidate, error: GatewayError) => boolean
  /** Whether the call can pay for a candidate beside those that may be billed already. Absent: it has no ceiling. */
  readonly mayAfford?: ((candidate: Candidate, billed: readonly Candidate[]) => boolean) | undefined
  /** Reserves what asking a candidate may take of the caller's limits; undefined when none counts it. Absent: there are none. */
  readonly reserve?:
    | ((candidate: Candidate) => undefined | AttemptHold | HoldRefused | Promise<AttemptHold | HoldRefused>)
    | undefined
  /** Whether asking twice is safe, because the caller marked the call so. */
  readonly isIdempotent: boolean
  /** Whether the caller named who else may answer, also when the first one refuses the content. */
  readonly mayChangeMind: boolean
  /** Whether a second candidate may be asked while the first one is slow to begin its stream. */
  readonly mayHedge: boolean
  /** Hears of every attempt, when it begins and when it has ended; must not throw. Absent: nobody wants to know. */
  readonly onAttempt?: AttemptSink | undefined
  /** The text that is to be gone on with. Default: none. */
  readonly prefill?: string
}

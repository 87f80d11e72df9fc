// The one loop over the candidates of a call: asks one after another until the first good event, and nothing else loops.
import type { MessageInitShape } from '@bufbuild/protobuf'
import { type RouteSkipSchema, RouteSkip_Reason as Skip } from '#gen/exai/v1/route_pb'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import type { Candidate, WarningInit } from '../core/provider.ts'
import {
  type Attempt,
  type AttemptLimits,
  type AttemptQuestion,
  type AttemptWatch,
  createAttempt,
} from './attempt.ts'
import type { Circuits } from './circuit.ts'
import type { Permit } from './circuit-permit.ts'
import { type Begun, hedgeDelayMs, raceOf } from './hedge.ts'
import type { Lease, Leases } from './leases.ts'
import type { Live } from './live.ts'
import { afterFailure } from './retry.ts'
import type { RetryBudget } from './retry-budget.ts'
import { seenOf } from './seen.ts'

type SkipInit = MessageInitShape<typeof RouteSkipSchema>

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

/** What one call walks along. */
export interface WalkInput {
  /** Who is asked, in order. */
  readonly candidates: readonly Candidate[]
  /** Ends the walk with the call; its reason is a GatewayError. */
  readonly signal: AbortSignal
  /** When the call must be over, on the monotonic clock. */
  readonly deadlineAtMs: number
  /** Whose turn it is where calls wait for room. */
  readonly tenant: string
  /** Makes what a candidate is asked. */
  readonly question: (
    candidate: Candidate,
    warn: (warning: WarningInit) => void,
  ) => Omit<AttemptQuestion, 'prefill' | 'stream' | 'waiting'>
  /** Whether the answer is asked for as a stream. */
  readonly isStream: boolean
  /** Whether asking a candidate can help after this failure of the one before it. */
  readonly isWorthAsking: (candidate: Candidate, failure: GatewayError | undefined) => boolean
  /** Whether asking twice is safe, because the caller marked the call so. */
  readonly isIdempotent: boolean
  /** Whether the caller named who else may answer, also when the first one refuses the content. */
  readonly mayChangeMind: boolean
  /** Whether a second candidate may be asked while the first one is slow to begin. */
  readonly mayHedge: boolean
}

/** The way of one call along its candidates. */
export interface Walk {
  /** Every attempt, in the order in which they began. */
  readonly attempts: readonly Attempt[]
  /** Those that were passed over on the way. */
  readonly skipped: readonly SkipInit[]
  /** Asks until somebody's first good event: what came up to it. Throws the last failure when nobody is left. */
  begin(): Promise<Begun>
  /**
   * After an answer broke: asks for what follows its text, of those behind the one that gave it and then of that one again,
   * as far as they continue texts. Throws as `begin` does; NO_CANDIDATE when there is nobody to ask.
   */
  goOn(broken: Attempt, text: string): Promise<Begun>
}

/** Makes the walk of one call; nobody is asked before `begin`. */
export function createWalk(input: WalkInput, deps: WalkDeps): Walk {
  const { signal } = input
  const candidates = [...input.candidates]
  const { clock, circuits, leases, live, budget } = deps
  const attempts: Attempt[] = []
  const skipped: SkipInit[] = []
  let place = 0
  let failure: GatewayError | undefined
  /** Windows that proved too small: a smaller one need not be tried. */
  let tooSmall = 0
  /** The text to go on with. */
  let prefill: string | undefined

  function isWorthIt(candidate: Candidate): boolean {
    if (prefill !== undefined && candidate.provider.continues?.(candidate.model.id) !== true) return false
    if (tooSmall > 0 && (candidate.model.contextWindow ?? 0) <= tooSmall) return false
    return input.isWorthAsking(candidate, failure)
  }

  /** Whether somebody is left to ask; another key of the same candidate has no more room than this one. */
  function hasNext(withSpares: boolean): boolean {
    return candidates
      .slice(place)
      .some(candidate => (withSpares || candidate.isSpare !== true) && isWorthIt(candidate))
  }

  function skip({ provider, model }: Candidate, reason: Skip, message: string): void {
    skipped.push({ provider: provider.id, model: model.id, reason, message })
  }

  /** Starts an attempt if there is room and leave for it; otherwise says who was passed over, and why. */
  async function start(candidate: Candidate, mayWait: boolean): Promise<Attempt | undefined> {
    // Before the attempt exists: a call that asks nobody has used nothing.
    signal.throwIfAborted()
    const who = { provider: candidate.provider.id, model: candidate.model.id }
    const refusal = circuits.refusal(who.provider, who.model)
    let lease: Lease | undefined
    if (refusal === undefined) {
      try {
        const taken = leases.take({ ...who, tenant: input.tenant }, { mayWait, signal })
        lease = taken instanceof Promise ? await taken : taken
      } catch (caught) {
        failure = GatewayError.from(caught)
        if (signal.aborted) throw failure
      }
      if (lease === undefined) {
        skip(candidate, Skip.BUSY, 'as many calls run as its limit allows')
        return undefined
      }
    }
    const permit = refusal === undefined ? circuits.admit(who.provider, who.model) : undefined
    if (permit === undefined) {
      lease?.release()
      const { message, retryAfterMs } = refusal ??
        circuits.refusal(who.provider, who.model) ?? {
          message: 'its circuit is being tried',
          retryAfterMs: 0,
        }
      skip(candidate, Skip.CIRCUIT_OPEN, message)
      failure ??= new GatewayError('UPSTREAM_UNAVAILABLE', `${who.provider}/${who.model}: ${message}`, {
        ...who,
        retryDelayMs: retryAfterMs,
        against: 'nobody',
      })
      return undefined
    }
    if (attempts.length === 0) budget.attempted()
    const attempt: Attempt = createAttempt({
      candidate,
      signal,
      question: warn => ({
        ...input.question(candidate, warn),
        stream: input.isStream,
        ...(mayWait && { waiting: { tenant: input.tenant, ...leases.rules() } }),
        ...(prefill !== undefined && { prefill }),
      }),
      limits: deps.limits,
      clock,
      watch: watchOf(permit, lease, () => attempt),
    })
    attempts.push(attempt)
    return attempt
  }

  /** Hands the outcome of an attempt to whoever judges by it, and gives back what it held. */
  function watchOf(permit: Permit, lease: Lease | undefined, attempt: () => Attempt): AttemptWatch {
    return {
      began: () => permit.succeeded(),
      ended({ error, cancelled }) {
        if (cancelled) permit.release()
        else if (error === undefined) permit.succeeded()
        else permit.failed(error)
        const seen = seenOf(attempt(), { isStream: input.isStream, error, cancelled })
        if (seen !== undefined) live.observe(seen)
      },
      released() {
        permit.release()
        lease?.release()
      },
    }
  }

  /** Starts the next candidate that can be asked; undefined when none is left. */
  async function startNext(mayWait: boolean): Promise<Attempt | undefined> {
    for (let candidate = candidates[place]; candidate !== undefined; candidate = candidates[place]) {
      place += 1
      if (!isWorthIt(candidate)) continue
      const attempt = await start(candidate, mayWait && !hasNext(false))
      if (attempt !== undefined) return attempt
    }
    return undefined
  }

  /** The first good event of an attempt, or of a hedge beside it. */
  function first(attempt: Attempt): Promise<Begun> {
    const delayMs =
      input.mayHedge && prefill === undefined ? hedgeDelayMs(attempt.candidate, live) : undefined
    if (delayMs === undefined) return attempt.begin().then(deltas => ({ attempt, first: deltas }))
    const second = (): Promise<Attempt | undefined> =>
      hasNext(false) && budget.take() ? startNext(false) : Promise.resolve(undefined)
    return raceOf(attempt, second, delayMs)
  }

  async function walk(): Promise<Begun> {
    let tries = 0
    let again: Candidate | undefined
    for (;;) {
      const attempt = again === undefined ? await startNext(true) : await start(again, true)
      if (attempt === undefined) {
        if (again === undefined) throw failure ?? new GatewayError('NO_CANDIDATE', 'nobody was asked')
        again = undefined
        continue
      }
      tries = again === undefined ? 1 : tries + 1
      again = undefined
      try {
        return await first(attempt)
      } catch (caught) {
        failure = soonest(GatewayError.from(caught), failure)
      }
      if (signal.aborted) throw failure
      if (failure.reason === 'CONTEXT_TOO_LONG') tooSmall = attempt.candidate.model.contextWindow ?? tooSmall
      const next = afterFailure({
        error: failure,
        triesOfCandidate: tries,
        remainingMs: input.deadlineAtMs - clock.monotonic(),
        hasNext: hasNext(true),
        isIdempotent: input.isIdempotent,
        mayChangeMind: input.mayChangeMind,
        random: deps.random ?? Math.random,
      })
      if (next.type === 'stop') throw failure
      if (next.type === 'retry' && budget.take()) {
        await pause(next.afterMs, signal)
        again = attempt.candidate
      }
    }
  }

  return {
    attempts,
    skipped,
    begin: walk,
    goOn(broken, text) {
      prefill = text
      failure = undefined
      const { isSpare: _, ...itself } = broken.candidate
      candidates.push(itself)
      return walk()
    },
  }
}

/** A failure that tells the shortest wait of all so far. */
function soonest(error: GatewayError, before: GatewayError | undefined): GatewayError {
  const known = before?.details.retryDelayMs
  const own = error.details.retryDelayMs
  if (error.code !== 'UNAVAILABLE' || known === undefined || (own !== undefined && own <= known)) return error
  return own === undefined ? error : error.with({ retryDelayMs: known })
}

/** Waits; throws the signal's reason when it aborts. */
function pause(ms: number, signal: AbortSignal): Promise<void> | undefined {
  if (ms <= 0) return undefined
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer)
      reject(signal.reason)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    }, ms)
    signal.addEventListener('abort', onAbort, { once: true })
  })
}

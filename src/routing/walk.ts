// The one loop over the candidates of a call: asks one after another until the first good event, and nothing else loops.
import type { MessageInitShape } from '@bufbuild/protobuf'
import {
  RouteAttempt_Outcome as Outcome,
  type RouteSkipSchema,
  RouteSkip_Reason as Skip,
} from '#gen/exai/v1/route_pb'
import type { GatewayError } from '../core/errors.ts'
import type { AttemptHold } from '../core/limits.ts'
import { pause } from '../core/pause.ts'
import type { Candidate } from '../core/provider.ts'
import type { AttemptCause } from '../core/settlement.ts'
import { admit } from './admission.ts'
import { type Attempt, createAttempt } from './attempt.ts'
import { type Asked, asked, type Begun, type Failed, hedgeDelayMs, raced } from './hedge.ts'
import { type AfterFailure, afterFailure } from './retry.ts'
import type { WalkDeps, WalkInput } from './walk-call.ts'
import { endOf } from './walk-end.ts'
import { heldFor, watchOf } from './walk-hold.ts'

type SkipInit = MessageInitShape<typeof RouteSkipSchema>

/** The way of one call along its candidates. */
export interface Walk {
  /** Every attempt, in the order in which they began. */
  readonly attempts: readonly Attempt[]
  /** Those that were passed over on the way. */
  skipped(): readonly SkipInit[]
  /** Milliseconds in which the call waited for places and between retries. */
  waitedMs(): number
  /** What is held of the caller's limits for an attempt; undefined when nothing is. */
  holdOf(attempt: Attempt): AttemptHold | undefined
  /** Asks until somebody's first good event: what came up to it. Throws the last failure when nobody is left. */
  begin(): Promise<Begun>
  /**
   * The way on after an answer broke: those behind the one that gave it, and that one again, as far as they continue texts.
   * Its attempts are counted with the ones before.
   */
  goOn(broken: Attempt, input: Pick<WalkInput, 'question' | 'reserve'> & { readonly prefill: string }): Walk
}

/** Most keys that one candidate is asked with: each refused one costs the caller time. */
export const KEYS_MAX = 3

/** A candidate and how often it was asked. */
interface Place {
  readonly candidate: Candidate
  /** This time included; other keys are not counted. */
  readonly tries: number
  readonly keys: number
  /** Whether it was asked with leave to wait for room: then its want of room is its answer. */
  readonly waited?: boolean
}

/** What the parts of a way have in common. */
interface Trail {
  readonly attempts: Attempt[]
  readonly places: Map<Attempt, Place>
  readonly skips: Map<Candidate, SkipInit>
  readonly holds: Map<Attempt, AttemptHold>
  waitedMs: number
}

/** Makes the walk of one call; nobody is asked before `begin`. */
export function createWalk(
  input: WalkInput,
  deps: WalkDeps,
  trail: Trail = { attempts: [], places: new Map(), skips: new Map(), holds: new Map(), waitedMs: 0 },
): Walk {
  const { signal } = input
  const { clock, circuits, leases, live, budget, random = Math.random } = deps
  const queue: Place[] = input.candidates.map(candidate => ({ candidate, tries: 1, keys: 1 }))
  /** Those who had no room or leave for the moment; they are looked at once more when nobody else is left. */
  const passed: Place[] = []
  const failures: GatewayError[] = []
  /** Of those who were not asked. They tell nothing of anybody who was. */
  const refusals: GatewayError[] = []
  /** The last failure after which somebody else was to be asked. */
  let last: Failed | undefined
  /** A window that proved too small: a smaller one need not be tried. */
  let tooSmall = 0

  function isWorthIt(place: Place): boolean {
    const { provider, model } = place.candidate
    if (input.prefill !== undefined && provider.continues?.(model.id) !== true) return false
    return (model.contextWindow ?? Number.POSITIVE_INFINITY) > tooSmall && isAffordable(place)
  }

  function isAffordable({ candidate }: Pick<Place, 'candidate'>): boolean {
    if (input.mayAfford === undefined) return true
    const billed = trail.attempts.filter(one => one.mayBeBilled()).map(attempt => attempt.candidate)
    return billed.length === 0 || input.mayAfford(candidate, billed)
  }

  function mayBeAsked(place: Place): boolean {
    const { provider, model } = place.candidate
    return circuits.refusal(provider.id, model.id) === undefined && isWorthIt(place)
  }

  /** Whether somebody is left who could be asked now, or as soon as there is a place. */
  const hasNext = (): boolean => queue.some(mayBeAsked) || passed.some(mayBeAsked)

  function skip(candidate: Candidate, reason: Skip, message: string): void {
    const { provider, model } = candidate
    trail.skips.set(candidate, { provider: provider.id, model: model.id, reason, message })
  }

  /** Starts an attempt where that is allowed now, or later if it may wait. A hedge must be paid from the budget. */
  async function start(place: Place, mayWait: boolean, isHedge = false): Promise<Attempt | undefined> {
    // Before the attempt exists: a call that asks nobody has used nothing.
    signal.throwIfAborted()
    const { candidate } = place
    const admitting = admit(candidate, mayWait, { circuits, leases, tenant: input.tenant, signal })
    const admitted = admitting instanceof Promise ? await waited(admitting) : admitting
    if ('error' in admitted) {
      refusals.push(admitted.error)
      skip(candidate, admitted.reason, admitted.message)
      if (!mayWait) passed.push(place)
      return undefined
    }
    if (isHedge && !budget.take()) {
      admitted.permit.release()
      admitted.lease.release()
      queue.unshift(place)
      return undefined
    }
    const reserving = input.reserve?.(candidate)
    const holding = reserving === undefined ? undefined : heldFor(reserving, admitted, signal)
    const hold = holding instanceof Promise ? await holding : holding
    if (hold !== undefined && 'error' in hold) {
      refusals.push(hold.error)
      skip(candidate, hold.isMoney ? Skip.PRICE : Skip.BUSY, hold.error.message)
      // What runs beside it may give its room back by failing.
      if (isHedge) passed.push(place)
      return undefined
    }
    trail.skips.delete(candidate)
    if (trail.attempts.length === 0) budget.attempted()
    const attempt: Attempt = createAttempt({
      candidate,
      signal,
      question: warn => ({
        ...input.question(candidate, warn, hold?.outputCap),
        stream: input.isStream,
        ...(input.prefill !== undefined && { prefill: input.prefill }),
        ...(mayWait && { waiting: { tenant: input.tenant, ...leases.rules() } }),
      }),
      limits: deps.limits,
      clock,
      callStartedAtMs: input.startedAtMs,
      watch: watchOf({ ...admitted, ...input, hold, live }, () => attempt),
      cause: isHedge ? 'hedge' : causeOf(candidate),
    })
    trail.attempts.push(attempt)
    trail.places.set(attempt, { ...place, waited: mayWait })
    if (hold !== undefined) trail.holds.set(attempt, hold)
    return attempt
  }

  /** Why a candidate is asked that is not a hedge. */
  function causeOf(candidate: Candidate): AttemptCause {
    if (trail.attempts.length === 0) return 'first'
    return trail.attempts.some(attempt => attempt.candidate === candidate) ? 'retry' : 'fallback'
  }

  async function waited<T>(work: Promise<T>): Promise<T> {
    const sinceMs = clock.monotonic()
    try {
      return await work
    } finally {
      trail.waitedMs += clock.monotonic() - sinceMs
    }
  }

  /** Starts the next one that can be asked; undefined when none is left. Only the last ones are waited for. */
  async function startNext(): Promise<Attempt | undefined> {
    for (let place = queue.shift(); place !== undefined; place = queue.shift()) {
      const attempt = isWorthIt(place) ? await start(place, !hasNext()) : undefined
      if (attempt !== undefined) return attempt
    }
    const round = passed.splice(0)
    for (let place = round.shift(); place !== undefined; place = round.shift()) {
      const attempt = isWorthIt(place) ? await start(place, true) : undefined
      if (attempt === undefined) continue
      passed.push(...round)
      return attempt
    }
    return undefined
  }

  /** Starts one beside an attempt that is slow; nobody is waited for, and who cannot be asked now is kept for later. */
  async function startBeside(): Promise<Attempt | undefined> {
    for (let left = queue.length; left > 0 && !signal.aborted; left -= 1) {
      const place = queue.shift()
      if (place === undefined) break
      if (!isWorthIt(place)) {
        passed.push(place)
        continue
      }
      const attempt = await start(place, false, true)
      if (attempt !== undefined || queue[0] === place) return attempt
    }
    return undefined
  }

  function ask(attempt: Attempt): Promise<Asked> {
    const mayHedge = input.mayHedge && input.isStream && input.prefill === undefined
    const delayMs = mayHedge ? hedgeDelayMs(attempt.candidate, live) : undefined
    return delayMs === undefined ? asked(attempt) : raced(attempt, startBeside, delayMs)
  }

  /** Learns from those who were asked together and failed, and makes ready for what follows. Throws when that is nothing. */
  async function learn(ended: readonly Failed[]): Promise<void> {
    const judged: Failed[] = []
    for (const failed of ended) {
      const { attempt, error } = failed
      const place = placeOf(attempt)
      ;(error.reason === 'OVERLOADED' ? refusals : failures).push(error)
      if (error.reason === 'CONTEXT_TOO_LONG')
        tooSmall = Math.max(tooSmall, attempt.candidate.model.contextWindow ?? 0)
      if (place.keys < KEYS_MAX && input.anotherKeyHelps(place.candidate, error))
        queue.unshift({ ...place, keys: place.keys + 1 })
      // Its keys are full by our own limits, and nobody was asked: there may be room when all others have failed.
      else if (error.reason === 'OVERLOADED' && place.waited !== true) passed.push(place)
      else judged.push(failed)
    }
    const verdicts = judged.map(failed => ({ failed, next: verdictOn(failed, hasNext()) }))
    const stopped = verdicts.find(({ next }) => next.type === 'stop')
    if (stopped !== undefined) throw failedWith(stopped.failed.error)
    last = judged.at(-1)
    for (const { failed, next } of verdicts) if (await again(failed, next)) return
  }

  function placeOf(attempt: Attempt): Place {
    return trail.places.get(attempt) ?? { candidate: attempt.candidate, tries: 1, keys: 1 }
  }

  function verdictOn({ attempt, error }: Failed, isSomebodyLeft: boolean): AfterFailure {
    return afterFailure({
      error,
      triesOfCandidate: placeOf(attempt).tries,
      remainingMs: input.deadlineAtMs - clock.monotonic(),
      hasNext: isSomebodyLeft,
      isIdempotent: input.isIdempotent,
      mayChangeMind: input.mayChangeMind,
      random,
    })
  }

  /** Makes ready to ask the same one again, after a pause, where that is the verdict and the call and the budget can pay. */
  async function again({ attempt }: Failed, next: AfterFailure): Promise<boolean> {
    const place = placeOf(attempt)
    if (next.type !== 'retry' || !isWorthIt(place) || !budget.take()) return false
    last = undefined
    trail.waitedMs += next.afterMs
    await pause(next.afterMs, signal)
    queue.unshift({ ...place, tries: place.tries + 1 })
    return true
  }

  /** Whoever was to be asked after the last failure could not be: it is judged once more, with nobody left. */
  async function reconsider(): Promise<boolean> {
    return last !== undefined && again(last, verdictOn(last, false))
  }

  function failedWith(error?: GatewayError): GatewayError {
    const asked = new Set(trail.attempts.map(({ candidate }) => candidate))
    for (const candidate of input.candidates)
      if (!asked.has(candidate) && !isAffordable({ candidate }))
        skip(candidate, Skip.PRICE, 'with what was asked before it, the call may cost more than its ceiling')
    return endOf(failures, refusals, error)
  }

  return {
    attempts: trail.attempts,
    skipped: () => [...trail.skips.values()],
    waitedMs: () => trail.waitedMs,
    holdOf: attempt => trail.holds.get(attempt),
    async begin() {
      for (;;) {
        const attempt = await startNext()
        if (attempt === undefined) {
          if (await reconsider()) continue
          throw failedWith()
        }
        const end = await ask(attempt)
        if (end.type === 'begun') return end
        if (signal.aborted) throw signal.reason
        await learn(end.failures)
      }
    },
    goOn(broken, more) {
      const left = [...queue, ...passed].map(({ candidate }) => candidate)
      // Who lost a race against the broken one had failed in nothing.
      const lost = trail.attempts.filter(one => one.record().outcome === Outcome.CANCELLED)
      const candidates = [...left, ...lost.map(({ candidate }) => candidate), broken.candidate]
      return createWalk({ ...input, ...more, candidates }, deps, trail)
    },
  }
}

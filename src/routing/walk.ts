// The one loop over the candidates of a call: asks one after another until the first good event, and nothing else loops.
import type { MessageInitShape } from '@bufbuild/protobuf'
import {
  RouteAttempt_Outcome as Outcome,
  type RouteSkipSchema,
  RouteSkip_Reason as Skip,
} from '#gen/exai/v1/route_pb'
import type { GatewayError } from '../core/errors.ts'
import { pause } from '../core/pause.ts'
import type { Candidate } from '../core/provider.ts'
import { type Admitted, admit } from './admission.ts'
import { type Attempt, type AttemptWatch, createAttempt } from './attempt.ts'
import { type Asked, asked, type Begun, type Failed, hedgeDelayMs, raced } from './hedge.ts'
import { type AfterFailure, afterFailure } from './retry.ts'
import { seenOf } from './seen.ts'
import type { WalkDeps, WalkInput } from './walk-call.ts'
import { endOf } from './walk-end.ts'

type SkipInit = MessageInitShape<typeof RouteSkipSchema>

/** The way of one call along its candidates. */
export interface Walk {
  /** Every attempt, in the order in which they began. */
  readonly attempts: readonly Attempt[]
  /** Those that were passed over on the way. */
  skipped(): readonly SkipInit[]
  /** Milliseconds in which the call waited for places and between retries. */
  waitedMs(): number
  /** Asks until somebody's first good event: what came up to it. Throws the last failure when nobody is left. */
  begin(): Promise<Begun>
  /**
   * The way on after an answer broke: those behind the one that gave it, and that one again, as far as they continue texts.
   * Its attempts are counted with the ones before.
   */
  goOn(broken: Attempt, input: Pick<WalkInput, 'question'> & { readonly prefill: string }): Walk
}

/** Most keys that one candidate is asked with: each refused one costs the caller time. */
export const KEYS_MAX = 3

/** A candidate and how often it was asked. */
interface Place {
  readonly candidate: Candidate
  /** This time included; other keys are not counted. */
  readonly tries: number
  readonly keys: number
}

/** What the parts of a way have in common. */
interface Trail {
  readonly attempts: Attempt[]
  readonly places: Map<Attempt, Place>
  readonly skips: Map<Candidate, SkipInit>
  waitedMs: number
}

/** Makes the walk of one call; nobody is asked before `begin`. */
export function createWalk(
  input: WalkInput,
  deps: WalkDeps,
  trail: Trail = { attempts: [], places: new Map(), skips: new Map(), waitedMs: 0 },
): Walk {
  const { signal } = input
  const { clock, circuits, leases, live, budget, random = Math.random } = deps
  const queue: Place[] = input.candidates.map(candidate => ({ candidate, tries: 1, keys: 1 }))
  /** Those who had no room or leave for the moment; they are looked at once more when nobody else is left. */
  const passed: Place[] = []
  const failures: GatewayError[] = []
  let refusal: GatewayError | undefined
  /** A window that proved too small: a smaller one need not be tried. */
  let tooSmall = 0

  function isWorthIt({ candidate }: Place): boolean {
    const { provider, model } = candidate
    if (input.prefill !== undefined && provider.continues?.(model.id) !== true) return false
    if ((model.contextWindow ?? Number.POSITIVE_INFINITY) <= tooSmall) return false
    if (input.mayAfford === undefined) return true
    const billed = trail.attempts.filter(isCharged).map(attempt => attempt.candidate)
    if (billed.length === 0 || input.mayAfford(candidate, billed)) return true
    skip(candidate, Skip.PRICE, 'with what was asked before it, the call may cost more than its ceiling')
    return false
  }

  function isOpen({ candidate: { provider, model } }: Place): boolean {
    return circuits.refusal(provider.id, model.id) === undefined
  }

  /** Whether somebody is left who could be asked now, or as soon as there is a place. */
  function hasNext(): boolean {
    return [...queue, ...passed].some(place => isOpen(place) && isWorthIt(place))
  }

  function skip(candidate: Candidate, reason: Skip, message: string): void {
    const { provider, model } = candidate
    trail.skips.set(candidate, { provider: provider.id, model: model.id, reason, message })
  }

  /** Starts an attempt where that is allowed now, or later if it may wait. A hedge must be paid from the budget. */
  async function start(place: Place, mayWait: boolean, isHedge = false): Promise<Attempt | undefined> {
    // Before the attempt exists: a call that asks nobody has used nothing.
    signal.throwIfAborted()
    const { candidate } = place
    const askedAtMs = clock.monotonic()
    const admitting = admit(candidate, mayWait, { circuits, leases, tenant: input.tenant, signal })
    const admitted = admitting instanceof Promise ? await admitting : admitting
    if (admitting instanceof Promise) trail.waitedMs += clock.monotonic() - askedAtMs
    if ('error' in admitted) {
      refusal = admitted.error
      skip(candidate, admitted.reason, admitted.message)
      passed.push(place)
      return undefined
    }
    if (isHedge && !budget.take()) {
      admitted.permit.release()
      admitted.lease.release()
      queue.unshift(place)
      return undefined
    }
    trail.skips.delete(candidate)
    if (trail.attempts.length === 0) budget.attempted()
    const attempt: Attempt = createAttempt({
      candidate,
      signal,
      question: warn => ({
        ...input.question(candidate, warn),
        stream: input.isStream,
        ...(input.prefill !== undefined && { prefill: input.prefill }),
        ...(mayWait && { waiting: { tenant: input.tenant, ...leases.rules() } }),
      }),
      limits: deps.limits,
      clock,
      watch: watchOf(admitted, () => attempt),
    })
    trail.attempts.push(attempt)
    trail.places.set(attempt, place)
    return attempt
  }

  /** Hands the outcome of an attempt to whoever judges by it, and gives back what it held. */
  function watchOf({ permit, lease }: Admitted, attempt: () => Attempt): AttemptWatch {
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
        lease.release()
      },
    }
  }

  /** Starts the next one that can be asked; undefined when none is left. Only the last ones are waited for. */
  async function startNext(): Promise<Attempt | undefined> {
    for (let place = queue.shift(); place !== undefined; place = queue.shift()) {
      const attempt = isWorthIt(place) ? await start(place, !hasNext()) : undefined
      if (attempt !== undefined) return attempt
    }
    for (const place of passed.splice(0)) {
      const attempt = isWorthIt(place) ? await start(place, true) : undefined
      if (attempt !== undefined) return attempt
    }
    return undefined
  }

  /** Starts one beside an attempt that is slow; nobody is waited for. */
  async function startBeside(): Promise<Attempt | undefined> {
    for (let left = queue.length; left > 0 && !signal.aborted; left -= 1) {
      const place = queue.shift()
      if (place === undefined || !isWorthIt(place)) continue
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

  /** Decides what follows each failure of those who were asked together, and makes ready for it. Throws when it ends the call. */
  async function learn(ended: readonly Failed[]): Promise<void> {
    for (const { attempt, error } of ended) {
      failures.push(error)
      if (error.reason === 'CONTEXT_TOO_LONG')
        tooSmall = Math.max(tooSmall, attempt.candidate.model.contextWindow ?? 0)
    }
    const verdicts = ended.map(failed => verdictOf(failed))
    const stopped = verdicts.findIndex(({ next }) => next.type === 'stop')
    if (stopped >= 0) throw final(ended[stopped]?.error)
    for (const { place, next } of verdicts) {
      if (next.type === 'key') queue.unshift({ ...place, keys: place.keys + 1 })
      else if (next.type === 'later') passed.push(place)
      else if (next.type === 'retry' && budget.take()) {
        trail.waitedMs += next.afterMs
        await pause(next.afterMs, signal)
        queue.unshift({ ...place, tries: place.tries + 1 })
      }
    }
  }

  function verdictOf({ attempt, error }: Failed): Verdict {
    const place = trail.places.get(attempt) ?? { candidate: attempt.candidate, tries: 1, keys: 1 }
    if (place.keys < KEYS_MAX && input.anotherKeyHelps(place.candidate, error))
      return { place, next: { type: 'key' } }
    // Its keys are full by our own limits, and nobody was asked: there may be room when all others have failed.
    if (error.reason === 'OVERLOADED' && hasNext()) return { place, next: { type: 'later' } }
    const next = afterFailure({
      error,
      triesOfCandidate: place.tries,
      remainingMs: input.deadlineAtMs - clock.monotonic(),
      hasNext: hasNext(),
      isIdempotent: input.isIdempotent,
      mayChangeMind: input.mayChangeMind,
      random,
    })
    return { place, next }
  }

  function final(error = failures.at(-1) ?? refusal): GatewayError {
    return endOf(error, failures)
  }

  return {
    attempts: trail.attempts,
    skipped: () => [...trail.skips.values()],
    waitedMs: () => trail.waitedMs,
    async begin() {
      for (;;) {
        const attempt = await startNext()
        if (attempt === undefined) throw final()
        const end = await ask(attempt)
        if (end.type === 'begun') return end
        if (signal.aborted) throw signal.reason
        await learn(end.failures)
      }
    },
    goOn(broken, more) {
      const left = [...queue, ...passed].map(({ candidate }) => candidate)
      return createWalk({ ...input, ...more, candidates: [...left, broken.candidate] }, deps, trail)
    },
  }
}

/** What follows a failure of a place: another key of it, a second look when the others have failed, or what its error allows. */
interface Verdict {
  readonly place: Place
  readonly next: AfterFailure | { readonly type: 'key' } | { readonly type: 'later' }
}

/** Whether an attempt may be billed, or may still come to be. */
function isCharged(attempt: Attempt): boolean {
  return attempt.mayBeBilled() || attempt.record().outcome === Outcome.UNSPECIFIED
}

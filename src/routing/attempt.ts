// One request to one provider: a fresh object with its own time limits, which says at its end how it went.
import type { MessageInitShape } from '@bufbuild/protobuf'
import { RouteAttempt_Outcome as Outcome, type RouteAttemptSchema } from '#gen/exai/v1/route_pb'
import type { Clock } from '../core/clock.ts'
import { type Delta, isOutput, soundCounts, type TokenCounts } from '../core/delta.ts'
import { GatewayError, wireReason } from '../core/errors.ts'
import type { AttemptInput, Candidate, EmbedTask, WarningInit } from '../core/provider.ts'
import { createReading } from '../core/reading.ts'
import type { AttemptCause } from '../core/settlement.ts'
import { durationOf } from '../core/time.ts'
import { afterOutput } from './after-output.ts'
import type { AttemptLimits } from './attempt-silences.ts'
import type { AttemptWatch } from './attempt-watch.ts'
import { tierIn } from './service-tier.ts'

/** What an attempt asks, but for what it decides itself. */
export type AttemptQuestion = Omit<AttemptInput, 'model' | 'signal' | 'useKey' | 'warn' | 'sent'>

/** What an attempt needs. */
export interface AttemptDeps {
  readonly candidate: Candidate
  /** Ends the attempt with the call; its reason is a GatewayError. */
  readonly signal: AbortSignal
  /** Makes what is asked; `warn` takes what it had to change for this candidate. Throws GatewayError. */
  readonly question: (warn: (warning: WarningInit) => void) => AttemptQuestion
  readonly limits: AttemptLimits
  readonly clock: Clock
  /** When the call began, on the monotonic clock. */
  readonly callStartedAtMs: number
  readonly watch?: AttemptWatch
  /** Why it is made. Default: first. */
  readonly cause?: AttemptCause
}

/** One running request to one provider. */
export interface Attempt {
  readonly candidate: Candidate
  /** Why it was made. */
  readonly cause: AttemptCause
  /** Asks, and waits for the first good event: what came up to it. Throws GatewayError when nothing good came. */
  begin(): Promise<readonly Delta[]>
  /** The next batch of the rest of the answer; undefined at its end. Throws GatewayError when it breaks. */
  next(): Promise<readonly Delta[] | undefined>
  /** The same to its end. After `begin` it must be read, returned from or cancelled. */
  rest(): AsyncGenerator<readonly Delta[]>
  /** Ends it, if it still runs, and closes the upstream socket. Resolves when the adapter has let go. */
  cancel(reason: GatewayError): Promise<void>
  /** How it went so far. */
  record(): MessageInitShape<typeof RouteAttemptSchema>
  /** When it was made, on the monotonic clock. */
  readonly startedAtMs: number
  /** From the start to the end, or until now while it runs, in milliseconds. */
  durationMs(): number
  /** From sending the request to the end, or until now while it runs, in milliseconds; undefined when it was not sent. */
  sentMs(): number | undefined
  /** From sending the request to the first output, in milliseconds; undefined before it. */
  firstTokenMs(): number | undefined
  /** Time of waiting for the provider after the first output, in milliseconds: without the pauses of a slow reader. */
  streamMs(): number
  /**
   * Whether the provider may bill it: it was sent, and was neither refused nor in vain. An answer that broke, an attempt that
   * was cancelled and one that still runs may be.
   */
  mayBeBilled(): boolean
  /** The inputs of which it may be billed for the vectors; undefined before `begin`, and for a chat. */
  embedded(): readonly string[] | undefined
  /** What was dropped, clamped or changed for this candidate so far; it grows while the attempt runs. */
  readonly warnings: readonly WarningInit[]
  /** The tier of service that the provider said it served with; undefined when it has not said so. */
  serviceTier(): string | undefined
  /** What the provider said that it used; undefined when it has not said so. */
  counts(): TokenCounts | undefined
}

/** Makes an attempt; nothing is sent before `begin`. */
export function createAttempt(deps: AttemptDeps): Attempt {
  const { candidate, signal, question, limits, clock, watch, cause = 'first' } = deps
  const { provider, model } = candidate
  const startedAtMs = clock.monotonic()
  const startOffset = durationOf(startedAtMs - deps.callStartedAtMs)
  const ending = new AbortController()
  let source: AsyncIterator<readonly Delta[]> | undefined
  let sentAtMs: number | undefined
  let firstOutputAtMs: number | undefined
  let streamMs = 0
  let endedAtMs: number | undefined
  let outcome: Outcome = Outcome.UNSPECIFIED
  let fault: GatewayError | undefined
  let finished = false
  let keyLabel = ''
  let counts: TokenCounts | undefined
  let serviceTier: string | undefined
  let isReleased = false
  let last: MessageInitShape<typeof RouteAttemptSchema> | undefined
  let embed: EmbedTask | undefined
  const warnings: WarningInit[] = []
  const onCallEnd = (): void => ending.abort(signal.reason)
  const useKey = (label: string): void => {
    keyLabel = label
  }
  let isWaiting = true
  let waitsSinceMs: number | undefined
  let silence: NodeJS.Timeout | undefined

  function silenceOf(what: string, ms: number): NodeJS.Timeout {
    return setTimeout(() => {
      // A reader that is slower than the upstream must not make the upstream look silent.
      if (!isWaiting) return
      const reason = firstOutputAtMs === undefined ? 'UPSTREAM_UNAVAILABLE' : 'UPSTREAM_BROKEN'
      ending.abort(new GatewayError(reason, `${provider.id} sent ${what} for ${ms / 1000} s`))
    }, ms)
  }

  function sent(): void {
    if (sentAtMs === undefined && endedAtMs === undefined && !ending.signal.aborted)
      underWay(clock.monotonic())
    // What is embedded in parts puts nothing out in between: the limit is one of each part.
    else if (embed !== undefined) silence?.refresh()
  }

  function underWay(sinceMs: number): void {
    sentAtMs = sinceMs
    silence = silenceOf('no first token', limits.firstTokenMs)
  }

  function firstOutput(): void {
    firstOutputAtMs = clock.monotonic()
    clearTimeout(silence)
    silence = silenceOf('nothing', limits.idleMs)
    watch?.began?.()
  }

  function end(how: Outcome, error?: GatewayError): void {
    if (endedAtMs !== undefined) return
    endedAtMs = clock.monotonic()
    clearTimeout(silence)
    signal.removeEventListener('abort', onCallEnd)
    outcome = how
    fault = error
    watch?.ended?.({ error, cancelled: how === Outcome.CANCELLED })
  }

  function fail(caught: unknown): GatewayError {
    // An abort reaches us as whatever the adapter's library throws for it: the reason that was given is the truth.
    const known = ending.signal.aborted ? GatewayError.from(ending.signal.reason) : GatewayError.from(caught)
    const isTooLate = firstOutputAtMs !== undefined && !signal.aborted
    const error = (isTooLate ? afterOutput(known, provider.id) : known).with({
      provider: provider.id,
      model: model.id,
      // Nobody was asked: what failed was something of ours, or of the caller.
      ...(sentAtMs === undefined && known.details.against === undefined && { against: 'nobody' }),
    })
    if (signal.aborted) end(Outcome.CANCELLED, error)
    else end(firstOutputAtMs === undefined ? Outcome.FAILED : Outcome.BROKEN, error)
    return error
  }

  /** To be called before the source is asked for more. */
  function waits(): void {
    isWaiting = true
    // Before the first output nothing restarts the timer, or an upstream could put it off with signs of life.
    if (firstOutputAtMs !== undefined || finished) silence?.refresh()
    waitsSinceMs = firstOutputAtMs === undefined ? undefined : clock.monotonic()
  }

  /** What the source said; undefined at its end. No function waits for it in between: every piece comes this way. */
  function heard(step: IteratorResult<readonly Delta[]>): readonly Delta[] | undefined {
    isWaiting = false
    if (waitsSinceMs !== undefined) streamMs += clock.monotonic() - waitsSinceMs
    if (ending.signal.aborted) throw ending.signal.reason
    if (step.done !== true) {
      // An adapter that does not tell when it asks has asked at once.
      if (sentAtMs === undefined) underWay(startedAtMs)
      for (const delta of step.value) {
        if (firstOutputAtMs === undefined && isOutput(delta)) firstOutput()
        if (delta.type === 'finish') finished = true
        if (delta.type === 'usage') counts = soundCounts(delta.counts)
        if (delta.type === 'meta') serviceTier = tierIn(delta.metadata) ?? serviceTier
      }
      return step.value
    }
    if (finished) return undefined
    throw new GatewayError('UPSTREAM_BROKEN', `the answer of ${provider.id} ended before it was complete`)
  }

  async function cancel(reason: GatewayError): Promise<void> {
    if (endedAtMs === undefined) {
      ending.abort(reason)
      end(Outcome.CANCELLED, reason)
    }
    await release()
  }

  async function release(): Promise<void> {
    // The adapter may throw the very abort that we caused: nobody is left to hear it.
    await source?.return?.().catch(() => undefined)
    if (isReleased) return
    isReleased = true
    watch?.released?.()
  }

  const reading = {
    next: async (): Promise<readonly Delta[] | undefined> => {
      if (outcome === Outcome.SUCCEEDED || source === undefined) return undefined
      try {
        waits()
        const batch = heard(await source.next())
        if (batch !== undefined) return batch
        end(Outcome.SUCCEEDED)
      } catch (caught) {
        const error = fail(caught)
        await release()
        throw error
      }
      await release()
      return undefined
    },
    async leave(): Promise<void> {
      if (endedAtMs !== undefined) return release()
      // An error costs its stack trace: it is made only for a reader that left early.
      const why = signal.aborted ? signal.reason : new GatewayError('CANCELLED', 'the caller left')
      return cancel(GatewayError.from(why))
    },
  }

  const firstTokenMs = (): number | undefined =>
    firstOutputAtMs === undefined ? undefined : firstOutputAtMs - (sentAtMs ?? startedAtMs)

  const wasRefused = (): boolean => outcome === Outcome.FAILED && fault?.reason !== 'UPSTREAM_BROKEN'

  /** Nothing of it changes any more once the attempt is over, and half a dozen ask for it then. */
  function record(): MessageInitShape<typeof RouteAttemptSchema> {
    if (last !== undefined) return last
    const afterMs = firstTokenMs()
    const made = {
      provider: provider.id,
      model: model.id,
      outcome,
      startOffsetDuration: startOffset,
      duration: durationOf((endedAtMs ?? clock.monotonic()) - startedAtMs),
      error: fault === undefined ? 0 : wireReason(fault.reason),
      upstreamStatus: fault?.details.upstreamStatus ?? 0,
      upstreamCode: fault?.details.upstreamCode ?? '',
      keyLabel,
      ...(afterMs === undefined ? {} : { timeToFirstToken: durationOf(afterMs) }),
    }
    if (endedAtMs !== undefined) last = made
    return made
  }

  return {
    candidate,
    cause,
    async begin() {
      const held: Delta[] = []
      try {
        signal.throwIfAborted()
        ending.signal.throwIfAborted()
        signal.addEventListener('abort', onCallEnd, { once: true })
        watch?.started?.()
        const warn = (warning: WarningInit): void => void warnings.push(warning)
        const input = { ...question(warn), model, signal: ending.signal, useKey, warn, sent }
        embed = input.embed
        source = provider.open(input)[Symbol.asyncIterator]()
        while (firstOutputAtMs === undefined && !finished) {
          waits()
          const batch = heard(await source.next())
          if (batch === undefined) break
          for (const delta of batch) held.push(delta)
        }
        return held
      } catch (caught) {
        const error = fail(caught)
        // An abort that came together with a batch leaves the adapter waiting at that batch.
        await release()
        throw error
      }
    },
    next: reading.next,
    rest: () => createReading(reading),
    cancel,
    record,
    startedAtMs,
    durationMs: () => (endedAtMs ?? clock.monotonic()) - startedAtMs,
    sentMs: () => (sentAtMs === undefined ? undefined : (endedAtMs ?? clock.monotonic()) - sentAtMs),
    firstTokenMs,
    streamMs: () => streamMs,
    mayBeBilled() {
      if (sentAtMs === undefined) return false
      return !wasRefused() || counts !== undefined || (embed?.used('made').length ?? 0) > 0
    },
    embedded: () => embed?.used(wasRefused() ? 'made' : 'sent'),
    warnings,
    serviceTier: () => serviceTier,
    counts: () => counts,
  }
}

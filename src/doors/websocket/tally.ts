// Adds up what a subscription has seen of calls and attempts: since it began, and since its last beat.
import type { AttemptEvent, RequestRecord } from '#gen/exai/v1/event_pb'
import { AttemptEvent_Phase as AttemptPhase, RequestRecord_Outcome as Outcome } from '#gen/exai/v1/event_pb'
import { RouteAttempt_Outcome as AttemptOutcome } from '#gen/exai/v1/route_pb'
import { millisecondsOf } from '../../core/time.ts'

/** The sums of one provider. */
export interface ProviderTally {
  readonly requests: number
  readonly errors: number
  /** Absent: nothing was asked. */
  readonly average_latency_ms?: number
}

/** What was seen. */
export interface Tally {
  request(record: RequestRecord): void
  attempt(event: AttemptEvent): void
  /** Events that were lost to it, because the reader was slow. */
  dropped(count: number): void
  /** Since it began. */
  totals(): { readonly total_requests: number; readonly error_rate: number; readonly dropped_events: number }
  provider(id: string): ProviderTally
  /** Whether a provider was asked since the last beat. */
  hasNews(): boolean
  /** Since the last beat, which this is. */
  beat(): object
}

// Enough for a percentile; what comes beyond it in one beat counts in the sums alone.
const TIMES_MAX = 10_000

const FAILED: ReadonlySet<AttemptOutcome> = new Set([AttemptOutcome.FAILED, AttemptOutcome.BROKEN])

/** Begins with nothing. */
export function createTally(): Tally {
  const all = { requests: 0, errors: 0, dropped: 0 }
  const providers = new Map<string, { requests: number; errors: number; totalMs: number }>()
  let isAsked = false
  let beat = emptyBeat()
  return {
    request(record) {
      const { outcome, duration, timeToFirstToken, usage } = record
      if (outcome === Outcome.RUNNING) return
      const isError = outcome === Outcome.FAILED
      all.requests += 1
      beat.requests += 1
      if (isError) {
        all.errors += 1
        beat.errors += 1
      }
      if (duration !== undefined) keep(beat.times, millisecondsOf(duration))
      if (timeToFirstToken !== undefined) keep(beat.firstTokens, millisecondsOf(timeToFirstToken))
      beat.prompt += usage?.inputTokens ?? 0
      beat.completion += usage?.outputTokens ?? 0
    },
    attempt({ phase, attempt }) {
      if (phase !== AttemptPhase.ENDED || attempt === undefined) return
      const { provider, outcome, duration } = attempt
      const sum = providers.get(provider) ?? { requests: 0, errors: 0, totalMs: 0 }
      sum.requests += 1
      if (FAILED.has(outcome)) sum.errors += 1
      sum.totalMs += duration === undefined ? 0 : millisecondsOf(duration)
      providers.set(provider, sum)
      isAsked = true
    },
    dropped(count) {
      all.dropped += count
    },
    totals: () => ({
      total_requests: all.requests,
      error_rate: all.requests === 0 ? 0 : all.errors / all.requests,
      dropped_events: all.dropped,
    }),
    provider(id) {
      const { requests = 0, errors = 0, totalMs = 0 } = providers.get(id) ?? {}
      return {
        requests,
        errors,
        ...(requests === 0 ? {} : { average_latency_ms: Math.round(totalMs / requests) }),
      }
    },
    hasNews: () => isAsked,
    beat() {
      const { requests, errors, times, firstTokens, prompt, completion } = beat
      beat = emptyBeat()
      isAsked = false
      return {
        requests,
        errors,
        response_time_ms: timesOf(times),
        time_to_first_token_ms: timesOf(firstTokens),
        tokens: { prompt, completion },
      }
    },
  }
}

function emptyBeat() {
  const times: number[] = []
  const firstTokens: number[] = []
  return { requests: 0, errors: 0, times, firstTokens, prompt: 0, completion: 0 }
}

function keep(times: number[], ms: number): void {
  if (times.length < TIMES_MAX) times.push(ms)
}

/** Null: there was none. */
function timesOf(times: number[]) {
  if (times.length === 0) return null
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number): number =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? 0)
  const sum = sorted.reduce((total, ms) => total + ms, 0)
  return { average: Math.round(sum / sorted.length), p95: at(0.95), max: at(1) }
}

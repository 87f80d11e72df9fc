// How models have been doing lately: first token, speed and success of each, where what is old counts less and less.
import type { Clock } from '../core/clock.ts'

/** What one attempt showed of a model. */
export interface Observation {
  readonly provider: string
  readonly model: string
  /** `failed` is a fault of the provider: bad requests, refused keys and cancels are not observed at all. */
  readonly outcome: 'succeeded' | 'failed'
  /** From the start of the attempt to its first output, in milliseconds, where the answer was streamed. */
  readonly firstTokenMs?: number | undefined
  /** Tokens of the answer, and the milliseconds in which they came. Both, or neither counts. */
  readonly outputTokens?: number | undefined
  readonly streamMs?: number | undefined
}

/** How a model does, as far as it has been seen. */
export interface LiveStats {
  /** Observed attempts, where one of a half-life ago counts half. */
  readonly samples: number
  /** Mean time to the first token, in milliseconds; undefined when none was seen. */
  readonly firstTokenMs: number | undefined
  /** Tokens of the answers per second; undefined when none was seen. */
  readonly tokensPerSecond: number | undefined
  /** Share of attempts that succeeded, 0 to 1; 1 when none was seen. */
  readonly successRate: number
}

/** What to expect of a model. */
export interface Expected {
  readonly firstTokenMs: number
  readonly tokensPerSecond: number
  /** From 0 to 1. */
  readonly successRate: number
}

/** Says what to expect of a model. */
export type Forecast = (provider: string, model: string) => Expected

/** Remembers how models do. */
export interface Live {
  /** Takes what an attempt showed. */
  observe(observation: Observation): void
  /** What was seen of a model. */
  of(provider: string, model: string): LiveStats
  /**
   * What to expect of models now: what was seen, drawn towards what all of them do by as much as little was seen. A model
   * that nobody has asked is expected to do as the others: it is neither favoured nor doomed, and one that did badly is
   * tried again some day. Good for one choice.
   */
  forecast(): Forecast
  /** The quantile (0 to 1) of the first-token times of the last hour; undefined below `QUANTILE_SAMPLES_MIN` of them. */
  firstTokenQuantile(provider: string, model: string, quantile: number): number | undefined
}

/** Time in which an observation loses half its weight, in milliseconds. */
export const HALF_LIFE_MS = 5 * 60_000
/** How many observations what is usual counts for. */
export const PRIOR_SAMPLES = 3
/** What is expected while nothing at all was seen. */
export const AT_FIRST: Expected = { firstTokenMs: 1_500, tokensPerSecond: 60, successRate: 0.98 }
/** Most models that are remembered: names of models come from callers. The one that was idle longest is forgotten. */
export const MODELS_MAX = 1_000
/** First-token times that are kept of each model. */
export const RECENT_MAX = 64
/** How long they count, in milliseconds. */
export const RECENT_MS = 60 * 60_000
/** Below so many of them a quantile is chance. */
export const QUANTILE_SAMPLES_MIN = 10

/** Makes a memory without any observations. */
export function createLive({ clock }: { readonly clock: Clock }): Live {
  const models = new Map<string, Track>()
  const all = createTrack()
  // The one observed last: it is in its place already.
  let newest: string | undefined

  function keep(name: string): Track {
    const known = models.get(name)
    if (known !== undefined && name === newest) return known
    const track = known ?? createTrack()
    // A map lists its oldest entry first: whoever was observed last moves to the end.
    models.delete(name)
    models.set(name, track)
    newest = name
    if (models.size > MODELS_MAX) {
      for (const oldest of models.keys()) {
        models.delete(oldest)
        break
      }
    }
    return track
  }

  return {
    observe(observation) {
      const nowMs = clock.monotonic()
      take(keep(nameOf(observation.provider, observation.model)), observation, nowMs)
      take(all, observation, nowMs)
    },
    of(provider, model) {
      const track = models.get(nameOf(provider, model))
      return track === undefined ? UNSEEN : statsOf(track, clock.monotonic())
    },
    forecast() {
      const nowMs = clock.monotonic()
      const usual = drawn(all, AT_FIRST, nowMs)
      return (provider, model) => {
        const track = models.get(nameOf(provider, model))
        return track === undefined ? usual : drawn(track, usual, nowMs)
      }
    },
    firstTokenQuantile(provider, model, quantile) {
      const track = models.get(nameOf(provider, model))
      if (track === undefined) return undefined
      const nowMs = clock.monotonic()
      const recent = track.recent.filter(one => nowMs - one.atMs <= RECENT_MS).map(one => one.firstTokenMs)
      if (recent.length < QUANTILE_SAMPLES_MIN) return undefined
      recent.sort((a, b) => a - b)
      const place = Math.ceil(Math.min(1, Math.max(0, quantile)) * recent.length) - 1
      return recent[Math.max(0, place)]
    },
  }
}

const UNSEEN: LiveStats = {
  samples: 0,
  firstTokenMs: undefined,
  tokensPerSecond: undefined,
  successRate: 1,
}

/** Sums that fade together: each stands for what it was at `atMs`. */
interface Track {
  atMs: number
  samples: number
  succeeded: number
  firstTokens: number
  firstTokenMs: number
  spoken: number
  tokens: number
  streamMs: number
  readonly recent: { readonly atMs: number; readonly firstTokenMs: number }[]
  place: number
}

function createTrack(): Track {
  return {
    atMs: 0,
    samples: 0,
    succeeded: 0,
    firstTokens: 0,
    firstTokenMs: 0,
    spoken: 0,
    tokens: 0,
    streamMs: 0,
    recent: [],
    place: 0,
  }
}

function fadeOf({ atMs }: Track, nowMs: number): number {
  return nowMs <= atMs ? 1 : 2 ** ((atMs - nowMs) / HALF_LIFE_MS)
}

function take(track: Track, seen: Observation, nowMs: number): void {
  const fade = fadeOf(track, nowMs)
  track.atMs = Math.max(track.atMs, nowMs)
  track.samples = track.samples * fade + 1
  track.succeeded = track.succeeded * fade + (seen.outcome === 'succeeded' ? 1 : 0)
  track.firstTokens *= fade
  track.firstTokenMs *= fade
  track.spoken *= fade
  track.tokens *= fade
  track.streamMs *= fade
  const { firstTokenMs, outputTokens, streamMs } = seen
  if (firstTokenMs !== undefined) {
    track.firstTokens += 1
    track.firstTokenMs += firstTokenMs
    track.recent[track.place] = { atMs: nowMs, firstTokenMs }
    track.place = (track.place + 1) % RECENT_MAX
  }
  // One token, or an answer that came in one piece, shows no speed.
  if (outputTokens === undefined || streamMs === undefined || outputTokens < 2 || streamMs <= 0) return
  track.spoken += 1
  track.tokens += outputTokens
  track.streamMs += streamMs
}

function statsOf(track: Track, nowMs: number): LiveStats {
  return {
    samples: track.samples * fadeOf(track, nowMs),
    firstTokenMs: track.firstTokens === 0 ? undefined : track.firstTokenMs / track.firstTokens,
    tokensPerSecond: track.streamMs === 0 ? undefined : (track.tokens / track.streamMs) * 1_000,
    successRate: track.samples === 0 ? 1 : track.succeeded / track.samples,
  }
}

/** Means of a track and so many observations of what is usual. */
function drawn(track: Track, usual: Expected, nowMs: number): Expected {
  const fade = fadeOf(track, nowMs)
  const { samples, succeeded, firstTokens, firstTokenMs, spoken, tokens, streamMs } = track
  const speed = streamMs === 0 ? usual.tokensPerSecond : (tokens / streamMs) * 1_000
  const prior = PRIOR_SAMPLES
  return {
    firstTokenMs: (firstTokenMs * fade + usual.firstTokenMs * prior) / (firstTokens * fade + prior),
    tokensPerSecond: (speed * spoken * fade + usual.tokensPerSecond * prior) / (spoken * fade + prior),
    successRate: (succeeded * fade + usual.successRate * prior) / (samples * fade + prior),
  }
}

function nameOf(provider: string, model: string): string {
  return `${provider}\n${model}`
}

// What labels may say: names from closed sets, and no more combinations of provider and model than a scrape can bear.

/** Who was asked. */
export interface Asked {
  readonly provider: string
  readonly model: string
  /** Not a label by itself. */
  readonly operation?: Operation | undefined
}

/** What models are asked for, in the words of OpenTelemetry's conventions. Absent: an answer to a chat. */
export type Operation = 'chat' | 'embeddings'

/** What a limit belongs to. */
export type LimitOwner = 'key' | 'tenant' | 'model' | 'gateway'

/** The value of a label that is in no list. */
export const OTHER = 'other'

// A process that lives through many configurations must not gather names for ever.
const KNOWN_MAX = { provider: 200, model: 5_000 } as const

/** Most pairs of a provider and a model with series of their own; each may have up to some 240. */
export const PAIRS_MAX = 100

/** Most series of one process, whatever callers send and however many models are configured; typically a few hundred. */
export const SERIES_MAX = 40_000

/** Names by the kind of label that may say them. */
export interface LabelNames {
  readonly door: readonly string[]
  readonly method: readonly string[]
  readonly provider: readonly string[]
  readonly model: readonly string[]
}

/** Turns what happened into values of labels. */
export interface Labels {
  one(kind: keyof LabelNames, value: string): string
  /** Who was asked, always the same object for the same; once the pairs are used up, the model of a further one is `other`. */
  asked(asked: Asked): Asked
  /** Adds names; further ones than there is room for stay `other`. */
  know(kind: keyof typeof KNOWN_MAX, names: readonly string[]): void
}

/** Makes the labels of one process. */
export function createLabels(names: LabelNames): Labels {
  const known = {
    door: new Set(names.door),
    method: new Set(names.method),
    provider: new Set(names.provider),
    model: new Set(names.model),
  }
  const pairs = new Map<string, Map<string, Asked>>()
  let pairCount = 0
  const one: Labels['one'] = (kind, value) => (known[kind].has(value) ? value : OTHER)
  const none = { provider: OTHER, model: OTHER, pair: pairOf(OTHER, OTHER) }
  // Most calls ask whom the call before them asked.
  let last = none

  function pairOf(provider: string, model: string): Asked {
    const models = pairs.get(provider) ?? new Map<string, Asked>()
    const found = models.get(model)
    if (found !== undefined) return found
    // `other` is one for each provider, and those are bounded.
    const isRoom = pairCount < PAIRS_MAX || model === OTHER
    if (!isRoom) return pairOf(provider, OTHER)
    const pair = { provider, model }
    pairs.set(provider, models.set(model, pair))
    if (model !== OTHER) pairCount += 1
    return pair
  }

  return {
    one,
    asked({ provider, model }) {
      if (provider !== last.provider || model !== last.model)
        last = { provider, model, pair: pairOf(one('provider', provider), one('model', model)) }
      return last.pair
    },
    know(kind, more) {
      last = none
      for (const name of more) if (known[kind].size < KNOWN_MAX[kind]) known[kind].add(name)
    },
  }
}

/** What may stand for an error in a histogram: those of providers by their reason, and `_OTHER`, as OpenTelemetry says. */
export function errorType(reason: string | undefined): string {
  if (reason === undefined) return ''
  return ATTEMPT_ERRORS.has(reason) ? reason : '_OTHER'
}

const ATTEMPT_ERRORS: ReadonlySet<string> = new Set([
  'UPSTREAM_UNAVAILABLE',
  'UPSTREAM_LIMITED',
  'UPSTREAM_CREDENTIALS',
  'UPSTREAM_BROKEN',
  'CANCELLED',
])

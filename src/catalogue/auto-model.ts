// A model as the choice among all needs it: what does not depend on the request, worked out once for each Snapshot.
import type { ModelEntry, ModelPrice, ModelRate, Quality } from '../core/model.ts'
import { lastMomentOf, unroutableReason } from './entry.ts'
import { qualityOf } from './quality.ts'

/** One model among all, with its facts in the form that is quickest to compare. */
export interface AutoModel {
  readonly entry: ModelEntry
  readonly quality: Quality
  /** When it is gone, in milliseconds since 1970; infinite where no end is announced. */
  readonly goneAtMs: number
  /** Rates, that of the longest requests first; empty when its price is unknown. */
  readonly rates: readonly FlatRate[]
}

/** Prices in nano-USD per token, as plain numbers: exact enough to compare, never to bill. */
export interface FlatRate {
  /** Holds for requests with more input tokens. */
  readonly aboveInputTokens: number
  readonly input: number
  readonly cachedInput: number
  readonly output: number
}

/** What a call is expected to use, in tokens; `cachedTokens` is a part of the input. */
export interface ExpectedUse {
  readonly inputTokens: number
  readonly cachedTokens: number
  readonly outputTokens: number
}

/** Works out the facts of one model. */
export function autoModelOf(entry: ModelEntry): AutoModel {
  const tiers = [...(entry.price?.tiers ?? [])].reverse()
  return {
    entry,
    quality: qualityOf(entry),
    goneAtMs: lastMomentOf(entry),
    rates: entry.price === undefined ? [] : [...tiers.map(flatTier), flat(entry.price, -1)],
  }
}

/**
 * The models that `auto` may choose from, by provider: current ones that can chat. Of one provider the newer release
 * stands first, then the smaller id: that breaks ties.
 */
export function autoModelsOf(entries: readonly ModelEntry[]): ReadonlyMap<string, readonly AutoModel[]> {
  const offered = entries.filter(
    entry => entry.status === 'current' && unroutableReason({ ...entry, shutdown: undefined }, 0) === '',
  )
  const sorted = offered.sort((a, b) => compared(b.released ?? '', a.released ?? '') || compared(a.id, b.id))
  return Map.groupBy(sorted.map(autoModelOf), model => model.entry.provider)
}

/** What a call is expected to cost with a model, in nano-USD; undefined when its price is unknown. */
export function expectedNanoUsd(
  { rates }: AutoModel,
  { inputTokens, cachedTokens, outputTokens }: ExpectedUse,
): number | undefined {
  const rate = rates.find(one => inputTokens > one.aboveInputTokens)
  if (rate === undefined) return undefined
  const cached = Math.min(cachedTokens, inputTokens)
  return (inputTokens - cached) * rate.input + cached * rate.cachedInput + outputTokens * rate.output
}

function flatTier(tier: ModelPrice['tiers'][number]): FlatRate {
  return flat(tier, tier.aboveInputTokens)
}

function flat({ input, cachedInput, output }: ModelRate, aboveInputTokens: number): FlatRate {
  const perToken = (nanoUsdPerMillion: bigint): number => Number(nanoUsdPerMillion) / 1_000_000
  return {
    aboveInputTokens,
    input: perToken(input),
    cachedInput: perToken(cachedInput ?? input),
    output: perToken(output),
  }
}

function compared(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

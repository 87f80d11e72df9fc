// Models that the bundled table does not know: those described in the configuration, and those nobody described.

import type {
  Modality,
  ModelEntry,
  ModelPrice,
  ModelRate,
  Quality,
  Reasoning,
  StructuredOutput,
} from '../core/model.ts'
import { nanoUsdFromUsd } from '../core/money.ts'

/** A model described in the configuration; what it leaves out stays as bundled, or as assumed for an unknown one. */
export interface ConfiguredModel {
  readonly provider: string
  readonly id: string
  readonly aliases?: readonly string[] | undefined
  readonly contextWindow?: number | undefined
  readonly maxOutputTokens?: number | undefined
  readonly price?: ConfiguredPrice | undefined
  /** From 1 (tiny) to 5 (frontier). Absent: what is known of its name, or guessed from its price. */
  readonly quality?: Quality | undefined
  readonly capabilities?: ConfiguredCapabilities | undefined
}

/** Prices in USD per million tokens, as people write them; digits past the ninth decimal are rounded. */
export interface ConfiguredPrice {
  readonly input: number
  readonly output: number
  readonly cachedInput?: number | undefined
  readonly cacheWrite?: number | undefined
  /** Dearer rates of long requests. */
  readonly tiers?: readonly ConfiguredTier[] | undefined
  /** In USD for one search of the web. */
  readonly webSearch?: number | undefined
}

/** The rate of a whole request that has more than so many input tokens. */
export interface ConfiguredTier
  extends Pick<ConfiguredPrice, 'input' | 'output' | 'cachedInput' | 'cacheWrite'> {
  readonly aboveInputTokens: number
}

/** What a configured model can do. */
export interface ConfiguredCapabilities {
  readonly tools?: boolean | undefined
  readonly structuredOutput?: StructuredOutput | undefined
  readonly reasoning?: Reasoning | undefined
  readonly modalitiesIn?: readonly Modality[] | undefined
  readonly modalitiesOut?: readonly Modality[] | undefined
}

/**
 * An entry for a model of which only the name is known. It claims every ability, because the provider's own
 * refusal tells a caller more than ours would; its sizes and its price are unknown.
 */
export function assumedEntry(provider: string, id: string): ModelEntry {
  return {
    provider,
    id,
    aliases: [],
    status: 'current',
    released: undefined,
    shutdown: undefined,
    contextWindow: undefined,
    maxInputTokens: undefined,
    maxOutputTokens: undefined,
    modalitiesIn: ['text', 'image', 'pdf', 'video', 'audio', 'file'],
    modalitiesOut: ['text', 'embedding'],
    tools: true,
    structuredOutput: 'json_schema',
    reasoning: 'optional',
    reasoningEfforts: [],
    defaultReasoningEffort: undefined,
    temperature: { kind: 'range', min: 0, max: 2, minExcluded: false },
    endpoints: ['chat/completions', 'embeddings'],
    price: undefined,
    confidence: 'assumed',
    source: { limits: 'not described', price: 'not described', capabilities: 'not described' },
    notes: '',
  }
}

/**
 * Lays configured models over a table: one with the provider and id of a bundled model (in any case) changes it in
 * place and keeps the id's case, another is added at the end. A negative or endless price leaves the price unknown.
 */
export function withConfigured(
  models: readonly ModelEntry[],
  configured: readonly ConfiguredModel[],
): readonly ModelEntry[] {
  const result = [...models]
  for (const model of configured) {
    const index = result.findIndex(
      entry => entry.provider === model.provider && entry.id.toLowerCase() === model.id.toLowerCase(),
    )
    const bundled = result[index]
    if (bundled === undefined) result.push(overlay(assumedEntry(model.provider, model.id), model))
    else result[index] = overlay(bundled, model)
  }
  return result
}

function overlay(entry: ModelEntry, model: ConfiguredModel): ModelEntry {
  const can = model.capabilities
  const modalitiesOut = can?.modalitiesOut ?? entry.modalitiesOut
  const sourced = (configured: unknown, before: string) =>
    configured === undefined ? before : 'configuration'
  return {
    ...entry,
    aliases: [...entry.aliases, ...(model.aliases ?? [])],
    contextWindow: model.contextWindow ?? entry.contextWindow,
    maxOutputTokens: model.maxOutputTokens ?? entry.maxOutputTokens,
    price: model.price === undefined ? entry.price : configuredPrice(model.price),
    quality: model.quality ?? entry.quality,
    tools: can?.tools ?? entry.tools,
    structuredOutput: can?.structuredOutput ?? entry.structuredOutput,
    reasoning: can?.reasoning ?? entry.reasoning,
    modalitiesIn: can?.modalitiesIn ?? entry.modalitiesIn,
    modalitiesOut,
    endpoints: entry.endpoints.filter(endpoint =>
      modalitiesOut.includes(endpoint === 'embeddings' ? 'embedding' : 'text'),
    ),
    source: {
      limits: sourced(model.contextWindow ?? model.maxOutputTokens, entry.source.limits),
      price: sourced(model.price, entry.source.price),
      capabilities: sourced(can, entry.source.capabilities),
    },
  }
}

function configuredPrice({ tiers = [], webSearch, ...rate }: ConfiguredPrice): ModelPrice | undefined {
  const base = configuredRate(rate)
  const rates = tiers.map(({ aboveInputTokens, ...tier }) => {
    const dearer = configuredRate(tier)
    return dearer && { aboveInputTokens, ...dearer }
  })
  const known = rates.filter(tier => tier !== undefined)
  if (base === undefined || known.length < rates.length) return undefined
  return {
    ...base,
    tiers: known.toSorted((a, b) => a.aboveInputTokens - b.aboveInputTokens),
    ...(webSearch === undefined ? {} : { webSearch: nanoUsdFromUsd(webSearch) }),
  }
}

function configuredRate(rate: Omit<ConfiguredTier, 'aboveInputTokens'>): ModelRate | undefined {
  const input = nanoUsdFromUsd(rate.input)
  const output = nanoUsdFromUsd(rate.output)
  if (input === undefined || output === undefined) return undefined
  return {
    input,
    output,
    cachedInput: rate.cachedInput === undefined ? undefined : nanoUsdFromUsd(rate.cachedInput),
    cacheWrite: rate.cacheWrite === undefined ? undefined : nanoUsdFromUsd(rate.cacheWrite),
  }
}

// What a call costs: disjoint buckets of tokens and searches times list prices, in whole nano-dollars.
import { createHash } from 'node:crypto'
import type { ModelEntry, ModelPrice, ModelRate } from '../core/model.ts'

/** The tokens of one call, as providers report them: cached and written tokens are part of the input, reasoning of the output. */
export interface PricedUsage {
  readonly inputTokens: number
  readonly cachedInputTokens: number
  /** Input tokens written to the provider's cache, where the provider reports them (OpenAI from GPT-5.6). */
  readonly cacheWriteTokens?: number | undefined
  readonly outputTokens: number
  readonly reasoningTokens: number
  /** Searches of the web that the provider bills by the piece. */
  readonly searches?: number | undefined
  /** The tier of service that it was served with. Absent: the usual one. */
  readonly serviceTier?: string | undefined
  /** Why it was asked once more. */
  readonly cause?: 'repair' | undefined
  /** The same, request by request, where there were several: whether a tier is reached is a matter of each. */
  readonly parts?: readonly PricedUsage[] | undefined
}

/** What has a price of its own: kinds of tokens, and searches of the web. */
export type CostBucket = 'input' | 'cached_input' | 'cache_write' | 'output' | 'web_search'

/** One line of a bill; lines never overlap, so the quantities of tokens add up to input plus output tokens. */
export interface CostLine {
  readonly bucket: CostBucket
  /** In tokens; in searches for `web_search`. */
  readonly quantity: number
  readonly nanoUsdPerMillion: bigint
  readonly nanoUsd: bigint
  /** Why it was asked once more. Absent: for no other reason than the attempt itself. */
  readonly cause?: 'repair'
}

/** What a call costs. Without a known price there are no lines, and `nanoUsd` says nothing. */
export interface Cost {
  readonly nanoUsd: bigint
  readonly known: boolean
  readonly priceVersion: string
  readonly lines: readonly CostLine[]
}

const million = 1_000_000n

/**
 * Prices a usage at list price. Each line is rounded once, half up, to a whole nano-dollar; the sum is exact.
 * A cached or cache-write price that the provider does not publish is the input price, so a gap in the table
 * never bills too little. Reasoning tokens are output tokens and have no line of their own.
 * Providers have been seen to report negative counts and more cached than input tokens; those are clamped.
 * A search whose fee is not known makes the whole cost unknown, as does a tier of service whose price is not.
 */
export function costOf(price: ModelPrice | undefined, usage: PricedUsage, priceVersion: string): Cost {
  const unknown = { nanoUsd: 0n, known: false, priceVersion, lines: [] }
  const thousandths = price && tierOf(price, usage.serviceTier)
  if (price === undefined || thousandths === undefined) return unknown
  const lines: CostLine[] = []
  for (const part of usage.parts ?? [usage]) {
    const priced = linesOf(price, part, thousandths)
    if (priced === undefined) return unknown
    lines.push(...priced)
  }
  const nanoUsd = lines.reduce((sum, line) => sum + line.nanoUsd, 0n)
  return { nanoUsd, known: true, priceVersion, lines }
}

/** The lines of one request; undefined when a fee in them is not known. */
function linesOf(
  price: ModelPrice,
  usage: PricedUsage,
  thousandths: bigint,
): readonly CostLine[] | undefined {
  const inputTokens = whole(usage.inputTokens)
  const cached = Math.min(whole(usage.cachedInputTokens), inputTokens)
  const written = Math.min(whole(usage.cacheWriteTokens ?? 0), inputTokens - cached)
  const searches = whole(usage.searches ?? 0)
  if (searches > 0 && price.webSearch === undefined) return undefined
  const rate = atTier(rateFor(price, inputTokens), thousandths)
  const { cause } = usage
  const lines: CostLine[] = []
  const add = (bucket: CostBucket, quantity: number, nanoUsdPerMillion: bigint): void => {
    if (quantity <= 0) return
    const line = costLine(bucket, quantity, nanoUsdPerMillion)
    lines.push(cause === undefined ? line : { ...line, cause })
  }
  add('input', inputTokens - cached - written, rate.input)
  add('cached_input', cached, rate.cachedInput ?? rate.input)
  add('cache_write', written, rate.cacheWrite ?? rate.input)
  add('output', whole(usage.outputTokens), rate.output)
  add('web_search', searches, (price.webSearch ?? 0n) * million)
  return lines
}

/**
 * The most that a request can cost in nano-USD: all input at the dearest of its input prices, and every token of
 * `maxOutputTokens` spent, in a tier of service, with so many searches of the web. Undefined when the price is unknown, or that of the tier or a search.
 */
export function costCeiling(
  price: ModelPrice | undefined,
  inputTokens: number,
  maxOutputTokens: number,
  { serviceTier, searches = 0 }: Pick<PricedUsage, 'serviceTier' | 'searches'> = {},
): bigint | undefined {
  const thousandths = price && tierOf(price, serviceTier)
  if (price === undefined || thousandths === undefined) return undefined
  if (searches > 0 && price.webSearch === undefined) return undefined
  // Who asks for a cheaper tier may be served in the usual one.
  const rate = atTier(rateFor(price, inputTokens), thousandths > 1000n ? thousandths : 1000n)
  const dearest = [rate.cachedInput, rate.cacheWrite].reduce<bigint>(
    (most, one) => (one !== undefined && one > most ? one : most),
    rate.input,
  )
  // The input may come in three lines, each rounded by itself: together they can be one more than the whole.
  const rates = [rate.input, rate.cachedInput ?? 0n, rate.cacheWrite ?? 0n]
  const rounding = rates.every(one => one % million === 0n) ? 0n : 1n
  return (
    costLine('input', whole(inputTokens), dearest).nanoUsd +
    rounding +
    costLine('output', whole(maxOutputTokens), rate.output).nanoUsd +
    BigInt(whole(searches)) * (price.webSearch ?? 0n)
  )
}

/** The rate of a request with that many input tokens: past a tier's threshold its rate holds for the whole request. */
export function rateFor(price: ModelPrice, inputTokens: number): ModelRate {
  return price.tiers.findLast(tier => inputTokens > tier.aboveInputTokens) ?? price
}

/** Names a price list: the day of the facts and a short hash of every price, so that equal versions mean equal prices. */
export function priceVersionOf(asOf: string, models: readonly ModelEntry[]): string {
  const hash = createHash('sha256')
  for (const { provider, id, price } of models) {
    const rates = price === undefined ? [] : [price, ...price.tiers]
    hash.update(`${provider}/${id}`)
    for (const rate of rates) {
      const above = 'aboveInputTokens' in rate ? rate.aboveInputTokens : 0
      hash.update(` ${above}:${rate.input},${rate.cachedInput},${rate.cacheWrite},${rate.output}`)
    }
    if (price?.webSearch !== undefined) hash.update(` search:${price.webSearch}`)
    for (const [tier, thousandths] of Object.entries(price?.serviceTiers ?? {}))
      hash.update(` ${tier}:${thousandths}`)
    hash.update('\n')
  }
  return `${asOf}-${hash.digest('hex').slice(0, 8)}`
}

/** Thousandths of the list price that a tier of service costs; undefined when that is not known. */
function tierOf({ serviceTiers }: ModelPrice, name = ''): bigint | undefined {
  if (serviceTiers === undefined) return 1000n
  return Object.hasOwn(serviceTiers, name) ? serviceTiers[name] : undefined
}

function atTier(rate: ModelRate, thousandths: bigint): ModelRate {
  if (thousandths === 1000n) return rate
  const times = (price: bigint): bigint => (price * thousandths + 500n) / 1000n
  const { input, cachedInput, cacheWrite, output } = rate
  return {
    input: times(input),
    cachedInput: cachedInput && times(cachedInput),
    cacheWrite: cacheWrite && times(cacheWrite),
    output: times(output),
  }
}

function costLine(bucket: CostBucket, quantity: number, nanoUsdPerMillion: bigint): CostLine {
  const nanoUsd = (BigInt(quantity) * nanoUsdPerMillion + million / 2n) / million
  return { bucket, quantity, nanoUsdPerMillion, nanoUsd }
}

function whole(tokens: number): number {
  return Number.isFinite(tokens) ? Math.max(0, Math.trunc(tokens)) : 0
}

// What a call costs: disjoint token buckets times list prices, in whole nano-dollars.
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
}

/** A kind of token with its own price. */
export type CostBucket = 'input' | 'cached_input' | 'cache_write' | 'output'

/** One line of a bill; lines never overlap, so their quantities add up to input plus output tokens. */
export interface CostLine {
  readonly bucket: CostBucket
  /** In tokens. */
  readonly quantity: number
  readonly nanoUsdPerMillion: bigint
  readonly nanoUsd: bigint
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
 */
export function costOf(price: ModelPrice | undefined, usage: PricedUsage, priceVersion: string): Cost {
  if (price === undefined) return { nanoUsd: 0n, known: false, priceVersion, lines: [] }
  const inputTokens = whole(usage.inputTokens)
  const cached = Math.min(whole(usage.cachedInputTokens), inputTokens)
  const written = Math.min(whole(usage.cacheWriteTokens ?? 0), inputTokens - cached)
  const rate = rateFor(price, inputTokens)
  const lines = [
    costLine('input', inputTokens - cached - written, rate.input),
    costLine('cached_input', cached, rate.cachedInput ?? rate.input),
    costLine('cache_write', written, rate.cacheWrite ?? rate.input),
    costLine('output', whole(usage.outputTokens), rate.output),
  ].filter(line => line.quantity > 0)
  const nanoUsd = lines.reduce((sum, line) => sum + line.nanoUsd, 0n)
  return { nanoUsd, known: true, priceVersion, lines }
}

/**
 * The most that a request can cost in nano-USD: all input at the dearest of its input prices, and every token of
 * `maxOutputTokens` spent. Undefined when the price is unknown.
 */
export function costCeiling(
  price: ModelPrice | undefined,
  inputTokens: number,
  maxOutputTokens: number,
): bigint | undefined {
  if (price === undefined) return undefined
  const rate = rateFor(price, inputTokens)
  const dearest = [rate.cachedInput, rate.cacheWrite].reduce<bigint>(
    (most, one) => (one !== undefined && one > most ? one : most),
    rate.input,
  )
  return (
    costLine('input', whole(inputTokens), dearest).nanoUsd +
    costLine('output', whole(maxOutputTokens), rate.output).nanoUsd
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
    hash.update('\n')
  }
  return `${asOf}-${hash.digest('hex').slice(0, 8)}`
}

function costLine(bucket: CostBucket, quantity: number, nanoUsdPerMillion: bigint): CostLine {
  const nanoUsd = (BigInt(quantity) * nanoUsdPerMillion + million / 2n) / million
  return { bucket, quantity, nanoUsdPerMillion, nanoUsd }
}

function whole(tokens: number): number {
  return Number.isFinite(tokens) ? Math.max(0, Math.trunc(tokens)) : 0
}

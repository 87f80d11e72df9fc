// Every price of the bundled models, worked out a second time by a table of the tests' own; and what holds for any usage.
import { describe, expect, test } from 'vitest'
import { bundledModels } from '../../../src/catalogue/bundled.ts'
import { createCatalogue } from '../../../src/catalogue/catalogue.ts'
import raw from '../../../src/catalogue/models.json' with { type: 'json' }
import { type Cost, costCeiling, costOf, type PricedUsage } from '../../../src/catalogue/price.ts'
import type { ModelPrice } from '../../../src/core/model.ts'
import { createChance } from '../../support/seeded.ts'

type Chance = ReturnType<typeof createChance>

interface RawRate {
  readonly input: number
  readonly cached_input: number | null
  readonly cache_write: number | null
  readonly output: number
}

const catalogue = createCatalogue({ models: bundledModels(), now: () => 0 })

/** A decimal of US dollars, in units of 10^-12, by its digits. */
function pico(usd: number): bigint {
  const [whole = '', fraction = ''] = usd.toFixed(12).split('.')
  return BigInt(whole + fraction)
}

/** Tokens at a price for a million of them: whole nano-dollars, halves up. */
function worth(tokens: number, usdPerMillion: number): bigint {
  // 10^-12 dollars a million are 10^-9 nano-dollars each.
  const [units, one] = [BigInt(tokens) * pico(usdPerMillion), 10n ** 9n]
  const rest = units % one
  return units / one + (rest * 2n >= one ? 1n : 0n)
}

/** What a usage costs by the published prices, bucket by bucket; buckets without tokens are left out. */
function byHand(
  price: RawRate & { tiers?: readonly (RawRate & { above_input_tokens: number })[] },
  usage: PricedUsage,
) {
  const { inputTokens, cachedInputTokens, cacheWriteTokens = 0, outputTokens } = usage
  let rate: RawRate = price
  for (const tier of price.tiers ?? []) if (inputTokens > tier.above_input_tokens) rate = tier
  const buckets = {
    input: worth(inputTokens - cachedInputTokens - cacheWriteTokens, rate.input),
    cached_input: worth(cachedInputTokens, rate.cached_input ?? rate.input),
    cache_write: worth(cacheWriteTokens, rate.cache_write ?? rate.input),
    output: worth(outputTokens, rate.output),
  }
  return { buckets, total: Object.values(buckets).reduce((sum, one) => sum + one, 0n) }
}

/** Nothing, a little of everything, only cached, all written, long answers, and both sides of every threshold. */
function usagesFor(thresholds: readonly number[]): readonly PricedUsage[] {
  const plain = { cachedInputTokens: 0, cacheWriteTokens: 0, reasoningTokens: 0 }
  const around = thresholds.flatMap(at => [at, at + 1, at * 2])
  return [
    { ...plain, inputTokens: 0, outputTokens: 0 },
    { ...plain, inputTokens: 1, outputTokens: 1 },
    { ...plain, inputTokens: 1_234_567, outputTokens: 89_012, reasoningTokens: 80_000 },
    { inputTokens: 999, cachedInputTokens: 333, cacheWriteTokens: 111, outputTokens: 7, reasoningTokens: 7 },
    { ...plain, inputTokens: 70_001, cachedInputTokens: 70_001, outputTokens: 0 },
    { ...plain, inputTokens: 50_003, cacheWriteTokens: 50_003, outputTokens: 13 },
    ...around.map(inputTokens => ({
      inputTokens,
      cachedInputTokens: Math.trunc(inputTokens / 3),
      cacheWriteTokens: Math.trunc(inputTokens / 7),
      outputTokens: 1_001,
      reasoningTokens: 0,
    })),
  ]
}

const PROVIDERS: Record<string, string> = {
  openai: 'openai',
  zai: 'glm',
  zhipuai: 'glm',
  moonshot: 'kimi',
  minimax: 'minimax',
}

describe('the price table', () => {
  test.each(raw.models.map(model => ({ name: `${model.provider} ${model.id}`, model })))(
    '$name costs what its published prices say, to the nano-dollar',
    ({ model }) => {
      const provider = PROVIDERS[model.provider] ?? ''
      const entry = catalogue.list().find(one => one.provider === provider && one.id === model.id)
      if (entry === undefined) throw new Error('it is not in the catalogue')
      const { price } = model
      for (const usage of usagesFor((price?.tiers ?? []).map(tier => tier.above_input_tokens))) {
        const cost = catalogue.cost(entry, usage)
        expect(cost.known).toBe(price !== null)
        if (price === null) {
          expect(cost.lines).toEqual([])
          continue
        }
        const { buckets, total } = byHand(price, usage)
        expect(cost.nanoUsd).toBe(total)
        for (const { bucket, nanoUsd } of cost.lines)
          expect([bucket, nanoUsd]).toEqual([bucket, buckets[bucket as keyof typeof buckets]])
        expect(totals(cost).tokens).toBe(usage.inputTokens + usage.outputTokens)
      }
    },
  )

  test('has models with tiers, with written tokens at a price, and with none at all', () => {
    const prices = raw.models.map(({ price }) => price)
    expect(prices.filter(price => (price?.tiers ?? []).length > 0).length).toBeGreaterThan(5)
    expect(prices.filter(price => (price?.cache_write ?? 0) > 0).length).toBeGreaterThan(5)
    expect(prices.filter(price => price === null).length).toBeGreaterThan(0)
  })

  test('bills a search of Kimi at half a cent, and does not know the cost of one of GLM or of a model without a price', () => {
    const plain = { inputTokens: 1_000, cachedInputTokens: 0, outputTokens: 0, reasoningTokens: 0 }
    const costFor = (id: string, usage: PricedUsage) => {
      const entry = catalogue.list().find(one => one.id === id)
      if (entry === undefined) throw new Error(`no ${id}`)
      return catalogue.cost(entry, usage)
    }
    // kimi-k2.6: 0.95 in.
    expect(costFor('kimi-k2.6', { ...plain, searches: 2 })).toMatchObject({
      known: true,
      nanoUsd: 10_950_000n,
      lines: [
        { bucket: 'input', quantity: 1_000, nanoUsd: 950_000n },
        { bucket: 'web_search', quantity: 2, nanoUsd: 10_000_000n },
      ],
    })
    expect(costFor('glm-5.3', { ...plain, searches: 1 })).toMatchObject({
      known: false,
      nanoUsd: 0n,
      lines: [],
    })
    expect(costFor('glm-5.3', plain).known).toBe(true)
    const ceilingFor = (id: string) => {
      const price = catalogue.list().find(one => one.id === id)?.price
      return costCeiling(price, 0, 0, { searches: 5 })
    }
    // Those that are never asked to search are not left out for what a search might cost.
    expect(['kimi-k2.6', 'gpt-6.1-sol', 'MiniMax-M3', 'glm-5.3'].map(ceilingFor)).toEqual([
      25_000_000n,
      0n,
      0n,
      undefined,
    ])
    expect(costCeiling(costlyPrice(), 0, 0, { searches: 1 })).toBeUndefined()
    expect(costCeiling({ ...costlyPrice(), webSearch: 7n }, 0, 0, { searches: 3 })).toBe(21n)
  })

  test('bills the tiers of service of OpenAI and MiniMax at their share, and does not know the cost of others', () => {
    const plain = { inputTokens: 1_000, cachedInputTokens: 200, outputTokens: 10, reasoningTokens: 0 }
    const costFor = (id: string, serviceTier?: string) => {
      const entry = catalogue.list().find(one => one.id === id)
      if (entry === undefined) throw new Error(`no ${id}`)
      const { known, nanoUsd } = catalogue.cost(entry, { ...plain, serviceTier })
      expect(costCeiling(entry.price, 1_000, 10, { serviceTier }) === undefined).toBe(!known)
      return known ? nanoUsd : 'unknown'
    }
    // gpt-6.1-sol: 2 in, 0.1 cached, 10 out. MiniMax-M3: 0.3 in, 0.06 cached, 1.2 out. glm-5.3: 1.4, 0.26, 4.4.
    for (const tier of [undefined, '', 'auto', 'default'])
      expect(costFor('gpt-6.1-sol', tier)).toBe(1_720_000n)
    expect(costFor('gpt-6.1-sol', 'flex')).toBe(860_000n)
    for (const tier of ['priority', 'scale', 'constructor', 'Flex'])
      expect(costFor('gpt-6.1-sol', tier)).toBe('unknown')
    expect(costFor('MiniMax-M3')).toBe(264_000n)
    expect(costFor('MiniMax-M3', 'priority')).toBe(396_000n)
    // It takes none: what it says of itself changes nothing.
    expect(costFor('glm-5.3', 'priority')).toBe(costFor('glm-5.3'))
  })

  test('judges the tier of each request by itself where one answer took several, and says which one mended it', () => {
    const price = costlyPrice()
    const one = { inputTokens: 60, cachedInputTokens: 0, outputTokens: 1, reasoningTokens: 0 }
    const sum = { ...one, inputTokens: 120, outputTokens: 2 }
    expect(costOf(price, { ...sum, parts: [one, { ...one, cause: 'repair' }] }, 'v')).toEqual({
      known: true,
      priceVersion: 'v',
      nanoUsd: 260n,
      lines: [
        { bucket: 'input', quantity: 60, nanoUsdPerMillion: 2_000_000n, nanoUsd: 120n },
        { bucket: 'output', quantity: 1, nanoUsdPerMillion: 10_000_000n, nanoUsd: 10n },
        { bucket: 'input', quantity: 60, nanoUsdPerMillion: 2_000_000n, nanoUsd: 120n, cause: 'repair' },
        { bucket: 'output', quantity: 1, nanoUsdPerMillion: 10_000_000n, nanoUsd: 10n, cause: 'repair' },
      ],
    })
    // Above 100 input tokens: 4 and 20.
    expect(costOf(price, sum, 'v').nanoUsd).toBe(520n)
  })
})

function costlyPrice(): ModelPrice {
  const rate = { cachedInput: undefined, cacheWrite: undefined }
  return {
    ...rate,
    input: 2_000_000n,
    output: 10_000_000n,
    tiers: [{ ...rate, aboveInputTokens: 100, input: 4_000_000n, output: 20_000_000n }],
  }
}

function totals({ lines }: Pick<Cost, 'lines'>) {
  return {
    tokens: lines
      .filter(({ bucket }) => bucket !== 'web_search')
      .reduce((sum, line) => sum + line.quantity, 0),
    nanoUsd: lines.reduce((sum, line) => sum + line.nanoUsd, 0n),
  }
}

/** A price with tiers that only get dearer, any of its finer prices absent, in whole nano-dollars for a million tokens. */
function anyPrice(chance: Chance): ModelPrice {
  const amount = () => BigInt(chance.below(50_000_000_000))
  const maybe = (most: bigint) => (chance.below(3) === 0 ? undefined : BigInt(chance.below(Number(most) + 1)))
  const input = amount()
  const first = { input, cachedInput: maybe(input), cacheWrite: maybe(input * 2n), output: amount() }
  const tiers = Array.from({ length: chance.below(3) }, (_, index) => ({
    aboveInputTokens: (index + 1) * 1_000,
    input: first.input * BigInt(index + 2),
    cachedInput: first.cachedInput === undefined ? undefined : first.cachedInput * BigInt(index + 2),
    cacheWrite: first.cacheWrite === undefined ? undefined : first.cacheWrite * BigInt(index + 2),
    output: first.output * BigInt(index + 2),
  }))
  return { ...first, tiers, webSearch: BigInt(chance.below(10_000_000)) }
}

/** A usage as it can be: shares no larger than the whole. */
function anyUsage(chance: Chance): PricedUsage {
  const inputTokens = chance.below(4_000)
  const cachedInputTokens = chance.below(inputTokens + 1)
  const outputTokens = chance.below(4_000)
  return {
    inputTokens,
    cachedInputTokens,
    cacheWriteTokens: chance.below(inputTokens - cachedInputTokens + 1),
    outputTokens,
    reasoningTokens: chance.below(outputTokens + 1),
    searches: chance.below(3),
  }
}

describe('for any price and any usage', () => {
  test.each([1, 2, 3, 4])('the lines add up, never overlap, and are whole (seed %i)', seed => {
    const chance = createChance(seed)
    for (let round = 0; round < 500; round += 1) {
      const [price, usage] = [anyPrice(chance), anyUsage(chance)]
      const cost = costOf(price, usage, 'v')
      expect(cost.known).toBe(true)
      expect(totals(cost)).toEqual({
        tokens: usage.inputTokens + usage.outputTokens,
        nanoUsd: cost.nanoUsd,
      })
      expect(new Set(cost.lines.map(({ bucket }) => bucket)).size).toBe(cost.lines.length)
      for (const { bucket, quantity, nanoUsd, nanoUsdPerMillion } of cost.lines) {
        expect(Number.isInteger(quantity) && quantity > 0 && nanoUsd >= 0n).toBe(true)
        // Off the exact value by half a nano-dollar at most.
        const off = nanoUsd * 1_000_000n - BigInt(quantity) * nanoUsdPerMillion
        expect([bucket, off >= -500_000n && off <= 500_000n]).toEqual([bucket, true])
      }
      expect(cost.nanoUsd).toBeLessThanOrEqual(
        costCeiling(price, usage.inputTokens, usage.outputTokens, usage) ?? -1n,
      )
    }
  })

  test.each([1, 2, 3, 4])('more of anything is never cheaper (seed %i)', seed => {
    const chance = createChance(seed)
    for (let round = 0; round < 500; round += 1) {
      const [price, usage] = [anyPrice(chance), anyUsage(chance)]
      const { nanoUsd } = costOf(price, usage, 'v')
      const more = 1 + chance.below(2_000)
      for (const field of ['inputTokens', 'outputTokens', 'searches'] as const) {
        const grown = costOf(price, { ...usage, [field]: (usage[field] ?? 0) + more }, 'v')
        expect([field, grown.nanoUsd >= nanoUsd]).toEqual([field, true])
      }
    }
  })

  test.each([1, 2, 3])('requests of one answer cost what they cost one by one (seed %i)', seed => {
    const chance = createChance(seed)
    for (let round = 0; round < 200; round += 1) {
      const price = anyPrice(chance)
      const parts = [anyUsage(chance), anyUsage(chance), anyUsage(chance)]
      const apart = parts.reduce((sum, part) => sum + costOf(price, part, 'v').nanoUsd, 0n)
      expect(costOf(price, { ...anyUsage(chance), parts }, 'v').nanoUsd).toBe(apart)
    }
  })
})

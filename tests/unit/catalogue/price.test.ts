// What calls cost, against sums worked out by hand from the providers' price lists.
import { describe, expect, test } from 'vitest'
import { bundledModels } from '../../../src/catalogue/bundled.ts'
import { costCeiling, costOf, type PricedUsage, priceVersionOf } from '../../../src/catalogue/price.ts'
import type { ModelPrice } from '../../../src/core/model.ts'
import { nanoUsdFromUsd, usdMax } from '../../../src/core/money.ts'

const { models } = bundledModels()

function priceOf(id: string): ModelPrice | undefined {
  const entry = models.find(model => model.id === id)
  if (entry === undefined) throw new Error(`no model has the id ${id}`)
  return entry.price
}

function usage(inputTokens: number, outputTokens: number, more: Partial<PricedUsage> = {}): PricedUsage {
  return { inputTokens, outputTokens, cachedInputTokens: 0, reasoningTokens: 0, ...more }
}

function bill(id: string, used: PricedUsage) {
  const { nanoUsd, lines } = costOf(priceOf(id), used, 'v')
  return { nanoUsd, lines: lines.map(line => [line.bucket, line.quantity, line.nanoUsd]) }
}

describe('costOf', () => {
  test('prices a whole request at the dearer tier from one token past its threshold', () => {
    expect(bill('gpt-6-astra', usage(272_000, 1_000))).toEqual({
      nanoUsd: 2_770_000_000n,
      lines: [
        ['input', 272_000, 2_720_000_000n],
        ['output', 1_000, 50_000_000n],
      ],
    })
    expect(bill('gpt-6-astra', usage(272_001, 1_000))).toEqual({
      nanoUsd: 5_515_020_000n,
      lines: [
        ['input', 272_001, 5_440_020_000n],
        ['output', 1_000, 75_000_000n],
      ],
    })
  })

  test('counts cached tokens towards the threshold and prices them in the tier', () => {
    // MiniMax-M3 above 512,000: 0.60 in, 0.12 cached, 2.40 out.
    expect(bill('MiniMax-M3', usage(512_001, 10, { cachedInputTokens: 512_000 }))).toEqual({
      nanoUsd: 61_464_600n,
      lines: [
        ['input', 1, 600n],
        ['cached_input', 512_000, 61_440_000n],
        ['output', 10, 24_000n],
      ],
    })
  })

  test('fits the int64 of our wire at the highest price there may be and the most tokens it can count', () => {
    const highest = nanoUsdFromUsd(usdMax)
    if (highest === undefined) throw new Error('the highest price is none')
    const rate = { input: highest, cachedInput: undefined, cacheWrite: undefined, output: highest, tiers: [] }
    const { nanoUsd } = costOf(rate, usage(2 ** 31 - 1, 2 ** 31 - 1), 'v')
    expect(nanoUsd).toBe(4_294_967_294_000_000_000n)
    expect(nanoUsd).toBeLessThan(2n ** 63n)
  })

  test('takes cached tokens out of the input line', () => {
    // gpt-6.1-sol: 2.00 in, 0.10 cached, 10.00 out.
    expect(bill('gpt-6.1-sol', usage(10_000, 500, { cachedInputTokens: 8_000 }))).toEqual({
      nanoUsd: 9_800_000n,
      lines: [
        ['input', 2_000, 4_000_000n],
        ['cached_input', 8_000, 800_000n],
        ['output', 500, 5_000_000n],
      ],
    })
  })

  test('bills cache writes at their own price, which is nothing at GLM', () => {
    expect(bill('gpt-6-astra', usage(1_000, 0, { cacheWriteTokens: 200 }))).toEqual({
      nanoUsd: 10_500_000n,
      lines: [
        ['input', 800, 8_000_000n],
        ['cache_write', 200, 2_500_000n],
      ],
    })
    // glm-5.3: 1.40 in, 0.26 cached, writes free, 4.40 out.
    expect(bill('glm-5.3', usage(1_000, 200, { cachedInputTokens: 400, cacheWriteTokens: 100 }))).toEqual({
      nanoUsd: 1_684_000n,
      lines: [
        ['input', 500, 700_000n],
        ['cached_input', 400, 104_000n],
        ['cache_write', 100, 0n],
        ['output', 200, 880_000n],
      ],
    })
  })

  test('bills cached and written tokens at the input price of the tier when no other is published', () => {
    // gpt-5.5-pro: 30 in, 180 out, nothing else. gpt-6.1-terra above 272,000: 2 in, no write price.
    expect(bill('gpt-5.5-pro', usage(1_000, 10, { cachedInputTokens: 600 })).lines).toEqual([
      ['input', 400, 12_000_000n],
      ['cached_input', 600, 18_000_000n],
      ['output', 10, 1_800_000n],
    ])
    expect(bill('gpt-6.1-terra', usage(300_000, 0, { cacheWriteTokens: 100_000 })).lines).toEqual([
      ['input', 200_000, 400_000_000n],
      ['cache_write', 100_000, 200_000_000n],
    ])
  })

  test('does not bill reasoning tokens beside the output that holds them', () => {
    const thinking = bill('glm-5.3', usage(0, 1_000, { reasoningTokens: 900 }))
    expect(thinking).toEqual({ nanoUsd: 4_400_000n, lines: [['output', 1_000, 4_400_000n]] })
  })

  test('does not know the cost of a model without a price', () => {
    expect(costOf(priceOf('glm-4.6v-flashx'), usage(1_000, 1_000), 'v')).toEqual({
      nanoUsd: 0n,
      known: false,
      priceVersion: 'v',
      lines: [],
    })
  })

  test('knows that a free model costs nothing', () => {
    const cost = costOf(priceOf('glm-4.7-flash'), usage(1_000, 1_000), 'v')
    expect(cost.known).toBe(true)
    expect(cost.nanoUsd).toBe(0n)
    expect(cost.lines).toHaveLength(2)
  })

  test.each([
    [1, 13n],
    [2, 25n],
    [3, 38n],
  ])('rounds a line of %d tokens at 12.5 nano-USD each half up to %d', (tokens, nanoUsd) => {
    const price = { input: 0n, cachedInput: undefined, cacheWrite: undefined, output: 12_500_000n, tiers: [] }
    expect(costOf(price, usage(0, tokens), 'v').nanoUsd).toBe(nanoUsd)
  })

  test('clamps counts that cannot be: negative, more cached than input, not a number', () => {
    expect(bill('glm-5.3', usage(20, -3, { cachedInputTokens: 50, cacheWriteTokens: 9 })).lines).toEqual([
      ['cached_input', 20, 5_200n],
    ])
    expect(bill('glm-5.3', usage(Number.NaN, 0, { cachedInputTokens: -1 })).lines).toEqual([])
  })
})

describe('costCeiling', () => {
  test('takes the dearest input price and the whole output cap', () => {
    expect(costCeiling(priceOf('gpt-6-astra'), 1_000, 100)).toBe(17_500_000n)
    expect(costCeiling(priceOf('gpt-6-astra'), 272_001, 0)).toBe(6_800_025_000n)
    expect(costCeiling(priceOf('gpt-5.5-pro'), 10, 1)).toBe(480_000n)
  })

  test('is that of the usual tier of service for a cheaper one, which a provider may exchange', () => {
    const base = { input: 1_000_000n, cachedInput: undefined, cacheWrite: undefined, output: 2_000_000n }
    const price = { ...base, tiers: [], serviceTiers: { '': 1000n, flex: 500n, priority: 1500n } }
    const ceiling = (serviceTier: string) => costCeiling(price, 100, 100, { serviceTier })
    expect(['', 'flex', 'priority', 'other'].map(ceiling)).toEqual([300n, 300n, 451n, undefined])
  })

  test('is unknown for a model without a price', () => {
    expect(costCeiling(undefined, 1, 1)).toBeUndefined()
  })
})

describe('priceVersionOf', () => {
  test('is the day of the facts and a short hash, the same each time', () => {
    expect(priceVersionOf('2026-11-22', models)).toMatch(/^2026-11-22-[0-9a-f]{8}$/)
    expect(priceVersionOf('2026-11-22', bundledModels().models)).toBe(priceVersionOf('2026-11-22', models))
  })

  test('changes with any price, also within a tier, and with nothing else', () => {
    const version = priceVersionOf('d', models)
    const renamed = models.map(model => ({ ...model, notes: 'new' }))
    const dearer = models.map(model => ({
      ...model,
      price: model.price && {
        ...model.price,
        tiers: model.price.tiers.map(tier => ({ ...tier, output: tier.output + 1n })),
      },
    }))
    expect(priceVersionOf('d', renamed)).toBe(version)
    expect(priceVersionOf('d', dearer)).not.toBe(version)
  })
})

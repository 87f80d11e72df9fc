// Prices that the configuration gives, with all that a bundled one can have.
import { describe, expect, test } from 'vitest'
import { bundledModels } from '../../../src/catalogue/bundled.ts'
import { createCatalogue } from '../../../src/catalogue/catalogue.ts'

describe('a price from the configuration', () => {
  const configured = { provider: 'one', id: 'm', price: { input: 1, output: 4 } }
  const usage = {
    inputTokens: 1_001,
    cachedInputTokens: 1,
    cacheWriteTokens: 500,
    outputTokens: 10,
    reasoningTokens: 0,
  }
  const billed = (price: Parameters<typeof createCatalogue>[0]['configured']) => {
    const own = createCatalogue({
      models: bundledModels(),
      now: () => 0,
      ...(price && { configured: price }),
    })
    const entry = own.list().find(({ provider }) => provider === 'one')
    if (entry === undefined) throw new Error('it is not in the catalogue')
    return { version: own.version, ...own.cost(entry, { ...usage, searches: 1 }) }
  }

  test('has written tokens, searches and dearer rates of long requests, in whatever order they are given', () => {
    const tier = (aboveInputTokens: number, input: number) => ({
      aboveInputTokens,
      input,
      output: input * 4,
      cachedInput: input / 2,
      cacheWrite: input * 2,
    })
    const price = { ...configured.price, tiers: [tier(2_000, 8), tier(1_000, 2)], webSearch: 0.001 }
    expect(billed([{ ...configured, price }])).toMatchObject({
      known: true,
      // 500 × 2 + 1 × 1 + 500 × 4 + 10 × 8 thousand nano-USD, and the search.
      nanoUsd: 1_000_000n + 1_000n + 2_000_000n + 80_000n + 1_000_000n,
    })
  })

  test('without the fee of a search leaves the cost of a call with one unknown', () => {
    expect(billed([configured])).toMatchObject({ known: false })
  })

  test('gives the price list another version, also when only a fee differs', () => {
    const one = billed([{ ...configured, price: { ...configured.price, webSearch: 0.001 } }])
    const other = billed([{ ...configured, price: { ...configured.price, webSearch: 0.002 } }])
    expect(one.version).not.toBe(other.version)
  })
})

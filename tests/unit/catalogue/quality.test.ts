// How good models are, and what they are expected to cost: facts that the choice among all is made from.
import { describe, expect, it } from 'vitest'
import { autoModelOf, autoModelsOf, expectedNanoUsd } from '../../../src/catalogue/auto-model.ts'
import { bundledModels } from '../../../src/catalogue/bundled.ts'
import { createCatalogue } from '../../../src/catalogue/catalogue.ts'
import { assumedEntry } from '../../../src/catalogue/configured.ts'
import { unroutableReason } from '../../../src/catalogue/entry.ts'
import table from '../../../src/catalogue/quality.json' with { type: 'json' }
import { qualityOf, UNKNOWN_QUALITY } from '../../../src/catalogue/quality.ts'
import type { ModelEntry, ModelPrice } from '../../../src/core/model.ts'

const bundled = bundledModels().models
const priced = (input: number, output: number, over: Partial<ModelPrice> = {}): ModelPrice => ({
  input: BigInt(Math.round(input * 1e9)),
  output: BigInt(Math.round(output * 1e9)),
  cachedInput: undefined,
  cacheWrite: undefined,
  tiers: [],
  ...over,
})
const named = (id: string, over: Partial<ModelEntry> = {}): ModelEntry => ({
  ...assumedEntry('local', id),
  ...over,
})

describe('the table of qualities', () => {
  const listed = table.tiers.flatMap(({ ids }) => ids)

  it('judges every bundled model that can chat, once, and nothing else', () => {
    const chats = bundled.filter(
      entry => unroutableReason({ ...entry, shutdown: undefined, status: 'current' }, 0) === '',
    )
    expect([...listed].sort()).toEqual(chats.map(({ id }) => id).sort())
  })

  it('has five steps, each with its reason', () => {
    expect(table.tiers.map(({ quality }) => quality)).toEqual([5, 4, 3, 2, 1])
    expect(table.tiers.every(({ why, ids }) => why.length > 20 && ids.length > 0)).toBe(true)
  })
})

describe('the quality of a model', () => {
  it.each([
    ['gpt-6-astra', 5],
    ['GPT-6-Luna', 3],
    ['openai/gpt-6-luna', 3],
    ['minimax-m2-her', UNKNOWN_QUALITY],
    ['M2-her', 1],
  ])('%s is %i wherever it is served', (id, quality) => {
    expect(qualityOf(named(id))).toBe(quality)
  })

  it.each([
    [15, 5],
    [14.99, 4],
    [4, 4],
    [1, 3],
    [0.2, 2],
    [0.1, 1],
    [0, UNKNOWN_QUALITY],
  ])('that nobody has judged and that writes for %d USD per million tokens is %i', (output, quality) => {
    expect(qualityOf(named('new', { price: priced(1, output) }))).toBe(quality)
  })

  it('is what the configuration says, before all else', () => {
    expect(qualityOf(named('gpt-6-astra', { quality: 1 }))).toBe(1)
    const catalogue = createCatalogue({
      models: { asOf: '2026-01-01', problems: [], models: [named('m')] },
      now: () => 0,
      configured: [{ provider: 'local', id: 'm', quality: 4 }],
    })
    expect(catalogue.autoModels('local').map(({ quality }) => quality)).toEqual([4])
  })
})

describe('the models for auto', () => {
  it('are current ones that can chat, by provider, the newest first and then by id', () => {
    const models = autoModelsOf([
      named('b', { released: '2026-01' }),
      named('c'),
      named('a'),
      named('new', { released: '2026-02-01' }),
      named('old', { status: 'legacy' }),
      named('vectors', { endpoints: ['embeddings'] }),
      { ...named('x'), provider: 'other' },
    ])
    expect(models.get('local')?.map(({ entry }) => entry.id)).toEqual(['new', 'b', 'a', 'c'])
    expect(models.get('other')).toHaveLength(1)
    expect(createCatalogue({ models: bundledModels(), now: () => 0 }).autoModels('nobody')).toEqual([])
  })

  it('are gone after their last day', () => {
    const until = autoModelOf(named('m', { shutdown: '2026-05-30' })).goneAtMs
    expect(until).toBe(Date.parse('2026-05-31'))
    expect(autoModelOf(named('m')).goneAtMs).toBe(Number.POSITIVE_INFINITY)
    expect(autoModelOf(named('m', { shutdown: '2026-05-99' })).goneAtMs).toBe(Number.POSITIVE_INFINITY)
  })
})

describe('the expected cost', () => {
  const tier = { ...priced(20, 40), aboveInputTokens: 1_000 }
  const model = autoModelOf(
    named('m', { price: priced(10, 20, { cachedInput: 1_000_000_000n, tiers: [tier] }) }),
  )
  const use = { inputTokens: 1_000, cachedTokens: 0, outputTokens: 100 }

  it('is that of the input, what is cached of it, and the output', () => {
    // 10 USD per million tokens are 10,000 nano-USD for one.
    expect(expectedNanoUsd(model, use)).toBe(1_000 * 10_000 + 100 * 20_000)
    expect(expectedNanoUsd(model, { ...use, cachedTokens: 400 })).toBe(
      600 * 10_000 + 400 * 1_000 + 100 * 20_000,
    )
    expect(expectedNanoUsd(model, { ...use, cachedTokens: 5_000 })).toBe(1_000 * 1_000 + 100 * 20_000)
  })

  it('takes the dearer rate of a long request, where nothing cheap is known of the cache', () => {
    expect(expectedNanoUsd(model, { ...use, inputTokens: 1_001, cachedTokens: 1_001 })).toBe(
      1_001 * 20_000 + 100 * 40_000,
    )
  })

  it('is not known without a price', () => {
    expect(expectedNanoUsd(autoModelOf(named('m')), use)).toBeUndefined()
  })
})

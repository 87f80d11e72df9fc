// The bundled table: every model in it can be read, and every price is the published decimal, to the digit.
import { describe, expect, test } from 'vitest'
import { bundledModels } from '../../../src/catalogue/bundled.ts'
import raw from '../../../src/catalogue/models.json' with { type: 'json' }
import type { ModelRate } from '../../../src/core/model.ts'

interface RawRate {
  readonly input: number
  readonly cached_input: number | null
  readonly cache_write: number | null
  readonly output: number
}

const table = bundledModels()
const providerOf: Record<string, string> = {
  openai: 'openai',
  zai: 'glm',
  zhipuai: 'glm',
  moonshot: 'kimi',
  minimax: 'minimax',
}

/** Multiplies by 10^9 by moving digits in a string. */
function nano(usd: number | null): bigint | undefined {
  if (usd === null) return undefined
  const [whole = '', fraction = ''] = `${usd}`.split('.')
  expect(fraction.length).toBeLessThanOrEqual(9)
  return BigInt(whole + fraction.padEnd(9, '0'))
}

function nanoRate(rate: RawRate): ModelRate {
  return {
    input: nano(rate.input) ?? -1n,
    cachedInput: nano(rate.cached_input),
    cacheWrite: nano(rate.cache_write),
    output: nano(rate.output) ?? -1n,
  }
}

describe('the bundled models', () => {
  test('are all read without a problem', () => {
    expect(table.problems).toEqual([])
    expect(table.models).toHaveLength(raw.models.length)
    expect(raw.models.length).toBeGreaterThanOrEqual(77)
  })

  test.each(raw.models.map((model, index) => ({ name: `${model.provider} ${model.id}`, model, index })))(
    '$name keeps its names, limits and exact prices',
    ({ model, index }) => {
      const entry = table.models[index]
      expect(entry?.provider).toBe(providerOf[model.provider])
      expect(entry?.id).toBe(model.id)
      expect(entry?.aliases).toEqual(model.aliases)
      expect(entry?.contextWindow ?? null).toBe(model.context_window)
      expect(entry?.maxOutputTokens ?? null).toBe(model.max_output_tokens)
      expect(entry?.shutdown ?? null).toBe(model.shutdown)
      expect(entry?.source).toEqual(model.source)
      if (model.price === null) {
        expect(entry?.price).toBeUndefined()
        return
      }
      const tiers = model.price.tiers ?? []
      expect(entry?.price).toEqual({
        ...nanoRate(model.price),
        tiers: tiers.map(tier => ({ aboveInputTokens: tier.above_input_tokens, ...nanoRate(tier) })),
      })
    },
  )

  test.each([
    ['gpt-6-astra', { kind: 'omit' }, 'always', 'json_schema'],
    ['gpt-6-sol', { kind: 'effort_none', min: 0, max: 2 }, 'optional', 'json_schema'],
    ['gpt-4o', { kind: 'range', min: 0, max: 2, minExcluded: false }, 'none', 'json_schema'],
    ['kimi-k3', { kind: 'omit' }, 'always', 'json_schema'],
    ['MiniMax-M3', { kind: 'range', min: 0, max: 1, minExcluded: true }, 'optional', 'none'],
    ['text-embedding-3-small', { kind: 'omit' }, 'none', 'none'],
  ])('%s has its temperature rule, reasoning and structured output', (id, temperature, reasoning, format) => {
    const entry = table.models.find(model => model.id === id)
    expect(entry).toMatchObject({ temperature, reasoning, structuredOutput: format })
  })

  test('have no two entries of one provider with the same name', () => {
    const names = table.models.flatMap(({ provider, id, aliases }) =>
      [id, ...aliases].map(name => `${provider}/${name.toLowerCase()}`),
    )
    expect(new Set(names).size).toBe(names.length)
  })
})

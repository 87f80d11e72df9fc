// Reading a table of models: what is wrong is named and left out, and the rest is kept.
import { describe, expect, test } from 'vitest'
import { parseModels } from '../../../src/catalogue/parse.ts'

const good = {
  provider: 'zai',
  id: 'glm-x',
  aliases: ['x'],
  status: 'current',
  released: '2026-01',
  shutdown: null,
  context_window: 1000,
  max_input_tokens: null,
  max_output_tokens: 100,
  modalities_in: ['text', 'image'],
  modalities_out: ['text'],
  tools: true,
  structured_output: null,
  reasoning: 'optional',
  reasoning_efforts: ['low', 'high'],
  default_reasoning_effort: null,
  temperature: '[0,1]',
  endpoints: ['chat/completions'],
  price: {
    currency: 'USD',
    unit: 'per_1M_tokens',
    input: 1,
    cached_input: null,
    cache_write: 0,
    output: 2,
    tiers: [
      { above_input_tokens: 200, input: 4, cached_input: null, cache_write: null, output: 5 },
      { above_input_tokens: 100, input: 3, cached_input: null, cache_write: null, output: 4 },
    ],
  },
  confidence: 'high',
  source: { limits: 'l', price: 'p', capabilities: 'c' },
  notes: '',
}

function parse(...models: readonly unknown[]) {
  return parseModels({ asOf: '2026-11-22', models })
}

describe('parseModels', () => {
  test('reads every field, and tiers by their threshold', () => {
    expect(parse(good)).toEqual({
      asOf: '2026-11-22',
      problems: [],
      models: [
        {
          provider: 'glm',
          id: 'glm-x',
          aliases: ['x'],
          status: 'current',
          released: '2026-01',
          shutdown: undefined,
          contextWindow: 1000,
          maxInputTokens: undefined,
          maxOutputTokens: 100,
          modalitiesIn: ['text', 'image'],
          modalitiesOut: ['text'],
          tools: true,
          structuredOutput: 'none',
          reasoning: 'optional',
          reasoningEfforts: ['low', 'high'],
          defaultReasoningEffort: undefined,
          temperature: { kind: 'range', min: 0, max: 1, minExcluded: false },
          endpoints: ['chat/completions'],
          price: {
            input: 1_000_000_000n,
            cachedInput: undefined,
            cacheWrite: 0n,
            output: 2_000_000_000n,
            tiers: [
              {
                aboveInputTokens: 100,
                input: 3_000_000_000n,
                cachedInput: undefined,
                cacheWrite: undefined,
                output: 4_000_000_000n,
              },
              {
                aboveInputTokens: 200,
                input: 4_000_000_000n,
                cachedInput: undefined,
                cacheWrite: undefined,
                output: 5_000_000_000n,
              },
            ],
          },
          confidence: 'high',
          source: { limits: 'l', price: 'p', capabilities: 'c' },
          notes: '',
        },
      ],
    })
  })

  test.each([
    ['id', { id: 7 }],
    ['aliases', { aliases: [7] }],
    ['aliases', { aliases: 'x' }],
    ['status', { status: 'retired' }],
    ['shutdown', { shutdown: '2026-08' }],
    ['shutdown', { shutdown: '2026-13-01' }],
    ['released', { released: 'spring' }],
    ['context_window', { context_window: 0 }],
    ['max_output_tokens', { max_output_tokens: 1.5 }],
    ['modalities_in', { modalities_in: ['smell'] }],
    ['tools', { tools: 'yes' }],
    ['temperature', { temperature: 'constructor' }],
    ['endpoints', { endpoints: ['fax'] }],
    ['source: price', { source: { limits: 'l', capabilities: 'c' } }],
    ['source: must be an object', { source: null }],
    ['price: currency', { price: { ...good.price, currency: 'CNY' } }],
    ['price: unit', { price: { ...good.price, unit: 'per_1K_tokens' } }],
    ['price: input', { price: { ...good.price, input: null } }],
    ['price: output', { price: { ...good.price, output: -1 } }],
    ['price: cached_input', { price: { ...good.price, cached_input: '1' } }],
    ['price: tiers: above_input_tokens', { price: { ...good.price, tiers: [{ input: 1, output: 1 }] } }],
  ])('leaves a model out and names the field when %s is wrong', (field, change) => {
    const table = parse(good, { ...good, ...change })
    expect(table.models.map(model => model.id)).toEqual(['glm-x'])
    expect(table.problems[0]).toMatch(new RegExp(`^models\\[1\\]: ${field}`))
  })

  test.each([[null], [[]], ['models'], [{}]])('finds no model in %j', raw => {
    expect(parseModels(raw).models).toEqual([])
  })
})

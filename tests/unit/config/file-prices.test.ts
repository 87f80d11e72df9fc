// Prices in the config file: every part of one, and what is refused.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseConfigFile } from '../../../src/config/file.ts'
import { root } from '../../support/tools.ts'

const read = (model: string) =>
  parseConfigFile({
    text: `models: [{ provider: openai, id: gpt-x, ${model} }]`,
    label: 'exai.yaml',
    env: {},
  })
const problemsOf = (model: string): readonly string[] => {
  const result = read(model)
  return result.ok ? [] : result.problems
}

describe('a price in the config file', () => {
  test('can be written as docs/money.md shows it', async () => {
    const page = await readFile(join(root, 'docs/money.md'), 'utf8')
    const text = /```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? ''
    expect(parseConfigFile({ text, label: 'exai.yaml', env: {} })).toMatchObject({
      ok: true,
      file: {
        models: [{ price: { cacheWrite: 2.8, webSearch: 0.01, tiers: [{ aboveInputTokens: 272_000 }] } }],
      },
    })
  })

  test('may say what cached and written tokens, searches and long requests cost', () => {
    const result = read(
      [
        'input_price: 2, output_price: 8, cached_input_price: 0.2, cache_write_price: 2.5, web_search_price: 0.01',
        'price_tiers: [{ above_input_tokens: 200000, input_price: 4, output_price: 12, cached_input_price: 0.4 }]',
      ].join(', '),
    )
    expect(result).toMatchObject({
      file: {
        models: [
          {
            price: {
              input: 2,
              output: 8,
              cachedInput: 0.2,
              cacheWrite: 2.5,
              webSearch: 0.01,
              tiers: [{ aboveInputTokens: 200_000, input: 4, output: 12, cachedInput: 0.4 }],
            },
          },
        ],
      },
    })
  })

  test.each([
    'cached_input_price: 1',
    'cache_write_price: 1',
    'web_search_price: 1',
    'price_tiers: [{ above_input_tokens: 1, input_price: 1, output_price: 1 }]',
  ])('is half a price with %s alone', part => {
    expect(problemsOf(part)).toEqual([
      'exai.yaml:1: models[0] has half a price: give input_price and output_price, or neither',
    ])
  })

  test.each([
    ['cache_write_price: -1', 'cache_write_price must be at least 0'],
    ['web_search_price: 1000', 'web_search_price must be at most 100'],
    ['price_tiers: []', 'price_tiers must have at least 1 entry'],
    ['price_tiers: [{ above_input_tokens: 5, input_price: 1 }]', 'price_tiers[0].output_price is missing'],
    ['price_tiers: [{ input_price: 1, output_price: 1 }]', 'price_tiers[0].above_input_tokens is missing'],
  ])('that is wrong, %s, is refused with its place', (part, problem) => {
    expect(problemsOf(`input_price: 1, output_price: 1, ${part}`)).toEqual([
      `exai.yaml:1: models[0].${problem}`,
    ])
  })
})

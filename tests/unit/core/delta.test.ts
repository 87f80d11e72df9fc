// Token counts as providers send them, and what of them can be believed.
import { describe, expect, it } from 'vitest'
import { soundCounts, type TokenCounts } from '../../../src/core/delta.ts'

const counts = (over: Partial<TokenCounts>): TokenCounts => ({
  inputTokens: 100,
  cachedInputTokens: 0,
  cacheWriteTokens: 0,
  outputTokens: 50,
  reasoningTokens: 0,
  ...over,
})

describe('sound counts', () => {
  it('are what the provider said when that can be', () => {
    const said = counts({ cachedInputTokens: 60, cacheWriteTokens: 40, reasoningTokens: 50 })
    expect(soundCounts(said)).toEqual(said)
  })

  it.each([
    ['a negative count is 0', { inputTokens: -5, outputTokens: -1 }, { inputTokens: 0, outputTokens: 0 }],
    ['what is no number is 0', { outputTokens: Number.NaN }, { outputTokens: 0 }],
    ['part of a token is none', { outputTokens: 7.9 }, { outputTokens: 7 }],
    [
      'more than our wire holds is the most it holds',
      { inputTokens: 2 ** 31, outputTokens: Number.POSITIVE_INFINITY },
      { inputTokens: 2_147_483_647, outputTokens: 2_147_483_647 },
    ],
    ['no more is cached than was read', { cachedInputTokens: 101 }, { cachedInputTokens: 100 }],
    [
      'cached and written are disjoint shares of the input',
      { cachedInputTokens: 70, cacheWriteTokens: 70 },
      { cachedInputTokens: 70, cacheWriteTokens: 30 },
    ],
    ['no more is reasoned than was put out', { reasoningTokens: 51 }, { reasoningTokens: 50 }],
  ])('%s', (_, said, sound) => {
    expect(soundCounts(counts(said))).toEqual(counts({ ...sound }))
  })
})

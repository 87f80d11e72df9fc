// Whether a request fits a model and a budget, by numbers that were worked out by hand.
import { describe, expect, it } from 'vitest'
import { Role } from '#gen/exai/v1/chat_pb'
import { assumedEntry } from '../../../src/catalogue/configured.ts'
import type { ModelEntry, ModelPrice } from '../../../src/core/model.ts'
import { needsOf } from '../../../src/routing/capabilities.ts'
import { lengthProblem, maxCostOf, outputCapOf, priceProblem } from '../../../src/routing/fit.ts'
import { byId, mediumOf, storedFile } from '../../support/chat-files.ts'
import { ask } from '../../support/request.ts'

/** 2 dollars per million tokens in, 10 out: 2,000 and 10,000 nano-USD a token; past 1,000 tokens the double. */
const price: ModelPrice = {
  input: 2_000_000_000n,
  output: 10_000_000_000n,
  cachedInput: 500_000_000n,
  cacheWrite: undefined,
  tiers: [
    {
      aboveInputTokens: 1_000,
      input: 4_000_000_000n,
      output: 20_000_000_000n,
      cachedInput: undefined,
      cacheWrite: undefined,
    },
  ],
}
const model = (over: Partial<ModelEntry> = {}): ModelEntry => ({
  ...assumedEntry('one', 'm'),
  price,
  maxOutputTokens: 1_000,
  ...over,
})
const limited = (
  maxCostNanoUsd: bigint,
  over: { readonly maxOutputTokens?: number; readonly strict?: boolean } = {},
) => ask('hi', { ...over, routing: { maxCostNanoUsd } })
const picture = {
  messages: [
    {
      role: Role.USER,
      content: [{ kind: { case: 'media' as const, value: { mimeType: 'image/png' } } }],
    },
  ],
}

describe('the most that a request can cost', () => {
  it.each([
    ['what the model writes at most', {}, 100, 200_000n + 10_000_000n],
    ['what the request allows', { maxOutputTokens: 10 }, 100, 200_000n + 100_000n],
    ['no more than the model writes', { maxOutputTokens: 5_000 }, 100, 200_000n + 10_000_000n],
    ['the rate of long requests', { maxOutputTokens: 10 }, 1_001, 4_004_000n + 200_000n],
  ])('counts %s', (_, over, inputTokens, nanoUsd) => {
    expect(maxCostOf(ask('hi', over), model(), inputTokens)).toBe(nanoUsd)
  })

  it('takes the dearest way of reading the input', () => {
    const writing = model({ price: { ...price, cacheWrite: 3_000_000_000n } })
    expect(maxCostOf(ask('hi', { maxOutputTokens: 1 }), writing, 100)).toBe(300_000n + 10_000n)
  })

  it('is not known without a price, or without any end to the answer', () => {
    expect(maxCostOf(ask('hi'), model({ price: undefined }), 100)).toBeUndefined()
    expect(maxCostOf(ask('hi'), model({ maxOutputTokens: undefined }), 100)).toBeUndefined()
  })

  it('lets media fill the window, and is not known where the window is not', () => {
    const request = ask('', { ...picture, maxOutputTokens: 1 })
    expect(maxCostOf(request, model({ contextWindow: 500 }), 7)).toBe(1_000_000n + 10_000n)
    expect(maxCostOf(request, model({ contextWindow: 500, maxInputTokens: 400 }), 7)).toBe(810_000n)
    expect(maxCostOf(request, model({ contextWindow: undefined }), 7)).toBeUndefined()
  })

  it('counts a stored file by its text, unless the model reads the file itself', () => {
    const file = storedFile({ text: { state: 'ready', tokens: 3 } })
    const request = ask('', {
      messages: [{ role: Role.USER, content: [mediumOf(file)] }],
      maxOutputTokens: 1,
    })
    const needs = needsOf(request, request.messages, byId(file))
    const blind = model({ contextWindow: 500, modalitiesIn: ['text'] })
    expect(maxCostOf(request, blind, 7, needs)).toBe(14_000n + 10_000n)
    expect(maxCostOf(request, model({ contextWindow: 500 }), 7, needs)).toBe(1_000_000n + 10_000n)
  })

  it('lets media of a chat fill the window that are not in the request', () => {
    const needs = needsOf(ask(''), ask('', picture).messages)
    expect(maxCostOf(ask('', { maxOutputTokens: 1 }), model({ contextWindow: 500 }), 7, needs)).toBe(
      1_010_000n,
    )
  })
})

describe('a price ceiling', () => {
  it('caps the answer at 16,384 tokens, or at what the model writes', () => {
    expect(outputCapOf(limited(1n), model({ maxOutputTokens: 128_000 }))).toBe(16_384)
    expect(outputCapOf(limited(1n), model({ maxOutputTokens: undefined }))).toBe(16_384)
    expect(outputCapOf(limited(1n), model({ maxOutputTokens: 1_000 }))).toBe(1_000)
  })

  it('leaves the cap alone where there is one, under strict, and where there is no ceiling', () => {
    expect(outputCapOf(limited(1n, { maxOutputTokens: 50_000 }), model())).toBeUndefined()
    expect(outputCapOf(limited(1n, { strict: true }), model())).toBeUndefined()
    expect(outputCapOf(ask('hi'), model())).toBeUndefined()
  })

  it('is kept to the nano-dollar', () => {
    // 100 tokens in are 200,000 and 10 out 100,000.
    const within = limited(300_000n, { maxOutputTokens: 10 })
    expect(priceProblem(within, model(), 100)).toBeUndefined()
    const above = limited(299_999n, { maxOutputTokens: 10 })
    expect(priceProblem(above, model(), 100)).toBe(
      'may cost 300000 nano-USD, and routing.max_cost_nano_usd is 299999',
    )
    expect(priceProblem(ask('hi'), model(), 100)).toBeUndefined()
  })

  it('of 0 leaves what is free', () => {
    const free = { ...price, input: 0n, output: 0n, cachedInput: undefined, tiers: [] }
    expect(priceProblem(limited(0n), model({ price: free }), 100)).toBeUndefined()
    expect(priceProblem(limited(0n), model(), 100)).toContain('may cost 10200000 nano-USD')
  })

  it('judges the capped answer, and says what is not known', () => {
    // 100 × 2,000 + 16,384 × 10,000.
    const vast = model({ maxOutputTokens: 128_000 })
    expect(priceProblem(limited(164_040_000n), vast, 100)).toBeUndefined()
    expect(priceProblem(limited(164_039_999n), vast, 100)).toContain('may cost 164040000 nano-USD')
    // Strict forbids the cap: 100 × 2,000 + 128,000 × 10,000.
    const strict = limited(164_040_000n, { strict: true })
    expect(priceProblem(strict, vast, 100)).toContain('may cost 1280200000 nano-USD')
    expect(priceProblem(strict, model({ maxOutputTokens: undefined }), 100)).toBe(
      'how many tokens it may use is not known, and routing.max_cost_nano_usd is 164040000',
    )
    expect(priceProblem(limited(5n), model({ price: undefined }), 100)).toBe(
      'its price is not known, and routing.max_cost_nano_usd is 5',
    )
  })
})

describe('a context window', () => {
  const small = model({ contextWindow: 1_000, maxOutputTokens: 400 })

  it('is shared by the input and the answer that is asked for', () => {
    expect(lengthProblem(ask('hi'), small, 1_000)).toBeUndefined()
    expect(lengthProblem(ask('hi'), small, 1_001)).toBe('needs 1001 tokens, its context window is 1000')
    expect(lengthProblem(ask('hi', { maxOutputTokens: 100 }), small, 900)).toBeUndefined()
    expect(lengthProblem(ask('hi', { maxOutputTokens: 101 }), small, 900)).toBe(
      'needs 1001 tokens, its context window is 1000',
    )
  })

  it('has to hold no more answer than the model writes, or than a price ceiling allows', () => {
    expect(lengthProblem(ask('hi', { maxOutputTokens: 900 }), small, 600)).toBeUndefined()
    expect(lengthProblem(limited(1n), small, 600)).toBeUndefined()
    expect(lengthProblem(limited(1n), small, 601)).toContain('needs 1001 tokens')
  })

  it('may be asked for as a whole: such a cap is cut to what is left', () => {
    const shared = model({ contextWindow: 1_000, maxOutputTokens: 1_000 })
    expect(lengthProblem(ask('hi', { maxOutputTokens: 5_000 }), shared, 999)).toBeUndefined()
    expect(lengthProblem(ask('hi', { maxOutputTokens: 5_000 }), shared, 1_001)).toContain('needs 1001 tokens')
  })

  it('may have a smaller part for the input', () => {
    const halved = model({ contextWindow: 1_000, maxInputTokens: 600 })
    expect(lengthProblem(ask('hi'), halved, 600)).toBeUndefined()
    expect(lengthProblem(ask('hi'), halved, 601)).toBe('needs 601 tokens of input, and takes at most 600')
  })

  it('that is not known fits everything', () => {
    const open = model({ contextWindow: undefined, maxInputTokens: undefined })
    expect(lengthProblem(ask('hi', { maxOutputTokens: 9 }), open, 10_000_000)).toBeUndefined()
  })
})

// Counting tokens, against counts published by OpenAI.
import { describe, expect, test } from 'vitest'
import {
  createTokenCounter,
  cutPieces,
  exactCharactersMax,
  pieceLengthMax,
} from '../../../src/metering/count.ts'

const counter = createTokenCounter()
const prose = 'The quick brown fox jumps over the lazy dog, twice: once in 2026 and once before.\n'

describe('countText', () => {
  // The last three are the o200k_base column of the OpenAI cookbook, "How to count tokens with tiktoken".
  test.each([
    ['', 0],
    ['hello world', 2],
    ['antidisestablishmentarianism', 6],
    ['2 + 2 = 4', 7],
    ['お誕生日おめでとう', 8],
  ])('counts the tokens of %j as OpenAI does', async (text, tokens) => {
    expect(await counter.countText(text)).toEqual({ tokens, estimated: false })
  })

  test('counts the name of a special token as the text that it is', async () => {
    const { tokens } = await counter.countText('<|endoftext|>')
    expect(tokens).toBeGreaterThan(1)
  })

  test('counts a run of 100,000 letters', async () => {
    // Eight letters "a" are one token of o200k_base.
    expect(await counter.countText('a'.repeat(100_000))).toEqual({ tokens: 12_500, estimated: false })
  })

  test('counts a text of many pieces as the sum of its sentences', async () => {
    const sentence = await counter.countText(prose)
    const whole = await counter.countText(prose.repeat(400))
    expect(whole).toEqual({ tokens: sentence.tokens * 400, estimated: false })
  })

  test('counts exactly up to the limit and estimates past it, within two per cent', async () => {
    const word = ' hello'
    const exact = word.repeat(Math.floor(exactCharactersMax / word.length))
    expect(await counter.countText(exact)).toEqual({ tokens: exact.length / word.length, estimated: false })
    const estimate = await counter.countText(word.repeat(1_000_000))
    expect(estimate.estimated).toBe(true)
    expect(estimate.tokens).toBeGreaterThanOrEqual(1_000_000)
    expect(estimate.tokens).toBeLessThan(1_020_000)
  })

  test('stops between pieces when it is aborted', async () => {
    const controller = new AbortController()
    const counting = counter.countText(prose.repeat(2_000), controller.signal)
    controller.abort(new Error('gone'))
    await expect(counting).rejects.toThrow('gone')
  })
})

describe('countRequest', () => {
  // The example conversation of the cookbook: 124 tokens for gpt-4o, 4 of them for the four names.
  const contents = [
    'You are a helpful, pattern-following assistant that translates corporate jargon into plain English.',
    'New synergies will help drive top-line growth.',
    'Things working well together will increase revenue.',
    "Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage.",
    "Let's talk later when we're less busy about how to do better.",
    "This late pivot means we don't have time to boil the ocean for the client deliverable.",
  ]
  const names = ['example_user', 'example_assistant', 'example_user', 'example_assistant']

  test('agrees with the tokens that OpenAI bills for its example', async () => {
    const { tokens } = await counter.countRequest({ texts: [...contents, ...names], messages: 6 })
    expect(tokens).toBe(124 - names.length)
  })

  test('is nothing for nothing', async () => {
    expect(await counter.countRequest({ texts: [], messages: 0 })).toEqual({ tokens: 0, estimated: false })
  })

  test('samples all of many texts, not only the first', async () => {
    // 600,000 letters are 75,000 tokens, and 100,000 words are as many.
    const texts = ['a'.repeat(600_000), ' hello'.repeat(100_000)]
    const { tokens, estimated } = await counter.countRequest({ texts, messages: 1 })
    expect(estimated).toBe(true)
    expect(tokens).toBeGreaterThan(172_000)
    expect(tokens).toBeLessThan(180_000)
  })
})

describe('cutPieces', () => {
  test.each([
    ['a long run', 'a'.repeat(100_000)],
    ['many spaces', ' '.repeat(10_000)],
    ['prose', prose.repeat(300)],
    ['pairs of surrogates', `a${'😀'.repeat(5_000)}`],
    ['lines without spaces', 'x\n'.repeat(3_000)],
  ])('cuts %s into short pieces that make up the text and split no character', (_, text) => {
    const pieces = cutPieces(text)
    expect(pieces.join('')).toBe(text)
    expect(Math.max(...pieces.map(piece => piece.length))).toBeLessThanOrEqual(pieceLengthMax)
    expect(pieces.length).toBeLessThanOrEqual(Math.ceil((2 * text.length) / pieceLengthMax))
    expect(pieces.every(piece => piece.isWellFormed())).toBe(true)
  })

  test('cuts prose only before a space', () => {
    const [, ...later] = cutPieces(prose.repeat(300))
    expect(later.every(piece => /^ \S/.test(piece))).toBe(true)
  })
})

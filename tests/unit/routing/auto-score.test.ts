// The score: its parts, its weights, and what must hold whatever the numbers are.
import { describe, expect, it } from 'vitest'
import { Routing_Prefer as Prefer } from '#gen/exai/v1/chat_service_pb'
import { type Quality, qualities } from '../../../src/core/model.ts'
import { AUTO_RULES } from '../../../src/routing/auto-rules.ts'
import {
  decidingPart,
  type Measured,
  PARTS,
  partsOf,
  scoreOf,
  wantedQuality,
  weightsOf,
} from '../../../src/routing/auto-score.ts'
import { createChance } from '../../support/seeded.ts'

const prefers = [Prefer.UNSPECIFIED, Prefer.COST, Prefer.LATENCY, Prefer.QUALITY]
const best = { nanoUsd: 1_000, answerMs: 1_000 }
const model: Measured = { quality: 3, nanoUsd: 1_000, answerMs: 1_000, successRate: 1 }
const loss = (over: Partial<Measured>, prefer: Prefer = Prefer.UNSPECIFIED, wanted: Quality = 3): number => {
  const weights = weightsOf(prefer, {})
  return (
    scoreOf(partsOf(model, wanted, best), weights) -
    scoreOf(partsOf({ ...model, ...over }, wanted, best), weights)
  )
}

describe('the parts of a score', () => {
  it('are all 1 for a model that is good enough, cheapest, quickest and never fails', () => {
    expect(partsOf(model, 3, best)).toEqual({ quality: 1, cost: 1, latency: 1, success: 1 })
    expect(partsOf({ ...model, quality: 5 }, 3, best).quality).toBe(1)
  })

  it('fall by a quarter for each step of quality and each power of ten of cost, and by half for one of time', () => {
    expect(partsOf({ ...model, quality: 1 }, 3, best).quality).toBe(0.5)
    expect(partsOf({ ...model, nanoUsd: 10_000 }, 3, best).cost).toBeCloseTo(0.75)
    expect(partsOf({ ...model, nanoUsd: 10 ** 9 }, 3, best).cost).toBe(0)
    expect(partsOf({ ...model, answerMs: 10_000 }, 3, best).latency).toBeCloseTo(0.5)
  })

  it('give nothing for a price that nobody knows', () => {
    expect(partsOf({ ...model, nanoUsd: undefined }, 3, best).cost).toBe(0)
  })

  it('in balance weigh alike: one step, ten times the cost, ten times the time, 40 of 100 failures', () => {
    expect(loss({ quality: 2 })).toBeCloseTo(0.08)
    expect(loss({ nanoUsd: 10_000 })).toBeCloseTo(0.08)
    expect(loss({ answerMs: 10_000 })).toBeCloseTo(0.08)
    expect(loss({ successRate: 0.6 })).toBeCloseTo(0.08)
  })
})

describe('the weights', () => {
  it('are 1 together, whatever is preferred and whichever rule moves them, and none is below 0', () => {
    for (const prefer of prefers) {
      for (const rule of AUTO_RULES) {
        const weights = weightsOf(prefer, rule)
        expect(PARTS.reduce((sum, part) => sum + weights[part], 0)).toBeCloseTo(1)
        expect(Math.min(...PARTS.map(part => weights[part]))).toBeGreaterThanOrEqual(0)
      }
    }
  })

  it.each([
    [Prefer.COST, 'cost'],
    [Prefer.LATENCY, 'latency'],
    [Prefer.QUALITY, 'quality'],
  ] as const)('of preference %i are the largest for %s', (prefer, part) => {
    const weights = weightsOf(prefer, {})
    expect(Math.max(...PARTS.map(one => weights[one]))).toBe(weights[part])
  })

  it('of a preference that a later version knows are those of the balance', () => {
    expect(weightsOf(99 as Prefer, {})).toEqual(weightsOf(Prefer.UNSPECIFIED, {}))
  })

  it('leave what is wanted to the rule, unless quality is preferred', () => {
    expect(prefers.map(prefer => wantedQuality(prefer, { wants: 2 }))).toEqual([2, 2, 2, 5])
  })
})

describe('for any two models that are alike but for one thing', () => {
  const chance = createChance(20261122)
  const some = (): Measured => ({
    quality: chance.oneOf(qualities),
    nanoUsd: 10 ** (chance.below(8_000) / 1_000 + 1),
    answerMs: 10 ** (chance.below(5_000) / 1_000 + 1),
    successRate: chance.below(1_001) / 1_000,
  })
  const bestOf = (a: Measured, b: Measured) => ({
    nanoUsd: Math.min(a.nanoUsd ?? Number.POSITIVE_INFINITY, b.nanoUsd ?? Number.POSITIVE_INFINITY),
    answerMs: Math.min(a.answerMs, b.answerMs),
  })
  function lead(better: Measured, worse: Measured, prefer: Prefer, wanted: Quality): number {
    const weights = weightsOf(prefer, AUTO_RULES[chance.below(AUTO_RULES.length)] ?? {})
    const among = bestOf(better, worse)
    return scoreOf(partsOf(better, wanted, among), weights) - scoreOf(partsOf(worse, wanted, among), weights)
  }

  it.each<[string, (from: Measured) => Measured]>([
    [
      'the cheaper one is never worse',
      from => ({ ...from, nanoUsd: (from.nanoUsd ?? 0) / (1 + chance.below(50)) }),
    ],
    [
      'the quicker one is never worse',
      from => ({ ...from, answerMs: from.answerMs / (1 + chance.below(50)) }),
    ],
    ['the better one is never worse', from => ({ ...from, quality: 5 })],
    ['the more reliable one is never worse', from => ({ ...from, successRate: 1 })],
  ])('%s', (_, improve) => {
    for (let round = 0; round < 2_000; round += 1) {
      const from = some()
      const prefer = prefers[chance.below(prefers.length)] ?? Prefer.UNSPECIFIED
      expect(lead(improve(from), from, prefer, chance.oneOf(qualities))).toBeGreaterThanOrEqual(-1e-12)
    }
  })

  it('every score is between 0 and 1', () => {
    for (let round = 0; round < 2_000; round += 1) {
      const [a, b] = [some(), some()]
      const score = scoreOf(partsOf(a, chance.oneOf(qualities), bestOf(a, b)), weightsOf(Prefer.COST, {}))
      expect(score).toBeGreaterThanOrEqual(0)
      expect(score).toBeLessThanOrEqual(1 + 1e-12)
    }
  })
})

describe('what decides', () => {
  const weights = weightsOf(Prefer.UNSPECIFIED, {})
  const all = { quality: 1, cost: 1, latency: 1, success: 1 }

  it('is the part with the largest lead, not the one with the largest weight', () => {
    expect(decidingPart(all, { ...all, cost: 0.9, latency: 0.5 }, weights)).toBe('latency')
  })

  it('is nothing between equals, also where only rounding is between them', () => {
    expect(decidingPart(all, all, weights)).toBeUndefined()
    expect(decidingPart(all, { ...all, cost: 1 - 1e-12 }, weights)).toBeUndefined()
  })
})

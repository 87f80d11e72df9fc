// What is remembered of how models do, and how it fades.
import { describe, expect, it } from 'vitest'
import {
  AT_FIRST,
  createLive,
  HALF_LIFE_MS,
  MODELS_MAX,
  type Observation,
  PRIOR_SAMPLES,
  RECENT_MAX,
  RECENT_MS,
} from '../../../src/routing/live.ts'
import { createHandClock } from '../../support/hand-clock.ts'

function rig() {
  const clock = createHandClock()
  const live = createLive({ clock })
  const see = (over: Partial<Observation> = {}, model = 'm') =>
    live.observe({ provider: 'one', model, outcome: 'succeeded', ...over })
  return { clock, live, see, stats: (model = 'm') => live.of('one', model) }
}

describe('a model', () => {
  it('that nobody has asked has no numbers, and is expected to do as usual', () => {
    const { live, stats } = rig()
    expect(stats()).toEqual({
      samples: 0,
      firstTokenMs: undefined,
      tokensPerSecond: undefined,
      successRate: 1,
    })
    expect(live.forecast()('one', 'm')).toEqual(AT_FIRST)
  })

  it('has the means of what was seen at one time', () => {
    const { see, stats } = rig()
    see({ firstTokenMs: 100, outputTokens: 100, streamMs: 1_000 })
    see({ firstTokenMs: 300, outputTokens: 500, streamMs: 2_000 })
    see({ outcome: 'failed' })
    see({ outcome: 'failed' })
    // 600 tokens in 3 s.
    expect(stats()).toEqual({ samples: 4, firstTokenMs: 200, tokensPerSecond: 200, successRate: 0.5 })
  })

  it('is measured in speed only by answers that took time', () => {
    const { see, stats } = rig()
    see({ outputTokens: 1, streamMs: 50 })
    see({ outputTokens: 100, streamMs: 0 })
    see({ outputTokens: 100 })
    expect(stats().tokensPerSecond).toBeUndefined()
  })

  it('counts what is a half-life old by half', () => {
    const { clock, see, stats } = rig()
    see({ firstTokenMs: 100, outcome: 'failed' })
    clock.pass(HALF_LIFE_MS)
    expect(stats().samples).toBeCloseTo(0.5)
    see({ firstTokenMs: 400 })
    // (100 × 0.5 + 400) / 1.5, and 1 of 1.5 succeeded.
    expect(stats().firstTokenMs).toBeCloseTo(300)
    expect(stats().successRate).toBeCloseTo(2 / 3)
    expect(stats().samples).toBeCloseTo(1.5)
  })

  it('is kept apart from the others', () => {
    const { live, see } = rig()
    see({ firstTokenMs: 100 }, 'a')
    live.observe({ provider: 'two', model: 'a', outcome: 'succeeded', firstTokenMs: 900 })
    expect(live.of('one', 'a').firstTokenMs).toBe(100)
    expect(live.of('two', 'a').firstTokenMs).toBe(900)
  })
})

describe('what is expected', () => {
  it('is drawn towards the usual by as much as little was seen', () => {
    const { live, see } = rig()
    see({ outcome: 'failed' })
    const usual = (0 + AT_FIRST.successRate * PRIOR_SAMPLES) / (1 + PRIOR_SAMPLES)
    expect(live.forecast()('one', 'new').successRate).toBeCloseTo(usual)
    expect(live.forecast()('one', 'm').successRate).toBeCloseTo((usual * PRIOR_SAMPLES) / (1 + PRIOR_SAMPLES))
  })

  it('of a model that nobody has asked follows the others: it is neither favoured nor doomed', () => {
    const { live, see } = rig()
    for (let round = 0; round < 200; round += 1)
      see({ firstTokenMs: 9_000, outputTokens: 90, streamMs: 9_000 })
    const forecast = live.forecast()
    const [known, unknown] = [forecast('one', 'm'), forecast('one', 'new')]
    expect(unknown.firstTokenMs / known.firstTokenMs).toBeCloseTo(1, 1)
    expect(unknown.tokensPerSecond / known.tokensPerSecond).toBeCloseTo(1, 0)
    expect(Math.abs(unknown.successRate - known.successRate)).toBeLessThan(0.01)
  })

  it('of a model that did badly comes back to the usual with time', () => {
    const { clock, live, see } = rig()
    for (let round = 0; round < 100; round += 1) see({}, 'good')
    for (let round = 0; round < 20; round += 1) see({ outcome: 'failed' })
    const then = live.forecast()('one', 'm').successRate
    clock.pass(12 * HALF_LIFE_MS)
    const forecast = live.forecast()
    expect(then).toBeLessThan(0.2)
    expect(forecast('one', 'm').successRate).toBeGreaterThan(0.95)
  })

  it('does not move while a choice is made', () => {
    const { live, see } = rig()
    see({ firstTokenMs: 100 })
    const forecast = live.forecast()
    const before = forecast('one', 'other')
    see({ firstTokenMs: 90_000 })
    expect(forecast('one', 'other')).toEqual(before)
  })
})

describe('the quantile of first-token times', () => {
  it('is not known below ten of them', () => {
    const { live, see } = rig()
    for (let ms = 1; ms <= 9; ms += 1) see({ firstTokenMs: ms })
    expect(live.firstTokenQuantile('one', 'm', 0.5)).toBeUndefined()
    see({ firstTokenMs: 10 })
    expect(live.firstTokenQuantile('one', 'm', 0.5)).toBe(5)
    expect(live.firstTokenQuantile('one', 'm', 0.95)).toBe(10)
    expect(live.firstTokenQuantile('one', 'm', 0)).toBe(1)
    expect(live.firstTokenQuantile('one', 'm', 1)).toBe(10)
  })

  it(`is that of the last ${RECENT_MAX}`, () => {
    const { live, see } = rig()
    for (let round = 0; round < RECENT_MAX; round += 1) see({ firstTokenMs: 5_000 })
    for (let round = 0; round < RECENT_MAX; round += 1) see({ firstTokenMs: 50 })
    expect(live.firstTokenQuantile('one', 'm', 1)).toBe(50)
  })

  it('forgets those of more than an hour ago', () => {
    const { clock, live, see } = rig()
    for (let round = 0; round < 10; round += 1) see({ firstTokenMs: 5_000 })
    clock.pass(RECENT_MS)
    expect(live.firstTokenQuantile('one', 'm', 0.5)).toBe(5_000)
    clock.pass(1)
    expect(live.firstTokenQuantile('one', 'm', 0.5)).toBeUndefined()
  })
})

it('more names than there is room for push out whoever was idle longest', () => {
  const { live, see } = rig()
  see({ firstTokenMs: 100 }, 'idle')
  see({ firstTokenMs: 100 }, 'busy')
  for (let index = 0; index < MODELS_MAX - 2; index += 1) see({}, `m${index}`)
  see({}, 'busy')
  see({}, 'one-more')
  expect(live.of('one', 'idle').samples).toBe(0)
  expect(live.of('one', 'busy').samples).toBe(2)
})

// The page's memory of the last five minutes: what it counts, what it forgets, and how exact its quantiles are.
import { describe, expect, test } from 'vitest'
import { RequestRecord_Outcome as Outcome } from '#gen/exai/v1/event_pb'
import { createHistogram, quantile, record } from '../../../web/src/histogram.ts'
import { createHistory } from '../../../web/src/history.ts'
import { callOf } from '../../browser/support/scripted-calls.ts'

const NOW = Date.parse('2026-11-22T12:00:02.500Z')

describe('a histogram', () => {
  test('knows quantiles within six per cent, from a millisecond to ten minutes', () => {
    for (const scale of [1, 10, 300, 6_000]) {
      const histogram = createHistogram()
      for (let value = 1; value <= 100; value += 1) record(histogram, value * scale)
      for (const share of [0.5, 0.95]) {
        const exact = share * 100 * scale
        expect(Math.abs((quantile([histogram], share) ?? 0) - exact) / exact).toBeLessThan(0.06)
      }
    }
  })

  test('knows none without values', () => expect(quantile([createHistogram()], 0.5)).toBeUndefined())
})

describe('the history', () => {
  test('counts each ended call once, and no running one', () => {
    const history = createHistory()
    const call = callOf(1, NOW - 10_000)
    expect(history.add(call, NOW)).toBe(true)
    expect(history.add(call, NOW)).toBe(false)
    expect(history.add(callOf(2, NOW - 10_000, { outcome: Outcome.RUNNING }), NOW)).toBe(false)
    const { usage, cost } = call
    expect(history.minute(NOW)).toMatchObject({
      calls: 1,
      failed: 0,
      tokens: (usage?.inputTokens ?? 0) + (usage?.outputTokens ?? 0),
      nanoUsd: Number(cost?.nanoUsd),
    })
  })

  test('counts failed calls, and takes no duration from them', () => {
    const history = createHistory()
    history.add(callOf(3, NOW - 10_000, { outcome: Outcome.FAILED }), NOW)
    expect(history.minute(NOW)).toMatchObject({ calls: 1, failed: 1, latency: { p50: undefined } })
  })

  test('forgets what is older than a minute in the one sum and five minutes in the other', () => {
    const history = createHistory()
    expect(history.add(callOf(4, NOW - 90_000), NOW)).toBe(true)
    expect(history.add(callOf(5, NOW - 310_000), NOW)).toBe(false)
    expect(history.minute(NOW).calls).toBe(0)
    expect(history.all(NOW).calls).toBe(1)
    expect(history.all(NOW + 240_000).calls).toBe(0)
  })

  test('draws a rate a second in the slot in which the calls ended', () => {
    const history = createHistory()
    for (let index = 0; index < 10; index += 1) history.add(callOf(index, NOW - 20_000), NOW)
    const { times, ok, p50 } = history.lines(NOW)
    const at = ok.findIndex(value => value > 0)
    expect(ok[at]).toBe(2)
    expect(ok.filter(value => value > 0)).toHaveLength(1)
    expect(p50[at]).toBeGreaterThan(500)
    expect((times[at] ?? 0) * 1000).toBeLessThan(NOW - 10_000)
  })
})

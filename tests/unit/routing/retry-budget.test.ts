// The share of retries and hedges: what an outage may add to the load of a provider.
import { describe, expect, it } from 'vitest'
import { createRetryBudget, RETRY_BUDGET, retryBudgetOf } from '../../../src/routing/retry-budget.ts'
import { createHandClock } from '../../support/hand-clock.ts'

function rig() {
  const clock = createHandClock()
  const budget = createRetryBudget(clock)
  const takeAll = (): number => {
    let taken = 0
    while (taken < 10_000 && budget.take()) taken += 1
    return taken
  }
  return { clock, budget, takeAll }
}

describe('the retry budget', () => {
  it('allows 10 in a minute without any traffic, and no more', () => {
    const { clock, takeAll } = rig()
    expect(takeAll()).toBe(10)
    clock.pass(59_000)
    expect(takeAll()).toBe(0)
  })

  it('allows a tenth of the first attempts of the last minute on top', () => {
    const { budget, takeAll } = rig()
    for (let one = 0; one < 1000; one++) budget.attempted()
    expect(takeAll()).toBe(110)
  })

  it('forgets attempts, and what was taken for them, after a minute and a sixth of it at most', () => {
    const { clock, budget, takeAll } = rig()
    for (let one = 0; one < 1000; one++) budget.attempted()
    expect(takeAll()).toBe(110)
    clock.pass(70_000)
    expect(takeAll()).toBe(10)
    clock.pass(3_600_000)
    expect(takeAll()).toBe(10)
  })

  it('moves on piece by piece, not all at once', () => {
    const { clock, budget, takeAll } = rig()
    for (let second = 0; second < 60; second++) {
      for (let one = 0; one < 10; one++) budget.attempted()
      clock.pass(1000)
    }
    expect(takeAll()).toBe(70)
    clock.pass(30_000)
    for (let one = 0; one < 200; one++) budget.attempted()
    // Of the 600 calls some 300 still count, and so does what was taken just before.
    expect(takeAll()).toBe(0)
  })

  it('adds at most a tenth, and the floor of each minute, to the load of an outage of 200 calls a second', () => {
    const { clock, budget } = rig()
    const minutes = 5
    let load = 0
    let calls = 0
    const perMinute: number[] = []
    for (let minute = 0; minute < minutes; minute++) {
      let retries = 0
      for (let step = 0; step < 60 * 200; step++) {
        budget.attempted()
        calls += 1
        load += 1
        // Everything fails, and everything would like to be tried again.
        if (budget.take()) retries += 1
        clock.pass(5)
      }
      load += retries
      perMinute.push(retries)
    }
    expect(calls).toBe(60_000)
    expect(load).toBeLessThanOrEqual(calls * 1.1 + 10 * minutes)
    expect(Math.max(...perMinute)).toBeLessThanOrEqual(1200 + 10)
    // It is no ban on retries either.
    expect(load).toBeGreaterThan(calls * 1.08)
  })

  it('of several processes divides what is always allowed, and each has its share of its own calls', () => {
    expect([1, 2, 3, 20].map(processes => retryBudgetOf(processes).floor)).toEqual([10, 5, 4, 1])
    expect(retryBudgetOf(4)).toMatchObject({ share: 0.1, windowMs: 60_000 })
    expect(retryBudgetOf()).toEqual(RETRY_BUDGET)
  })
})

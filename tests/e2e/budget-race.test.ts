// A thousand calls at once for a budget that pays for a hundred: what was paid for passes, never more, and nothing stays held.
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import {
  askFor,
  budgetIn,
  CALL_NANO_USD,
  CALL_TOKENS,
  race,
  startWithBudget,
  tally,
  tokensLeft,
} from '../support/budget-rig.ts'
import { startRedis } from '../support/redis-rig.ts'
import type { Service } from '../support/running-server.ts'
import { until } from '../support/scripted-completion.ts'
import { createChance } from '../support/seeded.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

const CALLS = 1_000
const PAID = 100
const BUDGET_NANO_USD = PAID * CALL_NANO_USD
const SLOW_MS = 60_000
/** A holder that is not heard of ends after 30 seconds. */
const HOLDERS_GONE_MS = 31_000

let upstream: Upstream
beforeAll(async () => {
  upstream = await startUpstream()
})
afterAll(() => upstream.close())

/** Chance decides who leaves, and when. */
function leavers(seed: number): (call: number) => number | undefined {
  const chance = createChance(seed)
  const plan = Array.from({ length: CALLS }, () => (chance.below(3) === 0 ? chance.below(1_500) : undefined))
  return call => plan[call]
}

describe('one service', () => {
  it('lets exactly the calls pass that the budget pays', { timeout: SLOW_MS }, async () => {
    const { service, booked, lines } = await startWithBudget(upstream, BUDGET_NANO_USD)
    const ends = await race({ calls: CALLS, services: [service] })
    expect(tally(ends)).toEqual({ passed: PAID, spent: CALLS - PAID })
    expect([booked(), lines()]).toEqual([BUDGET_NANO_USD, PAID])
    expect(await askFor(service, 1)).toBe('spent')
  })

  it('holds nothing after random cancels: the counter is the sum of the ledger', {
    timeout: SLOW_MS,
  }, async () => {
    const { service, booked } = await startWithBudget(upstream, BUDGET_NANO_USD)
    const ends = await race({
      calls: CALLS,
      services: [service],
      leaveAfterMs: leavers(1),
      fault: '[[fault:drip-events=20]]',
    })
    expect(Object.keys(tally(ends)).toSorted()).toEqual(['cancelled', 'passed', 'spent'])
    // Who left is settled a moment later; from then on exactly the rest of the budget can be spent.
    let left = 0
    await until(async () => {
      left = tokensLeft(BUDGET_NANO_USD, booked())
      return left === 0 || (await askFor(service, left + 1)) === 'spent'
    })
    expect(left).toBeGreaterThanOrEqual(0)
    if (left > 0) expect(await askFor(service, left)).toBe('passed')
    expect(await askFor(service, 1)).toBe('spent')
    expect(booked()).toBeLessThanOrEqual(BUDGET_NANO_USD)
  })

  it('goes on after a kill from what its ledger has', { timeout: SLOW_MS }, async () => {
    const { service, again, booked } = await startWithBudget(upstream, BUDGET_NANO_USD)
    expect(tally(await race({ calls: 60, services: [service] }))).toEqual({ passed: 60 })
    await service.stop('SIGKILL')
    expect(booked()).toBe(60 * CALL_NANO_USD)
    const later = await again()
    expect(tally(await race({ calls: 60, services: [later] }))).toEqual({ passed: 40, spent: 20 })
    expect(booked()).toBe(BUDGET_NANO_USD)
  })
})

const TRIES_MAX = 4
const wentOnAlone = (service: Service): boolean =>
  service.log().some(({ msg }) => String(msg).startsWith('redis is out'))

describe('two services with one redis', () => {
  async function twoServices() {
    const redis = await startRedis()
    onTestFinished(() => redis.stop())
    const [one, two] = await Promise.all([
      startWithBudget(upstream, BUDGET_NANO_USD, redis),
      startWithBudget(upstream, BUDGET_NANO_USD, redis),
    ])
    return { redis, one, two, services: [one.service, two.service] }
  }

  /**
   * Plays with services of its own. On a busy machine Redis may need longer than a command is given; then each service goes on
   * alone with its share, which is another promise, and it is played once more.
   */
  async function whileRedisAnswers(
    play: (both: Awaited<ReturnType<typeof twoServices>>) => Promise<void>,
  ): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      const both = await twoServices()
      try {
        await play(both)
        return
      } catch (error) {
        if (tries === TRIES_MAX || !both.services.some(wentOnAlone)) throw error
      }
    }
  }

  it('let exactly the calls pass together that the budget pays', { timeout: TRIES_MAX * SLOW_MS }, () =>
    whileRedisAnswers(async ({ redis, one, two, services }) => {
      const ends = await race({ calls: CALLS, services })
      expect(tally(ends)).toEqual({ passed: PAID, spent: CALLS - PAID })
      expect([one.booked() + two.booked(), one.lines() + two.lines()]).toEqual([BUDGET_NANO_USD, PAID])
      await until(async () => (await budgetIn(redis)).held === 0)
      expect(await budgetIn(redis)).toEqual({ settled: BUDGET_NANO_USD, held: 0 })
    }),
  )

  it(
    'hold nothing after random cancels: the counter is the sum of both ledgers',
    { timeout: TRIES_MAX * SLOW_MS },
    () =>
      whileRedisAnswers(async ({ redis, one, two, services }) => {
        const ends = await race({
          calls: CALLS,
          services,
          leaveAfterMs: leavers(2),
          fault: '[[fault:drip-events=20]]',
        })
        expect(Object.keys(tally(ends)).toSorted()).toEqual(['cancelled', 'passed', 'spent'])
        await until(async () => {
          const { settled, held } = await budgetIn(redis)
          return held === 0 && settled === one.booked() + two.booked()
        })
        expect((await budgetIn(redis)).settled).toBeLessThanOrEqual(BUDGET_NANO_USD)
      }),
  )

  it('give back what a killed one held, and never pay more', { timeout: TRIES_MAX * 2 * SLOW_MS }, () =>
    whileRedisAnswers(async ({ redis, one, two, services }) => {
      const fault = '[[fault:drip-events=1000]]'
      const running = (): number =>
        upstream.requests.filter(
          ({ endedAtMs, closedByClientAtMs }) => endedAtMs === undefined && closedByClientAtMs === undefined,
        ).length
      // The one that will be killed holds half of the budget in any case: those calls have no end.
      const endless = '[[fault:silence-after=1]]'
      const doomed = race({ calls: PAID / 2, services: [two.service], fault: endless })
      await until(() => running() >= PAID / 2)
      const others = race({ calls: CALLS - PAID / 2, services, fault })
      await until(() => running() > PAID / 2)
      await two.service.stop('SIGKILL')
      const ends = tally([...(await doomed), ...(await others)])
      expect(Object.keys(ends).filter(end => !['passed', 'spent', 'lost'].includes(end))).toEqual([])
      const before = await budgetIn(redis)
      expect(before.held).toBeGreaterThan(0)
      expect(before.settled + before.held).toBeLessThanOrEqual(BUDGET_NANO_USD)
      await new Promise(resolve => setTimeout(resolve, HOLDERS_GONE_MS))
      // Whoever asks next finds the room again: as much as is not booked, and not a token more.
      const left = tokensLeft(BUDGET_NANO_USD, before.settled)
      expect(left).toBeGreaterThanOrEqual(CALL_TOKENS)
      expect(await askFor(one.service, left + 1)).toBe('spent')
      expect(await askFor(one.service, left)).toBe('passed')
      await until(async () => (await budgetIn(redis)).held === 0)
      expect(await budgetIn(redis)).toEqual({ settled: BUDGET_NANO_USD, held: 0 })
      expect(one.booked() + two.booked()).toBeLessThanOrEqual(BUDGET_NANO_USD)
    }),
  )
})

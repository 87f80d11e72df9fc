// What no order of events may break: more is never given than there is, and a key is won once, by processes that share a Redis.
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { LONG_MS } from '../../../suites/shared-log.ts'
import { connectRedis, type RedisServer, startRedis } from '../../../support/redis-rig.ts'
import { until } from '../../../support/scripted-completion.ts'
import { createChance } from '../../../support/seeded.ts'

const MAX = 200
const ASKED = 300
const COUNTERS = ['a', 'b', 'c']

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())
beforeEach(() => server.ask('FLUSHALL'))

async function twoWays() {
  const ways = [await connectRedis(server.url), await connectRedis(server.url)] as const
  onTestFinished(async () => void (await Promise.all(ways.map(({ shared }) => shared.close()))))
  return ways
}

describe('reservations by chance', () => {
  it.each([1, 2, 3, 4, 5, 6])('never take more than there is, of seed %i', async seed => {
    const [one, two] = await twoWays()
    const chance = createChance(seed)
    const held = new Map(COUNTERS.map(counter => [counter, 0]))
    const highest = new Map(held)
    const hold = (counter: string, amount: number): void => {
      const now = (held.get(counter) ?? 0) + amount
      held.set(counter, now)
      highest.set(counter, Math.max(now, highest.get(counter) ?? 0))
    }
    async function takeOne(): Promise<void> {
      const { shared } = chance.below(2) === 0 ? one : two
      const wanted = COUNTERS.filter(() => chance.below(2) === 0).map(counter => ({
        counter,
        amount: chance.below(20),
        max: MAX,
        ttlMs: LONG_MS,
      }))
      const isGivenBack = chance.below(3) === 0
      if (!(await shared.reserve(wanted)).ok) return
      for (const { counter, amount } of wanted) hold(counter, amount)
      if (!isGivenBack) return
      for (const { counter, amount } of wanted) {
        hold(counter, -amount)
        await shared.adjust(counter, -amount)
      }
    }
    for (let left = ASKED; left > 0; ) {
      const atOnce = Math.min(left, 1 + chance.below(30))
      left -= atOnce
      await Promise.all(Array.from({ length: atOnce }, takeOne))
    }
    for (const counter of COUNTERS) {
      expect(highest.get(counter)).toBeLessThanOrEqual(MAX)
      const refused = await one.shared.reserve([{ counter, amount: MAX + 1, max: MAX, ttlMs: LONG_MS }])
      expect(refused).toEqual({ ok: false, index: 0, counter, used: held.get(counter) })
    }
  })

  it.each([1, 2, 3])(
    'count what was counted when redis loses everything again and again, of seed %i',
    async seed => {
      const ways = await twoWays()
      const chance = createChance(seed)
      let taken = 0
      for (let round = 0; round < 3; round += 1) {
        for (let index = 0; index < 20; index += 1) {
          const amount = 1 + chance.below(5)
          const { shared } = ways[chance.below(2)] ?? ways[0]
          // No limit stands in the way: while it is out each process knows its own share only.
          const reservation = { counter: 'n', amount, max: Number.MAX_SAFE_INTEGER, ttlMs: LONG_MS }
          if ((await shared.reserve([reservation])).ok) taken += amount
          if (index === 10) {
            await server.kill()
            await until(() => ways.every(way => !way.shared.state().isUp))
          }
        }
        await server.restart()
        await until(() => ways.every(way => way.shared.state().isUp))
      }
      const refused = await ways[0].shared.reserve([{ counter: 'n', amount: 1, max: 0, ttlMs: LONG_MS }])
      expect(refused).toEqual({ ok: false, index: 0, counter: 'n', used: taken })
    },
  )
})

describe('a claim', () => {
  it('is won once among two processes, hundreds of times', async () => {
    const [one, two] = await twoWays()
    const won = await Promise.all(
      Array.from({ length: 300 }, async (_, index) => {
        const answers = await Promise.all(
          [one, two, one].map(({ shared }, who) => shared.claim(`c${index}`, Uint8Array.of(who), LONG_MS)),
        )
        return answers.filter(before => before === undefined).length
      }),
    )
    expect(new Set(won)).toEqual(new Set([1]))
  })
})

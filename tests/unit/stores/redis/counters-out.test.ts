// Counters while Redis is out: each limit by its own policy, and holders that are counted right again when it is back.
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import type { Reservation } from '../../../../src/core/shared.ts'
import { LONG_MS } from '../../../suites/shared-log.ts'
import { connectRedis, type RedisServer, type RedisWay, startRedis } from '../../../support/redis-rig.ts'
import { until } from '../../../support/scripted-completion.ts'

let server: RedisServer
beforeEach(async () => {
  server = await startRedis()
})
afterEach(() => server.stop())

async function connect(commandTimeoutMs = 2_000): Promise<RedisWay> {
  const way = await connectRedis(server.url, { commandTimeoutMs })
  onTestFinished(() => way.shared.close())
  return way
}
const isUp = (way: RedisWay) => until(() => way.shared.state().isUp)
const isOut = (way: RedisWay) => until(() => !way.shared.state().isUp)
const take = (amount: number, max: number, outage?: Reservation['outage']) => [
  { counter: 'n', amount, max, ttlMs: LONG_MS, outage },
]
const by = (id: string) => ({ id, ttlMs: LONG_MS })
async function usedOf({ shared }: RedisWay): Promise<number> {
  const asked = await shared.reserve(take(1, 0))
  return asked.ok ? Number.NaN : asked.used
}

describe('while redis is out, a reservation', () => {
  it('fits, is counted here alone, or does not fit, as it says itself', async () => {
    const [one, two] = [await connect(), await connect()]
    await one.shared.reserve(take(3, 10))
    await two.shared.reserve(take(4, 10))
    await one.shared.reserve(take(1, 10))
    await server.kill()
    await isOut(one)
    // Eight was the last that it heard of, and what others took of it counts.
    expect(await one.shared.reserve(take(3, 10, 'share'))).toMatchObject({ ok: false, used: 8 })
    expect(await one.shared.reserve(take(1, 10, 'deny'))).toMatchObject({ ok: false, isOutage: true })
    expect(await one.shared.reserve(take(9, 10, 'allow'))).toEqual({ ok: true, used: [17] })
    expect(await one.shared.reserve(take(1, 10))).toMatchObject({ ok: false, used: 17 })
  })

  it('is booked afterwards, whatever its policy was', async () => {
    const way = await connect()
    await way.shared.reserve(take(3, 10))
    await server.kill()
    await isOut(way)
    await way.shared.reserve(take(20, 10, 'allow'))
    await server.restart()
    await isUp(way)
    expect(await usedOf(way)).toBe(23)
  })
})

describe('a holder', () => {
  it('still holds what it reserved before and meanwhile when redis has lost everything', async () => {
    const [one, two] = [await connect(), await connect()]
    await one.shared.reserve(take(3, 100), by('before'))
    await two.shared.reserve(take(5, 100), by('other'))
    await server.kill()
    await isOut(one)
    await isOut(two)
    await one.shared.reserve(take(7, 100), by('meanwhile'))
    await server.restart()
    await isUp(one)
    await isUp(two)
    expect(await usedOf(two)).toBe(3 + 5 + 7)
    await one.shared.settle('before', [{ counter: 'n', amount: 1 }])
    await one.shared.settle('meanwhile', [{ counter: 'n', amount: 2 }])
    await two.shared.settle('other', [{ counter: 'n', amount: 0 }])
    expect(await usedOf(two)).toBe(3)
  })

  it('that settled meanwhile is counted with its truth, once', async () => {
    const [one, two] = [await connect(), await connect()]
    await one.shared.reserve(take(30, 100), by('h'))
    await server.kill()
    await isOut(one)
    await one.shared.settle('h', [{ counter: 'n', amount: 4 }])
    expect(await usedOf(one)).toBe(4)
    await server.restart()
    await isUp(one)
    await isUp(two)
    expect(await usedOf(two)).toBe(4)
  })

  it('is counted once when nobody knows whether redis heard of it', async () => {
    const [one, two] = [await connect(50), await connect()]
    await one.shared.reserve(take(1, 100))
    await one.shared.reserve(take(10, 100), by('settled'))
    server.pause()
    // Redis does all of it when it goes on, and by then the process has given up waiting.
    await one.shared.reserve(take(20, 100), by('held'))
    await one.shared.settle('settled', [{ counter: 'n', amount: 3 }])
    await isOutOrDone(one)
    server.goOn()
    await isUp(one)
    await until(async () => (await usedOf(two)) === 1 + 20 + 3)
    await one.shared.settle('held', [{ counter: 'n', amount: 2 }])
    expect(await usedOf(two)).toBe(1 + 2 + 3)
  })
})

describe('redis that is late once', () => {
  it('is asked once more, and counts a holder once', async () => {
    const way = await connect(300)
    await way.shared.reserve(take(1, 10))
    server.pause()
    setTimeout(() => server.goOn(), 400)
    expect(await way.shared.reserve(take(4, 10), by('late'))).toEqual({ ok: true, used: [5] })
    expect(way.outcomes.get('timeout')).toBeGreaterThanOrEqual(1)
    await way.shared.settle('late', [{ counter: 'n', amount: 2 }])
    expect(await usedOf(way)).toBe(3)
  })
})

/** Two commands timed out, which is not enough to be out: it brings what is in doubt by itself. */
async function isOutOrDone({ outcomes }: RedisWay): Promise<void> {
  await until(() => (outcomes.get('timeout') ?? 0) >= 2)
}

// Redis that dies, hangs, comes back, refuses or loses everything: calls go on, and what was written here is not lost.
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { follow, LONG_MS } from '../../../suites/shared-log.ts'
import {
  connectRedis,
  type RedisServer,
  type RedisWay,
  type RedisWayOptions,
  startRedis,
} from '../../../support/redis-rig.ts'
import { until } from '../../../support/scripted-completion.ts'
import { tool } from '../../../support/tools.ts'

const COMMAND_MS = 50
/** What a busy machine may add: less than ten commands take, one after the other. */
const SLACK_MS = 300
/** What takes no time may take so long, in the best of a few tries: well below the time of one command. */
const AT_ONCE_MS = 30
const TRIES_MAX = 20
// The server in JavaScript knows neither a pause of its clients nor what a wrong password is.
const onReal = it.skipIf(tool('redis-server') === undefined)

const bytes = (text: string): Uint8Array => Buffer.from(text)
const text = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : Buffer.from(value).toString()

let server: RedisServer
beforeEach(async () => {
  server = await startRedis()
})
afterEach(() => server.stop())

async function connect(options: RedisWayOptions = {}, url = server.url): Promise<RedisWay> {
  const way = await connectRedis(url, options)
  onTestFinished(() => way.shared.close())
  return way
}
const isUp = (way: RedisWay) => until(() => way.shared.state().isUp)
const isOut = (way: RedisWay) => until(() => !way.shared.state().isUp)

async function tookMs(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return performance.now() - startedAt
}

/** The shortest time of a few tries. */
async function leastMs(work: () => Promise<unknown>): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let tries = 0; tries < TRIES_MAX && least >= AT_ONCE_MS; tries += 1)
    least = Math.min(least, await tookMs(work))
  return least
}

describe('redis that was killed', () => {
  it('is said to be out, and to work again', async () => {
    const way = await connect()
    await server.kill()
    await isOut(way)
    await server.restart()
    await isUp(way)
    expect(way.states).toMatchObject([{ isUp: true }, { isUp: false, fault: 'connection' }, { isUp: true }])
    expect(way.logged().match(/redis works|redis is out/g)).toEqual([
      'redis works',
      'redis is out',
      'redis works',
    ])
  })

  it('gets back what this process wrote before, meanwhile, and nothing that was removed', async () => {
    const [one, two] = [await connect(), await connect()]
    await one.shared.set('before', bytes('before'), LONG_MS)
    await one.shared.set('gone', bytes('gone'), LONG_MS)
    await one.shared.claim('claimed', bytes('one'), LONG_MS)
    await server.kill()
    await isOut(one)
    await isOut(two)
    expect(text(await one.shared.get('before'))).toBe('before')
    await one.shared.set('meanwhile', bytes('meanwhile'), LONG_MS)
    await one.shared.remove('gone')
    expect(await one.shared.swap('claimed', bytes('one'), bytes('swapped'), LONG_MS)).toBe(true)
    await server.restart()
    await isUp(one)
    await isUp(two)
    const names = ['before', 'meanwhile', 'gone', 'claimed']
    expect(await Promise.all(names.map(async name => text(await two.shared.get(name))))).toEqual([
      'before',
      'meanwhile',
      undefined,
      'swapped',
    ])
  })

  it('does not stop a log: its entries come here at once, and elsewhere when it is back', async () => {
    const [one, two] = [await connect(), await connect()]
    await one.shared.append('l', [bytes('a')], LONG_MS)
    const here = follow(one.shared, 'l', 0, 4)
    const there = follow(two.shared, 'l', 0, 5)
    await one.shared.append('l', [bytes('b')], LONG_MS)
    await until(async () => (await two.shared.read('l', 1, 1))?.entries.length === 1)
    await server.kill()
    expect(await one.shared.append('l', [bytes('c')], LONG_MS)).toBe(3)
    expect(await one.shared.append('l', [bytes('d')], LONG_MS)).toBe(4)
    expect((await here).map(([, entry]) => entry)).toEqual(['a', 'b', 'c', 'd'])
    await server.restart()
    await isUp(one)
    expect(await one.shared.append('l', [bytes('e')], LONG_MS)).toBe(5)
    expect(await there).toEqual(['a', 'b', 'c', 'd', 'e'].map((entry, index) => [index + 1, entry]))
  })

  it('gets a log back without what was forgotten, and one that was begun meanwhile', async () => {
    const [one, two] = [await connect(), await connect()]
    await one.shared.append('l', ['a', 'b', 'c'].map(bytes), LONG_MS)
    await server.kill()
    await isOut(one)
    await one.shared.trim('l', 2)
    await one.shared.append('new', [bytes('x')], LONG_MS)
    await server.restart()
    await isUp(one)
    await isUp(two)
    expect(await follow(two.shared, 'l', 0, 1)).toEqual([[3, 'c']])
    await until(async () => (await two.shared.read('new', 0, 9))?.entries.length === 1)
  })

  it('counts again what was counted before and meanwhile, by everybody', async () => {
    const take = (amount: number) => [{ counter: 'n', amount, max: 20, ttlMs: LONG_MS }]
    const [one, two] = [await connect(), await connect()]
    await one.shared.reserve(take(3))
    await two.shared.reserve(take(4))
    await one.shared.adjust('n', -1)
    await server.kill()
    await isOut(one)
    await isOut(two)
    await one.shared.reserve(take(2))
    await two.shared.reserve(take(5))
    await two.shared.adjust('n', -1)
    await server.restart()
    await isUp(one)
    await isUp(two)
    const refused = await one.shared.reserve(take(20))
    expect(refused).toEqual({ ok: false, index: 0, counter: 'n', used: 3 + 4 - 1 + 2 + 5 - 1 })
  })

  it('does not keep the start waiting, and works when it comes', async () => {
    await server.kill()
    const way = await connect()
    expect(way.states).toEqual([{ isUp: false, fault: 'connection', code: 'ECONNREFUSED' }])
    await way.shared.set('v', bytes('one'), LONG_MS)
    await server.restart()
    await isUp(way)
    const other = await connect()
    expect(text(await other.shared.get('v'))).toBe('one')
  })
})

describe('redis that hangs', () => {
  it('costs each command its time at most, and soon none at all', async () => {
    const way = await connect({ commandTimeoutMs: COMMAND_MS, outMs: 60_000 })
    await way.shared.set('v', bytes('one'), LONG_MS)
    server.pause()
    expect(await tookMs(() => way.shared.get('v'))).toBeLessThan(COMMAND_MS + SLACK_MS)
    const all = () =>
      Promise.all([
        way.shared.set('w', bytes('two'), LONG_MS),
        way.shared.claim('c', bytes('three'), LONG_MS),
        way.shared.swap('v', bytes('one'), bytes('two'), LONG_MS),
        way.shared.append('l', [bytes('a')], LONG_MS),
        way.shared.read('l', 0, 1),
        way.shared.trim('l', 0),
        way.shared.reserve([{ counter: 'n', amount: 1, max: 1, ttlMs: LONG_MS }]),
        way.shared.adjust('n', 1),
        way.shared.publish('t', bytes('hi')),
        way.shared.remove('w'),
      ])
    expect(await tookMs(all)).toBeLessThan(COMMAND_MS + SLACK_MS)
    expect(way.shared.state()).toEqual({ isUp: false, fault: 'timeout', code: '' })
    expect(await leastMs(all)).toBeLessThan(AT_ONCE_MS)
    expect(text(await way.shared.get('v'))).toBe('two')
    server.goOn()
  })

  it('gives a log to those who follow it here without a wait', async () => {
    // Whoever waits for Redis waits so long.
    const commandTimeoutMs = 3_000
    const way = await connect({ commandTimeoutMs, outMs: 60_000 })
    await way.shared.append('l', [], LONG_MS)
    server.pause()
    const took = await tookMs(async () => {
      const followed = follow(way.shared, 'l', 0, 1)
      void way.shared.append('l', [bytes('a')], LONG_MS)
      expect(await followed).toEqual([[1, 'a']])
    })
    server.goOn()
    expect(took).toBeLessThan(commandTimeoutMs / 2)
  })

  it('has every entry once and in order when it goes on', async () => {
    const [one, two] = [await connect({ commandTimeoutMs: COMMAND_MS }), await connect()]
    const entries = Array.from({ length: 600 }, (_, index) => `${index}`)
    await one.shared.append('l', [], LONG_MS)
    const there = follow(two.shared, 'l', 0, entries.length)
    for (const [index, entry] of entries.entries()) {
      if (index === 100) server.pause()
      if (index === 500) server.goOn()
      void one.shared.append('l', [bytes(entry)], LONG_MS)
      if (index % 10 === 0) await new Promise(resolve => setTimeout(resolve, 2))
    }
    expect(await there).toEqual(entries.map((entry, index) => [index + 1, entry]))
    await isUp(one)
  })
})

describe('redis that is too slow', () => {
  onReal('is left alone, asked again by itself, and gets what it missed', async () => {
    const [one, two] = [await connect({ commandTimeoutMs: COMMAND_MS }), await connect()]
    await server.ask('CLIENT', 'PAUSE', '400', 'ALL')
    await Promise.all([1, 2, 3].map(index => one.shared.set(`v${index}`, bytes('missed'), LONG_MS)))
    expect(one.shared.state()).toEqual({ isUp: false, fault: 'timeout', code: '' })
    await isUp(one)
    expect(text(await two.shared.get('v3'))).toBe('missed')
    expect(one.outcomes.get('timeout')).toBeGreaterThanOrEqual(3)
  })
})

describe('redis that does not let us in', () => {
  it.skipIf(tool('redis-server') === undefined)(
    'is out by the code of its refusal, and the password is nowhere in what is told',
    async () => {
      const closed = await startRedis({ password: 'right-word' })
      onTestFinished(() => closed.stop())
      const way = await connect({}, closed.url.replace('right-word', 'wrong-word'))
      expect(way.states).toEqual([{ isUp: false, fault: 'login', code: 'WRONGPASS' }])
      expect(way.logged()).toContain('WRONGPASS')
      expect(way.logged()).not.toContain('wrong-word')
      await way.shared.set('v', bytes('one'), LONG_MS)
      expect(text(await way.shared.get('v'))).toBe('one')
      const good = await connect({}, closed.url)
      expect(good.states).toEqual([{ isUp: true }])
    },
  )

  it('is not asked at all at an address that is none', async () => {
    await expect(connect({}, 'http://secret@host')).rejects.toMatchObject({
      reason: 'INVALID_REQUEST',
      message: expect.not.stringContaining('secret'),
    })
  })
})

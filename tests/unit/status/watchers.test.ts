// What every watch promises: signs of life in silence, an end for a reader that stands still, and no timer of its own.
import { describe, expect, it } from 'vitest'
import { GatewayError } from '../../../src/core/errors.ts'
import { createWatchers } from '../../../src/status/watchers.ts'
import { callerOf, watchCallOf } from '../../support/call-records.ts'
import { createHandClock } from '../../support/hand-clock.ts'

function setUp(watchersMax?: number) {
  const clock = createHandClock()
  const watchers = createWatchers({ clock, ...(watchersMax === undefined ? {} : { watchersMax }) })
  const waiting: string[] = []
  const begin = () => {
    const { call, ended } = watchCallOf(callerOf('acme', 'monitoring'))
    const watch = watchers.watch<string>(call, { take: () => waiting.shift(), sign: () => 'sign' })
    return { watch, call, ended }
  }
  return { clock, watchers, waiting, begin }
}

describe('a watch', () => {
  it('tells what there is, then waits until it is woken', async () => {
    const { watchers, waiting, begin } = setUp()
    waiting.push('one')
    const { watch } = begin()
    expect((await watch.next()).value).toBe('one')
    const next = watch.next()
    await Promise.resolve()
    waiting.push('two')
    watchers.wake()
    expect((await next).value).toBe('two')
  })

  it('shows that it lives after 30 s of silence and not before, again and again', async () => {
    const { clock, watchers, waiting, begin } = setUp()
    waiting.push('one')
    const { watch } = begin()
    await watch.next()
    for (let round = 0; round < 2; round += 1) {
      let told: string | undefined
      const next = watch.next().then(({ value }) => {
        told = value ?? undefined
      })
      await Promise.resolve()
      clock.pass(29_999)
      watchers.tick()
      await new Promise(setImmediate)
      expect(told).toBeUndefined()
      clock.pass(1)
      watchers.tick()
      await next
      expect(told).toBe('sign')
    }
  })

  it('is cut with OVERLOADED when its reader takes nothing for 30 s', async () => {
    const { clock, watchers, waiting, begin } = setUp()
    waiting.push('one')
    const { watch, ended } = begin()
    // The message is given, and nobody asks for the next one.
    await watch.next()
    clock.pass(29_999)
    watchers.tick()
    expect(ended()).toBeUndefined()
    clock.pass(1)
    watchers.tick()
    expect(ended()?.reason).toBe('OVERLOADED')
    await expect(watch.next()).rejects.toMatchObject({ reason: 'OVERLOADED' })
    expect(watchers.count()).toBe(0)
  })

  it('ends with the reason of its call, and is forgotten', async () => {
    const { watchers, begin } = setUp()
    const { watch, call } = begin()
    const next = watch.next()
    await Promise.resolve()
    expect(watchers.count()).toBe(1)
    call.abort(new GatewayError('SHUTTING_DOWN', 'bye'))
    await expect(next).rejects.toMatchObject({ reason: 'SHUTTING_DOWN' })
    expect(watchers.count()).toBe(0)
  })

  it('is refused when too many watch', async () => {
    const { begin } = setUp(1)
    void begin().watch.next()
    await expect(begin().watch.next()).rejects.toMatchObject({ reason: 'OVERLOADED' })
  })
})

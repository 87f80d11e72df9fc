// The workers as processes: one that dies is started again, later each time it dies young, and a start that fails is no restart.
import { Duplex } from 'node:stream'
import { expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../../src/core/clock.ts'
import type { Log } from '../../../src/core/log.ts'
import type { Child, ChildEnd } from '../../../src/workers/child.ts'
import { createFleet } from '../../../src/workers/fleet.ts'
import { until } from '../../support/scripted-completion.ts'

interface Played {
  readonly slot: number
  readonly ready: PromiseWithResolvers<void>
  die(end?: Partial<ChildEnd>): void
  hang(): void
  isDrained: boolean
}

function setUp(count: number) {
  const played: Played[] = []
  const missing: string[] = []
  const waits: unknown[] = []
  const causes: string[] = []
  const released: number[] = []
  const log: Log = {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: (_, fields) => void waits.push(fields?.['in_ms']),
  }
  const ends: PromiseWithResolvers<ChildEnd>[] = []
  const fleet = createFleet({
    count,
    log,
    clock: systemClock,
    start(): Child {
      const end = Promise.withResolvers<ChildEnd>()
      ends.push(end)
      return {
        pid: ends.length,
        socket: new Duplex(),
        ended: end.promise,
        kill: () => end.resolve({ code: null, signal: 'SIGKILL' }),
      }
    },
    open(slot, _, onHung) {
      const ready = Promise.withResolvers<void>()
      const end = ends.at(-1)
      const one: Played = {
        slot,
        ready,
        isDrained: false,
        hang: onHung,
        die: (how = {}) => end?.resolve({ code: 1, signal: null, ...how }),
      }
      played.push(one)
      return {
        ready: ready.promise,
        async drain() {
          one.isDrained = true
          one.die({ code: 0 })
          return { running: slot, aborted: 1, durationMs: 10 * slot }
        },
        abort: () => undefined,
        release: async () => void released.push(slot),
      }
    },
    onRestart: cause => void causes.push(cause),
    onMissing: (slot, isMissing) => void missing.push(`${slot} ${isMissing ? 'missing' : 'there'}`),
  })
  onTestFinished(fleet.kill)
  const at = (index: number): Played => {
    const one = played[index]
    if (one === undefined) throw new Error(`no process ${index} was started`)
    return one
  }
  return { fleet, played, at, missing, waits, causes, released }
}

it('is ready when the last one listens', async () => {
  const { fleet, at } = setUp(2)
  let isReady = false
  void fleet.ready.then(() => {
    isReady = true
  })
  at(0).ready.resolve()
  await new Promise(resolve => setImmediate(resolve))
  expect(isReady).toBe(false)
  at(1).ready.resolve()
  await fleet.ready
})

it('a worker that dies is started again in its place, and what it held is let go before', async () => {
  const { fleet, at, played, missing, released } = setUp(2)
  at(0).ready.resolve()
  at(1).ready.resolve()
  await fleet.ready
  at(1).die()
  await until(() => played.length === 3)
  expect(released).toEqual([2])
  expect(at(2).slot).toBe(2)
  at(2).ready.resolve()
  await until(() => missing.length === 4)
  expect(missing).toEqual(['1 there', '2 there', '2 missing', '2 there'])
})

it('one that hangs is killed and started again, and counted as such', async () => {
  const { fleet, at, played, causes } = setUp(1)
  at(0).ready.resolve()
  await fleet.ready
  at(0).hang()
  await until(() => played.length === 2)
  at(1).ready.resolve()
  at(1).die()
  await until(() => played.length === 3)
  expect(causes).toEqual(['hung', 'died'])
})

it('one that dies young again and again is started later each time', async () => {
  const { fleet, at, played, waits } = setUp(1)
  at(0).ready.resolve()
  await fleet.ready
  for (let death = 0; death < 3; death += 1) {
    at(death).die()
    await until(() => played.length === death + 2)
  }
  expect(waits).toEqual([100, 200, 400])
})

it('a start at which one cannot begin fails with the reason, and ends the others', async () => {
  const { fleet, at, released } = setUp(2)
  at(0).ready.resolve()
  const reason = new Error('the port is taken')
  at(1).ready.reject(reason)
  await expect(fleet.ready).rejects.toBe(reason)
  expect(released.toSorted()).toEqual([1, 2])
})

it('a start at which one dies without a word fails', async () => {
  const { fleet, at } = setUp(1)
  at(0).die()
  await expect(fleet.ready).rejects.toMatchObject({ reason: 'INTERNAL' })
})

it('ends all the polite way, and adds up how that went', async () => {
  const { fleet, at, played } = setUp(2)
  at(0).ready.resolve()
  at(1).ready.resolve()
  await fleet.ready
  expect(await fleet.drain()).toEqual({ running: 3, aborted: 2, durationMs: 20 })
  expect(played.every(({ isDrained }) => isDrained)).toBe(true)
  expect(played).toHaveLength(2)
})

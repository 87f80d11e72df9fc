// The timers that share one: each runs once, in its order, never early and hardly late, and none that was stopped.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createTimerWheel, type TimerWheel, type WheelTimer } from '../../../src/core/timer-wheel.ts'

const TICK = 50

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

function run(wheel: TimerWheel) {
  const ran: (readonly [name: number, atMs: number])[] = []
  const start = (ms: number): WheelTimer => {
    const due = performance.now() + ms
    return wheel.start(ms, () => ran.push([due, performance.now()]))
  }
  return { ran, start }
}

test('each runs once, never before it is due and at most two ticks after, also beyond a turn of the wheel', () => {
  const wheel = createTimerWheel({ tickMs: TICK })
  const { ran, start } = run(wheel)
  const all = [0, 1, 49, 50, 51, 999, 1_000, 25_599, 25_600, 25_601, 26_000, 60_000, 600_000, 600_025]
  for (const ms of all) start(ms)
  vi.advanceTimersByTime(17)
  for (const ms of all) start(ms)
  expect(wheel.count()).toBe(2 * all.length)
  vi.advanceTimersByTime(700_000)
  expect(ran).toHaveLength(2 * all.length)
  for (const [due, at] of ran) {
    expect(at).toBeGreaterThanOrEqual(due)
    expect(at - due).toBeLessThanOrEqual(2 * TICK)
  }
  expect(wheel.count()).toBe(0)
})

test('they run in the order in which they are due', () => {
  const wheel = createTimerWheel({ tickMs: TICK })
  const { ran, start } = run(wheel)
  for (const ms of [40, 10, 30, 20, 200, 190, 5_000, 4_990]) start(ms)
  vi.advanceTimersByTime(6_000)
  const due = ran.map(([name]) => name)
  expect(due).toHaveLength(8)
  expect(due).toEqual(due.toSorted((one, other) => one - other))
})

test('one that is stopped never runs, whichever of a slot it is, and stopping it again does nothing', () => {
  const wheel = createTimerWheel({ tickMs: TICK })
  const { ran, start } = run(wheel)
  const [first, second, third] = [start(1_000), start(1_000), start(1_000), start(1_000)]
  for (const timer of [second, first, third, second]) if (timer !== undefined) wheel.stop(timer)
  expect(wheel.count()).toBe(1)
  vi.advanceTimersByTime(2_000)
  expect(ran).toHaveLength(1)
})

test('one may stop another that is due at the same moment, and start a new one', () => {
  const wheel = createTimerWheel({ tickMs: TICK })
  const ran: string[] = []
  const other = wheel.start(100, () => ran.push('stopped'))
  wheel.start(99, () => {
    wheel.stop(other)
    wheel.start(0, () => ran.push('new'))
    ran.push('one')
  })
  vi.advanceTimersByTime(1_000)
  expect(ran).toEqual(['one', 'new'])
})

test('while nothing waits there is no timer, and what comes later runs in its time', () => {
  const wheel = createTimerWheel({ tickMs: TICK })
  expect(vi.getTimerCount()).toBe(0)
  const { ran, start } = run(wheel)
  start(10)
  expect(vi.getTimerCount()).toBe(1)
  vi.advanceTimersByTime(1_000)
  expect(vi.getTimerCount()).toBe(0)
  vi.advanceTimersByTime(100_000)
  start(10)
  vi.advanceTimersByTime(2 * TICK + 10)
  expect(ran).toHaveLength(2)
})

test('a process that stood still runs all that became due, once', () => {
  const wheel = createTimerWheel({ tickMs: TICK })
  const { ran, start } = run(wheel)
  for (const ms of [100, 5_000, 26_000, 40_000]) start(ms)
  // The clock goes on, and no timer is called.
  vi.setSystemTime(Date.now() + 35_000)
  const now = performance.now()
  const still = vi.spyOn(performance, 'now').mockImplementation(() => now + 35_000)
  vi.advanceTimersToNextTimer()
  expect(ran).toHaveLength(3)
  still.mockRestore()
})

test('one that throws keeps none of the others from running', () => {
  const wheel = createTimerWheel({ tickMs: TICK })
  const { ran, start } = run(wheel)
  const thrown: (() => void)[] = []
  const microtasks = vi.spyOn(globalThis, 'queueMicrotask').mockImplementation(run => void thrown.push(run))
  wheel.start(10, () => {
    throw new Error('its own fault')
  })
  start(11)
  vi.advanceTimersByTime(200)
  microtasks.mockRestore()
  expect(ran).toHaveLength(1)
  expect(thrown).toHaveLength(1)
  expect(thrown[0]).toThrow('its own fault')
})

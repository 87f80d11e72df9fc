// Series that are bound once: they count exactly as the library does when it is asked each time, and fall back to it.
import { Counter, Histogram, Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { byKey, counterCell, histogramCell, lazily } from '../../../src/telemetry/metric-cells.ts'

const buckets = [0.005, 0.5, 1, 2.5, 10, 1_048_576]

function setUp() {
  const registry = new Registry()
  const seconds = new Histogram({
    name: 'seconds',
    help: 'h',
    labelNames: ['one', 'two'],
    buckets: [...buckets],
    registers: [registry],
  })
  const count = new Counter({ name: 'count', help: 'c', labelNames: ['one'], registers: [registry] })
  return { registry, seconds, count }
}

const values = [-1, 0, 0.004_9, 0.005, 0.005_1, 0.5, 1, 1.000_001, 2.5, 9, 10, 11, 1_048_576, 2e9]

test('a bound series shows what the library shows, for values within, on and beyond every bucket', async () => {
  const bound = setUp()
  const plain = setUp()
  for (const labels of [
    { one: 'a', two: 'b' },
    { one: 'a', two: 'c' },
  ]) {
    const cell = histogramCell(bound.seconds, { ...labels }, buckets)
    for (const value of values) {
      cell(value)
      plain.seconds.observe({ ...labels }, value)
    }
  }
  const cell = counterCell(bound.count, { one: 'a' })
  for (const by of [1, 2.5, 0]) {
    cell(by)
    plain.count.inc({ one: 'a' }, by)
  }
  expect(await bound.registry.metrics()).toBe(await plain.registry.metrics())
  expect(await bound.registry.getMetricsAsJSON()).toEqual(await plain.registry.getMetricsAsJSON())
})

test('what comes by way of the library afterwards is counted in the same series', async () => {
  const { registry, seconds, count } = setUp()
  const [cell, observed] = [counterCell(count, { one: 'a' }), histogramCell(seconds, {}, buckets)]
  cell(2)
  count.inc({ one: 'a' }, 3)
  observed(1)
  seconds.observe({}, 1)
  const text = await registry.metrics()
  expect(text).toContain('count{one="a"} 5\n')
  expect(text).toContain('seconds_count 2\n')
})

test('what the library refuses is refused', () => {
  const { seconds, count } = setUp()
  const [cell, observed] = [counterCell(count, { one: 'a' }), histogramCell(seconds, {}, buckets)]
  expect(() => cell(-1)).toThrow()
  expect(() => cell(Number.POSITIVE_INFINITY)).toThrow()
  expect(() => observed(Number.NaN)).toThrow()
})

test('a library that keeps its counts elsewhere is asked each time', async () => {
  const { registry, seconds, count } = setUp()
  // What this version has them in, hidden from whoever looks for it by its name.
  const hidden = new Proxy(count, {
    get: (of, name) => (name === 'hashMap' ? undefined : Reflect.get(of, name).bind(of)),
  })
  counterCell(hidden, { one: 'a' })(7)
  const observing = new Proxy(seconds, {
    get: (of, name) => (name === 'hashMap' ? {} : Reflect.get(of, name).bind(of)),
  })
  histogramCell(observing, { one: 'a' }, buckets)(7)
  const text = await registry.metrics()
  expect(text).toContain('count{one="a"} 7\n')
  expect(text).toContain('seconds_count{one="a"} 1\n')
})

test('a series is shown with its first use, and what belongs to a key is made once', async () => {
  const { registry, count } = setUp()
  const cells = byKey((one: string) => lazily(() => counterCell(count, { one })))
  const cell = cells('late')
  expect(await registry.metrics()).not.toContain('late')
  cell(1)
  cells('late')(1)
  expect(await registry.metrics()).toContain('count{one="late"} 2\n')
})

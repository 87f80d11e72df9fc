// Single series, bound once: to add to one, the library would hash and check its labels each time, which costs ten times as much.
import type { Counter, Histogram, LabelValues } from 'prom-client'

/** Adds to one series. */
export type Cell = (value: number) => void

/** Binds one series of a counter; it is there from now on, with nothing in it. */
export function counterCell<L extends string>(counter: Counter<L>, labels: LabelValues<L>): Cell {
  counter.inc(labels, 0)
  const record = recordOf(counter, labels)
  const add: Cell = by => counter.inc(labels, by)
  if (record === undefined || !('value' in record) || typeof record.value !== 'number') return add
  const own: { value: number } = Object.assign(record, { value: record.value })
  return by => {
    // What the library refuses, it shall refuse.
    if (by >= 0 && by < Number.POSITIVE_INFINITY) own.value += by
    else add(by)
  }
}

/** Binds one series of a histogram; it is there from now on, with nothing in it. */
export function histogramCell<L extends string>(
  histogram: Histogram<L>,
  labels: LabelValues<L>,
  buckets: readonly number[],
): Cell {
  histogram.zero(labels)
  const record = recordOf(histogram, labels)
  const observe: Cell = value => histogram.observe(labels, value)
  if (record === undefined || !isHistogramRecord(record)) return observe
  const { bucketValues } = record
  const names = buckets.map(String)
  if (names.some(name => bucketValues[name] !== 0)) return observe
  return value => {
    if (!Number.isFinite(value)) return observe(value)
    record.sum += value
    record.count += 1
    for (let at = 0; at < buckets.length; at += 1) {
      if (value > (buckets[at] ?? 0)) continue
      const name = names[at] ?? ''
      bucketValues[name] = (bucketValues[name] ?? 0) + 1
      return
    }
  }
}

/** Binds a series with its first use: one that is bound is shown. */
export function lazily(make: () => Cell): Cell {
  let cell: Cell | undefined
  return value => {
    cell ??= make()
    cell(value)
  }
}

/** Makes what belongs to a key when it is first asked for. Keys are bounded by what labels may say. */
export function byKey<K, V>(make: (key: K) => V): (key: K) => V {
  const made = new Map<K, V>()
  return key => {
    const found = made.get(key)
    if (found !== undefined) return found
    const value = make(key)
    made.set(key, value)
    return value
  }
}

interface HistogramRecord {
  sum: number
  count: number
  readonly bucketValues: Record<string, number>
}

function isHistogramRecord(record: object): record is HistogramRecord {
  return (
    Reflect.get(record, 'sum') === 0 &&
    Reflect.get(record, 'count') === 0 &&
    typeof Reflect.get(record, 'bucketValues') === 'object'
  )
}

/**
 * What the library itself counts a series in, which it does not give away: it is found by the labels that it was made with.
 * Undefined, and all goes its slower way, if a later version keeps it elsewhere.
 */
function recordOf(metric: object, labels: object): object | undefined {
  const all: unknown = Reflect.get(metric, 'hashMap')
  if (typeof all !== 'object' || all === null) return undefined
  return Object.values(all).find(
    (one: unknown) => typeof one === 'object' && one !== null && 'labels' in one && one.labels === labels,
  )
}

// Makes the library's objects from the table of metrics, each in the registry of its process.
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { MetricRow } from './metric-table.ts'

type LabelOf<R extends MetricRow> = R['labels'][number]

/** Makes a counter. */
export function counter<const R extends MetricRow & { readonly type: 'counter' }>(
  registry: Registry,
  { name, help, labels }: R,
): Counter<LabelOf<R>> {
  return new Counter({ name, help, labelNames: [...labels], registers: [registry] })
}

/** Makes a gauge; `collect` is called at each scrape and may wait. */
export function gauge<const R extends MetricRow & { readonly type: 'gauge' }>(
  registry: Registry,
  { name, help, labels }: R,
  collect?: (gauge: Gauge<LabelOf<R>>) => void | Promise<void>,
): Gauge<LabelOf<R>> {
  const made: Gauge<LabelOf<R>> = new Gauge({
    name,
    help,
    labelNames: [...labels],
    registers: [registry],
    ...(collect === undefined ? {} : { collect: () => collect(made) }),
  })
  return made
}

/** Makes a histogram. */
export function histogram<
  const R extends MetricRow & { readonly type: 'histogram'; readonly buckets: readonly number[] },
>(registry: Registry, { name, help, labels, buckets }: R): Histogram<LabelOf<R>> {
  return new Histogram({ name, help, labelNames: [...labels], buckets: [...buckets], registers: [registry] })
}

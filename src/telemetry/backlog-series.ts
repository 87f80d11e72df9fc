// The metrics of what has not arrived in the Supabase project.
import type { Registry } from 'prom-client'
import { gauge } from './metric-series.ts'
import { METRICS } from './metric-table.ts'

/** What has not arrived in the project. */
export interface Backlog {
  readonly backlogRows: number
  /** Age of the oldest of them, in milliseconds. */
  readonly backlogAgeMs: number
  /** Rows that the project will never take. */
  readonly deadLetters: number
}

/** Adds the gauges, which ask at each scrape. */
export function addBacklogSeries(registry: Registry, backlog: () => Promise<Backlog>): void {
  gauge(registry, METRICS.backlogRows, async one => one.set((await backlog()).backlogRows))
  gauge(registry, METRICS.backlogAge, async one => one.set((await backlog()).backlogAgeMs / 1000))
  gauge(registry, METRICS.deadLetters, async one => one.set((await backlog()).deadLetters))
}

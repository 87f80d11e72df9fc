// The metrics of what has not arrived in the Supabase project.
import { Gauge, type Registry } from 'prom-client'

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
  const add = (name: string, help: string, read: (now: Backlog) => number): Gauge =>
    new Gauge({
      name,
      help,
      registers: [registry],
      async collect() {
        this.set(read(await backlog()))
      },
    })
  add('exai_outbox_rows', 'Changes that have not arrived in the Supabase project.', now => now.backlogRows)
  add(
    'exai_outbox_age_seconds',
    'Age of the oldest change that has not arrived in the Supabase project.',
    now => now.backlogAgeMs / 1000,
  )
  add('exai_outbox_dead_rows', 'Changes that the Supabase project refuses for good.', now => now.deadLetters)
}

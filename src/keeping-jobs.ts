// What has to be done from time to time for what is kept: forgetting what has expired, and giving room back to the disk.
import type { Clock } from './core/clock.ts'
import type { Job } from './core/job.ts'
import type { SqliteStore } from './stores/sqlite/store.ts'
import type { ProjectUpkeep } from './stores/supabase/upkeep.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

/** Rows of one step: a step is one transaction, and commits wait for it. */
const ROWS = 200
/** Pages of 4 KiB of one step. */
const PAGES = 256

/** The jobs of an embedded store. Each store is one process's own, so each process does them. */
export function storeJobs(store: Pick<SqliteStore, 'conversations' | 'marks' | 'compact'>): readonly Job[] {
  return [
    job('expire_conversations', MINUTE_MS, ROWS, limit => store.conversations.expire(limit)),
    job('expire_marks', MINUTE_MS, ROWS, limit => store.marks.expire(limit)),
    job('compact', 10 * MINUTE_MS, PAGES, limit => store.compact(limit)),
  ]
}

/** The jobs of a project. One process does them for all. */
export function projectJobs(upkeep: ProjectUpkeep, clock: Clock): readonly Job[] {
  return [
    {
      name: 'make_partitions',
      everyMs: 6 * HOUR_MS,
      isOwned: true,
      run: signal => upkeep.makePartitions(signal),
    },
    {
      name: 'rollup_usage',
      everyMs: HOUR_MS,
      isOwned: true,
      // Yesterday, too: what ended before midnight may have arrived after it.
      run: signal => upkeep.rollUp(clock.now() - 24 * HOUR_MS, clock.now(), signal),
    },
  ]
}

/** Takes small steps until one does less than it may. */
function job(name: string, everyMs: number, limit: number, step: (limit: number) => Promise<number>): Job {
  return {
    name,
    everyMs,
    isOwned: false,
    async run(signal) {
      while (!signal.aborted && (await step(limit)) >= limit);
    },
  }
}

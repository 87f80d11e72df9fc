// What has to be done from time to time for what is kept: forgetting what has expired, and giving room back to the disk.
import type { Job } from './core/job.ts'
import type { SqliteStore } from './stores/sqlite/store.ts'

const MINUTE_MS = 60_000

/** Rows of one step: a step is one transaction, and commits wait for it. */
const ROWS = 200
/** Pages of 4 KiB of one step. */
const PAGES = 256

/** The jobs of an embedded store. Each store is one process's own, so each process does them. */
export function storeJobs(
  store: Pick<SqliteStore, 'conversations' | 'files' | 'marks' | 'compact'>,
): readonly Job[] {
  return [
    job('expire_conversations', MINUTE_MS, ROWS, limit => store.conversations.expire(limit)),
    job('expire_files', MINUTE_MS, ROWS, limit => store.files.expire(limit)),
    job('expire_marks', MINUTE_MS, ROWS, limit => store.marks.expire(limit)),
    job('compact', 10 * MINUTE_MS, PAGES, limit => store.compact(limit)),
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

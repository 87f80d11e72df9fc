// Gathers writes into commits: whatever came while the disk was busy goes together, because it takes as long for one as for all.
import type { Database } from './driver.ts'
import { faultOf } from './faults.ts'
import type { Answer } from './protocol.ts'

/** The most writes of one commit. */
const GATHERED_MAX = 256

/** A write that waits. */
export interface Write {
  readonly id: number
  /** Runs within a transaction; may run a second time, after the first one was rolled back. */
  run(): unknown
}

/** Commits writes in the order in which they come. */
export interface Committer {
  add(write: Write): void
  /** Commits what waits now. */
  flush(): void
}

/** Makes a committer. Answers come when they are safe, those of one commit together. */
export function createCommitter(db: Database, answered: (answers: readonly Answer[]) => void): Committer {
  const waiting: Write[] = []
  let isScheduled = false

  function flush(): void {
    while (waiting.length > 0) answered(together(db, waiting.splice(0, GATHERED_MAX)))
  }

  return {
    add(write) {
      waiting.push(write)
      if (isScheduled) return
      isScheduled = true
      // Not after some time: a slow disk gathers by itself, and a fast one has nothing to wait for.
      setImmediate(() => {
        isScheduled = false
        flush()
      })
    },
    flush,
  }
}

function together(db: Database, writes: readonly Write[]): readonly Answer[] {
  try {
    db.exec('BEGIN IMMEDIATE')
  } catch (error) {
    // Another process holds the file: each one alone would wait for it as long again.
    return failed(writes, error)
  }
  try {
    const answers = writes.map(({ id, run }) => ({ id, output: run() }))
    db.exec('COMMIT')
    return answers
  } catch (error) {
    // A full disk has already rolled it back.
    if (db.inTransaction()) db.exec('ROLLBACK')
    if (writes.length === 1) return failed(writes, error)
    // One of them spoiled it for all: each on its own, then only that one fails.
    return writes.flatMap(write => together(db, [write]))
  }
}

function failed(writes: readonly Write[], error: unknown): readonly Answer[] {
  const fault = faultOf(error)
  return writes.map(({ id }) => ({ id, fault }))
}

// Opens the database: one connection that writes and one that reads, with the settings that make a commit last.
import { type Database, openDatabase } from './driver.ts'
import { migrate } from './schema.ts'

/** How long one process waits for another one's commit, in milliseconds. */
const BUSY_TIMEOUT_MS = 5_000

/** Where the database is, and how large it may grow. */
export interface DatabasePlace {
  /** Path of the file, or `:memory:` for one that nobody sees after the process. */
  readonly path: string
  /** The most bytes of the file, the write-ahead log not counted; absent: what the disk has. */
  readonly maxBytes?: number
}

/** The two connections. What is read is what has been committed. */
export interface Connections {
  readonly writes: Database
  readonly reads: Database
  close(): void
}

/** Opens the database and brings it to today's schema. */
export function openConnections({ path, maxBytes }: DatabasePlace): Connections {
  const writes = openDatabase({ path, readOnly: false, busyTimeoutMs: BUSY_TIMEOUT_MS })
  try {
    // Before the first table, or it has no effect.
    writes.exec('PRAGMA auto_vacuum = INCREMENTAL')
    writes.exec('PRAGMA journal_mode = WAL')
    // With NORMAL a power failure takes the last commits along.
    writes.exec('PRAGMA synchronous = FULL')
    writes.exec('PRAGMA wal_autocheckpoint = 1000')
    // A log that grew in a burst is cut back to this many bytes.
    writes.exec('PRAGMA journal_size_limit = 67108864')
    migrate(writes)
    if (maxBytes !== undefined) writes.exec(`PRAGMA max_page_count = ${pagesOf(writes, maxBytes)}`)
    const reads = path === ':memory:' ? writes : openReads({ path })
    return {
      writes,
      reads,
      close() {
        if (reads !== writes) reads.close()
        writes.close()
      },
    }
  } catch (error) {
    writes.close()
    throw error
  }
}

/** Opens a database that somebody else has brought to today's schema, for reading only. */
export function openReads({ path }: DatabasePlace): Database {
  return openDatabase({ path, readOnly: true, busyTimeoutMs: BUSY_TIMEOUT_MS })
}

/** Gives at most so many free pages back to the disk; how many it gave. */
export function compact(database: Database, pages: number): number {
  const free = (): number => Number(database.get('PRAGMA freelist_count')?.['freelist_count'])
  const before = free()
  database.exec(`PRAGMA incremental_vacuum(${Math.trunc(pages)})`)
  return before - free()
}

function pagesOf(database: Database, bytes: number): number {
  return Math.max(1, Math.floor(bytes / Number(database.get('PRAGMA page_size')?.['page_size'])))
}

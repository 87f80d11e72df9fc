// An outbox in memory: what a drainer is tested with, and what a test can look into.
import type { Outbox, OutboxEntry, OutboxTable } from '../../src/core/outbox.ts'

/** The columns of a row; undefined when it is deleted. */
export type MemoryRow = NonNullable<OutboxEntry['row']> | undefined

/** An outbox with a door for the test. */
export interface MemoryOutbox extends Outbox {
  /** Sets a row, or deletes it, and notes the change. */
  change(table: OutboxTable, id: string, row: MemoryRow): void
  /** Places that wait. */
  waiting(): readonly number[]
  /** What was set aside: the place and the reason. */
  dead(): readonly (readonly [number, string])[]
  /** Everything that is asked of it fails from now on, or no longer. */
  fail(error: Error | undefined): void
}

/** Makes an empty one. Like a real one it gives each change the row as it is when it is read. */
export function createMemoryOutbox(): MemoryOutbox {
  const notes: { readonly sequence: number; readonly table: OutboxTable; readonly id: string }[] = []
  const rows = new Map<string, MemoryRow>()
  const dead: (readonly [number, string])[] = []
  let sequence = 0
  let failure: Error | undefined

  const check = (): void => {
    if (failure !== undefined) throw failure
  }
  const take = (gone: number): void => {
    const index = notes.findIndex(note => note.sequence === gone)
    if (index >= 0) notes.splice(index, 1)
  }
  return {
    change(table, id, row) {
      sequence += 1
      rows.set(`${table} ${id}`, row)
      notes.push({ sequence, table, id })
    },
    waiting: () => notes.map(note => note.sequence),
    dead: () => dead,
    fail(error) {
      failure = error
    },
    async peek(limit, maxBytes) {
      check()
      const entries: OutboxEntry[] = []
      let bytes = 0
      for (const note of notes.slice(0, limit)) {
        const row = rows.get(`${note.table} ${note.id}`)
        for (const value of Object.values(row ?? {})) bytes += String(value).length
        if (entries.length > 0 && bytes > maxBytes) break
        entries.push({ ...note, ...(row !== undefined && { row }) })
      }
      return entries
    },
    async done(sequences) {
      check()
      for (const each of sequences) take(each)
    },
    async bury(gone, reason) {
      check()
      take(gone)
      dead.push([gone, reason])
    },
    async size() {
      check()
      return { entries: notes.length, dead: dead.length, ...(notes.length > 0 && { oldestAt: 0 }) }
    },
  }
}

// The outbox: notes what has to be sent in the transaction that changes it, and gives it out in order.
import { OUTBOX_TABLES, type OutboxEntry, type OutboxSize, type OutboxTable } from '../../core/outbox.ts'
import type { Database, Row } from './driver.ts'

/** Notes changes that have to be sent. */
export interface Sending {
  note(db: Database, table: OutboxTable, id: string, now: number): void
}

/** What notes nothing: there is nobody to send to. */
export const sendsNothing: Sending = {
  note() {
    // Rows that nobody takes out would only grow.
  },
}

/** What notes every change. */
export const sendsAll: Sending = {
  note(db, table, id, now) {
    db.run('INSERT INTO outbox (table_name, id, created_at) VALUES (?, ?, ?)', table, id, now)
  },
}

const LEDGER = `id, response_id, request_id, tenant, subject, conversation_id, requested_model, provider, model,
  key_label, outcome, reason, input_tokens, cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens,
  provenance, cost_known, price_version, cost, started_at, ended_at`

// Money may be beyond 2^53, so it is read as text.
const ROWS: Readonly<Record<OutboxTable, string>> = {
  conversations: 'SELECT * FROM conversations WHERE id = ?',
  messages: 'SELECT * FROM messages WHERE id = ?',
  ledger: `SELECT ${LEDGER}, CAST(nano_usd AS TEXT) AS nano_usd,
    coalesce((SELECT cause FROM ledger_causes AS causes WHERE causes.id = ledger.id), '') AS cause
    FROM ledger WHERE id = ?`,
  blobs: 'SELECT * FROM blobs WHERE key = ?',
  files: 'SELECT * FROM files WHERE id = ?',
  api_keys: 'SELECT * FROM api_keys WHERE id = ?',
  audit_log: 'SELECT * FROM audit_log WHERE id = ?',
}

/**
 * Notes everything that is kept when there was nobody to send to before, so that whoever comes to it later gets all of it.
 * What was noted and not sent stays, for the day on which somebody is there again.
 */
export function useOutbox(db: Database, isUsed: boolean, now: number): void {
  db.exec('BEGIN IMMEDIATE')
  try {
    const wasUsed = db.get('SELECT in_use FROM outbox_use')?.['in_use'] === 1
    if (wasUsed !== isUsed) db.run('UPDATE outbox_use SET in_use = ?', isUsed ? 1 : 0)
    for (const table of isUsed && !wasUsed ? OUTBOX_TABLES : []) {
      const key = table === 'blobs' ? 'key' : 'id'
      db.run(`INSERT INTO outbox (table_name, id, created_at) SELECT ?, ${key}, ? FROM ${table}`, table, now)
    }
    db.exec('COMMIT')
  } catch (error) {
    if (db.inTransaction()) db.exec('ROLLBACK')
    throw error
  }
}

/** The oldest entries with their rows. */
export function peekOutbox(db: Database, limit: number, maxBytes: number): readonly OutboxEntry[] {
  const entries: OutboxEntry[] = []
  let bytes = 0
  for (const { sequence, table_name, id } of db.all(
    'SELECT * FROM outbox ORDER BY sequence LIMIT ?',
    limit,
  )) {
    const table = tableOf(table_name)
    const row = db.get(ROWS[table], String(id))
    bytes += row === undefined ? 0 : bytesOf(row)
    if (entries.length > 0 && bytes > maxBytes) break
    entries.push({
      sequence: Number(sequence),
      table,
      id: String(id),
      ...(row === undefined ? {} : { row: { ...row } }),
    })
  }
  return entries
}

/** Things that are also read from where they were sent to. */
export type SeenTable = 'conversations' | 'files'

const SEEN: Readonly<Record<SeenTable, string>> = {
  conversations: `SELECT id FROM conversations WHERE id IN (SELECT value FROM json_each(?1))
    UNION SELECT id FROM outbox WHERE table_name = 'conversations' AND id IN (SELECT value FROM json_each(?1))`,
  files: `SELECT id FROM files WHERE id IN (SELECT value FROM json_each(?1))
    UNION SELECT id FROM outbox WHERE table_name = 'files' AND id IN (SELECT value FROM json_each(?1))`,
}

/** Which of these this store knows itself: it has them, or has deleted them and still has to tell so. */
export function seenOf(db: Database, table: SeenTable, ids: readonly string[]): readonly string[] {
  return db.all(SEEN[table], JSON.stringify(ids)).map(({ id }) => String(id))
}

/** Takes out what was sent. */
export function outboxDone(db: Database, sequences: readonly number[]): void {
  for (const sequence of sequences) db.run('DELETE FROM outbox WHERE sequence = ?', sequence)
}

/** Sets an entry aside. */
export function buryOutbox(db: Database, sequence: number, reason: string): void {
  db.run(
    `INSERT INTO outbox_dead SELECT sequence, table_name, id, created_at, ? FROM outbox WHERE sequence = ?
       ON CONFLICT (sequence) DO NOTHING`,
    reason,
    sequence,
  )
  db.run('DELETE FROM outbox WHERE sequence = ?', sequence)
}

/** How much waits. */
export function outboxSize(db: Database): OutboxSize {
  const row = db.get(
    'SELECT (SELECT count(*) FROM outbox) AS entries, (SELECT count(*) FROM outbox_dead) AS dead, (SELECT created_at FROM outbox ORDER BY sequence LIMIT 1) AS oldest',
  )
  const oldest = row?.['oldest']
  return {
    entries: Number(row?.['entries']),
    dead: Number(row?.['dead']),
    ...(typeof oldest === 'number' ? { oldestAt: oldest } : {}),
  }
}

function tableOf(name: unknown): OutboxTable {
  const table = OUTBOX_TABLES.find(one => one === name)
  if (table === undefined) throw new TypeError(`unknown outbox table ${String(name)}`)
  return table
}

function bytesOf(row: Row): number {
  return Object.values(row).reduce<number>(
    (sum, value) => sum + (typeof value === 'string' ? value.length : 8),
    0,
  )
}

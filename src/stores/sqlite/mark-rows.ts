// Sets, reads and expires marks; they end with their settlement.
import type { Mark, Marked } from '../../core/marks.ts'
import { type Database, type Row, wholeMs } from './driver.ts'

/** Sets a mark unless its key has one that has not expired. */
export function beginMark(db: Database, mark: Mark, now: number): Marked | undefined {
  const { responseId, tenant, key, fingerprint, owner, expiresAt } = mark
  if (key !== '') {
    db.run('DELETE FROM marks WHERE tenant = ? AND key = ? AND expires_at <= ?', tenant, key, now)
    const there = markByKey(db, tenant, key, now)
    if (there !== undefined) return there
  }
  db.run(
    'INSERT INTO marks VALUES (?, ?, ?, ?, ?, NULL, ?)',
    responseId,
    tenant,
    key,
    fingerprint,
    owner,
    wholeMs(expiresAt),
  )
  return undefined
}

/** The mark under a key. */
export function markByKey(db: Database, tenant: string, key: string, now: number): Marked | undefined {
  return markedOf(
    db.get(
      `SELECT * FROM marks WHERE tenant = ? AND key = ? AND key <> '' AND expires_at > ?`,
      tenant,
      key,
      now,
    ),
  )
}

/** The mark of an answer. */
export function markByResponse(
  db: Database,
  tenant: string,
  responseId: string,
  now: number,
): Marked | undefined {
  return markedOf(
    db.get(
      'SELECT * FROM marks WHERE response_id = ? AND tenant = ? AND expires_at > ?',
      responseId,
      tenant,
      now,
    ),
  )
}

/** Forgets the mark of an answer. */
export function freeMark(db: Database, responseId: string): void {
  db.run('DELETE FROM marks WHERE response_id = ?', responseId)
}

/** Forgets marks that have expired. */
export function expireMarks(db: Database, now: number, limit: number): number {
  return db.run(
    'DELETE FROM marks WHERE response_id IN (SELECT response_id FROM marks WHERE expires_at <= ? LIMIT ?)',
    now,
    limit,
  )
}

function markedOf(row: Row | undefined): Marked | undefined {
  if (row === undefined) return undefined
  const body = row['body']
  const mark = {
    responseId: String(row['response_id']),
    tenant: String(row['tenant']),
    key: String(row['key']),
    fingerprint: String(row['fingerprint']),
    owner: String(row['owner']),
    expiresAt: Number(row['expires_at']),
  }
  return body instanceof Uint8Array ? { ...mark, state: 'ended', body } : { ...mark, state: 'running' }
}

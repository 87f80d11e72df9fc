// What is known of bytes: their text, their copies at providers, and when they can be freed.
import type { CopyClaim, CopyKey, DueBlob, RemoteCopy } from '../../core/files.ts'
import { type Database, wholeMs } from './driver.ts'
import type { Sending } from './sending.ts'

/** What was read of a blob. */
export type ReadText =
  | { readonly state: 'ready'; readonly tokens: number; readonly text: string }
  | { readonly state: 'none' | 'failed' }

/** Keeps what was read of a blob. */
export function putText(db: Database, blobKey: string, read: ReadText, sending: Sending, now: number): void {
  const changed = db.run(
    'UPDATE blobs SET text_state = ?, text_tokens = ? WHERE key = ? AND due_at IS NULL',
    read.state,
    read.state === 'ready' ? read.tokens : 0,
    blobKey,
  )
  if (changed === 0) return
  if (read.state === 'ready') db.run('INSERT OR REPLACE INTO blob_texts VALUES (?, ?)', blobKey, read.text)
  sending.note(db, 'blobs', blobKey, now)
}

/** What was read of a file. */
export function fileText(db: Database, tenant: string, id: string, now: number): string | undefined {
  const row = db.get(
    `SELECT text FROM blob_texts JOIN files ON files.blob_key = blob_texts.blob_key
       WHERE files.id = ? AND files.tenant = ? AND (files.expires_at IS NULL OR files.expires_at > ?)`,
    id,
    tenant,
    now,
  )
  return row === undefined ? undefined : String(row['text'])
}

/** Blobs whose text has still to be read. */
export function unreadBlobs(db: Database, limit: number): readonly { blobKey: string; mimeType: string }[] {
  return db
    .all(
      `SELECT key, mime_type FROM blobs WHERE text_state = 'pending' AND due_at IS NULL ORDER BY created_at LIMIT ?`,
      limit,
    )
    .map(row => ({ blobKey: String(row['key']), mimeType: String(row['mime_type']) }))
}

/** Gives a copy that is there, or the right to make one. */
export function claimCopy(
  db: Database,
  { blobKey, provider, account }: CopyKey,
  leaseMs: number,
  now: number,
): CopyClaim {
  if (db.get('SELECT 1 FROM blobs WHERE key = ? AND due_at IS NULL', blobKey) === undefined)
    return { state: 'gone' }
  const row = db.get(
    'SELECT * FROM copies WHERE blob_key = ? AND provider = ? AND account = ?',
    blobKey,
    provider,
    account,
  )
  const { remote_id: remoteId, expires_at: expiresAt } = row ?? {}
  if (typeof remoteId === 'string' && (typeof expiresAt !== 'number' || expiresAt > now)) {
    return { state: 'ready', remoteId, ...(typeof expiresAt === 'number' ? { expiresAt } : {}) }
  }
  const until = Number(row?.['leased_until'] ?? 0)
  if (typeof remoteId !== 'string' && until > now) return { state: 'busy', until }
  db.run(
    'INSERT OR REPLACE INTO copies VALUES (?, ?, ?, NULL, ?, NULL)',
    blobKey,
    provider,
    account,
    wholeMs(now + leaseMs),
  )
  return { state: 'ours' }
}

/** Accounts that have a usable copy of any of these blobs, those with the most first. */
export function copyOwners(
  db: Database,
  provider: string,
  blobKeys: readonly string[],
  now: number,
): readonly string[] {
  return db
    .all(
      `SELECT account FROM copies JOIN blobs ON blobs.key = copies.blob_key
         WHERE copies.blob_key IN (SELECT value FROM json_each(?)) AND provider = ? AND remote_id IS NOT NULL
           AND (expires_at IS NULL OR expires_at > ?) AND due_at IS NULL
         GROUP BY account ORDER BY count(*) DESC, account`,
      JSON.stringify(blobKeys),
      provider,
      now,
    )
    .map(row => String(row['account']))
}

/** Keeps a copy that was made. */
export function keepCopy(
  db: Database,
  { blobKey, provider, account }: CopyKey,
  { remoteId, expiresAt }: RemoteCopy,
): void {
  // A blob that was forgotten meanwhile has nothing to hold the copy: it is the provider's to let expire.
  db.run(
    `INSERT OR REPLACE INTO copies SELECT key, ?, ?, ?, 0, ? FROM blobs WHERE key = ?`,
    provider,
    account,
    remoteId,
    expiresAt === undefined ? null : wholeMs(expiresAt),
    blobKey,
  )
}

/** Forgets a copy. */
export function dropCopy(db: Database, { blobKey, provider, account }: CopyKey): void {
  db.run('DELETE FROM copies WHERE blob_key = ? AND provider = ? AND account = ?', blobKey, provider, account)
}

/** Bytes that are to be freed, with their copies. */
export function dueBlobs(db: Database, limit: number): readonly DueBlob[] {
  return db
    .all('SELECT key FROM blobs WHERE due_at IS NOT NULL ORDER BY due_at, key LIMIT ?', limit)
    .map(row => ({
      key: String(row['key']),
      copies: db
        .all('SELECT * FROM copies WHERE blob_key = ? AND remote_id IS NOT NULL', String(row['key']))
        .map(copy => ({
          provider: String(copy['provider']),
          account: String(copy['account']),
          remoteId: String(copy['remote_id']),
        })),
    }))
}

/** Forgets a blob whose bytes are gone. */
export function forgetBlob(db: Database, blobKey: string, sending: Sending, now: number): boolean {
  db.run('DELETE FROM copies WHERE blob_key = ? AND remote_id IS NULL AND leased_until <= ?', blobKey, now)
  const changed = db.run(
    'DELETE FROM blobs WHERE key = ?1 AND due_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM copies WHERE blob_key = ?1)',
    blobKey,
  )
  if (changed > 0) sending.note(db, 'blobs', blobKey, now)
  return changed > 0
}

/** Which of these nobody has ever heard of. */
export function unknownBlobs(db: Database, blobKeys: readonly string[]): readonly string[] {
  return blobKeys.filter(key => db.get('SELECT 1 FROM blobs WHERE key = ?', key) === undefined)
}

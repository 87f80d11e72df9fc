// Keeps, reads, lists and deletes files; bytes are due when no file needs them any more.
import { GatewayError } from '../../core/errors.ts'
import {
  type ExpiredFile,
  type FileFilter,
  fileTextOf,
  type NewFile,
  type StoredFile,
} from '../../core/files.ts'
import type { Page, PageQuery } from '../../core/page.ts'
import { pageOf } from './conversation-rows.ts'
import { type Database, type Row, type Value, wholeMs } from './driver.ts'
import type { Sending } from './sending.ts'

const FOUND = `SELECT files.*, blobs.sha256, blobs.size_bytes, blobs.text_state, blobs.text_tokens
  FROM files JOIN blobs ON blobs.key = files.blob_key`
const LIVE = '(files.expires_at IS NULL OR files.expires_at > ?)'

/** Keeps a file; its bytes are those that the tenant has already, if there are the same ones. */
export function addFile(db: Database, file: NewFile, sending: Sending, now: number): StoredFile {
  const { id, tenant, sha256, sizeBytes, quotaBytes } = file
  const there = getFile(db, tenant, id, now)
  // The same upload, told again.
  if (there !== undefined) return there
  const known = db.get(
    'SELECT key FROM blobs WHERE tenant = ? AND sha256 = ? AND due_at IS NULL',
    tenant,
    sha256,
  )
  const blobKey = known === undefined ? file.blobKey : String(known['key'])
  if (known === undefined) {
    if (quotaBytes !== undefined && usedBytes(db, tenant) + sizeBytes > quotaBytes) {
      throw new GatewayError(
        'STORAGE_FULL',
        `the files of this tenant may have ${quotaBytes} bytes: delete some first`,
      )
    }
    db.run(
      'INSERT INTO blobs VALUES (?, ?, ?, ?, ?, ?, NULL, ?, ?)',
      blobKey,
      tenant,
      sha256,
      sizeBytes,
      file.mimeType,
      now,
      file.text.state,
      file.text.state === 'ready' ? file.text.tokens : 0,
    )
    sending.note(db, 'blobs', blobKey, now)
  }
  db.run(
    'INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
    id,
    tenant,
    blobKey,
    file.filename,
    file.filename.toLowerCase(),
    file.mimeType,
    file.purpose,
    JSON.stringify(file.metadata),
    wholeMs(file.createdAt),
    file.expiresAt === undefined ? null : wholeMs(file.expiresAt),
  )
  sending.note(db, 'files', id, now)
  const stored = db.get(`${FOUND} WHERE files.id = ?`, id)
  if (stored === undefined) throw new TypeError('a row that was written is missing')
  return fileOf(stored)
}

/** A file of a tenant. */
export function getFile(db: Database, tenant: string, id: string, now: number): StoredFile | undefined {
  const row = db.get(`${FOUND} WHERE files.id = ? AND files.tenant = ? AND ${LIVE}`, id, tenant, now)
  return row === undefined ? undefined : fileOf(row)
}

/** A page of a tenant's files that fit. */
export function listFiles(db: Database, query: PageQuery & FileFilter, now: number): Page<StoredFile> {
  const conditions = ['files.tenant = ?', 'files.id < ?', LIVE]
  // Above every id: those end in lower-case hexadecimal digits.
  const values: Value[] = [query.tenant, query.after ?? '~', now]
  function keep(condition: string, ...more: readonly (Value | undefined)[]): void {
    const given = more.filter(value => value !== undefined)
    if (given.length < more.length) return
    conditions.push(condition)
    values.push(...given)
  }
  keep('instr(files.filename_folded, ?) > 0', query.filenameContains?.toLowerCase())
  if (query.mimeType?.endsWith('/*') === true)
    keep('instr(files.mime_type, ?) = 1', query.mimeType.slice(0, -1))
  else keep('files.mime_type = ?', query.mimeType)
  keep('files.purpose = ?', query.purpose)
  keep('blobs.sha256 = ?', query.sha256)
  keep('files.created_at >= ?', query.createdFrom)
  keep('files.created_at < ?', query.createdBefore)
  for (const [key, value] of Object.entries(query.metadata ?? {})) {
    keep(
      'EXISTS (SELECT 1 FROM json_each(files.metadata) AS label WHERE label.key = ? AND label.value = ?)',
      key,
      value,
    )
  }
  const rows = db.all(
    `${FOUND} WHERE ${conditions.join(' AND ')} ORDER BY files.id DESC LIMIT ?`,
    ...values,
    query.limit + 1,
  )
  return pageOf(rows.map(fileOf), query.limit)
}

/** Deletes a file of a tenant. */
export function deleteFile(
  db: Database,
  input: { tenant: string; id: string; now: number },
  sending: Sending,
): boolean {
  const file = getFile(db, input.tenant, input.id, input.now)
  if (file === undefined) return false
  drop(db, file.id, file.blobKey, sending, input.now)
  return true
}

/** Deletes files that have expired, and gives them. */
export function expireFiles(
  db: Database,
  now: number,
  limit: number,
  sending: Sending,
): readonly ExpiredFile[] {
  const files = db.all(`${FOUND} WHERE files.expires_at <= ? LIMIT ?`, now, limit).map(fileOf)
  for (const { id, blobKey } of files) drop(db, id, blobKey, sending, now)
  return files.map(({ tenant, id, mimeType, sizeBytes }) => ({ tenant, id, mimeType, sizeBytes }))
}

/** Bytes of a tenant. */
export function usedBytes(db: Database, tenant: string): number {
  return Number(db.get('SELECT bytes FROM tenant_bytes WHERE tenant = ?', tenant)?.['bytes'] ?? 0)
}

function drop(db: Database, id: string, blobKey: string, sending: Sending, now: number): void {
  db.run('DELETE FROM files WHERE id = ?', id)
  sending.note(db, 'files', id, now)
  const changed = db.run(
    'UPDATE blobs SET due_at = ?2 WHERE key = ?1 AND due_at IS NULL AND NOT EXISTS (SELECT 1 FROM files WHERE blob_key = ?1)',
    blobKey,
    now,
  )
  if (changed > 0) sending.note(db, 'blobs', blobKey, now)
}

function fileOf(row: Row): StoredFile {
  const expiresAt = row['expires_at']
  return {
    id: String(row['id']),
    tenant: String(row['tenant']),
    filename: String(row['filename']),
    mimeType: String(row['mime_type']),
    sizeBytes: Number(row['size_bytes']),
    sha256: String(row['sha256']),
    blobKey: String(row['blob_key']),
    createdAt: Number(row['created_at']),
    ...(typeof expiresAt === 'number' ? { expiresAt } : {}),
    // Written by this store as JSON of exactly these.
    metadata: JSON.parse(String(row['metadata'])) as Readonly<Record<string, string>>,
    purpose: String(row['purpose']),
    text: fileTextOf(String(row['text_state']), Number(row['text_tokens'])),
  }
}

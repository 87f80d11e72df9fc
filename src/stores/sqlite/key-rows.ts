// Keeps, finds and changes API keys, and writes the audit log in the same transaction.
import {
  type AuditEntry,
  type KeptKey,
  type KeyFilter,
  type KeyStanding,
  type StoredKey,
  standingOf,
} from '../../core/keys.ts'
import type { Page, PageQuery } from '../../core/page.ts'
import { pageOf } from './conversation-rows.ts'
import { type Database, type Row, type Value, wholeMs } from './driver.ts'
import type { Sending } from './sending.ts'

/** A use that is so much later than the noted one is worth a write, in milliseconds. */
const USE_NOTED_EVERY_MS = 60_000

/** A change of a key; `known` is the key as another store has it, in case this one has none or an older one. */
interface Change {
  readonly id: string
  readonly at: number
  readonly entry: AuditEntry
  readonly known: KeptKey | null
}

/** Replaces a secret. */
export interface RotateInput extends Change {
  readonly hash: Uint8Array
  readonly secretPrefix: string
}

/** Ends a key. */
export type RevokeInput = Change

/** A key that was accepted. */
export interface KeyUse {
  readonly id: string
  readonly at: number
}

/** Keeps a new key; one that is there already stays as it is. */
export function addKey(db: Database, key: StoredKey, entry: AuditEntry, sending: Sending): void {
  if (insertKey(db, { ...key, version: 1 }, 'NOTHING') === 0) return
  sending.note(db, 'api_keys', key.id, wholeMs(entry.at))
  addAudit(db, entry, sending)
}

/** The key with a hash. */
export function keyByHash(db: Database, hash: Uint8Array): KeptKey | undefined {
  return keyOf(db.get('SELECT * FROM api_keys WHERE hash = ?', hash))
}

/** The key with an id. */
export function getKey(db: Database, id: string): KeptKey | undefined {
  return keyOf(db.get('SELECT * FROM api_keys WHERE id = ?', id))
}

const STANDINGS: Readonly<Record<KeyStanding, string>> = {
  active: '(revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?1))',
  expired: '(revoked_at IS NULL AND expires_at <= ?1)',
  revoked: 'revoked_at IS NOT NULL',
}

/** A page of keys that fit. */
export function listKeys(
  db: Database,
  { tenant, standings, after, limit }: PageQuery & KeyFilter,
  now: number,
): Page<KeptKey> {
  // Above every id: those end in lower-case hexadecimal digits.
  const values: Value[] = [now, after ?? '~', limit + 1]
  const conditions = ['id < ?2']
  if (tenant !== undefined) {
    conditions.push('tenant = ?4')
    values.push(tenant)
  }
  if (standings.length > 0)
    conditions.push(`(${standings.map(standing => STANDINGS[standing]).join(' OR ')})`)
  const rows = db.all(
    `SELECT * FROM api_keys WHERE ${conditions.join(' AND ')} ORDER BY id DESC LIMIT ?3`,
    ...values,
  )
  return pageOf(
    rows.flatMap(row => keyOf(row) ?? []),
    limit,
  )
}

/** Replaces the secret of an active key. */
export function rotateKey(
  db: Database,
  { id, at, hash, secretPrefix, entry, known }: RotateInput,
  sending: Sending,
): KeptKey | undefined {
  const key = latest(db, id, known)
  if (key === undefined || standingOf(key, at) !== 'active') return undefined
  db.run(
    'UPDATE api_keys SET hash = ?, secret_prefix = ?, rotated_at = ?, version = version + 1 WHERE id = ?',
    hash,
    secretPrefix,
    wholeMs(at),
    id,
  )
  sending.note(db, 'api_keys', id, wholeMs(at))
  addAudit(db, entry, sending)
  return getKey(db, id)
}

/** Revokes a key; one that is revoked stays as it is. */
export function revokeKey(
  db: Database,
  { id, at, entry, known }: RevokeInput,
  sending: Sending,
): KeptKey | undefined {
  const key = latest(db, id, known)
  if (key === undefined || key.revokedAt !== undefined) return key
  db.run('UPDATE api_keys SET revoked_at = ?, version = version + 1 WHERE id = ?', wholeMs(at), id)
  sending.note(db, 'api_keys', id, wholeMs(at))
  addAudit(db, entry, sending)
  return getKey(db, id)
}

/** Notes uses, each only when it is well after the one that is noted. */
export function touchKeys(db: Database, uses: readonly KeyUse[]): void {
  for (const { id, at } of uses) {
    const ms = wholeMs(at)
    db.run(
      'UPDATE api_keys SET last_used_at = ?1 WHERE id = ?2 AND (last_used_at IS NULL OR last_used_at <= ?3)',
      ms,
      id,
      ms - USE_NOTED_EVERY_MS,
    )
  }
}

/** Writes an act down, once. */
export function addAudit(db: Database, entry: AuditEntry, sending: Sending): void {
  const { id, at, tenant, subject, requestId, action, target, details } = entry
  const changed = db.run(
    'INSERT INTO audit_log VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING',
    id,
    wholeMs(at),
    tenant,
    subject,
    requestId,
    action,
    target,
    JSON.stringify(details),
  )
  if (changed > 0) sending.note(db, 'audit_log', id, wholeMs(at))
}

/** The key as it is by now, be that here or there. Of two changes with one number the other store's is everybody's. */
function latest(db: Database, id: string, known: KeptKey | null): KeptKey | undefined {
  if (known !== null) {
    insertKey(
      db,
      known,
      `UPDATE SET tenant = excluded.tenant, label = excluded.label, scopes = excluded.scopes, hash = excluded.hash,
         secret_prefix = excluded.secret_prefix, limits = excluded.limits, policy = excluded.policy,
         version = excluded.version, expires_at = excluded.expires_at, rotated_at = excluded.rotated_at,
         revoked_at = coalesce(api_keys.revoked_at, excluded.revoked_at)
       WHERE excluded.version >= api_keys.version`,
    )
  }
  return getKey(db, id)
}

function insertKey(db: Database, key: KeptKey, onConflict: string): number {
  return db.run(
    `INSERT INTO api_keys (id, tenant, label, scopes, hash, secret_prefix, limits, policy, version, created_at,
         expires_at, rotated_at, revoked_at, last_used_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO ${onConflict}`,
    key.id,
    key.tenant,
    key.label,
    JSON.stringify(key.scopes),
    key.hash,
    key.secretPrefix,
    JSON.stringify(key.limits),
    key.policy === undefined ? null : JSON.stringify(key.policy),
    key.version,
    wholeMs(key.createdAt),
    msOf(key.expiresAt),
    msOf(key.rotatedAt),
    msOf(key.revokedAt),
    msOf(key.lastUsedAt),
  )
}

function msOf(time: number | undefined): number | null {
  return time === undefined ? null : wholeMs(time)
}

function keyOf(row: Row | undefined): KeptKey | undefined {
  if (row === undefined) return undefined
  const { hash, policy } = row
  const time = (column: string): number | undefined => {
    const value = row[column]
    return typeof value === 'number' ? value : undefined
  }
  return {
    id: String(row['id']),
    tenant: String(row['tenant']),
    label: String(row['label']),
    // These three were written by this store as JSON of exactly these.
    scopes: JSON.parse(String(row['scopes'])) as StoredKey['scopes'],
    hash: hash instanceof Uint8Array ? hash : new Uint8Array(),
    secretPrefix: String(row['secret_prefix']),
    limits: JSON.parse(String(row['limits'])) as StoredKey['limits'],
    ...(typeof policy === 'string' && { policy: JSON.parse(policy) as NonNullable<StoredKey['policy']> }),
    version: Number(row['version']),
    createdAt: Number(row['created_at']),
    ...given({ expiresAt: time('expires_at'), rotatedAt: time('rotated_at') }),
    ...given({ revokedAt: time('revoked_at'), lastUsedAt: time('last_used_at') }),
  }
}

function given<Times extends Readonly<Record<string, number | undefined>>>(times: Times): Partial<Times> {
  // Fewer of the same fields.
  return Object.fromEntries(Object.entries(times).filter(([, time]) => time !== undefined)) as Partial<Times>
}

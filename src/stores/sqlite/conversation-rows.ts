// Reads, deletes and expires conversations.
import type { ConversationInfo, HistoryQuery, PlacedMessage } from '../../core/conversations.ts'
import type { Page } from '../../core/page.ts'
import type { KeptMessage, KeptRole } from '../../core/settlement.ts'
import type { Database, Row } from './driver.ts'
import type { Sending } from './sending.ts'

/** How long a deleted conversation is known to be deleted, in milliseconds: longer than any call that may still end in it. */
const DELETED_KEPT_MS = 3_600_000

const LIVE = 'deleted_at IS NULL AND (expires_at IS NULL OR expires_at > ?)'

/** A conversation as it leaves the worker: its standing instructions are still JSON. */
export interface FoundConversation {
  readonly info: ConversationInfo
  readonly system: string
}

/** A conversation of a tenant. */
export function getConversation(
  db: Database,
  tenant: string,
  id: string,
  now: number,
): FoundConversation | undefined {
  const row = db.get(
    `SELECT *, json_array_length(system) AS systems FROM conversations WHERE id = ? AND tenant = ? AND ${LIVE}`,
    id,
    tenant,
    now,
  )
  return row === undefined ? undefined : { info: infoOf(row), system: String(row['system']) }
}

/** A page of a tenant's conversations. */
export function listConversations(
  db: Database,
  { tenant, limit, after, now }: { tenant: string; limit: number; after: string | undefined; now: number },
): Page<ConversationInfo> {
  const rows = db.all(
    `SELECT *, json_array_length(system) AS systems FROM conversations WHERE tenant = ? AND id < ? AND ${LIVE} ORDER BY id DESC LIMIT ?`,
    tenant,
    // Above every id: those end in lower-case hexadecimal digits.
    after ?? '~',
    now,
    limit + 1,
  )
  return pageOf(rows.map(infoOf), limit)
}

/** A page of what was read with one row more than asked for. */
export function pageOf<Item extends { readonly id: string }>(
  found: readonly Item[],
  limit: number,
): Page<Item> {
  const items = found.slice(0, limit)
  const next = found.length > limit ? items.at(-1)?.id : undefined
  return { items, ...(next === undefined ? {} : { next }) }
}

/** The newest messages below a place. */
export function readHistory(
  db: Database,
  { tenant, id, before, limit, maxBytes }: HistoryQuery,
  now: number,
): readonly PlacedMessage[] {
  return db
    .all(
      `SELECT * FROM (
         SELECT id, role, json, tokens, place, sum(octet_length(json)) OVER (ORDER BY place DESC, id DESC) AS bytes
           FROM messages WHERE conversation_id = ?1 AND place < ?4
            AND EXISTS (SELECT 1 FROM conversations c WHERE c.id = ?1 AND c.tenant = ?2 AND c.deleted_at IS NULL AND (c.expires_at IS NULL OR c.expires_at > ?3))
          ORDER BY place DESC, id DESC LIMIT ?5
       ) WHERE bytes <= ?6 OR bytes = octet_length(json)`,
      id,
      tenant,
      now,
      before,
      limit,
      maxBytes,
    )
    .map(row => ({
      id: String(row['id']),
      role: roleOf(row['role']),
      json: String(row['json']),
      tokens: Number(row['tokens']),
      place: Number(row['place']),
    }))
}

/** The conversation that a message is in. */
export function holdingConversation(db: Database, tenant: string, messageId: string): string | undefined {
  const row = db.get('SELECT conversation_id FROM messages WHERE id = ? AND tenant = ?', messageId, tenant)
  return row === undefined ? undefined : String(row['conversation_id'])
}

/** Deletes a conversation; its messages go with it. */
export function deleteConversation(
  db: Database,
  input: { tenant: string; id: string; now: number },
  sending: Sending,
): boolean {
  const { tenant, id, now } = input
  const changed = db.run(
    `UPDATE conversations SET ${BURIED} WHERE id = ?1 AND tenant = ?3 AND deleted_at IS NULL AND (expires_at IS NULL OR expires_at > ?2)`,
    id,
    now,
    tenant,
  )
  if (changed === 0) return false
  bury(db, id, now, sending)
  return true
}

/** A conversation that another machine has kept. */
export interface ForeignConversation {
  readonly tenant: string
  readonly id: string
  readonly createdAt: number
  readonly lastPlace: number
  readonly version: number
}

/** Notes that a conversation of another machine is deleted, so that it is deleted where it was read. */
export function deleteForeign(
  db: Database,
  { tenant, id, createdAt, lastPlace, version, now }: ForeignConversation & { readonly now: number },
  sending: Sending,
): void {
  db.run(
    `INSERT INTO conversations VALUES (?, ?, ?, ?, NULL, ?, ?, 0, '', '', ?, '[]') ON CONFLICT (id) DO NOTHING`,
    id,
    tenant,
    createdAt,
    now,
    now,
    lastPlace,
    version + 1,
  )
  sending.note(db, 'conversations', id, now)
}

/** Deletes conversations that have expired, and forgets those that were deleted long ago. */
export function expireConversations(db: Database, now: number, limit: number, sending: Sending): number {
  const rows = db.all(
    'SELECT id FROM conversations WHERE expires_at <= ? AND deleted_at IS NULL LIMIT ?',
    now,
    limit,
  )
  for (const row of rows) {
    const id = String(row['id'])
    db.run(`UPDATE conversations SET ${BURIED} WHERE id = ?1`, id, now)
    bury(db, id, now, sending)
  }
  db.run(
    'DELETE FROM conversations WHERE id IN (SELECT id FROM conversations WHERE deleted_at < ? LIMIT ?)',
    now - DELETED_KEPT_MS,
    limit,
  )
  return rows.length
}

const BURIED = "deleted_at = ?2, version = version + 1, message_count = 0, system = '[]'"

function bury(db: Database, id: string, now: number, sending: Sending): void {
  db.run('DELETE FROM messages WHERE conversation_id = ?', id)
  sending.note(db, 'conversations', id, now)
}

function infoOf(row: Row): ConversationInfo {
  const expiresAt = row['expires_at']
  return {
    id: String(row['id']),
    createdAt: Number(row['created_at']),
    updatedAt: Number(row['updated_at']),
    ...(typeof expiresAt === 'number' ? { expiresAt } : {}),
    messageCount: Number(row['message_count']) + Number(row['systems']),
    lastPlace: Number(row['last_place']),
    provider: String(row['provider']),
    model: String(row['model']),
    version: Number(row['version']),
  }
}

/** The standing instructions as they were kept. */
export function systemOf(json: string): readonly KeptMessage[] {
  // Written by this store as JSON of exactly these.
  return JSON.parse(json) as readonly KeptMessage[]
}

const ROLES: readonly KeptRole[] = ['system', 'user', 'assistant', 'tool']

function roleOf(value: unknown): KeptRole {
  return ROLES.find(role => role === value) ?? 'user'
}

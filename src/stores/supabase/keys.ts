// Reads API keys from the project, where those of every machine are, and takes what must be there at once.
import type { Clock } from '../../core/clock.ts'
import { isId } from '../../core/ids.ts'
import type { KeptKey, KeyFilter, KeyStanding, StoredKey } from '../../core/keys.ts'
import type { Page, PageQuery } from '../../core/page.ts'
import type { SupabaseConnection } from './connection.ts'
import { type FoundRow, msOf, readRows } from './reads.ts'
import { bareId } from './row.ts'
import { createRowSender } from './rows.ts'

/** How long a question may take, in milliseconds. Absent: as long as any question to the project. */
export interface KeyQuestion {
  readonly timeoutMs?: number
}

/** Keys of every machine. */
export interface ProjectKeys {
  /** As the port has it. INTERNAL when the project does not answer. */
  byHash(hash: Uint8Array, question?: KeyQuestion): Promise<KeptKey | undefined>
  /** As above. */
  get(id: string, question?: KeyQuestion): Promise<KeptKey | undefined>
  /** As above. */
  list(query: PageQuery & KeyFilter): Promise<Page<KeptKey>>
  /** Takes a key there now, and not when its turn comes; whether it has arrived. Never rejects. */
  put(key: KeptKey, timeoutMs: number): Promise<boolean>
  /** Notes uses. INTERNAL when the project does not answer. */
  touch(uses: readonly { readonly id: string; readonly at: number }[]): Promise<void>
}

/** Makes it for a project. */
export function createSupabaseKeys(connection: SupabaseConnection, clock: Clock): ProjectKeys {
  const { client } = connection
  const send = createRowSender(connection)
  const within = ({ timeoutMs }: KeyQuestion = {}): SupabaseConnection =>
    timeoutMs === undefined ? connection : { ...connection, answerTimeoutMs: timeoutMs }

  return {
    async byHash(hash, question) {
      const [row] = await readRows(within(question), () =>
        client.from('api_keys').select().eq('key_hash', hexOf(hash)),
      )
      return row && keyOf(row)
    },
    async get(id, question) {
      if (!isId('key', id)) return undefined
      const [row] = await readRows(within(question), () =>
        client.from('api_keys').select().eq('id', bareId(id)),
      )
      return row && keyOf(row)
    },
    async list({ tenant, standings, limit, after }) {
      if (after !== undefined && !isId('key', after)) return { items: [] }
      const rows = await readRows(connection, () => {
        let query = client
          .from('api_keys')
          .select()
          .order('id', { ascending: false })
          .limit(limit + 1)
        if (after !== undefined) query = query.lt('id', bareId(after))
        if (tenant !== undefined) query = query.eq('tenant_id', tenant)
        if (standings.length > 0) query = query.or(standingsOf(standings, clock.now()))
        return query
      })
      const items = rows.slice(0, limit).map(keyOf)
      const next = rows.length > limit ? items.at(-1)?.id : undefined
      return { items, ...(next !== undefined && { next }) }
    },
    async put(key, timeoutMs) {
      const entry = { sequence: key.version, table: 'api_keys', id: key.id, row: rowOf(key) } as const
      const sent = await send('api_keys', [entry], AbortSignal.timeout(timeoutMs))
      return sent.type === 'delivered'
    },
    async touch(uses) {
      const plain = uses
        .filter(({ id }) => isId('key', id))
        .map(({ id, at }) => ({ id: bareId(id), at: new Date(at).toISOString() }))
      if (plain.length > 0) await readRows(connection, () => client.rpc('touch_keys', { uses: plain }))
    },
  }
}

function hexOf(bytes: Uint8Array): string {
  return `\\x${Buffer.from(bytes).toString('hex')}`
}

/** A condition for `or` in PostgREST's words. */
function standingsOf(standings: readonly KeyStanding[], nowMs: number): string {
  const now = `"${new Date(nowMs).toISOString()}"`
  const conditions: Readonly<Record<KeyStanding, string>> = {
    active: `and(revoked_at.is.null,or(expires_at.is.null,expires_at.gt.${now}))`,
    expired: `and(revoked_at.is.null,expires_at.lte.${now})`,
    revoked: 'revoked_at.not.is.null',
  }
  return standings.map(standing => conditions[standing]).join(',')
}

/** A key as the own store has it in a row, which is what is sent. */
function rowOf(key: KeptKey): Readonly<Record<string, string | number | Uint8Array | null>> {
  return {
    id: key.id,
    tenant: key.tenant,
    label: key.label,
    secret_prefix: key.secretPrefix,
    hash: key.hash,
    scopes: JSON.stringify(key.scopes),
    limits: JSON.stringify(key.limits),
    policy: key.policy === undefined ? null : JSON.stringify(key.policy),
    version: key.version,
    created_at: key.createdAt,
    expires_at: key.expiresAt ?? null,
    rotated_at: key.rotatedAt ?? null,
    revoked_at: key.revokedAt ?? null,
    last_used_at: key.lastUsedAt ?? null,
  }
}

function keyOf(row: FoundRow): KeptKey {
  const times = {
    expiresAt: msOf(row['expires_at']),
    rotatedAt: msOf(row['rotated_at']),
    revokedAt: msOf(row['revoked_at']),
    lastUsedAt: msOf(row['last_used_at']),
  }
  const policy = row['policy']
  return {
    id: `key_${String(row['id'])}`,
    tenant: String(row['tenant_id']),
    label: String(row['name']),
    // These three were written by a store of this service as exactly these.
    scopes: row['scopes'] as StoredKey['scopes'],
    limits: row['limits'] as StoredKey['limits'],
    ...(policy !== null && policy !== undefined && { policy: policy as NonNullable<StoredKey['policy']> }),
    // A buffer of its own, because it goes to another thread.
    hash: new Uint8Array(Buffer.from(String(row['key_hash']).slice('\\x'.length), 'hex')),
    secretPrefix: String(row['prefix']),
    version: Number(row['version']),
    createdAt: msOf(row['created_at']) ?? 0,
    ...Object.fromEntries(Object.entries(times).filter(([, time]) => time !== undefined)),
  }
}

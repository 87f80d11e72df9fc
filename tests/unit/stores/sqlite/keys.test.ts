// Keys and the audit log in the embedded store: one transaction for both, what is noted for sending, and older files.
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { newId } from '../../../../src/core/ids.ts'
import { STEPS } from '../../../../src/stores/sqlite/schema.ts'
import { openSqliteStore, type SqliteStore } from '../../../../src/stores/sqlite/store.ts'
import { auditEntry, storedKey } from '../../../suites/keys.ts'
import { createHandClock } from '../../../support/hand-clock.ts'
import { keepingLog, line, ownFolder, settled } from '../../../support/store-rig.ts'
import { root } from '../../../support/tools.ts'

let folder: Awaited<ReturnType<typeof ownFolder>>
let path: string
const opened: SqliteStore[] = []
beforeEach(async () => {
  folder = await ownFolder()
  path = join(folder.path, 'exai.db')
})
afterEach(async () => {
  await Promise.all(opened.splice(0).map(store => store.close()))
  await folder.remove()
})

async function open(outbox = true): Promise<SqliteStore> {
  const store = await openSqliteStore({ path, outbox, clock: createHandClock(), log: keepingLog() })
  opened.push(store)
  return store
}
function rows(sql: string): readonly Record<string, unknown>[] {
  const db = new DatabaseSync(path, { readOnly: true })
  try {
    return db
      .prepare(sql)
      .all()
      .map(row => ({ ...row }))
  } finally {
    db.close()
  }
}
const actions = () => rows('SELECT action, target FROM audit_log ORDER BY rowid')
const newHash = () => new Uint8Array(randomBytes(32))

describe('the audit log', () => {
  it('has one entry for each change of a key, with all that it says, and none for what changed nothing', async () => {
    const { keys } = await open()
    const key = storedKey()
    const create = auditEntry('key.create', key.id, {
      subject: 'sub|1',
      details: { label: 'x', tenant: 'y' },
    })
    await keys.add(key, create)
    await keys.add(key, auditEntry('key.create', key.id))
    const secret = { hash: newHash(), secretPrefix: 'exai_wxyz', at: 2_000 }
    await keys.rotate(key.id, secret, auditEntry('key.rotate', key.id))
    await keys.rotate('key_none', secret, auditEntry('key.rotate', 'key_none'))
    await keys.revoke(key.id, 3_000, auditEntry('key.revoke', key.id))
    await keys.revoke(key.id, 4_000, auditEntry('key.revoke', key.id))
    await keys.touch([{ id: key.id, at: 5_000 }])
    await keys.audit(auditEntry('circuit.set', 'openai/gpt'))
    expect(actions()).toEqual([
      { action: 'key.create', target: key.id },
      { action: 'key.rotate', target: key.id },
      { action: 'key.revoke', target: key.id },
      { action: 'circuit.set', target: 'openai/gpt' },
    ])
    expect(rows(`SELECT * FROM audit_log WHERE action = 'key.create'`)).toEqual([
      {
        id: create.id,
        at: 1_000,
        tenant: 'default',
        subject: 'sub|1',
        request_id: 'request-1',
        action: 'key.create',
        target: key.id,
        details: '{"label":"x","tenant":"y"}',
      },
    ])
  })

  it('has no entry for a key that could not be kept, and keeps what was asked for at the same time', async () => {
    const { keys } = await open()
    const [good, bad] = [storedKey(), storedKey({ hash: new Uint8Array(31) })]
    const ends = await Promise.allSettled([
      keys.add(good, auditEntry('key.create', good.id)),
      keys.add(bad, auditEntry('key.create', bad.id)),
      keys.add({ ...storedKey(), hash: good.hash }, auditEntry('key.create', 'double')),
    ])
    expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected'])
    expect(ends[1]).toMatchObject({ reason: { reason: 'INTERNAL' } })
    expect(actions()).toEqual([{ action: 'key.create', target: good.id }])
    expect((await keys.list({ standings: [], limit: 9 })).items.map(({ id }) => id)).toEqual([good.id])
  })
})

describe('a key', () => {
  it('is there after a restart', async () => {
    const first = await open()
    const key = storedKey()
    await first.keys.add(key, auditEntry('key.create', key.id))
    await first.close()
    expect(await (await open()).keys.byHash(key.hash)).toMatchObject(key)
  })

  it('and its entries are noted for sending when somebody sends, and all of them when somebody comes later', async () => {
    const quiet = await open(false)
    const key = storedKey()
    await quiet.keys.add(key, auditEntry('key.create', key.id))
    expect(await quiet.outbox.size()).toMatchObject({ entries: 0 })
    await quiet.close()
    const { outbox, keys } = await open()
    await keys.revoke(key.id, 2_000, auditEntry('key.revoke', key.id))
    const entries = await outbox.peek(9, 1e6)
    expect(entries.map(({ table }) => table)).toEqual(['api_keys', 'audit_log', 'api_keys', 'audit_log'])
    expect(entries[0]?.row).toMatchObject({ id: key.id, version: 2, revoked_at: 2_000 })
    // What was used is told another way: a row that is sent for it could bring an old secret back.
    await keys.touch([{ id: key.id, at: 500_000 }])
    expect(await outbox.size()).toMatchObject({ entries: 4 })
  })

  it('of another machine is taken over when it is changed here, and what was done here stays', async () => {
    const { keys } = await open()
    const known = { ...storedKey(), version: 4 }
    const hash = newHash()
    const secret = { hash, secretPrefix: 'exai_wxyz', at: 2_000 }
    expect(await keys.rotate(known.id, secret, auditEntry('key.rotate', known.id), known)).toMatchObject({
      label: known.label,
      version: 5,
      hash,
    })
    // An older state does not bring the old secret back, a newer one replaces the secret.
    await keys.revoke('key_none', 1, auditEntry('key.revoke', 'key_none'), known)
    expect(await keys.get(known.id)).toMatchObject({ hash, version: 5 })
    const newer = { ...known, hash: newHash(), version: 9 }
    expect(await keys.revoke(known.id, 3_000, auditEntry('key.revoke', known.id), newer)).toMatchObject({
      hash: newer.hash,
      version: 10,
      revokedAt: 3_000,
    })
    const alive = { ...newer, version: 20 }
    expect(
      await keys.rotate(known.id, { ...secret, at: 4_000 }, auditEntry('key.rotate', known.id), alive),
    ).toBeUndefined()
    expect(await keys.get(known.id)).toMatchObject({ revokedAt: 3_000 })
  })
})

describe('a line of the ledger', () => {
  it('says why it was spent, where that was not the first attempt', async () => {
    const store = await open()
    const causes = ['first', 'retry', 'fallback', 'hedge'] as const
    const ledger = causes.map(cause => ({ ...line('p', cause), cause }))
    const settlement = settled({ ledger })
    await store.journal.commit(settlement)
    await store.journal.commit(settlement)
    const entries = await store.outbox.peek(9, 1e6)
    expect(entries.map(({ row }) => [row?.['model'], row?.['cause']])).toEqual([
      ['first', ''],
      ['retry', 'retry'],
      ['fallback', 'fallback'],
      ['hedge', 'hedge'],
    ])
  })
})

describe('a store of schema 1', () => {
  const fixture = join(root, 'tests/fixtures/sqlite-schema-1.sql')
  async function writeOld(): Promise<void> {
    const db = new DatabaseSync(path)
    db.exec(await readFile(fixture, 'utf8'))
    db.close()
  }

  it('is brought to today with all that it holds, and takes keys', async () => {
    await writeOld()
    const store = await open()
    const tenant = 'acme'
    const total = await store.usage.total({ from: 0, until: 9_000, models: [], providers: [], keys: [] })
    expect(total).toMatchObject({ requests: 1, inputTokens: 10n, nanoUsd: 9_007_199_254_740_993n })
    expect((await store.conversations.list({ tenant, limit: 9 })).items).toMatchObject([{ messageCount: 1 }])
    expect(
      await store.conversations.history({
        tenant,
        id: 'conv_01935a00-0000-7000-8000-000000000003',
        before: 9,
        limit: 9,
        maxBytes: 1e6,
      }),
    ).toMatchObject([{ json: '{"role":"ROLE_USER","content":[{"text":"hello"}]}' }])
    expect((await store.files.list({ tenant, limit: 9 })).items).toMatchObject([{ filename: 'a.txt' }])
    expect(await store.files.usedBytes(tenant)).toBe(5)
    expect(await store.marks.byKey(tenant, 'once')).toBeDefined()
    const [entry] = await store.outbox.peek(9, 1e6)
    expect(entry).toMatchObject({ table: 'ledger', row: { cause: '', key_label: 'main' } })
    const key = storedKey()
    await store.keys.add(key, auditEntry('key.create', key.id))
    expect(await store.keys.byHash(key.hash)).toMatchObject(key)
  })

  it('takes lines of a process of the version before that still runs when it is brought to today', async () => {
    await writeOld()
    const old = new DatabaseSync(path)
    try {
      const store = await open()
      // As that version writes them, by place.
      const [insert = ''] = /INSERT INTO ledger VALUES [^;]+;/.exec(await readFile(fixture, 'utf8')) ?? []
      old.exec(insert.replace('000000000001', '00000000000f'))
      const query = { from: 0, until: 9_000, models: [], providers: [], keys: [] }
      expect(await store.usage.total(query)).toMatchObject({ inputTokens: 20n })
    } finally {
      old.close()
    }
  })

  it('is brought to the same tables as a new one', async () => {
    const columns = () =>
      rows(`SELECT tables.name AS name, columns.name AS part, columns.type AS type FROM sqlite_schema AS tables
        JOIN pragma_table_xinfo(tables.name) AS columns WHERE tables.type IN ('table', 'index') ORDER BY 1, columns.cid`)
    await writeOld()
    await (await open()).close()
    const migrated = columns()
    await folder.remove()
    folder = await ownFolder()
    path = join(folder.path, 'exai.db')
    await (await open()).close()
    expect(migrated).toEqual(columns())
    expect(migrated.length).toBeGreaterThan(100)
  })

  it('is read by its first step still as it was released', async () => {
    const plain = (sql: string) => sql.replace(/\s+/g, ' ').trim()
    expect(plain(await readFile(fixture, 'utf8'))).toContain(plain(STEPS[0] ?? 'no step'))
  })
})

it('lists nothing for a tenant without keys', async () => {
  expect(await (await open()).keys.list({ tenant: newId('key', 0), standings: [], limit: 1 })).toEqual({
    items: [],
  })
})

// The embedded store in bad hours: a full file, a newer schema, a damaged file, a worker that dies, more than it can take.
import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { newId } from '../../../../src/core/ids.ts'
import { createClient, spawnWorker } from '../../../../src/stores/sqlite/client.ts'
import { SCHEMA_VERSION } from '../../../../src/stores/sqlite/schema.ts'
import { openSqliteStore, type SqliteStore } from '../../../../src/stores/sqlite/store.ts'
import { eventually } from '../../../support/eventually.ts'
import { createHandClock } from '../../../support/hand-clock.ts'
import { keepingLog, kept, line, openSqliteRig, ownFolder, settled } from '../../../support/store-rig.ts'

const clock = createHandClock()
const large = (megabytes: number) => kept('user', 'x'.repeat(megabytes * 1024 * 1024))
const turnOf = (...messages: ReturnType<typeof kept>[]) =>
  settled({ turn: { conversationId: newId('conv', Date.now()), isNew: true, messages } })

describe('an embedded store', () => {
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

  async function open(own: { maxBytes?: number; outbox?: boolean } = {}): Promise<SqliteStore> {
    const store = await openSqliteStore({ path, outbox: true, clock, log: keepingLog(), ...own })
    opened.push(store)
    return store
  }
  function database<T>(run: (db: DatabaseSync) => T): T {
    const db = new DatabaseSync(path)
    try {
      return run(db)
    } finally {
      db.close()
    }
  }

  it('that is full refuses what does not fit, and goes on with what does', async () => {
    const store = await open({ maxBytes: 2 * 1024 * 1024 })
    const tries = await Promise.allSettled([
      store.journal.commit(turnOf(kept('user', 'small'))),
      store.journal.commit(turnOf(large(3))),
      store.journal.commit(turnOf(kept('user', 'small, too'))),
    ])
    expect(tries.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    await expect(store.journal.commit(turnOf(large(3)))).rejects.toMatchObject({
      reason: 'STORAGE_FULL',
      cause: expect.objectContaining({ message: expect.stringContaining('SQLite 13') }),
    })
    expect((await store.conversations.list({ tenant: 'default', limit: 9 })).items).toHaveLength(2)
  })

  it('uses again what was freed in a full file', async () => {
    const store = await open({ maxBytes: 3 * 1024 * 1024, outbox: false })
    const first = turnOf(large(1))
    await store.journal.commit(first)
    await store.journal.commit(turnOf(large(1)))
    await expect(store.journal.commit(turnOf(large(1)))).rejects.toMatchObject({ reason: 'STORAGE_FULL' })
    await store.conversations.delete({ tenant: 'default', id: first.turn?.conversationId ?? '' })
    await store.journal.commit(turnOf(large(1)))
  })

  it('gives the disk back what was freed', async () => {
    const store = await open({ outbox: false })
    const settlement = turnOf(large(4))
    await store.journal.commit(settlement)
    expect(await store.compact(10_000)).toBe(0)
    await store.conversations.delete({ tenant: 'default', id: settlement.turn?.conversationId ?? '' })
    expect(await store.compact(100)).toBe(100)
    expect(await store.compact(10_000)).toBeGreaterThan(900)
    await store.close()
    expect((await stat(path)).size).toBeLessThan(1024 * 1024)
  })

  it('of a newer version is refused with both versions in words, and left as it is', async () => {
    await (await open()).close()
    database(db => db.exec(`PRAGMA user_version = ${SCHEMA_VERSION + 1}`))
    await expect(open()).rejects.toThrow(
      `the database has schema ${SCHEMA_VERSION + 1} and this version of exai knows up to ${SCHEMA_VERSION}: start the version that wrote it, or choose another DATA_DIR`,
    )
    expect(database(db => db.prepare('PRAGMA user_version').get())).toEqual({
      user_version: SCHEMA_VERSION + 1,
    })
  })

  it('makes its tables once, also when several processes begin at once', async () => {
    const stores = await Promise.all([open(), open(), open()])
    await Promise.all(stores.map(store => store.journal.commit(turnOf(kept('user', 'x')))))
    const counted = await Promise.all(
      stores.map(store => store.conversations.list({ tenant: 'default', limit: 9 })),
    )
    expect(counted.map(({ items }) => items.length)).toEqual([3, 3, 3])
  })

  it('has the settings that make a commit last, and strict tables', async () => {
    await open()
    const found = database(db => ({
      journal: db.prepare('PRAGMA journal_mode').get()?.['journal_mode'],
      vacuum: db.prepare('PRAGMA auto_vacuum').get()?.['auto_vacuum'],
      loose: db
        .prepare(
          "SELECT name FROM pragma_table_list WHERE type = 'table' AND strict = 0 AND name NOT LIKE 'sqlite_%'",
        )
        .all(),
    }))
    // 2 is INCREMENTAL, https://sqlite.org/pragma.html#pragma_auto_vacuum.
    expect(found).toEqual({ journal: 'wal', vacuum: 2, loose: [] })
  })

  it('that is no database is refused', async () => {
    await writeFile(path, 'not a database at all'.repeat(100))
    await expect(open()).rejects.toMatchObject({ reason: 'INTERNAL' })
  })

  it('that was closed refuses what comes later, after it finished what came before', async () => {
    const store = await open()
    const commits = Array.from({ length: 20 }, () => store.journal.commit(turnOf(kept('user', 'x'))))
    const closing = store.close()
    await Promise.all([...commits, closing])
    await expect(store.journal.commit(settled())).rejects.toMatchObject({ reason: 'INTERNAL' })
    const again = await open()
    expect((await again.conversations.list({ tenant: 'default', limit: 99 })).items).toHaveLength(20)
  })

  it('notes what has to be sent only when somebody sends it', async () => {
    const store = await open({ outbox: false })
    await store.journal.commit(turnOf(kept('user', 'x')))
    expect(await store.outbox.size()).toEqual({ entries: 0, dead: 0 })
  })

  it('notes everything it has when somebody comes to send it to, and only then', async () => {
    const store = await open({ outbox: false })
    await store.journal.commit(turnOf(kept('user', 'x')))
    await store.close()
    const sent = await open()
    const entries = await sent.outbox.peek(9, 1e6)
    expect(entries.map(({ table }) => table)).toEqual(['conversations', 'messages', 'ledger'])
    await sent.outbox.done(entries.map(({ sequence }) => sequence))
    await sent.close()
    expect(await (await open()).outbox.size()).toEqual({ entries: 0, dead: 0 })
  })

  it('that has more to do than it may hold says so, and takes settlements all the same', async () => {
    const store = await open()
    const reads = Array.from({ length: 4_200 }, () => store.files.usedBytes('default'))
    const commit = store.journal.commit(settled())
    const ends = await Promise.allSettled(reads)
    await commit
    const refused = ends.filter(end => end.status === 'rejected')
    expect(refused).toHaveLength(4_200 - 4_096)
    expect(refused[0]).toMatchObject({ reason: { reason: 'OVERLOADED' } })
    expect(store.waiting()).toBe(0)
  })

  it('gives every waiting call its fault when the worker dies, and begins again', async () => {
    const log = keepingLog()
    const workers: Worker[] = []
    const client = await createClient({ path, outbox: false, readOnly: false }, log, settings => {
      const worker = spawnWorker(settings)
      workers.push(worker)
      return worker
    })
    const dying = workers[0]?.terminate()
    const asked = [client.ask('usedBytes', { tenant: 'default' }), client.ask('outboxSize', {})]
    expect((await Promise.allSettled(asked)).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    await dying
    expect(client.isOpen()).toBe(false)
    await eventually(async () => expect(await client.ask('usedBytes', { tenant: 'default' })).toBe(0))
    expect(client.isOpen()).toBe(true)
    expect(log.lines.map(({ message }) => message)).toEqual([
      'the store has died and is started again',
      'the store is open again',
    ])
    await client.close()
  })
})

describe('the outbox', () => {
  let rig: Awaited<ReturnType<typeof openSqliteRig>>
  beforeEach(async () => {
    rig = await openSqliteRig()
  })
  afterEach(() => rig.close())
  const outbox = () => rig.ports().outbox

  it('holds every row of a settlement in order, as it is now, until it was sent', async () => {
    const settlement = settled({
      ledger: [line('p', 'm', { nanoUsd: 9_007_199_254_740_993n })],
      turn: { conversationId: newId('conv', Date.now()), isNew: true, messages: [kept('user', 'a')] },
    })
    await rig.ports().journal.commit(settlement)
    await rig.reopen()
    const entries = await outbox().peek(10, 1e6)
    expect(entries.map(({ table }) => table)).toEqual(['ledger', 'messages', 'conversations'])
    expect(entries[0]?.row?.['nano_usd']).toBe('9007199254740993')
    expect(entries[2]?.row).toMatchObject({ id: settlement.turn?.conversationId, version: 1 })
    expect(await outbox().size()).toEqual({ entries: 3, dead: 0, oldestAt: rig.clock.now() })
    await outbox().done(entries.slice(0, 2).map(({ sequence }) => sequence))
    expect((await outbox().peek(10, 1e6)).map(({ table }) => table)).toEqual(['conversations'])
  })

  it('tells of a row that was deleted by leaving it out', async () => {
    const settlement = turnOf(kept('user', 'a'))
    await rig.ports().journal.commit(settlement)
    await rig.ports().conversations.delete({ tenant: 'default', id: settlement.turn?.conversationId ?? '' })
    const message = (await outbox().peek(10, 1e6)).find(({ table }) => table === 'messages')
    expect(message).toMatchObject({ id: settlement.turn?.messages[0]?.id })
    expect(message).not.toHaveProperty('row')
  })

  it('gives so many bytes at once, and at least one entry', async () => {
    await rig.ports().journal.commit(turnOf(...[1, 2, 3].map(() => kept('user', 'x'.repeat(1_000)))))
    const count = async (maxBytes: number) => (await outbox().peek(10, maxBytes)).length
    const all = await count(1e6)
    expect(await count(1)).toBe(1)
    expect(await count(2_500)).toBeLessThan(all)
  })

  it('sets aside what can never be sent', async () => {
    await rig.ports().journal.commit(turnOf(kept('user', 'x')))
    const [first] = await outbox().peek(1, 1e6)
    await outbox().bury(first?.sequence ?? 0, '23514')
    expect(await outbox().size()).toMatchObject({ entries: 2, dead: 1 })
    expect((await outbox().peek(9, 1e6)).map(({ sequence }) => sequence)).not.toContain(first?.sequence)
  })
})

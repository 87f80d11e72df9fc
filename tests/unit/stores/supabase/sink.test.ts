// The whole way into a project: outbox, drainer, real PostgREST and Postgres, the storage double; and what its deaths cost.
import { createHash } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../../../src/core/clock.ts'
import { GatewayError } from '../../../../src/core/errors.ts'
import { newId } from '../../../../src/core/ids.ts'
import { connectSupabase, type SupabaseConnection } from '../../../../src/stores/supabase/connection.ts'
import { createDrainer, type Drainer } from '../../../../src/stores/supabase/drainer.ts'
import { createSupabaseSink } from '../../../../src/stores/supabase/sink.ts'
import { AT, blobRow, conversationRow, fileRow, ledgerRow, messageRow } from '../../../support/local-rows.ts'
import { createMemoryOutbox, type MemoryOutbox } from '../../../support/memory-outbox.ts'
import { restCall } from '../../../support/rest-call.ts'
import { type StorageDouble, startStorage } from '../../../support/storage-double.ts'
import { type SupabaseRig, startSupabase } from '../../../support/supabase-rig.ts'

let storage: StorageDouble
let rig: SupabaseRig
let connection: SupabaseConnection
let outbox: MemoryOutbox
let bytes: Map<string, Buffer>
let drainer: Drainer
let stop: AbortController

beforeAll(async () => {
  storage = await startStorage({ maxBytes: 1024 * 1024 })
  rig = await startSupabase({ storagePort: storage.port })
  connection = await connectSupabase({
    url: rig.url,
    key: rig.key,
    answerTimeoutMs: 2000,
    idleTimeoutMs: 500,
  })
})
afterAll(async () => {
  await connection?.close()
  await rig?.stop()
  await storage?.stop()
})
beforeEach(async () => {
  await rig.sql('truncate conversations, messages, usage_ledger, files, file_blobs')
  outbox = createMemoryOutbox()
  bytes = new Map()
  stop = new AbortController()
  drainer = createDrainer({
    source: outbox,
    sink: createSupabaseSink({ connection, blobs: { read: readBytes } }),
    clock: systemClock,
    signal: stop.signal,
    limits: { pollMs: 20, backoffMinMs: 10, backoffMaxMs: 50, rowsMax: 20 },
  })
})
afterEach(async () => {
  storage.fault(undefined)
  rig.front.fault(undefined)
  stop.abort()
  await drainer.done
})

async function* readBytes(key: string, offset: number, length: number): AsyncGenerator<Uint8Array> {
  const found = bytes.get(key)
  if (found === undefined) throw new GatewayError('FILE_NOT_FOUND', 'the bytes of this file are gone')
  yield found.subarray(offset, offset + length)
}
const all = async (path: string) => (await restCall(rig, path)).body
const empty = (timeoutMs = 10_000) => drainer.empty(AbortSignal.timeout(timeoutMs))
const stored = (key: string) => storage.objects().filter(({ name }) => name.endsWith(key))

/** Bytes as the own store has them, and the change that tells of them. */
function keep(text: string, more = {}): string {
  const content = Buffer.from(text)
  const sha256 = createHash('sha256').update(content).digest('hex')
  const key = `${sha256}-0123456789abcdef`
  bytes.set(key, content)
  outbox.change('blobs', key, blobRow(key, sha256, content.length, more))
  return key
}

describe('a file', () => {
  test('ends as rows and an object', async () => {
    const key = keep('hello world')
    const id = newId('file', AT)
    outbox.change('files', id, fileRow(id, key))
    expect(await empty()).toBe(true)
    const path = `acme/${key.slice(0, 2)}/${key}`
    expect(stored(key)).toMatchObject([{ name: path, sha256: key.slice(0, 64), contentType: 'text/plain' }])
    expect(await all('file_blobs?select=blob_key,object_path,size_bytes')).toEqual([
      { blob_key: key, object_path: path, size_bytes: 11 },
    ])
    expect(await all('files?select=blob_key')).toEqual([{ blob_key: key }])
  })

  test('whose text was read later is not uploaded again', async () => {
    const key = keep('read me')
    await empty()
    keep('read me', { text_state: 'ready', text_tokens: 2 })
    await empty()
    expect(await all('file_blobs?select=text_state,text_tokens')).toEqual([
      { text_state: 'ready', text_tokens: 2 },
    ])
    expect(
      storage.requests.filter(({ method, path }) => method === 'POST' && path.endsWith(key)),
    ).toHaveLength(1)
  })

  test('that is deleted leaves neither row nor object', async () => {
    const key = keep('delete me')
    await empty()
    outbox.change('blobs', key, undefined)
    expect(await empty()).toBe(true)
    expect(stored(key)).toEqual([])
    expect(await all('file_blobs')).toEqual([])
  })

  test('that was deleted before its bytes went anywhere leaves nothing there', async () => {
    bytes.delete(keep('gone at once'))
    keep('no longer needed', { due_at: AT })
    expect(await empty()).toBe(true)
    expect(await all('file_blobs')).toEqual([])
    expect(outbox.dead()).toEqual([])
  })

  test('too large for the bucket is set aside, and its reason with it', async () => {
    keep('x'.repeat(1024 * 1024 + 1))
    expect(await empty()).toBe(true)
    expect(outbox.dead()).toMatchObject([[1, expect.stringMatching(/^EntityTooLarge: /)]])
  })

  test('waits while the storage is away, and rows do not wait for it', async () => {
    storage.fault(() => ({ type: 'hang' }))
    const key = keep('later')
    const ledger = ledgerRow()
    outbox.change('ledger', ledger.id, ledger)
    await expect.poll(() => all('usage_ledger?select=id')).toEqual([{ id: ledger.id }])
    expect(stored(key)).toEqual([])
    storage.fault(undefined)
    expect(await empty()).toBe(true)
    expect(stored(key)).toHaveLength(1)
  })
})

describe('rows', () => {
  test('with a bad one among them are all there but that one', async () => {
    const rows = Array.from({ length: 60 }, (_, place) => messageRow(newId('conv', AT), { place }))
    for (const [index, row] of rows.entries()) {
      outbox.change('messages', row.id, index === 33 ? { ...row, role: null } : row)
    }
    expect(await empty()).toBe(true)
    expect(await all('messages?select=id')).toHaveLength(59)
    expect(outbox.dead()).toMatchObject([[34, expect.stringMatching(/^23502: /)]])
  })

  test('are there once, and none is missing, after PostgREST and Postgres were killed in the middle of them', async () => {
    const ids = new Set<string>()
    const conversationId = newId('conv', AT)
    let version = 0
    const write = (): void => {
      const [row, line] = [messageRow(conversationId), ledgerRow()]
      version += 1
      outbox.change('messages', row.id, row)
      outbox.change('ledger', line.id, line)
      outbox.change(
        'conversations',
        conversationId,
        conversationRow(conversationId, { version, last_place: version }),
      )
      ids.add(row.id)
      drainer.wake()
    }
    const writing = setInterval(write, 5)
    for (const part of [rig.rest, rig.postgres, rig.rest, rig.postgres]) {
      const before = outbox.waiting().length
      await part.kill()
      // Something must have been written while it was away.
      await expect.poll(() => outbox.waiting().length, { timeout: 5000 }).toBeGreaterThan(before + 20)
      await part.restart()
      await expect.poll(() => outbox.waiting().length, { timeout: 30_000 }).toBeLessThan(20)
    }
    clearInterval(writing)
    expect(await empty()).toBe(true)
    expect(outbox.dead()).toEqual([])
    expect(await rig.sql('select count(*), count(distinct id) as different from messages')).toEqual([
      { count: String(ids.size), different: String(ids.size) },
    ])
    expect(await rig.sql('select count(*) from usage_ledger')).toEqual([{ count: String(ids.size) }])
    expect(await rig.sql('select version from conversations')).toEqual([{ version: String(version) }])
  }, 60_000)
})

test('bytes that a crash left in the storage without their row go when nobody needs them any more', async () => {
  const { pathname } = new URL('http://x/rest/v1/file_blobs')
  rig.front.fault(({ method, path }) =>
    method !== 'GET' && path.startsWith(pathname) ? { type: 'reset' } : undefined,
  )
  const key = keep('left behind')
  await expect.poll(() => stored(key).length).toBe(1)
  const sha256 = key.slice(0, 64)
  outbox.change('blobs', key, blobRow(key, sha256, 11, { due_at: AT }))
  expect(await empty()).toBe(true)
  expect(stored(key)).toEqual([])
})

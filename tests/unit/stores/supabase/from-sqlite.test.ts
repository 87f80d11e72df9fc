// What the embedded store notes arrives in the project: the two agree on every table and column, and on what is deleted.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Blobs } from '../../../../src/core/blobs.ts'
import { systemClock } from '../../../../src/core/clock.ts'
import { newId } from '../../../../src/core/ids.ts'
import { openDiskBlobs } from '../../../../src/stores/disk/blobs.ts'
import { connectSupabase } from '../../../../src/stores/supabase/connection.ts'
import { createDrainer } from '../../../../src/stores/supabase/drainer.ts'
import { createSupabaseSink } from '../../../../src/stores/supabase/sink.ts'
import { restCall } from '../../../support/rest-call.ts'
import { type StorageDouble, startStorage } from '../../../support/storage-double.ts'
import { kept, line, openSqliteRig, ownFolder, type StoreRig, settled } from '../../../support/store-rig.ts'
import { type SupabaseRig, startSupabase } from '../../../support/supabase-rig.ts'

let project: SupabaseRig
let storage: StorageDouble
let store: StoreRig
let blobs: Blobs
let drained: () => Promise<boolean>
const closing: (() => Promise<unknown>)[] = []

beforeEach(async () => {
  storage = await startStorage()
  closing.push(() => storage.stop())
  project = await startSupabase({ storagePort: storage.port })
  closing.push(() => project.stop())
  store = await openSqliteRig()
  closing.push(() => store.close())
  const folder = await ownFolder()
  closing.push(() => folder.remove())
  blobs = await openDiskBlobs(folder.path)
  const connection = await connectSupabase({ url: project.url, key: project.key })
  closing.push(() => connection.close())
  const stop = new AbortController()
  const drainer = createDrainer({
    source: store.ports().outbox,
    sink: createSupabaseSink({ connection, blobs }),
    clock: systemClock,
    signal: stop.signal,
    limits: { pollMs: 10 },
  })
  closing.push(() => {
    stop.abort()
    return drainer.done
  })
  drained = () => drainer.empty(AbortSignal.timeout(10_000))
})
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

const all = async (path: string) => (await restCall(project, path)).body
const bare = (id: string) => id.slice(id.indexOf('_') + 1)

describe('the embedded store and the project', () => {
  test('agree on a settlement: its conversation, its messages, its lines', async () => {
    const conversationId = newId('conv', Date.now())
    const messages = [kept('user', 'hello\0'), kept('assistant', 'hi')]
    const settlement = settled({
      turn: { conversationId, isNew: true, system: [kept('system', 'be kind')], messages },
      ledger: [line('openai', 'gpt', { nanoUsd: 2n ** 60n }), line('glm', 'glm-5')],
    })
    await store.ports().journal.commit(settlement)
    expect(await drained()).toBe(true)
    expect((await store.ports().outbox.size()).dead).toBe(0)
    expect(await all('conversations?select=id,tenant_id,message_count,deleted_at')).toEqual([
      { id: bare(conversationId), tenant_id: 'default', message_count: 2, deleted_at: null },
    ])
    expect(await all('messages?select=id,role,content,tokens,response_id&order=place,id')).toEqual(
      messages.map(({ id, role, json, tokens }) => ({
        id,
        role,
        content: json,
        tokens,
        response_id: bare(settlement.responseId),
      })),
    )
    expect(
      await all(
        'usage_ledger?select=provider,nano_usd::text,cost_known,provenance,output_tokens&order=provider',
      ),
    ).toEqual([
      { provider: 'glm', nano_usd: '0', cost_known: false, provenance: 3, output_tokens: 3 },
      {
        provider: 'openai',
        nano_usd: '1152921504606846976',
        cost_known: true,
        provenance: 1,
        output_tokens: 3,
      },
    ])
    expect(await all('usage_ledger?select=ended_at&provider=eq.glm')).toEqual([
      { ended_at: '1970-01-01T00:00:01.5+00:00' },
    ])
  })

  test('agree on a file, and on its end', async () => {
    async function* content(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('hello ')
      yield Buffer.from('world')
    }
    const { key, sha256, sizeBytes } = await blobs.put(content())
    const file = {
      id: newId('file', Date.now()),
      tenant: 'sub:user|1',
      filename: 'Übersicht 🎉.txt',
      mimeType: 'text/plain',
      sizeBytes,
      sha256,
      blobKey: key,
      createdAt: Date.now(),
      metadata: { a: '1' },
      purpose: 'assistants',
      text: { state: 'ready', tokens: 2 },
    } as const
    const files = store.ports().files
    await files.add(file)
    expect(await drained()).toBe(true)
    expect(await all('files?select=id,tenant_id,filename,metadata,purpose')).toEqual([
      {
        id: bare(file.id),
        tenant_id: file.tenant,
        filename: file.filename,
        metadata: { a: '1' },
        purpose: 'assistants',
      },
    ])
    expect(storage.objects()).toMatchObject([
      { sha256, sizeBytes: 11, name: expect.stringMatching(/^t-[0-9a-f]{64}\//) },
    ])
    expect(await all('file_blobs?select=text_state,text_tokens')).toEqual([
      { text_state: 'ready', text_tokens: 2 },
    ])

    await files.delete(file)
    expect(await drained()).toBe(true)
    expect(await all('files')).toEqual([])
    expect(await all('file_blobs?due_at=not.is.null&select=blob_key')).toEqual([{ blob_key: key }])
    await files.forget(key)
    expect(await drained()).toBe(true)
    expect([await all('file_blobs'), storage.objects()]).toEqual([[], []])
  })

  test('agree on a conversation that is deleted', async () => {
    const conversationId = newId('conv', Date.now())
    const turn = { conversationId, isNew: true, messages: [kept('user', 'hello')] }
    await store.ports().journal.commit(settled({ turn }))
    await drained()
    expect(await all('messages?select=role')).toEqual([{ role: 'user' }])
    await store.ports().conversations.delete({ tenant: 'default', id: conversationId })
    expect(await drained()).toBe(true)
    expect(await all('messages')).toEqual([])
    expect(await all('conversations?deleted_at=is.null')).toEqual([])
  })
})

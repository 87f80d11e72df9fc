// Rows on their way into a real Postgres through real PostgREST: what arrives, and what every kind of failure means.
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { newId } from '../../../../src/core/ids.ts'
import type { OutboxEntry, OutboxTable } from '../../../../src/core/outbox.ts'
import { connectSupabase, type SupabaseConnection } from '../../../../src/stores/supabase/connection.ts'
import { createRowSender, type SendRows } from '../../../../src/stores/supabase/rows.ts'
import { AT, conversationRow, fileRow, ledgerRow, messageRow } from '../../../support/local-rows.ts'
import { restCall } from '../../../support/rest-call.ts'
import { type SupabaseRig, startSupabase } from '../../../support/supabase-rig.ts'
import { ANON_KEY } from '../../../support/supabase-tokens.ts'

let rig: SupabaseRig
let connection: SupabaseConnection
let send: SendRows
let place = 0
/** More than an answer takes on a busy machine. */
const PATIENCE_MS = 10_000

beforeAll(async () => {
  rig = await startSupabase()
  connection = await connectSupabase({ url: rig.url, key: rig.key, answerTimeoutMs: PATIENCE_MS })
  send = createRowSender(connection)
})
afterAll(async () => {
  await connection?.close()
  await rig?.stop()
})
beforeEach(async () => {
  rig.front.fault(undefined)
  await rig.sql('truncate conversations, messages, usage_ledger, files')
})

const entry = (table: OutboxTable, id: string, row?: OutboxEntry['row']): OutboxEntry => {
  place += 1
  return { sequence: place, table, id, ...(row !== undefined && { row }) }
}
const sent = (entries: readonly OutboxEntry[]) =>
  send(entries[0]?.table ?? 'messages', entries, new AbortController().signal)
const all = async (path: string) => (await restCall(rig, path)).body
const message = (more = {}): OutboxEntry => {
  const row = messageRow(newId('conv', AT), more)
  return entry('messages', row.id, row)
}

describe('a row', () => {
  test('of every table arrives with all that it says', async () => {
    const conversationId = newId('conv', AT)
    const bare = conversationId.slice('conv_'.length)
    const row = messageRow(conversationId)
    const ledger = ledgerRow({ conversation_id: conversationId })
    const fileId = newId('file', AT)
    for (const each of [
      entry('conversations', conversationId, conversationRow(conversationId, { system: '["be kind"]' })),
      entry('messages', row.id, row),
      entry('ledger', ledger.id, ledger),
      entry('files', fileId, fileRow(fileId, 'key')),
    ]) {
      expect(await sent([each])).toEqual({ type: 'delivered' })
    }
    expect(await all('conversations')).toMatchObject([
      {
        id: bare,
        tenant_id: 'acme',
        system: '["be kind"]',
        created_at: '2026-11-22T17:00:00.123+00:00',
        expires_at: null,
      },
    ])
    expect(await all('messages')).toMatchObject([
      {
        id: row.id,
        conversation_id: bare,
        content: row['json'],
        created_at: '2026-11-22T17:00:00.123+00:00',
      },
    ])
    expect(await all('usage_ledger?select=*,nano_usd::text')).toMatchObject([
      {
        conversation_id: bare,
        nano_usd: '9007199254740993',
        cost_known: true,
        cost: { nanoUsd: '9007199254740993' },
      },
    ])
    expect(await all('files')).toMatchObject([
      { filename: 'notes.txt', metadata: { a: 'b' }, expires_at: '2026-11-22T17:00:01.123+00:00' },
    ])
  })

  test('that is sent again is there once', async () => {
    const entries = [message(), message()]
    await sent(entries)
    expect(await sent(entries)).toEqual({ type: 'delivered' })
    expect(await all('messages')).toHaveLength(2)
  })

  test('that changed replaces the older one, whichever comes last', async () => {
    const id = newId('conv', AT)
    const at = (version: number) =>
      entry('conversations', id, conversationRow(id, { version, model: `m${version}` }))
    for (const version of [2, 1, 3, 2]) expect(await sent([at(version)])).toEqual({ type: 'delivered' })
    expect(await all('conversations?select=model,version')).toEqual([{ model: 'm3', version: 3 }])
  })

  test('without a version of its own is replaced by what was noted later', async () => {
    const id = newId('file', AT)
    const older = entry('files', id, fileRow(id, 'key', { filename: 'older' }))
    const newer = entry('files', id, fileRow(id, 'key', { filename: 'newer' }))
    await sent([newer])
    await sent([older])
    expect(await all('files?select=filename')).toEqual([{ filename: 'newer' }])
  })

  test('with letters that Postgres has not arrives with a sign in their place, and a message with all of them', async () => {
    const id = newId('file', AT)
    await sent([
      entry(
        'files',
        id,
        fileRow(id, 'key', { filename: 'a\0b\ud800', metadata: '{"k\\u0000":["\\ud800"]}' }),
      ),
    ])
    expect(await all('files?select=filename,metadata')).toEqual([
      { filename: 'a\uFFFDb\uFFFD', metadata: { 'k\uFFFD': ['\uFFFD'] } },
    ])
    const json = '{"content":[{"text":"a\\u0000b\\ud800"}]}'
    await sent([message({ json })])
    expect(await all('messages?select=content')).toEqual([{ content: json }])
  })

  test('that is removed is gone, more of them at once than fit into one URL too', async () => {
    const entries = Array.from({ length: 300 }, () => message())
    await sent(entries)
    expect(await all('messages?select=id')).toHaveLength(300)
    expect(await sent(entries.map(({ id }) => entry('messages', id)))).toEqual({ type: 'delivered' })
    expect(await all('messages')).toEqual([])
    expect(await sent([entry('messages', entries[0]?.id ?? '')])).toEqual({ type: 'delivered' })
  })

  test('of a conversation that expired takes the messages along, unless it has gone on elsewhere', async () => {
    const ids = [newId('conv', AT), newId('conv', AT + 1)] as const
    await sent(ids.map(id => entry('conversations', id, conversationRow(id, { version: 3 }))))
    const rows = ids.map(id => messageRow(id))
    await sent(rows.map(row => entry('messages', row.id, row)))
    const [lapsed, prolonged] = ids
    await sent([entry('conversations', prolonged, conversationRow(prolonged, { version: 9 }))])
    const expired = { version: 4, expires_at: AT, deleted_at: AT }
    const ends = ids.map(id => entry('conversations', id, conversationRow(id, expired)))
    expect(await sent(ends)).toEqual({ type: 'delivered' })
    expect(await all('messages?select=id')).toEqual([{ id: rows[1]?.id }])
    expect(await all('conversations?select=id&deleted_at=not.is.null')).toEqual([{ id: lapsed.slice(5) }])
  })

  test.each(['marked as deleted', 'removed'] as const)(
    'of a conversation that is %s takes its messages with it',
    async how => {
      const [id, other] = [newId('conv', AT), newId('conv', AT)]
      const rows = [messageRow(id), messageRow(id), messageRow(other)]
      await sent(rows.map(row => entry('messages', row.id, row)))
      const gone = how === 'removed' ? undefined : conversationRow(id, { version: 2, deleted_at: AT })
      expect(await sent([entry('conversations', id, gone)])).toEqual({ type: 'delivered' })
      expect(await all('messages?select=id')).toEqual([{ id: rows[2]?.id }])
    },
  )
})

describe('a failure', () => {
  test('of the row itself is a refusal with its SQLSTATE, and nothing of the batch is there', async () => {
    const wrong = message({ id: 'no-uuid' })
    expect(await sent([message(), wrong, message()])).toMatchObject({ type: 'refused', code: '22P02' })
    expect(await sent([message({ role: null })])).toMatchObject({ type: 'refused', code: '23502' })
    expect(await all('messages')).toEqual([])
  })

  test('of the key is one of credentials', async () => {
    for (const key of ['sb_secret_wrong', ANON_KEY]) {
      const wrong = await connectSupabase({ url: rig.url, key })
      const outcome = await createRowSender(wrong)('messages', [message()], new AbortController().signal)
      expect(outcome).toMatchObject({ type: 'unavailable', because: 'credentials' })
      await wrong.close()
    }
  })

  test('of the set-up is one of the schema', async () => {
    await rig.sql("alter table messages rename to elsewhere; notify pgrst, 'reload schema'")
    const schema = () => sent([message()])
    await expect.poll(schema).toMatchObject({ type: 'unavailable', because: 'schema' })
    await rig.sql("alter table elsewhere rename to messages; notify pgrst, 'reload schema'")
    await expect.poll(schema).toEqual({ type: 'delivered' })
  })

  test.each([
    [
      'an empty 400, as when Postgres dies in a query',
      { type: 'answer', status: 400, body: '{"code":"","message":""}' },
    ],
    ['a page instead of JSON', { type: 'answer', status: 502, body: '<html>bad gateway</html>' }],
    ['too many requests', { type: 'answer', status: 429, body: '{"message":"slow down"}' }],
    ['a broken connection', { type: 'reset' }],
    ['no answer at all', { type: 'hang' }],
  ] as const)('in between is nothing but trouble: %s', async (_, fault) => {
    rig.front.fault(() => fault)
    expect(await sent([message()])).toMatchObject({ type: 'unavailable', because: 'trouble' })
  })

  test('of the size is a refusal, so that the batch is halved', async () => {
    rig.front.fault(() => ({ type: 'answer', status: 413, body: '{}' }))
    expect(await sent([message()])).toMatchObject({ type: 'refused', code: 'http_413' })
  })

  test('after the work was done leaves the row there, once, however often it is sent again', async () => {
    const one = message()
    rig.front.fault(() => ({ type: 'lost_answer' }))
    expect(await sent([one])).toMatchObject({ type: 'unavailable', because: 'trouble' })
    rig.front.fault(undefined)
    expect(await sent([one])).toEqual({ type: 'delivered' })
    expect(await all('messages?select=id')).toEqual([{ id: one.id }])
  })

  test('is told within the time that an answer may take, and after one single request', async () => {
    rig.front.fault(() => ({ type: 'hang' }))
    const before = rig.front.requests.length
    const hasty = await connectSupabase({ url: rig.url, key: rig.key, answerTimeoutMs: 300 })
    onTestFinished(hasty.close)
    const sendSoon = createRowSender(hasty)
    const startedAt = performance.now()
    await sendSoon('messages', [message()], new AbortController().signal)
    expect(performance.now() - startedAt).toBeLessThan(PATIENCE_MS / 2)
    rig.front.fault(() => ({ type: 'answer', status: 503, body: '{}' }))
    await sent([message()])
    expect(rig.front.requests.length - before).toBe(2)
  })

  test('by the signal is told at once', async () => {
    rig.front.fault(() => ({ type: 'hang' }))
    const startedAt = performance.now()
    const outcome = await send('messages', [message()], AbortSignal.timeout(50))
    expect(outcome).toMatchObject({ type: 'unavailable', because: 'trouble' })
    expect(performance.now() - startedAt).toBeLessThan(PATIENCE_MS / 2)
  })
})

describe('a connection', () => {
  test('opens no more sockets than it may, whatever is asked at once', async () => {
    const few = await connectSupabase({ url: rig.url, key: rig.key, maxSockets: 4 })
    const before = rig.front.connections()
    const sendFew = createRowSender(few)
    const outcomes = await Promise.all(
      Array.from({ length: 60 }, () => sendFew('messages', [message()], new AbortController().signal)),
    )
    expect(new Set(outcomes.map(({ type }) => type))).toEqual(new Set(['delivered']))
    expect(rig.front.connections() - before).toBeLessThanOrEqual(4)
    expect(few.openSockets()).toBeGreaterThan(0)
    await few.close()
    expect(few.openSockets()).toBe(0)
  })

  test.each(['', 'ftp://host', 'http://user:secret@host'])(
    'is not made to %j, and the error does not repeat it',
    async url => {
      await expect(connectSupabase({ url, key: 'k' })).rejects.toMatchObject({ reason: 'INVALID_REQUEST' })
      await expect(connectSupabase({ url, key: 'k' })).rejects.not.toThrow(/secret/)
    },
  )
})

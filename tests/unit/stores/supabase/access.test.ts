// The schema as the API shows it, through real PostgREST: who sees what, and what a row that comes twice or late does.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { uuidv7 } from '../../../../src/core/ids.ts'
import { restCall } from '../../../support/rest-call.ts'
import { type SupabaseRig, startSupabase } from '../../../support/supabase-rig.ts'
import { ANON_KEY, signToken, tenantToken } from '../../../support/supabase-tokens.ts'

let rig: SupabaseRig

beforeAll(async () => {
  rig = await startSupabase()
})
afterAll(() => rig?.stop())
beforeEach(() =>
  rig.sql(
    'truncate tenants, api_keys, conversations, messages, files, file_blobs, provider_files, usage_ledger, usage_daily, events, audit_log',
  ),
)

const IGNORE = 'resolution=ignore-duplicates,return=minimal'
const MERGE = 'resolution=merge-duplicates,return=minimal'

const message = (tenant: string, text: string) => ({
  id: uuidv7(Date.now()),
  tenant_id: tenant,
  conversation_id: uuidv7(Date.now()),
  place: 1,
  role: 'user',
  content: JSON.stringify({ text }),
})

describe('a row that is sent', () => {
  test('twice is there once, as it was the first time', async () => {
    const first = message('acme', 'hello')
    const send = (row: object) =>
      restCall(rig, 'messages?on_conflict=id', { method: 'POST', body: [row], prefer: IGNORE })
    expect((await send(first)).status).toBe(201)
    expect((await send({ ...first, content: JSON.stringify({ text: 'another' }) })).status).toBe(201)
    expect((await restCall(rig, 'messages?select=id,content')).body).toEqual([
      { id: first.id, content: '{"text":"hello"}' },
    ])
  })

  test('with an older or the same version changes nothing, with a newer one everything', async () => {
    const id = uuidv7(Date.now())
    const send = (title: string, version: number) =>
      restCall(rig, 'conversations?on_conflict=id', {
        method: 'POST',
        body: [{ id, tenant_id: 'acme', title, version }],
        prefer: MERGE,
      })
    const titles: unknown[] = []
    for (const [title, version] of [
      ['second', 2],
      ['first', 1],
      ['second again', 2],
      ['third', 3],
    ] as const) {
      expect((await send(title, version)).status).toBeLessThan(300)
      titles.push((await restCall(rig, 'conversations?select=title')).body)
    }
    expect(titles).toEqual([
      [{ title: 'second' }],
      [{ title: 'second' }],
      [{ title: 'second' }],
      [{ title: 'third' }],
    ])
  })

  test('keeps the text of a message letter by letter, zero characters and half pairs included', async () => {
    const row = message('acme', 'a\u0000b \ud800 ü 🙂')
    await restCall(rig, 'messages?columns=id,tenant_id,conversation_id,place,role,content', {
      method: 'POST',
      body: [row],
      prefer: IGNORE,
    })
    expect((await restCall(rig, 'messages?select=content')).body).toEqual([
      { content: '{"text":"a\\u0000b \\ud800 ü 🙂"}' },
    ])
  })

  test('breaking a check is refused with the SQLSTATE of that', async () => {
    const body = { blob_key: 'k', tenant_id: 'acme', sha256: 'short', size_bytes: 1 }
    const answer = await restCall(rig, 'file_blobs', { method: 'POST', body })
    expect(answer).toMatchObject({ status: 400, body: { code: '23514' } })
  })
})

describe('access', () => {
  const tables = [
    'tenants',
    'api_keys',
    'conversations',
    'messages',
    'file_blobs',
    'files',
    'provider_files',
    'usage_ledger',
    'usage_daily',
    'events',
    'audit_log',
  ]

  test('is denied to the public key, for every table, reading and writing', async () => {
    for (const table of tables) {
      const answers = [
        await restCall(rig, table, { key: ANON_KEY }),
        await restCall(rig, table, {
          key: ANON_KEY,
          method: 'POST',
          body: table === 'tenants' ? { id: 'acme' } : { tenant_id: 'acme' },
        }),
        await restCall(rig, table, { key: ANON_KEY, method: 'DELETE' }),
      ]
      expect(answers.map(({ status, body }) => [table, status, (body as { code: string }).code])).toEqual([
        [table, 401, '42501'],
        [table, 401, '42501'],
        [table, 401, '42501'],
      ])
    }
  })

  test('of a tenant ends at its own rows, and it changes none of them', async () => {
    const own = message('acme', 'mine')
    const foreign = message('other', 'theirs')
    await restCall(rig, 'messages', { method: 'POST', body: [own, foreign] })
    const token = tenantToken('acme')
    expect((await restCall(rig, 'messages?select=id', { token })).body).toEqual([{ id: own.id }])
    expect((await restCall(rig, `messages?id=eq.${foreign.id}`, { token })).body).toEqual([])
    expect((await restCall(rig, `messages?id=eq.${own.id}`, { token, method: 'DELETE' })).status).toBe(403)
    const added = await restCall(rig, 'messages', { token, method: 'POST', body: message('acme', 'forged') })
    expect(added.status).toBe(403)
    expect(await rig.sql('select count(*) from messages')).toEqual([{ count: '2' }])
  })

  test('of a tenant does not reach keys, the audit log, copies at providers and the list of tenants', async () => {
    const token = tenantToken('acme')
    const statuses = await Promise.all(
      ['api_keys', 'audit_log', 'provider_files', 'tenants'].map(
        async table => (await restCall(rig, table, { token })).status,
      ),
    )
    expect(statuses).toEqual([403, 403, 403, 403])
  })

  test('without a tenant in the token is access to nothing', async () => {
    await restCall(rig, 'messages', {
      method: 'POST',
      body: [message('acme', 'mine'), message('', 'nobody’s')],
    })
    for (const claims of [{}, { tenant_id: '' }, { tenant_id: null }]) {
      const token = signToken({ role: 'authenticated', ...claims })
      expect((await restCall(rig, 'messages', { token })).body).toEqual([])
    }
  })

  test('to the months directly is given to nobody, the service included', async () => {
    const month = new Date().toISOString().slice(0, 7).replace('-', '_')
    expect((await restCall(rig, `messages_${month}`)).status).toBe(404)
  })

  test('to the functions is the service’s alone', async () => {
    const calls = [
      ['make_partitions', { months_ahead: 3 }],
      ['drop_partitions', { parent: 'events', before: '2020-01-01' }],
      ['rows_without_month', {}],
      ['rollup_usage', { from_day: '2026-01-01', to_day: '2026-01-02' }],
      ['usage_sums', { asked: {} }],
      ['uuid7_floor', { moment: '2026-01-01' }],
      ['touch_keys', { uses: [] }],
    ] as const
    for (const [name, body] of calls) {
      const ask = { method: 'POST', body }
      expect([name, (await restCall(rig, `rpc/${name}`, { ...ask, key: ANON_KEY })).status]).toEqual([
        name,
        401,
      ])
      expect([
        name,
        (await restCall(rig, `rpc/${name}`, { ...ask, token: tenantToken('acme') })).status,
      ]).toEqual([name, 403])
      // 204: a function that gives nothing.
      const own = (await restCall(rig, `rpc/${name}`, ask)).status
      expect([name, own]).toEqual([name, name === 'touch_keys' ? 204 : 200])
    }
  })
})

describe('the roll-up', () => {
  const line = (response: string, at: string, more: object = {}) => ({
    id: uuidv7(Date.parse(at)),
    tenant_id: 'acme',
    response_id: response,
    provider: 'openai',
    model: 'gpt',
    outcome: 'completed',
    input_tokens: 10,
    output_tokens: 5,
    provenance: 1,
    nano_usd: 1000,
    cost_known: true,
    cost: null,
    started_at: at,
    ended_at: at,
    ...more,
  })
  const rollUp = () =>
    restCall(rig, 'rpc/rollup_usage', {
      method: 'POST',
      body: { from_day: '2026-11-20', to_day: '2026-11-21' },
    })
  const daily = async () => (await restCall(rig, 'usage_daily?order=day,model')).body

  test('adds a call with two lines up once, and what is unknown apart, however often it runs', async () => {
    const [one, two] = [
      uuidv7(Date.parse('2026-11-20T10:00:00Z')),
      uuidv7(Date.parse('2026-11-20T11:00:00Z')),
    ]
    await restCall(rig, 'usage_ledger', {
      method: 'POST',
      body: [
        line(one, '2026-11-20T10:00:00Z'),
        line(one, '2026-11-20T10:00:00Z'),
        line(two, '2026-11-20T23:59:59.999Z', {
          outcome: 'failed',
          cost_known: false,
          nano_usd: 7,
          provenance: 3,
        }),
        line(two, '2026-11-21T00:00:00Z', { outcome: 'failed' }),
        line(two, '2026-11-22T00:00:00Z', { model: 'not in these days' }),
      ],
    })
    expect(await rollUp()).toEqual({ status: 200, body: 2 })
    const first = await daily()
    const shared = {
      tenant_id: 'acme',
      provider: 'openai',
      model: 'gpt',
      subject: '',
      cached_input_tokens: 0,
    }
    const none = { cache_write_tokens: 0, reasoning_tokens: 0 }
    expect(first).toEqual([
      {
        ...shared,
        ...none,
        day: '2026-11-20',
        requests: 2,
        errors: 1,
        input_tokens: 30,
        output_tokens: 15,
        nano_usd: 2000,
        unknown_cost: 1,
        estimated: 1,
      },
      {
        ...shared,
        ...none,
        day: '2026-11-21',
        requests: 1,
        errors: 1,
        input_tokens: 10,
        output_tokens: 5,
        nano_usd: 1000,
        unknown_cost: 0,
        estimated: 0,
      },
    ])
    expect((await Promise.all([rollUp(), rollUp()])).map(({ status }) => status)).toEqual([200, 200])
    expect(await daily()).toEqual(first)
  })

  test('forgets a day whose lines are gone', async () => {
    await restCall(rig, 'usage_ledger', { method: 'POST', body: [line(uuidv7(0), '2026-11-20T10:00:00Z')] })
    await rollUp()
    expect(await daily()).toHaveLength(1)
    await rig.sql('truncate usage_ledger')
    await rollUp()
    expect(await daily()).toEqual([])
  })
})

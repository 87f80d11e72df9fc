// The schema of the Supabase store on a real Postgres: it sets itself up anywhere, and again without changing anything.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { uuidv7 } from '../../../../src/core/ids.ts'
import { type Postgres, startPostgres } from '../../../support/postgres.ts'
import { SqlError } from '../../../support/postgres-wire.ts'
import { migrate } from '../../../support/supabase-rig.ts'

let postgres: Postgres

beforeAll(async () => {
  postgres = await startPostgres()
})
afterAll(() => postgres?.stop())

/** Everything of the schema that a person could see, as text. */
async function picture(): Promise<string> {
  const schemas = "('public', 'part', 'storage')"
  const rows = await postgres.sql(`
    select 'relation', n.nspname || '.' || c.relname, concat_ws('|', c.relkind, c.relrowsecurity, c.relacl, c.reloptions,
      pg_get_expr(c.relpartbound, c.oid)) as looks
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname in ${schemas}
    union all
    select 'column', attrelid::regclass || '.' || attname, concat_ws('|', atttypid::regtype, attnotnull, attcompression)
    from pg_attribute where attrelid in (select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname in ${schemas}) and attnum > 0
    union all
    select 'index', indexname, indexdef from pg_indexes where schemaname in ${schemas}
    union all
    select 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid) from pg_constraint
    where connamespace in (select oid from pg_namespace where nspname in ${schemas})
    union all
    select 'policy', tablename || '.' || policyname, concat_ws('|', roles, cmd, qual) from pg_policies
    union all
    select 'function', p.oid::regprocedure::text, concat_ws('|', p.proacl, p.prosecdef, p.prosrc)
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname in ${schemas}
    union all
    select 'trigger', tgrelid::regclass || '.' || tgname, pg_get_triggerdef(oid) from pg_trigger where not tgisinternal
    order by 1, 2`)
  return rows.map(row => JSON.stringify(row)).join('\n')
}

describe('the migrations', () => {
  test('run on an empty Postgres that has no role and no schema of Supabase, and again without a change', async () => {
    await migrate(postgres)
    const first = await picture()
    expect(first).toContain('part.messages_rest')
    expect(first).toContain('tenant_read')
    expect(first).toContain('keep_newest')
    await migrate(postgres)
    expect(await picture()).toBe(first)
  })

  test('give every table row level security, the months of this year and the next included', async () => {
    const open = await postgres.sql(`
      select c.oid::regclass as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname in ('public', 'part') and c.relkind in ('r', 'p') and not c.relrowsecurity`)
    expect(open).toEqual([])
  })

  test('keep a row that was there before they ran again', async () => {
    await postgres.sql("insert into tenants (id, name) values ('kept', 'of the first time')")
    await migrate(postgres)
    expect(await postgres.sql("select name from tenants where id = 'kept'")).toEqual([
      { name: 'of the first time' },
    ])
  })

  test('set the bucket and its policy up as soon as there is a storage schema, once', async () => {
    await postgres.sql(`
      create role authenticated nologin;
      create schema storage;
      grant usage on schema storage to authenticated;
      create table storage.buckets (id text primary key, name text, public boolean, file_size_limit bigint);
      create table storage.objects (bucket_id text, name text);
      alter table storage.objects enable row level security;
      grant select on storage.objects to authenticated;
      create function storage.foldername(name text) returns text[] language sql immutable
        as $$ select (string_to_array(name, '/'))[1:array_length(string_to_array(name, '/'), 1) - 1] $$;`)
    await migrate(postgres)
    const first = await picture()
    await migrate(postgres)
    expect(await picture()).toBe(first)
    expect(await postgres.sql('select id, public from storage.buckets')).toEqual([
      { id: 'files', public: 'f' },
    ])
  })

  test('let a tenant read the objects in its own folder of the bucket and no others', async () => {
    await postgres.sql(`insert into storage.objects values
      ('files', 'acme/aa/aa1'), ('files', 'other/bb/bb2'), ('elsewhere', 'acme/cc/cc3'), ('files', 'dd4')`)
    const seen = (tenant: string) =>
      postgres.sql(`begin; set local role authenticated;
        set local request.jwt.claims = '${JSON.stringify({ tenant_id: tenant })}';
        select name from storage.objects; commit`)
    expect(await seen('acme')).toEqual([{ name: 'acme/aa/aa1' }])
    expect(await seen('nobody')).toEqual([])
    // A name with a slash leads to a folder of its own, named by its SHA-256 (as sha256sum prints it), not into acme's.
    expect(await seen('acme/aa')).toEqual([])
    await postgres.sql(
      "insert into storage.objects values ('files', 't-0bfb824316cbcc849822b040ed4dc8d9383ff2223c14c320d77bcc721fdfba48/ee/ee5')",
    )
    expect(await seen('acme/aa')).toEqual([
      { name: 't-0bfb824316cbcc849822b040ed4dc8d9383ff2223c14c320d77bcc721fdfba48/ee/ee5' },
    ])
  })
})

describe('the months', () => {
  test('are there for last month, this one and three more, so a row of today lies in its own', async () => {
    const id = uuidv7(Date.now())
    await postgres.sql(`insert into events (id, kind) values ('${id}', 'test.today')`)
    const month = new Date().toISOString().slice(0, 7).replace('-', '_')
    expect(
      await postgres.sql(`select tableoid::regclass::text as part from events where id = '${id}'`),
    ).toEqual([{ part: `part.events_${month}` }])
  })

  test('prune: a query with a lower bound made from a time does not look at the months before it', async () => {
    const plan = await postgres.sql(
      `explain select * from messages where conversation_id = '${uuidv7(0)}' and id >= uuid7_floor(date_trunc('month', now()))`,
    )
    const text = plan.map(row => row['QUERY PLAN']).join('\n')
    const month = new Date().toISOString().slice(0, 7).replace('-', '_')
    const before = new Date(Date.UTC(Number(month.slice(0, 4)), Number(month.slice(5)) - 2)).toISOString()
    expect(text).toContain(`messages_${month}`)
    expect(text).not.toContain(`messages_${before.slice(0, 7).replace('-', '_')}`)
  })

  test('are made once; rows that came too early wait in the rest and move to their month', async () => {
    const far = new Date()
    far.setUTCDate(15)
    far.setUTCMonth(far.getUTCMonth() + 6)
    const id = uuidv7(far.getTime())
    await postgres.sql(
      `insert into usage_ledger (id, tenant_id, response_id) values ('${id}', 'early', '${id}')`,
    )
    expect(await postgres.sql('select * from rows_without_month() where waiting > 0')).toEqual([
      { parent: 'usage_ledger', waiting: '1' },
    ])
    expect(await postgres.sql('select make_partitions(3) as made')).toEqual([{ made: '0' }])
    expect(await postgres.sql('select make_partitions(6) as made')).toEqual([{ made: '9' }])
    expect(await postgres.sql('select * from rows_without_month() where waiting > 0')).toEqual([])
    const month = far.toISOString().slice(0, 7).replace('-', '_')
    expect(
      await postgres.sql(`select tableoid::regclass::text as part from usage_ledger where id = '${id}'`),
    ).toEqual([{ part: `part.usage_ledger_${month}` }])
  })

  test('are dropped whole when they ended before a moment, in the table that was named and no other', async () => {
    const last = new Date()
    last.setUTCDate(1)
    last.setUTCMonth(last.getUTCMonth() - 1)
    const month = last.toISOString().slice(0, 7).replace('-', '_')
    const dropped = await postgres.sql("select drop_partitions('events', now())::text as names")
    expect(dropped).toEqual([{ names: `{events_${month}}` }])
    expect(await postgres.sql(`select to_regclass('part.messages_${month}') is not null as there`)).toEqual([
      { there: 't' },
    ])
    await expect(postgres.sql("select drop_partitions('tenants', now())")).rejects.toThrow(SqlError)
  })

  test('begin at the smallest UUIDv7 of their first millisecond', async () => {
    // 2022-02-22T19:22:22Z is the time of RFC 9562's example of a UUIDv7, 017F22E2-79B0-….
    expect(await postgres.sql("select uuid7_floor('2022-02-22T19:22:22Z') as id")).toEqual([
      { id: '017f22e2-79b0-7000-8000-000000000000' },
    ])
  })
})

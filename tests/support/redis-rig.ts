// A Redis of its own for a test: the real server where there is one, else the one written in JavaScript, killed and paused at will.
import { once } from 'node:events'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'
import { systemClock } from '../../src/core/clock.ts'
import { createProcessShared } from '../../src/stores/process/shared.ts'
import {
  createRedisShared,
  type RedisShared,
  type RedisSharedDeps,
  type RedisState,
} from '../../src/stores/redis/shared.ts'
import type { SharedRig } from '../suites/shared-log.ts'
import { type Child, startChild, untilReady } from './child.ts'
import { freePorts } from './free-port.ts'
import { tool } from './tools.ts'

const START_TRIES = 3
const ELAPSED_MS = 20

/** A running Redis. */
export interface RedisServer {
  readonly url: string
  readonly port: number
  /** Sends a command as words and gives the raw answer. */
  ask(...words: readonly string[]): Promise<string>
  /** Kills it at once: nothing that it held is kept. */
  kill(): Promise<void>
  /** Starts it again on the same port, empty. */
  restart(): Promise<void>
  /** Keeps it from doing anything; its sockets stay open. */
  pause(): void
  goOn(): void
  /** Ends it. */
  stop(): Promise<void>
}

/** What `startRedis` may be given. */
export interface RedisOptions {
  /** What clients have to say before anything else. */
  readonly password?: string
}

/** Starts an empty Redis. */
export async function startRedis({ password }: RedisOptions = {}): Promise<RedisServer> {
  let { child, port } = await firstStart(password)
  return {
    port,
    url: `redis://${password === undefined ? '' : `:${password}@`}127.0.0.1:${port}`,
    ask: (...words) => ask(port, password, words),
    kill: () => child.stop('SIGKILL'),
    async restart() {
      child = await start(port, password)
    },
    pause: () => void process.kill(child.pid, 'SIGSTOP'),
    goOn: () => void process.kill(child.pid, 'SIGCONT'),
    async stop() {
      if (!child.isGone()) await child.stop('SIGKILL')
    },
  }
}

async function firstStart(password: string | undefined): Promise<{ child: Child; port: number }> {
  for (let left = START_TRIES; ; left -= 1) {
    const [port = 0] = await freePorts(1)
    try {
      return { child: await start(port, password), port }
    } catch (error) {
      // Somebody else may have taken the port meanwhile.
      if (left <= 1) throw error
    }
  }
}

async function start(port: number, password: string | undefined): Promise<Child> {
  const real = tool('redis-server')
  const child =
    real === undefined
      ? await startChild(process.execPath, [
          join(import.meta.dirname, 'redis-child.ts'),
          `${port}`,
          password ?? '',
        ])
      : await startChild(real.path, [
          ...['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
          ...(password === undefined ? [] : ['--requirepass', password]),
        ])
  await untilReady(child, async () => (await ask(port, password, ['PING']).catch(() => '')) === '+PONG\r\n')
  return child
}

/** One command on a connection of its own. */
async function ask(port: number, password: string | undefined, words: readonly string[]): Promise<string> {
  const socket = createConnection({ host: '127.0.0.1', port })
  try {
    await once(socket, 'connect')
    if (password !== undefined) {
      socket.write(command(['AUTH', password]))
      await once(socket, 'data')
    }
    socket.write(command(words))
    const [answer]: readonly Buffer[] = await once(socket, 'data')
    return String(answer)
  } finally {
    socket.destroy()
  }
}

function command(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map(word => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`
}

/** What a test may choose of a way into Redis. */
export type RedisWayOptions = Partial<Omit<RedisSharedDeps, 'url' | 'onState'>>

/** A way into Redis as one process has it. */
export interface RedisWay {
  readonly shared: RedisShared
  /** Every state that was told, oldest first. */
  readonly states: readonly RedisState[]
  /** Everything that was logged, as one text. */
  readonly logged: () => string
  /** How many commands ended in which way. */
  readonly outcomes: ReadonlyMap<string, number>
}

/** Connects as a process would; patient unless the test says otherwise, because the machine may be busy with other tests. */
export async function connectRedis(url: string, options: RedisWayOptions = {}): Promise<RedisWay> {
  const states: RedisState[] = []
  const lines: string[] = []
  const outcomes = new Map<string, number>()
  const note = (message: string, fields: unknown): void =>
    void lines.push(inspect([message, fields], { depth: 9 }))
  const { clock = systemClock, ...rest } = options
  const shared = await createRedisShared({
    url,
    clock,
    local: createProcessShared({ clock, onFault: () => undefined, sweepEveryMs: 5 }),
    log: { debug: note, info: note, warn: note, error: note },
    commandTimeoutMs: 2_000,
    startMs: 5_000,
    outMs: 20,
    lookEveryMs: 20,
    ...rest,
    onState: state => void states.push(state),
    onCommand: ({ outcome }) => void outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1),
  })
  return { shared, states, logged: () => lines.join('\n'), outcomes }
}

/** Two processes on one Redis, for the suites of the port. */
export async function createRedisSharedRig(server: RedisServer): Promise<SharedRig> {
  await server.ask('FLUSHALL')
  const [one, two] = await Promise.all([connectRedis(server.url), connectRedis(server.url)])
  return {
    shared: one.shared,
    other: two.shared,
    // Time at the other end of a socket cannot be moved, and what expires there may take a moment to be seen here.
    elapse: ms => sleep(ms + ELAPSED_MS),
    close: async () => void (await Promise.all([one.shared.close(), two.shared.close()])),
  }
}

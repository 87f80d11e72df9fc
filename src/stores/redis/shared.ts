// State that the processes of a service share through Redis. What this process writes is there for it at once, Redis or not:
// it falls back to the state in the process, says so, brings what it wrote when Redis works again, and never throws.
import type { Redis } from 'ioredis'
import type { Clock } from '../../core/clock.ts'
import { GatewayError } from '../../core/errors.ts'
import { uuidv7 } from '../../core/ids.ts'
import type { Log } from '../../core/log.ts'
import type { Shared } from '../../core/shared.ts'
import { createCounters } from './counters.ts'
import type { RedisFailure } from './faults.ts'
import { type CommandEnd, createLine } from './line.ts'
import { createLogs } from './logs.ts'
import { createTopics } from './topics.ts'
import { createValues } from './values.ts'

/** How Redis is: whether state is shared with other processes now, and if not, why. */
export type RedisState =
  | { readonly isUp: true }
  | {
      readonly isUp: false
      readonly fault: RedisFailure['fault']
      /** A code such as `ECONNREFUSED` or `WRONGPASS`; empty when there is none. */
      readonly code: string
    }

/** What `createRedisShared` needs. */
export interface RedisSharedDeps {
  /** `redis://[user:password@]host[:port][/database]`, or `rediss://` for TLS. It is never logged. */
  readonly url: string
  readonly clock: Clock
  readonly log: Log
  /** State in this process; it is closed with this one. */
  readonly local: Shared
  /** Called whenever the state changes, and once after the first try. */
  readonly onState?: (state: RedisState) => void
  /** Called after each command. */
  readonly onCommand?: (end: CommandEnd) => void
  /** How long a command may take, in milliseconds. */
  readonly commandTimeoutMs?: number
  /** How long Redis is left alone after it has failed, in milliseconds. */
  readonly outMs?: number
  /** How often a log that is followed is looked at when nothing is heard of it, in milliseconds. */
  readonly lookEveryMs?: number
  /** How long the start waits for Redis, in milliseconds. */
  readonly startMs?: number
}

/** Shared state in Redis. */
export interface RedisShared extends Shared {
  state(): RedisState
}

const COMMAND_MS = 50
const OUT_MS = 2_000
const LOOK_EVERY_MS = 1_000
const START_MS = 1_000
const CLOSE_MS = 500
const CONNECT_MS = 2_000
const RECONNECT_MS_MIN = 50
const RECONNECT_MS_MAX = 1_000
// Longer than every process needs to connect again and to bring what Redis has lost.
const FRESH_MS = 5_000

/**
 * Connects to Redis. Resolves when it works or the start has waited long enough; whatever becomes of Redis later is told by
 * `onState`. Throws INVALID_REQUEST for a URL that is none.
 */
export async function createRedisShared(deps: RedisSharedDeps): Promise<RedisShared> {
  const { clock, log, local, onState, startMs = START_MS } = deps
  const connect = await connector(deps.url)
  const process = uuidv7(clock.now())
  const closing = new AbortController()
  const commands = connect()
  const listener = connect()
  const isFresh = (): boolean => clock.monotonic() - line.lostAtMs() < FRESH_MS
  const line = createLine({
    redis: commands,
    clock,
    commandTimeoutMs: deps.commandTimeoutMs ?? COMMAND_MS,
    outMs: deps.outMs ?? OUT_MS,
    onCommand: deps.onCommand,
    isBehind: () => values.isBehind() || counters.isBehind(),
    onOther(isEmpty) {
      values.maybeLost()
      logs.maybeLost()
      if (isEmpty) counters.lost()
    },
    async restore(run) {
      if (!(await values.restore(run)) || !(await counters.restore(run))) return false
      // Not waited for: logs may be many megabytes, and what is not in Redis yet is here.
      if (line.isUp()) logs.restore()
      return true
    },
    onState(failure) {
      if (failure === undefined) {
        logs.restore()
        topics.wakeAll()
      }
      tell()
    },
  })
  const values = createValues({ line, local, clock, process, isFresh })
  const counters = createCounters({ line, clock })
  const topics = createTopics({
    redis: listener,
    line,
    local,
    process,
    onTaken: (name, isRemoved) => logs.taken(name, isRemoved),
    onState: () => tell(),
  })
  const logs = createLogs({
    line,
    topics,
    local,
    clock,
    process,
    lookEveryMs: deps.lookEveryMs ?? LOOK_EVERY_MS,
    isFresh,
    closing: closing.signal,
  })

  const state = (): RedisState =>
    line.isUp() && topics.isListening() ? { isUp: true } : { isUp: false, ...line.lastFailure() }
  const works = Promise.withResolvers<void>()
  let told: boolean | undefined
  let hasStarted = false
  function tell(): void {
    const now = state()
    if (now.isUp) works.resolve()
    if (!hasStarted || closing.signal.aborted || told === now.isUp) return
    told = now.isUp
    if (now.isUp) log.info('redis works')
    else log.warn('redis is out: this process goes on alone', { fault: now.fault, code: now.code })
    onState?.(now)
  }

  const hasFailed = line.tried.then(() => (line.isUp() ? works.promise : undefined))
  await Promise.race([hasFailed, works.promise, after(startMs)])
  hasStarted = true
  tell()

  return {
    get: values.get,
    set: values.set,
    claim: values.claim,
    swap: values.swap,
    async remove(name) {
      logs.removed(name)
      await values.remove(name)
    },
    append: logs.append,
    trim: logs.trim,
    read: logs.read,
    tail: logs.tail,
    reserve: counters.reserve,
    settle: counters.settle,
    renew: counters.renew,
    adjust: counters.adjust,
    publish: topics.publish,
    subscribe: topics.subscribe,
    state,
    async close() {
      if (closing.signal.aborted) return
      closing.abort()
      const isGood = line.isUp()
      line.close()
      // What was written last is still on its way: an ending, or that a key is free.
      if (isGood) await Promise.race([commands.quit().catch(() => undefined), after(CLOSE_MS)])
      commands.disconnect()
      listener.disconnect()
      values.close()
      counters.close()
      await local.close()
    },
  }
}

/** Loads the driver. Gives what makes a connection that tries for ever and keeps nothing for later. */
async function connector(url: string): Promise<() => Redis> {
  if (!URL.canParse(url) || !/^rediss?:$/.test(new URL(url).protocol))
    throw new GatewayError('INVALID_REQUEST', 'REDIS_URL is no address; write it like redis://host:6379')
  const { Redis: Client } = await import('ioredis')
  return () =>
    new Client(url, {
      // Every Redis since 2.8 and every proxy speaks it.
      protocol: 2,
      disableClientInfo: true,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      autoResubscribe: false,
      maxRetriesPerRequest: 0,
      connectTimeout: CONNECT_MS,
      retryStrategy: times => Math.min(RECONNECT_MS_MIN * times, RECONNECT_MS_MAX),
    })
}

function after(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms).unref())
}

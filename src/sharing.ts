// Opens the state that processes share: in Redis when there is one, and in this process alone when there is none.
import type { Clock } from './core/clock.ts'
import type { Log } from './core/log.ts'
import type { Shared } from './core/shared.ts'
import { createProcessShared } from './stores/process/shared.ts'
import type { RedisShared, RedisSharedDeps, RedisState } from './stores/redis/shared.ts'

/** What `openSharing` needs. */
export interface SharingDeps {
  /** `REDIS_URL`; absent: state is in this process alone. */
  readonly redisUrl: string | undefined
  readonly clock: Clock
  readonly log: Log
  /** Called after each command to Redis, with `ok` or what went wrong. */
  readonly onCommand?: (outcome: RedisOutcome) => void
}

/** How a command to Redis ended. */
export type RedisOutcome = 'ok' | Extract<RedisState, { isUp: false }>['fault']

/** How a part is, for health reports. */
export interface SharingHealth {
  readonly status: 'healthy' | 'degraded'
  /** Why it is not healthy; empty when it is. */
  readonly reason: string
}

/** The state that processes share. */
export interface Sharing {
  readonly shared: Shared
  /** `redis` when one is configured. It is never worse than degraded: this process goes on alone. */
  health(): Readonly<Record<string, SharingHealth>>
  /** Whether Redis works; undefined when none is configured. */
  isUp(): boolean | undefined
  /** Calls the listener when `health` gives something else than before. Returns the way to stop that. */
  onHealth(listener: () => void): () => void
  close(): Promise<void>
}

/** Opens it. Waits a second at most for a Redis that does not answer. Throws INVALID_REQUEST when the URL is none. */
export async function openSharing({ redisUrl, clock, log, onCommand }: SharingDeps): Promise<Sharing> {
  const listeners = new Set<() => void>()
  const local = createProcessShared({
    clock,
    onFault: err => log.error('a listener of the shared state failed', { err }),
  })
  const redis: RedisShared | undefined =
    redisUrl === undefined
      ? undefined
      : await openRedis({
          url: redisUrl,
          clock,
          log,
          local,
          onState: () => {
            for (const listener of listeners) listener()
          },
          onCommand: ({ outcome }) => onCommand?.(outcome),
        })
  return {
    shared: redis ?? local,
    health: () => (redis === undefined ? {} : { redis: healthOf(redis.state()) }),
    isUp: () => redis?.state().isUp,
    onHealth(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    close: () => (redis ?? local).close(),
  }
}

/** Loads what has to do with Redis, which few services have, and opens it. */
async function openRedis(deps: RedisSharedDeps): Promise<RedisShared> {
  const { createRedisShared } = await import('./stores/redis/shared.ts')
  return createRedisShared(deps)
}

const REASONS = {
  connection: 'there is no connection',
  login:
    'it does not take the user or the password of REDIS_URL, or does not let that user do what is needed',
  timeout: 'it does not answer in time',
  answer: 'it refuses commands',
} as const satisfies Record<Exclude<RedisOutcome, 'ok'>, string>

function healthOf(state: RedisState): SharingHealth {
  if (state.isUp) return { status: 'healthy', reason: '' }
  const code = state.code === '' ? '' : ` (${state.code})`
  return {
    status: 'degraded',
    reason: `${REASONS[state.fault]}${code}; this process shares nothing with others until it does`,
  }
}

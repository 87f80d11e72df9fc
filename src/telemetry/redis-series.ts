// The names of what is measured of Redis; without one there are no such series.
import { Counter, Gauge, type Registry } from 'prom-client'

/** Makes the series. `isUp` is asked at each scrape; undefined when no Redis is configured. */
export function createRedisSeries(registers: Registry[], isUp: () => boolean | undefined) {
  return {
    redisUp: new Gauge({
      name: 'exai_redis_up',
      help: 'Whether state is shared through Redis (1) or this process goes on alone (0); only with REDIS_URL.',
      registers,
      collect() {
        const now = isUp()
        if (now === undefined) this.remove()
        else this.set(now ? 1 : 0)
      },
    }),
    redisCommands: new Counter({
      name: 'exai_redis_commands_total',
      help: 'Commands to Redis, by ok or what went wrong: connection, login, timeout, answer.',
      labelNames: ['outcome'],
      registers,
    }),
  }
}

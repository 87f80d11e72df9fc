// The metrics of what is kept and shared: the embedded store, files, and Redis, which has series only where there is one.
import type { Registry } from 'prom-client'
import type { FileAction } from '../core/gateway-event.ts'
import { addBacklogSeries, type Backlog } from './backlog-series.ts'
import { counter, gauge } from './metric-series.ts'
import { METRICS } from './metric-table.ts'

/** Takes what happened to what is kept. */
export interface KeepingSeries {
  /** Names the one who knows how many questions wait for the store; asked at each scrape. */
  bindStore(waiting: () => number): void
  /** Names the one who knows whether the store keeps what it is given; asked at each scrape. */
  bindStoreUp(isUp: () => boolean): void
  /** Names the one who knows what has not arrived in the project; asked at each scrape. To be called once. */
  bindBacklog(backlog: () => Promise<Backlog>): void
  /** A command to Redis ended, `ok` or by what went wrong; a closed set. */
  redisCommand(outcome: string): void
  /** Names the one who knows whether Redis works, undefined when there is none; asked at each scrape. */
  bindRedis(isUp: () => boolean | undefined): void
  /** Something became of a file of so many bytes. */
  fileChanged(action: FileAction, sizeBytes: number): void
}

/** Makes the series. */
export function createKeepingSeries(registry: Registry): KeepingSeries {
  let storeWaiting = () => 0
  let isStoreUp: (() => boolean) | undefined
  let isRedisUp = (): boolean | undefined => undefined
  gauge(registry, METRICS.storeUp, one => {
    if (isStoreUp === undefined) one.remove()
    else one.set(isStoreUp() ? 1 : 0)
  })
  gauge(registry, METRICS.storeWaiting, one => one.set(storeWaiting()))
  gauge(registry, METRICS.redisUp, one => {
    const now = isRedisUp()
    if (now === undefined) one.remove()
    else one.set(now ? 1 : 0)
  })
  const redisCommands = counter(registry, METRICS.redisCommands)
  const files = counter(registry, METRICS.files)
  const fileBytes = counter(registry, METRICS.fileBytes)
  return {
    bindStore(waiting) {
      storeWaiting = waiting
    },
    bindStoreUp(isUp) {
      isStoreUp = isUp
    },
    bindBacklog: backlog => addBacklogSeries(registry, backlog),
    redisCommand: outcome => redisCommands.inc({ outcome }),
    bindRedis(isUp) {
      isRedisUp = isUp
    },
    fileChanged(action, sizeBytes) {
      files.inc({ action })
      if (sizeBytes > 0) fileBytes.inc({ action }, sizeBytes)
    },
  }
}

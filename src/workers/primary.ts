// The owner of what the workers of a service share: the store, the shared state, the configuration, and the state of the whole.
import { openAccess } from '../access/open.ts'
import type { Config } from '../config/config.ts'
import { ConfigError } from '../config/config-error.ts'
import { fewestPlaces } from '../config/parts.ts'
import type { Snapshot } from '../config/snapshot.ts'
import { type ConfigSource, watchConfig } from '../config/watch.ts'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import type { Log, LogLevel } from '../core/log.ts'
import { SERVICES } from '../counted.ts'
import { openDataDir } from '../data-dir.ts'
import type { Gateway } from '../gateway.ts'
import { startKeepingJobs } from '../kept-files.ts'
import { createFirstTime } from '../metering/limit-news.ts'
import { openSharing } from '../sharing.ts'
import { namingRestarts } from '../snapshots.ts'
import { createSharedOwner } from '../stores/workers/shared-owner.ts'
import { createCounting } from '../telemetry/event-series.ts'
import { createEvents, createObserver } from '../telemetry/events.ts'
import type { LogFilesSink } from '../telemetry/logger.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import { startChild } from './child.ts'
import { createFleet } from './fleet.ts'
import { createHeldCircuits } from './held-circuits.ts'
import { connectWorker, type OwnedParts } from './link.ts'
import { probePort } from './port-probe.ts'
import { openWatching, type SeenWorker, type Watching } from './watching.ts'

/** What `startWorkers` needs. */
export interface WorkersDeps {
  readonly config: Config
  readonly log: Log
  readonly clock: Clock
  readonly source?: ConfigSource | undefined
  readonly files?: LogFilesSink | undefined
  readonly onLogLost?: ((hear: (count: number) => void) => void) | undefined
  readonly announce: (line: string) => void
  /** Path of the file that becomes a worker when it is started with the word for it. */
  readonly entry: string
  /** Takes who is to be told when the level of the log changes. */
  readonly onLevel: (hear: (level: LogLevel) => void) => void
}

/** Starts the workers, and owns what they share. Rejects as `startGateway` does. */
export async function startWorkers(deps: WorkersDeps): Promise<Gateway> {
  const { config, log, clock, announce, entry } = deps
  await using stack = new AsyncDisposableStack()
  // Several processes that share a port share it with strangers, too: nobody else may be there.
  const { at, release } = await probePort(config.listen)
  stack.defer(release)
  const events = createEvents({ log })
  const metrics = createMetrics({ providers: [], models: [], methods: [] })
  stack.defer(events.subscribe(createObserver({ log, metrics })))
  stack.defer(events.subscribe(createCounting(metrics)))
  deps.onLogLost?.(metrics.logLost)

  const workers = new Map<number, SeenWorker>()
  const present = (): readonly SeenWorker[] => [...workers.values()]
  const owned = Promise.withResolvers<OwnedParts>()
  owned.promise.catch(() => undefined)
  const inUse = { snapshot: config.snapshot, level: undefined as LogLevel | undefined }
  let watching: Watching | undefined
  const fleet = createFleet({
    count: config.workers,
    start: () => startChild(entry),
    open: (slot, child, onHung) =>
      connectWorker({ slot, child, owned: owned.promise, workers, files: deps.files, log, onHung }),
    log,
    clock,
    onMissing(slot, isMissing) {
      watching?.missing(slot, isMissing)
    },
    onRestart: metrics.workerRestarted,
  })
  stack.defer(fleet.kill)

  const opening = openDataDir({ config, clock, log })
  stack.defer(async () => (await opening.catch(() => undefined))?.close())
  const keeping = await opening.catch(refuse)
  const { redisUrl } = config
  const sharing = await openSharing({ redisUrl, clock, log, onCommand: metrics.redisCommand })
  stack.defer(sharing.close)
  metrics.bindRedis(sharing.isUp)
  const { shared } = sharing
  // Makes the first key and what keys are hashed with, before any worker asks for them.
  const access = await openAccess({ config, keys: keeping.keys, sharing, clock, log, announce }).catch(refuse)
  await access.close()
  watching = openWatching({
    config,
    clock,
    events,
    keeping,
    sharing,
    configVersion: () => inUse.snapshot.version,
    services: SERVICES.map(service => service.typeName),
    workers: present,
  })
  stack.defer(watching.close)
  const telling = watching
  stack.defer(
    sharing.onHealth(() => {
      for (const { worker } of present()) worker.tell('redis', sharing.isUp())
    }),
  )
  deps.onLevel(level => {
    inUse.level = level
    for (const { worker } of present()) worker.tell('level', level)
  })
  owned.resolve({
    config: { ...config, listen: { ...config.listen, port: at.port } },
    inUse,
    keeping,
    sharing,
    metrics,
    owner: createSharedOwner({ shared, onFault: err => log.error('the shared state failed', { err }) }),
    watching,
    held: createHeldCircuits(clock.now),
    firstNear: createFirstTime(),
  })
  await fleet.ready
  release()

  async function take(next: Snapshot): Promise<void> {
    refuseFewPlaces(next, config.workers)
    const told = async (one: SeenWorker): Promise<void> => {
      await one.worker.ask('take', one.partOf(next)).catch((error: unknown) => {
        // One that has died meanwhile begins with what is in use by then.
        if (present().includes(one)) throw error
      })
    }
    // The first one refuses for all: what is wrong with it is wrong for each of them.
    const [first, ...others] = present()
    if (first !== undefined) await told(first)
    await Promise.all(others.map(told))
    inUse.snapshot = next
    telling.look()
  }
  const { source } = deps
  const named = namingRestarts(take, { begun: config.snapshot, log })
  const { version } = config.snapshot
  const watch = source && watchConfig({ source, version, take: named, onEvent: events.emit })
  stack.defer(() => watch?.close())
  stack.defer(startKeepingJobs(keeping.jobs, { shared, clock, log }).close)

  const opened = stack.move()
  return {
    at,
    reread: async () => watch?.reread() ?? 'none',
    async stop() {
      telling.drain()
      const result = await fleet.drain()
      await opened.disposeAsync()
      return result
    },
    abort: fleet.abort,
  }
}

/** Each worker needs a place of every limit of calls at once, or its calls could never run. */
function refuseFewPlaces(snapshot: Snapshot, workers: number): void {
  const fewest = fewestPlaces(snapshot)
  if (fewest === undefined || fewest.places >= workers) return
  throw new GatewayError(
    'INVALID_REQUEST',
    `max_concurrent of ${fewest.whose} is ${fewest.places}, and ${workers} workers divide it: set ${workers} or more, or restart the service, which then starts fewer workers`,
  )
}

/** A folder that cannot be used is a mistake in the settings: no restart mends it. */
function refuse(error: unknown): never {
  throw new ConfigError([GatewayError.from(error).message])
}

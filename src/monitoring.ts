// Puts the seeing together: watches of state and events, recent calls, alerts, and the one timer that serves them all.
import { hostname } from 'node:os'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Config } from './config/config.ts'
import type { Clock } from './core/clock.ts'
import type { Monitoring } from './doors/connect/monitoring.ts'
import type { Keeping, KeepingNumbers } from './keeping.ts'
import type { Circuits } from './routing/circuit.ts'
import type { CallsSink } from './server/call-record.ts'
import { createOverload, type Overload, type OverloadCause } from './server/overload.ts'
import type { Sharing } from './sharing.ts'
import { createAlerts } from './status/alerts.ts'
import { createEventIds } from './status/event-ids.ts'
import { createRequestList } from './status/list-requests.ts'
import { certificatePart, createConfigPart, createLookedAt } from './status/parts.ts'
import { createRecentCalls } from './status/recent-calls.ts'
import type { BacklogState, ComponentReport } from './status/state.ts'
import { createStatus, type Status, type StatusDeps } from './status/status.ts'
import { createEventWatches } from './status/watch-events.ts'
import { createStatusWatches } from './status/watch-status.ts'
import { createWatchers } from './status/watchers.ts'
import type { Events } from './telemetry/events.ts'
import type { Metrics } from './telemetry/metrics.ts'

/** What `openMonitoring` needs. */
export interface OpenMonitoringDeps {
  readonly config: Pick<Config, 'dataDir' | 'listen' | 'timeouts'>
  readonly version: string
  readonly clock: Clock
  readonly events: Events
  readonly circuits: Pick<Circuits, 'states'>
  readonly keeping: Pick<Keeping, 'health' | 'numbers' | 'onHealth' | 'outbox' | 'waiting'>
  readonly metrics: Pick<Metrics, 'callShed'>
  readonly sharing: Pick<Sharing, 'health' | 'onHealth'>
  /** How our own store is. */
  readonly store: () => ComponentReport
  readonly providers: StatusDeps['providers']
  readonly services: readonly string[]
  readonly configVersion: () => number
}

/** The seeing of a process. */
export interface OpenMonitoring {
  readonly status: Status
  /** The RPCs that read. */
  readonly reads: Pick<Monitoring, 'getStatus' | 'watchStatus' | 'watchEvents' | 'listRequests'>
  /** Takes the calls of the port. */
  readonly calls: CallsSink
  /** Refuses calls while there is too much to do. */
  readonly overload: Overload
  /** What has not arrived in the stores behind, looked at now: the state goes by the same numbers from then on. */
  readonly backlog: () => Promise<Pick<KeepingNumbers, 'backlogRows' | 'backlogAgeMs' | 'deadLetters'>>
  /** Ends the timer. */
  close(): void
}

const TICK_MS = 1_000
/** Ticks between two looks at how late timers come. */
const LOOP_TICKS = 10
const LOOP_RESOLUTION_MS = 20
/** An overload is over when no call has been refused for so long, in milliseconds. */
const OVERLOAD_OVER_MS = 10_000

/** Begins to see. */
export function openMonitoring(deps: OpenMonitoringDeps): OpenMonitoring {
  const { config, clock, events, circuits, keeping, sharing, metrics } = deps
  const beganMs = clock.monotonic()
  const configPart = createConfigPart()
  const { tls } = config.listen
  const certificate = tls === undefined ? undefined : certificatePart(tls.cert, clock)
  const looked = createLookedAt({
    path: config.dataDir,
    ...(keeping.outbox === undefined ? {} : { backlog: async () => backlogOf(await keeping.numbers()) }),
  })
  const status = createStatus({
    providers: deps.providers,
    services: deps.services,
    circuits: circuits.states,
    store: () => worse(deps.store(), looked.disk()),
    others: () => ({
      ...keeping.health(),
      ...sharing.health(),
      config: configPart.report(),
      ...(certificate === undefined ? {} : { certificate: certificate() }),
    }),
    stores: () => ({
      sqlite: { ...worse(deps.store(), looked.disk()), freeBytes: looked.freeBytes() },
      files: { ...looked.disk(), freeBytes: looked.freeBytes() },
      ...keeping.health(),
      process: { status: 'healthy', reason: '' },
      ...sharing.health(),
    }),
    backlog: looked.backlog,
    configVersion: deps.configVersion,
    clock,
  })

  const watchers = createWatchers({ clock })
  const alerts = createAlerts({ clock, onEvent: events.emit })
  const instance = `${hostname()}:${process.pid}`
  const statusWatches = createStatusWatches({
    status,
    process: { version: deps.version, instance, uptimeMs: () => clock.monotonic() - beganMs },
    watchers,
    onState: alerts.update,
  })
  const eventWatches = createEventWatches({
    newId: createEventIds(clock),
    now: clock.now,
    circuit: (provider, model) =>
      circuits.states().find(one => one.provider === provider && one.model === model),
    watchers,
    providers: () => deps.providers().map(({ id }) => id),
  })
  const calls = createRecentCalls({ onEvent: events.emit })

  let shedAtMs = Number.NEGATIVE_INFINITY
  let shedFor: OverloadCause | undefined
  const overload = createOverload({
    clock,
    delayMs: config.timeouts.overloadDelayMs,
    storeWaiting: keeping.waiting,
    onShed(cause) {
      shedFor = cause
      shedAtMs = clock.monotonic()
      metrics.callShed(cause)
    },
  })

  const stops = [
    // Heard first: an alert comes after what it is about.
    events.subscribe(eventWatches.hear),
    events.subscribe(event => {
      configPart.hear(event)
      if (event.type === 'limit.near' || event.type === 'limit.refused') alerts.limit(event)
      if (event.type === 'circuit.changed' || event.type.startsWith('config.')) status.changed()
    }),
    status.onChange(() => void statusWatches.look()),
    keeping.onHealth(status.changed),
    sharing.onHealth(status.changed),
  ]
  const delay = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS })
  delay.enable()
  let ticks = 0
  const timer = setInterval(() => {
    ticks += 1
    alerts.overload(clock.monotonic() - shedAtMs < OVERLOAD_OVER_MS ? shedFor : undefined)
    if (ticks % LOOP_TICKS === 0) {
      alerts.loopDelay(Math.max(0, delay.percentile(99) / 1e6 - LOOP_RESOLUTION_MS))
      delay.reset()
    }
    void looked.look().then(() => {
      // A key that comes back, or a disk that fills, tells nobody by itself.
      if (statusWatches.look()) status.changed()
      watchers.tick()
    })
  }, TICK_MS).unref()
  void looked.look().then(() => statusWatches.look())

  return {
    status,
    reads: {
      getStatus: async () => {
        await looked.look()
        return { status: statusWatches.now() }
      },
      watchStatus: statusWatches.watch,
      watchEvents: eventWatches.watch,
      listRequests: createRequestList({ calls, clock }),
    },
    calls,
    overload,
    async backlog() {
      await looked.look()
      const { rows, ageMs, deadLetters } = looked.backlog()
      return { backlogRows: rows, backlogAgeMs: ageMs, deadLetters }
    },
    close() {
      clearInterval(timer)
      delay.disable()
      for (const stop of stops) stop()
    },
  }
}

function backlogOf(numbers: KeepingNumbers): BacklogState {
  return { rows: numbers.backlogRows, ageMs: numbers.backlogAgeMs, deadLetters: numbers.deadLetters }
}

function worse(one: ComponentReport, other: ComponentReport): ComponentReport {
  return one.status === 'healthy' ? other : one
}

// Puts the seeing together: watches of state and events, recent calls, alerts, and the one timer that serves them all.
import { hostname } from 'node:os'
import { createComponents } from './components.ts'
import type { Config } from './config/config.ts'
import type { Clock } from './core/clock.ts'
import type { Monitoring } from './doors/connect/monitoring.ts'
import type { Keeping, KeepingNumbers } from './keeping.ts'
import type { Circuits } from './routing/circuit.ts'
import type { CallsSink } from './server/call-record.ts'
import type { Overload } from './server/overload.ts'
import { createLateness, createShedding } from './server/shedding.ts'
import type { Sharing } from './sharing.ts'
import { createAlerts } from './status/alerts.ts'
import { createEventIds } from './status/event-ids.ts'
import { createRequestList } from './status/list-requests.ts'
import { createRecentCalls } from './status/recent-calls.ts'
import type { ComponentReport } from './status/state.ts'
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

/** Begins to see. */
export function openMonitoring(deps: OpenMonitoringDeps): OpenMonitoring {
  const { config, clock, events, circuits, keeping, sharing, metrics } = deps
  const beganMs = clock.monotonic()
  const components = createComponents({ config, clock, keeping, sharing, store: deps.store })
  const status = createStatus({
    providers: deps.providers,
    services: deps.services,
    circuits: circuits.states,
    ...components.told,
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

  const shedding = createShedding({
    clock,
    delayMs: config.timeouts.overloadDelayMs,
    storeWaiting: keeping.waiting,
    onShed: metrics.callShed,
  })

  const stops = [
    // Heard first: an alert comes after what it is about.
    events.subscribe(eventWatches.hear),
    events.subscribe(event => {
      components.hear(event)
      if (event.type === 'limit.near' || event.type === 'limit.refused') alerts.limit(event)
      if (event.type === 'circuit.changed' || event.type.startsWith('config.')) status.changed()
    }),
    status.onChange(() => void statusWatches.look()),
    keeping.onHealth(status.changed),
    sharing.onHealth(status.changed),
  ]
  const lateness = createLateness()
  const timer = setInterval(() => {
    alerts.overload(shedding.cause())
    lateness.tick()
    alerts.loopDelay(lateness.ms())
    void components.look().then(() => {
      // A key that comes back, or a disk that fills, tells nobody by itself.
      if (statusWatches.look()) status.changed()
      watchers.tick()
    })
  }, TICK_MS).unref()
  void components.look().then(() => statusWatches.look())

  return {
    status,
    reads: {
      getStatus: async () => {
        await components.look()
        return { status: statusWatches.now() }
      },
      watchStatus: statusWatches.watch,
      watchEvents: eventWatches.watch,
      listRequests: createRequestList({ calls, clock }),
    },
    calls,
    overload: shedding.overload,
    async backlog() {
      await components.look()
      const { rows, ageMs, deadLetters } = components.told.backlog()
      return { backlogRows: rows, backlogAgeMs: ageMs, deadLetters }
    },
    close() {
      clearInterval(timer)
      lateness.close()
      for (const stop of stops) stop()
    },
  }
}

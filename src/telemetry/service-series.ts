// The metrics of the service as a whole: its configuration, alerts, certificate, and its own traces and log.
import type { Registry } from 'prom-client'
import { counter, gauge } from './metric-series.ts'
import { METRICS } from './metric-table.ts'

/** How much an alert matters. */
export type AlertSeverity = 'warning' | 'critical'

/** What became of spans. */
export type SpanOutcome = 'exported' | 'failed' | 'dropped'

/** What ended a worker. */
export type WorkerEnd = 'died' | 'hung'

/** Takes what happened to the service. */
export interface ServiceSeries {
  /** New calls begin with this configuration. */
  configTaken(version: number): void
  /** A changed configuration was refused. */
  configRefused(): void
  /** Names the one who knows which alerts there are now; asked at each scrape. */
  bindAlerts(alerts: () => readonly { readonly severity: AlertSeverity }[]): void
  /** Says when the certificate of the port ends, in milliseconds since the Unix epoch. */
  certificateEnds(atMs: number): void
  /** So many spans were exported, failed or were dropped. */
  spans(outcome: SpanOutcome, count: number): void
  /** A worker has ended, and another one is started in its place. */
  workerRestarted(cause: WorkerEnd): void
  /** So many lines could not be written to the files of the log. */
  logLost(count: number): void
}

const severities: readonly AlertSeverity[] = ['warning', 'critical']

/** Makes the series. */
export function createServiceSeries(registry: Registry): ServiceSeries {
  const configVersion = gauge(registry, METRICS.configVersion)
  const configRefused = counter(registry, METRICS.configRefused)
  let alertsNow: () => readonly { readonly severity: AlertSeverity }[] = () => []
  gauge(registry, METRICS.alerts, one => {
    const now = alertsNow()
    for (const severity of severities)
      one.set({ severity }, now.filter(alert => alert.severity === severity).length)
  })
  let endsAtMs: number | undefined
  gauge(registry, METRICS.certificateEnds, one => {
    if (endsAtMs === undefined) one.remove()
    else one.set(endsAtMs / 1000)
  })
  const spans = counter(registry, METRICS.spans)
  for (const outcome of ['exported', 'failed', 'dropped'] as const) spans.inc({ outcome }, 0)
  const workersRestarted = counter(registry, METRICS.workersRestarted)
  const logLost = counter(registry, METRICS.logLost)
  return {
    configTaken: version => configVersion.set(version),
    configRefused: () => configRefused.inc(),
    bindAlerts(alerts) {
      alertsNow = alerts
    },
    certificateEnds(atMs) {
      endsAtMs = atMs
    },
    spans: (outcome, count) => spans.inc({ outcome }, count),
    workerRestarted: cause => workersRestarted.inc({ cause }),
    logLost: count => logLost.inc(count),
  }
}

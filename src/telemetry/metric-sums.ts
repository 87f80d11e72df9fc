// The numbers of several processes as one page: what was counted is added up, and a state that all of them tell is told once.
import { AggregatorRegistry, type MetricObjectWithValues, type MetricValue, Registry } from 'prom-client'
import { METRICS } from './metric-table.ts'

/** The numbers of one process, as they go from one to another. */
export type MetricValues = readonly MetricObjectWithValues<MetricValue<string>>[]

/** How the values of several processes become one. */
type Way = 'sum' | 'max' | 'min' | 'first'

/**
 * What is no sum: states that every process tells alike, or that only one of them knows. Of several, the first one counts
 * whose process comes first; `max` is for those that a process without knowledge tells as 0.
 */
const WAYS: Readonly<Record<string, Way>> = {
  [METRICS.providerHealth.name]: 'first',
  [METRICS.circuitState.name]: 'first',
  [METRICS.storeUp.name]: 'min',
  [METRICS.storeWaiting.name]: 'sum',
  [METRICS.backlogRows.name]: 'max',
  [METRICS.backlogAge.name]: 'max',
  [METRICS.deadLetters.name]: 'max',
  [METRICS.redisUp.name]: 'min',
  [METRICS.configVersion.name]: 'max',
  [METRICS.alerts.name]: 'max',
  [METRICS.certificateEnds.name]: 'max',
  process_start_time_seconds: 'min',
  process_max_fds: 'min',
  nodejs_version_info: 'first',
  // The worst of them: the average would hide a process that stands still.
  nodejs_eventloop_lag_seconds: 'max',
  nodejs_eventloop_lag_mean_seconds: 'max',
  nodejs_eventloop_lag_stddev_seconds: 'max',
  nodejs_eventloop_lag_p50_seconds: 'max',
  nodejs_eventloop_lag_p90_seconds: 'max',
  nodejs_eventloop_lag_p99_seconds: 'max',
}

/** One page, in the text form of Prometheus. Metrics that no process has a value of stand there without one. */
export async function textOfAll(
  all: readonly MetricValues[],
): Promise<{ readonly contentType: string; readonly body: string }> {
  const asked = all.map(values =>
    values.map(metric => {
      const way = WAYS[metric.name]
      return way === undefined ? metric : { ...metric, aggregator: way }
    }),
  )
  const registry = AggregatorRegistry.aggregate(asked)
  return { contentType: Registry.PROMETHEUS_CONTENT_TYPE, body: await registry.metrics() }
}

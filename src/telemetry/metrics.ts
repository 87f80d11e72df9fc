// The metrics of one process: what moves each of them. Their names are in the table of metrics.
import { collectDefaultMetrics, type Gauge, Registry } from 'prom-client'
import { type Origin, REASONS, type Reason, type StatusName } from '../core/errors.ts'
import type { CircuitStateName } from '../core/gateway-event.ts'
import { LIMIT_KINDS, type LimitKind } from '../core/limits.ts'
import { type ChatSeries, createChatSeries } from './chat-series.ts'
import { createKeepingSeries, type KeepingSeries } from './keeping-series.ts'
import { byKey, type Cell, counterCell, histogramCell } from './metric-cells.ts'
import { type Asked, createLabels, type Labels, type LimitOwner } from './metric-labels.ts'
import { counter, gauge, histogram } from './metric-series.ts'
import type { MetricValues } from './metric-sums.ts'
import { METRICS } from './metric-table.ts'
import { createServiceSeries, type ServiceSeries } from './service-series.ts'

/** The ways in, as the label `door` names them. */
export const DOORS: readonly string[] = ['connect', 'openai', 'anthropic', 'websocket', 'mcp']

/** How a provider is: it answers, it answers in part, it does not. */
export type ProviderHealth = 'ok' | 'degraded' | 'down'

/** What there was too much of when a call was refused before any work. */
export type ShedReason = 'event_loop' | 'store' | 'memory'

/** A call that is over. */
export interface EndedCall {
  /** One of DOORS. */
  readonly door: string
  readonly method: string
  readonly code: StatusName | 'OK'
  readonly durationMs: number
  /** Present when the call failed. */
  readonly error?: { readonly reason: Reason; readonly origin: Origin } | undefined
}

/** What the labels may say; anything else becomes `other`, so that no caller can make up series. */
export interface MetricsDeps {
  /** Ids of providers. */
  readonly providers: readonly string[]
  /** Ids of models, in the providers' exact spelling. */
  readonly models: readonly string[]
  /** Names of the RPCs and of what the other doors offer. */
  readonly methods: readonly string[]
}

/** Takes what happened and counts it. */
export interface Metrics extends ChatSeries, KeepingSeries, ServiceSeries {
  /** A call of an RPC or a door ended; not for health, metrics and pages. */
  callEnded(call: EndedCall): void
  /** A limit of this kind, of whom it is, refused a call, or nine tenths of it are used. */
  limitMet(limit: LimitKind, owner: LimitOwner, how: 'refused' | 'near'): void
  providerHealth(provider: string, health: ProviderHealth): void
  /** A circuit changed its state. */
  circuitChanged(change: Asked & { readonly from: CircuitStateName; readonly to: CircuitStateName }): void
  /** Names the one who knows how the circuits are; asked at each scrape. Of several that share a label the worst counts. */
  bindCircuits(states: () => readonly (Asked & { readonly state: CircuitStateName })[]): void
  /** Adds names that labels may say from now on, such as those of a new configuration. Bounded; further ones stay `other`. */
  know(names: { readonly providers: readonly string[]; readonly models: readonly string[] }): void
  /** Names the one who knows how many connections are open; asked at each scrape. */
  bindConnections(count: () => number): void
  /** Names the one who knows which watches are open, by their methods; asked at each scrape. */
  bindWatchers(methods: () => readonly string[]): void
  /** A call was refused before any work, because there was too much to do. */
  callShed(reason: ShedReason): void
  /** Everything, in the text form of Prometheus. */
  text(): Promise<{ readonly contentType: string; readonly body: string }>
  /** Everything as values, for a page that adds up several processes. */
  values(): Promise<MetricValues>
}

// From good to bad: what stands later hides what stands before it.
const circuitValues = { closed: 0, half_open: 2, open: 1 } as const satisfies Record<CircuitStateName, number>
const circuitStates: readonly CircuitStateName[] = ['closed', 'half_open', 'open']

const healthValues = { ok: 1, degraded: 0.5, down: 0 } as const satisfies Record<ProviderHealth, number>

// Gauges with the ending of a counter, which Prometheus' own checker refuses.
const misnamed = [
  'nodejs_active_resources_total',
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
]

/** Makes the metrics of one process, with a registry of their own. */
export function createMetrics({ providers, models, methods }: MetricsDeps): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  for (const name of misnamed) registry.removeSingleMetric(name)
  const labels = createLabels({ door: DOORS, method: methods, provider: providers, model: models })
  const calls = createCallSeries(registry, labels)
  const health = gauge(registry, METRICS.providerHealth)
  let circuits: () => readonly (Asked & { readonly state: CircuitStateName })[] = () => []
  gauge(registry, METRICS.circuitState, collectCircuits)
  const circuitChanges = counter(registry, METRICS.circuitChanges)

  function collectCircuits(one: Gauge<'provider' | 'model'>): void {
    one.reset()
    const all = circuits()
    for (const state of circuitStates) {
      for (const circuit of all)
        if (circuit.state === state) one.set({ ...labels.asked(circuit) }, circuitValues[state])
    }
  }

  return {
    ...calls,
    ...createChatSeries(registry, labels),
    ...createKeepingSeries(registry),
    ...createServiceSeries(registry),
    providerHealth: (provider, how) =>
      health.set({ provider: labels.one('provider', provider) }, healthValues[how]),
    circuitChanged: ({ from, to, ...asked }) => circuitChanges.inc({ ...labels.asked(asked), from, to }),
    bindCircuits(states) {
      circuits = states
    },
    know({ providers, models }) {
      // Some of before may be gone; those that are there are told again before the next scrape.
      health.reset()
      labels.know('provider', providers)
      labels.know('model', models)
    },
    text: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
    values: () => registry.getMetricsAsJSON(),
  }
}

const OWNERS: readonly LimitOwner[] = ['key', 'tenant', 'model', 'gateway']

function createCallSeries(registry: Registry, labels: Labels) {
  const requests = counter(registry, METRICS.requests)
  const requestSeconds = histogram(registry, METRICS.requestSeconds)
  const errors = counter(registry, METRICS.errors)
  const limitRefusals = counter(registry, METRICS.limitRefusals)
  const limitsNear = counter(registry, METRICS.limitsNear)
  let connections = () => 0
  const callsShed = counter(registry, METRICS.callsShed)
  const shed = {
    event_loop: counterCell(callsShed, { reason: 'event_loop' }),
    store: counterCell(callsShed, { reason: 'store' }),
    memory: counterCell(callsShed, { reason: 'memory' }),
  } as const satisfies Record<ShedReason, Cell>
  let watchers: () => readonly string[] = () => []
  gauge(registry, METRICS.activeConnections, one => one.set(connections()))
  gauge(registry, METRICS.watchers, one => {
    one.reset()
    for (const method of watchers()) one.inc({ method: labels.one('method', method) })
  })
  const faults = byKey((reason: string) => byKey((origin: string) => counterCell(errors, { reason, origin })))
  for (const [reason, { origin }] of Object.entries(REASONS)) faults(reason)(origin)
  // A counter that appears with its first refusal has not increased, to Prometheus.
  for (const limit of LIMIT_KINDS) {
    for (const owner of OWNERS) {
      limitRefusals.inc({ limit, owner }, 0)
      limitsNear.inc({ limit, owner }, 0)
    }
  }
  const cells = byKey((door: string) =>
    byKey((method: string) => ({
      codes: byKey((code: string) => counterCell(requests, { door, method, code })),
      seconds: histogramCell(requestSeconds, { door, method }, METRICS.requestSeconds.buckets),
    })),
  )

  return {
    callEnded({ door, method, code, durationMs, error }: EndedCall): void {
      const { codes, seconds } = cells(labels.one('door', door))(labels.one('method', method))
      codes(code)(1)
      seconds(durationMs / 1000)
      if (error !== undefined) faults(error.reason)(error.origin)(1)
    },
    limitMet(limit: LimitKind, owner: LimitOwner, how: 'refused' | 'near'): void {
      if (how === 'refused') limitRefusals.inc({ limit, owner })
      else limitsNear.inc({ limit, owner })
    },
    callShed: (reason: ShedReason): void => shed[reason](1),
    bindConnections(count: () => number): void {
      connections = count
    },
    bindWatchers(methods: () => readonly string[]): void {
      watchers = methods
    },
  }
}

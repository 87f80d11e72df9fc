// Every metric of the service: its name, its labels and how it moves.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { TokenCounts } from '../core/delta.ts'
import { type Origin, REASONS, type Reason, type StatusName } from '../core/errors.ts'
import type { CircuitStateName } from '../core/gateway-event.ts'
import { addBacklogSeries, type Backlog } from './backlog-series.ts'
import { createRedisSeries } from './redis-series.ts'

/** The ways in, as the label `door` names them. */
export const DOORS: readonly string[] = ['connect', 'openai', 'anthropic', 'websocket', 'mcp']

/** How a provider is: it answers, it answers in part, it does not. */
export type ProviderHealth = 'ok' | 'degraded' | 'down'

/** Who was asked. */
export interface Asked {
  readonly provider: string
  readonly model: string
}

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
export interface Metrics {
  /** A call of an RPC or a door ended; not for health, metrics and pages. */
  callEnded(call: EndedCall): void
  /** A provider gave its first output, so many milliseconds after the request was sent. */
  firstToken(asked: Asked, afterMs: number): void
  /** Time of a call that was spent in this service and not waiting, in milliseconds. */
  overhead(ms: number): void
  /** Tokens of one attempt. */
  tokens(asked: Asked, counts: TokenCounts): void
  /** Known cost of one attempt, in nano-USD. */
  cost(asked: Asked, nanoUsd: bigint): void
  providerHealth(provider: string, health: ProviderHealth): void
  /** A circuit changed its state. */
  circuitChanged(change: Asked & { readonly from: CircuitStateName; readonly to: CircuitStateName }): void
  /** Names the one who knows how the circuits are; asked at each scrape. Of several that share a label the worst counts. */
  bindCircuits(states: () => readonly (Asked & { readonly state: CircuitStateName })[]): void
  /** New calls begin with this configuration. */
  configTaken(version: number): void
  /** A changed configuration was refused. */
  configRefused(): void
  /** Adds names that labels may say from now on, such as those of a new configuration. Bounded; further ones stay `other`. */
  know(names: { readonly providers: readonly string[]; readonly models: readonly string[] }): void
  /** Names the one who knows how many connections are open; asked at each scrape. */
  bindConnections(count: () => number): void
  /** Names the one who knows how many questions wait for the store; asked at each scrape. */
  bindStore(waiting: () => number): void
  /** Names the one who knows what has not arrived in the project; asked at each scrape. To be called once. */
  bindBacklog(backlog: () => Promise<Backlog>): void
  /** A command to Redis ended, `ok` or by what went wrong; a closed set. */
  redisCommand(outcome: string): void
  /** Names the one who knows whether Redis works, undefined when there is none; asked at each scrape. */
  bindRedis(isUp: () => boolean | undefined): void
  /** Everything, in the text form of Prometheus. */
  text(): Promise<{ readonly contentType: string; readonly body: string }>
}

/** The value of a label that is in no list. */
export const OTHER = 'other'

// A process that lives through many configurations must not gather names for ever: each is a series of every histogram.
const KNOWN_MAX = { provider: 200, model: 5_000 } as const

const callSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600]
const firstTokenSeconds = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120]
const overheadSeconds = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1]

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
  let connections = () => 0
  let storeWaiting = () => 0
  let isRedisUp = (): boolean | undefined => undefined
  let circuits: () => readonly (Asked & { readonly state: CircuitStateName })[] = () => []
  const series = createSeries(
    registry,
    () => connections(),
    () => storeWaiting(),
    () => isRedisUp(),
    collectCircuits,
  )
  for (const [reason, { origin }] of Object.entries(REASONS)) series.errors.inc({ reason, origin }, 0)

  const known = {
    door: new Set(DOORS),
    provider: new Set(providers),
    model: new Set(models),
    method: new Set(methods),
  }
  const label = (kind: keyof typeof known, value: string) => (known[kind].has(value) ? value : OTHER)
  const labels = ({ provider, model }: Asked) => ({
    provider: label('provider', provider),
    model: label('model', model),
  })

  function collectCircuits(gauge: Gauge<'provider' | 'model'>): void {
    gauge.reset()
    const all = circuits()
    for (const one of circuitStates) {
      for (const circuit of all) if (circuit.state === one) gauge.set(labels(circuit), circuitValues[one])
    }
  }

  function know(kind: keyof typeof KNOWN_MAX, names: readonly string[]): void {
    for (const name of names) if (known[kind].size < KNOWN_MAX[kind]) known[kind].add(name)
  }

  return {
    callEnded({ door, method, code, durationMs, error }) {
      const call = { door: label('door', door), method: label('method', method) }
      series.requests.inc({ ...call, code })
      series.requestSeconds.observe(call, durationMs / 1000)
      if (error !== undefined) series.errors.inc({ reason: error.reason, origin: error.origin })
    },
    firstToken: (asked, afterMs) => series.firstTokenSeconds.observe(labels(asked), afterMs / 1000),
    overhead: ms => series.overheadSeconds.observe(ms / 1000),
    tokens(asked, counts) {
      const all = {
        input: counts.inputTokens,
        cached_input: counts.cachedInputTokens,
        cache_write: counts.cacheWriteTokens,
        output: counts.outputTokens,
        reasoning: counts.reasoningTokens,
      }
      for (const [kind, count] of Object.entries(all)) {
        if (count > 0) series.tokens.inc({ ...labels(asked), kind }, count)
      }
    },
    cost: (asked, nanoUsd) => series.costUsd.inc(labels(asked), Number(nanoUsd) / 1e9),
    providerHealth: (provider, health) =>
      series.providerHealth.set({ provider: label('provider', provider) }, healthValues[health]),
    circuitChanged: ({ from, to, ...asked }) => series.circuitChanges.inc({ ...labels(asked), from, to }),
    bindCircuits(states) {
      circuits = states
    },
    configTaken: version => series.configVersion.set(version),
    configRefused: () => series.configRefused.inc(),
    know({ providers, models }) {
      // Some of before may be gone; those that are there are told again before the next scrape.
      series.providerHealth.reset()
      know('provider', providers)
      know('model', models)
    },
    bindConnections(count) {
      connections = count
    },
    redisCommand: outcome => series.redisCommands.inc({ outcome }),
    bindRedis(isUp) {
      isRedisUp = isUp
    },
    bindBacklog: backlog => addBacklogSeries(registry, backlog),
    bindStore(waiting) {
      storeWaiting = waiting
    },
    text: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
  }
}

/** The table of names. */
function createSeries(
  registry: Registry,
  connections: () => number,
  storeWaiting: () => number,
  isRedisUp: () => boolean | undefined,
  collectCircuits: (gauge: Gauge<'provider' | 'model'>) => void,
) {
  const registers = [registry]
  return {
    requests: new Counter({
      name: 'exai_requests_total',
      help: 'Calls that ended, by how they came in and their status code.',
      labelNames: ['door', 'method', 'code'],
      registers,
    }),
    requestSeconds: new Histogram({
      name: 'exai_request_duration_seconds',
      help: 'How long calls took.',
      labelNames: ['door', 'method'],
      buckets: callSeconds,
      registers,
    }),
    errors: new Counter({
      name: 'exai_errors_total',
      help: 'Calls that failed, by reason and by whose side caused it.',
      labelNames: ['reason', 'origin'],
      registers,
    }),
    providerHealth: new Gauge({
      name: 'exai_provider_health',
      help: 'How a provider is: 1 ok, 0.5 degraded, 0 down.',
      labelNames: ['provider'],
      registers,
    }),
    circuitState: new Gauge({
      name: 'exai_circuit_breaker_state',
      help: 'How a circuit lets calls pass: 0 closed, 1 open, 2 half-open.',
      labelNames: ['provider', 'model'],
      registers,
      collect() {
        collectCircuits(this)
      },
    }),
    circuitChanges: new Counter({
      name: 'exai_circuit_breaker_transitions_total',
      help: 'How often a circuit went from one state to another.',
      labelNames: ['provider', 'model', 'from', 'to'],
      registers,
    }),
    configVersion: new Gauge({
      name: 'exai_config_version',
      help: 'The number of the configuration that new calls begin with.',
      registers,
    }),
    configRefused: new Counter({
      name: 'exai_config_refused_total',
      help: 'Changed configurations that were refused whole.',
      registers,
    }),
    activeConnections: new Gauge({
      name: 'exai_active_connections',
      help: 'Connections of clients that are open now.',
      registers,
      collect() {
        this.set(connections())
      },
    }),
    storeWaiting: new Gauge({
      name: 'exai_store_waiting',
      help: 'Settlements and other questions that wait for the embedded store now.',
      registers,
      collect() {
        this.set(storeWaiting())
      },
    }),
    ...createRedisSeries(registers, isRedisUp),
    firstTokenSeconds: new Histogram({
      name: 'exai_time_to_first_token_seconds',
      help: 'Time from sending a request to its first output.',
      labelNames: ['provider', 'model'],
      buckets: firstTokenSeconds,
      registers,
    }),
    overheadSeconds: new Histogram({
      name: 'exai_gateway_overhead_seconds',
      help: 'Time of a call that was spent in this service and not waiting for a provider, in a queue or before a retry.',
      buckets: overheadSeconds,
      registers,
    }),
    tokens: new Counter({
      name: 'exai_tokens_total',
      help: 'Tokens by kind; cached_input and cache_write are part of input, and reasoning is part of output.',
      labelNames: ['provider', 'model', 'kind'],
      registers,
    }),
    costUsd: new Counter({
      name: 'exai_cost_usd_total',
      help: 'Cost at list price in US dollars, as far as the price is known.',
      labelNames: ['provider', 'model'],
      registers,
    }),
  }
}

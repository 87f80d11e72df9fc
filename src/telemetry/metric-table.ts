// Every metric of the service: its name, what it says, its labels and its buckets. The page for operators is tested against it.

/** How one metric is called and cut. */
export interface MetricRow {
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly name: string
  readonly help: string
  readonly labels: readonly string[]
  /** Upper ends, of histograms only. */
  readonly buckets?: readonly number[]
}

const asked = ['provider', 'model'] as const
/** The names of OpenTelemetry's conventions for generative AI, with underscores as Prometheus writes them. */
const genAi = ['gen_ai_operation_name', 'gen_ai_provider_name', 'gen_ai_request_model'] as const

const callSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600]
const firstTokenSeconds = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120]
const overheadSeconds = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1]
// Coarser than what the conventions advise, which ends at 82 s: reasoning models take minutes.
const operationSeconds = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300]
const tokenCounts = [1, 16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576]

const calls = {
  requests: {
    type: 'counter',
    name: 'exai_requests_total',
    help: 'Calls that ended, by how they came in and their status code.',
    labels: ['door', 'method', 'code'],
  },
  requestSeconds: {
    type: 'histogram',
    name: 'exai_request_duration_seconds',
    help: 'How long calls took.',
    labels: ['door', 'method'],
    buckets: callSeconds,
  },
  errors: {
    type: 'counter',
    name: 'exai_errors_total',
    help: 'Calls that failed, by reason and by whose side caused it.',
    labels: ['reason', 'origin'],
  },
  limitRefusals: {
    type: 'counter',
    name: 'exai_limit_refusals_total',
    help: 'Calls that a limit refused, by the limit and by what it belongs to.',
    labels: ['limit', 'owner'],
  },
  limitsNear: {
    type: 'counter',
    name: 'exai_limits_near_total',
    help: 'How often nine tenths of a limit came to be used, by the limit and by what it belongs to.',
    labels: ['limit', 'owner'],
  },
  callsShed: {
    type: 'counter',
    name: 'exai_calls_shed_total',
    help: 'Calls refused before any work because there was too much to do, by what there was too much of.',
    labels: ['reason'],
  },
  activeConnections: {
    type: 'gauge',
    name: 'exai_active_connections',
    help: 'Connections of clients that are open now.',
    labels: [],
  },
  watchers: {
    type: 'gauge',
    name: 'exai_watchers',
    help: 'Streams that tell of changes and are open now, by their method.',
    labels: ['method'],
  },
  overheadSeconds: {
    type: 'histogram',
    name: 'exai_gateway_overhead_seconds',
    help: 'Time of a call that was spent in this service and not waiting for a provider, in a queue or before a retry.',
    labels: [],
    buckets: overheadSeconds,
  },
} as const satisfies Readonly<Record<string, MetricRow>>

const providers = {
  providerHealth: {
    type: 'gauge',
    name: 'exai_provider_health',
    help: 'How a provider is: 1 ok, 0.5 degraded, 0 down.',
    labels: ['provider'],
  },
  circuitState: {
    type: 'gauge',
    name: 'exai_circuit_breaker_state',
    help: 'How a circuit lets calls pass: 0 closed, 1 open, 2 half-open.',
    labels: asked,
  },
  circuitChanges: {
    type: 'counter',
    name: 'exai_circuit_breaker_transitions_total',
    help: 'How often a circuit went from one state to another.',
    labels: [...asked, 'from', 'to'],
  },
  firstTokenSeconds: {
    type: 'histogram',
    name: 'exai_time_to_first_token_seconds',
    help: 'Time from sending a request to its first output.',
    labels: asked,
    buckets: firstTokenSeconds,
  },
  tokens: {
    type: 'counter',
    name: 'exai_tokens_total',
    help: 'Tokens by kind; cached_input and cache_write are part of input, and reasoning is part of output.',
    labels: [...asked, 'kind'],
  },
  costUsd: {
    type: 'counter',
    name: 'exai_cost_usd_total',
    help: 'Cost at list price in US dollars, as far as the price is known.',
    labels: asked,
  },
  attemptSeconds: {
    type: 'histogram',
    name: 'gen_ai_client_operation_duration_seconds',
    help: 'How long attempts at providers took, failed ones with their error.',
    labels: [...genAi, 'error_type'],
    buckets: operationSeconds,
  },
  firstChunkSeconds: {
    type: 'histogram',
    name: 'gen_ai_client_operation_time_to_first_chunk_seconds',
    help: 'Time from sending a request to a provider to its first output.',
    labels: genAi,
    buckets: firstTokenSeconds,
  },
  tokenUsage: {
    type: 'histogram',
    name: 'gen_ai_client_token_usage',
    help: 'Tokens of one attempt.',
    labels: [...genAi, 'gen_ai_token_type'],
    buckets: tokenCounts,
  },
  serverSeconds: {
    type: 'histogram',
    name: 'gen_ai_server_request_duration_seconds',
    help: 'How long chats took for their callers, whatever number of attempts they needed.',
    labels: [...genAi, 'error_type'],
    buckets: operationSeconds,
  },
  serverFirstTokenSeconds: {
    type: 'histogram',
    name: 'gen_ai_server_time_to_first_token_seconds',
    help: 'Time from the start of a chat to the first output of its last attempt, failed attempts before it included.',
    labels: genAi,
    buckets: firstTokenSeconds,
  },
} as const satisfies Readonly<Record<string, MetricRow>>

const keeping = {
  storeUp: {
    type: 'gauge',
    name: 'exai_store_up',
    help: 'Whether the embedded store keeps what it is given (1) or not (0).',
    labels: [],
  },
  storeWaiting: {
    type: 'gauge',
    name: 'exai_store_waiting',
    help: 'Settlements and other questions that wait for the embedded store now.',
    labels: [],
  },
  backlogRows: {
    type: 'gauge',
    name: 'exai_outbox_rows',
    help: 'Changes that have not arrived in the Supabase project.',
    labels: [],
  },
  backlogAge: {
    type: 'gauge',
    name: 'exai_outbox_age_seconds',
    help: 'Age of the oldest change that has not arrived in the Supabase project.',
    labels: [],
  },
  deadLetters: {
    type: 'gauge',
    name: 'exai_outbox_dead_rows',
    help: 'Changes that the Supabase project refuses for good.',
    labels: [],
  },
  redisUp: {
    type: 'gauge',
    name: 'exai_redis_up',
    help: 'Whether state is shared through Redis (1) or this process goes on alone (0); only with REDIS_URL.',
    labels: [],
  },
  redisCommands: {
    type: 'counter',
    name: 'exai_redis_commands_total',
    help: 'Commands to Redis, by ok or what went wrong: connection, login, timeout, answer.',
    labels: ['outcome'],
  },
  files: {
    type: 'counter',
    name: 'exai_files_total',
    help: 'What became of files: created, deleted, expired, copied to a provider, copy_failed, copy_removed.',
    labels: ['action'],
  },
  fileBytes: {
    type: 'counter',
    name: 'exai_file_bytes_total',
    help: 'Bytes of the files of which something became.',
    labels: ['action'],
  },
} as const satisfies Readonly<Record<string, MetricRow>>

const service = {
  configVersion: {
    type: 'gauge',
    name: 'exai_config_version',
    help: 'The number of the configuration that new calls begin with.',
    labels: [],
  },
  configRefused: {
    type: 'counter',
    name: 'exai_config_refused_total',
    help: 'Changed configurations that were refused whole.',
    labels: [],
  },
  alerts: {
    type: 'gauge',
    name: 'exai_alerts',
    help: 'Alerts that the service itself raises now, by how much they matter.',
    labels: ['severity'],
  },
  certificateEnds: {
    type: 'gauge',
    name: 'exai_tls_certificate_not_after_seconds',
    help: 'When the certificate of the port ends, in seconds since the Unix epoch; only with TLS_CERT.',
    labels: [],
  },
  spans: {
    type: 'counter',
    name: 'exai_trace_spans_total',
    help: 'Spans by what became of them: exported, failed at the collector, dropped because the queue was full.',
    labels: ['outcome'],
  },
  workersRestarted: {
    type: 'counter',
    name: 'exai_worker_restarts_total',
    help: 'Workers that were started again, by what ended the one before: it died, or it hung and was killed.',
    labels: ['cause'],
  },
  logLost: {
    type: 'counter',
    name: 'exai_log_lines_lost_total',
    help: 'Lines that could not be written to the files in LOG_DIR; standard output has them.',
    labels: [],
  },
} as const satisfies Readonly<Record<string, MetricRow>>

/** All of them, in the order in which they are shown; those of Node and the process come with the library. */
export const METRICS = { ...calls, ...providers, ...keeping, ...service } as const

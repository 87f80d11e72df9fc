// The composition root: reads as the order in which the service starts, and closes in reverse.
import { openAccess } from './access/open.ts'
import { createCompletion } from './chat/complete.ts'
import { createOwnConversations } from './chat/conversations.ts'
import { explainRoute } from './chat/explain.ts'
import { countTokens, listModels } from './chat/models.ts'
import { createRecordedCompletion } from './chat/recorded.ts'
import type { Config } from './config/config.ts'
import { ConfigError } from './config/config-error.ts'
import type { Snapshot } from './config/snapshot.ts'
import { type ConfigSource, type Look, watchConfig } from './config/watch.ts'
import type { Clock } from './core/clock.ts'
import { GatewayError } from './core/errors.ts'
import type { Log } from './core/log.ts'
import { createSafeFetch } from './core/safe-fetch.ts'
import { countedCall, metricsOf, namesOf, SERVICES } from './counted.ts'
import { closeData, openDataDir, watchData } from './data-dir.ts'
import { createEditions } from './editions.ts'
import { createEmbedding } from './embeddings/embed.ts'
import { createFront } from './front.ts'
import { keepFiles, startKeepingJobs } from './kept-files.ts'
import { createTokenCounter } from './metering/count.ts'
import { createLimits } from './metering/limits.ts'
import { createUsageReport } from './metering/usage-report.ts'
import { openMonitoring } from './monitoring.ts'
import type { Owner } from './owner.ts'
import { createAffinity } from './routing/affinity.ts'
import { createCircuits } from './routing/circuit.ts'
import { createLeases } from './routing/leases.ts'
import { createLive } from './routing/live.ts'
import { createRetryBudget, retryBudgetOf } from './routing/retry-budget.ts'
import { createDrain, type DrainResult } from './server/drain.ts'
import { createExchanges } from './server/exchange.ts'
import type { PortAddress } from './server/port.ts'
import { openSharing } from './sharing.ts'
import { namingRestarts } from './snapshots.ts'
import { auditedSwitch } from './status/audited-switch.ts'
import { createCircuitSwitch } from './status/circuit-switch.ts'
import { endOf } from './status/parts.ts'
import { createCounting } from './telemetry/event-series.ts'
import { createEvents, createObserver } from './telemetry/events.ts'
import { createTracer } from './telemetry/tracer.ts'

/** Silence after which a stream shows that it is alive, in milliseconds: half of what impatient proxies bear. */
const HEARTBEAT_MS = 10_000

/** Largest file that is downloaded for a host that takes only bytes: what the providers' own limits for images are below. */
const MEDIA_BYTES_MAX = 20 * 1024 * 1024

/** When the token encoding is loaded after the start, in milliseconds: not before the first calls, and before the first count. */
const LOAD_ENCODING_AFTER_MS = 2_000

/** What the service is made of. */
export interface GatewayDeps {
  readonly config: Config
  readonly log: Log
  readonly clock: Clock
  readonly version: string
  /** Where changes of the configuration come from. Absent: it never changes. */
  readonly source?: ConfigSource | undefined
  /** Takes whoever counts the lines that the log's files lack. Absent: there are no files. */
  readonly onLogLost?: ((hear: (count: number) => void) => void) | undefined
  /** Shows a line to people, past the log. */
  readonly announce: (line: string) => void
  /** Has what several processes share. Absent: there is only this one. */
  readonly owner?: Owner | undefined
}

/** A service that listens. */
export interface Gateway {
  readonly at: PortAddress
  /** Reads the config file again. `none`: there is no file. */
  reread(): Promise<Look | 'none'>
  /** Ends it the polite way: health first, then new calls, then running ones. Resolves when everything is closed. */
  stop(): Promise<DrainResult>
  /** Makes a running `stop` wait for nothing any more. */
  abort(): void
}

/**
 * Composes the service and starts to listen. Rejects, with everything closed again, when the port can't be had, and with a
 * ConfigError when DATA_DIR can't be used.
 */
export async function startGateway(deps: GatewayDeps): Promise<Gateway> {
  const { config, log, clock, version, announce, owner, source } = deps
  await using stack = new AsyncDisposableStack()
  const { snapshot, timeouts } = config

  // Opened by a thread of its own while the rest is made.
  const opening = owner === undefined ? openDataDir({ config, clock, log }) : owner.keeping({ clock, log })
  stack.defer(() => closeData(opening))

  const media = createSafeFetch({ allowPrivate: config.allowPrivateUrls, clock })
  const events = createEvents({ log })

  // What is known of providers and models by their names: it outlives every change of the configuration.
  const circuits = createCircuits({ clock, onChange: events.emit, numbers: snapshot.circuit })
  stack.defer(circuits.close)
  const leases = createLeases({ clock, config: snapshot })
  const live = createLive({ clock })

  const editions = createEditions({
    snapshot,
    timeouts,
    fetchMedia: (url, signal) => media.fetch({ url, signal, maxBytes: MEDIA_BYTES_MAX }),
    log,
    clock,
    lasting: { circuits, live },
  })
  stack.defer(editions.close)
  const routing = () => editions.current().routing
  const providers = () => routing().providers

  const metrics = metricsOf(editions.current())
  metrics.bindCircuits(() => status.state().circuits)
  stack.defer(events.subscribe(createObserver({ log, metrics })))
  stack.defer(events.subscribe(createCounting(metrics)))
  deps.onLogLost?.(metrics.logLost)
  if (config.listen.tls !== undefined) metrics.certificateEnds(endOf(config.listen.tls.cert).getTime())
  const tracer = await createTracer({ settings: config.tracing, version, log, metrics })
  stack.defer(tracer.close)
  const keeping = await opening.catch(refuse)
  const { conversations } = keeping
  metrics.bindStore(keeping.waiting)
  const watched = watchData(keeping, clock, () => status.changed())
  stack.defer(watched.close)
  metrics.bindStoreUp(() => watched.report().status === 'healthy')
  const { redisUrl } = config
  const sharing =
    owner?.sharing ?? (await openSharing({ redisUrl, clock, log, onCommand: metrics.redisCommand }))
  stack.defer(sharing.close)
  metrics.bindRedis(sharing.isUp)
  const { shared } = sharing
  const access = await openAccess({ config, keys: keeping.keys, sharing, clock, log, announce }).catch(refuse)
  stack.defer(access.close)
  const monitoring = (owner?.monitoring ?? openMonitoring)({
    config,
    version,
    clock,
    events,
    circuits,
    keeping,
    sharing,
    metrics,
    store: watched.report,
    providers,
    services: SERVICES.map(service => service.typeName),
    configVersion: () => routing().configVersion,
  })
  stack.defer(monitoring.close)
  const { status, overload } = monitoring
  metrics.bindBacklog(monitoring.backlog)
  const affinity = createAffinity({ shared, clock })
  const limits = createLimits({
    shared,
    clock,
    rules: () => editions.current().snapshot.rules,
    aliases: () => editions.current().snapshot.aliases,
    aliasesOf: (provider, id) => routing().catalogue.aliasesOf(provider, id),
    firstOfAll: owner?.firstOfAll,
    ledgers: [keeping.usage, ...(keeping.usageOfAll === undefined ? [] : [keeping.usageOfAll])],
    onEvent: events.emit,
    onFault: err => log.error('the shared state failed', { err }),
  })
  stack.defer(limits.close)

  const counter = createTokenCounter()
  const files = keepFiles({
    keeping,
    counter,
    limits: config.limits,
    quotaOf: limits.storedBytes,
    onEvent: events.emit,
    providers,
    clock,
    log,
  })
  stack.defer(files.close)
  const budget = createRetryBudget(clock, retryBudgetOf(owner?.workers))
  const pipeline = {
    journal: watched.journal,
    counter,
    metrics,
    clock,
    routing,
    walk: { circuits, leases, live, budget, limits: timeouts, clock },
    limits,
    onEvent: events.emit,
  }
  const completion = createCompletion({
    ...pipeline,
    conversations,
    conversationTtlMs: config.limits.conversationTtlMs,
    files: files.parts,
    affinity,
    heartbeatMs: HEARTBEAT_MS,
  })

  const recorded = createRecordedCompletion({
    completion,
    shared,
    marks: keeping.marks,
    clock,
    heartbeatMs: HEARTBEAT_MS,
    onFault: err => log.error('the shared state failed', { err }),
  })
  stack.defer(recorded.close)

  const exchanges = createExchanges({
    log,
    metrics: { callEnded: end => metrics.callEnded(countedCall(end)) },
    calls: monitoring.calls,
    clock,
    requestTimeoutMs: timeouts.requestMs,
  })
  metrics.bindWatchers(exchanges.watches)
  const circuitSwitch = createCircuitSwitch({ circuits, routing, log })
  const asking = () => ({ routing: routing(), counter, conversations, files: files.parts })
  const port = createFront({
    config,
    log,
    clock,
    version,
    exchanges,
    access,
    limits,
    shared,
    overload,
    status,
    metrics: { ...metrics, text: owner?.metricsText ?? metrics.text },
    trace: tracer.trace,
    services: {
      files: files.service,
      embeddings: createEmbedding(pipeline),
      chat: {
        ...recorded,
        conversations: createOwnConversations(conversations, keeping.marks, { shared, clock }),
        countTokens: (call, request) => countTokens(call, request, { ...asking(), clock, limits }),
        explainRoute: (call, request) => explainRoute(call, request, { ...asking(), affinity, limits }),
        async listModels(call, { provider }) {
          const edition = editions.current()
          await edition.listings.begun(provider, call.signal)
          return listModels(provider, edition.routing)
        },
      },
      monitoring: {
        ...monitoring.reads,
        setCircuit: auditedSwitch(owner?.switching(circuitSwitch) ?? circuitSwitch, { ...keeping, clock }),
        getUsage: createUsageReport({ ...keeping, clock }),
      },
    },
  })
  stack.defer(() => port.destroy())
  metrics.bindConnections(port.connections)
  const at = await port.listen({ ...config.listen, isShared: owner !== undefined })

  const drain = createDrain({
    port,
    exchanges,
    health: status,
    clock,
    drainDelayMs: timeouts.drainDelayMs,
    drainTimeoutMs: timeouts.drainTimeoutMs,
  })
  const take = (next: Snapshot): void => {
    editions.take(next)
    leases.configure(next)
    metrics.know(namesOf(editions.current()))
    status.changed()
  }
  const named = namingRestarts(take, { begun: snapshot, log })
  const watch =
    source && watchConfig({ source, version: snapshot.version, take: named, onEvent: events.emit })
  stack.defer(() => watch?.close())
  owner?.serve({ take, metrics, circuitSwitch })
  // Of several processes on one machine, one does it for all.
  const jobs = owner?.isKeeper === false ? [] : [...keeping.jobs, ...files.jobs]
  stack.defer(startKeepingJobs(jobs, { shared, clock, log }).close)
  const loading = setTimeout(() => {
    counter.load().catch((err: unknown) => log.error('the token encoding cannot be loaded', { err }))
  }, LOAD_ENCODING_AFTER_MS)
  stack.defer(() => clearTimeout(loading))

  const opened = stack.move()
  return {
    at,
    reread: async () => watch?.reread() ?? 'none',
    async stop() {
      const result = await drain.run()
      await opened.disposeAsync()
      return result
    },
    abort: drain.abort,
  }
}

/** A folder that cannot be used is a mistake in the settings: no restart mends it. */
function refuse(error: unknown): never {
  throw new ConfigError([GatewayError.from(error).message])
}

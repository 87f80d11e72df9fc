// The composition root: reads as the order in which the service starts, and closes in reverse.
import { isDeepStrictEqual } from 'node:util'
import type { DescService } from '@bufbuild/protobuf'
import { AccessService } from '#gen/exai/v1/access_service_pb'
import { ChatService } from '#gen/exai/v1/chat_service_pb'
import { EmbeddingsService } from '#gen/exai/v1/embeddings_service_pb'
import { FilesService } from '#gen/exai/v1/files_service_pb'
import { MonitoringService } from '#gen/exai/v1/monitoring_service_pb'
import { ServerReflection } from '#gen/grpc/reflection/v1/reflection_pb'
import { ServerReflection as ServerReflectionAlpha } from '#gen/grpc/reflection/v1alpha/reflection_pb'
import { openAccess } from './access/open.ts'
import { createCompletion } from './chat/complete.ts'
import { createOwnConversations } from './chat/conversations.ts'
import { explainRoute } from './chat/explain.ts'
import { countTokens, listModels } from './chat/models.ts'
import { createRecordedCompletion } from './chat/recorded.ts'
import type { Config } from './config/config.ts'
import { ConfigError } from './config/config-error.ts'
import { type ConfigSource, type Look, watchConfig } from './config/watch.ts'
import type { Clock } from './core/clock.ts'
import { GatewayError } from './core/errors.ts'
import type { Log } from './core/log.ts'
import { createSafeFetch } from './core/safe-fetch.ts'
import { closeData, openDataDir, watchData } from './data-dir.ts'
import { createConnectDoor } from './doors/connect/door.ts'
import { createEditions, type Edition } from './editions.ts'
import { createFront } from './front.ts'
import { keepFiles, startKeepingJobs } from './kept-files.ts'
import { createTokenCounter } from './metering/count.ts'
import { createLimits } from './metering/limits.ts'
import { createUsageReport } from './metering/usage-report.ts'
import type { FetchMedia } from './providers/fetch-media.ts'
import { createAffinity } from './routing/affinity.ts'
import { createCircuits } from './routing/circuit.ts'
import { createLeases } from './routing/leases.ts'
import { createLive } from './routing/live.ts'
import { createRetryBudget } from './routing/retry-budget.ts'
import type { DrainResult } from './server/drain.ts'
import type { PortAddress } from './server/port.ts'
import { openSharing } from './sharing.ts'
import { auditedSwitch } from './status/audited-switch.ts'
import { createCircuitSwitch } from './status/circuit-switch.ts'
import { createStatus } from './status/status.ts'
import { createEvents, createObserver } from './telemetry/events.ts'
import { createMetrics } from './telemetry/metrics.ts'

/** Silence after which a stream shows that it is alive, in milliseconds: half of what impatient proxies bear. */
const HEARTBEAT_MS = 10_000

/** Largest file that is downloaded for a host that takes only bytes: what the providers' own limits for images are below. */
const MEDIA_BYTES_MAX = 20 * 1024 * 1024

/** When the token encoding is loaded after the start, in milliseconds: not before the first calls, and before the first count. */
const LOAD_ENCODING_AFTER_MS = 2_000

const SERVICES: readonly DescService[] = [
  ChatService,
  FilesService,
  MonitoringService,
  AccessService,
  EmbeddingsService,
]

/** What the service is made of. */
export interface GatewayDeps {
  readonly config: Config
  readonly log: Log
  readonly clock: Clock
  readonly version: string
  /** Where changes of the configuration come from. Absent: it never changes. */
  readonly source?: ConfigSource | undefined
  /** Shows a line to people, past the log. */
  readonly announce: (line: string) => void
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
  const { config, log, clock, version, source, announce } = deps
  await using stack = new AsyncDisposableStack()
  const { snapshot, timeouts } = config

  // Opened by a thread of its own while the rest is made.
  const opening = openDataDir({ config, clock, log })
  stack.defer(() => closeData(opening))

  const media = createSafeFetch({ allowPrivate: config.allowPrivateUrls, clock })
  const fetchMedia: FetchMedia = (url, signal) => media.fetch({ url, signal, maxBytes: MEDIA_BYTES_MAX })
  const events = createEvents({ log })

  // What is known of providers and models by their names: it outlives every change of the configuration.
  const circuits = createCircuits({ clock, onChange: events.emit, numbers: snapshot.circuit })
  stack.defer(circuits.close)
  const leases = createLeases({ clock, config: snapshot })
  const live = createLive({ clock })

  const editions = createEditions({
    snapshot,
    timeouts,
    fetchMedia,
    log,
    clock,
    lasting: { circuits, live },
  })
  stack.defer(editions.close)
  const routing = () => editions.current().routing
  const providers = () => routing().providers

  const metrics = createMetrics({
    ...namesOf(editions.current()),
    methods: [...SERVICES, ServerReflection, ServerReflectionAlpha].flatMap(({ typeName, methods }) =>
      methods.map(({ name }) => `${typeName}/${name}`),
    ),
  })
  metrics.configTaken(snapshot.version)
  metrics.bindCircuits(circuits.states)
  stack.defer(events.subscribe(createObserver({ log, metrics })))
  const keeping = await opening.catch(refuse)
  const { conversations } = keeping
  metrics.bindStore(keeping.waiting)
  metrics.bindBacklog(keeping.numbers)
  const watched = watchData(keeping, clock, () => status.changed())
  stack.defer(watched.close)
  const sharing = await openSharing({
    redisUrl: config.redisUrl,
    clock,
    log,
    onCommand: metrics.redisCommand,
  })
  stack.defer(sharing.close)
  metrics.bindRedis(sharing.isUp)
  const { shared } = sharing
  const access = await openAccess({ config, keys: keeping.keys, sharing, clock, log, announce }).catch(refuse)
  stack.defer(access.close)
  const status = createStatus({
    store: watched.report,
    others: () => ({ ...keeping.health(), ...sharing.health() }),
    providers,
    circuits: circuits.states,
    services: SERVICES.map(service => service.typeName),
  })
  stack.defer(events.subscribe(status.changed))
  stack.defer(keeping.onHealth(status.changed))
  stack.defer(sharing.onHealth(status.changed))

  const affinity = createAffinity({ shared, clock })

  const limits = createLimits({
    shared,
    clock,
    rules: () => editions.current().snapshot.rules,
    aliases: () => editions.current().snapshot.aliases,
    aliasesOf: (provider, id) => routing().catalogue.aliasesOf(provider, id),
    ledgers: [keeping.usage, ...(keeping.usageOfAll === undefined ? [] : [keeping.usageOfAll])],
    onFault: err => log.error('the shared state failed', { err }),
  })
  stack.defer(limits.close)

  const counter = createTokenCounter()
  const files = keepFiles({
    keeping,
    counter,
    limits: config.limits,
    quotaOf: limits.storedBytes,
    providers,
    clock,
    log,
  })
  stack.defer(files.close)
  const completion = createCompletion({
    journal: watched.journal,
    conversations,
    conversationTtlMs: config.limits.conversationTtlMs,
    files: files.parts,
    counter,
    metrics,
    clock,
    routing,
    affinity,
    walk: { circuits, leases, live, budget: createRetryBudget(clock), limits: timeouts, clock },
    heartbeatMs: HEARTBEAT_MS,
    limits,
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

  const asking = () => ({ routing: routing(), counter, conversations, files: files.parts })
  const door = createConnectDoor({
    files: files.service,
    chat: {
      ...recorded,
      conversations: createOwnConversations(conversations),
      countTokens: (call, request) => countTokens(call, request, { ...asking(), clock, limits }),
      explainRoute: (call, request) => explainRoute(call, request, { ...asking(), affinity, limits }),
      async listModels(call, { provider }) {
        const edition = editions.current()
        await edition.listings.begun(provider, call.signal)
        return listModels(provider, edition.routing)
      },
    },
    monitoring: {
      setCircuit: auditedSwitch(createCircuitSwitch({ circuits, routing, log }), { ...keeping, clock }),
      getUsage: createUsageReport({ ...keeping, clock }),
    },
    access: access.administration,
    health: status,
    maxRequestBytes: config.limits.maxRequestBytes,
  })
  const front = createFront({
    config,
    doors: [door],
    access,
    admit: exchange => limits.admit(exchange.caller, exchange.asked.method)?.then(exchange.admitted),
    status,
    metrics,
    clock,
    log,
    version,
  })
  stack.defer(front.destroy)
  const at = await front.listen()

  const watch =
    source &&
    watchConfig({
      source,
      version: snapshot.version,
      take(next) {
        editions.take(next)
        // A circuit keeps the numbers with which it judges.
        if (!isDeepStrictEqual(next.circuit, snapshot.circuit))
          log.warn('changed settings need a restart', { settings: ['routing.circuit'] })
        leases.configure(next)
        metrics.know(namesOf(editions.current()))
        status.changed()
      },
      onEvent: events.emit,
    })
  stack.defer(() => watch?.close())
  stack.defer(startKeepingJobs([...keeping.jobs, ...files.jobs], { shared, clock, log }).close)
  const loading = setTimeout(() => {
    counter.load().catch((err: unknown) => log.error('the token encoding cannot be loaded', { err }))
  }, LOAD_ENCODING_AFTER_MS)
  stack.defer(() => clearTimeout(loading))

  const opened = stack.move()
  return {
    at,
    reread: async () => watch?.reread() ?? 'none',
    async stop() {
      const result = await front.drain.run()
      await opened.disposeAsync()
      return result
    },
    abort: front.drain.abort,
  }
}

/** A folder that cannot be used is a mistake in the settings: no restart mends it. */
function refuse(error: unknown): never {
  throw new ConfigError([GatewayError.from(error).message])
}

function namesOf({ routing: { providers, catalogue } }: Edition) {
  return {
    providers: providers.map(provider => provider.id),
    models: catalogue.list().map(entry => entry.id),
  }
}

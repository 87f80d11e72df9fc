// The composition root: reads as the order in which the service starts, and closes in reverse.
import type { DescService } from '@bufbuild/protobuf'
import { AccessService } from '#gen/exai/v1/access_service_pb'
import { ChatService } from '#gen/exai/v1/chat_service_pb'
import { EmbeddingsService } from '#gen/exai/v1/embeddings_service_pb'
import { FilesService } from '#gen/exai/v1/files_service_pb'
import { MonitoringService } from '#gen/exai/v1/monitoring_service_pb'
import { ServerReflection } from '#gen/grpc/reflection/v1/reflection_pb'
import { ServerReflection as ServerReflectionAlpha } from '#gen/grpc/reflection/v1alpha/reflection_pb'
import { bundledModels } from './catalogue/bundled.ts'
import { createCatalogue } from './catalogue/catalogue.ts'
import { createCompletion } from './chat/complete.ts'
import { explainRoute } from './chat/explain.ts'
import { countTokens, listModels } from './chat/models.ts'
import type { Config } from './config/config.ts'
import type { Snapshot } from './config/snapshot.ts'
import type { Clock } from './core/clock.ts'
import type { Log } from './core/log.ts'
import type { Provider } from './core/provider.ts'
import { createSafeFetch } from './core/safe-fetch.ts'
import { connectCorsNeeds } from './doors/connect/cors-needs.ts'
import { createConnectDoor } from './doors/connect/door.ts'
import { createTokenCounter } from './metering/count.ts'
import type { FetchMedia } from './providers/fetch-media.ts'
import { createListings } from './providers/listings.ts'
import { providers as kinds } from './providers/registry.ts'
import { createCors } from './server/cors.ts'
import { createDrain, type DrainResult } from './server/drain.ts'
import { type CallEnd, createExchanges } from './server/exchange.ts'
import { createHandler } from './server/handler.ts'
import { loopbackGuard, openGuard } from './server/hosts.ts'
import { createPort, type PortAddress } from './server/port.ts'
import { createRoutes } from './server/routes.ts'
import { createStatus } from './status/status.ts'
import { createProcessJournal } from './stores/process/journal.ts'
import { createMetrics, type EndedCall } from './telemetry/metrics.ts'

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
}

/** A service that listens. */
export interface Gateway {
  readonly at: PortAddress
  /** Ends it the polite way: health first, then new calls, then running ones. Resolves when everything is closed. */
  stop(): Promise<DrainResult>
  /** Makes a running `stop` wait for nothing any more. */
  abort(): void
}

/** Composes the service and starts to listen. Rejects, with everything closed again, when the port can't be had. */
export async function startGateway({ config, log, clock, version }: GatewayDeps): Promise<Gateway> {
  await using stack = new AsyncDisposableStack()
  const { snapshot, timeouts } = config

  const media = createSafeFetch({ allowPrivate: config.allowPrivateUrls, clock })
  const fetchMedia: FetchMedia = (url, signal) => media.fetch({ url, signal, maxBytes: MEDIA_BYTES_MAX })
  const providers = snapshot.providers.map(one => createProvider(one, { config, log, clock, fetchMedia }))
  stack.defer(async () => void (await Promise.all(providers.map(provider => provider.close()))))
  const openEnded = snapshot.providers.flatMap(one =>
    one.kind !== 'sandbox' && one.openEnded ? [one.id] : [],
  )
  const listings = createListings(
    providers.filter(({ id }) => openEnded.includes(id)),
    clock,
  )
  stack.defer(listings.close)
  const bundled = bundledModels()
  const catalogue = createCatalogue({
    models: { ...bundled, models: [...bundled.models, ...providers.flatMap(provider => provider.models)] },
    now: clock.now,
    configured: snapshot.models,
    openEnded,
    listings,
    aliases: snapshot.aliases,
  })

  const metrics = createMetrics({
    providers: providers.map(provider => provider.id),
    models: catalogue.list().map(entry => entry.id),
    methods: [...SERVICES, ServerReflection, ServerReflectionAlpha].flatMap(({ typeName, methods }) =>
      methods.map(({ name }) => `${typeName}/${name}`),
    ),
  })

  const status = createStatus({ providers, services: SERVICES.map(service => service.typeName) })
  const routing = { configVersion: snapshot.version, catalogue, providers, now: clock.now }
  const counter = createTokenCounter()
  const completion = createCompletion({
    journal: createProcessJournal(),
    counter,
    metrics,
    clock,
    routing: () => routing,
    limits: timeouts,
    heartbeatMs: HEARTBEAT_MS,
  })

  const exchanges = createExchanges({
    log,
    metrics: { callEnded: end => metrics.callEnded(countedCall(end)) },
    clock,
    requestTimeoutMs: timeouts.requestMs,
  })
  const door = createConnectDoor({
    chat: {
      ...completion,
      countTokens: (call, request) => countTokens(call, request, { routing, counter, clock }),
      explainRoute: (call, request) => explainRoute(call, request, { routing, counter }),
      async listModels(call, { provider }) {
        await listings.begun(provider, call.signal)
        return listModels(provider, routing)
      },
    },
    health: status,
    maxRequestBytes: config.limits.maxRequestBytes,
  })
  const routes = createRoutes({
    version,
    clock,
    health: status.report,
    isReady: status.isReady,
    metrics: async () => {
      // Keys come and go: only this moment's state is true.
      for (const { id, unusableReason } of providers)
        metrics.providerHealth(id, unusableReason === '' ? 'ok' : 'down')
      const { contentType, body } = await metrics.text()
      return { contentType, text: body }
    },
    isMetricsPublic: config.metricsPublic,
    onFault: err => log.error('page failed', { err }),
  })
  const handler = createHandler({
    doors: [door],
    routes,
    exchanges,
    guard: config.auth.mode === 'loopback' ? loopbackGuard : openGuard,
    cors: createCors(config.listen.corsOrigins, connectCorsNeeds),
    clock,
  })

  const port = createPort({
    handler,
    ...(config.listen.tls === undefined ? {} : { tls: config.listen.tls }),
    onEvent: event => log.debug('connection', { event }),
  })
  stack.defer(() => port.destroy())
  metrics.bindConnections(port.connections)
  const at = await port.listen({ host: config.listen.host, port: config.listen.port })

  const drain = createDrain({
    port,
    exchanges,
    health: status,
    clock,
    drainDelayMs: timeouts.drainDelayMs,
    drainTimeoutMs: timeouts.drainTimeoutMs,
  })
  const loading = setTimeout(() => {
    counter.load().catch((err: unknown) => log.error('the token encoding cannot be loaded', { err }))
  }, LOAD_ENCODING_AFTER_MS)
  stack.defer(() => clearTimeout(loading))

  const opened = stack.move()
  return {
    at,
    async stop() {
      const result = await drain.run()
      await opened.disposeAsync()
      return result
    },
    abort: drain.abort,
  }
}

function createProvider(
  settings: Snapshot['providers'][number],
  {
    config,
    log,
    clock,
    fetchMedia,
  }: Pick<GatewayDeps, 'config' | 'log' | 'clock'> & { fetchMedia: FetchMedia },
): Provider {
  if (settings.kind === 'sandbox') return kinds.sandbox({ id: settings.id })
  const { kind, openEnded: _, ...own } = settings
  return kinds[kind]({
    ...own,
    connectTimeoutMs: config.timeouts.connectMs,
    fetchMedia,
    clock,
    onKeyOut: ({ label, out }) =>
      log.warn('a provider key is out', {
        provider: settings.id,
        keyLabel: label,
        ...(out && { trouble: out.trouble, until: new Date(out.untilMs).toISOString() }),
      }),
  })
}

function countedCall({ reason, origin, ...call }: CallEnd): EndedCall {
  return { ...call, error: reason === '' || origin === '' ? undefined : { reason, origin } }
}

// Puts together what faces the network: the running calls, the guards, the plain pages, the one port, and the way it ends.
import { FilesService } from '#gen/exai/v1/files_service_pb'
import { type Access, mayReadMetrics } from './access/open.ts'
import type { Config } from './config/config.ts'
import type { Clock } from './core/clock.ts'
import type { Log } from './core/log.ts'
import { connectCorsNeeds } from './doors/connect/cors-needs.ts'
import { createCors } from './server/cors.ts'
import type { Door } from './server/door.ts'
import { createDrain, type Drain } from './server/drain.ts'
import { type CallEnd, createExchanges } from './server/exchange.ts'
import { type Admit, createHandler } from './server/handler.ts'
import { loopbackGuard, openGuard } from './server/hosts.ts'
import { createPort, type PortAddress } from './server/port.ts'
import { createRoutes } from './server/routes.ts'
import type { Status } from './status/status.ts'
import type { EndedCall, Metrics } from './telemetry/metrics.ts'

/** What `createFront` needs. */
export interface FrontDeps {
  readonly config: Pick<Config, 'listen' | 'auth' | 'timeouts' | 'metricsPublic'>
  /** The ways in; the first one that knows a request gets it. */
  readonly doors: readonly Door[]
  readonly access: Access
  /** Takes what a call needs before it is served. */
  readonly admit: Admit
  readonly status: Status
  readonly metrics: Metrics
  readonly clock: Clock
  readonly log: Log
  readonly version: string
}

/** What faces the network. */
export interface Front {
  /** Begins to listen. Rejects when the port cannot be had. */
  listen(): Promise<PortAddress>
  /** The polite end. */
  readonly drain: Drain
  /** The end at once. */
  destroy(): Promise<void>
}

/** The one upload that takes as long as its file. */
const UPLOAD_PATH = `/${FilesService.typeName}/${FilesService.method.uploadFile.name}`

/** Puts it together; nothing listens yet. */
export function createFront(deps: FrontDeps): Front {
  const { config, doors, access, admit, status, metrics, clock, log, version } = deps
  const { listen, auth, timeouts, metricsPublic } = config
  const exchanges = createExchanges({
    log,
    metrics: { callEnded: end => metrics.callEnded(countedCall(end)) },
    clock,
    requestTimeoutMs: timeouts.requestMs,
  })
  const routes = createRoutes({
    version,
    clock,
    health: status.report,
    isReady: status.isReady,
    metrics: async () => {
      // Keys come and go: only this moment's state is true.
      for (const { id, health } of status.providers()) metrics.providerHealth(id, health)
      const { contentType, body } = await metrics.text()
      return { contentType, text: body }
    },
    isMetricsPublic: metricsPublic,
    mayReadMetrics: mayReadMetrics(access),
    onFault: err => log.error('page failed', { err }),
  })
  const port = createPort({
    handler: createHandler({
      doors,
      routes,
      exchanges,
      guard: auth.mode === 'loopback' ? loopbackGuard : openGuard,
      access,
      admit,
      cors: createCors(listen.corsOrigins, connectCorsNeeds),
      clock,
    }),
    // A large file takes longer than any message; the call's own deadline ends it.
    bodyTimeoutMsFor: req => (req.url?.split('?', 1)[0] === UPLOAD_PATH ? timeouts.requestMs : undefined),
    ...(listen.tls === undefined ? {} : { tls: listen.tls }),
    onEvent: event => log.debug('connection', { event }),
  })
  metrics.bindConnections(port.connections)
  return {
    listen: () => port.listen({ host: listen.host, port: listen.port }),
    drain: createDrain({
      port,
      exchanges,
      health: status,
      clock,
      drainDelayMs: timeouts.drainDelayMs,
      drainTimeoutMs: timeouts.drainTimeoutMs,
    }),
    destroy: async () => port.destroy(),
  }
}

function countedCall({ reason, origin, ...call }: CallEnd): EndedCall {
  return { ...call, error: reason === '' || origin === '' ? undefined : { reason, origin } }
}

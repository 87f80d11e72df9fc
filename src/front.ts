// Puts the front together: the doors, the plain pages, who may come in, and the port on which all of them listen.
import { join } from 'node:path'
import { FilesService } from '#gen/exai/v1/files_service_pb'
import { type Access, mayReadMetrics } from './access/open.ts'
import type { Config } from './config/config.ts'
import type { Clock } from './core/clock.ts'
import type { Log } from './core/log.ts'
import type { TraceCall } from './core/trace.ts'
import { connectCorsNeeds } from './doors/connect/cors-needs.ts'
import { type ConnectDoorDeps, createConnectDoor } from './doors/connect/door.ts'
import { createPage } from './doors/page/page.ts'
import type { Limits } from './metering/limits.ts'
import { createCors } from './server/cors.ts'
import type { Exchanges } from './server/exchange.ts'
import { createHandler } from './server/handler.ts'
import { loopbackGuard, openGuard } from './server/hosts.ts'
import { createPort, type Port } from './server/port.ts'
import { createRoutes } from './server/routes.ts'
import type { Status } from './status/status.ts'
import type { Metrics } from './telemetry/metrics.ts'

/** What the front is put together from. */
export interface FrontDeps {
  readonly config: Config
  readonly log: Log
  readonly clock: Clock
  readonly version: string
  readonly exchanges: Exchanges
  readonly access: Access
  readonly limits: Pick<Limits, 'admit'>
  readonly status: Status
  readonly metrics: Pick<Metrics, 'providerHealth' | 'text'>
  /** What the door of the RPCs hands calls to. */
  readonly services: Omit<ConnectDoorDeps, 'access' | 'health' | 'maxRequestBytes'>
  /** Begins traces. Absent: nothing is traced. */
  readonly trace?: TraceCall | undefined
}

/** Where the build puts the page: beside src/ in a source tree, and beside it in dist/ as well. */
const PAGE_FOLDER = join(import.meta.dirname, '../web/dist')

/** The one upload that takes as long as its file. */
const UPLOAD_PATH = `/${FilesService.typeName}/${FilesService.method.uploadFile.name}`

/** Makes the port; it does not listen yet. */
export function createFront(deps: FrontDeps): Port {
  const { config, log, clock, exchanges, access, limits, status } = deps
  const door = createConnectDoor({
    ...deps.services,
    access: access.administration,
    health: status,
    maxRequestBytes: config.limits.maxRequestBytes,
  })
  const handler = createHandler({
    doors: [door],
    routes: routesOf(deps),
    exchanges,
    guard: config.auth.mode === 'loopback' ? loopbackGuard : openGuard,
    access,
    admit: ({ caller, asked, id, admitted }) => limits.admit(caller, asked.method, id)?.then(admitted),
    cors: createCors(config.listen.corsOrigins, connectCorsNeeds),
    clock,
    trace: deps.trace,
  })
  return createPort({
    handler,
    // A large file takes longer than any message; the call's own deadline ends it.
    bodyTimeoutMsFor: req =>
      req.url?.split('?', 1)[0] === UPLOAD_PATH ? config.timeouts.requestMs : undefined,
    ...(config.listen.tls === undefined ? {} : { tls: config.listen.tls }),
    onEvent: event => log.debug('connection', { event }),
  })
}

function routesOf({ config, log, clock, version, access, status, metrics }: FrontDeps) {
  return createRoutes({
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
    isMetricsPublic: config.metricsPublic,
    mayReadMetrics: mayReadMetrics(access),
    page: createPage(PAGE_FOLDER),
    onFault: err => log.error('page failed', { err }),
  })
}

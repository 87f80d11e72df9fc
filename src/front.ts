// Puts the front together: the doors, the plain pages, who may come in, and the port on which all of them listen.
import { join } from 'node:path'
import { FilesService } from '#gen/exai/v1/files_service_pb'
import { type Access, mayReadMetrics } from './access/open.ts'
import type { Config } from './config/config.ts'
import type { Clock } from './core/clock.ts'
import type { Log } from './core/log.ts'
import type { Shared } from './core/shared.ts'
import type { TraceCall } from './core/trace.ts'
import { createAnthropicDoor } from './doors/anthropic/door.ts'
import { connectCorsNeeds } from './doors/connect/cors-needs.ts'
import { type ConnectDoorDeps, createConnectDoor } from './doors/connect/door.ts'
import { httpCorsNeeds } from './doors/http/cors-needs.ts'
import { createCancels } from './doors/mcp/cancels.ts'
import { mcpCorsNeeds } from './doors/mcp/cors-needs.ts'
import { createMcpDoor } from './doors/mcp/door.ts'
import { createOpenAiDoor } from './doors/openai/door.ts'
import { createPage } from './doors/page/page.ts'
import { createWebSocketDoor, SOCKET_PATHS } from './doors/websocket/door.ts'
import { createPlainDoor } from './doors/websocket/plain.ts'
import type { Limits } from './metering/limits.ts'
import { createCors } from './server/cors.ts'
import type { Admit } from './server/entrance.ts'
import type { Asked, Exchanges } from './server/exchange.ts'
import { createHandler } from './server/handler.ts'
import { loopbackGuard, openGuard, pageGuard } from './server/hosts.ts'
import { createInnerCalls } from './server/inner-calls.ts'
import type { Overload } from './server/overload.ts'
import { createPort, type Port } from './server/port.ts'
import { createRoutes } from './server/routes.ts'
import { createSocketCalls } from './server/socket-calls.ts'
import { createUpgrades } from './server/upgrades.ts'
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
  readonly shared: Shared
  readonly overload: Pick<Overload, 'refusal'>
  readonly status: Status
  readonly metrics: Pick<Metrics, 'callEnded' | 'providerHealth' | 'text'>
  /** What the door of the RPCs hands calls to. */
  readonly services: Omit<ConnectDoorDeps, 'access' | 'health' | 'maxRequestBytes'>
  /** Begins traces. Absent: nothing is traced. */
  readonly trace?: TraceCall | undefined
}

/** How a call is counted that is refused because there is too much to do. */
const OVERLOADED = { reason: 'OVERLOADED', origin: 'gateway' } as const

/** Where the build puts the page: beside src/ in a source tree, and beside it in dist/ as well. */
const PAGE_FOLDER = join(import.meta.dirname, '../web/dist')

/** The uploads that take as long as their file. */
const UPLOAD_PATHS: ReadonlySet<string> = new Set([
  `/${FilesService.typeName}/${FilesService.method.uploadFile.name}`,
  '/v1/files',
])

/** Whether a request target is one where a file is uploaded; as at the doors, a path may end in a slash. */
export function isUpload(target: string): boolean {
  const query = target.indexOf('?')
  const end = query < 0 ? target.length : query
  return UPLOAD_PATHS.has(target.slice(0, target[end - 1] === '/' ? end - 1 : end))
}

/** Makes the port; it does not listen yet. */
export function createFront(deps: FrontDeps): Port {
  const { config, log, clock, version, exchanges, access, limits, status } = deps
  const onFault = (err: unknown): void => log.error('the shared state failed', { err })
  const services = { ...deps.services, maxRequestBytes: config.limits.maxRequestBytes }
  // What is not counted is not limited: a probe, and a request that only carries calls.
  const admit: Admit = exchange => {
    if (!exchange.asked.isCounted) return undefined
    const admission = limits.admit(exchange.caller, exchange.asked.method, exchange.id)
    if (admission instanceof Promise) return admission.then(exchange.admitted)
    if (admission !== undefined) exchange.admitted(admission)
    return undefined
  }
  const shed = deps.overload.refusal
  const countShed = ({ door, method }: Asked): void =>
    deps.metrics.callEnded({ door, method, code: 'RESOURCE_EXHAUSTED', durationMs: 0, error: OVERLOADED })
  const calls = createInnerCalls({ exchanges, access, admit, shed, trace: deps.trace })
  const doors = [
    createConnectDoor({ ...services, access: access.administration, health: status }),
    createOpenAiDoor(services),
    createAnthropicDoor(services),
    createMcpDoor({ ...services, calls, cancels: createCancels({ shared: deps.shared, onFault }), version }),
    createPlainDoor(Object.values(SOCKET_PATHS)),
  ]
  const guard = config.auth.mode === 'loopback' ? loopbackGuard : openGuard
  const cors = createCors(config.listen.corsOrigins, connectCorsNeeds, httpCorsNeeds, mcpCorsNeeds)
  const entering = { exchanges, access, admit, shed, clock, trace: deps.trace }
  const handler = createHandler({ ...entering, doors, routes: routesOf(deps), guard, cors, countShed })
  const sockets = createWebSocketDoor({
    ...services,
    calls: createSocketCalls(entering),
    access,
    clock,
    connections: () => port.connections(),
  })
  const port = createPort({
    handler,
    upgrades: createUpgrades({ door: sockets, exchanges, guards: [guard, pageGuard(cors.allows)], clock }),
    // A large file takes longer than any message; the call's own deadline ends it.
    bodyTimeoutMsFor: req => (isUpload(req.url ?? '') ? config.timeouts.requestMs : undefined),
    ...(config.listen.tls === undefined ? {} : { tls: config.listen.tls }),
    onEvent: event => log.debug('connection', { event }),
  })
  return port
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

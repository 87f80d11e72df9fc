// The plain pages of the port: health, metrics, the front page, and a 404 that says what there is.
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import { isLoopbackAddress, loopbackGuard } from './hosts.ts'
import type { PortHandler, PortRequest, PortResponse } from './port-handler.ts'
import { json, pathOf, type Reply, refused, send } from './reply.ts'

/** How the service is. */
export interface HealthReport {
  readonly status: 'healthy' | 'degraded' | 'unhealthy'
  /** Each part by name, in a form that JSON can carry. */
  readonly components: Readonly<Record<string, unknown>>
}

/** The page for browsers, as the routes know it. */
export interface PageForBrowsers {
  /** Serves a request that is for it; false when it is for somebody else. */
  serve(req: PortRequest, res: PortResponse): boolean
  /** Why there is no page, one sentence. */
  readonly missing: string | undefined
}

/** What `createRoutes` needs. */
export interface RoutesDeps {
  readonly version: string
  readonly clock: Clock
  /** How everything is now. */
  readonly health: () => HealthReport
  /** Whether new calls are welcome: false while draining, or when our own store cannot write. */
  readonly isReady: () => boolean
  /** All metrics as text, with their content type. */
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>
  /** Whether strangers may read the metrics. */
  readonly isMetricsPublic: boolean
  /**
   * Lets a stranger with the right credential read the metrics: throws, or rejects with, a GatewayError for everybody else.
   * Absent: nobody is asked for a credential, and metrics are for this machine.
   */
  readonly mayReadMetrics?: ((req: PortRequest) => void | Promise<void>) | undefined
  /** The page for browsers: it serves what is for it, or says why there is none. Absent: plain text alone. */
  readonly page?: PageForBrowsers | undefined
  /** Told of a page that could not be made. */
  readonly onFault: (error: unknown) => void
}

/** The plain pages that there are. */
export const PAGES = ['/', '/health', '/health/live', '/health/ready', '/metrics'] as const

type Page = (req: PortRequest) => Reply | Promise<Reply>

/** Makes the handler of everything that is not for a door. */
export function createRoutes(deps: RoutesDeps): PortHandler {
  const startedAtMs = deps.clock.monotonic()
  const table = {
    '/': req => frontPage(deps, req),
    '/health': () => healthPage(deps, startedAtMs),
    '/health/live': () => json(200, { status: 'live' }),
    '/health/ready': () => readyPage(deps),
    '/metrics': req => metricsPage(deps, req),
  } satisfies Record<(typeof PAGES)[number], Page>
  const pages = new Map<string, Page>(Object.entries(table))
  const answer = async (req: PortRequest): Promise<Reply> => {
    const page = pages.get(pathOf(req))
    if (page === undefined) return missing(pathOf(req), [...pages.keys()])
    if (req.method !== 'GET' && req.method !== 'HEAD') return notAllowed(req.method ?? '')
    return page(req)
  }
  return (req, res) => {
    if (deps.page?.serve(req, res) === true) return
    answer(req)
      .catch((error: unknown) => {
        deps.onFault(error)
        return refused(500, new GatewayError('INTERNAL', 'internal error'))
      })
      .then(reply => send(req, res, reply))
      .catch(deps.onFault)
  }
}

function healthPage({ health, version, clock }: RoutesDeps, startedAtMs: number): Reply {
  const { status, components } = health()
  return json(status === 'unhealthy' ? 503 : 200, {
    status,
    version,
    timestamp_utc: new Date(clock.now()).toISOString(),
    uptime_seconds: Math.floor((clock.monotonic() - startedAtMs) / 1000),
    components,
  })
}

function readyPage({ isReady }: RoutesDeps): Reply {
  return isReady() ? json(200, { status: 'ready' }) : json(503, { status: 'not ready' })
}

async function metricsPage(deps: RoutesDeps, req: PortRequest): Promise<Reply> {
  if (!deps.isMetricsPublic && !isLocal(req)) {
    const refusal = await metricsRefusal(deps, req)
    if (refusal !== undefined) return refusal
  }
  const { contentType, text } = await deps.metrics()
  return { status: 200, contentType, body: text }
}

async function metricsRefusal({ mayReadMetrics }: RoutesDeps, req: PortRequest): Promise<Reply | undefined> {
  if (mayReadMetrics === undefined) {
    const message = 'metrics are for this machine only; set METRICS_PUBLIC=1 to open them'
    return refused(403, new GatewayError('PERMISSION_DENIED', message))
  }
  try {
    await mayReadMetrics(req)
    return undefined
  } catch (thrown) {
    const error = GatewayError.from(thrown)
    if (error.reason === 'PERMISSION_DENIED') return refused(403, error)
    if (error.reason !== 'UNAUTHENTICATED') throw error
    return { ...refused(401, error), headers: { 'www-authenticate': 'Bearer' } }
  }
}

// A proxy on this machine is loopback, too, but the one it speaks for is not; and neither is the page of a foreign site
// that has bound a name of its own to this machine.
function isLocal(req: PortRequest): boolean {
  const isForwarded = req.headers['x-forwarded-for'] !== undefined || req.headers.forwarded !== undefined
  return !isForwarded && loopbackGuard(req) === undefined && isLoopbackAddress(req.socket.remoteAddress)
}

function missing(path: string, pages: readonly string[]): Reply {
  return json(404, {
    code: 'not_found',
    message: `nothing is at ${JSON.stringify(path.slice(0, 200))}`,
    pages: pages.map(page => `GET ${page}`),
    methods: 'POST /exai.v1.ChatService/Complete and its siblings; gRPC reflection lists them all',
  })
}

function notAllowed(method: string): Reply {
  const message = `${method.slice(0, 20)} is not possible here, use GET`
  return json(405, { code: 'invalid_argument', message }, { allow: 'GET, HEAD' })
}

// It is shown as part of a command: only what is exactly a name and a port goes into it.
const SHOWABLE = /^(?:\[[0-9a-fA-F:]+\]|[A-Za-z0-9][A-Za-z0-9.-]{0,252})(?::\d{1,5})?$/

function frontPage({ version, page }: RoutesDeps, req: PortRequest): Reply {
  const { localPort } = req.socket
  const named = ('authority' in req ? req.authority : undefined) ?? req.headers.host ?? ''
  const host = SHOWABLE.test(named) ? named : `localhost:${localPort}`
  // Behind a proxy the client's side counts, which only the proxy knows.
  const isTls = Reflect.get(req.socket, 'encrypted') === true || req.headers['x-forwarded-proto'] === 'https'
  const [scheme, how, at] = isTls
    ? ['https', '', /:\d+$/.test(host) ? host : `${host}:443`]
    : ['http', '-plaintext ', /:\d+$/.test(host) ? host : `${host}:80`]
  const body = `exai ${version}: an AI gateway over gRPC, gRPC-Web and Connect, on this one port.

Ask a model:

  curl -H 'content-type: application/json' \\
    -d '{"model":"auto","messages":[{"role":"ROLE_USER","content":[{"text":"Hello!"}]}]}' \\
    ${scheme}://${host}/exai.v1.ChatService/Complete

See how it is: /health, /metrics
See what it can do: grpcurl ${how}${at} list
${seeIt(page, `${scheme}://${host}/`)}`
  return { status: 200, contentType: 'text/plain; charset=utf-8', body }
}

function seeIt(page: PageForBrowsers | undefined, address: string): string {
  if (page === undefined) return ''
  return page.missing === undefined ? `See it at work: ${address} in a browser\n` : `Note: ${page.missing}\n`
}

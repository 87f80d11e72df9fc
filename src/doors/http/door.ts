// Makes a door out of routes: JSON, forms, event streams and bytes over HTTP, with errors in the shape that its clients know.
import { GatewayError } from '../../core/errors.ts'
import type { Door } from '../../server/door.ts'
import type { Asked, Exchange } from '../../server/exchange.ts'
import type { PortRequest, PortResponse } from '../../server/port-handler.ts'
import { discardRest } from './body.ts'
import { tell } from './errors.ts'
import { readForm } from './form.ts'
import { cut } from './pace.ts'
import { readJson } from './read-json.ts'
import { unknownPath, wrongVerb } from './refusal.ts'
import { type ErrorShape, type Writing, writeError, writeReply } from './reply.ts'
import { createRouter, type HttpCall, type Route, type Router } from './route.ts'

/** What `createHttpDoor` needs. */
export interface HttpDoorDeps {
  /** Name of the door, as logs and metrics have it. */
  readonly name: string
  readonly routes: readonly Route[]
  readonly errors: ErrorShape
  /** The largest request body in bytes, for routes that do not say otherwise. */
  readonly maxRequestBytes: number
  /** Whether a path that no route has is this door's to refuse. Absent: none is. */
  readonly claims?: ((path: string) => boolean) | undefined
}

/** How callers of such doors speak, as logs and metrics have it. */
const PROTOCOL = 'http'

/** Makes the door. */
export function createHttpDoor(deps: HttpDoorDeps): Door {
  const router = createRouter(deps.routes)
  return {
    asks: req => asks(deps, router, req),
    serve: (req, res, exchange) => {
      conclude(writingOf(deps, req, res, exchange), exchange, writing =>
        answer(deps, router, writing, exchange),
      )
    },
    refuse: (req, res, exchange, error) => {
      conclude(writingOf(deps, req, res, exchange), exchange, writing =>
        writeError(writing, writing.told(error)),
      )
    },
  }
}

function asks({ name, claims }: HttpDoorDeps, router: Router, req: PortRequest): Asked | undefined {
  // Browsers ask by it whether they may ask.
  if (req.method === 'OPTIONS') return undefined
  const path = pathOf(req)
  const target = router(req.method ?? '', path)
  if (target.route === undefined && target.allowed.length === 0 && claims?.(path) !== true) return undefined
  return {
    door: name,
    method: target.route?.rpc ?? 'unknown',
    protocol: PROTOCOL,
    isWatch: false,
    isCounted: true,
  }
}

async function answer(
  deps: HttpDoorDeps,
  router: Router,
  writing: Writing,
  exchange: Exchange,
): Promise<void> {
  const { req } = writing
  const path = pathOf(req)
  const verb = req.method ?? ''
  const target = router(verb, path)
  if (target.route === undefined)
    throw target.allowed.length === 0 ? unknownPath(verb, path) : wrongVerb(verb, path, target.allowed)
  const { route, params } = target
  const reading = { req, exchange, maxBytes: route.maxRequestBytes ?? deps.maxRequestBytes }
  const call: HttpCall = {
    exchange,
    params,
    query: new URLSearchParams((req.url ?? '').split('?').slice(1).join('?')),
    header: name => textOf(req.headers[name]),
    json: () => readJson(reading),
    form: () => readForm(reading),
  }
  await writeReply(writing, await route.handle(call))
}

/** Does something about a call and ends it, whatever happens. */
function conclude(writing: Writing, exchange: Exchange, act: (writing: Writing) => Promise<void>): void {
  const { req, res } = writing
  act(writing)
    .catch((error: unknown) => writeError(writing, writing.told(error)))
    .catch((error: unknown) => {
      exchange.fail(GatewayError.from(error))
      cut(res)
    })
    .finally(() => {
      exchange.close()
      discardRest(req)
    })
}

function writingOf(
  { errors }: HttpDoorDeps,
  req: PortRequest,
  res: PortResponse,
  exchange: Exchange,
): Writing {
  const { signal, sent } = exchange
  return {
    req,
    res,
    errors,
    signal,
    sent,
    limit: () => exchange.admission?.requestLimit(),
    told: thrown => tell(thrown, exchange),
  }
}

function textOf(value: string | readonly string[] | undefined): string {
  return typeof value === 'string' ? value : (value?.join(', ') ?? '')
}

function pathOf(req: PortRequest): string {
  return (req.url ?? '').split('?', 1)[0] ?? ''
}

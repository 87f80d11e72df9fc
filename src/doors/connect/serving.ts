// Serves the methods of a router on the port: gRPC, gRPC-Web and Connect. Chooses the way of each call: the direct one, or connect-es.
import type { DescMethod } from '@bufbuild/protobuf'
import type { UniversalHandler } from '@connectrpc/connect/protocol'
import { GatewayError } from '../../core/errors.ts'
import type { Door } from '../../server/door.ts'
import type { Asked, Exchange } from '../../server/exchange.ts'
import type { PortRequest, PortResponse } from '../../server/port-handler.ts'
import { discardRest } from '../http/body.ts'
import { connectErrorOf, explain } from './errors.ts'
import { serveOfficially } from './official.ts'
import { serveDirectly } from './own/direct.ts'
import { type OwnMethod, ownMethodOf } from './own/method.ts'
import { protocolOf, timeoutMsOf, writeError } from './protocol.ts'
import { pathOf } from './request.ts'
import type { ServiceRouter } from './router.ts'
import type { Served } from './served.ts'
import { createStandingErrors } from './standing.ts'

/** What `createServingDoor` needs. */
export interface ServingDeps {
  readonly router: ServiceRouter
  /** The largest request message of a method after decompression, in bytes; undefined stands for one that there is not. */
  readonly maxBytesOf: (method: DescMethod | undefined) => number
  /** Whether calls of a method belong in the metrics. */
  readonly isCounted: (method: DescMethod | undefined) => boolean
  /** Whether what handlers throw reaches the client as it is, for a contract without our ErrorInfo. */
  readonly isPlain?: boolean | undefined
  /** Whether connect-es serves every call, and none is served directly: for tests that compare the two. */
  readonly isOfficial?: boolean | undefined
}

const DOOR = 'connect'

/** A method that there is. */
interface Known {
  readonly handler: UniversalHandler
  /** Absent: connect-es serves all of its calls. */
  readonly own: OwnMethod | undefined
  readonly maxRequestBytes: number
  readonly asked: Pick<Asked, 'door' | 'method' | 'isWatch' | 'isCounted'>
}

/** Makes the door of these methods. */
export function createServingDoor(deps: ServingDeps): Door {
  const methods = new Map(deps.router.handlers.map(handler => [handler.requestPath, known(handler, deps)]))
  const standing = createStandingErrors(deps.isPlain === true)
  const strangersMaxBytes = deps.maxBytesOf(undefined)
  const servedOf = (exchange: Exchange, method?: Known): Served => ({
    exchange,
    isRead: false,
    maxRequestBytes: method?.maxRequestBytes ?? strangersMaxBytes,
    ...(deps.isPlain === true ? { plainErrors: new WeakSet() } : {}),
  })
  return {
    asks: req => asks(req, methods, deps.isCounted),
    serve: (req, res, exchange) => {
      const method = methods.get(pathOf(req))
      void serve(method, req, res, servedOf(exchange, method))
    },
    refuse: (req, res, exchange, error) => {
      exchange.sent(
        standing(req, res, exchange, error) ??
          writeError(req, res, connectErrorOf(error, servedOf(exchange))),
      )
      exchange.close()
      discardRest(req)
    },
  }
}

function known(handler: UniversalHandler, deps: ServingDeps): Known {
  const { method, requestPath } = handler
  const given = deps.isOfficial === true ? undefined : deps.router.given.get(requestPath)
  return {
    handler,
    own: given === undefined ? undefined : ownMethodOf(given),
    maxRequestBytes: deps.maxBytesOf(method),
    asked: {
      door: DOOR,
      method: `${method.parent.typeName}/${method.name}`,
      isWatch: method.methodKind === 'server_streaming' && method.name.startsWith('Watch'),
      isCounted: deps.isCounted(method),
    },
  }
}

/** Serves a call to its end. Never fails. */
async function serve(
  method: Known | undefined,
  req: PortRequest,
  res: PortResponse,
  served: Served,
): Promise<void> {
  const { exchange } = served
  try {
    await answer(method, req, res, served)
  } catch (error) {
    exchange.fail(GatewayError.from(error))
    res.destroy()
  } finally {
    exchange.close()
    discardRest(req)
  }
}

async function answer(
  method: Known | undefined,
  req: PortRequest,
  res: PortResponse,
  served: Served,
): Promise<void> {
  try {
    if (method === undefined) {
      const stranger = new GatewayError('UNSUPPORTED', `there is no method ${pathOf(req).slice(0, 200)}`)
      // 404 is how Connect says it (https://connectrpc.com/docs/protocol#error-codes).
      const error = connectErrorOf(stranger, served, 'UNIMPLEMENTED')
      served.exchange.sent(writeError(req, res, error, { status: 404 }))
      return
    }
    const { own, handler } = method
    const first = own === undefined ? [] : await serveDirectly(own, { req, res, served })
    if (first !== undefined) await serveOfficially(handler, req, res, served, first)
  } catch (error) {
    const explained = explain(error, served)
    if (res.headersSent) res.destroy()
    else served.exchange.sent(writeError(req, res, explained))
  }
}

function asks(
  req: PortRequest,
  methods: ReadonlyMap<string, Known>,
  isCounted: ServingDeps['isCounted'],
): Asked | undefined {
  const path = pathOf(req)
  const method = methods.get(path)
  const protocol = protocolOf(req)
  const isRpc = method !== undefined || protocol !== 'connect' || /^\/[A-Za-z]\w*(?:\.\w+)+\/\w+$/.test(path)
  if (!isRpc || req.method === 'OPTIONS') return undefined
  const timeoutMs = timeoutMsOf(req, protocol)
  const asked = method?.asked ?? {
    door: DOOR,
    method: 'unknown',
    isWatch: false,
    isCounted: isCounted(undefined),
  }
  return { ...asked, protocol, ...(timeoutMs === undefined ? {} : { timeoutMs }) }
}

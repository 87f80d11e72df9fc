// Serves the handlers of connect-es on the port: gRPC, gRPC-Web and Connect. The only file that knows how connect-es is driven.
import type { DescMethod, Registry } from '@bufbuild/protobuf'
import { type ConnectError, type ConnectRouter, createConnectRouter } from '@connectrpc/connect'
import type { UniversalHandler, UniversalServerRequest } from '@connectrpc/connect/protocol'
import { compressionGzip } from '@connectrpc/connect-node'
import { GatewayError, type StatusName } from '../../core/errors.ts'
import type { Door } from '../../server/door.ts'
import type { Asked, Exchange } from '../../server/exchange.ts'
import type { PortRequest, PortResponse } from '../../server/port-handler.ts'
import { discardRest, readBody } from '../http/body.ts'
import { COUNTED_FROM_BYTES, TOO_MANY_PIECES } from '../http/json-size.ts'
import { connectErrorOf, explain } from './errors.ts'
import { explaining, watchRefusals } from './interceptor.ts'
import { type GuardedBody, guardedCompression, guardPieces, withGuard } from './piece-guard.ts'
import {
  isBareRefusal,
  protocolOf,
  timeoutHeaderOf,
  timeoutMsOf,
  type Variation,
  writeError,
} from './protocol.ts'
import { refusalOf } from './refusal.ts'
import { writeReply } from './reply.ts'
import { contextOf, type Served } from './served.ts'
import { addressedBytes } from './sizes.ts'

/** What `createServingDoor` needs. */
export interface ServingDeps {
  /** From a router of `createRouter`; of two handlers for one path the later one counts. */
  readonly handlers: readonly UniversalHandler[]
  /** The largest request message of a method after decompression, in bytes; undefined stands for one that there is not. */
  readonly maxBytesOf: (method: DescMethod | undefined) => number
  /** Whether calls of a method belong in the metrics. */
  readonly isCounted: (method: DescMethod | undefined) => boolean
  /** Whether what handlers throw reaches the client as it is, for a contract without our ErrorInfo. */
  readonly isPlain?: boolean
}

// Below this the gain is less than a packet and the price is 0.3 ms of CPU.
const COMPRESS_MIN_BYTES = 8 * 1024

/** The largest message that is written, in bytes. */
export const WRITE_MAX_BYTES = 64 * 1024 * 1024

const DOOR = 'connect'

// Connect's unary calls, its streams, and gRPC.
const ENCODINGS = ['content-encoding', 'connect-content-encoding', 'grpc-encoding'] as const

const STRAY_FLAG =
  'a message says that it is compressed, and the header names no compression: name one, or send it plain'

/** Makes an empty router. The registry has the messages that stand in an Any in JSON. */
export function createRouter(registry?: Registry): ConnectRouter {
  return createConnectRouter({
    acceptCompression: [guardedCompression(compressionGzip)],
    compressMinBytes: COMPRESS_MIN_BYTES,
    writeMaxBytes: WRITE_MAX_BYTES,
    // A misspelt field must not be lost without a word; ProtoJSON says so, too
    // (https://protobuf.dev/programming-guides/json/#json-options).
    jsonOptions: { ignoreUnknownFields: false, ...(registry === undefined ? {} : { registry }) },
    interceptors: [explaining],
    requestGate: watchRefusals,
  })
}

/** Makes the door of these handlers. */
export function createServingDoor(deps: ServingDeps): Door {
  const handlers = new Map(deps.handlers.map(handler => [handler.requestPath, handler]))
  const servedOf = (exchange: Exchange, method?: DescMethod): Served => ({
    exchange,
    isRead: false,
    maxRequestBytes: deps.maxBytesOf(method),
    ...(deps.isPlain === true ? { plainErrors: new WeakSet() } : {}),
  })
  return {
    asks: req => asks(req, handlers, deps.isCounted),
    serve: (req, res, exchange) => {
      const handler = handlers.get(pathOf(req))
      serve(handler, req, res, servedOf(exchange, handler?.method))
        .catch((error: unknown) => {
          exchange.fail(GatewayError.from(error))
          res.destroy()
        })
        .finally(() => {
          exchange.close()
          discardRest(req)
        })
    },
    refuse: (req, res, exchange, error) => {
      exchange.sent(writeError(req, res, connectErrorOf(error, servedOf(exchange))))
      exchange.close()
      discardRest(req)
    },
  }
}

async function serve(
  handler: UniversalHandler | undefined,
  req: PortRequest,
  res: PortResponse,
  served: Served,
): Promise<void> {
  const { exchange } = served
  const fail = (error: ConnectError, variation?: Variation): void =>
    exchange.sent(writeError(req, res, error, variation))
  try {
    if (handler === undefined) {
      const error = new GatewayError('UNSUPPORTED', `there is no method ${pathOf(req).slice(0, 200)}`)
      // 404 is how Connect says it (https://connectrpc.com/docs/protocol#error-codes).
      return fail(connectErrorOf(error, served, 'UNIMPLEMENTED'), { status: 404 })
    }
    const body = guardedBodyOf(req, handler, served)
    const request = requestOf(req, served, body)
    const reply = await (isCompressed(req) ? withGuard(body, () => handler(request)) : handler(request))
    if (!isBareRefusal(reply)) return await writeReply(res, reply, exchange.signal, exchange.sent)
    const { error, variation } = refusalOf(reply.status, handler)
    fail(connectErrorOf(error, served, codeOfRefusal(req)), variation)
  } catch (error) {
    const explained = explain(error, served)
    if (res.headersSent) res.destroy()
    else fail(explained)
  }
}

function asks(
  req: PortRequest,
  handlers: ReadonlyMap<string, UniversalHandler>,
  isCounted: ServingDeps['isCounted'],
): Asked | undefined {
  const method = handlers.get(pathOf(req))?.method
  const protocol = protocolOf(req)
  const isRpc =
    method !== undefined || protocol !== 'connect' || /^\/[A-Za-z]\w*(?:\.\w+)+\/\w+$/.test(pathOf(req))
  if (!isRpc || req.method === 'OPTIONS') return undefined
  const timeoutMs = timeoutMsOf(req, protocol)
  return {
    door: DOOR,
    method: method === undefined ? 'unknown' : `${method.parent.typeName}/${method.name}`,
    protocol,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    isWatch: method?.methodKind === 'server_streaming' && method.name.startsWith('Watch'),
    isCounted: isCounted(method),
  }
}

function requestOf(req: PortRequest, served: Served, body: GuardedBody): UniversalServerRequest {
  const { signal } = served.exchange
  return {
    httpVersion: req.httpVersion,
    method: req.method ?? '',
    // Only the query is ever read; what the client calls this host may not even be a URL.
    url: `http://localhost${req.url ?? '/'}`,
    header: headerOf(req, served),
    body: readBody(req, {
      signal,
      failure: () => explain(reasonOf(signal), served),
      inspector: mayHoldMany(req) || body.isEnveloped ? guardPieces(body) : undefined,
      received: served.exchange.received,
    }),
    signal,
    contextValues: contextOf(served),
  }
}

function guardedBodyOf(req: PortRequest, { method }: UniversalHandler, served: Served): GuardedBody {
  const query = queryOf(req)
  const type =
    query === undefined ? (req.headers['content-type'] ?? '') : `application/${query.get('encoding')}`
  if (query !== undefined) served.exchange.received(addressedBytes(query))
  const isStream = protocolOf(req) !== 'connect' || type.startsWith('application/connect+')
  return {
    form: /[/+]json\b/.test(type) ? 'json' : method.input,
    isEnveloped: isStream,
    isCompressed: isCompressed(req),
    unpacked: served.exchange.received,
    refuse: () => explain(new GatewayError('INVALID_REQUEST', TOO_MANY_PIECES), served),
    // https://github.com/grpc/grpc/blob/master/doc/compression.md#compression-method-asymmetry-between-peers
    refuseFlag: () => connectErrorOf(new GatewayError('INVALID_REQUEST', STRAY_FLAG), served, 'INTERNAL'),
  }
}

// Over gRPC a wrong verb or subtype means a method that there is not, as its clients take HTTP's refusals
// (https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md).
function codeOfRefusal(req: PortRequest): StatusName | undefined {
  return protocolOf(req) === 'connect' ? undefined : 'UNIMPLEMENTED'
}

// What is known to be short need not be looked at.
function mayHoldMany(req: PortRequest): boolean {
  const length = Number(req.headers['content-length'] ?? Number.NaN)
  return !(length < COUNTED_FROM_BYTES)
}

/** What the address of a GET says; undefined for others, whose message is their body. */
function queryOf({ method, url = '' }: PortRequest): URLSearchParams | undefined {
  if (method !== 'GET') return undefined
  const at = url.indexOf('?')
  return new URLSearchParams(at < 0 ? '' : url.slice(at))
}

function isCompressed(req: PortRequest): boolean {
  const query = queryOf(req)
  if (query !== undefined) return query.has('compression')
  const { headers } = req
  return ENCODINGS.some(name => headers[name] !== undefined && headers[name] !== 'identity')
}

function reasonOf(signal: AbortSignal): unknown {
  return signal.aborted ? signal.reason : new GatewayError('CANCELLED', 'the client left')
}

// The exchange keeps the deadline: connect-es would refuse a longer one than ours, and would keep a second timer.
// One that cannot be read stays, so that connect-es refuses it.
function headerOf(req: PortRequest, { exchange }: Served): Headers {
  const header = new Headers()
  const kept = exchange.asked.timeoutMs === undefined ? undefined : timeoutHeaderOf(protocolOf(req))
  for (const [name, value] of Object.entries(req.headers)) {
    if (name.startsWith(':') || name === kept || value === undefined) continue
    for (const item of typeof value === 'string' ? [value] : value) header.append(name, item)
  }
  return header
}

function pathOf(req: PortRequest): string {
  return (req.url ?? '').split('?', 1)[0] ?? ''
}

// The Connect door: gRPC, gRPC-Web and Connect on one set of handlers. The only file that knows how connect-es is driven.
import type { DescMethod, DescService } from '@bufbuild/protobuf'
import {
  type ConnectError,
  createConnectRouter,
  type MethodImpl,
  type ServiceImpl,
} from '@connectrpc/connect'
import type { UniversalHandler, UniversalServerRequest } from '@connectrpc/connect/protocol'
import { compressionGzip } from '@connectrpc/connect-node'
import { AccessService } from '#gen/exai/v1/access_service_pb'
import { ChatService } from '#gen/exai/v1/chat_service_pb'
import { EmbeddingsService } from '#gen/exai/v1/embeddings_service_pb'
import { file_exai_v1_error } from '#gen/exai/v1/error_pb'
import { FilesService } from '#gen/exai/v1/files_service_pb'
import { MonitoringService } from '#gen/exai/v1/monitoring_service_pb'
import { ServerReflection } from '#gen/grpc/reflection/v1/reflection_pb'
import { ServerReflection as ServerReflectionAlpha } from '#gen/grpc/reflection/v1alpha/reflection_pb'
import { Health } from '#gen/health/v1/health_pb'
import type { KeyAdministration } from '../../access/administration.ts'
import { GatewayError } from '../../core/errors.ts'
import type { TenantFiles } from '../../files/files.ts'
import type { Door } from '../../server/door.ts'
import type { Asked } from '../../server/exchange.ts'
import type { PortRequest, PortResponse } from '../../server/port-handler.ts'
import { accessService } from './access.ts'
import { discardRest, readBody } from './body.ts'
import { type Chat, chatService } from './chat.ts'
import { connectErrorOf, explain } from './errors.ts'
import { filesService } from './files.ts'
import { type HealthSource, healthService } from './health.ts'
import { explaining, watchRefusals } from './interceptor.ts'
import { type Monitoring, monitoringService } from './monitoring.ts'
import { type GuardedBody, guardedCompression, guardPieces, withGuard } from './piece-guard.ts'
import { COUNTED_FROM_BYTES, PIECES_MAX } from './pieces.ts'
import {
  isBareRefusal,
  protocolOf,
  timeoutHeaderOf,
  timeoutMsOf,
  type Variation,
  writeError,
} from './protocol.ts'
import { reflectionServices } from './reflection.ts'
import { refusalOf } from './refusal.ts'
import { writeReply } from './reply.ts'
import { contextOf, type Served } from './served.ts'
import { addressedBytes } from './sizes.ts'
import { unavailable } from './unavailable.ts'

/** What `createConnectDoor` needs. */
export interface ConnectDoorDeps {
  readonly chat: Chat
  readonly files: TenantFiles
  readonly monitoring: Monitoring
  readonly access: KeyAdministration
  readonly health: HealthSource
  /** The largest request message after decompression, in bytes. */
  readonly maxRequestBytes: number
}

// Below this the gain is less than a packet and the price is 0.3 ms of CPU.
const COMPRESS_MIN_BYTES = 8 * 1024
const WRITE_MAX_BYTES = 64 * 1024 * 1024
// Methods that take more than others. A file of 4 MiB is 5.6 MB of base64 in JSON.
const ownMaxBytes: ReadonlyMap<DescMethod, number> = new Map([
  [FilesService.method.createFile, 6 * 1024 * 1024],
])

const DOOR = 'connect'

// Connect's unary calls, its streams, and gRPC.
const ENCODINGS = ['content-encoding', 'connect-content-encoding', 'grpc-encoding'] as const
const TOO_MANY_PIECES = `the request has more than ${PIECES_MAX} fields and elements, the most that is read: send less at once`

const services = [
  ChatService,
  FilesService,
  MonitoringService,
  AccessService,
  EmbeddingsService,
  Health,
] as const

/** Makes the door. */
export function createConnectDoor(deps: ConnectDoorDeps): Door {
  const handlers = createHandlers(deps)
  return {
    asks: req => asks(req, handlers),
    serve: (req, res, exchange) => {
      const handler = handlers.get(pathOf(req))
      const served: Served = { exchange, isRead: false, maxRequestBytes: maxBytesOf(deps, handler?.method) }
      serve(handler, req, res, served)
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
      const served: Served = { exchange, isRead: false, maxRequestBytes: deps.maxRequestBytes }
      exchange.sent(writeError(req, res, connectErrorOf(error, served)))
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
    fail(connectErrorOf(error, served), variation)
  } catch (error) {
    const explained = explain(error, served)
    if (res.headersSent) res.destroy()
    else fail(explained)
  }
}

function asks(req: PortRequest, handlers: ReadonlyMap<string, UniversalHandler>): Asked | undefined {
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
    isCounted: method?.parent !== Health,
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
      inspector: mayHoldMany(req) ? guardPieces(body) : undefined,
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
    unpacked: served.exchange.received,
    refuse: () => explain(new GatewayError('INVALID_REQUEST', TOO_MANY_PIECES), served),
  }
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

function maxBytesOf({ maxRequestBytes }: ConnectDoorDeps, method: DescMethod | undefined): number {
  const own = method === undefined ? undefined : ownMaxBytes.get(method)
  return Math.max(own ?? 0, maxRequestBytes)
}

function createHandlers(deps: ConnectDoorDeps): ReadonlyMap<string, UniversalHandler> {
  const router = createConnectRouter({
    acceptCompression: [guardedCompression(compressionGzip)],
    compressMinBytes: COMPRESS_MIN_BYTES,
    writeMaxBytes: WRITE_MAX_BYTES,
    // A misspelt field must not be lost without a word; ProtoJSON says so, too
    // (https://protobuf.dev/programming-guides/json/#json-options).
    jsonOptions: { ignoreUnknownFields: false },
    interceptors: [explaining],
    requestGate: watchRefusals,
  })
  const add = <T extends DescService>(service: T, there: Partial<ServiceImpl<T>>): void => {
    const handlers: Record<string, unknown> = { ...unavailable(service), ...there }
    for (const method of service.methods) {
      // The map was made from this service's own descriptor; a name cannot carry the type of its method.
      const handler = handlers[method.localName] as MethodImpl<DescMethod>
      router.rpc<DescMethod>(method, handler, {
        readMaxBytes: maxBytesOf(deps, method),
        // What is in files is mostly packed already, and packing it again costs five times as much as sending it.
        ...(method === FilesService.method.downloadFile ? { compressMinBytes: WRITE_MAX_BYTES } : {}),
      })
    }
  }
  // No method names ErrorInfo, but every error carries one, and grpcurl wants to show it.
  const reflection = reflectionServices(
    [...services, ServerReflection, ServerReflectionAlpha],
    [file_exai_v1_error],
  )
  for (const service of services) add(service, {})
  add(ChatService, chatService(deps.chat))
  add(FilesService, filesService(deps.files))
  add(MonitoringService, monitoringService(deps.monitoring))
  add(AccessService, accessService(deps.access))
  add(Health, healthService(deps.health))
  add(ServerReflection, reflection.v1)
  add(ServerReflectionAlpha, reflection.v1alpha)
  // Of two handlers for one path the later one counts.
  return new Map(router.handlers.map(handler => [handler.requestPath, handler]))
}

function pathOf(req: PortRequest): string {
  return (req.url ?? '').split('?', 1)[0] ?? ''
}

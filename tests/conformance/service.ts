// The service of Connect's conformance suite: it answers what each request tells it to, through the Connect door.
// What it must do is said in connectrpc/conformance/v1/service.proto.
import { create, createRegistry, type DescMessage, type MessageShape } from '@bufbuild/protobuf'
import { type Any, anyPack, anyUnpack, FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import { ConnectError, type HandlerContext, type ServiceImpl } from '@connectrpc/connect'
import {
  BidiStreamRequestSchema,
  ClientStreamRequestSchema,
  type Error as ConformanceError,
  type ConformancePayload_RequestInfo,
  ConformancePayload_RequestInfoSchema,
  type ConformanceService,
  file_connectrpc_conformance_v1_service,
  type Header,
  HeaderSchema,
  IdempotentUnaryRequestSchema,
  ServerStreamRequestSchema,
  type StreamResponseDefinition,
  UnaryRequestSchema,
  type UnaryResponseDefinition,
} from '../../gen/conformance/connectrpc/conformance/v1/service_pb.ts'
import { exchangeOf } from '../../src/doors/connect/served.ts'

/** The messages that stand in an Any, in JSON as well. */
export const conformanceRegistry = createRegistry(
  file_connectrpc_conformance_v1_service,
  FileDescriptorProtoSchema,
)

/** The RPCs of the suite but for `Unimplemented`, which must not be there. */
export const conformanceService: Partial<ServiceImpl<typeof ConformanceService>> = {
  unary: (request, context) =>
    answer(request.responseDefinition, [pack(UnaryRequestSchema, request)], context),
  idempotentUnary: (request, context) =>
    answer(request.responseDefinition, [pack(IdempotentUnaryRequestSchema, request)], context),
  clientStream: async (requests, context) => {
    let definition: UnaryResponseDefinition | undefined
    const seen: Any[] = []
    for await (const request of requests) {
      if (seen.length === 0) definition = request.responseDefinition
      seen.push(pack(ClientStreamRequestSchema, request))
    }
    return answer(definition, seen, context)
  },
  serverStream: async function* (request, context) {
    const definition = request.responseDefinition
    begin(definition, context)
    yield* rest(definition, 0, [pack(ServerStreamRequestSchema, request)], context)
  },
  bidiStream: async function* (requests, context) {
    let definition: StreamResponseDefinition | undefined
    let isFullDuplex = false
    let answered = 0
    const seen: Any[] = []
    for await (const request of requests) {
      if (definition === undefined) {
        definition = request.responseDefinition
        isFullDuplex = request.fullDuplex
        begin(definition, context)
      }
      seen.push(pack(BidiStreamRequestSchema, request))
      if (!isFullDuplex) continue
      if (answered >= (definition?.responseData.length ?? 0)) break
      yield await piece(definition, answered, seen.splice(0), context)
      answered += 1
    }
    yield* rest(definition, answered, seen, context)
  },
}

async function answer(
  definition: UnaryResponseDefinition | undefined,
  requests: readonly Any[],
  context: HandlerContext,
) {
  append(context.responseHeader, definition?.responseHeaders)
  append(context.responseTrailer, definition?.responseTrailers)
  await wait(definition?.responseDelayMs ?? 0, context.signal)
  const requestInfo = infoOf(requests, context)
  const { response } = definition ?? {}
  if (response?.case === 'error') throw errorOf(response.value, requestInfo)
  return {
    payload: { requestInfo, ...(response?.case === 'responseData' ? { data: response.value } : {}) },
  }
}

function begin(definition: StreamResponseDefinition | undefined, context: HandlerContext): void {
  append(context.responseHeader, definition?.responseHeaders)
  append(context.responseTrailer, definition?.responseTrailers)
}

async function* rest(
  definition: StreamResponseDefinition | undefined,
  from: number,
  requests: readonly Any[],
  context: HandlerContext,
) {
  const count = definition?.responseData.length ?? 0
  for (let index = from; index < count; index += 1) {
    yield await piece(definition, index, index === 0 ? requests : undefined, context)
  }
  if (definition?.error === undefined) return
  throw errorOf(definition.error, count === 0 ? infoOf(requests, context) : undefined)
}

async function piece(
  definition: StreamResponseDefinition | undefined,
  index: number,
  requests: readonly Any[] | undefined,
  context: HandlerContext,
) {
  await wait(definition?.responseDelayMs ?? 0, context.signal)
  const data = definition?.responseData[index]
  return {
    payload: {
      ...(data === undefined ? {} : { data }),
      ...(requests === undefined ? {} : { requestInfo: infoOf(requests, context) }),
    },
  }
}

function infoOf(requests: readonly Any[], context: HandlerContext): ConformancePayload_RequestInfo {
  const requestHeaders: Header[] = []
  context.requestHeader.forEach(
    (value, name) => void requestHeaders.push(create(HeaderSchema, { name, value: [value] })),
  )
  // The exchange keeps the deadline, not connect-es.
  const { timeoutMs } = exchangeOf(context).asked
  return create(ConformancePayload_RequestInfoSchema, {
    requestHeaders,
    requests: [...requests],
    ...(timeoutMs === undefined ? {} : { timeoutMs: BigInt(Math.trunc(timeoutMs)) }),
  })
}

function errorOf(error: ConformanceError, info?: ConformancePayload_RequestInfo): ConnectError {
  const details = error.details.map(detail => {
    const value = anyUnpack(detail, conformanceRegistry)
    const desc = value === undefined ? undefined : conformanceRegistry.getMessage(value.$typeName)
    if (value === undefined || desc === undefined) throw new Error(`no message is known as ${detail.typeUrl}`)
    return { desc, value }
  })
  if (info !== undefined) details.push({ desc: ConformancePayload_RequestInfoSchema, value: info })
  // Both lists of codes are numbered as in gRPC.
  const code: number = error.code
  return new ConnectError(error.message ?? '', code, undefined, details)
}

function append(headers: Headers, added: readonly Header[] = []): void {
  for (const { name, value } of added) for (const item of value) headers.append(name, item)
}

function pack<T extends DescMessage>(schema: T, message: MessageShape<T>): Any {
  return anyPack(schema, message)
}

function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      clearTimeout(timer)
      reject(signal.reason)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', abort)
      resolve()
    }, ms)
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
  })
}

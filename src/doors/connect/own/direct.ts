// One call on its direct way: the request is collected and read, its handler asked, and the answer written.
import type { Message } from '@bufbuild/protobuf'
import type { PortRequest, PortResponse } from '../../../server/port-handler.ts'
import type { Served } from '../served.ts'
import { collect } from './body.ts'
import type { OwnCall } from './call.ts'
import { createContext } from './context.ts'
import type { OwnMethod } from './method.ts'
import { readsGzip, type Shape, shapeOf } from './shape.ts'
import { answerStream } from './stream.ts'
import { answerUnary } from './unary.ts'

/** A request at the door. */
export interface OwnRequest {
  readonly req: PortRequest
  readonly res: PortResponse
  readonly served: Served
}

/**
 * Serves a call, if it is one that is served directly and its request can be read. If not, gives what has been read of its body,
 * for whoever serves it then, or undefined when it has been served.
 */
export async function serveDirectly(
  method: OwnMethod,
  { req, res, served }: OwnRequest,
): Promise<readonly Uint8Array[] | undefined> {
  const { spec } = method
  const shape = shapeOf(req, spec.kind, served.exchange.asked.timeoutMs !== undefined)
  if (shape === undefined) return []
  const { request, chunks } = await readRequest(method, req, served, shape)
  if (request === undefined) return chunks
  // From now on a fault is ours.
  served.isRead = true
  const encoding = readsGzip(req, shape) ? method.options.compression.name : undefined
  const context = createContext({ req, served, method: spec.method, shape, encoding })
  const call: OwnCall = { context, res, served, method, shape, encoding }
  if (spec.kind === 'unary') await answerUnary(call, () => spec.impl(request, context))
  else await answerStream(call, () => spec.impl(request, context))
  return undefined
}

/** What has been read: the request, or what is left to somebody else. A call may be long, and keeps nothing of its body. */
type Read =
  | { readonly request: Message; readonly chunks?: never }
  | { readonly request?: never; readonly chunks: readonly Uint8Array[] }

async function readRequest(
  { limits, parse }: OwnMethod,
  req: PortRequest,
  { exchange }: Served,
  { isEnveloped, isBinary }: Shape,
): Promise<Read> {
  const how = { maxBytes: limits.readMaxBytes, isEnveloped }
  const { message, chunks } = await collect(req, exchange, how)
  const request = message === undefined ? undefined : parse(message, isBinary)
  return request === undefined ? { chunks } : { request }
}

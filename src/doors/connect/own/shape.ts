// Which calls are served directly, and how each of them comes and is answered.
import type { PortRequest } from '../../../server/port-handler.ts'
import { type Protocol, timeoutHeaderOf } from '../protocol.ts'
import { isCompressed } from '../request.ts'

/** How the messages of a call look on the wire. */
export interface Shape {
  readonly protocol: Protocol
  /** Protobuf, or else JSON. */
  readonly isBinary: boolean
  /** Whether each message has five bytes before it that say how long it is. */
  readonly isEnveloped: boolean
  /** Content type of the answer. */
  readonly type: string
  /** Field in which the client says what compression it reads. */
  readonly acceptField: string
  /** Field in which the answer says its own. */
  readonly encodingField: string
  /** Field in which the client says how long it waits. */
  readonly timeoutField: string
}

/** Kinds of methods that are served directly. */
export type OwnKind = 'unary' | 'server_streaming'

const CONNECT_UNARY = {
  protocol: 'connect',
  isEnveloped: false,
  acceptField: 'accept-encoding',
  encodingField: 'content-encoding',
  timeoutField: timeoutHeaderOf('connect'),
} as const

const CONNECT_STREAM = {
  protocol: 'connect',
  isEnveloped: true,
  acceptField: 'connect-accept-encoding',
  encodingField: 'connect-content-encoding',
  timeoutField: timeoutHeaderOf('connect'),
} as const

const GRPC = {
  protocol: 'grpc',
  isEnveloped: true,
  acceptField: 'grpc-accept-encoding',
  encodingField: 'grpc-encoding',
  timeoutField: timeoutHeaderOf('grpc'),
} as const

const GRPC_WEB = { ...GRPC, protocol: 'grpc-web' } as const

const JSON_ENDINGS = ['json', 'json; charset=utf-8', 'json;charset=utf-8'] as const

function typed<S extends Omit<Shape, 'isBinary' | 'type'>>(
  shape: S,
  prefix: string,
): readonly (readonly [string, Shape])[] {
  const json = { ...shape, isBinary: false, type: `${prefix}json` }
  return [
    [`${prefix}proto`, { ...shape, isBinary: true, type: `${prefix}proto` }],
    ...JSON_ENDINGS.map(ending => [prefix + ending, json] as const),
  ]
}

function withShort(
  [first, ...others]: readonly (readonly [string, Shape])[],
  short: string,
): readonly (readonly [string, Shape])[] {
  // Without a subtype it is protobuf (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#requests).
  return first === undefined ? [] : [[short, first[1]], first, ...others]
}

const grpcShapes = withShort(typed(GRPC, 'application/grpc+'), 'application/grpc')
const grpcWebShapes = withShort(typed(GRPC_WEB, 'application/grpc-web+'), 'application/grpc-web')

const shapes: Record<OwnKind, ReadonlyMap<string, Shape>> = {
  unary: new Map([...grpcShapes, ...grpcWebShapes, ...typed(CONNECT_UNARY, 'application/')]),
  server_streaming: new Map([
    ...grpcShapes,
    ...grpcWebShapes,
    ...typed(CONNECT_STREAM, 'application/connect+'),
  ]),
}

/**
 * The shape of a call that is served directly. Undefined for one that connect-es serves: with another verb or content type,
 * with a compressed body, with a time-out that cannot be read, and gRPC on HTTP/1.1, which hardly anybody speaks.
 */
export function shapeOf(req: PortRequest, kind: OwnKind, hasTimeout: boolean): Shape | undefined {
  const { headers } = req
  const shape = shapes[kind].get(headers['content-type'] ?? '')
  if (shape === undefined || req.method !== 'POST' || isCompressed(req)) return undefined
  if (shape.protocol === 'grpc' && !('stream' in req)) return undefined
  return hasTimeout || headers[shape.timeoutField] === undefined ? shape : undefined
}

/** Whether the client of a call reads gzip; of what it names the first one that there is counts, and there is no other. */
export function readsGzip({ headers }: PortRequest, { acceptField }: Shape): boolean {
  const accepted = headers[acceptField]
  return typeof accepted === 'string' && accepted.includes('gzip') && GZIP.test(accepted)
}

const GZIP = /(?:^|,)\s*gzip\s*(?:,|$)/

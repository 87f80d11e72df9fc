// Which of the three protocols a caller speaks, how long it wants to wait, and errors in its own words.
import type { ConnectError } from '@connectrpc/connect'
import { encodeEnvelope } from '@connectrpc/connect/protocol'
import {
  codeToHttpStatus,
  headerTimeout as connectTimeoutHeader,
  createEndStreamSerialization,
  endStreamFlag,
  errorToJsonBytes,
  parseTimeout as parseConnectTimeout,
} from '@connectrpc/connect/protocol-connect'
import {
  headerTimeout as grpcTimeoutHeader,
  parseTimeout as parseGrpcTimeout,
  setTrailerStatus,
} from '@connectrpc/connect/protocol-grpc'
import type { PortRequest, PortResponse } from '../../server/port-handler.ts'

/** A protocol, as logs and metrics name it. */
export type Protocol = 'grpc' | 'grpc-web' | 'connect'

/** The protocol of a request, by its content type: whatever is not gRPC or gRPC-Web is taken for Connect. */
export function protocolOf(req: PortRequest): Protocol {
  return protocolOfType(req.headers['content-type'] ?? '')
}

function protocolOfType(type: string): Protocol {
  if (type.startsWith('application/grpc-web')) return 'grpc-web'
  return type.startsWith('application/grpc') ? 'grpc' : 'connect'
}

/** The header in which the caller says how long it waits. */
export function timeoutHeaderOf(protocol: Protocol): string {
  return (protocol === 'connect' ? connectTimeoutHeader : grpcTimeoutHeader).toLowerCase()
}

/** How long the caller waits, in milliseconds; undefined when it does not say, or not so that it can be read. */
export function timeoutMsOf(req: PortRequest, protocol: Protocol): number | undefined {
  const value = req.headers[timeoutHeaderOf(protocol)]
  if (typeof value !== 'string') return undefined
  const parse = protocol === 'connect' ? parseConnectTimeout : parseGrpcTimeout
  const { timeoutMs, error } = parse(value, Number.MAX_SAFE_INTEGER)
  return error === undefined ? timeoutMs : undefined
}

/** Another HTTP status than the protocol gives a code, for Connect's unary calls, and more headers. */
export interface Variation {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
}

/** Answers a call that no handler took with an error. Returns the length of its body in bytes. */
export function writeError(
  req: PortRequest,
  res: PortResponse,
  error: ConnectError,
  variation: Variation = {},
): number {
  const { status, headers, body } = errorReply(req.headers['content-type'] ?? '', error, variation)
  res.statusCode = status
  headers.forEach((value, name) => void res.setHeader(name, value))
  if (body === undefined || req.method === 'HEAD') {
    res.end()
    return 0
  }
  res.end(body)
  return body.byteLength
}

/** How an error is answered. */
export interface ErrorReply {
  readonly status: number
  readonly headers: Headers
  readonly body?: Uint8Array
}

const endStream = createEndStreamSerialization(undefined)

/** How an error is answered to a request of this content type. */
export function errorReply(
  contentType: string,
  error: ConnectError,
  { status, headers: more = {} }: Variation = {},
): ErrorReply {
  const headers = new Headers(more)
  if (protocolOfType(contentType) !== 'connect') {
    // Trailers alone, sent as the header: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#responses
    headers.set('content-type', contentType)
    return { status: 200, headers: setTrailerStatus(headers, error) }
  }
  if (contentType.startsWith('application/connect+') && status === undefined) {
    headers.set('content-type', contentType)
    const data = endStream.serialize({ metadata: new Headers(), error })
    return { status: 200, headers, body: encodeEnvelope(endStreamFlag, data) }
  }
  headers.set('content-type', isForeign(status) ? 'application/problem+json' : 'application/json')
  const body = errorToJsonBytes(error, undefined)
  headers.set('content-length', String(body.byteLength))
  return { status: status ?? codeToHttpStatus(error.code), headers, body }
}

// No code of Connect stands for these, so its clients must not take the answer for an error of its own (RFC 9457 for all others).
function isForeign(status: number | undefined): boolean {
  return status === 405 || status === 415
}

/** Whether an answer of connect-es, which then has no body, refuses the request by its HTTP status alone. */
export function isBareRefusal(reply: { readonly status: number; readonly body?: unknown }): boolean {
  return reply.body === undefined && reply.status >= 400
}

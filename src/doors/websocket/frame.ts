// Reads the frames that clients send, and makes the ones that both endpoints answer with.
import { type JsonObject, type JsonValue, toJson } from '@bufbuild/protobuf'
import { RouteSchema } from '#gen/exai/v1/route_pb'
import { GatewayError } from '../../core/errors.ts'
import { COUNTED_FROM_BYTES, DEPTH_MAX, jsonSize, PIECES_MAX, TOO_MANY_PIECES } from '../http/json-size.ts'

/** A frame of a client: a JSON object that says what it is. */
export interface ClientFrame {
  readonly type: string
  /** The client's own name for what it asks for. Absent: it gave none. */
  readonly requestId: string | undefined
  /** Everything else. */
  readonly fields: JsonObject
}

/** A frame for a client; nothing in it may be beyond JSON. */
export interface ServerFrame {
  readonly type: string
  readonly request_id?: string | undefined
  readonly [field: string]: unknown
}

// As for `x-request-id`: it stands in log lines.
const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/

/** Reads a message. Throws INVALID_REQUEST with what is wrong and what helps. */
export function readFrame(data: Buffer, isBinary: boolean): ClientFrame {
  if (isBinary) throw refused('the frame is binary: send JSON as text')
  const value = parse(data)
  if (!isObject(value)) throw refused('the frame is not a JSON object: send {"type":"…"}')
  const { type, request_id: requestId, ...fields } = value
  if (typeof type !== 'string') throw refused('type is required: what kind of frame it is, as a text')
  if (requestId !== undefined && (typeof requestId !== 'string' || !REQUEST_ID.test(requestId)))
    throw refused('request_id takes a text of 1 to 128 letters, digits, points, hyphens and underscores')
  return { type, requestId, fields }
}

function parse(data: Buffer): JsonValue {
  if (data.length >= COUNTED_FROM_BYTES) {
    const { pieces, depth } = jsonSize(data)
    if (pieces > PIECES_MAX) throw refused(TOO_MANY_PIECES)
    if (depth > DEPTH_MAX) throw refused(`the frame is nested more than ${DEPTH_MAX} deep`)
  }
  try {
    // What JSON.parse gives is exactly a JsonValue.
    return JSON.parse(data.toString('utf8')) as JsonValue
  } catch {
    // What the parser says would quote what the client sent.
    throw refused('the frame is not JSON')
  }
}

/** Whether a JSON value is an object. */
export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A fault of the client. */
export function refused(message: string): GatewayError {
  return new GatewayError('INVALID_REQUEST', message)
}

/** Something from a client as it may stand in a message: short and in quotes. */
export function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 64).toWellFormed())
}

/** The same of what should be a text: of anything else only what it is. */
export function told(value: JsonValue): string {
  if (typeof value === 'string') return quoted(value)
  if (Array.isArray(value)) return 'a list'
  return value === null ? 'null' : `a value of type ${typeof value}`
}

/** The frame of an error. `requestId`: which request ends with it; `callId`: under which id the log knows it. */
export function errorFrame(error: GatewayError, requestId?: string, callId?: string): ServerFrame {
  const { provider, model, retryDelayMs, route } = error.details
  return {
    type: 'error',
    request_id: requestId,
    error: {
      code: error.reason,
      status: error.code.toLowerCase(),
      message: error.message.toWellFormed(),
      request_id: callId,
      details: {
        origin: error.origin,
        provider,
        model,
        retry_delay_ms: retryDelayMs === undefined ? undefined : Math.ceil(retryDelayMs),
        route: route === undefined ? undefined : toJson(RouteSchema, route, { useProtoFieldName: true }),
      },
    },
  }
}

/** The error behind anything that was thrown in a call: who waits with the signal may throw an AbortError of its own. */
export function errorOf(thrown: unknown, signal: AbortSignal): GatewayError {
  const isAbort = thrown instanceof Error && (thrown.name === 'AbortError' || thrown.name === 'TimeoutError')
  return GatewayError.from(signal.aborted && isAbort ? signal.reason : thrown)
}

// Reads a request body as one JSON object, within limits of bytes, depth and pieces, and says what is wrong with any other.
import type { JsonObject, JsonValue } from '@bufbuild/protobuf'
import { GatewayError } from '../../core/errors.ts'
import type { Exchange } from '../../server/exchange.ts'
import type { PortRequest } from '../../server/port-handler.ts'
import { readBody } from './body.ts'
import { DEPTH_MAX, jsonSize, PIECES_MAX, TOO_MANY_PIECES } from './json-size.ts'
import { tooLarge, wrongType } from './refusal.ts'

/** What a body is read with. */
export interface Reading {
  readonly req: PortRequest
  readonly exchange: Exchange
  readonly maxBytes: number
  /** What is wrong with a list. Absent: that it is no object. */
  readonly noList?: string | undefined
}

/** Reads the body. Throws what the client is to be told; what it did not read is left for `discardRest`. */
export async function readJson(reading: Reading): Promise<JsonObject> {
  checkCoding(reading.req)
  checkType(reading.req)
  const value = parse(await wholeBody(reading))
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  if (Array.isArray(value) && reading.noList !== undefined) throw invalid(reading.noList)
  throw invalid(`the request body must be a JSON object, and is ${kindOf(value)}`)
}

/** The bytes of a body as they arrive, up to so many. Throws what the client is to be told. */
export async function* bodyBytes({ req, exchange, maxBytes }: Reading): AsyncGenerator<Uint8Array> {
  if (Number(req.headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes)
  const { signal } = exchange
  const failure = (): Error =>
    signal.aborted ? GatewayError.from(signal.reason) : new GatewayError('CANCELLED', 'the client left')
  let sizeBytes = 0
  for await (const chunk of readBody(req, { signal, failure, received: exchange.received })) {
    sizeBytes += chunk.byteLength
    if (sizeBytes > maxBytes) throw tooLarge(maxBytes)
    yield chunk
  }
}

/** Refuses what is compressed: what a few bytes unpack to cannot be foreseen, and no client of these APIs does it. */
export function checkCoding({ headers }: PortRequest): void {
  const coding = headers['content-encoding']
  if (coding === undefined || coding.toLowerCase() === 'identity') return
  throw wrongType(`content-encoding ${quoted(coding)} is not taken: send the body as it is`, {
    'accept-encoding': 'identity',
  })
}

async function wholeBody(reading: Reading): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of bodyBytes(reading)) chunks.push(chunk)
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)
}

const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json\s*(?:;(.*))?$/i

function checkType({ headers }: PortRequest): void {
  const type = headers['content-type']
  const accept = { 'accept-post': 'application/json' }
  if (type === undefined) throw wrongType('content-type is missing: send application/json', accept)
  const match = JSON_TYPE.exec(type)
  if (match === null)
    throw wrongType(`content-type is ${quoted(type)}: send JSON with content-type application/json`, accept)
  const charset = /charset\s*=\s*"?([^";\s]+)/i.exec(match[1] ?? '')?.[1]
  if (charset !== undefined && !/^utf-?8$/i.test(charset))
    throw wrongType(`charset ${quoted(charset)} is not taken: JSON is sent in UTF-8`, accept)
}

function parse(bytes: Uint8Array): JsonValue {
  if (bytes.byteLength === 0) throw invalid('the request body is empty: send a JSON object')
  const { pieces, depth } = jsonSize(bytes)
  if (pieces > PIECES_MAX) throw invalid(TOO_MANY_PIECES)
  if (depth > DEPTH_MAX)
    throw invalid(`the request body is nested deeper than ${DEPTH_MAX} levels, the most that is read`)
  const text = textOf(bytes)
  try {
    return JSON.parse(text)
  } catch (error) {
    throw invalid(`the request body is not valid JSON${placeOf(error)}`)
  }
}

// It keeps nothing from one text to the next.
const decoder = new TextDecoder('utf-8', { fatal: true })

function textOf(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch {
    throw invalid('the request body is not valid UTF-8: JSON is sent in UTF-8')
  }
}

// The rest of what the parser says quotes the body, which is not to be repeated in logs.
function placeOf(error: unknown): string {
  const place =
    error instanceof Error ? /at position \d+(?: \(line \d+ column \d+\))?/.exec(error.message) : null
  return place === null ? ': it ends too early or has something where nothing may be' : ` ${place[0]}`
}

function kindOf(value: JsonValue): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'an array' : `a ${typeof value}`
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 100))
}

function invalid(message: string): GatewayError {
  return new GatewayError('INVALID_REQUEST', message)
}

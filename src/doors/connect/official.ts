// Serves a call by a handler of connect-es: whatever the direct way does not take.
import type { DescMessage } from '@bufbuild/protobuf'
import type { UniversalHandler, UniversalServerRequest } from '@connectrpc/connect/protocol'
import { GatewayError, type StatusName } from '../../core/errors.ts'
import type { PortRequest, PortResponse } from '../../server/port-handler.ts'
import { type BodyInspector, readBody } from '../http/body.ts'
import { COUNTED_FROM_BYTES, TOO_MANY_PIECES } from '../http/json-size.ts'
import { connectErrorOf, explain } from './errors.ts'
import { keepJson } from './kept-json.ts'
import { type GuardedBody, guardPieces, withGuard } from './piece-guard.ts'
import { isBareRefusal, protocolOf, writeError } from './protocol.ts'
import { refusalOf } from './refusal.ts'
import { writeReply } from './reply.ts'
import { headerOf, isCompressed } from './request.ts'
import { contextOf, type Served } from './served.ts'
import { addressedBytes } from './sizes.ts'

interface OfficialBody extends GuardedBody {
  /** What each of its messages is; undefined when the only one stands in the address. */
  readonly schema: DescMessage | undefined
}

const STRAY_FLAG =
  'a message says that it is compressed, and the header names no compression: name one, or send it plain'

/**
 * Serves a call to its end. `first` is what has been read of its body, and counted, by somebody who then left it to this.
 * Throws what connect-es does not answer itself.
 */
export async function serveOfficially(
  handler: UniversalHandler,
  req: PortRequest,
  res: PortResponse,
  served: Served,
  first: readonly Uint8Array[] = [],
): Promise<void> {
  const { exchange } = served
  const body = guardedBodyOf(req, handler, served)
  const request = requestOf(req, served, body, first)
  const reply = await (body.isCompressed ? withGuard(body, () => handler(request)) : handler(request))
  if (!isBareRefusal(reply)) return await writeReply(res, reply, exchange.signal, exchange.sent)
  const { error, variation } = refusalOf(reply.status, handler)
  exchange.sent(writeError(req, res, connectErrorOf(error, served, codeOfRefusal(req)), variation))
}

function requestOf(
  req: PortRequest,
  served: Served,
  body: OfficialBody,
  first: readonly Uint8Array[],
): UniversalServerRequest {
  const { signal } = served.exchange
  const inspector = mayHoldMany(req) || body.isEnveloped ? guardPieces(body) : undefined
  const rest = readBody(req, {
    signal,
    failure: () => explain(reasonOf(signal), served),
    inspector,
    received: served.exchange.received,
  })
  return {
    httpVersion: req.httpVersion,
    method: req.method ?? '',
    // Only the query is ever read; what the client calls this host may not even be a URL.
    url: `http://localhost${req.url ?? '/'}`,
    header: headerOf(req, served),
    body: explaining(first.length === 0 ? rest : replayed(first, inspector, rest), body, served),
    signal,
    contextValues: contextOf(served),
  }
}

/** The body as connect-es reads it; of JSON is kept what explains it, if it cannot be read. */
function explaining(
  body: AsyncIterable<Uint8Array>,
  { form, schema, isEnveloped, isCompressed }: OfficialBody,
  served: Served,
): AsyncIterable<Uint8Array> {
  // What is compressed would have to be unpacked once more.
  if (form !== 'json' || isCompressed || schema === undefined) return body
  const kept = keepJson(schema, body, isEnveloped)
  served.misfit = kept.misfit
  return kept.body
}

async function* replayed(
  first: readonly Uint8Array[],
  inspector: BodyInspector | undefined,
  rest: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  for (const chunk of first) {
    inspector?.chunk(chunk)
    yield chunk
  }
  yield* rest
}

function guardedBodyOf(req: PortRequest, { method }: UniversalHandler, served: Served): OfficialBody {
  const query = queryOf(req)
  const type =
    query === undefined ? (req.headers['content-type'] ?? '') : `application/${query.get('encoding')}`
  if (query !== undefined) served.exchange.received(addressedBytes(query))
  const isStream = protocolOf(req) !== 'connect' || type.startsWith('application/connect+')
  return {
    schema: query === undefined ? method.input : undefined,
    form: /[/+]json\b/.test(type) ? 'json' : method.input,
    isEnveloped: isStream,
    isCompressed: query === undefined ? isCompressed(req) : query.has('compression'),
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

function reasonOf(signal: AbortSignal): unknown {
  return signal.aborted ? signal.reason : new GatewayError('CANCELLED', 'the client left')
}

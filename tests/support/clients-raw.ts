// Calls with exactly the header and body bytes that a test wants, in all three protocols, and the status they end in.

import { Agent, request as http1Request } from 'node:http'
import { connect } from 'node:http2'
import { fromJson, type JsonValue, toBinary } from '@bufbuild/protobuf'
import { Code } from '@connectrpc/connect'
import { CompleteRequestSchema } from '#gen/exai/v1/chat_service_pb'

/** One way to send a chat. */
export type Wire = {
  readonly name: string
  readonly http: 1 | 2
  readonly protocol: 'connect' | 'grpc' | 'grpc-web'
}

/** Every way to send a chat, with or without a proper client. */
export const wires: readonly Wire[] = [
  { name: 'Connect JSON over HTTP/1.1', http: 1, protocol: 'connect' },
  { name: 'Connect JSON over HTTP/2', http: 2, protocol: 'connect' },
  { name: 'gRPC over HTTP/2', http: 2, protocol: 'grpc' },
  { name: 'gRPC-Web over HTTP/1.1', http: 1, protocol: 'grpc-web' },
  { name: 'gRPC-Web over HTTP/2', http: 2, protocol: 'grpc-web' },
]

/** A request as it is sent. */
export type RawRequest = {
  readonly url: string
  readonly path: string
  readonly http: 1 | 2
  readonly method?: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  /** Without a content-length. */
  readonly isChunked?: boolean
}

/** An answer as it came. */
export type RawReply = {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly trailers: Readonly<Record<string, unknown>>
  readonly body: Buffer
}

/** How a call ended: a code as gRPC and Connect name it, `ok` for success. */
export type Ended = { readonly code: string; readonly message: string; readonly reply: RawReply }

const CHAT = '/exai.v1.ChatService'
const TIMEOUT_MS = 15_000

/** A message of gRPC, gRPC-Web or a Connect stream: flags, length, bytes. */
export function enveloped(message: Uint8Array, flags = 0): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt8(flags, 0)
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}

/** The content type of a unary call. */
export const contentTypeOf = ({ protocol }: Wire): string =>
  protocol === 'connect' ? 'application/json' : `application/${protocol}+proto`

/** A chat request as the bytes of a body. JSON takes whatever it is given; Protobuf takes what the contract knows. */
export function bodyOf({ protocol }: Wire, message: unknown): Buffer {
  if (protocol === 'connect') return Buffer.from(JSON.stringify(message))
  // What a test hands over is JSON by nature; fromJson checks it.
  return enveloped(toBinary(CompleteRequestSchema, fromJson(CompleteRequestSchema, message as JsonValue)))
}

/** Sends a body as it is to a method of ChatService. */
export async function sendBytes(
  url: string,
  wire: Wire,
  body: Uint8Array,
  options: {
    readonly method?: string
    /** Instead of a method of ChatService. */
    readonly path?: string
    readonly headers?: Readonly<Record<string, string>>
    readonly isChunked?: boolean
  } = {},
): Promise<Ended> {
  const reply = await exchange({
    url,
    path: options.path ?? `${CHAT}/${options.method ?? 'Complete'}`,
    http: wire.http,
    headers: {
      'content-type': contentTypeOf(wire),
      ...(wire.protocol === 'grpc' ? { te: 'trailers' } : {}),
      ...options.headers,
    },
    body,
    isChunked: options.isChunked ?? false,
  })
  return { ...endOf(reply), reply }
}

/** Sends a chat to `Complete`. */
export const sendChat = (
  url: string,
  wire: Wire,
  message: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Ended> => sendBytes(url, wire, bodyOf(wire, message), { headers })

/** Reads the end of a call out of an answer of any protocol. */
export function endOf(reply: RawReply): { readonly code: string; readonly message: string } {
  const type = String(reply.headers['content-type'] ?? '')
  if (type.startsWith('application/grpc')) {
    const status = { ...lastFrame(reply.body), ...reply.headers, ...reply.trailers }
    return {
      code: codeName(Number(status['grpc-status'] ?? Number.NaN)),
      message: decodeURIComponent(String(status['grpc-message'] ?? '')),
    }
  }
  if (reply.status === 200) return { code: 'ok', message: '' }
  // A Connect error: https://connectrpc.com/docs/protocol#error-end-stream
  const { code, message } = JSON.parse(reply.body.toString('utf8'))
  return { code: String(code), message: String(message) }
}

/** Names a code as Connect does, such as `not_found`. */
export function codeName(code: number): string {
  if (code === 0) return 'ok'
  // British by history: gRPC's CANCELLED has two l, Connect's canceled one.
  return (Code[code] ?? `code ${code}`).replace(/(?!^)[A-Z]/g, letter => `_${letter}`).toLowerCase()
}

/** The trailers that gRPC-Web puts into the body: a frame with the highest flag. */
function lastFrame(body: Buffer): Readonly<Record<string, string>> {
  for (let at = 0; at + 5 <= body.length; at += 5 + body.readUInt32BE(at + 1)) {
    if ((body.readUInt8(at) & 0x80) === 0) continue
    const lines = body.subarray(at + 5, at + 5 + body.readUInt32BE(at + 1)).toString('latin1')
    return Object.fromEntries(
      lines
        .split('\r\n')
        .filter(line => line.includes(':'))
        .map(line => [
          line.slice(0, line.indexOf(':')).toLowerCase(),
          line.slice(line.indexOf(':') + 1).trim(),
        ]),
    )
  }
  return {}
}

/** Sends a request and reads the whole answer, also one that comes before the whole request was taken. */
export const exchange = (request: RawRequest): Promise<RawReply> =>
  request.http === 1 ? overHttp1(request) : overHttp2(request)

function overHttp1({ url, path, method = 'POST', headers, body, isChunked }: RawRequest): Promise<RawReply> {
  const { promise, resolve, reject } = Promise.withResolvers<RawReply>()
  const length = isChunked === true ? {} : { 'content-length': String(body.length) }
  const agent = new Agent({ keepAlive: true })
  const call = http1Request(
    `${url}${path}`,
    { method, headers: { ...headers, ...length }, agent, signal: AbortSignal.timeout(TIMEOUT_MS) },
    res => {
      const chunks: Buffer[] = []
      res.on('data', (chunk: Buffer) => chunks.push(chunk))
      res.on('error', reject)
      res.on('end', () =>
        resolve({
          status: res.statusCode ?? 0,
          headers: res.headers,
          trailers: res.trailers,
          body: Buffer.concat(chunks),
        }),
      )
    },
  )
  call.on('error', reject)
  if (isChunked === true) writeInPieces(call, body)
  call.end(isChunked === true ? undefined : body)
  return promise.finally(() => agent.destroy())
}

function overHttp2({ url, path, method = 'POST', headers, body, isChunked }: RawRequest): Promise<RawReply> {
  const { promise, resolve, reject } = Promise.withResolvers<RawReply>()
  const session = connect(url)
  session.on('error', reject)
  const length = isChunked === true ? {} : { 'content-length': String(body.length) }
  const call = session.request(
    { ...headers, ...length, ':path': path, ':method': method },
    { endStream: false, signal: AbortSignal.timeout(TIMEOUT_MS) },
  )
  const chunks: Buffer[] = []
  let reply: Omit<RawReply, 'body'> = { status: 0, headers: {}, trailers: {} }
  call.on('response', found => {
    reply = { ...reply, status: found[':status'] ?? 0, headers: found }
  })
  call.on('trailers', trailers => {
    reply = { ...reply, trailers }
  })
  call.on('data', (chunk: Buffer) => chunks.push(chunk))
  call.on('error', reject)
  call.on('close', () => {
    session.close()
    resolve({ ...reply, body: Buffer.concat(chunks) })
  })
  if (isChunked === true) writeInPieces(call, body)
  call.end(isChunked === true ? undefined : body)
  return promise
}

const PIECE_BYTES = 64 * 1024

function writeInPieces(sink: { write(piece: Uint8Array): boolean }, body: Uint8Array): void {
  for (let at = 0; at < body.length; at += PIECE_BYTES) sink.write(body.subarray(at, at + PIECE_BYTES))
}

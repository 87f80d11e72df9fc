// A gRPC client on node:http2 that sends bytes made before and keeps what comes back.
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2'
import { TOKEN_MARK } from './payload.ts'
import type { WireAnswer, WireRequest } from './wire.ts'

/** Opens a session to a port of 127.0.0.1. */
export async function openHttp2(port: number): Promise<ClientHttp2Session> {
  const session = connect(`http://127.0.0.1:${port}`)
  await new Promise<void>((resolve, reject) => {
    session.once('connect', () => resolve())
    session.once('error', reject)
  })
  return session
}

/** Sends a gRPC request and ends its own side. */
export function sendGrpc(
  session: ClientHttp2Session,
  { path, contentType, body, credential }: WireRequest,
): ClientHttp2Stream {
  const stream = session.request(
    {
      ':method': 'POST',
      ':path': path,
      'content-type': contentType,
      te: 'trailers',
      ...(credential === undefined ? {} : { authorization: `Bearer ${credential}` }),
    },
    { endStream: false },
  )
  stream.end(body)
  return stream
}

/** Makes one gRPC call. Rejects when the stream is reset. */
export function callGrpc(session: ClientHttp2Session, request: WireRequest): Promise<WireAnswer> {
  return new Promise((resolve, reject) => {
    const stream = sendGrpc(session, request)
    const pieces: Buffer[] = []
    let status = 0
    let grpcStatus = ''
    stream.on('response', headers => {
      status = headers[':status'] ?? 0
      // An answer without a body has its status in the header.
      grpcStatus = String(headers['grpc-status'] ?? '')
    })
    stream.on('trailers', headers => {
      grpcStatus = String(headers['grpc-status'] ?? '')
    })
    let firstAtMs: number | undefined
    stream.on('data', (piece: Buffer) => {
      if (firstAtMs === undefined && piece.includes(TOKEN_MARK)) firstAtMs = performance.now()
      pieces.push(piece)
    })
    stream.on('end', () => resolve({ status, grpcStatus, body: Buffer.concat(pieces), firstAtMs }))
    stream.on('error', reject)
    stream.on('close', () => reject(new Error(`the stream was closed with ${stream.rstCode}`)))
  })
}

// The connections of a load: each line takes one call at a time, and checks nothing.
import { openHttp1 } from './http1-client.ts'
import { callGrpc, openHttp2 } from './http2-client.ts'
import type { Kind } from './payload.ts'
import { http1Bytes, type Protocol, requestOf, type WireAnswer, type WireRequest } from './wire.ts'

/** What is asked, and where. */
export type Target = {
  readonly port: number
  readonly protocol: Protocol
  readonly kind: Kind
  /** The prompt has at least so many bytes. */
  readonly promptBytes?: number | undefined
  /** An API key or a token, which every call shows. */
  readonly credential?: string | undefined
  /** More header fields, on HTTP/1.1. */
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/** Where one call at a time can be made. */
export type Line = { readonly call: () => Promise<WireAnswer>; readonly close: () => void }

const STREAMS_PER_SESSION = 8

/** The request that a load sends, again and again. */
export function requestTo({ protocol, kind, promptBytes, credential, headers }: Target): WireRequest {
  return { ...requestOf(protocol, kind, 0, { promptBytes }), credential, headers }
}

/** Opens lines: each a connection of HTTP/1.1, or eight of them streams of one session of HTTP/2. */
export async function openLines(target: Target, count: number): Promise<readonly Line[]> {
  const request = requestTo(target)
  if (target.protocol !== 'grpc') {
    const bytes = http1Bytes(request)
    const clients = await Promise.all(Array.from({ length: count }, () => openHttp1(target.port)))
    return clients.map(client => ({ call: () => client.call(bytes), close: client.close }))
  }
  const sessions = await Promise.all(
    Array.from({ length: Math.ceil(count / STREAMS_PER_SESSION) }, () => openHttp2(target.port)),
  )
  return sessions.flatMap(session =>
    Array.from({ length: Math.min(STREAMS_PER_SESSION, count) }, () => ({
      call: () => callGrpc(session, request),
      close: () => void session.close(),
    })),
  )
}

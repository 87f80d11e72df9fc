// The HTTP/2 half of the port: a server that never listens and is handed its sockets.
import { constants, createServer, type Http2Session, type ServerHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import { guardSession, type SessionGuard } from './h2-guard.ts'
import { codeOf, isOwnCut, type PeerHandler, type PortEventSink } from './port-handler.ts'
import type { PortLimits } from './port-limits.ts'

/** The HTTP/2 half of a port. */
export type Http2Half = {
  /** Takes over a socket, TLS or TCP, whose peer speaks HTTP/2. */
  readonly adopt: (socket: Socket) => void
  /** Applies the limits to every session. `nowMs` is monotonic. */
  readonly sweep: (nowMs: number) => void
  /** Sends GOAWAY on every session: running streams finish, new ones are refused. */
  readonly goAway: () => void
}

/** What `createHttp2Half` needs. */
export type Http2HalfDeps = {
  readonly limits: PortLimits
  readonly handler: PeerHandler
  readonly onEvent: PortEventSink
}

// What a field costs beside its name and value, by the definition of SETTINGS_MAX_HEADER_LIST_SIZE (RFC 9113 6.5.2).
const FIELD_OVERHEAD_BYTES = 32

// A header this many times too large is not worth an answer.
const REFUSED_UNREAD_FACTOR = 4

const headerBytes = (rawHeaders: readonly string[]): number => {
  let sizeBytes = (rawHeaders.length / 2) * FIELD_OVERHEAD_BYTES
  for (const text of rawHeaders) sizeBytes += text.length
  return sizeBytes
}

const createInner = ({ limits, handler, onEvent }: Http2HalfDeps, peers: WeakMap<Http2Session, string>) => {
  const server = createServer({
    settings: {
      maxConcurrentStreams: limits.maxConcurrentStreams,
      // Node resets a stream above this without an answer, so it stands well above the limit that is answered with 431.
      maxHeaderListSize: limits.maxHeaderBytes * REFUSED_UNREAD_FACTOR,
    },
    maxHeaderListPairs: limits.maxHeaderListPairs,
    // Node ignores either of the two without the other.
    streamResetBurst: limits.streamResetBurst,
    streamResetRate: limits.streamResetRate,
  })
  server.on('request', (req, res) => {
    const { session } = req.stream
    // Reset, or its connection ended, in the packet that brought it: such floods must not start calls.
    if (req.stream.closed || req.stream.destroyed) return
    // The setting binds a peer only from its acknowledgement on: a first request may be larger, so the sum is made here.
    const sizeBytes = headerBytes(req.rawHeaders)
    const peer = (session !== undefined && peers.get(session)) || ''
    if (sizeBytes <= limits.maxHeaderBytes) {
      const closed = handler(req, res, peer)
      if (closed !== undefined) res.on('close', closed)
      return
    }
    onEvent({ type: 'header.refused', peer, sizeBytes })
    res.writeHead(constants.HTTP_STATUS_REQUEST_HEADER_FIELDS_TOO_LARGE)
    // Node then closes the stream by itself, as nobody has begun to read the body.
    res.end()
  })
  return server
}

/** Makes the HTTP/2 half of a port. */
export const createHttp2Half = (deps: Http2HalfDeps): Http2Half => {
  const { limits, onEvent } = deps
  const peers = new WeakMap<Http2Session, string>()
  const server = createInner(deps, peers)
  const guards = new Map<Socket, { readonly session: ServerHttp2Session; readonly guard: SessionGuard }>()

  const adopt = (socket: Socket): void => {
    if (socket.destroyed) return
    const peer = socket.remoteAddress ?? ''
    // An http server makes half-open sockets, and under those a session outlives a peer's plain FIN: its calls would run on.
    socket.allowHalfOpen = false
    const onSession = (session: ServerHttp2Session): void => {
      const guard = guardSession({ session, socket, peer, limits, onEvent, nowMs: performance.now() })
      guards.set(socket, { session, guard })
      peers.set(session, peer)
      socket.once('close', () => guards.delete(socket))
      // A peer that has left reads no more: waiting writes must not keep its calls alive until they time out.
      socket.once('end', () => {
        if (guard.openStreams() > 0) socket.destroy()
      })
      session.on('error', error => {
        if (!isOwnCut(error)) onEvent({ type: 'session.failed', peer, code: codeOf(error) })
      })
    }
    // Node emits 'session' within 'connection', so this listener meets this socket's session and no other.
    server.once('session', onSession)
    server.emit('connection', socket)
  }
  return {
    adopt,
    sweep: nowMs => {
      for (const { guard } of guards.values()) guard.sweep(nowMs)
    },
    goAway: () => {
      for (const { session } of guards.values()) session.close()
    },
  }
}

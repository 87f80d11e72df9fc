// The one port: HTTP/1.1 and HTTP/2 on clear text by sniffing, or both on TLS by ALPN, within limits, with a clean end.
import { Server as NetServer, type Server, type Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import type { TLSSocket } from 'node:tls'
import { afterReading } from '../core/after-reading.ts'
import { type Connections, createConnections } from './connections.ts'
import { createHttp2Half, type Http2Half } from './h2-server.ts'
import { watchBody } from './port-body.ts'
import { createHttp1Half, type Http1Half, type PortTls } from './port-h1.ts'
import {
  codeOf,
  type PeerHandler,
  type PortEventSink,
  type PortHandler,
  type PortRequest,
  type Upgrades,
} from './port-handler.ts'
import { DEFAULT_PORT_LIMITS, type PortLimits } from './port-limits.ts'
import { type Protocol, sniff } from './port-sniff.ts'

/** Where a port listens. */
export type PortAddress = {
  /** The IP address it is bound to. */
  readonly address: string
  /** The TCP port, also when 0 was asked for. */
  readonly port: number
}

/** Where a port is to listen. */
export type ListenAt = {
  readonly host: string
  readonly port: number
  readonly isShared?: boolean
}

/** The one port of the process. */
export type Port = {
  /**
   * Starts listening. Port 0 takes a free one; where `isShared`, other processes may listen there, too, and each gets its share
   * of the connections. Rejects with Node's own error, such as EADDRINUSE.
   */
  readonly listen: (at: ListenAt) => Promise<PortAddress>
  /** How many connections are open. */
  readonly connections: () => number
  /** Closes the listener: new connections are refused, open ones go on. */
  readonly stopAccepting: () => void
  /**
   * Asks every peer to leave, and stops accepting: GOAWAY on HTTP/2, `Connection: close` on HTTP/1.1 responses whose header
   * is not yet sent, and the end of connections without a request. Running calls finish.
   */
  readonly goAway: () => void
  /** Resolves when the listener is closed and the last connection is gone. */
  readonly closed: () => Promise<void>
  /** Ends the listener and every connection now; running calls see 'close'. */
  readonly destroy: () => void
}

/** What `createPort` needs. */
export type PortOptions = {
  /** Serves every request, of both HTTP versions. A request to upgrade that nobody takes is served as a plain one. */
  readonly handler: PortHandler
  /** Takes connections over from HTTP/1.1. Absent: nobody does. */
  readonly upgrades?: Upgrades | undefined
  /** With it the port speaks only TLS. */
  readonly tls?: PortTls
  /** Limits other than the default ones. */
  readonly limits?: Partial<PortLimits>
  /** How long the body of this request may take, in milliseconds, when not `requestBodyTimeoutMs`; 0 is for ever. */
  readonly bodyTimeoutMsFor?: (req: PortRequest) => number | undefined
  readonly onEvent?: PortEventSink
}

// How often a draining port looks for connections that have become idle.
const DRAIN_CHECK_MS = 50

type Halves = {
  readonly http1: Http1Half
  readonly http2: Http2Half
  readonly connections: Connections
  readonly limits: PortLimits
  readonly onEvent: PortEventSink
  /** Connections whose protocol is not known yet, and those of HTTP/1.1 over TLS that have said nothing. */
  readonly unknown: Set<Socket>
  readonly isLeaving: () => boolean
}

// Clients open connections in advance, or for a call that they then take back, and keep them like those that have been used:
// closed earlier than those, they would break the call that they are used for at last.
const awaitFirst = (
  { limits, onEvent, unknown }: Halves,
  socket: Socket,
  take: (protocol: Protocol) => void,
): void => {
  const peer = socket.remoteAddress ?? ''
  const onError = (error: unknown): void => onEvent({ type: 'connection.failed', peer, code: codeOf(error) })
  unknown.add(socket)
  socket.on('error', onError)
  socket.once('close', () => unknown.delete(socket))
  sniff({
    socket,
    silenceMs: limits.keepAliveTimeoutMs + limits.keepAliveSpareMs,
    timeoutMs: limits.sniffTimeoutMs,
    onExpired: () => onEvent({ type: 'sniff.expired', peer }),
    onDecided: protocol => {
      unknown.delete(socket)
      socket.off('error', onError)
      take(protocol)
    },
  })
}

const acceptClear = (halves: Halves, socket: Socket): void =>
  awaitFirst(halves, socket, protocol => {
    const half = protocol === 'h2' ? halves.http2 : halves.http1
    half.adopt(socket)
  })

const acceptTls = (halves: Halves, socket: TLSSocket): void => {
  halves.connections.addOver(socket)
  // Its handshake ended after the drain had begun.
  if (halves.isLeaving()) return void socket.destroy()
  if (socket.alpnProtocol === 'h2') halves.http2.adopt(socket)
  // Given to Node at once, it would be told 408 after the time of a header.
  else awaitFirst(halves, socket, () => halves.http1.adopt(socket))
}

// Connections that the kernel keeps until they are accepted. libuv accepts one in each turn of the loop: clients that come back
// all at once, as after a restart of a neighbour, need the room, and whom a full queue turns away is told nothing and tries
// again a second later. More would only let them wait longer while there is too much to do.
const BACKLOG = 1_024

const listenOn = (server: Server, { host, port, isShared = false }: ListenAt): Promise<PortAddress> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port, backlog: BACKLOG, reusePort: isShared }, () => {
      server.off('error', reject)
      const bound = server.address()
      // Null and a string are for servers that are closed or on a pipe; this one was just given a host.
      resolve(typeof bound === 'object' && bound !== null ? bound : { address: host, port })
    })
  })

const connectEvents = (halves: Halves, isTls: boolean): void => {
  const { server } = halves.http1
  const { connections, onEvent } = halves
  // In front of TLS's own listener: a connection counts from its first moment.
  server.prependListener('connection', (socket: Socket) => connections.add(socket))
  if (isTls) server.on('secureConnection', (socket: TLSSocket) => acceptTls(halves, socket))
  else server.on('connection', (socket: Socket) => acceptClear(halves, socket))
  server.on('tlsClientError', (error: unknown, socket: TLSSocket) =>
    onEvent({ type: 'connection.failed', peer: socket.remoteAddress ?? '', code: codeOf(error) }),
  )
  server.on('drop', dropped => onEvent({ type: 'connection.refused', peer: dropped?.remoteAddress ?? '' }))
}

/** Makes the port. Nothing happens before `listen`; a port that has been closed is not opened again. */
export const createPort = (options: PortOptions): Port => {
  const { handler, tls, upgrades, bodyTimeoutMsFor, onEvent = () => {} } = options
  const limits: PortLimits = { ...DEFAULT_PORT_LIMITS, ...options.limits }
  const watched: PeerHandler = (req, res, peer) => {
    const timeoutMs = bodyTimeoutMsFor?.(req) ?? limits.requestBodyTimeoutMs
    const closed = watchBody({
      req,
      res,
      timeoutMs,
      onExpired: () => onEvent({ type: 'body.expired', peer }),
    })
    handler(req, res)
    return closed
  }
  let isOpened = false
  let isLeaving = false
  const connections = createConnections({
    stallTimeoutMs: limits.stallTimeoutMs,
    onStalled: peer => onEvent({ type: 'connection.stalled', peer }),
  })
  const http1 = createHttp1Half({ limits, tls, handler: watched, onEvent, upgrades })
  const http2 = createHttp2Half({ limits, handler: watched, onEvent })
  const unknown = new Set<Socket>()
  connectEvents(
    { http1, http2, connections, limits, onEvent, unknown, isLeaving: () => isLeaving },
    tls !== undefined,
  )
  const { server } = http1
  const closed = Promise.withResolvers<void>()
  const timers: NodeJS.Timeout[] = []
  const repeat = (everyMs: number, run: () => void): void =>
    void timers.push(setInterval(run, everyMs).unref())
  server.once('close', () => {
    for (const timer of timers) clearInterval(timer)
    http1.dispose()
    closed.resolve(connections.emptied())
  })

  const stopAccepting = (): void => {
    // Never opened: there is no 'close' to wait for.
    if (!isOpened) closed.resolve()
    if (!server.listening) return
    // Not the HTTP server's own close: that one also ends the header time-outs, and the port may still drain for long.
    NetServer.prototype.close.call(server)
  }
  return {
    listen: async at => {
      const bound = await listenOn(server, at)
      isOpened = true
      server.on('error', error => onEvent({ type: 'listener.failed', code: codeOf(error) }))
      repeat(limits.checkIntervalMs, () => {
        const nowMs = performance.now()
        connections.sweep(nowMs)
        http1.sweep(nowMs)
        http2.sweep(nowMs)
      })
      return { address: bound.address, port: bound.port }
    },
    connections: connections.count,
    stopAccepting,
    goAway: () => {
      if (isLeaving) return
      isLeaving = true
      stopAccepting()
      afterReading(() => {
        for (const socket of unknown) socket.destroy()
      })
      upgrades?.goAway()
      http1.goAway()
      http2.goAway()
      repeat(DRAIN_CHECK_MS, http1.closeIdle)
    },
    closed: () => closed.promise,
    destroy: () => {
      stopAccepting()
      connections.destroyAll()
    },
  }
}

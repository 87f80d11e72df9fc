// The HTTP/1.1 half of the port, which also owns the listening socket.
import { createServer, type IncomingMessage, type ServerOptions, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Server, Socket } from 'node:net'
import { afterReading } from '../core/after-reading.ts'
import { unlessHeard } from './late.ts'
import { type Lingering, linger } from './linger.ts'
import { codeOf, isOwnCut, type PeerHandler, type PortEventSink, type Upgrades } from './port-handler.ts'
import type { PortLimits } from './port-limits.ts'
import { createStallWatch, type StallWatch, socketFlow } from './stall.ts'

/** A certificate with its chain, and its key, both PEM. */
export type PortTls = { readonly cert: string | Buffer; readonly key: string | Buffer }

/** The HTTP/1.1 half of a port. */
export type Http1Half = {
  /** The server that listens; a new socket is for the caller to judge, so it serves nobody until `adopt`. */
  readonly server: Server
  /** Takes over a socket, TLS or TCP, whose peer speaks HTTP/1.1. */
  readonly adopt: (socket: Socket) => void
  /** Cuts connections that have left HTTP and whose readers take nothing. `nowMs` is monotonic. */
  readonly sweep: (nowMs: number) => void
  /** Makes every response from now on the last of its connection, and closes idle connections. */
  readonly goAway: () => void
  /** Closes connections that wait for a next request, once what has come is read. */
  readonly closeIdle: () => void
  /** Stops the time-outs of a server that is done. */
  readonly dispose: () => void
}

/** What `createHttp1Half` needs. */
export type Http1HalfDeps = {
  readonly limits: PortLimits
  readonly tls: PortTls | undefined
  readonly handler: PeerHandler
  readonly onEvent: PortEventSink
  /** Absent: every connection stays with HTTP. */
  readonly upgrades: Upgrades | undefined
}

const createListening = ({ limits, tls, upgrades }: Http1HalfDeps) => {
  const options: ServerOptions = {
    // What is for nobody is answered as if it had not asked (RFC 9110 7.8).
    shouldUpgradeCallback: req => upgrades?.isFor(req) === true,
    maxHeaderSize: limits.maxHeaderBytes,
    headersTimeout: limits.headersTimeoutMs,
    // The body has its own timer: this one could not be longer for an upload than for a chat.
    requestTimeout: 0,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    keepAliveTimeoutBuffer: limits.keepAliveSpareMs,
    connectionsCheckingInterval: limits.checkIntervalMs,
  }
  const server =
    tls === undefined
      ? createServer(options)
      : createTlsServer({
          ...options,
          ...tls,
          ALPNProtocols: ['h2', 'http/1.1'],
          handshakeTimeout: limits.sniffTimeoutMs,
        })
  // Above a count Node drops fields in silence, an Authorization too; their size is limited already.
  server.maxHeadersCount = 0
  server.maxConnections = limits.maxConnections
  return server
}

/** One connection: whom it is with, its answers that are not out, and how it closes. */
type Running = {
  readonly peer: string
  /** The oldest first. An array, because a Set with such coming and going keeps what has gone until the whole heap is collected. */
  readonly responses: ServerResponse[]
  readonly lingering: Lingering
  request: IncomingMessage | undefined
  /** How many bytes had been read when the last of its calls was over: more are the beginning of a request. */
  quietBytes: number
}

const runningOn = (socket: Socket, { lingerMs, lingerMaxBytes }: PortLimits): Running => {
  const running: Running = {
    peer: socket.remoteAddress ?? '',
    responses: [],
    request: undefined,
    quietBytes: 0,
    lingering: linger({
      socket,
      // Beside another answer the last request is one that came too late: nobody answers it.
      receiving: () => {
        const { request, responses } = running
        return request?.complete === false && responses.length <= 1 ? request : undefined
      },
      timeoutMs: lingerMs,
      maxBytes: lingerMaxBytes,
    }),
  }
  return running
}

const noteQuiet = (socket: Socket, connection: Running): void => {
  if (connection.responses.length === 0) connection.quietBytes = socket.bytesRead
}

// Node's own list of idle connections has those, too, whose last answer is still on its way to a slow reader.
const isIdle = (socket: Socket, { responses, request, quietBytes }: Running): boolean =>
  responses.length === 0 && request?.complete !== false && socket.bytesRead === quietBytes

const watchUpgraded = ({ limits, onEvent }: Pick<Http1HalfDeps, 'limits' | 'onEvent'>) => {
  const open = new Map<Socket, StallWatch>()
  return {
    add: (socket: Socket): void => {
      open.set(socket, createStallWatch(limits.upgradedStallTimeoutMs))
      socket.once('close', () => open.delete(socket))
    },
    sweep: (nowMs: number): void => {
      for (const [socket, watch] of open) {
        if (!watch.isStalled(socketFlow(socket), nowMs)) continue
        onEvent({ type: 'connection.stalled', peer: socket.remoteAddress ?? '' })
        socket.destroy()
      }
    },
  }
}

// Node's parser takes the bytes right from the TLS wrap, and pauses while an answer waits for its reader; but of one packet
// the wrap hands on every record all the same, and a parser that is paused fails ("Parse Error: Paused") and ends a good
// connection. Whoever listens for the data of the socket makes Node read it as a stream, which can be paused.
const readAsStream = (socket: Socket): void => {
  const listener = (): void => {}
  socket.on('data', listener)
  socket.off('data', listener)
}

/** Makes the HTTP/1.1 half of a port. Its server owns the listener because Node runs header time-outs only on one that listens. */
export const createHttp1Half = (deps: Http1HalfDeps): Http1Half => {
  const { limits, tls, handler, onEvent, upgrades } = deps
  const server = createListening(deps)
  const accepted = tls === undefined ? 'connection' : 'secureConnection'
  const serve = server.listeners(accepted)
  server.removeAllListeners(accepted)
  const running = new Map<Socket, Running>()
  const upgraded = watchUpgraded(deps)
  let isLeaving = false

  server.on('request', (req, res) => {
    const connection = running.get(req.socket)
    // The parser goes on through what it has been given, also when the socket has been cut.
    if (req.socket.destroyed) return
    // Whoever comes after the last answer gets none, so nothing is begun for it.
    if (connection === undefined || connection.lingering.isLast()) return void req.socket.destroy()
    const { peer, responses } = connection
    const { socket } = req
    if (responses.length >= limits.maxPipelined) {
      onEvent({ type: 'pipeline.refused', peer })
      return void req.socket.destroy()
    }
    connection.request = req
    responses.push(res)
    let closed: (() => void) | undefined
    res.on('close', () => {
      const place = responses.indexOf(res)
      if (place >= 0) responses.splice(place, 1)
      // All that its call was made of hangs on a request: a connection that waits for the next one must not keep it.
      if (connection.request === req && req.complete) connection.request = undefined
      if (req.complete) noteQuiet(socket, connection)
      else req.once('close', () => noteQuiet(socket, connection))
      closed?.()
    })
    if (isLeaving) res.shouldKeepAlive = false
    closed = handler(req, res, peer)
  })

  // Only a connection that waits for its next request has a time-out of Node's. Without a listener Node would close it at once.
  server.on('timeout', socket => unlessHeard(socket, () => socket.destroy()))

  server.on('upgrade', (req, _, head) => {
    const { socket } = req
    // Node hands the socket over at once; what was asked for before would be answered into the other protocol.
    if (upgrades === undefined || running.get(socket)?.responses.length !== 0) return void socket.destroy()
    upgraded.add(socket)
    upgrades.take({ req, socket, head })
  })

  const closeIdle = (): void => {
    afterReading(() => {
      for (const [socket, connection] of running) if (isIdle(socket, connection)) socket.destroy()
    })
  }

  const adopt = (socket: Socket): void => {
    if (socket.destroyed) return
    const connection = runningOn(socket, limits)
    const { peer, responses } = connection
    running.set(socket, connection)
    socket.once('close', () => running.delete(socket))
    socket.on('error', error => {
      if (!isOwnCut(error)) onEvent({ type: 'connection.failed', peer, code: codeOf(error) })
    })
    // HTTP/1.1 cannot tell "I have sent all" from "I have left", and a killed client or a proxy's cancel is a plain FIN.
    // Node would let the handler run on; here it means left, so that nobody pays for an answer without a reader.
    // A response that is complete still goes out.
    socket.once('end', () => {
      if (responses.some(res => !res.writableEnded)) socket.destroy()
    })
    for (const listener of serve) Reflect.apply(listener, server, [socket])
    if (tls !== undefined) readAsStream(socket)
  }
  return {
    server,
    adopt,
    sweep: upgraded.sweep,
    closeIdle,
    goAway: () => {
      isLeaving = true
      for (const { responses } of running.values()) {
        // Only the last: pipelined requests before it were accepted and are answered on the same connection.
        const last = responses.at(-1)
        if (last !== undefined) last.shouldKeepAlive = false
      }
      closeIdle()
    },
    dispose: () => {
      server.close()
    },
  }
}

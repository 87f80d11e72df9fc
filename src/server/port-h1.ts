// The HTTP/1.1 half of the port, which also owns the listening socket.
import { createServer, type IncomingMessage, type ServerOptions, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Server, Socket } from 'node:net'
import { type Lingering, linger } from './linger.ts'
import { codeOf, isOwnCut, type PeerHandler, type PortEventSink } from './port-handler.ts'
import type { PortLimits } from './port-limits.ts'

/** A certificate with its chain, and its key, both PEM. */
export type PortTls = { readonly cert: string | Buffer; readonly key: string | Buffer }

/** The HTTP/1.1 half of a port. */
export type Http1Half = {
  /** The server that listens; a new socket is for the caller to judge, so it serves nobody until `adopt`. */
  readonly server: Server
  /** Takes over a socket, TLS or TCP, whose peer speaks HTTP/1.1. */
  readonly adopt: (socket: Socket) => void
  /** Makes every response from now on the last of its connection, and closes idle connections now. */
  readonly goAway: () => void
  /** Closes connections that wait for a next request. */
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
}

const createListening = (limits: PortLimits, tls: PortTls | undefined) => {
  const options: ServerOptions = {
    maxHeaderSize: limits.maxHeaderBytes,
    headersTimeout: limits.headersTimeoutMs,
    // The body has its own timer: this one could not be longer for an upload than for a chat.
    requestTimeout: 0,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
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
  readonly responses: Set<ServerResponse>
  readonly lingering: Lingering
  request: IncomingMessage | undefined
}

const runningOn = (socket: Socket, { lingerMs, lingerMaxBytes }: PortLimits): Running => {
  const running: Running = {
    peer: socket.remoteAddress ?? '',
    responses: new Set(),
    request: undefined,
    lingering: linger({
      socket,
      // Beside another answer the last request is one that came too late: nobody answers it.
      isReceiving: () => running.request?.complete === false && running.responses.size <= 1,
      timeoutMs: lingerMs,
      maxBytes: lingerMaxBytes,
    }),
  }
  return running
}

/** Makes the HTTP/1.1 half of a port. Its server owns the listener because Node runs header time-outs only on one that listens. */
export const createHttp1Half = ({ limits, tls, handler, onEvent }: Http1HalfDeps): Http1Half => {
  const server = createListening(limits, tls)
  const accepted = tls === undefined ? 'connection' : 'secureConnection'
  const serve = server.listeners(accepted)
  server.removeAllListeners(accepted)
  const running = new Map<Socket, Running>()
  let isLeaving = false

  server.on('request', (req, res) => {
    const connection = running.get(req.socket)
    // The parser goes on through what it has been given, also when the socket has been cut.
    if (req.socket.destroyed) return
    // Whoever comes after the last answer gets none, so nothing is begun for it.
    if (connection === undefined || connection.lingering.isLast()) return void req.socket.destroy()
    const { peer, responses, lingering } = connection
    if (responses.size >= limits.maxPipelined) {
      onEvent({ type: 'pipeline.refused', peer })
      return void req.socket.destroy()
    }
    connection.request = req
    req.once('end', lingering.received)
    responses.add(res)
    res.once('close', () => responses.delete(res))
    if (isLeaving) res.shouldKeepAlive = false
    handler(req, res, peer)
  })

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
      if (responses.values().some(res => !res.writableEnded)) socket.destroy()
    })
    for (const listener of serve) Reflect.apply(listener, server, [socket])
  }
  return {
    server,
    adopt,
    closeIdle: () => server.closeIdleConnections(),
    goAway: () => {
      isLeaving = true
      for (const { responses } of running.values()) {
        // Only the last: pipelined requests before it were accepted and are answered on the same connection.
        const last = [...responses].at(-1)
        if (last !== undefined) last.shouldKeepAlive = false
      }
      server.closeIdleConnections()
    },
    dispose: () => {
      server.close()
    },
  }
}

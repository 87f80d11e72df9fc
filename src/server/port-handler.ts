// What the port tells the rest of the server: requests of either HTTP version, and events about peers.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { Socket } from 'node:net'

/** A request on the port, of either HTTP version. */
export type PortRequest = IncomingMessage | Http2ServerRequest

/** The response that belongs to a request; its 'close' fires when the call is over, for whatever reason. */
export type PortResponse = ServerResponse | Http2ServerResponse

/**
 * Serves one request. The pair always belongs to the same HTTP version. It must not throw. It may look at `req.socket` only
 * before it returns: later an HTTP/2 session may have ended, and then Node throws.
 */
export type PortHandler = (req: PortRequest, res: PortResponse) => void

/** Serves one request for the port itself, which already knows the client's IP address. Gives what the response's 'close' must call. */
export type PeerHandler = (req: PortRequest, res: PortResponse, peer: string) => (() => void) | undefined

/** A connection of HTTP/1.1 whose client wants to go on in another protocol, with what it sent right behind its request. */
export type Upgrade = {
  readonly req: IncomingMessage
  /** TCP or TLS. Whoever takes it answers, and ends it. */
  readonly socket: Socket
  readonly head: Buffer
}

/** Takes connections over from HTTP/1.1. Nothing of it may throw. */
export type Upgrades = {
  /** Whether a request to upgrade is for it; any other one is served as a plain request. */
  readonly isFor: (req: IncomingMessage) => boolean
  /** Takes a connection, also to refuse it. */
  readonly take: (upgrade: Upgrade) => void
  /** Asks for the end of every connection as soon as nothing runs on it; those that come from now on are to be refused. */
  readonly goAway: () => void
}

/** Something that happened to a peer and that nobody else will tell; `peer` is its IP address, empty when it is unknown. */
export type PortEvent =
  /** A connection above the most allowed was closed unread. */
  | { readonly type: 'connection.refused'; readonly peer: string }
  /** A socket broke, a TLS handshake failed or bytes were not HTTP/1.1; `code` is Node's. */
  | { readonly type: 'connection.failed'; readonly peer: string; readonly code: string }
  /** A reader took nothing of what was waiting for it, and its connection was cut. */
  | { readonly type: 'connection.stalled'; readonly peer: string }
  /** A new connection did not show its protocol in time. */
  | { readonly type: 'sniff.expired'; readonly peer: string }
  /** The body of a request did not arrive in time, and its call was cut. */
  | { readonly type: 'body.expired'; readonly peer: string }
  /** An HTTP/1.1 peer sent more requests than may wait for their answers, and its connection was cut. */
  | { readonly type: 'pipeline.refused'; readonly peer: string }
  /** An HTTP/2 request had a larger header than allowed and was answered 431. */
  | { readonly type: 'header.refused'; readonly peer: string; readonly sizeBytes: number }
  /** An HTTP/2 peer did not take what was waiting on one stream, and that stream was reset. */
  | { readonly type: 'stream.stalled'; readonly peer: string }
  /** An HTTP/2 session ended by an error, such as too many resets; `code` is Node's. */
  | { readonly type: 'session.failed'; readonly peer: string; readonly code: string }
  /** An HTTP/2 peer sent its preface and no SETTINGS. */
  | { readonly type: 'session.silent'; readonly peer: string }
  /** An HTTP/2 session without a stream was sent GOAWAY. */
  | { readonly type: 'session.idled'; readonly peer: string }
  /** An HTTP/2 peer did not answer a PING and was taken for dead. */
  | { readonly type: 'ping.unanswered'; readonly peer: string }
  /** The listening socket reported an error after it was open. */
  | { readonly type: 'listener.failed'; readonly code: string }

/** Takes the events of a port. It must not throw. */
export type PortEventSink = (event: PortEvent) => void

/** Gives the code that Node put on an error, or an empty string. */
export const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''

/** Whether an error only says that the port itself cut the connection while something was being written. */
export const isOwnCut = (error: unknown): boolean => codeOf(error) === 'ECANCELED'

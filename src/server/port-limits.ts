// The limits of the one port: every number that keeps a slow, broken or hostile peer from holding it.

/** The limits a port keeps. Times are milliseconds; each must be a positive number unless its line says otherwise. */
export type PortLimits = {
  /** How long a new connection may take to show its protocol: each of three bytes behind the first one, or the TLS handshake. */
  readonly sniffTimeoutMs: number
  /** How long an HTTP/1.1 header may take (then 408), and an HTTP/2 peer its first SETTINGS (then the connection ends). */
  readonly headersTimeoutMs: number
  /** How long a request's body may take from its header on; then 408 on HTTP/1.1, a reset stream on HTTP/2. 0 lifts it. */
  readonly requestBodyTimeoutMs: number
  /** How often idle, stalled and unanswering peers are looked for: the precision of all limits that have no own timer. */
  readonly checkIntervalMs: number
  /**
   * How long an HTTP/1.1 connection may wait for its next request, as clients are told, or any new one for its first byte. Above
   * the 60 s that proxies, and browsers what they have opened in advance, keep one, else requests race the close.
   */
  readonly keepAliveTimeoutMs: number
  /**
   * How much longer it is kept in truth: the clock of a client begins when it has read the answer, it may be late, and Go's does
   * not hear what it is told and has 90 s (https://pkg.go.dev/net/http#DefaultTransport).
   */
  readonly keepAliveSpareMs: number
  /** The largest request header, in bytes: as sent on HTTP/1.1, as RFC 9113 6.5.2 counts on HTTP/2. Above it: 431. */
  readonly maxHeaderBytes: number
  /** The most header fields of an HTTP/2 request; above it the stream is refused before a handler sees it. */
  readonly maxHeaderListPairs: number
  /** The most streams one HTTP/2 connection may have open. */
  readonly maxConcurrentStreams: number
  /** How many stream resets an HTTP/2 peer may send at once before its connection ends. */
  readonly streamResetBurst: number
  /** How many further resets a second an HTTP/2 peer may send. A proxy carries many users' cancels on one connection. */
  readonly streamResetRate: number
  /** How long an HTTP/2 connection may stay without a stream; then GOAWAY. */
  readonly idleSessionMs: number
  /** How long an HTTP/2 peer with an open stream may be silent before it is sent a PING. */
  readonly pingIntervalMs: number
  /** How long that PING may stay unanswered before the connection is taken for dead. */
  readonly pingTimeoutMs: number
  /** How long a reader may take nothing of what is waiting for it. On HTTP/2 one write must be taken within this time. */
  readonly stallTimeoutMs: number
  /** The same on a connection that has left HTTP. */
  readonly upgradedStallTimeoutMs: number
  /** How long an HTTP/2 peer may keep its socket after the session has ended. */
  readonly closeGraceMs: number
  /** How long a client of HTTP/1.1 may go on sending a request after its last answer; then the connection is cut. */
  readonly lingerMs: number
  /** How many bytes it may send so. */
  readonly lingerMaxBytes: number
  /** The most requests of one HTTP/1.1 connection whose answers are not out; one more ends the connection. */
  readonly maxPipelined: number
  /** The most connections at once; further ones are closed as they come. */
  readonly maxConnections: number
}

/** The limits of a port that was given none. */
export const DEFAULT_PORT_LIMITS: PortLimits = {
  sniffTimeoutMs: 10_000,
  headersTimeoutMs: 10_000,
  requestBodyTimeoutMs: 60_000,
  checkIntervalMs: 1_000,
  keepAliveTimeoutMs: 75_000,
  keepAliveSpareMs: 45_000,
  maxHeaderBytes: 16_384,
  maxHeaderListPairs: 128,
  maxConcurrentStreams: 250,
  streamResetBurst: 1_000,
  streamResetRate: 200,
  idleSessionMs: 300_000,
  pingIntervalMs: 30_000,
  pingTimeoutMs: 20_000,
  stallTimeoutMs: 60_000,
  upgradedStallTimeoutMs: 30_000,
  closeGraceMs: 2_000,
  lingerMs: 30_000,
  lingerMaxBytes: 32 * 1024 * 1024,
  maxPipelined: 250,
  maxConnections: 10_000,
}

// The limits of a connection: every number that keeps a slow, broken or hostile client from holding it.

/** The limits that a connection keeps. Times are milliseconds. */
export interface SocketLimits {
  /** How long a client may take to say who it is. */
  readonly authTimeoutMs: number
  /** How much a client may send before that, in bytes. */
  readonly strangerBytes: number
  /** How many connections may wait for that; further ones are refused. */
  readonly strangersMax: number
  /** How many requests and subscriptions may run on one connection. */
  readonly tasksMax: number
  /** How much may wait for a reader before no more of what it asks is read, in bytes. */
  readonly repliesBytes: number
  /** How often a credential is looked at again while something runs: a subscription may outlive its key. */
  readonly recheckIntervalMs: number
  /** How long a connection may be silent before its client is asked whether it is still there, and how long that may stay unanswered. */
  readonly pingIntervalMs: number
  readonly pongTimeoutMs: number
  /** How long a client may take to end a connection that was closed. */
  readonly closeTimeoutMs: number
  /** How often the limits are looked at. */
  readonly checkIntervalMs: number
}

/** The limits of a door that was given none. */
export const DEFAULT_SOCKET_LIMITS: SocketLimits = {
  authTimeoutMs: 10_000,
  strangerBytes: 64 * 1024,
  strangersMax: 256,
  tasksMax: 64,
  repliesBytes: 1024 * 1024,
  recheckIntervalMs: 30_000,
  pingIntervalMs: 30_000,
  pongTimeoutMs: 20_000,
  closeTimeoutMs: 5_000,
  checkIntervalMs: 1_000,
}

/** Why the server closes a connection, beside the codes that every WebSocket has (RFC 6455 7.4.1). */
export const CloseCode = {
  /** The process is shutting down. */
  goingAway: 1001,
  /** A fault of this service. */
  internal: 1011,
  /** Nobody has said who it is, or what was said is not accepted. */
  unauthenticated: 4401,
} as const

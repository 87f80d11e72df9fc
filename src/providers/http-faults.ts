// What a failed exchange with a provider is in our own words, without anything that was sent or received.
import { GatewayError } from '../core/errors.ts'

const PARSER_ERROR = 'HTTPParserError'

/** Faults of which it is certain that no connection was made, so that nothing was sent. */
const unsentCodes: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])

const connectFaults: ReadonlyMap<string, string> = new Map([
  ['ECONNREFUSED', 'refuses connections'],
  ['ENOTFOUND', 'cannot be found: check the host in its base URL'],
  ['EAI_AGAIN', 'cannot be found now: the name service does not answer'],
  ['EHOSTUNREACH', 'cannot be reached'],
  ['ENETUNREACH', 'cannot be reached'],
  [
    'UND_ERR_INVALID_ARG',
    'cannot be asked: its key or a header field of its settings holds what no header may',
  ],
])

/** The error for a request that got no answer. */
export function beforeAnswer(provider: string, error: unknown, connectTimeoutMs: number): GatewayError {
  const code = codeOf(error)
  // undici's parser names itself here and has no code: bytes came, and they were no HTTP.
  if (error instanceof Error && error.name === PARSER_ERROR)
    return brokenBody(provider, 'sent an answer that is no HTTP', error)
  const timedOut = code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT'
  const what = timedOut
    ? `accepted no connection within ${connectTimeoutMs} ms`
    : (connectFaults.get(code) ?? 'closed the connection before it answered')
  return new GatewayError('UPSTREAM_UNAVAILABLE', `${provider} ${what}`, {
    provider,
    ...(isUnsent(code, error) ? { isUntaken: true } : {}),
    cause: withoutBytes(error),
  })
}

/** A connection that was up may meet some of these, too: what failed then was no connecting. */
function isUnsent(code: string, error: unknown): boolean {
  if (typeof error === 'object' && error !== null && 'syscall' in error)
    return error.syscall === 'connect' || error.syscall === 'getaddrinfo'
  return unsentCodes.has(code)
}

/** The error for an answer that is no whole one. */
export function brokenBody(provider: string, what: string, cause?: unknown): GatewayError {
  return new GatewayError('UPSTREAM_BROKEN', `${provider} ${what}`, { provider, cause: withoutBytes(cause) })
}

function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return ''
  return typeof error.code === 'string' ? error.code : ''
}

/** undici's parser hangs the bytes that it could not read on its error, and a provider may echo our key in them. */
function withoutBytes(error: unknown): unknown {
  if (!(error instanceof Error) || !('data' in error)) return error
  const bare = new Error(error.message)
  bare.name = error.name
  return bare
}

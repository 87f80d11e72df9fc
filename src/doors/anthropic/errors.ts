// Errors as Anthropic's clients know them (https://platform.claude.com/docs/en/api/errors), with our reason inside.
import { LIMIT_KINDS, type LimitFacts } from '../../core/limits.ts'
import { paramOf, type Told } from '../http/errors.ts'
import type { ErrorShape } from '../http/reply.ts'
import type { Wire } from './answer.ts'

/** The errors of the door. */
export const anthropicErrors: ErrorShape = {
  body: errorBody,
  // A stream that broke has no message_stop behind this.
  frames: told => [{ event: 'error', data: errorBody(told) }],
  status: statusOf,
  headers: headersOf,
  limitHeaders,
}

function errorBody(told: Told): Wire {
  const { error, requestId } = told
  const code = error.reason.toLowerCase()
  const param = paramOf(error)
  return {
    type: 'error',
    error: {
      type: typeOf(statusOf(told)),
      message: error.message,
      reason: code,
      ...(param === undefined ? {} : { param }),
      // Where the newer SDKs look for a code.
      details: { error_code: code },
    },
    request_id: requestId,
  }
}

/** What Anthropic says instead of statuses that it does not use. */
const STATUSES: Readonly<Record<number, number>> = { 502: 500, 503: 529, 507: 500 }

function statusOf({ status }: Told): number {
  return STATUSES[status] ?? status
}

const TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  409: 'conflict_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  504: 'timeout_error',
  529: 'overloaded_error',
}

function typeOf(status: number): string {
  return TYPES[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error')
}

/** The limits that Anthropic's headers tell of (https://platform.claude.com/docs/en/api/rate-limits). */
const UNITS: Partial<Record<(typeof LIMIT_KINDS)[number], string>> = {
  requests_per_minute: 'requests',
  tokens_per_minute: 'tokens',
}

function headersOf({ error, requestId }: Told): Readonly<Record<string, string>> {
  const { limit } = error.details
  return { 'request-id': requestId, ...(limit === undefined ? {} : limitHeaders(limit)) }
}

function limitHeaders({ name, limit, remaining, resetAtMs }: LimitFacts): Readonly<Record<string, string>> {
  const kind = LIMIT_KINDS.find(one => name.startsWith(`${one} of `))
  const unit = kind === undefined ? undefined : UNITS[kind]
  if (unit === undefined) return {}
  return {
    [`anthropic-ratelimit-${unit}-limit`]: String(limit),
    [`anthropic-ratelimit-${unit}-remaining`]: String(remaining),
    ...(resetAtMs === undefined
      ? {}
      : { [`anthropic-ratelimit-${unit}-reset`]: new Date(resetAtMs).toISOString() }),
  }
}

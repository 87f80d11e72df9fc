// From any error to what an HTTP client is told of it: the status, the headers, and a body in the shape of its door.
import { GatewayError, type Reason } from '../../core/errors.ts'
import { LIMIT_KINDS, type LimitFacts } from '../../core/limits.ts'
import type { Exchange } from '../../server/exchange.ts'
import { HttpRefusal } from './refusal.ts'

/** What a client is told. */
export interface Told {
  readonly error: GatewayError
  /** HTTP status, also where the header has left long before. */
  readonly status: number
  readonly requestId: string
}

interface StatusRow {
  readonly status: number
  /** Whether the same request may be sent again as it is: nothing was answered, and nothing can be billed twice. */
  readonly isRetryable: boolean
}

const final = (status: number): StatusRow => ({ status, isRetryable: false })
const passing = (status: number): StatusRow => ({ status, isRetryable: true })

/**
 * The HTTP status of every reason. Two of them differ from what the code would give, because clients repeat what they know
 * of a status: 409 is repeated by the SDKs, and a key that was used for something else never fits; and a provider's
 * own limit is a limit.
 */
export const HTTP_STATUSES = {
  INVALID_REQUEST: final(400),
  UNSUPPORTED: final(400),
  CONTEXT_TOO_LONG: final(400),
  UNAUTHENTICATED: final(401),
  PERMISSION_DENIED: final(403),
  MODEL_NOT_FOUND: final(404),
  FILE_NOT_FOUND: final(404),
  CONVERSATION_NOT_FOUND: final(404),
  STREAM_NOT_FOUND: final(404),
  KEY_NOT_FOUND: final(404),
  NO_CANDIDATE: final(400),
  CONTENT_REFUSED: final(400),
  IDEMPOTENCY_MISMATCH: final(422),
  RATE_LIMITED: passing(429),
  BUDGET_SPENT: final(429),
  TOO_MANY_CALLS: passing(429),
  OVERLOADED: passing(503),
  STORAGE_FULL: final(507),
  UPSTREAM_UNAVAILABLE: passing(503),
  UPSTREAM_LIMITED: passing(429),
  UPSTREAM_CREDENTIALS: passing(503),
  SHUTTING_DOWN: passing(503),
  UPSTREAM_BROKEN: final(502),
  STREAM_LOST: final(502),
  OUTCOME_UNKNOWN: final(409),
  DEADLINE_EXCEEDED: final(504),
  // A word of nginx: nobody reads it but the log of a proxy.
  CANCELLED: final(499),
  INTERNAL: final(500),
} as const satisfies Record<Reason, StatusRow>

/** The error behind anything that was thrown while a call was served, as the client is told. The exchange is told, too. */
export function tell(thrown: unknown, exchange: Exchange): Told {
  const { signal } = exchange
  // Whoever waits with the signal may throw an AbortError of its own: why the call was ended is what counts.
  const error = GatewayError.from(signal.aborted && isAbortError(thrown) ? signal.reason : thrown)
  const form = error instanceof HttpRefusal ? error.form : undefined
  exchange.fail(error, form?.code)
  return { error, status: form?.status ?? HTTP_STATUSES[error.reason].status, requestId: exchange.id }
}

/** Path of the request field that an error is about; undefined when it is about none, or none of the body. */
export function paramOf(error: GatewayError): string | undefined {
  return error instanceof HttpRefusal ? error.form.param : undefined
}

/** The headers of an error answer: when to come again and whether at all, and how the limit stands that was in the way. */
export function errorHeaders({ error, status }: Told): Readonly<Record<string, string>> {
  const { retryDelayMs, limit } = error.details
  const isOwn = status === HTTP_STATUSES[error.reason].status
  return {
    // Read by the SDKs of OpenAI and Anthropic, which else go by the status alone.
    'x-should-retry': String(isOwn && HTTP_STATUSES[error.reason].isRetryable),
    ...(retryDelayMs === undefined
      ? {}
      : {
          'retry-after': String(Math.max(1, Math.ceil(retryDelayMs / 1000))),
          'retry-after-ms': String(Math.ceil(retryDelayMs)),
        }),
    ...(limit === undefined ? {} : limitHeaders(limit)),
    ...(error instanceof HttpRefusal ? error.form.headers : undefined),
  }
}

const UNITS: Partial<Record<(typeof LIMIT_KINDS)[number], string>> = {
  requests_per_minute: 'requests',
  tokens_per_minute: 'tokens',
}

/** How a limit stands, by OpenAI's names, which many clients read; budgets and calls at once have none there. */
export function limitHeaders({
  name,
  limit,
  remaining,
  resetAtMs,
}: LimitFacts): Readonly<Record<string, string>> {
  const kind = LIMIT_KINDS.find(one => name.startsWith(`${one} of `))
  const unit = kind === undefined ? undefined : UNITS[kind]
  if (unit === undefined) return {}
  return {
    [`x-ratelimit-limit-${unit}`]: String(limit),
    [`x-ratelimit-remaining-${unit}`]: String(remaining),
    ...(resetAtMs === undefined
      ? {}
      : { [`x-ratelimit-reset-${unit}`]: `${Math.max(0, Math.ceil((resetAtMs - Date.now()) / 1000))}s` }),
  }
}

function isAbortError(thrown: unknown): boolean {
  return thrown instanceof Error && (thrown.name === 'AbortError' || thrown.name === 'TimeoutError')
}

// What a provider's refusal means: the table from HTTP status and error code to the closed list of reasons.
import { GatewayError, type GatewayErrorDetails, REASONS, type Reason } from '../../core/errors.ts'
import type { ErrorClass, Upstream } from './dialect.ts'
import { foreign, foreignList, foreignText } from './wire.ts'

interface ClassRow {
  readonly reason: Reason
  /** What the message says after the provider's id. */
  readonly says: string
  /** Whether the provider's own words are added, because the caller can act on them. */
  readonly quoted?: true
}

const classes = {
  auth: { reason: 'UPSTREAM_CREDENTIALS', says: 'refuses our key: check the key, its plan and its region' },
  permission: { reason: 'UPSTREAM_CREDENTIALS', says: 'does not let our key use this model' },
  quota: {
    reason: 'UPSTREAM_CREDENTIALS',
    says: 'has no credit left for our key: check the plan and billing',
  },
  rate_limit: { reason: 'UPSTREAM_LIMITED', says: 'limits the rate of our calls: try again later' },
  plan_window: { reason: 'UPSTREAM_LIMITED', says: 'has no calls left for our plan in this window of time' },
  overloaded: { reason: 'UPSTREAM_UNAVAILABLE', says: 'is overloaded: try again later' },
  server: { reason: 'UPSTREAM_UNAVAILABLE', says: 'failed: try again later' },
  timeout: { reason: 'UPSTREAM_UNAVAILABLE', says: 'took too long: try again later' },
  misrouted: { reason: 'UPSTREAM_UNAVAILABLE', says: 'has no such endpoint: check its base URL' },
  bad_request: { reason: 'INVALID_REQUEST', says: 'refuses the request', quoted: true },
  unsupported: { reason: 'UNSUPPORTED', says: 'cannot do what the request asks', quoted: true },
  context_length: {
    reason: 'CONTEXT_TOO_LONG',
    says: 'finds the request too long for the model',
    quoted: true,
  },
  content_filter: { reason: 'CONTENT_REFUSED', says: 'refuses the content', quoted: true },
  not_found: { reason: 'MODEL_NOT_FOUND', says: 'does not know the model', quoted: true },
} as const satisfies Record<ErrorClass, ClassRow>

// Codes, and types that say as much as a code. They win over the HTTP status.
const codes: ReadonlyMap<string, ErrorClass> = new Map<string, ErrorClass>([
  ['invalid_api_key', 'auth'],
  ['invalid_organization', 'auth'],
  ['authentication_error', 'auth'],
  ['permission_error', 'permission'],
  ['insufficient_quota', 'quota'],
  ['billing_hard_limit_reached', 'quota'],
  ['rate_limit_exceeded', 'rate_limit'],
  ['rate_limit_error', 'rate_limit'],
  ['context_length_exceeded', 'context_length'],
  // llama.cpp.
  ['exceed_context_size_error', 'context_length'],
  ['content_policy_violation', 'content_filter'],
  ['content_filter', 'content_filter'],
  ['invalid_prompt', 'content_filter'],
  ['model_not_found', 'not_found'],
  ['unknown_url', 'misrouted'],
  ['file_not_found', 'bad_request'],
  ['not_found_error', 'not_found'],
  ['not_supported_error', 'unsupported'],
  ['overloaded', 'overloaded'],
  ['overloaded_error', 'overloaded'],
  ['unavailable_error', 'overloaded'],
  // OpenAI's flex tier; not billed.
  ['resource_unavailable', 'overloaded'],
  // DeepSeek.
  ['insufficient_system_resource', 'overloaded'],
])

// Types too general to say more than a status does. They count only where there is no status: in a 200.
const kinds: ReadonlyMap<string, ErrorClass> = new Map<string, ErrorClass>([
  ['invalid_request_error', 'bad_request'],
  ['unsupported_parameter', 'bad_request'],
  ['unsupported_value', 'bad_request'],
  ['unknown_parameter', 'bad_request'],
  ['invalid_value', 'bad_request'],
])

const statuses: ReadonlyMap<number, ErrorClass> = new Map<number, ErrorClass>([
  [400, 'bad_request'],
  [401, 'auth'],
  [402, 'quota'],
  [403, 'permission'],
  [404, 'not_found'],
  [405, 'misrouted'],
  [408, 'timeout'],
  [409, 'server'],
  [413, 'bad_request'],
  [422, 'bad_request'],
  [425, 'server'],
  [429, 'rate_limit'],
  [501, 'unsupported'],
  [502, 'overloaded'],
  [503, 'overloaded'],
  [504, 'timeout'],
  [529, 'overloaded'],
])

const QUOTE_CHARS_MAX = 500
const CODE_CHARS_MAX = 64
const RETRY_DELAY_MS_MAX = 3_600_000

/** A provider's error, in whatever envelope it came. */
export interface Complaint {
  readonly message: string
  /** Its code, or its number as text; empty when there is none. */
  readonly code: string
  readonly type: string
  /** HTTP status that a numeric code stands for (OpenRouter, llama.cpp, vLLM). */
  readonly status?: number
}

type ErrorFields = 'message' | 'msg' | 'code' | 'type'

/**
 * Reads the error out of a body: an `error` object or string, a top-level one (older vLLM), `errors[]`, FastAPI's
 * `detail`. Undefined when the body holds none.
 */
export function readComplaint(body: unknown): Complaint | undefined {
  const top = foreign<'error' | 'errors' | 'detail' | 'object' | 'choices' | ErrorFields>(body)
  if (top === undefined) return undefined
  for (const found of [top.error, foreignList(top.errors)[0]]) {
    const complaint = complaintOf(found)
    if (complaint !== undefined) return complaint
  }
  if (top.object === 'error') return complaintOf(top)
  // An answer may have fields of these names beside its choices.
  if (top.choices !== undefined) return undefined
  const detail = Array.isArray(top.detail) ? top.detail[0] : top.detail
  return complaintOf(detail) ?? (top.message === undefined ? undefined : complaintOf(top))
}

function complaintOf(value: unknown): Complaint | undefined {
  if (typeof value === 'string') return value === '' ? undefined : { message: value, code: '', type: '' }
  const fields = foreign<ErrorFields>(value)
  if (fields === undefined) return undefined
  const { code, type } = fields
  const message = foreignText(fields.message) || foreignText(fields.msg)
  if (message === '' && code === undefined && type === undefined) return undefined
  const number = typeof code === 'string' && /^\d{3}$/.test(code) ? Number(code) : code
  const status = typeof number === 'number' && number >= 400 && number <= 599 ? number : undefined
  return {
    message,
    code: typeof code === 'number' ? String(code) : foreignText(code),
    type: foreignText(type),
    ...(status === undefined ? {} : { status }),
  }
}

/** The class of a complaint: by its code, then its type, then the status, then what a failure in a 200 can be. */
export function classify(upstream: Upstream, complaint: Complaint | undefined, status?: number): ErrorClass {
  for (const word of [complaint?.code, complaint?.type]) {
    if (word === undefined || word === '') continue
    const own = Object.hasOwn(upstream.dialect.errorCodes, word)
      ? upstream.dialect.errorCodes[word]
      : undefined
    const found = own ?? codes.get(word)
    if (found !== undefined) return found
  }
  const effective = status ?? complaint?.status
  if (effective === undefined)
    return kinds.get(complaint?.code ?? '') ?? kinds.get(complaint?.type ?? '') ?? 'server'
  // A 404 without a code or type comes from a proxy or a wrong path, not from a missing model.
  if (effective === 404 && !complaint?.code && !complaint?.type) return 'misrouted'
  return (
    statuses.get(effective) ?? (effective >= 500 ? 'server' : effective >= 400 ? 'bad_request' : 'misrouted')
  )
}

/** The error for a complaint. `status` is the HTTP status when it was not 200. */
export function refusal(
  upstream: Upstream,
  complaint: Complaint | undefined,
  answer: { readonly status?: number; readonly retryDelayMs?: number } = {},
): GatewayError {
  const { status } = answer
  const row: ClassRow = classes[classify(upstream, complaint, status)]
  const quote = row.quoted === true ? quoted(upstream, complaint?.message ?? '') : ''
  const code = safeCode(upstream, complaint)
  const unknown =
    status !== undefined && status < 500 && !statuses.has(status) && row.reason === 'INVALID_REQUEST'
  const details: GatewayErrorDetails = {
    provider: upstream.provider,
    model: upstream.model,
    ...(status === undefined ? {} : { upstreamStatus: status }),
    ...(code === '' ? {} : { upstreamCode: code }),
    ...(answer.retryDelayMs === undefined ? {} : { retryDelayMs: answer.retryDelayMs }),
    ...(unknown ? { origin: 'upstream' } : {}),
  }
  return new GatewayError(row.reason, `${upstream.provider} ${row.says}${quote}`, details)
}

/** A failure of the wire itself, such as JSON that does not parse. Such an answer may be billed. */
export function broken(upstream: Upstream, what: string, cause?: unknown): GatewayError {
  const { provider, model } = upstream
  return new GatewayError('UPSTREAM_BROKEN', `${provider} ${what}`, { provider, model, cause })
}

/** The same failure once output has been read: nothing may say any more that nothing was answered. */
export function afterOutput(error: GatewayError): GatewayError {
  if (REASONS[error.reason].code !== 'UNAVAILABLE') return error
  const { provider = 'the provider' } = error.details
  return new GatewayError('UPSTREAM_BROKEN', `${provider} broke off its answer`, {
    ...error.details,
    cause: error,
  })
}

/**
 * How long the provider asks to wait, from `retry-after-ms`, or `retry-after` in seconds or as a date (RFC 9110 10.2.3):
 * 0 to 1 h in milliseconds. Undefined when it says nothing that can be read.
 */
export function retryDelayMs(
  headers: Readonly<Record<string, string | undefined>>,
  nowMs: number,
): number | undefined {
  const exact = Number(headers['retry-after-ms'] || Number.NaN)
  const after = headers['retry-after'] ?? ''
  const waits = Number.isFinite(exact)
    ? exact
    : /^\s*\d+(?:\.\d+)?\s*$/.test(after)
      ? Number(after) * 1000
      : /^[A-Za-z]{3,9}, /.test(after)
        ? Date.parse(after) - nowMs
        : Number.NaN
  if (!Number.isFinite(waits)) return undefined
  return Math.min(Math.max(Math.round(waits), 0), RETRY_DELAY_MS_MAX)
}

function quoted(upstream: Upstream, message: string): string {
  // Line breaks and other control characters would let a provider's text pass for lines of a log.
  const text = upstream
    .redact(message)
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
  if (text === '') return ''
  return `: ${text.length > QUOTE_CHARS_MAX ? `${text.slice(0, QUOTE_CHARS_MAX).toWellFormed()}…` : text}`
}

function safeCode(upstream: Upstream, complaint: Complaint | undefined): string {
  const code = complaint?.code || complaint?.type || ''
  return upstream
    .redact(code)
    .replace(/[^\w.:-]+/g, '_')
    .slice(0, CODE_CHARS_MAX)
}

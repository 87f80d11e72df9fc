// What a provider's refusal means: the table from HTTP status and error code to the closed list of reasons.
import {
  type Against,
  GatewayError,
  type GatewayErrorDetails,
  type KeyTrouble,
  REASONS,
  type Reason,
} from '../../core/errors.ts'
import type { Dialect, ErrorClass, Upstream } from './dialect.ts'
import { codes, kinds, statuses } from './error-codes.ts'
import { quoted, safeCode } from './quote.ts'
import { resetDelayMs } from './resets.ts'
import { foreign, foreignList, foreignText } from './wire.ts'

/** What follows from a class of error. */
export interface ClassRule {
  readonly reason: Reason
  readonly against: Against
  /** What exactly is wrong with the key, when it counts against one. */
  readonly keyTrouble?: KeyTrouble
  /** How long what it counts against stays out when nobody says otherwise, in milliseconds. Absent: the usual time. */
  readonly cooldownMs?: number
  /** What the message says after the provider's id. */
  readonly says: string
  /** Whether the provider's own words are added, because the caller can act on them. */
  readonly quoted?: true
}

/** Every class of error. Speed and money are the key's, faults are the provider's, and a bad request is nobody's. */
export const CLASS_RULES = {
  auth: {
    reason: 'UPSTREAM_CREDENTIALS',
    against: 'key',
    keyTrouble: 'auth',
    says: 'refuses our key: check the key, its plan and its region',
  },
  permission: {
    reason: 'UPSTREAM_CREDENTIALS',
    against: 'key_model',
    keyTrouble: 'permission',
    says: 'does not let our key use this model',
  },
  quota: {
    reason: 'UPSTREAM_CREDENTIALS',
    against: 'key',
    keyTrouble: 'quota',
    says: 'has no credit left for our key: check billing, and the plan and its base URL',
  },
  rate_limit: {
    reason: 'UPSTREAM_LIMITED',
    against: 'key',
    keyTrouble: 'rate_limit',
    says: 'limits the rate of our calls: try again later',
  },
  concurrency: {
    reason: 'UPSTREAM_LIMITED',
    against: 'key',
    keyTrouble: 'concurrency',
    says: 'takes no more of our calls at once: try again later',
  },
  plan_window: {
    reason: 'UPSTREAM_LIMITED',
    against: 'key',
    keyTrouble: 'plan_window',
    cooldownMs: 3_600_000,
    says: 'has no calls left for our plan in this window of time',
  },
  overloaded: {
    reason: 'UPSTREAM_UNAVAILABLE',
    against: 'provider',
    says: 'is overloaded: try again later',
  },
  server: { reason: 'UPSTREAM_UNAVAILABLE', against: 'provider', says: 'failed: try again later' },
  timeout: { reason: 'UPSTREAM_UNAVAILABLE', against: 'provider', says: 'took too long: try again later' },
  misrouted: {
    reason: 'UPSTREAM_UNAVAILABLE',
    against: 'provider',
    says: 'has no such endpoint: check its base URL',
  },
  bad_request: { reason: 'INVALID_REQUEST', against: 'nobody', says: 'refuses the request', quoted: true },
  unsupported: {
    reason: 'UNSUPPORTED',
    against: 'nobody',
    says: 'cannot do what the request asks',
    quoted: true,
  },
  context_length: {
    reason: 'CONTEXT_TOO_LONG',
    against: 'nobody',
    says: 'finds the request too long for the model',
    quoted: true,
  },
  content_filter: {
    reason: 'CONTENT_REFUSED',
    against: 'nobody',
    says: 'refuses the content',
    quoted: true,
  },
  not_found: {
    reason: 'MODEL_NOT_FOUND',
    against: 'nobody',
    says: 'does not know the model',
    quoted: true,
  },
} as const satisfies Record<ErrorClass, ClassRule>

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

type ErrorFields = 'message' | 'msg' | 'code' | 'type' | 'http_code'

/**
 * Reads the error out of a body: MiniMax's `base_resp`, an `error` object or string, a top-level one (GLM, older vLLM),
 * `errors[]`, FastAPI's `detail`. Undefined when the body holds none.
 */
export function readComplaint(
  body: unknown,
  { codeInMessage }: Pick<Dialect, 'codeInMessage'> = {},
): Complaint | undefined {
  const complaint = complaintIn(body)
  if (complaint === undefined || codeInMessage !== true) return complaint
  const code = trailingCode.exec(complaint.message)?.[1]
  return code === undefined ? complaint : { ...complaint, code }
}

// MiniMax's business code is behind the message, in ASCII or full-width parentheses, and nowhere else.
const trailingCode = /[(\uff08](\d{4,5})[)\uff09]\s*$/

function complaintIn(body: unknown): Complaint | undefined {
  const top = foreign<'base_resp' | 'error' | 'errors' | 'detail' | 'object' | 'choices' | ErrorFields>(body)
  if (top === undefined) return undefined
  // Before all else: it stands in whole answers with status 200, too.
  const base = foreign<'status_code' | 'status_msg'>(top.base_resp)
  const businessCode = Number(base?.status_code ?? 0)
  if (base !== undefined && businessCode !== 0)
    return { message: foreignText(base.status_msg), code: String(base.status_code), type: '' }
  const first = complaintOf(top.error) ?? complaintOf(foreignList(top.errors)[0])
  if (first !== undefined) return first
  if (top.object === 'error') return complaintOf(top)
  // An answer may have fields of these names beside its choices.
  if (top.choices !== undefined) return undefined
  const detail = Array.isArray(top.detail) ? top.detail[0] : top.detail
  return (
    complaintOf(detail) ?? (top.message === undefined && top.msg === undefined ? undefined : complaintOf(top))
  )
}

function complaintOf(value: unknown): Complaint | undefined {
  if (typeof value === 'string') return value === '' ? undefined : { message: value, code: '', type: '' }
  const fields = foreign<ErrorFields>(value)
  if (fields === undefined) return undefined
  const { code, type } = fields
  const message = foreignText(fields.message) || foreignText(fields.msg)
  if (message === '' && code === undefined && type === undefined) return undefined
  const told = fields.http_code ?? code
  const number = typeof told === 'string' && /^\d{3}$/.test(told) ? Number(told) : told
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
  const found = broadClass(upstream, complaint, status)
  const message = complaint?.message ?? ''
  const narrower = upstream.dialect.errorPhrases?.find(
    ({ within, pattern }) => within === found && pattern.test(message),
  )
  return narrower?.as ?? found
}

function broadClass(upstream: Upstream, complaint: Complaint | undefined, status?: number): ErrorClass {
  for (const word of [complaint?.code, complaint?.type]) {
    if (word === undefined || word === '') continue
    const own = ownRule(upstream, word)
    const found = (typeof own === 'object' ? own.as : own) ?? codes.get(word)
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

function ownRule({ dialect }: Upstream, word: string): Dialect['errorCodes'][string] | undefined {
  return Object.hasOwn(dialect.errorCodes, word) ? dialect.errorCodes[word] : undefined
}

/** The error for a complaint. `status` is the HTTP status when it was not 200, and `isEmpty` says that nothing came with it. */
export function refusal(
  upstream: Upstream,
  complaint: Complaint | undefined,
  answer: { readonly status?: number; readonly retryDelayMs?: number; readonly isEmpty?: boolean } = {},
): GatewayError {
  const { status } = answer
  const row: ClassRule = CLASS_RULES[classify(upstream, complaint, status)]
  const quote = row.quoted === true ? quoted(upstream, complaint?.message ?? '') : ''
  const code = safeCode(upstream, complaint?.code || complaint?.type || '')
  const unknown =
    status !== undefined && status < 500 && !statuses.has(status) && row.reason === 'INVALID_REQUEST'
  const wait = answer.retryDelayMs ?? waitTold(upstream, row, complaint)
  const own = ownRule(upstream, complaint?.code ?? '') ?? ownRule(upstream, complaint?.type ?? '')
  const cooldown = wait ?? (typeof own === 'object' ? own.cooldownMs : row.cooldownMs)
  const details: GatewayErrorDetails = {
    provider: upstream.provider,
    model: upstream.model,
    against: row.against,
    ...(row.keyTrouble === undefined ? {} : { keyTrouble: row.keyTrouble }),
    ...(status === undefined ? {} : { upstreamStatus: status }),
    ...(code === '' ? {} : { upstreamCode: code }),
    ...(wait === undefined ? {} : { retryDelayMs: wait }),
    // Without a time of the provider's own, what refuses a key or fails stays out for the usual time.
    ...(cooldown === undefined || row.against === 'nobody' ? {} : { cooldownMs: cooldown }),
    ...(unknown ? { origin: 'upstream' } : {}),
    // A 503 with text may come from a proxy that lost the answer; a bare one comes from whoever turned the request away.
    ...(status === 429 || (status === 503 && answer.isEmpty === true) ? { isUntaken: true } : {}),
  }
  return new GatewayError(row.reason, `${upstream.provider} ${row.says}${quote}`, details)
}

// Some providers say only in words when a limit ends. The words set a time, and never what kind of error it is.
function waitTold(upstream: Upstream, row: ClassRule, complaint: Complaint | undefined): number | undefined {
  const { resetZone } = upstream.dialect
  if (resetZone === undefined || complaint === undefined || row.reason !== 'UPSTREAM_LIMITED')
    return undefined
  return resetDelayMs(complaint.message, upstream.now?.() ?? Date.now(), resetZone)
}

/** A failure of the wire itself, such as JSON that does not parse. Such an answer may be billed. */
export function broken(upstream: Upstream, what: string, cause?: unknown): GatewayError {
  const { provider, model } = upstream
  return new GatewayError('UPSTREAM_BROKEN', `${provider} ${what}`, {
    provider,
    model,
    against: 'provider',
    cause,
  })
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

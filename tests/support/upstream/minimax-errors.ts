// The error answers of MiniMax: business codes in `base_resp` under HTTP 200, or behind the message of three other forms.
import { eventReply, jsonReply, type Reply } from './reply.ts'
import type { JsonObject } from './shape.ts'

/**
 * How an error is written: `base_resp` under HTTP 200 (for a stream as its only event); the same as JSON even for a
 * stream; MiniMax's own envelope (code in ASCII or full-width parentheses, `http_code` as text or number); OpenAI's
 * (code behind the message and null, or as a number); or a bare status with some words.
 */
export const errorForms = [
  'base_resp',
  'base_resp-json',
  'error',
  'error-full-width',
  'error-number',
  'openai',
  'openai-code',
  'plain',
] as const

/** One of the forms. */
export type ErrorForm = (typeof errorForms)[number]

type ErrorRule = {
  /** The HTTP status of all forms but `base_resp`. */
  readonly status: number
  readonly type: string
  readonly message: string
  /** The form unless another is asked for. */
  readonly form: 'base_resp' | 'error'
  readonly sensitive?: 'input' | 'output'
}

const hidden = (status: number, type: string, message: string): ErrorRule => ({
  status,
  type,
  message,
  form: 'base_resp',
})
const open = (status: number, type: string, message: string): ErrorRule => ({
  status,
  type,
  message,
  form: 'error',
})
const server = (message: string): ErrorRule => hidden(500, 'api_error', message)
const limit = (message: string): ErrorRule => hidden(429, 'rate_limit_error', message)
const invalid = (message: string): ErrorRule => open(400, 'bad_request_error', message)

const codes: Readonly<Record<string, ErrorRule>> = {
  '1000': server('unknown error, please retry your requests'),
  '1001': hidden(504, 'timeout_error', 'request timeout, please retry your requests'),
  '1002': limit('rate limit exceeded(RPM), please retry your requests'),
  '1004': open(401, 'authorized_error', 'login fail: Please carry the API secret key in the header'),
  '1008': hidden(402, 'insufficient_balance_error', 'insufficient balance'),
  '1013': server('internal service error, please retry your requests'),
  '1024': server('internal error, please retry your requests'),
  '1026': { ...hidden(400, 'bad_request_error', 'input new_sensitive'), sensitive: 'input' },
  '1027': { ...hidden(400, 'bad_request_error', 'output new_sensitive'), sensitive: 'output' },
  '1028': hidden(429, 'insufficient_balance_error', 'quota exhausted'),
  '1030': hidden(429, 'insufficient_balance_error', 'quota of the resource package exhausted'),
  '1033': server('system error, please retry your requests'),
  '1039': limit('token limit, please retry your requests'),
  '1041': limit('conn limit, please contact us if it persists'),
  '1042': invalid('invisible character ratio limit, please check your input'),
  '1043': invalid('the asr similarity check failed'),
  '2013': invalid('invalid params'),
  '2037': invalid('voice duration is too short or too long'),
  '2039': invalid('voice clone voice id duplicate'),
  '2042': open(403, 'permission_error', "you don't have access to this resource"),
  '2045': limit('rate growth limit, avoid sudden increases of requests'),
  '2048': invalid('prompt audio is too long'),
  '2049': open(401, 'authorized_error', 'invalid api key'),
  '2056': open(
    429,
    'rate_limit_error',
    'usage limit exceeded, 5-hour usage limit reached, resets at 2026-11-22 18:00:00',
  ),
  '2061': open(403, 'permission_error', 'your current token plan not support model'),
  '2062': limit('token plan rate limit exceeded, please retry later'),
  '2064': open(529, 'overloaded_error', 'high load in peak hours, recovers in 1-5 min'),
  '20132': invalid('invalid samples or voice id'),
}

/** Which code stands for a status when only that is asked for. */
const codeOfStatus: Readonly<Record<string, string>> = {
  '400': '2013',
  '401': '1004',
  '403': '2042',
  '429': '1002',
  '500': '1000',
  '504': '1001',
  '529': '2064',
}

/** `base_resp` and the flags of what was found to be sensitive, as they stand in every answer. */
export function responseExtras(code = '0', message = ''): JsonObject {
  const sensitive = codes[code]?.sensitive
  return {
    input_sensitive: sensitive === 'input',
    output_sensitive: sensitive === 'output',
    input_sensitive_type: sensitive === 'input' ? 1 : 0,
    output_sensitive_type: sensitive === 'output' ? 1 : 0,
    base_resp: { status_code: Number(code), status_msg: message },
  }
}

const envelope = (type: string, message: string, httpCode: string | number): JsonObject => ({
  type: 'error',
  error: { type, message, http_code: httpCode },
  request_id: '05f1d7c2a6b94e0b8f3d2c1a0b9e8d7c',
})

/** The body of an error in one of the forms; text for `plain`. */
export function errorBody(code: string, form: ErrorForm | undefined, status: number): JsonObject | string {
  const { type, message, form: usual } = ruleOf(code)
  const told = `${message} (${code})`
  switch (form ?? usual) {
    case 'base_resp':
    case 'base_resp-json':
      return {
        id: '05f1d7c2a6b94e0b8f3d2c1a0b9e8d7c',
        choices: null,
        created: Math.floor(Date.now() / 1000),
        ...responseExtras(code, message),
      }
    case 'error':
      return envelope(type, told, String(status))
    case 'error-full-width':
      return envelope(type, `${message}（${code}）`, String(status))
    case 'error-number':
      return envelope(type, told, status)
    case 'openai':
      return { error: { message: told, type, param: null, code: null } }
    case 'openai-code':
      return { error: { message, type, param: null, code: Number(code) } }
    case 'plain':
      return message
  }
}

function ruleOf(code: string): ErrorRule {
  const rule = codes[code]
  if (rule === undefined) throw new Error(`minimax has no error ${code}`)
  return rule
}

/** Makes the answer for a business code; form and status are the code's own unless they are given. */
export function miniMaxError(
  code: string,
  wish: { readonly form?: ErrorForm; readonly status?: number; readonly stream?: boolean } = {},
): Reply {
  const rule = ruleOf(code)
  const status = wish.status ?? rule.status
  const body = errorBody(code, wish.form, status)
  if (typeof body === 'string') return plainReply(status, body)
  if (!('base_resp' in body)) return jsonReply(status, body)
  const asEvent = wish.stream === true && wish.form !== 'base_resp-json'
  return asEvent ? eventReply([`data: ${JSON.stringify(body)}\n\n`]) : jsonReply(200, body)
}

/** Refuses a request: 2013 and its envelope; without the code for a role that MiniMax does not know at all. */
export const refuse = (message: string): Reply =>
  jsonReply(400, envelope('bad_request_error', `${message} (2013)`, '400'))

/** The 422 for a role. */
export const refuseRole = (): Reply =>
  jsonReply(422, envelope('bad_request_error', 'role param error', '422'))

/** A status with some words and no JSON. */
export const plainReply = (status: number, words: string): Reply => ({
  status,
  headers: { 'content-type': 'text/plain; charset=utf-8' },
  body: [{ kind: 'bytes', bytes: Buffer.from(words) }],
})

/** Makes an error answer by code, or by status, then in MiniMax's own envelope. */
export function miniMaxRefusal(codeOrStatus: string): Reply | undefined {
  if (codes[codeOrStatus] !== undefined) return miniMaxError(codeOrStatus)
  const code = codeOfStatus[codeOrStatus]
  const status = Number(codeOrStatus)
  if (code !== undefined) return miniMaxError(code, { form: 'error', status })
  if (!Number.isInteger(status) || status < 200 || status > 599) return undefined
  return jsonReply(
    status,
    envelope(status < 500 ? 'bad_request_error' : 'api_error', `status ${status}`, codeOrStatus),
  )
}

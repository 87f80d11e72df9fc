// The error answers of Kimi: `{"error":{type,message}}` for each documented status and type.
import { jsonReply, type Reply } from './reply.ts'

const invalid = 'invalid_request_error'

type ErrorRule = {
  readonly status: number
  readonly type: string
  /** `N` is replaced by the number behind the code, as in `rate_limit_reached_error:7`. */
  readonly message: string
}

/** By type, or by a name of ours where one type says several things; the first of a status stands for it. */
const errors: Readonly<Record<string, ErrorRule>> = {
  invalid_request_error: { status: 400, type: invalid, message: 'Invalid request' },
  content_filter: {
    status: 400,
    type: 'content_filter',
    message: 'The request was rejected because it was considered high risk',
  },
  input_too_long: { status: 400, type: invalid, message: 'Input token length too long' },
  token_limit: {
    status: 400,
    type: invalid,
    message: 'Invalid request: Your request exceeded model token limit: 262144',
  },
  message_size: { status: 400, type: invalid, message: 'total message size 2097153 exceeds limit 2097152' },
  invalid_authentication_error: {
    status: 401,
    type: 'invalid_authentication_error',
    message: 'Invalid Authentication',
  },
  incorrect_api_key_error: {
    status: 401,
    type: 'incorrect_api_key_error',
    message: 'Incorrect API key provided',
  },
  membership: { status: 402, type: 'membership_error', message: 'Your membership does not cover this' },
  permission_denied_error: {
    status: 403,
    type: 'permission_denied_error',
    message: 'The API you are accessing is not open',
  },
  coding_agents_only: {
    status: 403,
    type: 'permission_denied_error',
    message: 'Kimi For Coding is currently only available for Coding Agents',
  },
  resource_not_found_error: {
    status: 404,
    type: 'resource_not_found_error',
    message: 'Not found the model or Permission denied',
  },
  request_too_large: { status: 413, type: invalid, message: 'The request exceeds the maximum size' },
  rate_limit_reached_error: {
    status: 429,
    type: 'rate_limit_reached_error',
    message: 'Your account request reached max request: 3, please try again after N seconds',
  },
  max_concurrency: {
    status: 429,
    type: 'rate_limit_reached_error',
    message: 'Your account request reached max organization concurrency: 1, please try again after N seconds',
  },
  tokens_per_minute: {
    status: 429,
    type: 'rate_limit_reached_error',
    message: 'Your account request reached TPM rate limit, please try again after N seconds',
  },
  tokens_per_day: {
    status: 429,
    type: 'rate_limit_reached_error',
    message: 'Your account request reached TPD rate limit, please try again after N seconds',
  },
  engine_overloaded_error: {
    status: 429,
    type: 'engine_overloaded_error',
    message: 'The engine is currently overloaded, please try again later',
  },
  exceeded_current_quota_error: {
    status: 429,
    type: 'exceeded_current_quota_error',
    message: 'You exceeded your current token quota, please check your account balance',
  },
  insufficient_balance: {
    status: 429,
    type: 'exceeded_current_quota_error',
    message: 'Your account is suspended due to insufficient balance, please recharge your account',
  },
  /** Kimi Code says this when the plan's window is used up. */
  rate_limit_error: {
    status: 429,
    type: 'rate_limit_error',
    message: 'The engine is currently overloaded, please try again later',
  },
  server_error: { status: 500, type: 'server_error', message: 'The server had an error' },
  unexpected_output: { status: 500, type: 'unexpected_output', message: 'Invalid state transition' },
  overloaded: { status: 529, type: 'overloaded_error', message: 'The service is overloaded' },
}

/** Makes an error answer by its parts. */
export const kimiError = (status: number, type: string, message: string): Reply =>
  jsonReply(status, { error: { type, message } })

/** Makes the 400 of a request that breaks a rule. */
export const kimiInvalid = (message: string): Reply => kimiError(400, invalid, message)

/** Makes an error answer by a name of the table (a number may follow a colon), or by status. */
export function kimiRefusal(codeOrStatus: string): Reply | undefined {
  const [code = '', number = '1'] = codeOrStatus.split(':')
  const status = Number(code)
  const rule = errors[code] ?? Object.values(errors).find(each => each.status === status)
  if (rule !== undefined) return kimiError(rule.status, rule.type, rule.message.replace(/\bN\b/, number))
  if (!Number.isInteger(status) || status < 200 || status > 599) return undefined
  return kimiError(status, status < 500 ? invalid : 'server_error', `Status ${status}`)
}

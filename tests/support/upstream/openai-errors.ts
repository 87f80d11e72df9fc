// The error answers of OpenAI: `{"error":{message,type,param,code}}` for each documented status and code.
import { jsonReply, type Reply } from './reply.ts'
import type { Violation } from './shape.ts'

const invalid = 'invalid_request_error'

type ErrorRule = {
  readonly status: number
  readonly type: string
  readonly message: string
  readonly code?: null
}

const codes: Readonly<Record<string, ErrorRule>> = {
  unsupported_parameter: { status: 400, type: invalid, message: 'Unsupported parameter.' },
  unsupported_value: { status: 400, type: invalid, message: 'Unsupported value.' },
  invalid_value: { status: 400, type: invalid, message: 'Invalid value.' },
  unknown_parameter: { status: 400, type: invalid, message: 'Unknown parameter.' },
  invalid_image_url: { status: 400, type: invalid, message: 'Invalid image URL.' },
  context_length_exceeded: {
    status: 400,
    type: invalid,
    message:
      "This model's maximum context length is 128000 tokens. However, your messages resulted in 131072 tokens.",
  },
  string_above_max_length: { status: 400, type: invalid, message: 'String too long.' },
  content_policy_violation: {
    status: 400,
    type: invalid,
    message: 'Your request was rejected by the safety system.',
  },
  invalid_prompt: {
    status: 400,
    type: invalid,
    message: 'Your prompt was flagged as violating our usage policy.',
  },
  invalid_api_key: { status: 401, type: invalid, message: 'Incorrect API key provided.' },
  invalid_organization: { status: 401, type: invalid, message: 'No such organization.' },
  unsupported_country_region_territory: {
    status: 403,
    type: 'request_forbidden',
    message: 'Country, region, or territory not supported.',
  },
  model_not_found: {
    status: 404,
    type: invalid,
    message: 'The model does not exist or you do not have access to it.',
  },
  file_not_found: { status: 404, type: invalid, message: 'No such File object.' },
  timeout: { status: 408, type: 'timeout', message: 'The request timed out.' },
  conflict: { status: 409, type: invalid, message: 'The request conflicts with another one.' },
  payload_too_large: { status: 413, type: invalid, message: 'The request is too large.' },
  unprocessable: { status: 422, type: invalid, message: 'The request could not be processed.' },
  rate_limit_exceeded: {
    status: 429,
    type: 'requests',
    message: 'Rate limit reached for requests per minute.',
  },
  tokens_exceeded: { status: 429, type: 'tokens', message: 'Rate limit reached for tokens per minute.' },
  request_too_large: {
    status: 429,
    type: 'tokens',
    message: 'Request too large for the model on tokens per min.',
  },
  insufficient_quota: {
    status: 429,
    type: 'insufficient_quota',
    message: 'You exceeded your current quota.',
  },
  billing_hard_limit_reached: { status: 429, type: invalid, message: 'Billing hard limit has been reached.' },
  resource_unavailable: {
    status: 429,
    type: 'resource_unavailable',
    message: 'Flex capacity is not available.',
  },
  server_error: { status: 500, type: 'server_error', message: 'The server had an error.', code: null },
  bad_gateway: { status: 502, type: 'server_error', message: 'Bad gateway.', code: null },
  overloaded: {
    status: 503,
    type: 'server_error',
    message: 'The engine is currently overloaded. Slow down.',
  },
  gateway_timeout: { status: 504, type: 'server_error', message: 'Gateway timeout.', code: null },
}

/** Codes under which OpenAI sends what the table must keep apart. */
const sentAs: Readonly<Record<string, string>> = {
  tokens_exceeded: 'rate_limit_exceeded',
  request_too_large: 'rate_limit_exceeded',
}

/** Makes an error answer by its parts. */
export const openAiError = (
  status: number,
  code: string | null,
  message: string,
  param: string | null = null,
  type = invalid,
): Reply => jsonReply(status, { error: { message, type, param, code } })

/** Makes an error answer by code, or by status: the first code of that status, or a bare one for others. */
export function openAiRefusal(codeOrStatus: string): Reply | undefined {
  const status = Number(codeOrStatus)
  const [code, rule] = Object.entries(codes).find(
    ([name, each]) => name === codeOrStatus || each.status === status,
  ) ?? [codeOrStatus, undefined]
  if (rule !== undefined) {
    const sent = rule.code === null ? null : (sentAs[code] ?? code)
    return openAiError(rule.status, sent, rule.message, null, rule.type)
  }
  if (!Number.isInteger(status) || status < 200 || status > 599) return undefined
  return openAiError(status, null, `Status ${status}.`, null, status < 500 ? invalid : 'server_error')
}

const codeOfKind: Readonly<Record<Violation['kind'], string>> = {
  missing: 'missing_required_parameter',
  unknown: 'unknown_parameter',
  type: 'invalid_type',
  value: 'invalid_value',
  too_long: 'string_above_max_length',
  too_many: 'array_above_max_length',
  too_small: 'number_below_min_value',
  too_large: 'number_above_max_value',
  empty: 'empty_array',
}

/** Makes the 400 for a violation of the request's shape. */
export const refusalOf = (violation: Violation): Reply =>
  openAiError(400, codeOfKind[violation.kind], violation.message, violation.path)

// Errors as OpenAI's clients know them (https://platform.openai.com/docs/guides/error-codes), with our reason as the code.
import type { Reason } from '../../core/errors.ts'
import { paramOf, type Told } from '../http/errors.ts'
import type { ErrorShape } from '../http/reply.ts'

/** The errors of the door. */
export const openAiErrors: ErrorShape = {
  body: told => ({ error: errorOf(told) }),
  // A stream that broke has no [DONE] behind this.
  frames: told => [{ data: { error: errorOf(told) } }],
}

/** One error. */
export function errorOf(told: Told): Record<string, unknown> {
  const { error } = told
  return {
    message: error.message,
    type: typeOf(told),
    param: paramOf(error) ?? null,
    code: error.reason.toLowerCase(),
  }
}

const TYPES: Partial<Record<Reason, string>> = {
  UNAUTHENTICATED: 'authentication_error',
  PERMISSION_DENIED: 'permission_error',
  RATE_LIMITED: 'rate_limit_error',
  TOO_MANY_CALLS: 'rate_limit_error',
  UPSTREAM_LIMITED: 'rate_limit_error',
  BUDGET_SPENT: 'insufficient_quota',
}

function typeOf({ error, status }: Told): string {
  return TYPES[error.reason] ?? (status < 500 ? 'invalid_request_error' : 'server_error')
}

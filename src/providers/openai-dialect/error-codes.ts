// What error codes, types and HTTP statuses mean on every host of the chat completions wire.
import type { ErrorClass } from './dialect.ts'

/** Codes, and types that say as much as a code. They win over the HTTP status. */
export const codes: ReadonlyMap<string, ErrorClass> = new Map<string, ErrorClass>([
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

/** Types too general to say more than a status does. They count only where there is no status: in a 200. */
export const kinds: ReadonlyMap<string, ErrorClass> = new Map<string, ErrorClass>([
  ['invalid_request_error', 'bad_request'],
  ['unsupported_parameter', 'bad_request'],
  ['unsupported_value', 'bad_request'],
  ['unknown_parameter', 'bad_request'],
  ['invalid_value', 'bad_request'],
])

/** HTTP statuses, where no code says more. */
export const statuses: ReadonlyMap<number, ErrorClass> = new Map<number, ErrorClass>([
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
  // GLM: no permission for the API, and a file of more than 100 MB.
  [434, 'permission'],
  [435, 'bad_request'],
  [501, 'unsupported'],
  [502, 'overloaded'],
  [503, 'overloaded'],
  [504, 'timeout'],
  [529, 'overloaded'],
])

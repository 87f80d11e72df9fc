// Every error code in the tables of the four providers, and what must come of a call that meets it first.
import { PROVIDERS, type ProviderName, type Scenario, type Want } from './scenario.ts'
import { both, goesOn, meeting, met, stops } from './wants.ts'

/** Kinds of trouble; each has one expectation. */
type Trouble =
  | 'auth'
  | 'permission'
  | 'quota'
  | 'rate limit'
  | 'plan window'
  | 'overloaded'
  | 'server'
  | 'timeout'
  | 'bad request'
  | 'too long'
  | 'content'
  | 'not found'

/** What must come of each kind while there is a fallback with a larger window. */
const wants = {
  auth: goesOn('UPSTREAM_CREDENTIALS'),
  permission: goesOn('UPSTREAM_CREDENTIALS'),
  quota: goesOn('UPSTREAM_CREDENTIALS'),
  'rate limit': goesOn('UPSTREAM_LIMITED'),
  'plan window': goesOn('UPSTREAM_LIMITED'),
  overloaded: goesOn('UPSTREAM_UNAVAILABLE'),
  server: goesOn('UPSTREAM_UNAVAILABLE'),
  timeout: goesOn('UPSTREAM_UNAVAILABLE'),
  'bad request': stops('INVALID_REQUEST'),
  'too long': goesOn('CONTEXT_TOO_LONG'),
  content: goesOn('CONTENT_REFUSED'),
  'not found': goesOn('MODEL_NOT_FOUND'),
} as const satisfies Record<Trouble, unknown>

/** Codes of OpenAI (platform.openai.com/docs/guides/error-codes), under the names that its double gives them. */
const openai: Readonly<Record<string, Trouble>> = {
  unsupported_parameter: 'bad request',
  unsupported_value: 'bad request',
  invalid_value: 'bad request',
  unknown_parameter: 'bad request',
  invalid_image_url: 'bad request',
  string_above_max_length: 'bad request',
  context_length_exceeded: 'too long',
  content_policy_violation: 'content',
  invalid_prompt: 'content',
  invalid_api_key: 'auth',
  invalid_organization: 'auth',
  unsupported_country_region_territory: 'permission',
  model_not_found: 'not found',
  timeout: 'timeout',
  conflict: 'server',
  payload_too_large: 'bad request',
  unprocessable: 'bad request',
  rate_limit_exceeded: 'rate limit',
  tokens_exceeded: 'rate limit',
  // It will never fit into the limit of tokens a minute.
  request_too_large: 'bad request',
  insufficient_quota: 'quota',
  billing_hard_limit_reached: 'quota',
  resource_unavailable: 'overloaded',
  server_error: 'server',
  bad_gateway: 'server',
  overloaded: 'overloaded',
  gateway_timeout: 'timeout',
}

/** Business codes of GLM (docs.z.ai/api-reference/api-code). */
const glm: Readonly<Record<string, Trouble>> = {
  '500': 'server',
  '1200': 'server',
  '1230': 'server',
  '1234': 'server',
  '1000': 'auth',
  '1001': 'auth',
  '1002': 'auth',
  '1003': 'auth',
  '1004': 'auth',
  '1100': 'auth',
  '1110': 'auth',
  '1111': 'auth',
  '1112': 'auth',
  '1120': 'auth',
  '1121': 'auth',
  '1113': 'quota',
  '1210': 'bad request',
  '1211': 'not found',
  '1212': 'not found',
  '1221': 'not found',
  '1222': 'not found',
  '1213': 'bad request',
  '1214': 'bad request',
  '1215': 'bad request',
  '1220': 'permission',
  '1231': 'bad request',
  '1261': 'too long',
  '1300': 'permission',
  '1301': 'content',
  '1302': 'rate limit',
  '1303': 'rate limit',
  '1304': 'plan window',
  '1305': 'overloaded',
  '1308': 'plan window',
  '1309': 'quota',
  '1310': 'plan window',
  '1311': 'permission',
  '1313': 'plan window',
}

/** Error types of Kimi (platform.moonshot.ai/docs/api/chat), under the names that its double gives them. */
const kimi: Readonly<Record<string, Trouble>> = {
  content_filter: 'content',
  input_too_long: 'too long',
  token_limit: 'too long',
  message_size: 'too long',
  invalid_request_error: 'bad request',
  invalid_authentication_error: 'auth',
  incorrect_api_key_error: 'auth',
  membership: 'quota',
  permission_denied_error: 'permission',
  coding_agents_only: 'permission',
  resource_not_found_error: 'not found',
  request_too_large: 'bad request',
  engine_overloaded_error: 'overloaded',
  exceeded_current_quota_error: 'quota',
  insufficient_balance: 'quota',
  rate_limit_reached_error: 'rate limit',
  max_concurrency: 'rate limit',
  tokens_per_minute: 'rate limit',
  tokens_per_day: 'plan window',
  rate_limit_error: 'plan window',
  server_error: 'server',
  unexpected_output: 'server',
  overloaded: 'overloaded',
}

/** Business codes of MiniMax (platform.minimax.io/docs/api-reference/errorcode); most of them come under status 200. */
const minimax: Readonly<Record<string, Trouble>> = {
  '1000': 'server',
  '1013': 'server',
  '1024': 'server',
  '1033': 'server',
  '1001': 'timeout',
  '1002': 'rate limit',
  '1004': 'auth',
  '1008': 'quota',
  '1026': 'content',
  '1027': 'content',
  '1028': 'quota',
  '1030': 'quota',
  '1039': 'rate limit',
  '1041': 'rate limit',
  '1042': 'bad request',
  '1043': 'bad request',
  '2013': 'bad request',
  '2037': 'bad request',
  '2039': 'bad request',
  '2042': 'permission',
  '2045': 'rate limit',
  '2048': 'bad request',
  '2049': 'auth',
  '2056': 'plan window',
  '2061': 'permission',
  '2062': 'rate limit',
  '2064': 'overloaded',
  '20132': 'bad request',
}

/** The tables by provider. */
export const codes: Readonly<Record<ProviderName, Readonly<Record<string, Trouble>>>> = {
  openai,
  glm,
  kimi,
  minimax,
}

// The business codes of these two are a fault of their own, since they may come in a stream or under status 200.
const faultOf = (provider: ProviderName, code: string): string =>
  provider === 'glm' || provider === 'minimax' ? `code=${code}` : `error=${code}`

// Theirs are numbers, and the route shows them as they came.
const withCode = (want: Want, provider: ProviderName, code: string): Want =>
  provider === 'glm' || provider === 'minimax'
    ? {
        ...want,
        attempts: want.attempts.map((one, index) => (index === 0 ? { ...one, upstreamCode: code } : one)),
      }
    : want

/** A scenario for every code of every provider. */
export const codeScenarios: readonly Scenario[] = PROVIDERS.flatMap(provider =>
  Object.entries(codes[provider]).map(
    ([code, trouble]): Scenario => ({
      name: `code ${code}`,
      shows: `answers its error ${code}`,
      why: `It means: ${trouble}.`,
      cases: both(met(meeting(faultOf(provider, code)), withCode(wants[trouble], provider, code))),
      providers: [provider],
    }),
  ),
)

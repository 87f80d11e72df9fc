// Kimi of Moonshot AI (platform.moonshot.ai/docs/api/chat).
import type { WebSearch } from '#gen/exai/v1/chat_pb'
import type { Provider } from '../core/provider.ts'
import { countWays } from './count-upstream.ts'
import { hasObjectRoot } from './json-schema.ts'
import { createKimiFiles } from './kimi-files.ts'
import { moonshotSchema } from './kimi-schema.ts'
import type { Fields } from './merge.ts'
import { type Dialect, everyStep } from './openai-dialect/dialect.ts'
import { createHost } from './openai-dialect/host.ts'
import type { Note } from './openai-dialect/notes.ts'
import type { ProviderSettings } from './settings.ts'

const BASE_URL = 'https://api.moonshot.ai/v1'
/** Its own search, run by Kimi when the call comes back unchanged. */
const WEB_SEARCH = '$web_search'

const on = { toggle: 'enabled' } as const
const off = { toggle: 'disabled' } as const
const low = { effort: 'low' } as const
const high = { effort: 'high' } as const
const max = { effort: 'max' } as const

/** What Kimi takes and refuses. */
export const kimiDialect: Dialect = {
  outputCap: 'max_completion_tokens',
  // Partial mode (platform.moonshot.ai/docs/guide/use-partial-mode-feature-of-kimi-api).
  prefill: 'partial',
  thinkerSystemRole: 'system',
  user: { field: 'safety_identifier', charsMax: 64 },
  takes: {
    seed: false,
    parallelToolCalls: false,
    toolStrict: true,
    promptCacheKey: true,
    serviceTier: false,
  },
  metadata: 'never',
  stopMax: 5,
  stopBytesMax: 32,
  stopForThinkers: true,
  // Any other than its own is refused (Bike4Mind/bike4mind#1089).
  temperature: { kind: 'omit' },
  callIdCharsMax: 64,
  toolChoices: ['none', 'auto', 'required', 'named'],
  toolChoiceRules: [
    { models: /^kimi-k2\.[56]/, whileThinking: ['none', 'auto'], switchesOff: true },
    { models: /^kimi-k2/, whileThinking: ['none', 'auto'], switchesOff: false },
    // Only these take `required` while they think (UKGovernmentBEIS/inspect_ai#5152).
    { models: /^kimi-k(?:[3-9]|\d\d)/, whileThinking: ['none', 'auto', 'required'], switchesOff: false },
  ],
  toolNames: /^[a-zA-Z_][a-zA-Z0-9_-]{2,63}$/,
  media: ['image_url', 'video_url'],
  // External URLs are refused, not fetched.
  mediaOnlyData: ['image_url', 'video_url'],
  imageDetails: [],
  responseForms: ['json_object', 'json_schema'],
  adaptSchema: moonshotSchema,
  schemaFits: hasObjectRoot,
  streamUsage: true,
  // An empty text is refused, and with it a `content` beside tool calls.
  plainStrings: true,
  reasoningEcho: 'reasoning_content',
  // A call without it is refused while the model thinks, and an empty one by some (openclaw#59689).
  reasoningStandIn: ' ',
  toolEffort: [],
  thinking: [
    {
      models: /^kimi-k2\.[56]/,
      steps: { ...everyStep(on), none: off },
    },
    {
      // k2.7 refuses to be switched off (can1357/oh-my-pi#3853).
      models: /^kimi-k2/,
      steps: everyStep({}),
    },
    {
      // No `thinking` beside it: both are refused together (HKUDS/nanobot#3939).
      models: /^kimi-k(?:[3-9]|\d\d)/,
      steps: { none: low, minimal: low, low, medium: high, high, xhigh: max, max },
    },
  ],
  webSearch: searchTool,
  searchCall: WEB_SEARCH,
  errorCodes: {
    content_filter: 'content_filter',
    invalid_request_error: 'bad_request',
    invalid_authentication_error: 'auth',
    incorrect_api_key_error: 'auth',
    permission_denied_error: 'permission',
    resource_not_found_error: 'not_found',
    engine_overloaded_error: 'overloaded',
    exceeded_current_quota_error: 'quota',
    rate_limit_reached_error: 'rate_limit',
    // Kimi Code says so when the window of the plan is used up (Astro-Han/pawwork#740), but perhaps not only then.
    rate_limit_error: { as: 'plan_window', cooldownMs: 300_000 },
    server_error: 'server',
    unexpected_output: 'server',
  },
  // One type is for several kinds, and only its fixed words tell them apart.
  errorPhrases: [
    {
      within: 'bad_request',
      pattern: /^(?:Invalid request: )?Input token length too long/,
      as: 'context_length',
    },
    {
      within: 'bad_request',
      pattern: /^(?:Invalid request: )?Your request exceeded model token limit: \d+/,
      as: 'context_length',
    },
    {
      within: 'bad_request',
      pattern: /^(?:Invalid request: )?total message size \d+ exceeds limit \d+/,
      as: 'context_length',
    },
    { within: 'rate_limit', pattern: /^Your account .*\breached (?:max )?TPD\b/, as: 'plan_window' },
    {
      within: 'rate_limit',
      pattern: /^Your account .*\breached max (?:organization )?concurrency\b/,
      as: 'concurrency',
    },
  ],
  resetZone: '+08:00',
  finishReasons: {},
}

function searchTool({ maxResults, domains }: WebSearch, note: Note): Fields {
  if (maxResults !== undefined) note('DROPPED', 'web_search.max_results', 'the search takes no such field')
  if (domains.length > 0) note('DROPPED', 'web_search.domains', 'the search takes no such field')
  return { type: 'builtin_function', function: { name: WEB_SEARCH } }
}

/** Makes the provider for Kimi. */
export function createKimi(settings: ProviderSettings): Provider {
  const { id, keys, baseUrl = BASE_URL } = settings
  return createHost(settings, {
    baseUrl,
    dialect: kimiDialect,
    unusableReason: keys.length === 0 ? `${id} has no key: set KIMI_API_KEY` : '',
    countWay: countWays.kimi,
    kind: 'kimi',
    files: createKimiFiles,
  })
}

// GLM of Z.AI and Zhipu BigModel (docs.z.ai/api-reference/llm/chat-completion).
import { FinishReason, type WebSearch } from '#gen/exai/v1/chat_pb'
import type { Provider } from '../core/provider.ts'
import { countWays } from './count-upstream.ts'
import { keysOf } from './keyed.ts'
import type { Fields } from './merge.ts'
import { type Dialect, everyStep, takesNothing } from './openai-dialect/dialect.ts'
import { createHost } from './openai-dialect/host.ts'
import type { Note } from './openai-dialect/notes.ts'
import type { ProviderSettings } from './settings.ts'

// There is no `/v1` in it.
const BASE_URL = 'https://api.z.ai/api/paas/v4'
const HOUR_MS = 3_600_000

/** What GLM's error codes mean (docs.z.ai/api-reference/api-code); its 429 is for speed, money, plans and bans alike. */
const errorCodes: Dialect['errorCodes'] = {
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
  '1120': { as: 'auth', cooldownMs: 5000 },
  '1121': 'auth',
  // No money, no package, or a key of a coding plan at the URL of the general API.
  '1113': 'quota',
  '1210': 'bad_request',
  '1211': 'not_found',
  '1212': 'not_found',
  '1213': 'bad_request',
  '1214': 'bad_request',
  '1215': 'bad_request',
  '1220': 'permission',
  '1221': 'not_found',
  '1222': 'not_found',
  '1231': 'bad_request',
  '1261': 'context_length',
  '1300': 'permission',
  '1301': 'content_filter',
  '1302': 'concurrency',
  '1303': 'rate_limit',
  '1304': 'plan_window',
  '1305': 'overloaded',
  '1308': 'plan_window',
  '1309': 'quota',
  '1310': 'plan_window',
  '1311': 'permission',
  // The Fair Usage Policy blocks for hours, and does not say how many.
  '1313': { as: 'plan_window', cooldownMs: 4 * HOUR_MS },
}

const on = { toggle: 'enabled' } as const
const off = { toggle: 'disabled' } as const
const low = { effort: 'low' } as const
const high = { effort: 'high' } as const
const max = { effort: 'max' } as const

/** What GLM takes and refuses; the search engine depends on the country. */
export const glmDialect = (searchEngine: string): Dialect => ({
  outputCap: 'max_tokens',
  // `developer` is refused as 1214 (vastsa/PI-Desktop#30).
  thinkerSystemRole: 'system',
  user: { field: 'user_id', charsMin: 6, charsMax: 128 },
  takes: takesNothing,
  metadata: 'never',
  stopMax: 1,
  stopForThinkers: true,
  temperature: { kind: 'range', min: 0, max: 1, minExcluded: false },
  topPMin: 0.01,
  callIdCharsMax: 64,
  toolChoices: ['auto'],
  // From 4.6 on; without it a call comes whole.
  toolStream: /^glm-(?:4\.[6-9]|[5-9]|\d\d)/,
  media: ['image_url', 'video_url', 'file_url'],
  mediaOnlyUrls: ['video_url', 'file_url'],
  mediaApart: ['file_url'],
  imageDetails: [],
  responseForms: ['json_object'],
  // The counts come without asking.
  streamUsage: false,
  // A list in the turn of a tool or the assistant is dropped in silence (BerriAI/litellm#25868).
  plainStrings: true,
  reasoningEcho: 'reasoning_content',
  clearThinking: /^glm-(?:4\.[5-9]|[5-9]|\d\d)/,
  toolEffort: [],
  thinking: [
    {
      // They cannot be told not to think (charmbracelet/catwalk#603): 1210.
      models: /^glm-(?:5\.[3-9]|[6-9]|\d\d)/,
      steps: { none: low, minimal: low, low, medium: high, high, xhigh: max, max },
    },
    {
      models: /^glm-5\.2/,
      steps: {
        none: off,
        minimal: { effort: 'minimal' },
        low,
        medium: { effort: 'medium' },
        high,
        xhigh: { effort: 'xhigh' },
        max,
      },
    },
    { models: /^/, steps: { ...everyStep(on), none: off } },
  ],
  webSearch: (search, note) => searchTool(searchEngine, search, note),
  // Else its errors are in Chinese, and the ends of limits in them cannot be read.
  headers: { 'accept-language': 'en-US,en' },
  attemptId: 'request_id',
  thinkTags: true,
  strayTags: ['<|begin_of_box|>', '<|end_of_box|>'],
  errorCodes,
  resetZone: '+08:00',
  finishReasons: {
    sensitive: FinishReason.CONTENT_FILTER,
    model_context_window_exceeded: FinishReason.LENGTH,
  },
})

function searchTool(engine: string, { maxResults, domains }: WebSearch, note: Note): Fields {
  if (domains.length > 1)
    note('CLAMPED', 'web_search.domains', 'only the first is sent, the most that it takes')
  return {
    type: 'web_search',
    web_search: {
      enable: true,
      search_engine: engine,
      search_result: true,
      count: maxResults,
      search_domain_filter: domains[0],
    },
  }
}

/** What BigModel takes at once (docs.bigmodel.cn): 64 texts, and of the older model 8,000 tokens in all. */
const embeddings: Dialect['embeddings'] = {
  rules: [
    { models: /^embedding-2$/, inputsMax: 64, bytesMax: 8_000, shortens: false },
    { models: /^/, inputsMax: 64, shortens: true },
  ],
  base64: false,
  takesUser: false,
}

/** Makes the provider for GLM, in either country. */
export function createGlm(settings: ProviderSettings): Provider {
  const { id, keys, baseUrl = BASE_URL } = settings
  const isChina = /^https?:\/\/(?:[^/]*\.)?bigmodel\.cn(?:[:/]|$)/.test(baseUrl)
  // Which key is taken is not known before: one without embeddings is enough.
  const isInternational = keysOf(settings)
    .map(key => key.baseUrl ?? baseUrl)
    .some(url => /^https?:\/\/(?:[^/]*\.)?z\.ai(?:[:/]|$)/.test(url))
  return createHost(settings, {
    baseUrl,
    dialect: {
      ...glmDialect(isChina ? 'search_std' : 'search_pro_jina'),
      // Z.AI has none.
      embeddings: isInternational ? undefined : embeddings,
    },
    unusableReason: keys.length === 0 ? `${id} has no key: set GLM_API_KEY` : '',
    countWay: countWays.glm,
    kind: 'glm',
  })
}

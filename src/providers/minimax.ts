// MiniMax on its chat completions endpoint (platform.minimax.io/docs/api-reference/text-openai-api).
import { FinishReason } from '#gen/exai/v1/chat_pb'
import type { Provider } from '../core/provider.ts'
import { createMiniMaxFiles } from './minimax-files.ts'
import { type Dialect, everyStep, takesNothing } from './openai-dialect/dialect.ts'
import { createHost } from './openai-dialect/host.ts'
import type { ProviderSettings } from './settings.ts'

const BASE_URL = 'https://api.minimax.io/v1'
const MINUTE_MS = 60_000

/** What MiniMax's business codes mean. They are no HTTP statuses, and come under status 200 as well. */
const errorCodes: Dialect['errorCodes'] = {
  '1000': 'server',
  '1001': 'timeout',
  '1002': 'rate_limit',
  // Also a key of another region.
  '1004': 'auth',
  '1008': 'quota',
  '1013': 'server',
  '1024': 'server',
  '1026': 'content_filter',
  '1027': 'content_filter',
  '1028': 'quota',
  '1030': 'quota',
  '1033': 'server',
  '1039': 'rate_limit',
  '1041': 'concurrency',
  '1042': 'bad_request',
  '1043': 'bad_request',
  '2013': 'bad_request',
  '2037': 'bad_request',
  '2039': 'bad_request',
  '2042': 'permission',
  // Traffic grew too fast: it has to grow again slowly.
  '2045': { as: 'rate_limit', cooldownMs: 10_000 },
  '2048': 'bad_request',
  '2049': 'auth',
  '2056': 'plan_window',
  '2061': 'permission',
  '2062': { as: 'rate_limit', cooldownMs: MINUTE_MS },
  // It "recovers in 1 to 5 minutes".
  '2064': { as: 'overloaded', cooldownMs: MINUTE_MS },
  '20132': 'bad_request',
  authorized_error: 'auth',
  insufficient_balance_error: 'quota',
  bad_request_error: 'bad_request',
  timeout_error: 'timeout',
  api_error: 'server',
}

const low = { effort: 'low' } as const

/** What MiniMax takes and refuses. */
export const miniMaxDialect: Dialect = {
  outputCap: 'max_completion_tokens',
  // `developer` is refused as 422 (diegosouzapw/OmniRoute#494).
  thinkerSystemRole: 'system',
  // A second one, or one in the middle, is refused as 2013 (MiniMax-AI/MiniMax-M2#51).
  oneSystemMessage: true,
  takes: takesNothing,
  serviceTiers: { models: /^MiniMax-M3(?:-highspeed)?$/, values: ['priority'] },
  metadata: 'never',
  stopMax: 16,
  stopForThinkers: true,
  // M3.1-Flash takes them and goes on.
  stopsHere: true,
  temperature: { kind: 'range', min: 0, max: 1, minExcluded: true },
  callIdCharsMax: 64,
  toolChoices: ['auto'],
  media: ['image_url', 'video_url'],
  imageDetails: ['low', 'high'],
  responseForms: [],
  streamUsage: true,
  plainStrings: true,
  // Else the history is refused as 2013 (DeepScientist#48).
  argumentsJson: true,
  reasoningEcho: 'reasoning_content',
  reasoningDetails: true,
  // All but M3.1 know their thoughts by the tags; a client that lost the details still has the text.
  reasoningInText: /^MiniMax-M(?:2|3(?!\.1))/,
  toolEffort: [],
  thinking: [
    {
      models: /^MiniMax-M3\.1/,
      steps: {
        none: low,
        minimal: low,
        low,
        medium: { effort: 'medium' },
        high: { effort: 'high' },
        xhigh: { effort: 'xhigh' },
        max: { effort: 'max' },
      },
    },
    {
      // `enabled` is unknown to it (CodexPlusPlus#267).
      models: /^MiniMax-M3/,
      steps: { ...everyStep({ toggle: 'adaptive' }), none: { toggle: 'disabled' } },
    },
    {
      models: /^/,
      steps: everyStep({}),
    },
  ],
  // Must be a boolean (RakuenSoftware/aimee#761); without it thoughts stand in the text.
  always: { reasoning_split: true },
  thinkTags: true,
  // Some hosts repeat, others do not (MiniMax-AI/MiniMax-M2#95).
  cumulative: true,
  errorCodes,
  codeInMessage: true,
  resetZone: '+08:00',
  finishReasons: { max_output: FinishReason.LENGTH },
}

/** Makes the provider for MiniMax. */
export function createMiniMax(settings: ProviderSettings): Provider {
  const { id, keys, baseUrl = BASE_URL } = settings
  return createHost(settings, {
    baseUrl,
    dialect: miniMaxDialect,
    unusableReason: keys.length === 0 ? `${id} has no key: set MINIMAX_API_KEY` : '',
    kind: 'minimax',
    files: createMiniMaxFiles,
  })
}

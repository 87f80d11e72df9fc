// OpenAI on its chat completions endpoint (platform.openai.com/docs/api-reference/chat).
import type { Provider } from '../core/provider.ts'
import type { Dialect } from './openai-dialect/dialect.ts'
import { createHost } from './openai-dialect/host.ts'
import type { ProviderSettings } from './settings.ts'

const BASE_URL = 'https://api.openai.com/v1'

/** What OpenAI takes and refuses. */
export const openAiDialect: Dialect = {
  // Counts reasoning, too; o-series and gpt-5 refuse `max_tokens`.
  outputCap: 'max_completion_tokens',
  thinkerSystemRole: 'developer',
  user: { field: 'safety_identifier', charsMax: 64 },
  takes: { seed: true, parallelToolCalls: true, toolStrict: true, promptCacheKey: true, serviceTier: true },
  metadata: 'with_store',
  stopMax: 4,
  stopForThinkers: false,
  callIdCharsMax: 40,
  toolChoices: ['none', 'auto', 'required', 'named'],
  media: ['image_url', 'input_audio', 'file'],
  responseForms: ['json_object', 'json_schema'],
  streamUsage: true,
  toolEffort: [
    // Refused when an effort is sent (openai/openai-openapi#541).
    { models: /^gpt-5\.[45](?![0-9])/, whenAbsent: false },
    // Refused even without, since these think by default (livekit/agents#7169).
    { models: /^gpt-(?:5\.[6-9]|[6-9]|\d\d)/, whenAbsent: true },
  ],
  errorCodes: {},
  finishReasons: {},
}

/** Makes the provider for OpenAI, or for a host that speaks exactly as OpenAI does. */
export function createOpenAi(settings: ProviderSettings): Provider {
  const keyless = settings.keys.length === 0
  return createHost(settings, {
    baseUrl: settings.baseUrl ?? BASE_URL,
    dialect: openAiDialect,
    unusableReason: keyless ? `${settings.id} has no key: set OPENAI_API_KEY` : '',
  })
}

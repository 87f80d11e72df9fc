// OpenAI on its chat completions endpoint, and on its Responses endpoint where a model or its tools need that one.
import { systemClock } from '../core/clock.ts'
import type { AttemptInput, CountInput, Provider } from '../core/provider.ts'
import type { Access } from './access.ts'
import { countWays } from './count-upstream.ts'
import { fileFormsFor } from './file-forms.ts'
import type { FormEndpoint } from './given.ts'
import { createKeyedProvider, keysOf } from './keyed.ts'
import { createChat } from './openai-dialect/chat.ts'
import type { Dialect } from './openai-dialect/dialect.ts'
import { createEmbed } from './openai-dialect/embed.ts'
import { createAsides } from './openai-dialect/host.ts'
import { createRedactor, secretsOf } from './openai-dialect/redact.ts'
import type { ChatDeps } from './openai-dialect/wire-chat.ts'
import { createOpenAiKeyFiles } from './openai-file-api.ts'
import { createResponsesChat } from './openai-responses/chat.ts'
import { needsResponses } from './openai-responses/needs.ts'
import { buildRequest } from './openai-responses/request.ts'
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
  // It has the type and the code of a limit, and will never fit into it.
  errorPhrases: [{ within: 'rate_limit', pattern: /^Request too large for /, as: 'bad_request' }],
  finishReasons: {},
  embeddings: {
    rules: [
      // 2,048 texts and 300,000 tokens are its own limits; while so many long vectors are read, nobody else is served.
      { models: /^text-embedding-ada-/, inputsMax: 512, bytesMax: 300_000, shortens: false },
      { models: /^/, inputsMax: 512, bytesMax: 300_000, shortens: true },
    ],
    base64: true,
    takesUser: true,
  },
}

/** Whether a stored file of the chat is taken there only. */
function wantsResponses({ model, files }: AttemptInput): boolean {
  if (files === undefined || !model.endpoints.includes('responses')) return false
  return [...files.stored.values()].some(({ mimeType, sizeBytes, text }) => {
    const takes = (endpoint: FormEndpoint) =>
      fileFormsFor('openai', { mimeType, sizeBytes, model: model.id, endpoint }).some(
        ({ form }) => form === 'inline' || form === 'uploaded',
      )
    return text.state !== 'ready' && takes('responses') && !takes('chat/completions')
  })
}

/** Makes the provider for OpenAI, or for a host that speaks exactly as OpenAI does. */
export function createOpenAi(settings: ProviderSettings): Provider {
  const { id, clock = systemClock } = settings
  const dialect = { ...openAiDialect, ...settings.quirks }
  const redact = createRedactor(secretsOf(keysOf(settings), settings.headers))
  const deps: ChatDeps = { provider: id, dialect, clock, redact }
  const chat = createChat(deps)
  const responses = createResponsesChat(deps)
  const endpointOf = (input: AttemptInput): FormEndpoint =>
    needsResponses(input, dialect) || wantsResponses(input) ? 'responses' : 'chat/completions'
  // The only count that OpenAI has is that endpoint's.
  const bodyOf = async (input: CountInput) =>
    input.model.endpoints.includes('responses') ? buildRequest(input, dialect, id) : undefined
  return createKeyedProvider(settings, {
    baseUrl: settings.baseUrl ?? BASE_URL,
    unusableReason: settings.keys.length === 0 ? `${id} has no key: set OPENAI_API_KEY` : '',
    ask: (input, access) =>
      ((input.endpoint ?? endpointOf(input)) === 'responses' ? responses : chat)(input, access),
    embed: createEmbed(deps),
    files: {
      kind: 'openai',
      dialect,
      endpointOf,
      api: (access: Access) =>
        createOpenAiKeyFiles({ upstream: { provider: id, dialect, redact }, access, clock }),
    },
    ...createAsides({ upstream: { provider: id, dialect, redact }, clock, way: countWays.openai, bodyOf }),
  })
}

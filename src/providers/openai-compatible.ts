// Any host that speaks the chat completions wire: Ollama, vLLM, llama.cpp, DeepSeek, OpenRouter and their kin.
import { GatewayError } from '../core/errors.ts'
import type { Provider } from '../core/provider.ts'
import type { Dialect } from './openai-dialect/dialect.ts'
import { createHost } from './openai-dialect/host.ts'
import { type Preset, presets } from './presets.ts'
import type { ProviderSettings } from './settings.ts'

/** What such hosts have in common; `quirks` in the settings say what is different about one. */
export const compatibleDialect: Dialect = {
  // The older name is the one that all of them read (Ollama ignores the newer one).
  outputCap: 'max_tokens',
  thinkerSystemRole: 'system',
  user: { field: 'user', charsMax: 256 },
  takes: { seed: true, parallelToolCalls: true, toolStrict: true, promptCacheKey: false, serviceTier: false },
  metadata: 'never',
  stopMax: 16,
  stopForThinkers: true,
  callIdCharsMax: 40,
  toolChoices: ['none', 'auto', 'required', 'named'],
  media: ['image_url', 'input_audio', 'file'],
  responseForms: ['json_object', 'json_schema'],
  streamUsage: true,
  toolEffort: [],
  thinkTags: true,
  errorCodes: {},
  finishReasons: {},
  // What hosts take at once is between ten texts and any number; their vectors may be of 4,096 numbers.
  embeddings: { rules: [{ models: /^/, inputsMax: 128, shortens: true }], base64: false, takesUser: true },
}

/** Makes a provider for such a host. It needs a base URL or a preset; without keys it sends none. */
export function createOpenAiCompatible(settings: ProviderSettings): Provider {
  const { id } = settings
  const preset: Preset | undefined = settings.preset === undefined ? undefined : presets[settings.preset]
  const baseUrl = settings.baseUrl ?? preset?.baseUrl
  if (baseUrl === undefined)
    throw new GatewayError('INVALID_REQUEST', `${id} has no base URL: set one in its settings`)
  const dialect = { ...compatibleDialect, ...preset?.quirks }
  return createHost(settings, { baseUrl, dialect, unusableReason: '', kind: 'openai-compatible' })
}

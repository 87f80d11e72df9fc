// What the contract comes to with a compatible host that is told nothing of but where it is and how it takes thoughts.
import { assumedEntry } from '../../../src/catalogue/configured.ts'
import { createOpenAiCompatible } from '../../../src/providers/openai-compatible.ts'
import type { ProviderSpec } from '../../suites/provider-spec.ts'
import { startUpstream } from '../../support/upstream/openai.ts'
import { openAi } from './openai.ts'

// The double lets only its thinkers be told how much to think.
const thinker = assumedEntry('local', 'gpt-5.2')

/** A compatible host. */
export const compatible: ProviderSpec = {
  name: 'openai-compatible',
  title: 'Compatible',
  id: 'local',
  model: assumedEntry('local', 'test-model'),
  make: baseUrl =>
    createOpenAiCompatible({
      id: 'local',
      baseUrl,
      keys: ['test-key'],
      quirks: { reasoningEcho: 'reasoning', stopMax: 4 },
    }),
  upstream: {
    start: () => startUpstream({ extraAssistantFields: ['reasoning'] }),
    usage: { inputTokens: 3, outputTokens: 5, reasoningTokens: 0 },
    faults: openAi.upstream?.faults ?? {},
    errorIn200: { fault: 'error-200=server_error', reason: 'UPSTREAM_UNAVAILABLE', against: 'provider' },
    errorAfter: events => `error-after-events=${events}`,
    finishWords: { length: 'length', contentFilter: 'content_filter' },
    thinking: { faults: ['reasoning=Hm hm.'] },
    replayed: {
      messages: [
        { role: 'user' },
        { role: 'assistant', reasoning: 'Hm hm.', tool_calls: [{ type: 'function' }] },
        { role: 'tool', content: '18 degrees' },
        { role: 'user' },
        { role: 'assistant', reasoning: 'Hm hm.', tool_calls: [{ type: 'function' }] },
        { role: 'tool', content: '19 degrees' },
      ],
    },
  },
  ownFields: { logit_bias: { 50256: -100 } },
  cells: {
    system: { outcome: 'native', body: { messages: [{ role: 'system' }, { role: 'user' }] } },
    effort: { outcome: 'native', model: thinker, body: { reasoning_effort: 'low' } },
    'no-thinking': { outcome: 'native', model: thinker, body: { reasoning_effort: 'none' } },
    'many-stops': { outcome: 'warned', warnings: ['CLAMPED stop'], body: { stop: ['a1', 'b2', 'c3', 'd4'] } },
    'json-schema': { outcome: 'native', body: { response_format: { type: 'json_schema' } } },
    'pdf-url': 'refused',
    'video-url': 'refused',
    'web-search': { outcome: 'warned', warnings: ['DROPPED web_search'] },
    cap: { outcome: 'native', body: { max_tokens: 4000 }, without: ['max_completion_tokens'] },
    user: { outcome: 'native', body: { user: 'customer-4711' } },
    'cache-key': { outcome: 'warned', warnings: ['DROPPED prompt_cache_key'] },
    tier: { outcome: 'warned', warnings: ['DROPPED service_tier'] },
    labels: { outcome: 'emulated', without: ['metadata'] },
    several: 'refused',
  },
}

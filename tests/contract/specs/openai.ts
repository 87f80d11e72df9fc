// What the contract comes to with OpenAI, on each of its two endpoints.
import { expect } from 'vitest'
import { ReasoningEffort } from '#gen/exai/v1/chat_pb'
import { createOpenAi } from '../../../src/providers/openai.ts'
import type { ProviderSpec, UpstreamSpec } from '../../suites/provider-spec.ts'
import { startUpstream } from '../../support/upstream/openai.ts'
import { known } from '../../unit/providers/known.ts'

const faults: UpstreamSpec['faults'] = {
  'refused key': {
    fault: 'error=invalid_api_key',
    reason: 'UPSTREAM_CREDENTIALS',
    against: 'key',
    trouble: 'auth',
  },
  'no money': {
    fault: 'error=insufficient_quota',
    reason: 'UPSTREAM_CREDENTIALS',
    against: 'key',
    trouble: 'quota',
  },
  'too fast': {
    fault: 'error=rate_limit_exceeded',
    reason: 'UPSTREAM_LIMITED',
    against: 'key',
    trouble: 'rate_limit',
  },
  overloaded: { fault: 'error=overloaded', reason: 'UPSTREAM_UNAVAILABLE', against: 'provider' },
  failed: { fault: 'error=server_error', reason: 'UPSTREAM_UNAVAILABLE', against: 'provider' },
  'took too long': { fault: 'error=gateway_timeout', reason: 'UPSTREAM_UNAVAILABLE', against: 'provider' },
  'bad request': { fault: 'error=invalid_value', reason: 'INVALID_REQUEST', against: 'nobody' },
  'too long': { fault: 'error=context_length_exceeded', reason: 'CONTEXT_TOO_LONG', against: 'nobody' },
  'refused content': {
    fault: 'error=content_policy_violation',
    reason: 'CONTENT_REFUSED',
    against: 'nobody',
  },
  'no such model': { fault: 'error=model_not_found', reason: 'MODEL_NOT_FOUND', against: 'nobody' },
  'not permitted': {
    fault: 'error=unsupported_country_region_territory',
    reason: 'UPSTREAM_CREDENTIALS',
    against: 'key_model',
    trouble: 'permission',
  },
}

const upstream = {
  start: () => startUpstream(),
  faults,
  errorIn200: { fault: 'error-200=server_error', reason: 'UPSTREAM_UNAVAILABLE', against: 'provider' },
  errorAfter: (events: number) => `error-after-events=${events}`,
  finishWords: { length: 'length', contentFilter: 'content_filter' },
} as const

const make = (baseUrl: string) => createOpenAi({ id: 'openai', baseUrl, keys: ['test-key'] })

/** On chat completions. */
export const openAi: ProviderSpec = {
  name: 'openai',
  title: 'OpenAI',
  id: 'openai',
  model: known('gpt-5.4'),
  make,
  upstream: {
    ...upstream,
    usage: { inputTokens: 3, outputTokens: 5, reasoningTokens: 0 },
    replayed: { messages: [{}, { role: 'assistant' }, { role: 'tool' }, {}, {}, { role: 'tool' }] },
  },
  thinkingEffort: ReasoningEffort.HIGH,
  ownFields: { verbosity: 'low' },
  cells: {
    system: { outcome: 'native', body: { messages: [{ role: 'developer' }, { role: 'user' }] } },
    'later-system': {
      outcome: 'native',
      body: { messages: [{ role: 'user' }, { role: 'assistant' }, { role: 'developer' }, { role: 'user' }] },
    },
    thoughts: { outcome: 'none', body: { reasoning_effort: 'high' } },
    effort: { outcome: 'native', body: { reasoning_effort: 'low' } },
    'no-thinking': { outcome: 'native', body: { reasoning_effort: 'none' } },
    'tool-none': { outcome: 'native', body: { tool_choice: 'none' } },
    'tool-required': { outcome: 'native', body: { tool_choice: 'required' } },
    'tool-named': {
      outcome: 'native',
      body: { tool_choice: { type: 'function', function: { name: 'get_weather' } } },
    },
    'parallel-off': { outcome: 'native', body: { parallel_tool_calls: false } },
    'strict-tool': { outcome: 'native', body: { tools: [{ function: { strict: true } }] } },
    json: { outcome: 'native', body: { response_format: { type: 'json_object' } } },
    'json-schema': {
      outcome: 'native',
      body: { response_format: { type: 'json_schema', json_schema: { name: 'city', strict: true } } },
    },
    'pdf-url': 'refused',
    sound: 'refused',
    'video-url': 'refused',
    'web-search': { outcome: 'warned', warnings: ['DROPPED web_search'], without: ['web_search_options'] },
    stop: { outcome: 'warned', warnings: ['DROPPED stop'], without: ['stop'] },
    'many-stops': { outcome: 'warned', warnings: ['DROPPED stop'], without: ['stop'] },
    cap: { outcome: 'native', body: { max_completion_tokens: 4000 }, without: ['max_tokens'] },
    'high-cap': {
      outcome: 'warned',
      warnings: ['CLAMPED max_output_tokens'],
      body: { max_completion_tokens: 128_000 },
    },
    user: { outcome: 'native', body: { safety_identifier: 'customer-4711' }, without: ['user'] },
    labels: { outcome: 'emulated', without: ['metadata'] },
    several: 'refused',
  },
}

/** On the Responses endpoint. */
export const openAiResponses: ProviderSpec = {
  name: 'openai-responses',
  title: 'OpenAI, Responses',
  id: 'openai',
  // With both endpoints a model goes there only when it has to.
  model: { ...known('gpt-6-sol'), endpoints: ['responses'] },
  make,
  upstream: {
    ...upstream,
    usage: { inputTokens: 3, outputTokens: 21, reasoningTokens: 16 },
    replayed: {
      store: false,
      input: [
        { role: 'user' },
        { type: 'reasoning', encrypted_content: expect.any(String) },
        { type: 'function_call', name: 'get_weather' },
        { type: 'function_call_output', output: '18 degrees' },
        { role: 'user' },
        { type: 'reasoning', encrypted_content: expect.any(String) },
        { type: 'function_call' },
        { type: 'function_call_output', output: '19 degrees' },
      ],
    },
  },
  ownFields: { text: { verbosity: 'low' } },
  cells: {
    system: { outcome: 'native', body: { instructions: 'Be brief.' } },
    'later-system': {
      outcome: 'native',
      body: { input: [{ role: 'user' }, { role: 'assistant' }, { role: 'developer' }, { role: 'user' }] },
    },
    thoughts: { outcome: 'native', body: { reasoning: { summary: 'auto' }, store: false } },
    effort: { outcome: 'native', body: { reasoning: { effort: 'low' } } },
    'no-thinking': { outcome: 'native', body: { reasoning: { effort: 'none' } } },
    'tool-none': { outcome: 'native', body: { tool_choice: 'none' } },
    'tool-required': { outcome: 'native', body: { tool_choice: 'required' } },
    'tool-named': { outcome: 'native', body: { tool_choice: { type: 'function', name: 'get_weather' } } },
    'parallel-off': { outcome: 'native', body: { parallel_tool_calls: false } },
    'strict-tool': { outcome: 'native', body: { tools: [{ strict: true }] } },
    json: { outcome: 'native', body: { text: { format: { type: 'json_object' } } } },
    'json-schema': { outcome: 'native', body: { text: { format: { type: 'json_schema', name: 'city' } } } },
    'pdf-data': { outcome: 'native', model: { ...known('gpt-5.6-sol'), endpoints: ['responses'] } },
    'pdf-url': {
      outcome: 'native',
      model: { ...known('gpt-5.6-sol'), endpoints: ['responses'] },
    },
    sound: 'refused',
    'video-url': 'refused',
    'web-search': { outcome: 'warned', warnings: ['DROPPED web_search'] },
    temperature: { outcome: 'warned', warnings: ['DROPPED temperature'], without: ['temperature'] },
    'high-temperature': { outcome: 'warned', warnings: ['DROPPED temperature'], without: ['temperature'] },
    'top-p': { outcome: 'warned', warnings: ['DROPPED top_p'], without: ['top_p'] },
    stop: { outcome: 'warned', warnings: ['DROPPED stop'], without: ['stop'] },
    'many-stops': { outcome: 'warned', warnings: ['DROPPED stop'], without: ['stop'] },
    cap: { outcome: 'native', body: { max_output_tokens: 4000 } },
    'high-cap': {
      outcome: 'warned',
      warnings: ['CLAMPED max_output_tokens'],
      body: { max_output_tokens: 128_000 },
    },
    seed: { outcome: 'warned', warnings: ['DROPPED seed'], without: ['seed'] },
    user: { outcome: 'native', body: { safety_identifier: 'customer-4711' } },
    labels: { outcome: 'native', body: { metadata: { team: 'blue' } } },
    several: 'refused',
  },
}

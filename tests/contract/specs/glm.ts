// What the contract comes to with GLM.
import { createGlm } from '../../../src/providers/glm.ts'
import type { ProviderSpec } from '../../suites/provider-spec.ts'
import { startGlm } from '../../support/upstream/glm.ts'
import { known } from '../../unit/providers/known.ts'

const seeing = known('glm-5.3-flash')
const thought = 'Let me think about it.'
const called = { role: 'assistant', reasoning_content: thought, tool_calls: [{ type: 'function' }] }

/** GLM. */
export const glm: ProviderSpec = {
  name: 'glm',
  title: 'GLM',
  id: 'glm',
  model: known('glm-5.3'),
  make: baseUrl => createGlm({ id: 'glm', baseUrl, keys: ['test-key'] }),
  upstream: {
    start: () => startGlm(),
    usage: { inputTokens: 3, outputTokens: 10, reasoningTokens: 5 },
    faults: {
      'refused key': { fault: 'code=1000', reason: 'UPSTREAM_CREDENTIALS', against: 'key', trouble: 'auth' },
      'no money': { fault: 'code=1113', reason: 'UPSTREAM_CREDENTIALS', against: 'key', trouble: 'quota' },
      'too fast': { fault: 'code=1303', reason: 'UPSTREAM_LIMITED', against: 'key', trouble: 'rate_limit' },
      'too many at once': {
        fault: 'code=1302',
        reason: 'UPSTREAM_LIMITED',
        against: 'key',
        trouble: 'concurrency',
      },
      'plan used up': {
        fault: 'code=1308',
        reason: 'UPSTREAM_LIMITED',
        against: 'key',
        trouble: 'plan_window',
      },
      overloaded: { fault: 'code=1305', reason: 'UPSTREAM_UNAVAILABLE', against: 'provider' },
      failed: { fault: 'code=1234', reason: 'UPSTREAM_UNAVAILABLE', against: 'provider' },
      'bad request': { fault: 'code=1214', reason: 'INVALID_REQUEST', against: 'nobody' },
      'too long': { fault: 'code=1261', reason: 'CONTEXT_TOO_LONG', against: 'nobody' },
      'refused content': { fault: 'code=1301', reason: 'CONTENT_REFUSED', against: 'nobody' },
      'no such model': { fault: 'code=1211', reason: 'MODEL_NOT_FOUND', against: 'nobody' },
      'not permitted': {
        fault: 'code=1220',
        reason: 'UPSTREAM_CREDENTIALS',
        against: 'key_model',
        trouble: 'permission',
      },
    },
    errorIn200: { fault: 'error-200=1305', reason: 'UPSTREAM_UNAVAILABLE', against: 'provider' },
    errorAfter: events => `code-after-events=1234,${events}`,
    finishWords: { length: 'model_context_window_exceeded', contentFilter: 'sensitive' },
    replayed: {
      thinking: { type: 'enabled', clear_thinking: false },
      messages: [
        { role: 'user' },
        called,
        { role: 'tool', content: '18 degrees' },
        { role: 'user' },
        called,
        { role: 'tool', content: '19 degrees' },
      ],
    },
  },
  ownFields: { do_sample: false },
  cells: {
    system: { outcome: 'native', body: { messages: [{ role: 'system' }, { role: 'user' }] } },
    effort: { outcome: 'native', body: { reasoning_effort: 'low' } },
    'no-thinking': {
      outcome: 'warned',
      warnings: ['CHANGED reasoning_effort'],
      body: { reasoning_effort: 'low' },
      without: ['thinking'],
    },
    'tool-none': { outcome: 'emulated', without: ['tools', 'tool_choice'] },
    'tool-required': { outcome: 'warned', warnings: ['CHANGED tool_choice'], body: { tool_choice: 'auto' } },
    'tool-named': { outcome: 'warned', warnings: ['CHANGED tool_choice'], body: { tool_choice: 'auto' } },
    'parallel-off': {
      outcome: 'warned',
      warnings: ['DROPPED parallel_tool_calls'],
      without: ['parallel_tool_calls'],
    },
    'strict-tool': { outcome: 'warned', warnings: ['DROPPED tools[0].strict'] },
    'json-schema': {
      outcome: 'emulated',
      warnings: ['SCHEMA_EMULATED response_format'],
      body: { response_format: { type: 'json_object' } },
    },
    'image-data': { outcome: 'native', model: seeing },
    'image-url': { outcome: 'native', model: seeing },
    'pdf-data': { outcome: 'refused', model: seeing },
    'pdf-url': { outcome: 'native', model: seeing },
    sound: 'refused',
    'video-url': { outcome: 'native', model: seeing },
    'web-search': {
      outcome: 'native',
      body: {
        tools: [{ type: 'web_search', web_search: { enable: true, search_engine: 'search_pro_jina' } }],
      },
    },
    'high-temperature': { outcome: 'warned', warnings: ['CLAMPED temperature'], body: { temperature: 1 } },
    'many-stops': { outcome: 'warned', warnings: ['CLAMPED stop'], body: { stop: ['a1'] } },
    cap: { outcome: 'native', body: { max_tokens: 4000 }, without: ['max_completion_tokens'] },
    'high-cap': { outcome: 'warned', warnings: ['CLAMPED max_output_tokens'], body: { max_tokens: 131_072 } },
    seed: { outcome: 'warned', warnings: ['DROPPED seed'], without: ['seed'] },
    user: { outcome: 'native', body: { user_id: 'customer-4711' }, without: ['user', 'safety_identifier'] },
    'cache-key': { outcome: 'warned', warnings: ['DROPPED prompt_cache_key'], without: ['prompt_cache_key'] },
    tier: { outcome: 'warned', warnings: ['DROPPED service_tier'], without: ['service_tier'] },
    labels: { outcome: 'emulated', without: ['metadata'] },
    several: 'refused',
  },
}

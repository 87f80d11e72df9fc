// What the contract comes to with MiniMax.
import { createMiniMax } from '../../../src/providers/minimax.ts'
import type { ProviderSpec } from '../../suites/provider-spec.ts'
import { startMiniMax } from '../../support/upstream/minimax.ts'
import { known } from '../../unit/providers/known.ts'

const called = {
  role: 'assistant',
  reasoning_details: [{ type: 'reasoning.text', text: 'Let me think about it.' }],
  tool_calls: [{ type: 'function' }],
}

/** MiniMax. */
export const miniMax: ProviderSpec = {
  name: 'minimax',
  title: 'MiniMax',
  id: 'minimax',
  model: known('MiniMax-M3'),
  make: baseUrl => createMiniMax({ id: 'minimax', baseUrl, keys: ['test-key'] }),
  upstream: {
    start: () => startMiniMax(),
    usage: { inputTokens: 3, outputTokens: 10, reasoningTokens: 5 },
    faults: {
      'refused key': { fault: 'code=2049', reason: 'UPSTREAM_CREDENTIALS', against: 'key', trouble: 'auth' },
      'no money': { fault: 'code=1008', reason: 'UPSTREAM_CREDENTIALS', against: 'key', trouble: 'quota' },
      'too fast': { fault: 'code=1002', reason: 'UPSTREAM_LIMITED', against: 'key', trouble: 'rate_limit' },
      'too many at once': {
        fault: 'code=1041',
        reason: 'UPSTREAM_LIMITED',
        against: 'key',
        trouble: 'concurrency',
      },
      'plan used up': {
        fault: 'code=2056',
        reason: 'UPSTREAM_LIMITED',
        against: 'key',
        trouble: 'plan_window',
      },
      overloaded: { fault: 'code=2064', reason: 'UPSTREAM_UNAVAILABLE', against: 'provider' },
      failed: { fault: 'code=1000', reason: 'UPSTREAM_UNAVAILABLE', against: 'provider' },
      'took too long': { fault: 'code=1001', reason: 'UPSTREAM_UNAVAILABLE', against: 'provider' },
      'bad request': { fault: 'code=2013', reason: 'INVALID_REQUEST', against: 'nobody' },
      'refused content': { fault: 'code=1026', reason: 'CONTENT_REFUSED', against: 'nobody' },
      'not permitted': {
        fault: 'code=2061',
        reason: 'UPSTREAM_CREDENTIALS',
        against: 'key_model',
        trouble: 'permission',
      },
    },
    errorIn200: { fault: 'code=1013', reason: 'UPSTREAM_UNAVAILABLE', against: 'provider' },
    errorAfter: events => `code-after-events=1000,${events}`,
    finishWords: { length: 'max_output', contentFilter: 'content_filter' },
    replayed: {
      reasoning_split: true,
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
  ownFields: { thinking: { type: 'disabled' } },
  cells: {
    system: { outcome: 'native', body: { messages: [{ role: 'system' }, { role: 'user' }] } },
    'later-system': {
      outcome: 'warned',
      warnings: ['CHANGED messages[2]'],
      body: { messages: [{ role: 'system', content: 'Be brief.' }, {}, {}, {}] },
    },
    thoughts: { outcome: 'native', body: { reasoning_split: true } },
    effort: { outcome: 'native', model: known('MiniMax-M3.1-Flash'), body: { reasoning_effort: 'low' } },
    'no-thinking': { outcome: 'native', body: { thinking: { type: 'disabled' } } },
    'tool-none': { outcome: 'emulated', without: ['tools', 'tool_choice'] },
    'tool-required': { outcome: 'warned', warnings: ['CHANGED tool_choice'], body: { tool_choice: 'auto' } },
    'tool-named': { outcome: 'warned', warnings: ['CHANGED tool_choice'], body: { tool_choice: 'auto' } },
    'parallel-off': {
      outcome: 'warned',
      warnings: ['DROPPED parallel_tool_calls'],
      without: ['parallel_tool_calls'],
    },
    'strict-tool': { outcome: 'warned', warnings: ['DROPPED tools[0].strict'] },
    json: {
      outcome: 'emulated',
      warnings: ['SCHEMA_EMULATED response_format'],
      without: ['response_format'],
    },
    'json-schema': {
      outcome: 'emulated',
      warnings: ['SCHEMA_EMULATED response_format'],
      without: ['response_format'],
    },
    'pdf-data': 'refused',
    'pdf-url': 'refused',
    sound: 'refused',
    'web-search': { outcome: 'warned', warnings: ['DROPPED web_search'], without: ['tools'] },
    'high-temperature': { outcome: 'warned', warnings: ['CLAMPED temperature'], body: { temperature: 1 } },
    stop: { outcome: 'emulated', without: ['stop'] },
    'many-stops': { outcome: 'emulated', without: ['stop'] },
    cap: { outcome: 'native', body: { max_completion_tokens: 4000 }, without: ['max_tokens'] },
    'high-cap': {
      outcome: 'warned',
      warnings: ['CLAMPED max_output_tokens'],
      body: { max_completion_tokens: 128_000 },
    },
    seed: { outcome: 'warned', warnings: ['DROPPED seed'], without: ['seed'] },
    user: { outcome: 'warned', warnings: ['DROPPED user'], without: ['user', 'safety_identifier'] },
    'cache-key': { outcome: 'warned', warnings: ['DROPPED prompt_cache_key'], without: ['prompt_cache_key'] },
    tier: { outcome: 'native', body: { service_tier: 'priority' } },
    labels: { outcome: 'emulated', without: ['metadata'] },
    several: 'refused',
  },
}

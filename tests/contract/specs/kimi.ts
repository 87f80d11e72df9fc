// What the contract comes to with Kimi.

import { expect } from 'vitest'
import { createKimi } from '../../../src/providers/kimi.ts'
import type { ProviderSpec } from '../../suites/provider-spec.ts'
import { startKimi } from '../../support/upstream/kimi.ts'
import { known } from '../../unit/providers/known.ts'

const called = {
  role: 'assistant',
  reasoning_content: expect.stringMatching(/^Let me think about what was said/),
  tool_calls: [{ type: 'function' }],
}

/** Kimi. */
export const kimi: ProviderSpec = {
  name: 'kimi',
  title: 'Kimi',
  id: 'kimi',
  model: known('kimi-k3'),
  make: baseUrl =>
    createKimi({
      id: 'kimi',
      baseUrl,
      keys: ['test-key'],
      fetchMedia: async url => ({
        bytes: Buffer.from(url),
        mimeType: url.endsWith('mp4') ? 'video/mp4' : 'image/png',
      }),
    }),
  upstream: {
    start: () => startKimi(),
    // At its usual effort the double thinks 128 tokens.
    usage: { inputTokens: 3, outputTokens: 133, reasoningTokens: 128 },
    faults: {
      'refused key': {
        fault: 'error=incorrect_api_key_error',
        reason: 'UPSTREAM_CREDENTIALS',
        against: 'key',
        trouble: 'auth',
      },
      'no money': {
        fault: 'error=exceeded_current_quota_error',
        reason: 'UPSTREAM_CREDENTIALS',
        against: 'key',
        trouble: 'quota',
      },
      'too fast': {
        fault: 'error=rate_limit_reached_error:7',
        reason: 'UPSTREAM_LIMITED',
        against: 'key',
        trouble: 'rate_limit',
      },
      'too many at once': {
        fault: 'error=max_concurrency:1',
        reason: 'UPSTREAM_LIMITED',
        against: 'key',
        trouble: 'concurrency',
      },
      'day used up': {
        fault: 'error=tokens_per_day:60',
        reason: 'UPSTREAM_LIMITED',
        against: 'key',
        trouble: 'plan_window',
      },
      overloaded: {
        fault: 'error=engine_overloaded_error',
        reason: 'UPSTREAM_UNAVAILABLE',
        against: 'provider',
      },
      failed: { fault: 'error=unexpected_output', reason: 'UPSTREAM_UNAVAILABLE', against: 'provider' },
      'bad request': { fault: 'error=invalid_request_error', reason: 'INVALID_REQUEST', against: 'nobody' },
      'too long': { fault: 'error=token_limit', reason: 'CONTEXT_TOO_LONG', against: 'nobody' },
      'refused content': { fault: 'error=content_filter', reason: 'CONTENT_REFUSED', against: 'nobody' },
      'no such model': {
        fault: 'error=resource_not_found_error',
        reason: 'MODEL_NOT_FOUND',
        against: 'nobody',
      },
      'not permitted': {
        fault: 'error=permission_denied_error',
        reason: 'UPSTREAM_CREDENTIALS',
        against: 'key_model',
        trouble: 'permission',
      },
    },
    errorIn200: {
      fault: 'error-200=engine_overloaded_error',
      reason: 'UPSTREAM_UNAVAILABLE',
      against: 'provider',
    },
    errorAfter: events => `error-after-events=${events}`,
    finishWords: { length: 'length', contentFilter: 'content_filter' },
    replayed: {
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
  ownFields: { logprobs: false },
  cells: {
    system: { outcome: 'native', body: { messages: [{ role: 'system' }, { role: 'user' }] } },
    thoughts: { outcome: 'native', without: ['thinking'] },
    effort: { outcome: 'native', body: { reasoning_effort: 'low' } },
    'no-thinking': {
      outcome: 'warned',
      warnings: ['CHANGED reasoning_effort'],
      body: { reasoning_effort: 'low' },
      without: ['thinking'],
    },
    'tool-none': { outcome: 'native', body: { tool_choice: 'none' } },
    'tool-required': { outcome: 'native', body: { tool_choice: 'required' } },
    'tool-named': {
      outcome: 'warned',
      warnings: ['CHANGED tool_choice'],
      body: { tool_choice: 'required', tools: [{ function: { name: 'get_weather' } }] },
    },
    'parallel-off': {
      outcome: 'warned',
      warnings: ['DROPPED parallel_tool_calls'],
      without: ['parallel_tool_calls'],
    },
    'strict-tool': { outcome: 'native', body: { tools: [{ function: { strict: true } }] } },
    json: { outcome: 'native', body: { response_format: { type: 'json_object' } } },
    'json-schema': { outcome: 'native', body: { response_format: { type: 'json_schema' } } },
    'image-url': {
      outcome: 'emulated',
      body: {
        messages: [
          {
            content: [
              { type: 'text' },
              {
                image_url: {
                  url: `data:image/png;base64,${Buffer.from('https://images.example/pixel.png').toString('base64')}`,
                },
              },
            ],
          },
        ],
      },
    },
    'pdf-data': 'refused',
    'pdf-url': 'refused',
    sound: 'refused',
    'video-url': 'emulated',
    'web-search': {
      outcome: 'native',
      body: { tools: [{ type: 'builtin_function', function: { name: '$web_search' } }] },
    },
    temperature: { outcome: 'warned', warnings: ['DROPPED temperature'], without: ['temperature'] },
    'high-temperature': { outcome: 'warned', warnings: ['DROPPED temperature'], without: ['temperature'] },
    'top-p': { outcome: 'warned', warnings: ['DROPPED top_p'], without: ['top_p'] },
    'many-stops': {
      outcome: 'warned',
      warnings: ['CLAMPED stop'],
      body: { stop: ['a1', 'b2', 'c3', 'd4', 'e5'] },
    },
    cap: { outcome: 'native', body: { max_completion_tokens: 4000 }, without: ['max_tokens'] },
    'high-cap': {
      outcome: 'warned',
      // With the whole window as its cap no question would fit in.
      model: { ...known('kimi-k3'), maxOutputTokens: 131_072 },
      warnings: ['CLAMPED max_output_tokens'],
      body: { max_completion_tokens: 131_072 },
    },
    seed: { outcome: 'warned', warnings: ['DROPPED seed'], without: ['seed'] },
    user: { outcome: 'native', body: { safety_identifier: 'customer-4711' }, without: ['user'] },
    'cache-key': { outcome: 'native', body: { prompt_cache_key: 'session-1' } },
    tier: { outcome: 'warned', warnings: ['DROPPED service_tier'], without: ['service_tier'] },
    labels: { outcome: 'emulated', without: ['metadata'] },
    several: 'refused',
  },
}

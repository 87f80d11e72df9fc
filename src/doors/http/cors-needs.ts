// What a browser must be allowed to send and read so that the SDKs of these APIs work from a page.
import type { CorsNeeds } from '../../server/cors.ts'

/** Methods and headers of OpenAI's and Anthropic's SDKs, and of callers without one. */
export const httpCorsNeeds: CorsNeeds = {
  methods: ['GET', 'POST', 'DELETE'],
  requestHeaders: [
    'content-type',
    'idempotency-key',
    'openai-organization',
    'openai-project',
    'anthropic-version',
    'anthropic-beta',
    'anthropic-dangerous-direct-browser-access',
    ...['lang', 'package-version', 'os', 'arch', 'runtime', 'runtime-version', 'retry-count', 'timeout'].map(
      name => `x-stainless-${name}`,
    ),
    ...['helper', 'helper-method', 'async', 'read-timeout', 'poll-helper', 'custom-poll-interval'].map(
      name => `x-stainless-${name}`,
    ),
  ],
  responseHeaders: ['retry-after', 'retry-after-ms', 'x-should-retry', 'request-id'].concat(
    ['limit', 'remaining', 'reset'].flatMap(what => [
      `x-ratelimit-${what}-requests`,
      `x-ratelimit-${what}-tokens`,
      `anthropic-ratelimit-requests-${what}`,
      `anthropic-ratelimit-tokens-${what}`,
    ]),
  ),
}

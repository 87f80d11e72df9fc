// Checks the Kimi adapter through real sockets against a strict double: answers, tools, search, media, refusals.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { FinishReason, ReasoningEffort, Role, ToolChoice_Mode } from '#gen/exai/v1/chat_pb'
import type { Provider } from '../../../src/core/provider.ts'
import { createKimi } from '../../../src/providers/kimi.ts'
import { startKimi } from '../../support/upstream/kimi.ts'
import type { Upstream } from '../../support/upstream/server.ts'
import { attempt, collect, failure, textOf, user } from './attempt.ts'
import {
  call,
  callsOf,
  countsOf,
  known,
  mediaUrl,
  result,
  said,
  text,
  thought,
  thoughtsOf,
  weather,
} from './known.ts'

type Init = Parameters<typeof attempt>[0]

let double: Upstream
let kimi: Provider

beforeAll(async () => {
  double = await startKimi()
})
const fresh = (): Provider => {
  kimi = createKimi({
    id: 'kimi',
    baseUrl: double.url,
    keys: ['test-key'],
    fetchMedia: async url => ({ bytes: Buffer.from(`bytes of ${url}`), mimeType: 'image/png' }),
  })
  return kimi
}
afterEach(() => kimi.close())
afterAll(() => double.close())

const saying = (value: string, more: Init = {}): Init => ({ messages: [user(value)], ...more })
const lastBody = (): unknown => double.requests.at(-1)?.body
const models = ['kimi-k3.1-pro', 'kimi-k3', 'kimi-k2.7-code', 'kimi-k2.6', 'kimi-k2.5']

describe.each([true, false])('an answer of Kimi with stream %s', stream => {
  const ask = (init: Init, model = 'kimi-k3') =>
    collect(fresh().open(attempt(init, { stream, model: known(model) })))

  it.each(models)('of %s is its thoughts, its text, its counts and its finish', async model => {
    const init: Init = {
      promptCacheKey: `cache of ${model} ${stream}`,
      temperature: 0.3,
      stop: ['x'.repeat(40)],
    }
    const messages = [said(Role.SYSTEM, text('Be brief')), user('Hi')]
    await ask({ ...init, messages }, model)
    const deltas = await ask({ ...init, messages }, model)
    expect(thoughtsOf(deltas)).toMatch(/^Let me think about what was said/)
    expect(textOf(deltas)).toBe('You said: Hi')
    const counts = countsOf(deltas)
    expect(counts?.reasoningTokens).toBeGreaterThan(0)
    // The double has the cached tokens at the top only, as Kimi does.
    expect([counts?.inputTokens, counts?.cachedInputTokens]).toEqual([3, 2])
    expect(deltas.at(-1)).toEqual({ type: 'finish', reason: FinishReason.STOP })
    expect(deltas).toContainEqual({
      type: 'meta',
      metadata: { request_id: expect.stringMatching(/^\w{32}$/) },
    })
  })

  it.each([
    'usage-in-choice',
    'usage-in-final-chunk',
    'usage-in-own-chunk',
    'usage-everywhere',
    'cached-in-details',
  ])('has its counts with %s', async fault => {
    const deltas = await ask(saying(`[[fault:${fault}]]Hi`))
    expect(countsOf(deltas)).toMatchObject({ inputTokens: 1, outputTokens: expect.any(Number) })
  })

  it.each(models)('of %s comes at every effort and every choice of tools', async model => {
    for (const reasoningEffort of [
      ReasoningEffort.NONE,
      ReasoningEffort.MEDIUM,
      ReasoningEffort.UNSPECIFIED,
    ]) {
      for (const mode of [ToolChoice_Mode.NONE, ToolChoice_Mode.AUTO, ToolChoice_Mode.REQUIRED]) {
        const toolChoice = { choice: { case: 'mode', value: mode } } as const
        const deltas = await ask(
          saying('call the tool', { tools: [weather], toolChoice, reasoningEffort }),
          model,
        )
        expect(callsOf(deltas)).toHaveLength(mode === ToolChoice_Mode.NONE ? 0 : 1)
      }
    }
  })

  it('goes on after calls whose thoughts are lost, are its own, or were another provider’s', async () => {
    for (const model of models) {
      for (const thoughts of [[], [thought('Hm.', 'kimi')], [thought('Hm.', 'glm', Buffer.from('seal'))]]) {
        const turn = said(Role.ASSISTANT, ...thoughts, text('Let me see.'), call('call_1'))
        const messages = [user('Weather?'), turn, result('call_1', '18 degrees')]
        expect(textOf(await ask({ messages, tools: [weather] }, model))).toBe('The tool said: 18 degrees')
      }
    }
  })

  it('searches the web by sending the call back, and counts both requests', async () => {
    const before = double.requests.length
    const deltas = await ask(saying('News?', { webSearch: {} }))
    expect(callsOf(deltas)).toEqual([])
    expect(textOf(deltas)).toContain('web results for News?')
    const [first, second, ...more] = double.requests.slice(before)
    expect(more).toEqual([])
    expect(second?.body).toMatchObject({
      messages: [
        { role: 'user' },
        {
          role: 'assistant',
          tool_calls: [{ type: 'builtin_function' }],
          reasoning_content: expect.any(String),
        },
        { role: 'tool', content: expect.stringContaining('"search_id": "s\\u002d') },
      ],
    })
    expect(first?.body).not.toBe(second?.body)
    // Billed by the piece, and each request by its own size.
    expect(countsOf(deltas)).toMatchObject({ searches: 1, parts: [{ searches: 1 }, {}] })
    expect(countsOf(deltas)?.parts?.[1]).not.toHaveProperty('searches')
    // The question twice, and the results once.
    expect(countsOf(deltas)?.inputTokens).toBeGreaterThan(250)
    expect(deltas.filter(({ type }) => type === 'finish')).toEqual([
      { type: 'finish', reason: FinishReason.STOP },
    ])
  })

  it('hands out the caller’s calls when the model searches beside them', async () => {
    double.next({
      answer: {
        toolCalls: [
          { id: 'call_s', name: '$web_search', arguments: '{"search_result":{}}' },
          { id: 'call_w', name: 'get_weather', arguments: '{"city":"Bern"}' },
        ],
      },
    })
    const deltas = await ask(saying('Both', { webSearch: {}, tools: [weather] }))
    expect(callsOf(deltas)).toEqual([['get_weather', '{"city":"Bern"}']])
    expect(deltas.at(-1)).toEqual({ type: 'finish', reason: FinishReason.TOOL_CALLS })
  })

  it('searches at most four times for one answer', async () => {
    const search = { id: 'call_s', name: '$web_search', arguments: '{"search_result":{}}' }
    const before = double.requests.length
    double.next({ answer: { toolCalls: [search] }, times: 4 })
    const deltas = await ask(saying('Search on', { webSearch: {} }))
    expect(textOf(deltas)).not.toBe('')
    expect(double.requests.length - before).toBe(5)
    expect(lastBody()).not.toHaveProperty('tools')
  })

  it('follows a schema in any flavour', async () => {
    const schema = {
      type: 'object',
      properties: { home: { $ref: '#/$defs/place' }, note: { type: ['string', 'null'] } },
      required: ['home'],
      $defs: { place: { type: 'object', properties: { city: { enum: ['Bern'] } } } },
    }
    const responseFormat = { format: { case: 'jsonSchema', value: { name: 'trip', schema } } } as const
    const input = attempt(saying('Where?', { responseFormat }), { stream, model: known('kimi-k3') })
    expect(JSON.parse(textOf(await collect(fresh().open(input))))).toEqual({
      home: { city: 'Bern' },
      note: 'text',
    })
    expect(input.warnings).toEqual([])
    expect(lastBody()).toMatchObject({
      response_format: { type: 'json_schema', json_schema: { strict: true } },
    })
  })

  it('has the bytes of an image instead of its URL', async () => {
    const picture = mediaUrl('image/png', 'https://example.com/a.png', 'auto')
    await ask({ messages: [said(Role.USER, text('Look'), picture)] })
    const url = `data:image/png;base64,${Buffer.from('bytes of https://example.com/a.png').toString('base64')}`
    expect(lastBody()).toMatchObject({ messages: [{ content: [{}, { image_url: { url } }] }] })
  })

  it('calls tools under names that Kimi does not take', async () => {
    const tools = [{ name: 'go' }, { name: '2nd_tool' }]
    const toolChoice = { choice: { case: 'toolName', value: '2nd_tool' } } as const
    const deltas = await ask(saying('call the tool', { tools, toolChoice }))
    expect(callsOf(deltas).map(([name]) => name)).toEqual(['2nd_tool'])
  })
})

describe('a refusal of Kimi', () => {
  const refused = async (fault: string, stream = false) => {
    const input = attempt(saying(`${fault}Hi`), { stream, model: known('kimi-k3') })
    return (await failure(fresh().open(input))).error
  }

  it.each([
    ['content_filter', 'CONTENT_REFUSED', 'nobody', undefined],
    ['input_too_long', 'CONTEXT_TOO_LONG', 'nobody', undefined],
    ['token_limit', 'CONTEXT_TOO_LONG', 'nobody', undefined],
    ['message_size', 'CONTEXT_TOO_LONG', 'nobody', undefined],
    ['invalid_request_error', 'INVALID_REQUEST', 'nobody', undefined],
    ['invalid_authentication_error', 'UPSTREAM_CREDENTIALS', 'key', 'auth'],
    ['incorrect_api_key_error', 'UPSTREAM_CREDENTIALS', 'key', 'auth'],
    ['membership', 'UPSTREAM_CREDENTIALS', 'key', 'quota'],
    ['permission_denied_error', 'UPSTREAM_CREDENTIALS', 'key_model', 'permission'],
    ['coding_agents_only', 'UPSTREAM_CREDENTIALS', 'key_model', 'permission'],
    ['resource_not_found_error', 'MODEL_NOT_FOUND', 'nobody', undefined],
    ['request_too_large', 'INVALID_REQUEST', 'nobody', undefined],
    ['engine_overloaded_error', 'UPSTREAM_UNAVAILABLE', 'provider', undefined],
    ['exceeded_current_quota_error', 'UPSTREAM_CREDENTIALS', 'key', 'quota'],
    ['insufficient_balance', 'UPSTREAM_CREDENTIALS', 'key', 'quota'],
    ['rate_limit_reached_error', 'UPSTREAM_LIMITED', 'key', 'rate_limit'],
    ['tokens_per_minute', 'UPSTREAM_LIMITED', 'key', 'rate_limit'],
    ['tokens_per_day', 'UPSTREAM_LIMITED', 'key', 'plan_window'],
    ['max_concurrency', 'UPSTREAM_LIMITED', 'key', 'concurrency'],
    ['rate_limit_error', 'UPSTREAM_LIMITED', 'key', 'plan_window'],
    ['server_error', 'UPSTREAM_UNAVAILABLE', 'provider', undefined],
    ['unexpected_output', 'UPSTREAM_UNAVAILABLE', 'provider', undefined],
    ['overloaded', 'UPSTREAM_UNAVAILABLE', 'provider', undefined],
  ])('for %s is %s, and counts against the %s as %s', async (fault, reason, against, keyTrouble) => {
    const { reason: told, details } = await refused(`[[fault:error=${fault}]]`)
    expect([told, details.against, details.keyTrouble]).toEqual([reason, against, keyTrouble])
  })

  it('says how long to wait, if only in words', async () => {
    expect((await refused('[[fault:error=rate_limit_reached_error:7]]')).details).toMatchObject({
      retryDelayMs: 7000,
      cooldownMs: 7000,
    })
    expect(
      (await refused('[[fault:error=rate_limit_reached_error:7]][[fault:retry-after=3]]')).details,
    ).toMatchObject({
      retryDelayMs: 3000,
    })
    expect((await refused('[[fault:error=engine_overloaded_error]]')).details.retryDelayMs).toBeUndefined()
  })

  it('in the middle of a stream breaks the answer', async () => {
    const error = await refused('[[fault:error-after-events=3]]', true)
    expect(error.reason).toBe('UPSTREAM_BROKEN')
  })

  it('comes before anything is asked when an image cannot be fetched', async () => {
    await fresh().close()
    const blind = createKimi({ id: 'kimi', baseUrl: double.url, keys: ['test-key'] })
    const before = double.requests.length
    const messages = [user('Hi'), said(Role.USER, mediaUrl('image/png', 'https://example.com/a.png'))]
    const { error } = await failure(blind.open(attempt({ messages }, { model: known('kimi-k3') })))
    await blind.close()
    expect([error.reason, error.message]).toEqual([
      'UNSUPPORTED',
      'messages[1].content[0]: kimi does not read URLs: send the bytes in data',
    ])
    expect(double.requests).toHaveLength(before)
  })
})

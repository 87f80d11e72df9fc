// Checks that the Kimi double refuses what Kimi refuses, each rule once, and takes what stands next to it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startKimi } from '../../support/upstream/kimi.ts'
import { at, type RawAnswer, rawCall } from '../../support/upstream/raw-call.ts'
import type { Upstream } from '../../support/upstream/server.ts'

let upstream: Upstream
beforeAll(async () => {
  upstream = await startKimi({
    models: ['kimi-k3', 'kimi-k3.1-pro', 'kimi-k2.7-code', 'kimi-k2.6', 'kimi-k2.5', 'moonshot-v1-8k'],
  })
})
afterAll(() => upstream.close())

const hi = { role: 'user', content: 'Hi' }
const chat = (more: object): Promise<RawAnswer> =>
  rawCall(upstream.url, { body: { model: 'kimi-k3', messages: [hi], ...more } })
const k25 = { model: 'kimi-k2.5' }
const k26 = { model: 'kimi-k2.6' }
const k27 = { model: 'kimi-k2.7-code' }
const moonshot = { model: 'moonshot-v1-8k' }
const off = { thinking: { type: 'disabled' } }
const fn = (name: string, more: object = {}) => ({ type: 'function', function: { name, ...more } })
const search = { type: 'builtin_function', function: { name: '$web_search' } }
const says = (...messages: readonly object[]) => ({ messages: [hi, ...messages] })
const parts = (...content: readonly unknown[]) => ({ messages: [{ role: 'user', content }] })
const image = (image_url: unknown) => ({ type: 'image_url', image_url })
const call = (id: string, name = 'look') => ({ id, type: 'function', function: { name, arguments: '{}' } })
const asks = (more: object, ...ids: readonly string[]) => ({
  role: 'assistant',
  tool_calls: ids.map(id => call(id)),
  ...more,
})
const result = (id: string, content = 'done') => ({ role: 'tool', tool_call_id: id, content })
const thought = { reasoning_content: 'Hm.' }
const named = { tool_choice: fn('look') }
const look = { tools: [fn('look')] }
const format = (schema: object) => ({
  response_format: { type: 'json_schema', json_schema: { name: 'thing', schema } },
})
const root = (properties: object) => ({ type: 'object', properties })
const texts = (count: number) => Array.from({ length: count }, (_, index) => `s${index}`)

/** What is sent, and a piece of the message of the 400 that answers it. */
const refused: readonly (readonly [string, object, string])[] = [
  ['the role developer', { messages: [{ role: 'developer', content: 'x' }] }, 'developer'],
  ['an empty text', { messages: [{ role: 'user', content: '' }] }, 'text content is empty'],
  ['an empty text part', parts({ type: 'text', text: '' }), 'text content is empty'],
  ['an empty tool result', says(asks(thought, 'a'), result('a', '')), 'text content is empty'],
  [
    'an empty text beside tool calls',
    says(asks({ ...thought, content: '' }, 'a'), result('a')),
    'text content is empty',
  ],
  ['an assistant turn of nothing', says({ role: 'assistant' }), 'must not be empty'],
  ['any temperature', { temperature: 0.3 }, 'invalid temperature: only 1 is allowed for this model'],
  [
    'the temperature of thought without thought',
    { ...k26, ...off, temperature: 1 },
    'invalid temperature: only 0.6 is allowed for this model',
  ],
  ['top_p', { top_p: 1 }, 'invalid top_p: only 0.95 is allowed'],
  ['n', { n: 2 }, 'invalid n: only 1 is allowed'],
  ['a presence penalty', { presence_penalty: 1 }, 'invalid presence_penalty: only 0'],
  ['a frequency penalty', { frequency_penalty: 1 }, 'invalid frequency_penalty: only 0'],
  ['a moonshot temperature above 1', { ...moonshot, temperature: 1.1 }, 'invalid temperature'],
  ['several moonshot answers at temperature 0', { ...moonshot, n: 2 }, 'invalid n'],
  ['six stop words', { stop: texts(6) }, 'stop'],
  ['a stop word of 33 bytes', { stop: `${'ü'.repeat(16)}x` }, '32 bytes'],
  ['seed', { seed: 1 }, 'seed'],
  ['top_k', { top_k: 1 }, 'top_k'],
  ['logit_bias', { logit_bias: {} }, 'logit_bias'],
  ['parallel_tool_calls', { ...look, parallel_tool_calls: true }, 'parallel_tool_calls'],
  ['service_tier', { service_tier: 'auto' }, 'service_tier'],
  ['store', { store: false }, 'store'],
  ['metadata', { metadata: {} }, 'metadata'],
  ['user', { user: 'u' }, 'user'],
  ['verbosity', { verbosity: 'low' }, 'verbosity'],
  ['a tool name of two characters', { tools: [fn('ab')] }, 'tools[0].function.name'],
  ['a tool name of 65 characters', { tools: [fn('a'.repeat(65))] }, 'tools[0].function.name'],
  ['a tool name that begins with a digit', { tools: [fn('1abc')] }, 'tools[0].function.name'],
  ['a function called like the search', { tools: [fn('$web_search')] }, 'tools[0].function.name'],
  ['another builtin', { tools: [{ ...search, function: { name: '$other' } }] }, '$web_search'],
  ['equal tool names', { tools: [fn('look'), fn('look')] }, 'function name look is duplicated'],
  ['129 tools', { tools: texts(129).map(name => fn(`tool_${name}`)) }, 'tools'],
  ['parameters that are no object', { tools: [fn('look', { parameters: { type: 'array' } })] }, 'root'],
  ['a choice without tools', { tool_choice: 'auto' }, 'tool_choice'],
  ['a named choice on k3', { ...look, ...named }, `'specified' is incompatible with thinking enabled`],
  [
    'a required choice on thinking k2.6',
    { ...k26, ...look, tool_choice: 'required' },
    `tool_choice 'required' is incompatible with thinking enabled`,
  ],
  ['a named choice on k2.7', { ...k27, ...look, ...named }, 'incompatible with thinking enabled'],
  ['a choice of a stranger', { ...k26, ...off, ...look, tool_choice: fn('other') }, 'other'],
  [
    'thinking and effort together',
    { thinking: { type: 'enabled' }, reasoning_effort: 'low' },
    `cannot specify both 'thinking' and 'reasoning_effort'`,
  ],
  ['effort on k2.6', { ...k26, reasoning_effort: 'low' }, 'reasoning_effort is not supported'],
  ['an effort of medium', { reasoning_effort: 'medium' }, 'reasoning_effort'],
  ['a thinking object on k3', { thinking: { type: 'enabled' } }, 'thinking is not supported by kimi-k3'],
  ['thinking off on k2.7', { ...k27, ...off }, 'only type=enabled is allowed'],
  ['keep on k2.5', { ...k25, thinking: { type: 'enabled', keep: 'all' } }, 'thinking.keep'],
  ['a schema whose root is no object', format({ type: 'array', items: { type: 'string' } }), 'root'],
  ['a property without type', format(root({ a: { enum: ['x'] } })), 'schema.a: type is not defined'],
  ['a type beside anyOf', format(root({ a: { type: 'string', anyOf: [{ type: 'string' }] } })), 'anyOf'],
  ['a tuple', format(root({ a: { type: 'array', items: [{ type: 'string' }] } })), 'prefixItems'],
  ['a reference', format({ ...root({ a: { $ref: '#/$defs/b' } }), $defs: {} }), '$ref is not supported'],
  [
    'a reference in parameters',
    { tools: [fn('look', { parameters: root({ a: { $ref: '#' } }) })] },
    '$ref is not supported',
  ],
  ['json_object without the word', { response_format: { type: 'json_object' } }, 'JSON'],
  [
    'json_object in partial mode',
    {
      ...says({ role: 'assistant', content: '{json', partial: true }),
      response_format: { type: 'json_object' },
    },
    'partial',
  ],
  ['partial before the end', says({ role: 'assistant', content: 'a', partial: true }, hi), 'partial'],
  ['an image by address', parts(image({ url: 'https://a/b.png' })), 'unsupported image url'],
  ['an image by address, as text', parts(image('http://a/b.png')), 'unsupported image url'],
  ['an image that was never uploaded', parts(image({ url: 'ms://file-1' })), 'no image file file-1'],
  ['audio', parts({ type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } }), 'input_audio'],
  ['a file part', parts({ type: 'file', file: { file_id: 'file-1' } }), 'file'],
  ['an image for moonshot-v1', { ...moonshot, ...parts(image('data:image/png;base64,AAAA')) }, 'images'],
  [
    'a tool call without its reasoning',
    says(asks(thought, 'a'), result('a'), asks({}, 'b'), result('b')),
    'thinking is enabled but reasoning_content is missing in assistant tool call message at index 3',
  ],
  [
    'a tool call with an empty reasoning',
    says(asks({ reasoning_content: '' }, 'a'), result('a')),
    'assistant tool call message at index 1',
  ],
  ['a result without call', says(result('a')), 'tool_call_id a is not found'],
  ['a call without result', says(asks(thought, 'a', 'b'), result('a'), hi), 'b'],
  ['a call id with a colon', says(asks(thought, 'look:0'), result('look:0')), 'tool_calls[0].id'],
  [
    'too many bytes',
    { messages: [{ role: 'user', content: 'x'.repeat(2_097_152) }] },
    'exceeds limit 2097152',
  ],
  ['too many tokens', { max_completion_tokens: 1_048_576 }, 'exceeded model token limit: 1048576'],
  ['cache options before k3.1', { prompt_cache_options: { ttl: '5m' } }, 'prompt_cache_options'],
  ['tools in a message before k3', { ...k26, ...says({ role: 'system', ...look }) }, 'tools in messages'],
  ['stream options without stream', { stream_options: { include_usage: true } }, 'stream_options'],
]

const accepted: readonly (readonly [string, object])[] = [
  ['its own fixed sampling', { temperature: 1, top_p: 0.95, n: 1 }],
  ['stop words up to 32 bytes', { stop: [...texts(4), 'ü'.repeat(16)] }],
  ['a tool name of three characters', { tools: [fn('abc', { strict: true, parameters: root({}) })] }],
  ['a required choice on k3', { ...look, tool_choice: 'required' }],
  ['a forced choice on k2.5 that does not think', { ...k25, ...off, ...look, ...named }],
  ['keep on k2.6', { ...k26, thinking: { type: 'enabled', keep: 'all' } }],
  ['an effort on k3', { reasoning_effort: 'high' }],
  ['a space as reasoning', says(asks({ reasoning_content: ' ' }, 'a'), result('a'))],
  ['no reasoning without thought', { ...k26, ...off, ...says(asks({}, 'a'), result('a')) }],
  [
    'branches with types and tuples by prefix',
    format(
      root({
        a: { anyOf: [{ type: 'string' }, { type: 'null' }] },
        b: { type: 'array', prefixItems: [{ type: 'string' }] },
      }),
    ),
  ],
  ['images as data', parts({ type: 'text', text: 'x' }, image('data:image/png;base64,AAAA'))],
  ['tools in a system message of k3', says({ role: 'system', ...look })],
  ['cache options on k3.1', { model: 'kimi-k3.1-pro', prompt_cache_options: { ttl: '1h' } }],
  ['both caps, of which the newer counts', { max_tokens: 1_048_576, max_completion_tokens: 900 }],
]

describe('Kimi refuses', () => {
  it.each(refused)('%s', async (_name, body, message) => {
    const answer = await chat(body)
    expect([answer.status, at(answer.json, 'error', 'type')]).toEqual([400, 'invalid_request_error'])
    expect(at(answer.json, 'error', 'message')).toContain(message)
  })

  it('a body that is no JSON, or not said to be', async () => {
    expect((await rawCall(upstream.url, { body: '{"model":' })).status).toBe(400)
    const headers = { 'content-type': 'text/plain' }
    expect(
      (await rawCall(upstream.url, { body: { model: 'kimi-k3', messages: [hi] }, headers })).status,
    ).toBe(400)
  })

  it('callers without a key, with a wrong key, and models it does not have', async () => {
    const status = async (authorization: string, model: string) => {
      const answer = await rawCall(upstream.url, {
        body: { model, messages: [hi] },
        headers: { authorization },
      })
      return [answer.status, at(answer.json, 'error', 'type')]
    }
    expect(await status('', 'kimi-k3')).toEqual([401, 'invalid_authentication_error'])
    expect(await status('Bearer other', 'kimi-k3')).toEqual([401, 'incorrect_api_key_error'])
    expect(await status('Bearer test-key', 'Kimi-K3')).toEqual([404, 'resource_not_found_error'])
  })

  it('paths it does not have', async () => {
    for (const path of ['/embeddings', '/v1/chat/completions', '/models/kimi-k3']) {
      expect((await rawCall(upstream.url, { path, body: {} })).status).toBe(404)
    }
  })
})

describe('Kimi takes', () => {
  it.each(accepted)('%s', async (_name, body) => {
    const answer = await chat(body)
    expect(answer.text).toContain('"object":"chat.completion"')
    expect(answer.status).toBe(200)
  })
})

// Checks that the GLM double refuses what GLM refuses or only pretends to take, each with its business code.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startGlm } from '../../support/upstream/glm.ts'
import { at, type RawAnswer, rawCall } from '../../support/upstream/raw-call.ts'
import type { Upstream } from '../../support/upstream/server.ts'

let upstream: Upstream
let china: Upstream
beforeAll(async () => {
  upstream = await startGlm()
  china = await startGlm({ bigModel: true })
})
afterAll(async () => {
  await upstream.close()
  await china.close()
})

const hi = { role: 'user', content: 'Hi' }
const chat = (more: object, url = upstream.url): Promise<RawAnswer> =>
  rawCall(url, { body: { model: 'glm-5.1', messages: [hi], ...more } })
const turns = (...messages: readonly object[]) => ({ messages })
const parts = (model: string, ...content: readonly object[]) => ({
  model,
  messages: [{ role: 'user', content }],
})
const image = (url: string) => ({ type: 'image_url', image_url: { url } })
const video = { type: 'video_url', video_url: { url: 'https://example.com/a.mp4' } }
const file = { type: 'file_url', file_url: { url: 'https://example.com/a.pdf' } }
const picture = image('https://example.com/a.png')
const many = (count: number, part: object) => Array.from({ length: count }, () => part)
const call = (id: string) => ({ id, type: 'function', function: { name: 'f', arguments: '{}' } })
const asks = (...ids: readonly string[]) => ({ role: 'assistant', tool_calls: ids.map(call) })
const result = (tool_call_id: string) => ({ role: 'tool', tool_call_id, content: 'done' })
const fn = (more: object = {}) => ({ type: 'function', function: { name: 'f', ...more } })
const search = (more: object) => ({
  tools: [{ type: 'web_search', web_search: { enable: true, search_engine: 'search_pro_jina', ...more } }],
})
const base64 = (bytes: number) => 'A'.repeat(Math.ceil((bytes * 4) / 3))

/** What is sent, and the code that answers it under HTTP 400. */
const refused: readonly (readonly [string, object, string])[] = [
  ['n', { n: 1 }, '1210'],
  ['logprobs', { logprobs: true }, '1210'],
  ['top_logprobs', { top_logprobs: 1 }, '1210'],
  ['logit_bias', { logit_bias: {} }, '1210'],
  ['frequency_penalty', { frequency_penalty: 0 }, '1210'],
  ['presence_penalty', { presence_penalty: 0 }, '1210'],
  ['parallel_tool_calls', { parallel_tool_calls: true }, '1210'],
  ['store', { store: false }, '1210'],
  ['metadata', { metadata: {} }, '1210'],
  ['service_tier', { service_tier: 'auto' }, '1210'],
  ['verbosity', { verbosity: 'low' }, '1210'],
  ['prompt_cache_key', { prompt_cache_key: 'k' }, '1210'],
  ['user', { user: 'someone' }, '1210'],
  ['seed', { seed: 1 }, '1210'],
  ['stream_options', { stream: true, stream_options: { include_usage: true } }, '1210'],
  ['max_completion_tokens', { max_completion_tokens: 5 }, '1210'],
  ['sensitive_word_check outside China', { sensitive_word_check: {} }, '1210'],
  ['no messages', { messages: undefined }, '1213'],
  ['an empty list of messages', { messages: [] }, '1214'],
  ['only a system message', turns({ role: 'system', content: 'a' }), '1214'],
  [
    'only system and assistant',
    turns({ role: 'system', content: 'a' }, { role: 'assistant', content: 'b' }),
    '1214',
  ],
  ['the role developer', turns({ role: 'developer', content: 'a' }, hi), '1214'],
  ['a name in a message', turns({ ...hi, name: 'Bo' }), '1210'],
  [
    'a list in a tool message',
    turns(hi, asks('a'), { ...result('a'), content: [{ type: 'text', text: 'x' }] }),
    '1214',
  ],
  [
    'a list in an assistant message',
    turns(hi, { role: 'assistant', content: [{ type: 'text', text: 'x' }] }, hi),
    '1214',
  ],
  ['null in an assistant message', turns(hi, { ...asks('a'), content: null }, result('a')), '1214'],
  ['a call without a result', turns(hi, asks('a', 'b'), result('a')), '1214'],
  ['a result without a call', turns(hi, result('a')), '1214'],
  ['a call id twice', turns(hi, asks('a', 'a'), result('a')), '1214'],
  ['an assistant message of nothing', turns(hi, { role: 'assistant', content: '' }, hi), '1214'],
  [
    'arguments that are an object',
    turns(
      hi,
      { role: 'assistant', tool_calls: [{ ...call('a'), function: { name: 'f', arguments: {} } }] },
      result('a'),
    ),
    '1214',
  ],
  ['a cap of 0', { max_tokens: 0 }, '1214'],
  ['a cap above what any model gives', { max_tokens: 131_073 }, '1214'],
  ['a cap above what the model gives', { model: 'glm-4.5', max_tokens: 98_305 }, '1210'],
  ['a temperature above 1', { temperature: 1.1 }, '1214'],
  ['a temperature below 0', { temperature: -0.1 }, '1214'],
  ['a top_p of 0', { top_p: 0 }, '1214'],
  ['two stop words', { stop: ['a', 'b'] }, '1214'],
  ['a stop word outside a list', { stop: 'a' }, '1214'],
  ['129 tools', { tools: many(129, fn()) }, '1214'],
  ['strict tools', { tools: [fn({ strict: true })] }, '1210'],
  ['tool_choice none', { tools: [fn()], tool_choice: 'none' }, '1214'],
  ['tool_choice required', { tools: [fn()], tool_choice: 'required' }, '1214'],
  ['a named tool_choice', { tools: [fn()], tool_choice: fn() }, '1214'],
  ['tool_stream before 4.6', { model: 'glm-4.5', stream: true, tool_stream: true }, '1210'],
  [
    'json_schema',
    { response_format: { type: 'json_schema', json_schema: { name: 'a', schema: {} } } },
    '1210',
  ],
  ['a thinking type that is none', { thinking: { type: 'adaptive' } }, '1214'],
  ['thinking for a model without', { model: 'glm-4-32b-0414-128k', thinking: { type: 'enabled' } }, '1210'],
  ['an effort before 5.2', { reasoning_effort: 'high' }, '1210'],
  ['an effort that 5.2 has not', { model: 'glm-5.2', reasoning_effort: 'ultra' }, '1210'],
  ['a user_id of 5 characters', { user_id: '12345' }, '1214'],
  ['a user_id of 129 characters', { user_id: 'x'.repeat(129) }, '1214'],
  ['an image for a text model', parts('glm-5.3', picture), '1210'],
  ['a file for a text model', parts('glm-5.3', file), '1210'],
  [
    'audio for a vision model',
    parts('glm-4.6v', { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } }),
    '1210',
  ],
  ['a file with an image', parts('glm-4.6v', file, picture), '1210'],
  ['a file with a video', parts('glm-4.6v', file, video), '1210'],
  ['51 images for 4.5v', parts('glm-4.5v', ...many(51, picture)), '1210'],
  ['151 images for 4.6v', parts('glm-4.6v', ...many(151, picture)), '1210'],
  ['2 videos for 4.5v', parts('glm-4.5v', video, video), '1210'],
  ['3 videos for 4.6v', parts('glm-4.6v', ...many(3, video)), '1210'],
  ['51 files', parts('glm-4.6v', ...many(51, file)), '1210'],
  ['a gif', parts('glm-4.6v', image('data:image/gif;base64,AAAA')), '1214'],
  ['an image of 5 MB', parts('glm-4.6v', image(`data:image/png;base64,${base64(5_000_000)}`)), '1210'],
  [
    'the detail of an image',
    parts('glm-4.6v', { type: 'image_url', image_url: { url: 'https://a.b/c', detail: 'low' } }),
    '1210',
  ],
  ['a part of a kind that is none', parts('glm-4.6v', { type: 'file', file: {} }), '1214'],
  ['a search without engine', search({ search_engine: undefined }), '1213'],
  ['a search with an engine of China', search({ search_engine: 'search_std' }), '1214'],
  ['51 search results', search({ count: 51 }), '1214'],
  ['another recency', search({ search_recency_filter: 'oneHour' }), '1214'],
  ['an unknown field of a search', search({ country: 'x' }), '1210'],
  ['retrieval outside China', { tools: [{ type: 'retrieval', retrieval: { knowledge_id: 'k' } }] }, '1210'],
]

const accepted: readonly (readonly [string, object])[] = [
  [
    'every plain field',
    {
      max_tokens: 131_072,
      temperature: 0,
      top_p: 0.01,
      do_sample: false,
      stop: ['x'],
      user_id: 'someone',
      stream: false,
      watermark_enabled: true,
      response_format: { type: 'json_object' },
      tools: [fn()],
      tool_choice: 'auto',
    },
  ],
  ['thinking that is kept', { thinking: { type: 'enabled', clear_thinking: false } }],
  [
    'a tool loop with its thinking',
    turns(hi, { ...asks('a', 'b'), content: '', reasoning_content: 'Hm' }, result('b'), result('a')),
  ],
  ['several system messages', turns({ role: 'system', content: 'a' }, { role: 'system', content: 'b' }, hi)],
  [
    'text parts for a text model, marked for the cache',
    parts('glm-5.3', { type: 'text', text: 'a', cache_control: { type: 'ephemeral' } }),
  ],
  [
    'images by URL, data URI and bare base64',
    parts('glm-4.6v', picture, image('data:image/png;base64,AAAA'), image('AAAA')),
  ],
  ['an image with videos', parts('glm-5.3-flash', picture, video, video)],
  ['50 files', parts('glm-5v-turbo', ...many(50, file))],
  [
    'audio for the voice model',
    parts('glm-4-voice', { type: 'input_audio', input_audio: { data: 'AAAA', format: 'mp3' } }),
  ],
  ['each effort of 5.2', { model: 'glm-5.2', reasoning_effort: 'xhigh' }],
  [
    'a whole search',
    search({
      search_query: 'q',
      count: 50,
      search_domain_filter: 'a.b',
      search_recency_filter: 'noLimit',
      content_size: 'high',
      result_sequence: 'before',
      search_result: true,
      require_search: false,
      search_prompt: 'p',
    }),
  ],
]

describe('a request', () => {
  it.each(refused)('with %s is refused', async (_what, more, code) => {
    const answer = await chat(more)
    expect([answer.status, answer.json]).toEqual([400, { error: { code, message: expect.any(String) } }])
  })

  it.each(accepted)('with %s is answered', async (_what, more) => {
    expect((await chat(more)).status).toBe(200)
  })

  it('that is no JSON is refused', async () => {
    for (const body of ['{"model":', '[]', 'hello']) {
      const answer = await rawCall(upstream.url, { body })
      expect([answer.status, at(answer.json, 'error', 'code')]).toEqual([400, '1210'])
    }
    const asText = { body: { model: 'glm-5.1', messages: [hi] }, headers: { 'content-type': 'text/plain' } }
    expect((await rawCall(upstream.url, asText)).status).toBe(400)
  })
})

describe('thinking of 5.3', () => {
  const always = 'This model always engages in thinking and cannot be disabled; please use low, high, or max.'

  it.each(['glm-5.3', 'glm-5.3-flash', 'glm-5.3-flashx'])('cannot be disabled: %s', async model => {
    const answer = await chat({ model, thinking: { type: 'disabled' } })
    expect([answer.status, answer.json]).toEqual([400, { error: { code: '1210', message: always } }])
  })

  it('has three efforts', async () => {
    const status = async (reasoning_effort: string) =>
      (await chat({ model: 'glm-5.3', reasoning_effort })).status
    for (const effort of ['low', 'high', 'max']) expect(await status(effort)).toBe(200)
    for (const effort of ['none', 'minimal', 'medium', 'xhigh']) expect(await status(effort)).toBe(400)
  })
})

it('a request_id serves once, even when the first request failed', async () => {
  const code = async (content: string, request_id: string) =>
    at((await chat({ request_id, messages: [{ role: 'user', content }] })).json, 'error', 'code')
  expect(await code('Hi [[fault:code=1305]]', 'r-1')).toBe('1305')
  expect(await code('Hi', 'r-1')).toBe('1231')
  expect(await code('Hi', 'r-2')).toBeUndefined()
})

it('BigModel has its own engines, retrieval and word check', async () => {
  const status = async (more: object) => (await chat(more, china.url)).status
  for (const search_engine of ['search_std', 'search_pro', 'search_pro_sogou', 'search_pro_quark']) {
    expect(await status(search({ search_engine }))).toBe(200)
  }
  expect(await status(search({}))).toBe(400)
  const retrieval = { knowledge_id: 'k', prompt_template: 't' }
  expect(await status({ tools: [{ type: 'retrieval', retrieval }], sensitive_word_check: {} })).toBe(200)
})

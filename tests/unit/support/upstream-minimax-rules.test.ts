// Checks that the MiniMax double refuses what MiniMax refuses, in MiniMax's envelope.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startMiniMax } from '../../support/upstream/minimax.ts'
import { at, type RawAnswer, rawCall } from '../../support/upstream/raw-call.ts'
import type { Upstream } from '../../support/upstream/server.ts'

let upstream: Upstream
beforeAll(async () => {
  upstream = await startMiniMax()
})
afterAll(() => upstream.close())

const hi = { role: 'user', content: 'Hi' }
const chat = (more: object): Promise<RawAnswer> =>
  rawCall(upstream.url, { body: { model: 'MiniMax-M3', messages: [hi], ...more } })
const turns = (...messages: readonly object[]) => ({ messages })
const parts = (...content: readonly object[]) => turns({ role: 'user', content })
const image = (more: object = {}, url = 'https://example.com/a.png') => ({
  type: 'image_url',
  image_url: { url, ...more },
})
const video = (url: string, more: object = {}) => ({ type: 'video_url', video_url: { url, ...more } })
const call = (id: string, given = '{}') => ({
  id,
  type: 'function',
  function: { name: 'f', arguments: given },
})
const asks = (...calls: readonly object[]) => ({ role: 'assistant', content: '', tool_calls: calls })
const result = (tool_call_id: string) => ({ role: 'tool', tool_call_id, content: 'done' })
const fn = (more: object = {}) => ({ type: 'function', function: { name: 'f', ...more } })
const system = { role: 'system', content: 'Be brief' }
const flash = { model: 'MiniMax-M3.1-Flash' }
const m2 = { model: 'MiniMax-M2.5' }

/** What is sent, and words of the message that answers it with 2013. */
const refused: readonly (readonly [string, object, string])[] = [
  ['two system messages', turns(system, system, hi), 'invalid params, invalid chat setting'],
  ['a system message that is not first', turns(hi, system), 'chat content has invalid message role: system'],
  ['a role that is none', turns({ role: 'function', content: 'x' }), 'invalid message role'],
  ['a name in a message', turns({ ...hi, name: 'Bo' }), 'name'],
  ['no messages', { messages: undefined }, 'messages'],
  ['a result for another call', turns(hi, asks(call('a')), result('b')), 'not found'],
  ['a call without a result', turns(hi, asks(call('a')), hi), 'does not follow'],
  ['arguments that are no JSON', turns(hi, asks(call('a', '{"x":')), result('a')), 'arguments'],
  ['empty arguments', turns(hi, asks(call('a', '')), result('a')), 'arguments'],
  ['a list in a tool message', turns(hi, asks(call('a')), { ...result('a'), content: [] }), 'content'],
  ['a temperature of 0', { temperature: 0 }, 'temperature'],
  ['a temperature above 1', { temperature: 1.01 }, 'temperature'],
  ['a top_p of 0', { top_p: 0 }, 'top_p'],
  ['n of 2', { n: 2 }, "'n'"],
  ['presence_penalty', { presence_penalty: 0 }, 'presence_penalty'],
  ['frequency_penalty', { frequency_penalty: 0 }, 'frequency_penalty'],
  ['logit_bias', { logit_bias: {} }, 'logit_bias'],
  ['logprobs', { logprobs: true }, 'logprobs'],
  ['seed', { seed: 1 }, 'seed'],
  ['top_k', { top_k: 1 }, 'top_k'],
  ['user', { user: 'someone' }, 'user'],
  ['metadata', { metadata: {} }, 'metadata'],
  ['store', { store: false }, 'store'],
  ['prompt_cache_key', { prompt_cache_key: 'k' }, 'prompt_cache_key'],
  ['parallel_tool_calls', { parallel_tool_calls: true }, 'parallel_tool_calls'],
  ['response_format', { response_format: { type: 'json_object' } }, 'response_format'],
  ['strict tools', { tools: [fn({ strict: true })] }, 'strict'],
  ['functions of old', { functions: [] }, 'functions'],
  ['tool_choice none', { tools: [fn()], tool_choice: 'none' }, 'tool_choice'],
  ['tool_choice required', { tools: [fn()], tool_choice: 'required' }, 'tool_choice'],
  ['a named tool_choice', { tools: [fn()], tool_choice: fn() }, 'tool_choice'],
  ['reasoning_split as a number', { reasoning_split: 1 }, 'reasoning_split'],
  ['reasoning_split as text', { reasoning_split: 'true' }, 'reasoning_split'],
  ['thinking enabled', { thinking: { type: 'enabled' } }, 'thinking'],
  ['thinking with a budget', { thinking: { type: 'adaptive', budget_tokens: 5 } }, 'budget_tokens'],
  [
    'thinking disabled on M3.1-Flash',
    { ...flash, thinking: { type: 'disabled' } },
    'requires adaptive thinking',
  ],
  ['adaptive thinking on M2', { ...m2, thinking: { type: 'adaptive' } }, 'thinking'],
  ['an effort on M3', { reasoning_effort: 'low' }, 'reasoning_effort'],
  ['an effort on M2', { ...m2, reasoning_effort: 'low' }, 'reasoning_effort'],
  ['an effort that M3.1-Flash has not', { ...flash, reasoning_effort: 'none' }, 'reasoning_effort'],
  ['another service tier', { service_tier: 'auto' }, 'service_tier'],
  ['priority on M2', { ...m2, service_tier: 'priority' }, 'service_tier'],
  ['stream_options without stream', { stream_options: { include_usage: true } }, 'stream_options'],
  ['detail auto', parts(image({ detail: 'auto' })), 'detail'],
  ['audio', parts({ type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } }), 'type'],
  ['a file part', parts({ type: 'file', file: { file_id: '1' } }), 'type'],
  ['parts on M2', { ...m2, ...parts({ type: 'text', text: 'x' }) }, 'only supports text'],
  ['a video that was never uploaded', parts(video('mm_file://316425409073265701')), 'not found'],
  ['an image from the files', parts(image({}, 'mm_file://1')), 'url'],
  ['an unknown model', { model: 'MiniMax-M9' }, 'unknown model'],
]

const details = [{ type: 'reasoning.text', id: 'r', format: 'f', index: 0, text: 'Hm' }]

const accepted: readonly (readonly [string, object])[] = [
  [
    'every plain field',
    {
      max_completion_tokens: 9,
      max_tokens: 9,
      temperature: 0.01,
      top_p: 1,
      n: 1,
      tools: [fn(), { type: 'web_search' }],
      tool_choice: 'auto',
      stop: 'x',
      service_tier: 'priority',
      reasoning_split: false,
      thinking: { type: 'adaptive' },
    },
  ],
  ['a system message that is first', turns(system, hi)],
  [
    'a tool loop with all that was answered',
    turns(
      hi,
      { ...asks(call('a'), call('b')), reasoning_details: details, reasoning_content: 'Hm' },
      result('b'),
      result('a'),
    ),
  ],
  ['the efforts of M3.1-Flash', { ...flash, reasoning_effort: 'xhigh', thinking: { type: 'adaptive' } }],
  ['disabled thinking on M2', { ...m2, thinking: { type: 'disabled' } }],
  [
    'images and videos',
    parts(
      { type: 'text', text: 'x' },
      image({ detail: 'default', max_long_side_pixel: 512 }),
      image({}, 'data:image/png;base64,AAAA'),
      video('https://example.com/a.mp4', { detail: 'low', fps: 0.5 }),
    ),
  ],
]

describe('a request', () => {
  it.each(refused)('with %s is refused', async (_what, more, words) => {
    const answer = await chat(more)
    expect([answer.status, answer.json]).toEqual([
      400,
      {
        type: 'error',
        error: {
          type: 'bad_request_error',
          message: expect.stringMatching(/^invalid params, .* \(2013\)$/s),
          http_code: '400',
        },
        request_id: expect.any(String),
      },
    ])
    expect(at(answer.json, 'error', 'message')).toContain(words)
  })

  it.each(accepted)('with %s is answered', async (_what, more) => {
    expect((await chat(more)).status).toBe(200)
  })

  it('with the role developer is a 422', async () => {
    const answer = await chat(turns({ role: 'developer', content: 'x' }, hi))
    expect([answer.status, at(answer.json, 'error')]).toEqual([
      422,
      { type: 'bad_request_error', message: 'role param error', http_code: '422' },
    ])
  })

  it('that is no JSON is refused', async () => {
    expect((await rawCall(upstream.url, { body: '{"model":' })).status).toBe(400)
    const asText = {
      body: { model: 'MiniMax-M3', messages: [hi] },
      headers: { 'content-type': 'text/plain' },
    }
    expect((await rawCall(upstream.url, asText)).status).toBe(400)
  })
})

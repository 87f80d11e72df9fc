// Checks what the MiniMax double answers: thinking in or beside the content, deltas of both kinds, usage, tool loops.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startMiniMax } from '../../support/upstream/minimax.ts'
import { at, type RawAnswer, rawCall } from '../../support/upstream/raw-call.ts'
import type { Upstream } from '../../support/upstream/server.ts'

let upstream: Upstream
beforeEach(async () => {
  upstream = await startMiniMax()
})
afterEach(() => upstream.close())

const user = (content: string) => ({ role: 'user', content })
const ask = (content: string, more: object = {}): Promise<RawAnswer> =>
  rawCall(upstream.url, { body: { model: 'MiniMax-M3', messages: [user(content)], ...more } })
const split = { reasoning_split: true }
const stream = { stream: true }
const tool = {
  type: 'function',
  function: { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
}
const detail = (text: string) => ({
  type: 'reasoning.text',
  id: 'reasoning-text-1',
  format: 'MiniMax-response-v1',
  index: 0,
  text,
})
const message = (answer: RawAnswer, ...path: (string | number)[]): unknown =>
  at(answer.json, 'choices', 0, 'message', ...path)
const deltas = (answer: RawAnswer): readonly unknown[] =>
  answer.chunks.map(chunk => at(chunk, 'choices', 0, 'delta'))
const values = (answer: RawAnswer, field: string): readonly unknown[] =>
  deltas(answer).flatMap(delta => at(delta, field) ?? [])
const extras = {
  input_sensitive: false,
  output_sensitive: false,
  input_sensitive_type: 0,
  output_sensitive_type: 0,
  base_resp: { status_code: 0, status_msg: '' },
}

describe('an answer', () => {
  it('has the thinking in its content, and M3 once more beside it', async () => {
    const content = '<think>\nLet me think about it.\n</think>\n\nYou said: Hi'
    const answer = await ask('Hi')
    expect([answer.status, answer.json]).toEqual([
      200,
      {
        id: expect.any(String),
        choices: [
          {
            finish_reason: 'stop',
            index: 0,
            message: { content, role: 'assistant', reasoning_content: 'Let me think about it.' },
          },
        ],
        created: expect.any(Number),
        model: 'MiniMax-M3',
        object: 'chat.completion',
        usage: {
          total_tokens: 9,
          total_characters: content.length,
          prompt_tokens: 1,
          completion_tokens: 8,
          prompt_tokens_details: { cached_tokens: 0 },
          completion_tokens_details: { reasoning_tokens: 5 },
        },
        ...extras,
      },
    ])
    expect(answer.headers['trace-id']).toMatch(/^[0-9a-f]{32}$/)
    expect(message(await ask('Hi', { model: 'MiniMax-M2.7' }))).toEqual({ content, role: 'assistant' })
  })

  it('has the thinking in fields of its own with reasoning_split', async () => {
    const plain = { content: 'You said: Hi', role: 'assistant' }
    const reasoning_content = 'Let me think about it.'
    const both = { ...plain, reasoning_content, reasoning_details: [detail('Let me think about it.')] }
    expect(message(await ask('Hi', split))).toEqual(both)
    expect(message(await ask('Hi', { ...split, model: 'MiniMax-M2' }))).toEqual(both)
    expect(message(await ask('Hi', { ...split, model: 'MiniMax-M3.1-Flash' }))).toEqual({
      ...plain,
      reasoning_content,
    })
  })

  it('has no thinking where M3 is told so, and M2 thinks all the same', async () => {
    const thinking = { type: 'disabled' }
    expect(message(await ask('Hi', { thinking }))).toEqual({ content: 'You said: Hi', role: 'assistant' })
    expect(message(await ask('Hi', { thinking, model: 'MiniMax-M2' }), 'content')).toMatch(/^<think>/)
    expect(message(await ask('Hi', { model: 'M2-her' }), 'content')).toBe('You said: Hi')
  })

  it('obeys stop words, but runs over them on M3.1-Flash', async () => {
    const said = async (model: string) =>
      message(await ask('one two three', { ...split, model, stop: ['two'] }), 'content')
    expect(await said('MiniMax-M3')).toBe('You said: one ')
    expect(await said('MiniMax-M3.1-Flash')).toBe('You said: one two three')
  })

  it('is only thinking when that uses up the cap', async () => {
    const answer = await ask('Hi', { ...split, max_completion_tokens: 2 })
    expect(at(answer.json, 'choices', 0)).toMatchObject({
      finish_reason: 'length',
      message: { content: '', reasoning_content: 'Let me ' },
    })
  })

  it('can be reasoning without content, or end because of a filter', async () => {
    const odd = await ask('[[fault:reasoning-content=Hm]][[fault:text=]]', { model: 'MiniMax-M2' })
    expect(message(odd)).toEqual({ content: '', role: 'assistant', reasoning_content: 'Hm' })
    const filtered = await ask('[[fault:finish=content_filter]]')
    expect(at(filtered.json, 'choices', 0, 'finish_reason')).toBe('content_filter')
  })
})

describe('a stream', () => {
  it('is incremental, with base_resp in each chunk and usage only for those who ask', async () => {
    const answer = await ask('Hi', { ...stream, ...split })
    expect(deltas(answer)).toEqual([
      { role: 'assistant', content: '' },
      ...['Let ', 'me ', 'think ', 'about ', 'it.'].map(text => ({
        reasoning_details: [detail(text)],
        reasoning_content: text,
      })),
      { content: 'You ' },
      { content: 'said: ' },
      { content: 'Hi' },
      {},
    ])
    for (const chunk of answer.chunks) expect(chunk).toMatchObject(extras)
    expect(answer.text).not.toContain('usage')
    expect(answer.text.endsWith('data: [DONE]\n\n')).toBe(true)
    const counted = await ask('Hi', { ...stream, stream_options: { include_usage: true } })
    expect(counted.chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: 9 }, ...extras })
    expect(counted.chunks.slice(0, -1).every(chunk => at(chunk, 'usage') === null)).toBe(true)
  })

  it('cuts the tag of the thinking, and M3 thinks twice', async () => {
    const pieces = values(await ask('Hi', stream), 'content')
    expect(pieces.slice(1, 3)).toEqual(['<think', '>\nLet '])
    expect(pieces.join('')).toBe('<think>\nLet me think about it.\n</think>\n\nYou said: Hi')
    const mirrored = (await ask('Hi', stream)).text.includes('"reasoning_content":"think "')
    expect(mirrored).toBe(true)
  })

  it('is cumulative on demand', async () => {
    const answer = await ask('Hi[[fault:cumulative]]', { ...stream, ...split })
    expect(values(answer, 'content')).toEqual(['', 'You ', 'You said: ', 'You said: Hi'])
    expect(values(answer, 'reasoning_content').slice(0, 3)).toEqual(['Let ', 'Let me ', 'Let me think '])
    const texts = deltas(answer).flatMap(delta => at(delta, 'reasoning_details', 0, 'text') ?? [])
    expect(texts.at(-1)).toBe('Let me think about it.')
  })
})

describe('a tool loop', () => {
  const call = (id: string) => ({ id, type: 'function', function: { name: 'weather', arguments: '{}' } })
  const loop = async (assistant: object, model = 'MiniMax-M3') => {
    const messages = [
      user('call the tool'),
      { role: 'assistant', content: '', tool_calls: [call('c1')], ...assistant },
      { role: 'tool', tool_call_id: 'c1', content: 'sunny' },
    ]
    const answer = await rawCall(upstream.url, { body: { model, ...split, tools: [tool], messages } })
    expect(message(answer, 'content')).toBe('The tool said: sunny')
    return upstream.requests.at(-1)?.reasoningMissing
  }

  it('is logged when its call comes back without the thinking', async () => {
    expect(await loop({})).toBe(true)
    expect(await loop({ reasoning_content: 'Hm' })).toBe(true)
    expect(await loop({ reasoning_details: [detail('')] })).toBe(true)
    expect(await loop({ reasoning_details: [detail('Hm')] })).toBeUndefined()
    expect(await loop({ content: '<think>\nHm\n</think>\n\n' })).toBeUndefined()
    expect(await loop({ reasoning_content: 'Hm' }, 'MiniMax-M3.1-Flash')).toBeUndefined()
  })

  it('misses nothing when the call was made without thinking', async () => {
    const asked = { tools: [tool], thinking: { type: 'disabled' } }
    const first = message(await ask('call the tool', asked))
    const callId = at(first, 'tool_calls', 0, 'id')
    expect(first).toEqual({
      content: '',
      role: 'assistant',
      tool_calls: [
        { id: callId, type: 'function', function: { name: 'weather', arguments: '{"city":"text"}' } },
      ],
    })
    const messages = [
      user('call the tool'),
      Object(first),
      { role: 'tool', tool_call_id: callId, content: 'sunny' },
    ]
    expect((await ask('', { ...asked, messages })).status).toBe(200)
    expect(upstream.requests.at(-1)?.reasoningMissing).toBeUndefined()
  })
})

it('keys, models and paths are as strict as MiniMax is', async () => {
  const withKey = async (authorization: string) => {
    const answer = await rawCall(upstream.url, { body: {}, headers: { authorization } })
    return [answer.status, at(answer.json, 'error', 'message')]
  }
  expect(await withKey('Bearer wrong')).toEqual([401, expect.stringMatching(/\(2049\)$/)])
  expect(await withKey('')).toEqual([401, expect.stringMatching(/\(1004\)$/)])
  const list = await rawCall(upstream.url, { method: 'GET', path: '/models' })
  expect(at(list.json, 'data', 0, 'id')).toBe('MiniMax-M3.1-Flash')
  for (const model of ['minimax-m3', 'MiniMax-M4']) expect((await ask('Hi', { model })).status).toBe(400)
  const nowhere = await rawCall(upstream.url, { path: '/responses', body: {} })
  expect([nowhere.status, nowhere.json]).toEqual([404, undefined])
})

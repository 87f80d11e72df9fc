// Checks what the GLM double answers: thinking, tool calls, searches, finish reasons, and whom it serves.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startGlm } from '../../support/upstream/glm.ts'
import { at, type RawAnswer, rawCall } from '../../support/upstream/raw-call.ts'
import type { Upstream } from '../../support/upstream/server.ts'

let upstream: Upstream
beforeEach(async () => {
  upstream = await startGlm()
})
afterEach(() => upstream.close())

const user = (content: string) => ({ role: 'user', content })
const ask = (content: string, more: object = {}): Promise<RawAnswer> =>
  rawCall(upstream.url, { body: { model: 'glm-5.2', messages: [user(content)], ...more } })
const weather = {
  type: 'function',
  function: { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
}
const deltas = (answer: RawAnswer): readonly unknown[] =>
  answer.chunks.map(chunk => at(chunk, 'choices', 0, 'delta'))
const choice = (answer: RawAnswer, ...path: (string | number)[]): unknown =>
  at(answer.json, 'choices', 0, ...path)

describe('an answer', () => {
  it('has the thinking beside the text, and counts both', async () => {
    const answer = await ask('Hello there', { request_id: 'r-1' })
    expect(upstream.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/api\/paas\/v4$/)
    expect([answer.status, answer.json]).toEqual([
      200,
      {
        id: expect.any(String),
        request_id: 'r-1',
        created: expect.any(Number),
        model: 'glm-5.2',
        choices: [
          {
            index: 0,
            message: {
              role: 'assistant',
              content: 'You said: Hello there',
              reasoning_content: 'Let me think about it.',
            },
            finish_reason: 'stop',
          },
        ],
        usage: {
          prompt_tokens: 2,
          completion_tokens: 9,
          total_tokens: 11,
          prompt_tokens_details: { cached_tokens: 0 },
          completion_tokens_details: { reasoning_tokens: 5 },
        },
      },
    ])
  })

  it.each([
    { thinking: { type: 'disabled' } },
    { reasoning_effort: 'none' },
    { reasoning_effort: 'minimal' },
  ])('has no thinking when it is turned off: %o', async more => {
    const answer = await ask('Hi', more)
    expect(choice(answer, 'message')).toEqual({ role: 'assistant', content: 'You said: Hi' })
    expect(at(answer.json, 'usage', 'completion_tokens')).toBe(3)
  })

  it('is empty when the thinking uses up the cap', async () => {
    const answer = await ask('Hi', { max_tokens: 3 })
    expect(choice(answer)).toEqual({
      index: 0,
      message: { role: 'assistant', content: '', reasoning_content: 'Let me think ' },
      finish_reason: 'length',
    })
  })

  it('has the results of a web search at the top, in the first or the last chunk', async () => {
    const search = (more: object) => ({
      tools: [
        { type: 'web_search', web_search: { enable: true, search_engine: 'search_pro_jina', ...more } },
      ],
    })
    expect(at((await ask('Hi', search({}))).json, 'web_search')).toEqual(
      [1, 2].map(number => ({
        title: `Result ${number}`,
        link: `https://example.com/${number}`,
        content: `What page ${number} says.`,
        media: 'Example',
        icon: 'https://example.com/icon.png',
        refer: `ref_${number}`,
        publish_date: '2026-11-20',
      })),
    )
    expect(at((await ask('Hi', search({ search_result: false }))).json, 'web_search')).toBeUndefined()
    const places = async (result_sequence: string) =>
      (await ask('Hi', { stream: true, ...search({ result_sequence, count: 1 }) })).chunks.flatMap(
        (chunk, index) => (at(chunk, 'web_search', 0, 'title') === 'Result 1' ? [index] : []),
      )
    expect([await places('before'), await places('after')]).toEqual([[0], [8]])
  })
})

describe('a stream', () => {
  it('has thinking, then text, then reason and usage in one chunk, and [DONE]', async () => {
    const answer = await ask('Hi', { stream: true })
    expect(deltas(answer)).toEqual([
      ...['Let ', 'me ', 'think ', 'about ', 'it.'].map(reasoning_content => ({
        role: 'assistant',
        reasoning_content,
      })),
      ...['You ', 'said: ', 'Hi'].map(content => ({ role: 'assistant', content })),
      { role: 'assistant', content: '' },
    ])
    const [last, ...others] = answer.chunks.toReversed()
    expect(last).toMatchObject({ choices: [{ finish_reason: 'stop' }], usage: { total_tokens: 9 } })
    expect(others.some(chunk => at(chunk, 'usage') !== undefined)).toBe(false)
    expect(others.some(chunk => at(chunk, 'choices', 0, 'finish_reason') !== undefined)).toBe(false)
    expect(answer.text.endsWith('data: [DONE]\n\n')).toBe(true)
  })

  it('brings a tool call whole, or in fragments with tool_stream', async () => {
    const callsIn = async (more: object) =>
      deltas(await ask('call the tool', { stream: true, tools: [weather], ...more }))
        .map(delta => at(delta, 'tool_calls', 0))
        .filter(call => call !== undefined)
    expect(await callsIn({})).toEqual([
      {
        index: 0,
        id: expect.stringMatching(/^call_\d+$/),
        type: 'function',
        function: { name: 'weather', arguments: '{"city":"text"}' },
      },
    ])
    const fragments = await callsIn({ tool_stream: true })
    expect(fragments.map(call => at(call, 'function', 'arguments'))).toEqual(['', '{"city', '":"tex', 't"}'])
  })

  it('ends for reasons of its own, or without any', async () => {
    for (const reason of ['sensitive', 'model_context_window_exceeded', 'network_error']) {
      const answer = await ask(`[[fault:finish=${reason}]]`, { stream: true })
      expect(at(answer.chunks, -1, 'choices', 0, 'finish_reason')).toBe(reason)
      expect(choice(await ask(`Hi [[fault:finish=${reason}]]`), 'finish_reason')).toBe(reason)
    }
    expect((await ask('[[fault:no-finish]]', { stream: true })).text).not.toMatch(/finish_reason|usage/)
  })

  it('can have the tags of old models in its text, cut in the middle', async () => {
    const content = (answer: RawAnswer) => deltas(answer).flatMap(delta => at(delta, 'content') ?? [])
    const boxed = content(await ask('Hi [[fault:box-tags]]', { stream: true }))
    expect(boxed.join('')).toBe('<|begin_of_box|>You said: Hi <|end_of_box|>')
    expect(boxed).not.toContain('<|begin_of_box|>')
    const thought = await ask('Hi[[fault:think-tags]]', { stream: true })
    expect(content(thought).join('')).toBe('<think>Let me think about it.</think>You said: Hi')
    expect(thought.text).not.toContain('reasoning_content')
  })
})

it('arguments of a tool call are an object on demand', async () => {
  const answer = await ask('call the tool [[fault:tool-call-object-arguments]]', { tools: [weather] })
  expect(choice(answer, 'message', 'tool_calls', 0)).toEqual({
    id: 'call_double_a',
    type: 'function',
    function: { name: 'first_tool', arguments: { city: 'Zürich', days: 3 } },
  })
})

it('scripts and the faults of the bytes work as for the other doubles', async () => {
  upstream.next({ answer: { text: 'scripted', reasoning: 'Hm', usage: { cachedTokens: 1 } } })
  const answer = await ask('Hi')
  expect(choice(answer, 'message')).toEqual({
    role: 'assistant',
    content: 'scripted',
    reasoning_content: 'Hm',
  })
  expect(at(answer.json, 'usage', 'prompt_tokens_details', 'cached_tokens')).toBe(1)
  expect((await ask('[[fault:cut-after=10]]')).failure).toBe('ECONNRESET')
  expect((await ask('[[fault:refusal=No]]')).status).toBe(599)
})

describe('keys, models and paths', () => {
  const withKey = async (authorization: string) => {
    const body = { model: 'glm-5.2', messages: [user('Hi')] }
    const answer = await rawCall(upstream.url, { body, headers: { authorization } })
    return [answer.status, at(answer.json, 'error', 'code')]
  }

  it('a wrong key is a 401, the key of a coding plan a 429 that speaks of money', async () => {
    expect(await withKey('Bearer wrong')).toEqual([401, '1000'])
    expect(await withKey('')).toEqual([401, '1001'])
    expect(await withKey('Basic test-key')).toEqual([401, '1002'])
    await upstream.close()
    upstream = await startGlm({ codingKeys: ['plan-key'], apiKeys: ['k'] })
    expect(await withKey('Bearer plan-key')).toEqual([429, '1113'])
    expect(await withKey('Bearer k')).toEqual([200, undefined])
  })

  it('the list of models has less than is served', async () => {
    const list = await rawCall(upstream.url, { method: 'GET', path: '/models' })
    expect(at(list.json, 'data')).toMatchObject([
      { id: 'glm-5.3' },
      { id: 'glm-5.3-flash' },
      { id: 'glm-5.3-flashx' },
    ])
    expect((await ask('Hi', { model: 'glm-4.6' })).status).toBe(200)
    for (const model of ['GLM-4.6', 'glm-9']) {
      const answer = await ask('Hi', { model })
      expect([answer.status, at(answer.json, 'error', 'code')]).toEqual([400, '1211'])
    }
  })

  it('other paths and methods do not exist', async () => {
    const code = async (path: string, method: string) => {
      const answer = await rawCall(upstream.url, { path, method, body: {} })
      return [answer.status, at(answer.json, 'error', 'code')]
    }
    expect(await code('/v1/chat/completions', 'POST')).toEqual([404, '1222'])
    expect(await code('/chat/completions', 'PUT')).toEqual([400, '1212'])
    expect(await code('/embeddings', 'POST')).toEqual([404, '1222'])
  })
})

describe('tokens and embeddings', () => {
  const post = (path: string, body: object) => rawCall(upstream.url, { path, body })

  it('tokens are counted for three models', async () => {
    const content = [
      { type: 'text', text: 'one two' },
      { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
    ]
    const messages = [{ role: 'user', content }]
    for (const model of ['glm-4.6', 'glm-4.6v', 'glm-4.5']) {
      expect((await post('/tokenizer', { model, messages, request_id: 'r' })).json).toMatchObject({
        request_id: 'r',
        usage: { prompt_tokens: 2, image_tokens: 85, video_tokens: 0, total_tokens: 87 },
      })
    }
    const other = await post('/tokenizer', { model: 'glm-5.3', messages })
    expect([other.status, at(other.json, 'error', 'code')]).toEqual([400, '1211'])
    expect((await post('/tokenizer', { model: 'glm-4.6', messages, temperature: 1 })).status).toBe(400)
  })

  it('embeddings are BigModel’s, and have dimensions for embedding-3 only', async () => {
    await upstream.close()
    upstream = await startGlm({ bigModel: true })
    const both = await post('/embeddings', {
      model: 'embedding-3',
      input: ['a b', 'c'],
      dimensions: 256,
    })
    expect(both.json).toMatchObject({
      data: [{ index: 0 }, { index: 1 }],
      usage: { prompt_tokens: 3, completion_tokens: 0, total_tokens: 3 },
    })
    expect(at(both.json, 'data', 1, 'embedding')).toHaveLength(256)
    expect(at(both.json, 'data', 1, 'embedding')).not.toEqual(at(both.json, 'data', 0, 'embedding'))
    const code = async (body: object) => at((await post('/embeddings', body)).json, 'error', 'code')
    expect(await code({ model: 'embedding-2', input: 'a', dimensions: 256 })).toBe('1210')
    expect(await code({ model: 'embedding-9', input: 'a' })).toBe('1211')
    expect(await code({ model: 'embedding-3', input: 'a', encoding_format: 'float' })).toBe('1210')
    expect(await code({ model: 'embedding-3', input: 'a '.repeat(8193) })).toBe('1261')
    expect(await code({ model: 'embedding-3', input: Array(65).fill('a') })).toBe('1210')
    expect(await code({ model: 'embedding-2', input: Array(2).fill('a '.repeat(4001)) })).toBe('1261')
  })
})

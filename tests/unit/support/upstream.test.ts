// Checks what the OpenAI double answers when nothing is wrong, what it logs, and how it takes scripts.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startUpstream } from '../../support/upstream/openai.ts'
import { at, type RawAnswer, rawCall } from '../../support/upstream/raw-call.ts'
import type { Upstream } from '../../support/upstream/server.ts'

let upstream: Upstream
beforeEach(async () => {
  upstream = await startUpstream()
})
afterEach(() => upstream.close())

const user = (content: string) => ({ role: 'user', content })
const tool = (
  name: string,
  properties: object = { city: { type: 'string' }, days: { type: 'integer' } },
) => ({
  type: 'function',
  function: { name, parameters: { type: 'object', properties } },
})
const ask = (content: string, more: object = {}): Promise<RawAnswer> =>
  rawCall(upstream.url, { body: { model: 'test-model', messages: [user(content)], ...more } })
const message = (answer: RawAnswer, ...path: (string | number)[]): unknown =>
  at(answer.json, 'choices', 0, 'message', ...path)

describe('an answer', () => {
  it('repeats the last user message, with usage counted in words', async () => {
    const answer = await ask('Hello brave  new world')
    expect(answer.status).toBe(200)
    expect(answer.json).toMatchObject({
      object: 'chat.completion',
      model: 'test-model',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'You said: Hello brave  new world', refusal: null },
          finish_reason: 'stop',
        },
      ],
      usage: {
        prompt_tokens: 4,
        completion_tokens: 6,
        total_tokens: 10,
        prompt_tokens_details: { cached_tokens: 0 },
        completion_tokens_details: { reasoning_tokens: 0 },
      },
    })
    expect(answer.headers).toMatchObject({
      'x-request-id': expect.stringMatching(/^req_[0-9a-f]{32}$/),
      'openai-processing-ms': expect.any(String),
      'x-ratelimit-remaining-requests': '9999',
      'x-ratelimit-reset-tokens': '30ms',
      'content-length': String(answer.body.length),
    })
  })

  it('is the same for the same request but for its ids', async () => {
    const [first, second] = [await ask('Hi'), await ask('Hi')]
    expect(message(second)).toEqual(message(first))
    expect(at(second.json, 'id')).not.toBe(at(first.json, 'id'))
  })

  it('calls a tool when it is asked or forced to, with arguments that fit the schema', async () => {
    const tools = [tool('weather'), tool('time', { zone: { enum: ['UTC', 'CET'] } })]
    const call = async (content: string, more: object) =>
      at((await ask(content, { tools, ...more })).json, 'choices', 0, 'message', 'tool_calls')
    expect(await call('Hi', {})).toBeUndefined()
    expect(await call('call the tool', { tool_choice: 'none' })).toBeUndefined()
    expect(await call('Please call the tool.', {})).toEqual([
      {
        id: expect.stringMatching(/^call_\w+$/),
        type: 'function',
        function: { name: 'weather', arguments: '{"city":"text","days":1}' },
      },
    ])
    expect(await call('Hi', { tool_choice: 'required' })).toHaveLength(1)
    const named = { type: 'function', function: { name: 'time' } }
    expect(at(await call('Hi', { tool_choice: named }), 0, 'function', 'arguments')).toBe('{"zone":"UTC"}')
    expect(await call('call the tools', {})).toHaveLength(2)
    expect(await call('call the tools', { parallel_tool_calls: false })).toHaveLength(1)
  })

  it('reads tool results back', async () => {
    const call = { id: 'c1', type: 'function', function: { name: 'weather', arguments: '{}' } }
    const answer = await rawCall(upstream.url, {
      body: {
        model: 'test-model',
        tools: [tool('weather')],
        messages: [
          user('call the tool'),
          { role: 'assistant', content: null, tool_calls: [call] },
          { role: 'tool', tool_call_id: 'c1', content: 'sunny' },
        ],
      },
    })
    expect(message(answer, 'content')).toBe('The tool said: sunny')
  })

  it('is JSON when a format asks for it', async () => {
    const loose = await ask('as JSON', { response_format: { type: 'json_object' } })
    expect(message(loose, 'content')).toBe('{"answer":"You said: as JSON"}')
    const schema = {
      type: 'object',
      properties: { name: { type: 'string' }, tags: { type: 'array', items: { $ref: '#/$defs/tag' } } },
      $defs: { tag: { type: 'object', properties: { weight: { type: 'number', minimum: 0.5 } } } },
    }
    const format = { type: 'json_schema', json_schema: { name: 'thing', schema } }
    const strict = await ask('x', { response_format: format })
    expect(message(strict, 'content')).toBe('{"name":"text","tags":[{"weight":0.5}]}')
  })

  it('ends at a stop word, and at the cap with the reason length', async () => {
    expect(message(await ask('one two three', { stop: ['two'] }), 'content')).toBe('You said: one ')
    const capped = await ask('one two three', { max_completion_tokens: 3 })
    expect(at(capped.json, 'choices', 0)).toMatchObject({
      message: { content: 'You said: one ' },
      finish_reason: 'length',
    })
    const thinking = await ask('one two three', {
      model: 'gpt-5.6-sol',
      reasoning_effort: 'high',
      max_completion_tokens: 20,
    })
    expect(thinking.json).toMatchObject({
      model: 'gpt-5.6-sol-2026-07-09',
      choices: [{ message: { content: '' }, finish_reason: 'length' }],
      usage: { completion_tokens: 20, completion_tokens_details: { reasoning_tokens: 20 } },
    })
  })

  it('counts the prompt before the last message as cached when its cache key is known', async () => {
    const body = {
      model: 'test-model',
      prompt_cache_key: 'k',
      messages: [{ role: 'system', content: 'be very brief' }, user('hello there')],
    }
    const cached = async () =>
      at((await rawCall(upstream.url, { body })).json, 'usage', 'prompt_tokens_details', 'cached_tokens')
    expect([await cached(), await cached()]).toEqual([0, 3])
  })
})

describe('a stream', () => {
  it('is chunked as OpenAI chunks it: role, words, finish, usage, [DONE]', async () => {
    const answer = await ask('Hi you', { stream: true, stream_options: { include_usage: true } })
    expect(answer.headers['content-type']).toBe('text/event-stream; charset=utf-8')
    expect(answer.headers['content-length']).toBeUndefined()
    expect(answer.text.endsWith('data: [DONE]\n\n')).toBe(true)
    expect(answer.chunks.map(chunk => at(chunk, 'choices', 0, 'delta'))).toEqual([
      { role: 'assistant', content: '', refusal: null },
      { content: 'You ' },
      { content: 'said: ' },
      { content: 'Hi ' },
      { content: 'you' },
      {},
      undefined,
    ])
    expect(answer.chunks.map(chunk => at(chunk, 'choices', 0, 'finish_reason'))).toEqual([
      ...Array.from({ length: 5 }, () => null),
      'stop',
      undefined,
    ])
    const last = answer.chunks.at(-1)
    expect(last).toMatchObject({ choices: [], usage: { prompt_tokens: 2, completion_tokens: 4 } })
    expect(answer.chunks.slice(0, -1).every(chunk => at(chunk, 'usage') === null)).toBe(true)
    expect(new Set(answer.chunks.map(chunk => at(chunk, 'id'))).size).toBe(1)
    expect(at(answer.chunks[1], 'obfuscation')).toEqual(expect.any(String))
  })

  it('says nothing of usage or padding unless they are wanted', async () => {
    const answer = await ask('Hi', { stream: true, stream_options: { include_obfuscation: false } })
    expect(answer.text).not.toMatch(/usage|obfuscation/)
  })

  it('sends a tool call in fragments that put together are its arguments', async () => {
    const answer = await ask('call the tool', { stream: true, tools: [tool('weather')] })
    const [first, ...later] = answer.chunks.map(chunk => at(chunk, 'choices', 0, 'delta', 'tool_calls', 0))
    expect(first).toEqual({
      index: 0,
      id: expect.any(String),
      type: 'function',
      function: { name: 'weather', arguments: '' },
    })
    const fragments = later.filter(call => call !== undefined)
    expect(fragments.length).toBeGreaterThan(2)
    expect(fragments.map(call => at(call, 'function', 'arguments')).join('')).toBe('{"city":"text","days":1}')
    expect(Object.keys(Object(fragments[0]))).toEqual(['index', 'function'])
    expect(at(answer.chunks, -1, 'choices', 0, 'finish_reason')).toBe('tool_calls')
  })
})

describe('scripts', () => {
  it('change the answer of the next request only', async () => {
    upstream.next({ answer: { text: 'scripted words', usage: { cachedTokens: 7 } } })
    const [first, second] = [await ask('a'), await ask('b')]
    expect(message(first, 'content')).toBe('scripted words')
    expect(at(first.json, 'usage')).toMatchObject({
      completion_tokens: 2,
      prompt_tokens_details: { cached_tokens: 7 },
    })
    expect(message(second, 'content')).toBe('You said: b')
  })

  it('wait for the request they are for, and serve as many as they say', async () => {
    upstream.next({
      match: request => at(request.body, 'model') === 'gpt-4o',
      faults: ['status=500'],
      times: 2,
    })
    expect((await ask('a')).status).toBe(200)
    expect((await ask('a', { model: 'gpt-4o' })).status).toBe(500)
    expect(upstream.waiting()).toBe(1)
    expect((await ask('a', { model: 'gpt-4o' })).status).toBe(500)
    expect((await ask('a', { model: 'gpt-4o' })).status).toBe(200)
    expect(upstream.waiting()).toBe(0)
  })

  it('are not spent on a request that breaks the rules', async () => {
    upstream.next({ faults: ['status=503'] })
    expect((await ask('a', { surprise: 1 })).status).toBe(400)
    expect((await ask('a')).status).toBe(503)
  })

  it('can be the raw bytes of an answer, each part a write of its own', async () => {
    upstream.next({ raw: { headers: { 'x-own': '1' }, body: ['data: {"a":', Buffer.from('1}\n\n')] } })
    const answer = await ask('a', { stream: true })
    expect(answer.text).toBe('data: {"a":1}\n\n')
    expect(answer.headers).toMatchObject({ 'x-own': '1', 'content-type': 'text/event-stream; charset=utf-8' })
    expect(answer.pieces).toHaveLength(2)
  })

  it('with a name that no table has fail loudly', async () => {
    const answer = await ask('[[fault:no-such-thing]]')
    expect(answer).toMatchObject({ status: 599, text: expect.stringContaining('no-such-thing') })
  })
})

describe('the log', () => {
  it('has method, path, headers, raw and parsed body, and times', async () => {
    const before = performance.now()
    await rawCall(upstream.url, {
      body: { model: 'test-model', messages: [user('é')] },
      headers: { 'x-a': 'b' },
    })
    expect(upstream.requests).toHaveLength(1)
    const [request] = upstream.requests
    expect(request).toMatchObject({
      method: 'POST',
      path: '/v1/chat/completions',
      headers: { 'x-a': 'b' },
      body: { messages: [{ content: 'é' }] },
      status: 200,
    })
    expect(request?.rawBody.toString()).toBe(
      '{"model":"test-model","messages":[{"role":"user","content":"é"}]}',
    )
    expect(request?.receivedAtMs).toBeGreaterThan(before)
    expect(request?.endedAtMs).toBeGreaterThan(request?.receivedAtMs ?? 0)
    expect(request?.closedByClientAtMs).toBeUndefined()
  })

  it.each(['hang-before-headers', 'hang-after-headers', 'silence-after-events=2'])(
    'tells at once that the client left: %s',
    async fault => {
      const leaving = new AbortController()
      const call = rawCall(upstream.url, {
        body: { model: 'test-model', stream: true, messages: [user(`Hi [[fault:${fault}]]`)] },
        signal: leaving.signal,
      })
      await upstream.waitFor(request => request.status === 200)
      expect(upstream.openSockets()).toBe(1)
      const leftAtMs = performance.now()
      leaving.abort()
      const gone = await upstream.waitFor(request => request.closedByClientAtMs !== undefined)
      // Nothing else would end it; a busy machine may take its time.
      expect((gone.closedByClientAtMs ?? 0) - leftAtMs).toBeLessThan(5_000)
      expect((await call).failure).toBeDefined()
      expect(gone.endedAtMs).toBeUndefined()
      await expect.poll(() => upstream.openSockets()).toBe(0)
    },
  )

  it('waits in vain for a request that never comes', async () => {
    await expect(upstream.waitFor(() => true, 20)).rejects.toThrow('no such request among 0 after 20 ms')
  })
})

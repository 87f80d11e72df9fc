// Checks what the Kimi double answers: thought, usage in its places, the search loop, errors, counts, balance, models.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type KimiOptions, startKimi } from '../../support/upstream/kimi.ts'
import { at, type RawAnswer, rawCall } from '../../support/upstream/raw-call.ts'
import type { Upstream } from '../../support/upstream/server.ts'

let upstream: Upstream
beforeEach(async () => {
  upstream = await startKimi()
})
afterEach(() => upstream.close())

const user = (content: string) => ({ role: 'user', content })
const ask = (content: string, more: object = {}, url = upstream.url): Promise<RawAnswer> =>
  rawCall(url, { body: { model: 'kimi-k3', messages: [user(content)], ...more } })
const streamed = { stream: true }
const withUsage = { stream: true, stream_options: { include_usage: true } }
const message = (answer: RawAnswer): unknown => at(answer.json, 'choices', 0, 'message')
const deltas = (answer: RawAnswer): readonly unknown[] =>
  answer.chunks.map(chunk => at(chunk, 'choices', 0, 'delta'))
const thoughtOf8 = 'Let me think about what was said and'

describe('an answer', () => {
  it('has the reasoning beside the content, and the cached tokens at the top of usage', async () => {
    const answer = await ask('Hi', { reasoning_effort: 'low' })
    expect(answer.json).toEqual({
      id: expect.stringMatching(/^chatcmpl-/),
      object: 'chat.completion',
      created: expect.any(Number),
      model: 'kimi-k3',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'You said: Hi', reasoning_content: thoughtOf8 },
          finish_reason: 'stop',
        },
      ],
      usage: {
        prompt_tokens: 1,
        completion_tokens: 11,
        total_tokens: 12,
        cached_tokens: 0,
        completion_tokens_details: { reasoning_tokens: 8 },
      },
    })
    expect(answer.headers['msh-request-id']).toMatch(/^[0-9a-f]{32}$/)
  })

  it('has no reasoning when thinking is off', async () => {
    const answer = await ask('Hi', { model: 'kimi-k2.6', thinking: { type: 'disabled' } })
    expect(message(answer)).toEqual({ role: 'assistant', content: 'You said: Hi' })
    expect(at(answer.json, 'usage', 'completion_tokens')).toBe(3)
  })

  it('thinks within the cap', async () => {
    const answer = await ask('Hi', { reasoning_effort: 'low', max_completion_tokens: 4, max_tokens: 100 })
    expect(answer.json).toMatchObject({
      choices: [
        { message: { content: '', reasoning_content: 'Let me think about ' }, finish_reason: 'length' },
      ],
      usage: { completion_tokens: 4, completion_tokens_details: { reasoning_tokens: 4 } },
    })
  })

  it('counts a prefix as cached when its key was met, and can say it twice', async () => {
    const messages = [{ role: 'system', content: 'be very brief' }, user('Hi')]
    const body = { messages, prompt_cache_key: 'k' }
    expect(at((await ask('', body)).json, 'usage', 'cached_tokens')).toBe(0)
    expect(at((await ask('', body)).json, 'usage', 'cached_tokens')).toBe(3)
    upstream.next({ faults: ['cached-in-details'] })
    expect(at((await ask('', body)).json, 'usage')).toMatchObject({
      cached_tokens: 3,
      prompt_tokens_details: { cached_tokens: 3 },
    })
  })

  it('calls a tool that a request or a system message brings', async () => {
    const tools = [{ type: 'function', function: { name: 'look' } }]
    const called = (answer: RawAnswer) => at(message(answer), 'tool_calls', 0, 'function', 'name')
    expect(called(await ask('call the tool', { tools }))).toBe('look')
    expect(called(await ask('', { messages: [{ role: 'system', tools }, user('call the tool')] }))).toBe(
      'look',
    )
  })
})

describe('a stream', () => {
  it('has role, reasoning, text and finish in that order, then [DONE]', async () => {
    const answer = await ask('Hi', { ...streamed, reasoning_effort: 'low' })
    const pieces = deltas(answer)
    expect(pieces[0]).toEqual({ role: 'assistant', content: '' })
    expect(pieces.slice(1, 3)).toEqual([{ reasoning_content: 'Let ' }, { reasoning_content: 'me ' }])
    expect(pieces.slice(9)).toEqual([{ content: 'You ' }, { content: 'said: ' }, { content: 'Hi' }, {}])
    expect(answer.text.endsWith('data: [DONE]\n\n')).toBe(true)
  })

  it('of k3 has usage beside the last choice, of k2.6 inside it', async () => {
    const k3 = await ask('Hi', withUsage)
    expect(at(k3.chunks, -1)).toMatchObject({
      choices: [{ finish_reason: 'stop' }],
      usage: { cached_tokens: 0 },
    })
    expect(at(k3.chunks, -1, 'choices', 0, 'usage')).toBeUndefined()
    const k26 = await ask('Hi', { ...streamed, model: 'kimi-k2.6' })
    expect(at(k26.chunks, -1, 'choices', 0, 'usage')).toMatchObject({ prompt_tokens: 1, cached_tokens: 0 })
    expect(at(k26.chunks, -1, 'usage')).toBeUndefined()
  })

  it('has usage in a chunk of its own on demand, if it was asked for', async () => {
    const own = await startKimi({ usageIn: 'own' })
    const last = at((await ask('Hi', withUsage, own.url)).chunks, -1)
    expect(last).toMatchObject({ choices: [], usage: { prompt_tokens: 1 } })
    expect((await ask('Hi', streamed, own.url)).text).not.toContain('"usage"')
    await own.close()
    const faults = await ask('Hi [[fault:usage-in-own-chunk]]', { ...withUsage, model: 'kimi-k2.6' })
    expect(at(faults.chunks, -1, 'choices')).toEqual([])
    expect((await ask('Hi [[fault:no-usage]]', withUsage)).text).not.toContain('"usage"')
  })

  it('can have tool calls without index', async () => {
    const answer = await ask('[[fault:tool-call-no-index]]', streamed)
    const calls = deltas(answer).map(delta => at(delta, 'tool_calls', 0))
    expect(calls.filter(call => call !== undefined).map(call => Object.keys(Object(call)))).toEqual([
      ['id', 'type', 'function'],
      ['id', 'type', 'function'],
    ])
  })

  it('can break with an error chunk', async () => {
    const answer = await ask('Hi [[fault:error-after-events=2]]', streamed)
    expect(answer.chunks).toHaveLength(3)
    expect(at(answer.chunks, -1)).toEqual({
      error: { type: 'server_error', message: expect.any(String) },
    })
    expect(answer.text).not.toContain('[DONE]')
  })
})

describe('the web search', () => {
  const tools = [{ type: 'builtin_function', function: { name: '$web_search' } }]
  const turn = (answer: RawAnswer, content: unknown, more: object = {}) => ({
    tools,
    messages: [
      user('news?'),
      { role: 'assistant', ...Object(message(answer)), content: 'Searching.', ...more },
      { role: 'tool', tool_call_id: at(message(answer), 'tool_calls', 0, 'id'), content },
    ],
  })

  it('is a call whose arguments come back unchanged, and whose results are paid as prompt', async () => {
    const first = await ask('news?', { tools })
    expect(at(first.json, 'choices', 0, 'finish_reason')).toBe('tool_calls')
    expect(at(message(first), 'tool_calls', 0, 'function', 'name')).toBe('$web_search')
    const given = String(at(message(first), 'tool_calls', 0, 'function', 'arguments'))
    const second = await ask('', turn(first, given))
    expect(at(message(second), 'content')).toBe('The tool said: web results for news?')
    expect(at(second.json, 'usage', 'prompt_tokens')).toBeGreaterThan(250)
    const printedAgain = await ask('', turn(first, JSON.stringify(JSON.parse(given))))
    expect([printedAgain.status, at(printedAgain.json, 'error', 'message')]).toEqual([
      400,
      expect.stringContaining('must be returned unchanged'),
    ])
  })

  it('cannot be answered with arguments that were never issued', async () => {
    const first = await ask('news?', { tools })
    const id = at(message(first), 'tool_calls', 0, 'id')
    const forged = { id, type: 'function', function: { name: '$web_search', arguments: '{}' } }
    expect((await ask('', turn(first, '{}', { tool_calls: [forged] }))).status).toBe(400)
  })

  it('wants the call itself back unchanged too', async () => {
    const first = await ask('news?', { tools })
    const issued = at(message(first), 'tool_calls', 0)
    const given = at(issued, 'function', 'arguments')
    const changed = { ...Object(issued), function: { name: '$web_search', arguments: `${given} ` } }
    expect((await ask('', turn(first, given, { tool_calls: [changed] }))).status).toBe(400)
    expect((await ask('', turn(first, given))).status).toBe(200)
  })

  it('is not made when tools are forbidden', async () => {
    const answer = await ask('news?', { tools, tool_choice: 'none' })
    expect(at(message(answer), 'content')).toBe('You said: news?')
  })
})

describe('an error', () => {
  it.each([
    ['status=400', 400, 'invalid_request_error', /./],
    ['error=content_filter', 400, 'content_filter', /considered high risk/],
    ['error=input_too_long', 400, 'invalid_request_error', /^Input token length too long$/],
    ['error=token_limit', 400, 'invalid_request_error', /exceeded model token limit: 262144/],
    ['error=membership', 402, 'membership_error', /membership/],
    ['status=403', 403, 'permission_denied_error', /./],
    ['error=coding_agents_only', 403, 'permission_denied_error', /only available for Coding Agents/],
    ['status=404', 404, 'resource_not_found_error', /Permission denied/],
    ['status=413', 413, 'invalid_request_error', /exceeds the maximum size/],
    ['status=429', 429, 'rate_limit_reached_error', /try again after 1 seconds/],
    ['error=rate_limit_reached_error:7', 429, 'rate_limit_reached_error', /try again after 7 seconds/],
    ['error=max_concurrency', 429, 'rate_limit_reached_error', /concurrency/],
    ['error=tokens_per_day', 429, 'rate_limit_reached_error', /TPD/],
    ['error=engine_overloaded_error', 429, 'engine_overloaded_error', /currently overloaded/],
    ['error=exceeded_current_quota_error', 429, 'exceeded_current_quota_error', /check your account balance/],
    ['error=insufficient_balance', 429, 'exceeded_current_quota_error', /insufficient balance/],
    ['error=rate_limit_error', 429, 'rate_limit_error', /currently overloaded/],
    ['status=500', 500, 'server_error', /./],
    ['error=unexpected_output', 500, 'unexpected_output', /./],
    ['status=529', 529, 'overloaded_error', /overloaded/],
    ['status=503', 503, 'server_error', /./],
  ])('%s has its status, type and text', async (fault, status, type, text) => {
    const answer = await ask(`[[fault:${fault}]]`)
    expect(answer.status).toBe(status)
    expect(answer.json).toEqual({ error: { type, message: expect.stringMatching(text) } })
  })

  it('can come from a script, with a time to wait', async () => {
    upstream.next({ faults: ['status=429', 'retry-after=3'] })
    const answer = await ask('Hi')
    expect([answer.status, answer.headers['retry-after']]).toEqual([429, '3'])
    expect((await ask('Hi')).status).toBe(200)
  })

  it('of the quota comes when the balance is used up', async () => {
    const poor = await startKimi({ balance: 0 })
    const answer = await ask('Hi', {}, poor.url)
    expect([answer.status, at(answer.json, 'error', 'type')]).toEqual([429, 'exceeded_current_quota_error'])
    await poor.close()
  })
})

describe('the other endpoints', () => {
  const get = async (path: string, options: KimiOptions = {}) => {
    const own = await startKimi(options)
    const answer = await rawCall(own.url, { method: 'GET', path })
    await own.close()
    return answer.json
  }

  it('tell the balance', async () => {
    expect(await get('/users/me/balance', { balance: 4.5 })).toEqual({
      code: 0,
      data: { available_balance: 4.5, voucher_balance: 0, cash_balance: 4.5 },
      scode: '0x0',
      status: true,
    })
  })

  it('list the models with what they can do', async () => {
    expect(at(await get('/models', { models: ['kimi-k2.6', 'moonshot-v1-8k'] }), 'data')).toEqual([
      {
        id: 'kimi-k2.6',
        object: 'model',
        created: expect.any(Number),
        owned_by: 'moonshot',
        context_length: 262_144,
        supports_image_in: true,
        supports_video_in: true,
        supports_reasoning: true,
      },
      expect.objectContaining({ id: 'moonshot-v1-8k', supports_image_in: false, supports_reasoning: false }),
    ])
  })

  it('count tokens, and take nothing but a model and messages', async () => {
    const path = '/tokenizers/estimate-token-count'
    const body = { model: 'kimi-k3', messages: [user('one two three')] }
    expect((await rawCall(upstream.url, { path, body })).json).toEqual({ data: { total_tokens: 3 } })
    expect((await rawCall(upstream.url, { path, body: { ...body, tools: [] } })).status).toBe(400)
  })
})

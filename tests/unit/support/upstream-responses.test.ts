// Checks what the Responses endpoint of the OpenAI double answers: items, named events, endings and breaks.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startUpstream } from '../../support/upstream/openai.ts'
import { at, type RawAnswer, rawCall } from '../../support/upstream/raw-call.ts'
import type { Upstream } from '../../support/upstream/server.ts'
import { listOf, objectOf } from '../../support/upstream/shape.ts'

let upstream: Upstream
beforeEach(async () => {
  upstream = await startUpstream()
})
afterEach(() => upstream.close())

const create = (input: unknown, more: object = {}): Promise<RawAnswer> =>
  rawCall(upstream.url, { path: '/responses', body: { model: 'gpt-5.6-sol', input, ...more } })
const plain = { model: 'test-model' }
const low = { reasoning: { effort: 'low' } }
const stream = { stream: true }
const tools = [
  {
    type: 'function',
    name: 'weather',
    parameters: { type: 'object', properties: { city: { type: 'string' } } },
  },
]
const types = (answer: RawAnswer): readonly unknown[] => answer.chunks.map(chunk => at(chunk, 'type'))
const of = (answer: RawAnswer, type: string): readonly unknown[] =>
  answer.chunks.filter(chunk => at(chunk, 'type') === type)
const output = (answer: RawAnswer) => listOf(at(answer.json, 'output')).map(objectOf)

describe('a response', () => {
  it('has a message item and usage with its details', async () => {
    const answer = await create('Hi', plain)
    expect(answer.json).toMatchObject({
      id: expect.stringMatching(/^resp_/),
      object: 'response',
      status: 'completed',
      error: null,
      incomplete_details: null,
      model: 'test-model',
      output: [
        {
          id: expect.stringMatching(/^msg_/),
          type: 'message',
          status: 'completed',
          role: 'assistant',
          content: [{ type: 'output_text', text: 'You said: Hi', annotations: [], logprobs: [] }],
        },
      ],
      usage: {
        input_tokens: 1,
        input_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 },
        output_tokens: 3,
        output_tokens_details: { reasoning_tokens: 0 },
        total_tokens: 4,
      },
    })
    expect(answer.headers['x-request-id']).toMatch(/^req_/)
  })

  it('shows reasoning as an item, with summary and encrypted content only when asked', async () => {
    const bare = await create('Hi', low)
    expect(output(bare)[0]).toEqual({ id: expect.stringMatching(/^rs_/), type: 'reasoning', summary: [] })
    expect(at(bare.json, 'usage', 'output_tokens_details', 'reasoning_tokens')).toBe(8)
    const full = await create('Hi', {
      reasoning: { effort: 'low', summary: 'auto' },
      include: ['reasoning.encrypted_content'],
    })
    expect(output(full)[0]).toEqual({
      id: expect.stringMatching(/^rs_/),
      type: 'reasoning',
      summary: [{ type: 'summary_text', text: expect.stringMatching(/./) }],
      encrypted_content: expect.stringMatching(/^gAAAAA/),
    })
  })

  it('says what is cached and what was written for a new cache key', async () => {
    const input = [
      { role: 'system', content: 'be very brief' },
      { role: 'user', content: 'Hi' },
    ]
    const details = async () =>
      at((await create(input, { prompt_cache_key: 'k' })).json, 'usage', 'input_tokens_details')
    expect(await details()).toEqual({ cached_tokens: 0, cache_write_tokens: 3 })
    expect(await details()).toEqual({ cached_tokens: 3, cache_write_tokens: 0 })
  })

  it('is JSON when a format asks for it', async () => {
    const schema = { type: 'object', properties: { a: { type: 'integer' } } }
    const answer = await create('x', {
      ...plain,
      text: { format: { type: 'json_schema', name: 'a', schema } },
    })
    expect(at(output(answer), 0, 'content', 0, 'text')).toBe('{"a":1}')
  })

  it('is incomplete at the cap and by the filter, and without a message when thinking took it all', async () => {
    const capped = await create('one two three', { ...plain, max_output_tokens: 3 })
    expect(capped.json).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
      output: [{ status: 'incomplete', content: [{ text: 'You said: one ' }] }],
    })
    const thought = await create('Hi', { ...low, max_output_tokens: 4 })
    expect(output(thought).map(item => item['type'])).toEqual(['reasoning'])
    const filtered = await create('[[fault:finish=content_filter]]')
    expect(at(filtered.json, 'incomplete_details')).toEqual({ reason: 'content_filter' })
  })

  it('can have failed under status 200', async () => {
    const answer = await create('[[fault:finish=failed:rate_limit_exceeded]]')
    expect(answer.status).toBe(200)
    expect(answer.json).toMatchObject({
      status: 'failed',
      error: { code: 'rate_limit_exceeded', message: expect.any(String) },
      output: [],
      usage: null,
    })
  })

  it('goes on from a stored one', async () => {
    const first = await create('call the tool', { tools })
    const call_id = at(output(first), 1, 'call_id')
    const result = [{ type: 'function_call_output', call_id, output: 'sunny' }]
    const more = { tools, previous_response_id: at(first.json, 'id') }
    expect(at(output(await create(result, more)), 1, 'content', 0, 'text')).toBe('The tool said: sunny')
    const unstored = await create('Hi', { store: false })
    const gone = await create('Hi', { previous_response_id: at(unstored.json, 'id') })
    expect(at(gone.json, 'error', 'code')).toBe('previous_response_not_found')
  })
})

describe('a stream', () => {
  it('has named, numbered events and no [DONE]', async () => {
    const answer = await create('Hi you', { ...plain, ...stream })
    expect(answer.headers['content-type']).toBe('text/event-stream; charset=utf-8')
    expect(types(answer)).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.delta',
      'response.output_text.delta',
      'response.output_text.delta',
      'response.output_text.delta',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.completed',
    ])
    expect(answer.text.match(/^event: .+$/gm)).toEqual(types(answer).map(type => `event: ${type}`))
    expect(answer.chunks.map(chunk => at(chunk, 'sequence_number'))).toEqual([...Array(12).keys()])
    expect(answer.text).not.toContain('[DONE]')
    const text = of(answer, 'response.output_text.delta').map(chunk => at(chunk, 'delta'))
    expect(text).toEqual(['You ', 'said: ', 'Hi ', 'you'])
    expect(at(answer.chunks, 4)).toMatchObject({
      output_index: 0,
      content_index: 0,
      item_id: expect.stringMatching(/^msg_/),
    })
    expect(at(answer.chunks, -1, 'response')).toMatchObject({
      status: 'completed',
      output: [{ content: [{ text: 'You said: Hi you' }] }],
      usage: { output_tokens: 4 },
    })
    expect(at(answer.chunks, 0, 'response')).toMatchObject({ status: 'in_progress', output: [], usage: null })
  })

  it('has the summary of the reasoning, then the calls with their arguments in pieces', async () => {
    const answer = await create('call the tool', {
      ...stream,
      tools,
      reasoning: { effort: 'low', summary: 'concise' },
      include: ['reasoning.encrypted_content'],
    })
    const summary = of(answer, 'response.reasoning_summary_text.delta').map(chunk => at(chunk, 'delta'))
    const [reasoning, call] = of(answer, 'response.output_item.done').map(chunk => at(chunk, 'item'))
    expect(summary.length).toBeGreaterThan(1)
    expect(at(reasoning, 'summary', 0, 'text')).toBe(summary.join(''))
    expect(at(reasoning, 'encrypted_content')).toMatch(/^gAAAAA/)
    expect(at(of(answer, 'response.output_item.added'), 1, 'item')).toMatchObject({
      type: 'function_call',
      name: 'weather',
      arguments: '',
      status: 'in_progress',
    })
    const pieces = of(answer, 'response.function_call_arguments.delta').map(chunk => at(chunk, 'delta'))
    expect(pieces).toEqual(['{"city', '":"tex', 't"}'])
    expect(at(of(answer, 'response.function_call_arguments.done'), 0, 'arguments')).toBe('{"city":"text"}')
    expect(call).toMatchObject({ call_id: expect.stringMatching(/^call_/), arguments: '{"city":"text"}' })
    const place = { output_index: 1, item_id: at(call, 'id') }
    expect(of(answer, 'response.function_call_arguments.delta')[0]).toMatchObject(place)
  })

  it('can interleave the calls, or send their arguments whole', async () => {
    const mixed = await create('[[fault:tool-calls-interleaved]]', { ...plain, ...stream, tools })
    const deltas = of(mixed, 'response.function_call_arguments.delta')
    expect(deltas.slice(0, 4).map(chunk => at(chunk, 'output_index'))).toEqual([0, 1, 0, 1])
    const whole = await create('[[fault:tool-call-whole]]', { ...plain, ...stream, tools })
    expect(of(whole, 'response.function_call_arguments.delta').map(chunk => at(chunk, 'delta'))).toEqual([
      '{"city":"Zürich","days":3}',
    ])
  })

  it('can refuse in words', async () => {
    const answer = await create('[[fault:refusal=No way]]', { ...plain, ...stream })
    expect(of(answer, 'response.refusal.delta').map(chunk => at(chunk, 'delta'))).toEqual(['No ', 'way'])
    expect(at(answer.chunks, -1, 'response', 'output', 0, 'content')).toEqual([
      { type: 'refusal', refusal: 'No way' },
    ])
  })

  it('can end incomplete, failed half-way, or without any end', async () => {
    const capped = await create('one two three', { ...plain, ...stream, max_output_tokens: 3 })
    expect(at(capped.chunks, -1)).toMatchObject({
      type: 'response.incomplete',
      response: { incomplete_details: { reason: 'max_output_tokens' } },
    })
    const failed = await create('Hi [[fault:finish=failed]]', { ...plain, ...stream })
    expect(at(failed.chunks, -1)).toMatchObject({
      type: 'response.failed',
      response: { status: 'failed', error: { code: 'server_error' } },
    })
    expect(types(failed)).toContain('response.output_text.delta')
    expect(types(failed)).not.toContain('response.output_item.done')
    const endless = await create('Hi [[fault:no-finish]]', { ...plain, ...stream })
    expect(types(endless).at(-1)).toBe('response.output_item.done')
  })

  it('can break with an error event', async () => {
    const answer = await create('Hi [[fault:error-after-events=5]]', { ...plain, ...stream })
    expect(types(answer).slice(4)).toEqual(['response.output_text.delta', 'error'])
    expect(answer.text).toContain('\n\nevent: error\ndata: {')
    expect(at(answer.chunks, -1)).toEqual({
      type: 'error',
      sequence_number: 5,
      code: null,
      message: 'The server had an error.',
      param: null,
    })
  })

  it('takes the faults of any other, by text and by script', async () => {
    expect((await create('[[fault:status=429]]')).status).toBe(429)
    upstream.next({ faults: ['cut-after-events=3'] })
    const cut = await create('Hi', { ...plain, ...stream })
    expect([cut.failure, cut.chunks.length]).toEqual(['ECONNRESET', 3])
    upstream.next({ answer: { text: 'as told' } })
    expect(at(output(await create('Hi', plain)), 0, 'content', 0, 'text')).toBe('as told')
  })
})

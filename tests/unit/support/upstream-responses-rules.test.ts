// Checks that the Responses endpoint of the OpenAI double refuses what OpenAI refuses, each rule once.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startUpstream } from '../../support/upstream/openai.ts'
import { at, type RawAnswer, rawCall } from '../../support/upstream/raw-call.ts'
import type { Upstream } from '../../support/upstream/server.ts'

let upstream: Upstream
beforeAll(async () => {
  upstream = await startUpstream()
})
afterAll(() => upstream.close())

const create = (more: object, path = '/responses'): Promise<RawAnswer> =>
  rawCall(upstream.url, { path, body: { model: 'gpt-5.6-sol', input: 'Hi', ...more } })
const hi = { role: 'user', content: 'Hi' }
const input = (...items: readonly object[]) => ({ input: items })
const parts = (...content: readonly object[]) => input({ role: 'user', content })
const fn = (name: string, more: object = {}) => ({ type: 'function', name, ...more })
const call = (call_id: string) => ({ type: 'function_call', call_id, name: 'look', arguments: '{}' })
const output = (call_id: string) => ({ type: 'function_call_output', call_id, output: 'done' })
const closed = {
  type: 'object',
  properties: { a: { type: 'string' } },
  required: ['a'],
  additionalProperties: false,
}
const format = (more: object) => ({ text: { format: { type: 'json_schema', ...more } } })
const plain = { model: 'test-model' }

/** What is sent, and the code and param of the 400 that answers it. */
const refused: readonly (readonly [string, object, string | null, string])[] = [
  ['no input', { input: undefined }, 'missing_required_parameter', 'input'],
  ['messages', { messages: [hi] }, 'unknown_parameter', 'messages'],
  ['max_tokens', { max_tokens: 5 }, 'unknown_parameter', 'max_tokens'],
  ['max_completion_tokens', { max_completion_tokens: 5 }, 'unknown_parameter', 'max_completion_tokens'],
  ['reasoning_effort', { reasoning_effort: 'low' }, 'unknown_parameter', 'reasoning_effort'],
  ['response_format', { response_format: { type: 'text' } }, 'unknown_parameter', 'response_format'],
  ['stream_options', { stream: true, stream_options: {} }, 'unknown_parameter', 'stream_options'],
  ['stop', { stop: ['x'] }, 'unknown_parameter', 'stop'],
  ['seed', { seed: 1 }, 'unknown_parameter', 'seed'],
  ['n', { n: 1 }, 'unknown_parameter', 'n'],
  ['no items', input(), 'empty_array', 'input'],
  ['an item of no known type', input({ type: 'tool', content: 'x' }), 'invalid_value', 'input[0].type'],
  ['the role tool', input({ role: 'tool', content: 'x' }), 'invalid_value', 'input[0].role'],
  [
    'tool calls inside a message',
    input(hi, { role: 'assistant', content: '', tool_calls: [] }),
    'unknown_parameter',
    'input[1].tool_calls',
  ],
  ['a chat text part', parts({ type: 'text', text: 'x' }), 'invalid_value', 'input[0].content[0].type'],
  [
    'input text from the assistant',
    input(hi, { role: 'assistant', content: [{ type: 'input_text', text: 'x' }] }),
    'invalid_value',
    'input[1].content[0].type',
  ],
  [
    'an image as an object',
    parts({ type: 'input_image', image_url: { url: 'https://a/b' } }),
    'invalid_type',
    'input[0].content[0].image_url',
  ],
  [
    'an image by url and id',
    parts({ type: 'input_image', image_url: 'https://a/b', file_id: 'file-1' }),
    'missing_required_parameter',
    'input[0].content[0].image_url',
  ],
  [
    'file data without a name',
    parts({ type: 'input_file', file_data: 'data:application/pdf;base64,AAAA' }),
    'missing_required_parameter',
    'input[0].content[0].file_id',
  ],
  [
    'nested tools',
    { tools: [{ type: 'function', function: { name: 'look' } }] },
    'unknown_parameter',
    'tools[0].function',
  ],
  ['a tool of another type', { tools: [{ type: 'web_search' }] }, 'invalid_value', 'tools[0].type'],
  [
    'parameters of no object',
    { tools: [fn('look', { parameters: {} })] },
    'invalid_value',
    'tools[0].parameters',
  ],
  [
    'a strict tool that is open',
    { tools: [fn('look', { strict: true, parameters: { type: 'object' } })] },
    'invalid_json_schema',
    'tools[0].parameters',
  ],
  ['a choice without tools', { tool_choice: 'auto' }, 'invalid_value', 'tool_choice'],
  [
    'a nested choice',
    { tools: [fn('look')], tool_choice: { type: 'function', function: { name: 'look' } } },
    'unknown_parameter',
    'tool_choice.function',
  ],
  [
    'a choice of a stranger',
    { tools: [fn('look')], tool_choice: fn('other') },
    'invalid_value',
    'tool_choice',
  ],
  [
    'a nested schema',
    format({ json_schema: { name: 'a', schema: closed } }),
    'unknown_parameter',
    'text.format.json_schema',
  ],
  ['a schema without name', format({ schema: closed }), 'missing_required_parameter', 'text.format.name'],
  [
    'a strict schema that is open',
    format({ name: 'a', strict: true, schema: { type: 'object' } }),
    'invalid_json_schema',
    'text.format.schema',
  ],
  ['json_object without the word', { text: { format: { type: 'json_object' } } }, null, 'input'],
  ['another include', { include: ['logprobs'] }, 'invalid_value', 'include[0]'],
  [
    'an effort that the model lacks',
    { reasoning: { effort: 'minimal' } },
    'unsupported_value',
    'reasoning.effort',
  ],
  [
    'an effort for a model that does not reason',
    { ...plain, reasoning: { effort: 'low' } },
    'unsupported_parameter',
    'reasoning.effort',
  ],
  [
    'effort none on gpt-6.1-sol',
    { model: 'gpt-6.1-sol', reasoning: { effort: 'none' } },
    'unsupported_value',
    'reasoning.effort',
  ],
  [
    'a low effort on gpt-5.5-pro',
    { model: 'gpt-5.5-pro', reasoning: { effort: 'low' } },
    'unsupported_value',
    'reasoning.effort',
  ],
  ['a temperature while reasoning', { temperature: 0.5 }, 'unsupported_parameter', 'temperature'],
  ['an output without its call', input(hi, output('a')), null, 'input'],
  ['an output before its call', input(hi, output('a'), call('a')), null, 'input'],
  ['a call without output', input(hi, call('a'), call('b'), output('a')), null, 'input'],
  ['equal call ids', input(hi, call('a'), output('a'), call('a'), output('a')), 'invalid_value', 'input'],
  [
    'reasoning that was never issued',
    input(
      hi,
      { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'gAAA' },
      call('a'),
      output('a'),
    ),
    'invalid_encrypted_content',
    'input[1]',
  ],
  [
    'an unknown response before it',
    { previous_response_id: 'resp_none' },
    'previous_response_not_found',
    'previous_response_id',
  ],
]

const accepted: readonly (readonly [string, object])[] = [
  ['tools while reasoning', { tools: [fn('look', { strict: true, parameters: closed })] }],
  ['calls of another provider without reasoning', { ...input(hi, call('a'), output('a')), store: false }],
  ['a temperature at effort none', { reasoning: { effort: 'none' }, temperature: 0.5, top_p: 0.9 }],
  ['a model that only this endpoint has', { model: 'o3-pro', reasoning: { effort: 'high' } }],
  [
    'allowed tools',
    { tools: [fn('look')], tool_choice: { type: 'allowed_tools', mode: 'auto', tools: [fn('look')] } },
  ],
  [
    'every kind of item and part',
    input(
      { type: 'message', role: 'developer', content: 'Be brief.' },
      {
        role: 'user',
        content: [
          { type: 'input_text', text: 'Hi' },
          { type: 'input_image', image_url: 'data:image/png;base64,AAAA', detail: 'low' },
          { type: 'input_file', file_url: 'https://a/b.pdf' },
          { type: 'input_file', filename: 'a.pdf', file_data: 'data:application/pdf;base64,AAAA' },
        ],
      },
      { role: 'assistant', content: [{ type: 'output_text', text: 'Hello' }] },
      hi,
    ),
  ],
]

describe('a response is refused for', () => {
  it.each(refused)('%s', async (_name, body, code, param) => {
    const answer = await create(body)
    expect(answer.json).toEqual({
      error: { message: expect.any(String), type: 'invalid_request_error', param, code },
    })
    expect(answer.status).toBe(400)
  })

  it('a model that nobody has, another method, a text body', async () => {
    expect((await create({ model: 'gpt-2' })).status).toBe(404)
    expect((await create({ model: 'text-embedding-3-small' })).status).toBe(404)
    expect((await rawCall(upstream.url, { path: '/responses', method: 'GET' })).status).toBe(405)
    const headers = { 'content-type': 'text/plain' }
    const answer = await rawCall(upstream.url, {
      path: '/responses',
      body: { model: 'o3', input: 'x' },
      headers,
    })
    expect(at(answer.json, 'error', 'code')).toBe('unsupported_content_type')
  })

  it('files that were never uploaded', async () => {
    const answer = await create(parts({ type: 'input_file', file_id: 'file-1' }))
    expect([answer.status, at(answer.json, 'error', 'param')]).toEqual([404, 'file_id'])
  })
})

describe('a response is made with', () => {
  it.each(accepted)('%s', async (_name, body) => {
    const answer = await create(body)
    expect(answer.text).toContain('"object":"response"')
    expect(answer.status).toBe(200)
  })
})

describe('input tokens', () => {
  it('are counted over instructions and input', async () => {
    const answer = await create(
      { instructions: 'be brief', input: 'one two three' },
      '/responses/input_tokens',
    )
    expect(answer.json).toEqual({ object: 'response.input_tokens', input_tokens: 5 })
  })

  it.each(['stream', 'store', 'max_output_tokens'])('are not counted with %s', async field => {
    const answer = await create(
      { [field]: field === 'max_output_tokens' ? 5 : false },
      '/responses/input_tokens',
    )
    expect([answer.status, at(answer.json, 'error', 'param')]).toEqual([400, field])
  })
})

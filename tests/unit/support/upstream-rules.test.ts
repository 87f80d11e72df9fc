// Checks that the OpenAI double refuses what OpenAI refuses, with OpenAI's status, code and parameter.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startUpstream } from '../../support/upstream/openai.ts'
import { at, type RawAnswer, rawCall } from '../../support/upstream/raw-call.ts'
import type { Upstream } from '../../support/upstream/server.ts'

let upstream: Upstream
beforeAll(async () => {
  upstream = await startUpstream()
  const form = new FormData()
  form.set('purpose', 'user_data')
  form.set('file', new Blob(['%PDF']), 'a.pdf')
  const headers = { authorization: 'Bearer test-key' }
  await fetch(`${upstream.url}/files`, { method: 'POST', headers, body: form })
})
afterAll(() => upstream.close())

const hi = { role: 'user', content: 'Hi' }
const chat = (more: object): Promise<RawAnswer> =>
  rawCall(upstream.url, { body: { model: 'test-model', messages: [hi], ...more } })
const fn = (name: string, more: object = {}) => ({ type: 'function', function: { name, ...more } })
const parts = (...content: readonly unknown[]) => ({ messages: [{ role: 'user', content }] })
const image = (url: unknown, more: object = {}) => ({ type: 'image_url', image_url: { url, ...more } })
const call = (id: string) => ({ id, type: 'function', function: { name: 'f', arguments: '{}' } })
const asks = (...ids: readonly string[]) => ({ role: 'assistant', tool_calls: ids.map(call) })
const result = (id: string) => ({ role: 'tool', tool_call_id: id, content: 'done' })
const closed = {
  type: 'object',
  properties: { a: { type: 'string' } },
  required: ['a'],
  additionalProperties: false,
}
const format = (schema: object) => ({ response_format: { type: 'json_schema', json_schema: schema } })
const texts = (count: number) => Array.from({ length: count }, (_, index) => `s${index}`)
const pairs = (count: number) => Object.fromEntries(texts(count).map(key => [key, 'v']))

/** What is sent, and the code and param of the 400 that answers it. */
const refused: readonly (readonly [string, object, string | null, string])[] = [
  ['an unknown field', { thinking: {} }, 'unknown_parameter', 'thinking'],
  ['no messages', { messages: undefined }, 'missing_required_parameter', 'messages'],
  ['no model', { model: undefined }, 'missing_required_parameter', 'model'],
  ['an empty list of messages', { messages: [] }, 'empty_array', 'messages'],
  ['a string for a number', { temperature: '1' }, 'invalid_type', 'temperature'],
  ['null for a string', { user: null }, 'invalid_type', 'user'],
  ['a decimal for an integer', { seed: 1.5 }, 'invalid_type', 'seed'],
  ['a temperature above 2', { temperature: 2.1 }, 'number_above_max_value', 'temperature'],
  ['a penalty below -2', { presence_penalty: -3 }, 'number_below_min_value', 'presence_penalty'],
  ['a cap of 0', { max_tokens: 0 }, 'number_below_min_value', 'max_tokens'],
  ['both caps', { max_tokens: 5, max_completion_tokens: 5 }, 'invalid_parameter_combination', 'max_tokens'],
  [
    'a role that is none',
    { messages: [{ role: 'model', content: '' }] },
    'invalid_value',
    'messages[0].role',
  ],
  [
    'a message without role',
    { messages: [{ content: '' }] },
    'missing_required_parameter',
    'messages[0].role',
  ],
  [
    'a foreign field in a message',
    { messages: [hi, { role: 'assistant', content: '', reasoning_content: 'x' }] },
    'unknown_parameter',
    'messages[1].reasoning_content',
  ],
  [
    'a user message of null',
    { messages: [{ role: 'user', content: null }] },
    'invalid_type',
    'messages[0].content',
  ],
  [
    'an assistant turn of nothing',
    { messages: [hi, { role: 'assistant' }] },
    'invalid_type',
    'messages[1].content',
  ],
  ['a tool message with no call', { messages: [hi, result('a')] }, null, 'messages[1].role'],
  ['a result for another call', { messages: [hi, asks('a'), result('b')] }, null, 'messages[2].role'],
  [
    'two results for one call',
    { messages: [hi, asks('a'), result('a'), result('a')] },
    null,
    'messages[3].role',
  ],
  ['a call without result', { messages: [hi, asks('a', 'b'), result('a'), hi] }, null, 'messages[1].role'],
  ['a call without result at the end', { messages: [hi, asks('a')] }, null, 'messages[1].role'],
  ['equal call ids', { messages: [hi, asks('a', 'a')] }, 'invalid_value', 'messages[1].tool_calls'],
  [
    'a call id of 41 characters',
    { messages: [hi, asks('a'.repeat(41))] },
    'string_above_max_length',
    'messages[1].tool_calls[0].id',
  ],
  ['an empty list of calls', { messages: [hi, asks()] }, 'empty_array', 'messages[1].tool_calls'],
  ['a part of no known type', parts({ type: 'video_url' }), 'invalid_value', 'messages[0].content[0].type'],
  ['no parts', parts(), 'empty_array', 'messages[0].content'],
  [
    'an image part for the system',
    { messages: [{ role: 'system', content: [image('https://a/b')] }] },
    'invalid_value',
    'messages[0].content[0].type',
  ],
  [
    'an image without url',
    parts(image(undefined)),
    'missing_required_parameter',
    'messages[0].content[0].image_url.url',
  ],
  ['an image by path', parts(image('a.png')), 'invalid_value', 'messages[0].content[0].image_url.url'],
  [
    'an unknown detail',
    parts(image('https://a/b', { detail: 'default' })),
    'invalid_value',
    'messages[0].content[0].image_url.detail',
  ],
  [
    'audio as ogg',
    parts({ type: 'input_audio', input_audio: { data: 'AAAA', format: 'ogg' } }),
    'invalid_value',
    'messages[0].content[0].input_audio.format',
  ],
  [
    'a file by name only',
    parts({ type: 'file', file: { filename: 'a.pdf' } }),
    'missing_required_parameter',
    'messages[0].content[0].file.file_id',
  ],
  ['stream options without stream', { stream_options: {} }, 'invalid_value', 'stream_options'],
  ['five stop words', { stop: texts(5) }, 'array_above_max_length', 'stop'],
  ['17 pairs of metadata', { metadata: pairs(17) }, 'array_above_max_length', 'metadata'],
  ['metadata that is no text', { metadata: { a: 1 } }, 'invalid_type', 'metadata.a'],
  ['129 tools', { tools: texts(129).map(name => fn(name)) }, 'array_above_max_length', 'tools'],
  ['no tools', { tools: [] }, 'empty_array', 'tools'],
  ['a tool name with a dot', { tools: [fn('a.b')] }, 'invalid_value', 'tools[0].function.name'],
  ['a tool name of 65', { tools: [fn('a'.repeat(65))] }, 'invalid_value', 'tools[0].function.name'],
  ['a tool of another type', { tools: [{ type: 'web_search' }] }, 'invalid_value', 'tools[0].type'],
  [
    'parameters as text',
    { tools: [fn('a', { parameters: '{}' })] },
    'invalid_type',
    'tools[0].function.parameters',
  ],
  [
    'parameters without a type',
    { tools: [fn('a', { parameters: {} })] },
    'invalid_value',
    'tools[0].function.parameters',
  ],
  [
    'a strict tool that is open',
    { tools: [fn('a', { strict: true, parameters: { type: 'object' } })] },
    'invalid_json_schema',
    'tools[0].function.parameters',
  ],
  ['a tool choice without tools', { tool_choice: 'auto' }, 'invalid_value', 'tool_choice'],
  ['parallel calls without tools', { parallel_tool_calls: true }, 'invalid_value', 'parallel_tool_calls'],
  ['a choice of any', { tools: [fn('a')], tool_choice: 'any' }, 'invalid_value', 'tool_choice'],
  ['a choice of a stranger', { tools: [fn('a')], tool_choice: fn('b') }, 'invalid_value', 'tool_choice'],
  ['json_object without the word', { response_format: { type: 'json_object' } }, null, 'messages'],
  [
    'a schema without name',
    format({ schema: closed }),
    'missing_required_parameter',
    'response_format.json_schema.name',
  ],
  [
    'a name without schema',
    format({ name: 'a' }),
    'missing_required_parameter',
    'response_format.json_schema.schema',
  ],
  [
    'a strict schema that is open inside',
    format({ name: 'a', strict: true, schema: { ...closed, properties: { a: { type: 'object' } } } }),
    'invalid_json_schema',
    'response_format',
  ],
  ['top_logprobs alone', { top_logprobs: 2 }, 'invalid_value', 'top_logprobs'],
  [
    'effort for a model that does not reason',
    { reasoning_effort: 'low' },
    'unsupported_parameter',
    'reasoning_effort',
  ],
  ['max_tokens on gpt-5', { model: 'gpt-5', max_tokens: 5 }, 'unsupported_parameter', 'max_tokens'],
  ['max_tokens on o3', { model: 'o3', max_tokens: 5 }, 'unsupported_parameter', 'max_tokens'],
  ['temperature on gpt-5.6', { model: 'gpt-5.6', temperature: 0.5 }, 'unsupported_value', 'temperature'],
  ['top_p on gpt-6-sol', { model: 'gpt-6-sol', top_p: 0.5 }, 'unsupported_value', 'top_p'],
  ['logprobs on o3', { model: 'o3', logprobs: true }, 'unsupported_parameter', 'logprobs'],
  ['stop on gpt-5.6', { model: 'gpt-5.6', stop: 'x' }, 'unsupported_parameter', 'stop'],
  [
    'an effort that the model lacks',
    { model: 'gpt-5.6', reasoning_effort: 'minimal' },
    'unsupported_value',
    'reasoning_effort',
  ],
  ['tools on gpt-5.6 by default', { model: 'gpt-5.6', tools: [fn('a')] }, null, 'reasoning_effort'],
  [
    'tools on gpt-5.4 with effort',
    { model: 'gpt-5.4', tools: [fn('a')], reasoning_effort: 'low' },
    null,
    'reasoning_effort',
  ],
]

const accepted: readonly (readonly [string, object])[] = [
  ['temperature with effort none', { model: 'gpt-5.6', temperature: 0.5, reasoning_effort: 'none' }],
  [
    'tools with effort none',
    { model: 'gpt-5.6', reasoning_effort: 'none', tools: [fn('a', { parameters: closed })] },
  ],
  ['tools on gpt-5.4 without effort', { model: 'gpt-5.4', tools: [fn('a')] }],
  ['max_completion_tokens on o3', { model: 'o3', max_completion_tokens: 50 }],
  ['answered calls in any order', { messages: [hi, asks('a', 'b'), result('b'), result('a'), hi] }],
  ['four stop words and 16 pairs', { stop: texts(4), metadata: pairs(16) }],
  ['a strict closed schema', format({ name: 'a', strict: true, schema: closed })],
  [
    'every kind of part',
    parts(
      { type: 'text', text: 'Hi', prompt_cache_breakpoint: { mode: 'explicit' } },
      image('data:image/png;base64,AAAA', { detail: 'low' }),
      { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } },
      { type: 'file', file: { file_id: 'file-0000000000000000000001' } },
      { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,AAAA' } },
    ),
  ],
]

describe('a request is refused for', () => {
  it.each(refused)('%s', async (_name, body, code, param) => {
    const answer = await chat(body)
    expect(answer.status).toBe(400)
    expect(answer.json).toEqual({
      error: { message: expect.any(String), type: 'invalid_request_error', param, code },
    })
  })

  it('a body that is no JSON, or not said to be', async () => {
    expect((await rawCall(upstream.url, { body: '{"model":' })).status).toBe(400)
    expect(at((await rawCall(upstream.url, { body: '[]' })).json, 'error', 'code')).toBeNull()
    const body = { model: 'test-model', messages: [hi] }
    const plain = await rawCall(upstream.url, { body, headers: { 'content-type': 'text/plain' } })
    expect(at(plain.json, 'error', 'code')).toBe('unsupported_content_type')
  })
})

describe('a request is accepted with', () => {
  it.each(accepted)('%s', async (_name, body) => {
    const answer = await chat(body)
    expect(answer.text).toContain('"object":"chat.completion"')
    expect(answer.status).toBe(200)
  })

  it('fields of a compatible host only when the double plays one', async () => {
    const host = await startUpstream({ extraFields: ['top_k'], extraAssistantFields: ['reasoning'] })
    const messages = [hi, { role: 'assistant', content: 'a', reasoning: 'b' }, hi]
    const body = { model: 'test-model', messages, top_k: 3 }
    expect((await rawCall(host.url, { body })).status).toBe(200)
    expect((await rawCall(upstream.url, { body })).status).toBe(400)
    await host.close()
  })
})

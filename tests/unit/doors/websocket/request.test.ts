// From request frames to requests of the contract: every spelling, and what is refused.
import { toJson } from '@bufbuild/protobuf'
import { describe, expect, test } from 'vitest'
import { CompleteRequestSchema } from '#gen/exai/v1/chat_service_pb'
import { requestOf, wishOf } from '../../../../src/doors/websocket/request.ts'

type Fields = Parameters<typeof requestOf>[0]

const messages = [{ role: 'user', content: 'Hello!' }]
const ours = [{ role: 'ROLE_USER', content: [{ text: 'Hello!' }] }]
const translated = (fields: Fields) =>
  toJson(CompleteRequestSchema, requestOf(fields), { useProtoFieldName: true })

describe('a request frame', () => {
  test('of the seed is a request of the contract', () => {
    expect(translated({ model: 'gpt-4', messages })).toEqual({ model: 'gpt-4', messages: ours })
  })

  const cases: readonly (readonly [name: string, more: Fields, expected: object])[] = [
    ['a provider', { provider: 'openai' }, { model: 'openai/m' }],
    [
      'a provider that the model names, too',
      { provider: 'openai', model: 'openai/m' },
      { model: 'openai/m' },
    ],
    ['the provider auto', { provider: 'auto' }, { model: 'm' }],
    [
      'a provider and the model auto',
      { provider: 'glm', model: 'auto' },
      { model: 'auto', routing: { allow: ['glm'] } },
    ],
    [
      'the usual parameters',
      { parameters: { temperature: 0.5, top_p: 0.9, max_tokens: 100, stop: 'END' } },
      { temperature: 0.5, top_p: 0.9, max_output_tokens: 100, stop: ['END'] },
    ],
    [
      'the same beside them',
      { max_completion_tokens: 7, stop: ['a', 'b'] },
      { max_output_tokens: 7, stop: ['a', 'b'] },
    ],
    ['a parameter that is null', { parameters: { temperature: null } }, {}],
    [
      'parameters that only a provider knows',
      { parameters: { logit_bias: { a: 1 } } },
      { provider_options: { '*': { logit_bias: { a: 1 } } } },
    ],
    ['an effort', { parameters: { reasoning_effort: 'low' } }, { reasoning_effort: 'REASONING_EFFORT_LOW' }],
    [
      'tools',
      {
        tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }],
        tool_choice: { type: 'function', function: { name: 'f' } },
      },
      { tools: [{ name: 'f', parameters: { type: 'object' } }], tool_choice: { tool_name: 'f' } },
    ],
    ['a rule for tools', { tool_choice: 'required' }, { tool_choice: { mode: 'MODE_REQUIRED' } }],
    [
      'a schema',
      { response_format: { type: 'json_schema', json_schema: { name: 's', schema: { type: 'object' } } } },
      { response_format: { json_schema: { name: 's', schema: { type: 'object' } } } },
    ],
    ['any JSON', { response_format: { type: 'json_object' } }, { response_format: { json: {} } }],
    [
      'fields of the contract',
      {
        conversation_id: 'new',
        idempotency_key: 'k',
        routing: { prefer: 'PREFER_COST' },
        stream: true,
        timeout_ms: 5,
      },
      { conversation_id: 'new', idempotency_key: 'k', routing: { prefer: 'PREFER_COST' } },
    ],
  ]
  test.each(cases)('may have %s', (_, more, expected) => {
    expect(translated({ model: 'm', messages, ...more })).toEqual({ model: 'm', messages: ours, ...expected })
  })

  test('may have every kind of message', () => {
    const told = translated({
      model: 'm',
      messages: [
        { role: 'system', content: 'Be brief.' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'What is it?' },
            { type: 'image_url', image_url: { url: 'https://example.org/a.png', detail: 'low' } },
            { type: 'image_url', image_url: { url: 'data:image/png;base64,aGk=' } },
            { type: 'input_audio', input_audio: { data: 'aGk=', format: 'wav' } },
            { type: 'file', file: { file_id: 'file_1' } },
          ],
        },
        {
          role: 'assistant',
          content: null,
          tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }],
        },
        { role: 'tool', tool_call_id: 'c', content: '42' },
        { role: 'ROLE_ASSISTANT', content: [{ reasoning: { text: 'hm', opaque: 'aGk=' } }] },
      ],
    })
    expect(told).toMatchObject({
      messages: [
        { role: 'ROLE_SYSTEM', content: [{ text: 'Be brief.' }] },
        {
          role: 'ROLE_USER',
          content: [
            { text: 'What is it?' },
            { media: { url: 'https://example.org/a.png', detail: 'low' } },
            { media: { mime_type: 'image/png', data: 'aGk=' } },
            { media: { mime_type: 'audio/wav', data: 'aGk=' } },
            { media: { file_id: 'file_1' } },
          ],
        },
        { role: 'ROLE_ASSISTANT', content: [{ tool_call: { call_id: 'c', name: 'f', arguments: '{}' } }] },
        { role: 'ROLE_TOOL', content: [{ tool_result: { call_id: 'c', content: [{ text: '42' }] } }] },
        { role: 'ROLE_ASSISTANT', content: [{ reasoning: { text: 'hm', opaque: 'aGk=' } }] },
      ],
    })
  })

  const bad: readonly (readonly [name: string, more: Fields, says: RegExp])[] = [
    ['an unknown field', { nonsense: 1 }, /nonsense/],
    [
      'a field that is said twice',
      { temperature: 1, parameters: { temperature: 2 } },
      /^temperature is said twice/,
    ],
    ['a wrong type', { temperature: 'hot' }, /temperature/],
    ['a stream that is neither true nor false', { stream: 'yes' }, /^stream must be/],
    ['a time-out that is none', { timeout_ms: -1 }, /^timeout_ms must be/],
    ['parameters that are a list', { parameters: [] }, /^parameters must be/],
    ['a provider that is a number', { provider: 7 }, /^provider must be/],
    ['an unknown role', { messages: [{ role: 'robot', content: 'x' }] }, /^messages\[0\]\.role is "robot"/],
    ['no role', { messages: [{ content: 'x' }] }, /^messages\[0\]\.role is required/],
    ['a message with an unknown field', { messages: [{ role: 'user', content: 'x', mood: 'y' }] }, /"mood"/],
    [
      'an unknown part',
      { messages: [{ role: 'user', content: [{ type: 'smell' }] }] },
      /^messages\[0\]\.content\[0\]\.type must be/,
    ],
    ['a result without its call', { messages: [{ role: 'tool', content: 'x' }] }, /tool_call_id is required/],
    ['a tool of an unknown type', { tools: [{ type: 'shell' }] }, /^tools: "shell" is no function/],
    [
      'a tool whose type is no text',
      { tools: [{ type: { toString: 1 } }] },
      /^tools: a value of type object/,
    ],
    ['a tool whose type is nothing', { tools: [{ type: null }] }, /^tools: null is no function/],
    ['an unknown rule for tools', { tool_choice: 'maybe' }, /^tool_choice must be/],
    ['an unknown format', { response_format: { type: 'xml' } }, /^response_format\.type must be/],
  ]
  test.each(bad)('with %s is refused', (_, more, says) => {
    expect(() => requestOf({ model: 'm', messages, ...more })).toThrow(
      expect.objectContaining({ reason: 'INVALID_REQUEST', message: expect.stringMatching(says) }),
    )
  })

  test('does not outlive its connection', () => {
    expect(() => requestOf({ model: 'm', messages, resume_window: '60s' })).toThrow(
      expect.objectContaining({ reason: 'UNSUPPORTED' }),
    )
  })

  test('says before it is read how it wants to be served', () => {
    expect(wishOf({ stream: true, timeout_ms: 5 })).toEqual({ isStream: true, timeoutMs: 5 })
    expect(wishOf({ stream: 'yes', timeout_ms: 'soon' })).toEqual({ isStream: false })
  })
})

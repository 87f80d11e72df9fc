// Every field of the Responses API becomes what it is called here, goes to whoever answers, or is refused.
import { type JsonObject, toJson } from '@bufbuild/protobuf'
import { describe, expect, test } from 'vitest'
import { CompleteRequestSchema } from '#gen/exai/v1/chat_service_pb'
import { GatewayError } from '../../../../src/core/errors.ts'
import { paramOf } from '../../../../src/doors/http/errors.ts'
import { responseRequest } from '../../../../src/doors/openai/responses-request.ts'

const base = { model: 'm', input: 'hi' }
const said = { role: 'ROLE_USER', content: [{ text: 'hi' }] }

function read(body: JsonObject, key = '') {
  const { request, ...rest } = responseRequest({ ...base, ...body }, key)
  const { model: _, messages: __, ...ours } = toJson(CompleteRequestSchema, request) as JsonObject
  return { ours, ...rest }
}

function refusal(body: JsonObject): readonly [string, string | undefined] {
  try {
    responseRequest(body, '')
  } catch (error) {
    if (error instanceof GatewayError) return [error.reason, paramOf(error)]
    throw error
  }
  throw new Error('it was taken')
}

const declared = { name: 'f', description: 'd', parameters: { type: 'object' } }
const f = { type: 'function', ...declared }
const schema = { type: 'object' }

describe('a field', () => {
  const fields: readonly (readonly [JsonObject, JsonObject])[] = [
    [
      { temperature: 0.5, top_p: 0.9, max_output_tokens: 9 },
      { temperature: 0.5, topP: 0.9, maxOutputTokens: 9 },
    ],
    [{ temperature: null, tools: null, text: null, stream: null, store: null }, {}],
    [{ reasoning: { effort: 'high', summary: 'auto' } }, { reasoningEffort: 'REASONING_EFFORT_HIGH' }],
    [{ tools: [{ ...f, strict: true }] }, { tools: [{ ...declared, strict: true }] }],
    [
      { tools: [{ type: 'function', name: 'f', parameters: null, strict: null }] },
      { tools: [{ name: 'f' }] },
    ],
    [
      { tools: [f], tool_choice: 'required', parallel_tool_calls: false },
      { tools: [declared], toolChoice: { mode: 'MODE_REQUIRED' }, parallelToolCalls: false },
    ],
    [
      { tools: [f], tool_choice: { type: 'function', name: 'f' } },
      { tools: [declared], toolChoice: { toolName: 'f' } },
    ],
    [
      { tools: [f], tool_choice: 'auto' },
      { tools: [declared], toolChoice: { mode: 'MODE_AUTO' } },
    ],
    [{ tools: [], tool_choice: 'auto' }, {}],
    [{ tools: [{ type: 'web_search' }], tool_choice: 'auto' }, { webSearch: {} }],
    [
      { tools: [{ type: 'web_search_2025_08_26', filters: { allowed_domains: ['a.example'] } }] },
      { webSearch: { domains: ['a.example'] } },
    ],
    [{ text: { format: { type: 'text' } } }, { responseFormat: { text: {} } }],
    [{ text: { format: { type: 'json_object' } } }, { responseFormat: { json: {} } }],
    [
      { text: { format: { type: 'json_schema', name: 's', schema, strict: true } } },
      { responseFormat: { jsonSchema: { name: 's', schema, strict: true } } },
    ],
    [{ text: { verbosity: 'low' } }, { providerOptions: { '*': { verbosity: 'low' } } }],
    [
      { user: 'u', prompt_cache_key: 'k', service_tier: 'flex', metadata: { a: 'b' } },
      { user: 'u', promptCacheKey: 'k', serviceTier: 'flex', metadata: { a: 'b' } },
    ],
    [{ safety_identifier: 's' }, { user: 's' }],
    [{ store: true }, { conversationId: 'new' }],
    [{ store: false }, {}],
    [{ conversation: 'conv_1', store: true }, { conversationId: 'conv_1' }],
    [{ conversation: { id: 'conv_1' } }, { conversationId: 'conv_1' }],
    [{ exai: { conversation_id: 'conv_1', strict: true } }, { conversationId: 'conv_1', strict: true }],
    [{ background: false, stream_options: { include_obfuscation: false } }, {}],
    [{ brand_new: 1 }, { providerOptions: { '*': { brand_new: 1 } } }],
  ]
  test.each(fields)('%j', (body, ours) => expect(read(body)).toMatchObject({ ours, notes: [] }))
  test.each(fields)('and nothing else: %j', (body, ours) => expect(read(body).ours).toEqual(ours))

  test('instructions stand before the input', () => {
    const { request } = responseRequest({ ...base, instructions: 'be brief' }, '')
    expect(request.messages.map(({ role }) => role)).toEqual([1, 2])
    expect(toJson(CompleteRequestSchema, request)).toMatchObject({
      messages: [{ role: 'ROLE_SYSTEM', content: [{ text: 'be brief' }] }, said],
    })
  })

  test('says how the answer is to come, and what it goes on from', () => {
    expect(read({ stream: true, previous_response_id: 'resp_1', store: true })).toMatchObject({
      isStream: true,
      previousResponseId: 'resp_1',
      ours: {},
    })
    expect(read({})).toMatchObject({ isStream: false, previousResponseId: '', wantsSeals: false })
    expect(read({ include: ['reasoning.encrypted_content'] })).toMatchObject({ wantsSeals: true, notes: [] })
  })

  test('of the header makes a retry safe, unless the body has a key', () => {
    expect(read({}, 'k').ours).toEqual({ idempotencyKey: 'k' })
    expect(read({ exai: { idempotency_key: 'own' } }, 'k').ours).toEqual({ idempotencyKey: 'own' })
  })

  test('is said again by the answer where OpenAI does so', () => {
    expect(read({ temperature: 1, tools: [f], top_p: null, store: true, brand_new: 1 }).echo).toEqual({
      temperature: 1,
      tools: [f],
      top_p: null,
    })
  })
})

describe('what has no counterpart', () => {
  const dropped: readonly (readonly [JsonObject, string])[] = [
    [{ include: ['message.output_text.logprobs'] }, 'include'],
    [{ truncation: 'auto' }, 'truncation'],
    [{ max_tool_calls: 3 }, 'max_tool_calls'],
    [{ top_logprobs: 3 }, 'top_logprobs'],
    [{ context_management: [] }, 'context_management'],
    [{ tools: [{ type: 'web_search', search_context_size: 'low' }] }, 'tools[0].search_context_size'],
  ]

  test.each(dropped)('is told: %j', (body, param) => {
    expect(read(body).notes).toEqual([
      expect.stringMatching(new RegExp(`^${param.replace(/[[\]]/g, '\\$&')}.* was left out: `)),
    ])
  })

  test.each(dropped)('is refused under strict: %j', body => {
    expect(refusal({ ...base, ...body, exai: { strict: true } })[0]).toBe('UNSUPPORTED')
  })

  test('does not count truncation where there is a past to cut', () => {
    expect(read({ truncation: 'auto', store: true }).notes).toEqual([])
    expect(read({ truncation: 'auto', previous_response_id: 'resp_1' }).notes).toEqual([])
  })
})

describe('a request is refused', () => {
  const refused: readonly (readonly [JsonObject, string, string])[] = [
    [{ input: 'hi' }, 'INVALID_REQUEST', 'model'],
    [{ model: 'm' }, 'INVALID_REQUEST', 'input'],
    [{ ...base, background: true }, 'UNSUPPORTED', 'background'],
    [{ ...base, prompt: { id: 'pmpt_1' } }, 'UNSUPPORTED', 'prompt'],
    [{ ...base, tools: [{ type: 'file_search' }] }, 'UNSUPPORTED', 'tools[0].type'],
    [{ ...base, tools: [{ type: 'function' }] }, 'INVALID_REQUEST', 'tools[0].name'],
    [{ ...base, tool_choice: { type: 'allowed_tools' } }, 'UNSUPPORTED', 'tool_choice.type'],
    [{ ...base, text: { format: { type: 'grammar' } } }, 'UNSUPPORTED', 'text.format.type'],
    [{ ...base, reasoning: { effort: 'huge' } }, 'INVALID_REQUEST', 'reasoning.effort'],
    [{ ...base, truncation: 'some' }, 'INVALID_REQUEST', 'truncation'],
    [{ ...base, conversation: 1 }, 'INVALID_REQUEST', 'conversation'],
    [{ ...base, conversation: {} }, 'INVALID_REQUEST', 'conversation.id'],
    [
      { ...base, previous_response_id: 'resp_1', conversation: 'conv_1' },
      'INVALID_REQUEST',
      'previous_response_id',
    ],
    [{ ...base, previous_response_id: 'resp_1', store: false }, 'UNSUPPORTED', 'store'],
    [{ ...base, metadata: { a: 1 } }, 'INVALID_REQUEST', 'metadata.a'],
  ]
  test.each(refused)('%j', (body, reason, param) => expect(refusal(body)).toEqual([reason, param]))
})

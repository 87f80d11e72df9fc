// Every field of OpenAI's chat completions has its place in a request of ours, or is refused by its name.
import { type JsonObject, toJson } from '@bufbuild/protobuf'
import { describe, expect, test } from 'vitest'
import { CompleteRequestSchema } from '#gen/exai/v1/chat_service_pb'
import { GatewayError } from '../../../../src/core/errors.ts'
import { paramOf } from '../../../../src/doors/http/errors.ts'
import { chatRequest } from '../../../../src/doors/openai/chat-request.ts'

const HI = { role: 'user', content: 'hi' }
const OUR_HI = { role: 'ROLE_USER', content: [{ text: 'hi' }] }

/** The request of a body, in JSON. */
const requestOf = (body: JsonObject) =>
  toJson(CompleteRequestSchema, chatRequest({ model: 'm', messages: [HI], ...body }, '').request)

const refusalOf = (body: JsonObject): { reason: string; param: string | undefined; message: string } => {
  try {
    chatRequest({ model: 'm', messages: [HI], ...body }, '')
  } catch (error) {
    if (error instanceof GatewayError)
      return { reason: error.reason, param: paramOf(error), message: error.message }
    throw error
  }
  throw new Error('it was taken')
}

const parameters = { type: 'object', properties: { a: { type: 'string' } } }
const tools = [{ type: 'function', function: { name: 'f', description: 'd', parameters, strict: true } }]
const ourTools = [{ name: 'f', description: 'd', parameters, strict: true }]

describe('a field', () => {
  const fields: readonly (readonly [JsonObject, JsonObject])[] = [
    [{ temperature: 0 }, { temperature: 0 }],
    [{ top_p: 0.5 }, { topP: 0.5 }],
    [{ max_tokens: 5 }, { maxOutputTokens: 5 }],
    [{ max_completion_tokens: 6 }, { maxOutputTokens: 6 }],
    [{ max_completion_tokens: 6, max_tokens: 5 }, { maxOutputTokens: 6 }],
    [{ stop: 'a' }, { stop: ['a'] }],
    [{ stop: ['a', 'b'] }, { stop: ['a', 'b'] }],
    [{ seed: -7 }, { seed: '-7' }],
    [{ reasoning_effort: 'minimal' }, { reasoningEffort: 'REASONING_EFFORT_MINIMAL' }],
    [{ reasoning_effort: 'xhigh' }, { reasoningEffort: 'REASONING_EFFORT_XHIGH' }],
    [{ user: 'u' }, { user: 'u' }],
    [{ safety_identifier: 's' }, { user: 's' }],
    [{ prompt_cache_key: 'k' }, { promptCacheKey: 'k' }],
    [{ service_tier: 'flex' }, { serviceTier: 'flex' }],
    [{ metadata: { a: 'b' } }, { metadata: { a: 'b' } }],
    [{ web_search_options: {} }, { webSearch: {} }],
    [{ parallel_tool_calls: false }, { parallelToolCalls: false }],
    [{ tools }, { tools: ourTools }],
    [
      { tools, tool_choice: 'required' },
      { tools: ourTools, toolChoice: { mode: 'MODE_REQUIRED' } },
    ],
    [
      { tools, tool_choice: { type: 'function', function: { name: 'f' } } },
      { tools: ourTools, toolChoice: { toolName: 'f' } },
    ],
    [{ response_format: { type: 'text' } }, { responseFormat: { text: {} } }],
    [{ response_format: { type: 'json_object' } }, { responseFormat: { json: {} } }],
    [
      { response_format: { type: 'json_schema', json_schema: { name: 'n', schema: parameters } } },
      { responseFormat: { jsonSchema: { name: 'n', schema: parameters, strict: false } } },
    ],
    [{ n: 1, modalities: ['text'], stream: true, stream_options: { include_usage: true }, store: false }, {}],
    [{ temperature: null, tools: null, exai: null, stream: null, anything: null }, {}],
    [
      { logprobs: true, top_logprobs: 2, frequency_penalty: 1, verbosity: 'low' },
      {
        providerOptions: {
          '*': { logprobs: true, top_logprobs: 2, frequency_penalty: 1, verbosity: 'low' },
        },
      },
    ],
    [
      {
        verbosity: 'low',
        exai: {
          routing: { prefer: 'PREFER_COST', max_cost_nano_usd: '5' },
          conversation_id: 'new',
          resume_window: '30s',
          strict: true,
          provider_options: { '*': { verbosity: 'high' }, glm: { do_sample: true } },
        },
      },
      {
        routing: { prefer: 'PREFER_COST', maxCostNanoUsd: '5' },
        conversationId: 'new',
        resumeWindow: '30s',
        strict: true,
        providerOptions: { '*': { verbosity: 'high' }, glm: { do_sample: true } },
      },
    ],
  ]

  test.each(fields)('%j has its place', (body, ours) => {
    expect(requestOf(body)).toEqual({ model: 'm', messages: [OUR_HI], ...ours })
  })

  const refused: readonly (readonly [JsonObject, string, string])[] = [
    [{ n: 2 }, 'UNSUPPORTED', 'n'],
    [{ modalities: ['text', 'audio'] }, 'UNSUPPORTED', 'modalities'],
    [{ functions: [] }, 'UNSUPPORTED', 'functions'],
    [{ tools: [{ type: 'custom', custom: { name: 'x' } }] }, 'UNSUPPORTED', 'tools[0].type'],
    [{ tools: [{ type: 'function' }] }, 'INVALID_REQUEST', 'tools[0].function'],
    [{ tools: ['f'] }, 'INVALID_REQUEST', 'tools[0]'],
    [{ tools: {} }, 'INVALID_REQUEST', 'tools'],
    [{ tool_choice: 'maybe' }, 'INVALID_REQUEST', 'tool_choice'],
    [{ tool_choice: 'constructor' }, 'INVALID_REQUEST', 'tool_choice'],
    [{ tool_choice: { type: 'allowed_tools' } }, 'UNSUPPORTED', 'tool_choice.type'],
    [{ response_format: { type: 'xml' } }, 'UNSUPPORTED', 'response_format.type'],
    [{ response_format: { type: 'json_schema' } }, 'INVALID_REQUEST', 'response_format.json_schema'],
    [{ temperature: '1' }, 'INVALID_REQUEST', 'temperature'],
    [{ max_tokens: 1.5 }, 'INVALID_REQUEST', 'max_tokens'],
    [{ max_tokens: 1e12 }, 'INVALID_REQUEST', 'max_tokens'],
    [{ seed: 0.5 }, 'INVALID_REQUEST', 'seed'],
    [{ stop: [1] }, 'INVALID_REQUEST', 'stop'],
    [{ stream: 'yes' }, 'INVALID_REQUEST', 'stream'],
    [{ metadata: { a: 1 } }, 'INVALID_REQUEST', 'metadata.a'],
    [{ reasoning_effort: 'toString' }, 'INVALID_REQUEST', 'reasoning_effort'],
    [{ model: null }, 'INVALID_REQUEST', 'model'],
    [{ messages: 'hi' }, 'INVALID_REQUEST', 'messages'],
    [{ exai: { nothing: 1 } }, 'UNSUPPORTED', 'exai.nothing'],
    [{ exai: { routing: { prefer: 'NEVER' } } }, 'INVALID_REQUEST', 'exai'],
    [{ exai: { messages: [] } }, 'UNSUPPORTED', 'exai.messages'],
  ]

  test.each(refused)('%j is refused by its name', (body, reason, param) => {
    expect(refusalOf(body)).toMatchObject({ reason, param })
  })

  test('that has no counterpart is told with the answer, and refused when all or nothing is wanted', () => {
    const body = {
      store: true,
      web_search_options: { search_context_size: 'low' },
      messages: [{ ...HI, name: 'Ann' }],
    }
    expect(chatRequest({ model: 'm', ...body }, '').notes.map(note => note.split(' ')[0])).toEqual([
      'messages[0].name',
      'web_search_options.search_context_size',
      'store',
    ])
    expect(refusalOf({ ...body, exai: { strict: true } }).reason).toBe('UNSUPPORTED')
  })

  test('that is the key of a retry comes from the header, and from the body before it', () => {
    const key = (exai: JsonObject) =>
      chatRequest({ model: 'm', messages: [HI], exai }, 'header').request.idempotencyKey
    expect([key({}), key({ idempotency_key: 'body' })]).toEqual(['header', 'body'])
  })

  test('whose name every object inherits is a field like any other', () => {
    const body: JsonObject = JSON.parse('{"__proto__":{"stream":true},"constructor":1}')
    const { request, isStream } = chatRequest({ model: 'm', messages: [HI], ...body }, '')
    expect(isStream).toBe(false)
    expect(Object.keys(request.providerOptions['*'] ?? {})).toContain('constructor')
    expect(Reflect.get({}, 'stream')).toBeUndefined()
  })
})

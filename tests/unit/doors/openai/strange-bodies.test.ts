// Whatever stands at whatever place of a body, it is taken, or refused as the caller's fault at a place that is named.
import type { JsonObject, JsonValue } from '@bufbuild/protobuf'
import { describe, expect, test } from 'vitest'
import { GatewayError } from '../../../../src/core/errors.ts'
import { paramOf } from '../../../../src/doors/http/errors.ts'
import { chatRequest } from '../../../../src/doors/openai/chat-request.ts'

const BODY: JsonObject = {
  model: 'm',
  messages: [
    { role: 'system', content: 's', name: 'n' },
    {
      role: 'user',
      content: [
        { type: 'text', text: 't' },
        { type: 'image_url', image_url: { url: 'data:image/png;base64,AQI=', detail: 'low' } },
        { type: 'input_audio', input_audio: { data: 'AQI=', format: 'wav' } },
        { type: 'file', file: { file_data: 'data:application/pdf;base64,AQI=', filename: 'f' } },
        { type: 'file', file: { file_id: 'file_1' } },
      ],
    },
    {
      role: 'assistant',
      content: 'c',
      reasoning_content: 'r',
      refusal: null,
      tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }],
    },
    { role: 'tool', tool_call_id: 'c', content: [{ type: 'text', text: 't' }] },
  ],
  tools: [{ type: 'function', function: { name: 'f', description: 'd', parameters: {}, strict: true } }],
  tool_choice: { type: 'function', function: { name: 'f' } },
  response_format: { type: 'json_schema', json_schema: { name: 'n', schema: {}, strict: true } },
  web_search_options: { filters: { allowed_domains: ['a.example'] } },
  temperature: 1,
  top_p: 1,
  max_completion_tokens: 1,
  max_tokens: 1,
  stop: ['s'],
  seed: 1,
  n: 1,
  stream: true,
  stream_options: { include_usage: true },
  parallel_tool_calls: true,
  reasoning_effort: 'low',
  user: 'u',
  safety_identifier: 'u',
  prompt_cache_key: 'k',
  service_tier: 'auto',
  metadata: { a: 'b' },
  store: true,
  modalities: ['text'],
  exai: { routing: { allow: ['a'] }, resume_window: '1s', strict: false, provider_options: { a: { b: 1 } } },
}

const STRANGE: readonly JsonValue[] = [
  null,
  true,
  false,
  0,
  -1,
  1e308,
  0.1,
  '',
  'x',
  '__proto__',
  '\ud800',
  [],
  [null],
  [[]],
  {},
  { toString: 1 },
  JSON.parse('{"__proto__":{"a":1}}'),
]

/** Every place within a value, as the keys that lead to it. */
function placesIn(value: JsonValue, at: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [at]
  return [at, ...Object.entries(value).flatMap(([key, inner]) => placesIn(inner ?? null, [...at, key]))]
}

/** The same value with another one at a place. */
function withAt(value: JsonValue, [key, ...rest]: readonly string[], other: JsonValue): JsonValue {
  if (key === undefined) return other
  const copy = structuredClone(value)
  if (typeof copy !== 'object' || copy === null) throw new Error('there is no such place')
  Reflect.set(copy, key, withAt(Reflect.get(copy, key), rest, other))
  return copy
}

const isBody = (value: JsonValue): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

describe('a body', () => {
  test('as it should be is taken', () => {
    expect(chatRequest(BODY, '').request.messages).toHaveLength(4)
  })

  test.each(
    placesIn(BODY)
      .slice(1)
      .map(place => [place.join('.'), place] as const),
  )('may have anything at %s', (name, place) => {
    for (const other of STRANGE) {
      const body = withAt(BODY, place, other)
      if (!isBody(body)) throw new Error('a body is an object')
      try {
        chatRequest(body, '')
      } catch (error) {
        expect(error, `${name} = ${JSON.stringify(other)}`).toBeInstanceOf(GatewayError)
        if (!(error instanceof GatewayError)) throw error
        expect(['INVALID_REQUEST', 'UNSUPPORTED'], name).toContain(error.reason)
        // The field that is named is the one, or one around it, or one that belongs to it.
        const named = paramOf(error)?.split(/[.[]/)[0]
        // `strict` is about all that would be left out.
        if (name === 'exai.strict') expect(named).toBeDefined()
        else expect(named, name).toBe(place[0])
      }
    }
  })
})

// Checks what is sent for each field of the contract, what is said about the rest, and what is refused.
import { describe, expect, it } from 'vitest'
import { ReasoningEffort, ToolChoice_Mode } from '#gen/exai/v1/chat_pb'
import { openAiDialect } from '../../../../src/providers/openai.ts'
import { compatibleDialect } from '../../../../src/providers/openai-compatible.ts'
import type { Dialect } from '../../../../src/providers/openai-dialect/dialect.ts'
import { buildRequest } from '../../../../src/providers/openai-dialect/request.ts'
import { attempt, model, type TestAttempt, thinker, thrown } from '../attempt.ts'

/** The body as it is on the wire. */
function sent(input: TestAttempt, dialect: Dialect = openAiDialect): Record<string, unknown> {
  return JSON.parse(JSON.stringify(buildRequest(input, dialect, 'openai')))
}

const tools = [{ name: 'get_weather', description: 'Tells the weather', parameters: { type: 'object' } }]

describe('the request', () => {
  it('of a plain question is just that', () => {
    const input = attempt({})
    expect(sent(input)).toEqual({ model: 'gpt-4.1', messages: [{ role: 'user', content: 'Hello' }] })
    expect(input.warnings).toEqual([])
  })

  it('of a stream asks for the counts, too', () => {
    expect(sent(attempt({}, { stream: true }))).toMatchObject({
      stream: true,
      stream_options: { include_usage: true },
    })
  })

  it('has every field that OpenAI takes', () => {
    const input = attempt({
      tools: [{ ...tools[0], strict: true }],
      toolChoice: { choice: { case: 'toolName', value: 'get_weather' } },
      parallelToolCalls: false,
      temperature: 0.2,
      topP: 0.9,
      maxOutputTokens: 100,
      stop: ['END'],
      seed: 42n,
      user: 'u1',
      promptCacheKey: 'k1',
      serviceTier: 'flex',
    })
    expect(sent(input)).toEqual({
      model: 'gpt-4.1',
      messages: [{ role: 'user', content: 'Hello' }],
      tools: [
        {
          type: 'function',
          function: {
            name: 'get_weather',
            description: 'Tells the weather',
            parameters: { type: 'object' },
            strict: true,
          },
        },
      ],
      tool_choice: { type: 'function', function: { name: 'get_weather' } },
      parallel_tool_calls: false,
      temperature: 0.2,
      top_p: 0.9,
      max_completion_tokens: 100,
      stop: ['END'],
      seed: 42,
      safety_identifier: 'u1',
      prompt_cache_key: 'k1',
      service_tier: 'flex',
    })
    expect(input.warnings).toEqual([])
  })

  it('to a compatible host uses the older names', () => {
    const input = attempt({ maxOutputTokens: 100, user: 'u1', promptCacheKey: 'k1', serviceTier: 'flex' })
    const body = sent(input, compatibleDialect)
    expect(body).toMatchObject({ max_tokens: 100, user: 'u1' })
    expect(body).not.toHaveProperty('prompt_cache_key')
    expect(input.warnings).toEqual([
      'DROPPED prompt_cache_key: openai takes no such field',
      'DROPPED service_tier: openai takes no such field',
    ])
  })

  it('to a model of another endpoint is refused', () => {
    const input = attempt({}, { model: model({ id: 'gpt-5.5-pro', endpoints: ['responses'] }) })
    expect(thrown(() => sent(input))).toMatchObject({
      reason: 'UNSUPPORTED',
      details: { model: 'gpt-5.5-pro' },
    })
  })

  it('clamps the output to what the model writes', () => {
    const input = attempt({ maxOutputTokens: 5000 }, { model: model({ maxOutputTokens: 4096 }) })
    expect(sent(input)).toMatchObject({ max_completion_tokens: 4096 })
    expect(input.warnings).toEqual(['CLAMPED max_output_tokens: 4096, the most that gpt-4.1 writes'])
  })

  it('hashes a user id that is too long, and folds a seed that is no safe number', () => {
    const input = attempt({ user: 'u'.repeat(65), seed: 2n ** 53n + 5n })
    const body = sent(input)
    expect(body['safety_identifier']).toMatch(/^[0-9a-f]{64}$/)
    expect(body['seed']).toBe(5)
    expect(input.warnings.map(warning => warning.split(':')[0])).toEqual(['CHANGED seed', 'CHANGED user'])
  })

  it('sends labels to OpenAI only with store', () => {
    const plain = attempt({ metadata: { team: 'a' }, strict: true })
    expect(sent(plain)).not.toHaveProperty('metadata')
    expect(plain.warnings).toEqual(['NOTICE metadata: the labels are not sent to openai'])
    const stored = attempt({ metadata: { team: 'a' }, providerOptions: { openai: { store: true } } })
    expect(sent(stored)).toMatchObject({ metadata: { team: 'a' }, store: true })
  })
})

describe('the format of the answer', () => {
  it('is sent as the host knows it', () => {
    const json = attempt({ responseFormat: { format: { case: 'json', value: {} } } })
    expect(sent(json)).toMatchObject({ response_format: { type: 'json_object' } })
    const schema = { type: 'object' }
    const typed = attempt({
      responseFormat: { format: { case: 'jsonSchema', value: { name: 's', schema } } },
    })
    expect(sent(typed)['response_format']).toEqual({
      type: 'json_schema',
      json_schema: { name: 's', schema, strict: true },
    })
    const text = attempt({ responseFormat: { format: { case: 'text', value: {} } } })
    expect(sent(text)).not.toHaveProperty('response_format')
  })

  it('is refused where the host has no such form', () => {
    const input = attempt({ responseFormat: { format: { case: 'jsonSchema', value: { name: 's' } } } })
    const dialect: Dialect = { ...compatibleDialect, responseForms: ['json_object'] }
    expect(thrown(() => sent(input, dialect)).reason).toBe('UNSUPPORTED')
  })
})

describe('tools', () => {
  it('without a schema take no arguments', () => {
    const input = attempt({ tools: [{ name: 'now' }, { name: 'then', strict: true }] })
    expect(sent(input)['tools']).toEqual([
      { type: 'function', function: { name: 'now', parameters: { type: 'object', properties: {} } } },
      {
        type: 'function',
        function: {
          name: 'then',
          parameters: { type: 'object', properties: {}, additionalProperties: false },
          strict: true,
        },
      },
    ])
  })

  it.each([
    [ToolChoice_Mode.AUTO, 'auto'],
    [ToolChoice_Mode.NONE, 'none'],
    [ToolChoice_Mode.REQUIRED, 'required'],
    [ToolChoice_Mode.UNSPECIFIED, undefined],
  ])('choice %i is %s', (value, word) => {
    expect(sent(attempt({ tools, toolChoice: { choice: { case: 'mode', value } } }))['tool_choice']).toBe(
      word,
    )
  })

  it('choice and parallel calls are left out without tools', () => {
    const choice = { choice: { case: 'mode', value: ToolChoice_Mode.NONE } } as const
    expect(Object.keys(sent(attempt({ toolChoice: choice, parallelToolCalls: true })))).toEqual([
      'model',
      'messages',
    ])
  })

  it('are called freely where the host cannot be told to call one', () => {
    const input = attempt({
      tools,
      toolChoice: { choice: { case: 'mode', value: ToolChoice_Mode.REQUIRED } },
    })
    expect(sent(input, { ...openAiDialect, toolChoices: ['auto'] })['tool_choice']).toBe('auto')
    expect(input.warnings).toEqual(['CHANGED tool_choice: auto, because openai cannot be told required'])
  })
})

describe('under strict', () => {
  it.each([
    ['temperature', { temperature: 0.5 }],
    ['stop', { stop: ['a'] }],
    ['reasoning_effort', { reasoningEffort: ReasoningEffort.MINIMAL }],
    ['reasoning_effort', { tools }],
    ['web_search', { webSearch: {} }],
  ])('a %s that cannot be sent is refused', (field, fields) => {
    const input = attempt({ ...fields, strict: true }, { model: thinker() })
    const error = thrown(() => sent(input))
    expect(error.reason).toBe('UNSUPPORTED')
    expect(error.message.startsWith(`${field}: `)).toBe(true)
    expect(input.warnings).toEqual([])
  })
})

describe("the caller's own fields", () => {
  it('win over ours, merge into ours and take ours away', () => {
    const input = attempt(
      {
        temperature: 0.5,
        providerOptions: {
          '*': { verbosity: 'low', temperature: 0.1 },
          openai: { temperature: null, stream_options: { include_obfuscation: false }, top_k: 5 },
        },
      },
      { stream: true },
    )
    expect(sent(input)).toEqual({
      model: 'gpt-4.1',
      messages: [{ role: 'user', content: 'Hello' }],
      stream: true,
      stream_options: { include_usage: true, include_obfuscation: false },
      verbosity: 'low',
      top_k: 5,
    })
  })

  it('cannot ask for several answers, nor decide whether it streams', () => {
    const several = attempt({ providerOptions: { openai: { n: 2 } } })
    expect(thrown(() => sent(several)).reason).toBe('INVALID_REQUEST')
    const streaming = attempt({ providerOptions: { openai: { stream: true, n: 1 } } })
    expect(Object.keys(sent(streaming))).toEqual(['model', 'messages'])
    expect(streaming.warnings).toHaveLength(1)
  })
})

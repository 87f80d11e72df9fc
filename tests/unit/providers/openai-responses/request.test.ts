// Checks the body of `POST /responses`, and what is said of fields that it cannot carry.
import { describe, expect, it } from 'vitest'
import { ReasoningEffort, Role, ToolChoice_Mode } from '#gen/exai/v1/chat_pb'
import type { ModelEntry } from '../../../../src/core/model.ts'
import { openAiDialect } from '../../../../src/providers/openai.ts'
import { buildRequest } from '../../../../src/providers/openai-responses/request.ts'
import { attempt, model, thinker, thrown, user } from '../attempt.ts'

type Request = Parameters<typeof attempt>[0]
type Over = NonNullable<Parameters<typeof attempt>[1]>

/** The body as it is sent, and the warnings. */
function build(request: Request, over: Over = { model: thinker() }) {
  const input = attempt(request, over)
  const body: unknown = JSON.parse(JSON.stringify(buildRequest(input, openAiDialect, 'openai')))
  return { body, warnings: input.warnings }
}

describe('a body', () => {
  it('keeps nothing at OpenAI, and asks for thoughts that can be sent back', () => {
    expect(build({}).body).toEqual({
      model: 'gpt-6-sol',
      input: [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Hello' }] }],
      reasoning: { summary: 'auto' },
      include: ['reasoning.encrypted_content'],
      store: false,
    })
  })

  it('says nothing of thinking to a model that never thinks, or of which nobody knows', () => {
    for (const other of [model(), thinker({ confidence: 'assumed' })]) {
      expect(build({}, { model: other }).body).not.toHaveProperty('reasoning')
      expect(build({}, { model: other }).body).not.toHaveProperty('include')
    }
  })

  it('streams when it is told to', () => {
    expect(build({}, { model: thinker(), stream: true }).body).toMatchObject({ stream: true })
    expect(build({}, { model: thinker(), stream: false }).body).not.toHaveProperty('stream')
  })

  it('has flat tools, which are not strict unless they say so', () => {
    const parameters = { type: 'object', properties: { city: { type: 'string' } } }
    const tools = [
      { name: 'now' },
      { name: 'get_weather', description: 'The weather.', parameters, strict: true },
      { name: 'stop', strict: true },
    ]
    const toolChoice = { choice: { case: 'toolName', value: 'now' } } as const
    expect(build({ tools, toolChoice, parallelToolCalls: false }).body).toMatchObject({
      tools: [
        { type: 'function', name: 'now', parameters: { type: 'object', properties: {} }, strict: false },
        { type: 'function', name: 'get_weather', description: 'The weather.', parameters, strict: true },
        {
          name: 'stop',
          parameters: { type: 'object', properties: {}, additionalProperties: false },
          strict: true,
        },
      ],
      tool_choice: { type: 'function', name: 'now' },
      parallel_tool_calls: false,
    })
  })

  it.each([
    [ToolChoice_Mode.AUTO, 'auto'],
    [ToolChoice_Mode.NONE, 'none'],
    [ToolChoice_Mode.REQUIRED, 'required'],
  ])('has the choice %s of tools as a word, and none without tools', (value, word) => {
    const toolChoice = { choice: { case: 'mode', value } } as const
    expect(build({ tools: [{ name: 'now' }], toolChoice }).body).toMatchObject({ tool_choice: word })
    expect(build({ toolChoice, parallelToolCalls: true }).body).not.toHaveProperty('tool_choice')
    expect(build({ toolChoice, parallelToolCalls: true }).body).not.toHaveProperty('parallel_tool_calls')
  })

  it('has the form of the text', () => {
    const schema = { type: 'object' }
    const strictly = { case: 'jsonSchema', value: { name: 's', description: 'A thing.', schema } } as const
    const loosely = { case: 'jsonSchema', value: { name: 's', schema, strict: false } } as const
    expect(build({ responseFormat: { format: strictly } }).body).toMatchObject({
      text: { format: { type: 'json_schema', name: 's', description: 'A thing.', schema, strict: true } },
    })
    expect(build({ responseFormat: { format: loosely } }).body).toMatchObject({
      text: { format: { type: 'json_schema', name: 's', schema, strict: false } },
    })
    expect(build({ responseFormat: { format: { case: 'json', value: {} } } }).body).toMatchObject({
      text: { format: { type: 'json_object' } },
    })
    expect(build({ responseFormat: { format: { case: 'text', value: {} } } }).body).not.toHaveProperty('text')
  })

  it('has the hints under their own names', () => {
    const { body, warnings } = build({
      promptCacheKey: 'k',
      serviceTier: 'flex',
      metadata: { a: 'b' },
      user: 'u'.repeat(65),
    })
    expect(body).toMatchObject({
      prompt_cache_key: 'k',
      service_tier: 'flex',
      metadata: { a: 'b' },
      safety_identifier: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
    expect(warnings).toEqual([expect.stringMatching(/^CHANGED user: /)])
    expect(build({ user: 'u1' }).body).toMatchObject({ safety_identifier: 'u1' })
  })
})

describe('the effort', () => {
  it.each([
    [ReasoningEffort.HIGH, {}, { effort: 'high', summary: 'auto' }, []],
    [ReasoningEffort.MINIMAL, {}, { effort: 'low', summary: 'auto' }, ['CHANGED reasoning_effort']],
    [ReasoningEffort.NONE, {}, { effort: 'none' }, []],
    [
      ReasoningEffort.NONE,
      { reasoningEfforts: ['low', 'high'] },
      { effort: 'low', summary: 'auto' },
      ['CHANGED reasoning_effort'],
    ],
  ] as const)('%s of %j is %j', (reasoningEffort, over: Partial<ModelEntry>, reasoning, warned) => {
    const { body, warnings } = build({ reasoningEffort, tools: [{ name: 'now' }] }, { model: thinker(over) })
    expect(body).toMatchObject({ reasoning })
    expect(warnings.map(each => each.split(':')[0])).toEqual(warned)
  })

  it('decides about the temperature', () => {
    const asked = { temperature: 0.5, topP: 0.9 }
    const still = build({ ...asked, reasoningEffort: ReasoningEffort.NONE })
    expect(still).toMatchObject({ body: { temperature: 0.5, top_p: 0.9 }, warnings: [] })
    const thinking = build(asked)
    expect(thinking.body).not.toHaveProperty('temperature')
    expect(thinking.warnings.map(each => each.split(':')[0])).toEqual([
      'DROPPED temperature',
      'DROPPED top_p',
    ])
  })
})

describe('what cannot be sent', () => {
  const asked: Request = { stop: ['x'], seed: 7n, webSearch: {} }

  it('is left out and named', () => {
    const { body, warnings } = build(asked)
    expect(Object.keys(Object(body)).sort()).toEqual(['include', 'input', 'model', 'reasoning', 'store'])
    expect(warnings.map(each => each.split(':')[0]).sort()).toEqual([
      'DROPPED seed',
      'DROPPED stop',
      'DROPPED web_search',
    ])
  })

  it.each([{ stop: ['x'] }, { seed: 7n }, { webSearch: {} }, { maxOutputTokens: 3 }])(
    'is refused under strict: %o',
    request => {
      expect(thrown(() => build({ ...request, strict: true })).reason).toBe('UNSUPPORTED')
    },
  )

  it.each([
    [15, 16, 'CLAMPED'],
    [16, 16, undefined],
    [100, 100, undefined],
    [101, 100, 'CLAMPED'],
  ])('a cap of %i tokens is %i', (maxOutputTokens, sent, warned) => {
    const { body, warnings } = build({ maxOutputTokens }, { model: thinker({ maxOutputTokens: 100 }) })
    expect(body).toMatchObject({ max_output_tokens: sent })
    expect(warnings.map(each => each.split(' ')[0])).toEqual(warned === undefined ? [] : [warned])
  })
})

describe("the caller's own fields", () => {
  const own = (fields: object, wider: object = {}) =>
    ({ providerOptions: { openai: fields, '*': wider } }) as Request

  it('win, those for this provider over those for all', () => {
    const { body } = build(
      own({ store: true, include: null, text: { verbosity: 'low' } }, { text: { verbosity: 'high' } }),
    )
    expect(body).toMatchObject({ store: true, text: { verbosity: 'low' } })
    expect(body).not.toHaveProperty('include')
  })

  it('are understood by the names that chat completions has for them', () => {
    const json_schema = { name: 's', schema: {}, strict: true }
    const fields = {
      verbosity: 'low',
      reasoning_effort: 'high',
      max_completion_tokens: 99,
      response_format: { type: 'json_schema', json_schema },
    }
    const { body, warnings } = build({ ...own(fields), maxOutputTokens: 50 })
    expect(body).toMatchObject({
      text: { verbosity: 'low', format: { type: 'json_schema', ...json_schema } },
      reasoning: { effort: 'high', summary: 'auto' },
      max_output_tokens: 99,
    })
    expect(Object.keys(Object(body))).not.toContain('verbosity')
    expect(warnings).toEqual([])
  })

  it('that the endpoint does not have are named by where they stood', () => {
    const { body, warnings } = build(own({ logit_bias: {}, n: 1 }, { seed: 7, stream: true, stop: null }))
    for (const name of ['logit_bias', 'n', 'seed', 'stop', 'stream']) expect(body).not.toHaveProperty(name)
    expect(warnings.map(each => each.split(':')[0])).toEqual([
      'DROPPED provider_options.*.seed',
      'DROPPED provider_options.*.stream',
      'DROPPED provider_options.openai.logit_bias',
    ])
  })

  it('cannot ask for several answers', () => {
    expect(thrown(() => build(own({ n: 2 }))).reason).toBe('INVALID_REQUEST')
  })
})

it('instructions are the system messages before all others, and later ones keep their place', () => {
  const system = (value: string) => ({
    role: Role.SYSTEM,
    content: [{ kind: { case: 'text' as const, value } }],
  })
  const { body } = build({
    messages: [system('Be brief.'), system('Be kind.'), user('Hi'), system('Now shout.')],
  })
  expect(body).toMatchObject({
    instructions: 'Be brief.\n\nBe kind.',
    input: [
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Hi' }] },
      { type: 'message', role: 'developer', content: [{ type: 'input_text', text: 'Now shout.' }] },
    ],
  })
  expect(build({ messages: [system('Alone.')] }).body).toMatchObject({
    input: [{ role: 'developer', content: [{ text: 'Alone.' }] }],
  })
})

// Checks what sets each well-known host apart: its address, its fields, how it is told to think, what it refuses.
import { describe, expect, it } from 'vitest'
import { ReasoningEffort, Role, ToolChoice_Mode } from '#gen/exai/v1/chat_pb'
import { PRESETS, type PresetName } from '../../../src/config/snapshot.ts'
import { compatibleDialect, createOpenAiCompatible } from '../../../src/providers/openai-compatible.ts'
import type { Dialect } from '../../../src/providers/openai-dialect/dialect.ts'
import { classify, readComplaint } from '../../../src/providers/openai-dialect/errors.ts'
import { presets } from '../../../src/providers/presets.ts'
import { startUpstream } from '../../support/upstream/openai.ts'
import { attempt, collect, model, thrown, upstream, user } from './attempt.ts'
import { call, mediaUrl, result, said, thought, weather, wireOf } from './known.ts'

type Init = Parameters<typeof attempt>[0]
const dialectOf = (name: PresetName): Dialect => ({ ...compatibleDialect, ...presets[name].quirks })
const local = model({ provider: 'local', id: 'some-model', reasoning: 'optional', confidence: 'assumed' })
const sent = (name: PresetName, init: Init) => {
  const input = attempt(init, { model: local })
  return { body: wireOf(input, dialectOf(name)), warnings: input.warnings }
}
const turns = [
  user('Weather?'),
  said(Role.ASSISTANT, thought('Hm.', 'local'), call('call_1')),
  result('call_1', '18'),
]

it('covers every preset of the configuration', () => {
  expect(Object.keys(presets).sort()).toEqual(Object.keys(PRESETS).sort())
})

it('has an address for each, which the settings may change', async () => {
  const double = await startUpstream()
  for (const preset of Object.keys(PRESETS) as PresetName[]) {
    await createOpenAiCompatible({ id: 'local', preset, keys: [] }).close()
    const host = createOpenAiCompatible({ id: 'local', preset, keys: ['test-key'], baseUrl: double.url })
    await collect(host.open(attempt({}, { model: { ...local, id: 'test-model' } }))).catch(() => undefined)
    await host.close()
  }
  expect(double.requests).toHaveLength(Object.keys(PRESETS).length)
  await double.close()
})

describe('how much to think', () => {
  const { NONE, MINIMAL, MEDIUM, XHIGH } = ReasoningEffort
  it.each<readonly [PresetName, ReasoningEffort, object]>([
    ['ollama', NONE, { reasoning_effort: 'none' }],
    ['ollama', MINIMAL, { reasoning_effort: 'low' }],
    ['ollama', XHIGH, { reasoning_effort: 'max' }],
    ['vllm', MEDIUM, { reasoning_effort: 'medium' }],
    ['llama.cpp', NONE, { reasoning_effort: 'none' }],
    ['deepseek', NONE, { thinking: { type: 'disabled' } }],
    ['deepseek', MEDIUM, { thinking: { type: 'enabled' } }],
    ['openrouter', XHIGH, { reasoning: { effort: 'xhigh' } }],
  ])('is told %s, at effort %i, as %j', (name, reasoningEffort, fields) => {
    const { body } = sent(name, { reasoningEffort })
    const { reasoning_effort, reasoning, thinking } = body
    expect(JSON.parse(JSON.stringify({ reasoning_effort, reasoning, thinking }))).toEqual(fields)
  })
})

describe('the open weights of GLM-5.3', () => {
  it('are never told a word that they take for the most', () => {
    for (const name of ['vllm', 'llama.cpp'] as const) {
      const input = attempt(
        { reasoningEffort: ReasoningEffort.NONE },
        { model: { ...local, id: 'zai-org/GLM-5.3-FP8' } },
      )
      expect(wireOf(input, dialectOf(name))['reasoning_effort']).toBe('low')
      expect(input.warnings).toHaveLength(1)
    }
  })
})

describe('thoughts in the history', () => {
  it.each<readonly [PresetName, string]>([
    ['ollama', 'reasoning'],
    ['vllm', 'reasoning'],
    ['llama.cpp', 'reasoning_content'],
    ['deepseek', 'reasoning_content'],
    ['openrouter', 'reasoning'],
  ])('go back to %s as %s', (name, field) => {
    expect(sent(name, { messages: turns }).body['messages']).toMatchObject([{}, { [field]: 'Hm.' }, {}])
  })

  it('go back to OpenRouter in their sealed form', () => {
    const sealed = [{ type: 'reasoning.encrypted', index: 0, data: 'c2VhbA==' }]
    const turn = said(
      Role.ASSISTANT,
      thought('', 'local', Buffer.from(JSON.stringify(sealed))),
      call('call_1'),
    )
    const { body } = sent('openrouter', { messages: [user('Hi'), turn, result('call_1', 'x')] })
    expect(body['messages']).toMatchObject([{}, { reasoning_details: sealed }, {}])
    expect(body['usage']).toEqual({ include: true })
  })
})

describe('a choice of tools', () => {
  const required: Init = {
    tools: [weather],
    toolChoice: { choice: { case: 'mode', value: ToolChoice_Mode.REQUIRED } },
  }

  it('is not left to be ignored by Ollama', () => {
    const { body, warnings } = sent('ollama', required)
    expect(body['tool_choice']).toBe('auto')
    expect(warnings).toEqual(['CHANGED tool_choice: auto, because local cannot be told required'])
  })

  it('switches the thinking of DeepSeek off', () => {
    expect(sent('deepseek', required).body).toMatchObject({
      tool_choice: 'required',
      thinking: { type: 'disabled' },
    })
  })
})

describe('what a host cannot read', () => {
  it('is refused by its place', () => {
    const messages = [said(Role.USER, mediaUrl('image/png', 'https://a.example/1'))]
    expect(thrown(() => sent('deepseek', { messages })).message).toMatch(/^messages\[0\]\.content\[0\]: /)
    expect(thrown(() => sent('ollama', { messages })).message).toContain('only as data')
    expect(sent('vllm', { messages }).body['messages']).toMatchObject([{ content: [{ type: 'image_url' }] }])
  })
})

describe('a refusal', () => {
  const classOf = (name: PresetName, status: number, body: unknown) =>
    classify({ ...upstream, dialect: dialectOf(name) }, readComplaint(body), status)

  it.each<readonly [PresetName, number, unknown, string]>([
    ['ollama', 404, { error: { message: 'model "x" not found', type: 'not_found_error' } }, 'not_found'],
    ['ollama', 503, { error: 'server busy' }, 'overloaded'],
    [
      'vllm',
      400,
      { error: { message: "This model's maximum context length is 4096 tokens.", code: 400 } },
      'context_length',
    ],
    [
      'vllm',
      400,
      { error: { message: "I quote: This model's maximum context length is 1 tokens", code: 400 } },
      'bad_request',
    ],
    [
      'llama.cpp',
      503,
      { error: { code: 503, message: 'Loading model', type: 'unavailable_error' } },
      'overloaded',
    ],
    ['llama.cpp', 400, { error: { code: 400, type: 'exceed_context_size_error' } }, 'context_length'],
    ['deepseek', 402, { error: { message: 'Insufficient Balance' } }, 'quota'],
    ['deepseek', 422, { error: { message: 'Invalid parameter' } }, 'bad_request'],
    ['openrouter', 402, { error: { code: 402, message: 'Insufficient credits' } }, 'quota'],
    [
      'openrouter',
      403,
      { error: { code: 403, message: 'Flagged', metadata: { reasons: ['x'] } } },
      'content_filter',
    ],
    ['openrouter', 502, { error: { code: 502, message: 'Bad gateway' } }, 'overloaded'],
  ])('of %s with %i %j is %s', (name, status, body, found) => {
    expect(classOf(name, status, body)).toBe(found)
  })
})

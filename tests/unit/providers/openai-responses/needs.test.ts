// Checks which requests go to the Responses endpoint.
import { expect, it } from 'vitest'
import { ReasoningEffort } from '#gen/exai/v1/chat_pb'
import type { ModelEntry } from '../../../../src/core/model.ts'
import { openAiDialect } from '../../../../src/providers/openai.ts'
import { needsResponses } from '../../../../src/providers/openai-responses/needs.ts'
import { attempt, thinker } from '../attempt.ts'

const { UNSPECIFIED, NONE, LOW } = ReasoningEffort
const both = ['chat/completions', 'responses'] as const
const always = { reasoning: 'always', reasoningEfforts: ['low', 'high'] } as const

it.each([
  ['gpt-6-sol', both, {}, true, UNSPECIFIED, true],
  ['gpt-6-sol', both, {}, true, LOW, true],
  ['gpt-6-sol', both, {}, true, NONE, false],
  ['gpt-6-sol', both, {}, false, LOW, false],
  ['gpt-6-sol', ['chat/completions'], {}, true, UNSPECIFIED, false],
  ['gpt-6.1-sol', both, always, true, NONE, true],
  ['gpt-6.1-sol', both, always, false, NONE, false],
  ['gpt-5.4', both, { defaultReasoningEffort: 'none' }, true, UNSPECIFIED, false],
  ['gpt-5.4', both, { defaultReasoningEffort: 'none' }, true, LOW, true],
  ['gpt-5.5', both, { defaultReasoningEffort: undefined }, true, UNSPECIFIED, false],
  ['gpt-5.2', both, {}, true, LOW, false],
  ['gpt-4.1', both, { reasoning: 'none' }, true, UNSPECIFIED, false],
  ['gpt-5.5-pro', ['responses'], always, false, UNSPECIFIED, true],
] as const)(
  '%s at %j, %j, with tools %s and effort %i: %s',
  (id, endpoints, over: Partial<ModelEntry>, withTools, reasoningEffort, expected) => {
    const tools = withTools ? [{ name: 'now' }] : []
    const input = attempt({ tools, reasoningEffort }, { model: thinker({ id, endpoints, ...over }) })
    expect(needsResponses(input, openAiDialect)).toBe(expected)
  },
)

it.each([
  ['gpt-5.4', 'high', true],
  ['gpt-5.4', 'none', false],
  ['gpt-6-sol', 'none', false],
  ['gpt-6-sol', null, true],
])("%s with tools and the caller's own effort %s: %s", (id, effort, expected) => {
  const providerOptions = { openai: { reasoning_effort: effort } }
  const model = thinker({ id, endpoints: both, defaultReasoningEffort: id === 'gpt-5.4' ? 'none' : 'medium' })
  const input = attempt({ tools: [{ name: 'now' }], providerOptions }, { model })
  expect(needsResponses(input, openAiDialect)).toBe(expected)
})

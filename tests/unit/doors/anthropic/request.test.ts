// Each field of a body of Anthropic's becomes what the contract calls it.
import { type JsonObject, toJson } from '@bufbuild/protobuf'
import { describe, expect, test } from 'vitest'
import { CompleteRequestSchema } from '#gen/exai/v1/chat_service_pb'
import { messagesRequest } from '../../../../src/doors/anthropic/request.ts'

const BASE = { model: 'm', max_tokens: 9, messages: [{ role: 'user', content: 'hi' }] }
const asked = { idempotencyKey: '', isCounted: false }
const understand = (body: JsonObject) => messagesRequest({ ...BASE, ...body }, asked)

/** The request in JSON, less what every one here has. */
function ours(body: JsonObject): JsonObject {
  const json = toJson(CompleteRequestSchema, understand(body).request)
  const { model: _model, maxOutputTokens: _cap, messages: _messages, ...rest } = json as JsonObject
  return rest
}
const notesOf = (body: JsonObject) => understand(body).notes

describe('fields', () => {
  const tool = { name: 'f', input_schema: { type: 'object' } }
  const ourTool = { name: 'f', parameters: { type: 'object' } }

  test.each<[string, JsonObject, JsonObject]>([
    ['nothing', {}, {}],
    ['how freely to choose', { temperature: 0.5, top_p: 0.9 }, { temperature: 0.5, topP: 0.9 }],
    ['top_k', { top_k: 5 }, { providerOptions: { '*': { top_k: 5 } } }],
    ['stop texts', { stop_sequences: ['a', 'b'] }, { stop: ['a', 'b'] }],
    ['a user', { metadata: { user_id: 'u' } }, { user: 'u' }],
    ['a tier', { service_tier: 'flex' }, { serviceTier: 'flex' }],
    ['the usual tier', { service_tier: 'auto' }, {}],
    ['nulls', { temperature: null, stop_sequences: null, thinking: null, tools: null }, {}],
    [
      'ours',
      { exai: { conversation_id: 'new', routing: { reroute: true }, provider_options: { p: { x: 1 } } } },
      { conversationId: 'new', routing: { reroute: true }, providerOptions: { p: { x: 1 } } },
    ],
    ['what nobody knows', { odd: { a: 1 } }, { providerOptions: { '*': { odd: { a: 1 } } } }],
    [
      'tools',
      {
        tools: [
          { ...tool, type: 'custom', description: 'd', strict: true, cache_control: { type: 'ephemeral' } },
        ],
      },
      { tools: [{ ...ourTool, description: 'd', strict: true }] },
    ],
    [
      'a tool that must be called',
      { tools: [tool], tool_choice: { type: 'tool', name: 'f', disable_parallel_tool_use: true } },
      { tools: [ourTool], toolChoice: { toolName: 'f' }, parallelToolCalls: false },
    ],
    [
      'any tool',
      { tools: [tool], tool_choice: { type: 'any', disable_parallel_tool_use: false } },
      { tools: [ourTool], toolChoice: { mode: 'MODE_REQUIRED' } },
    ],
    ['no tool', { tool_choice: { type: 'none' } }, { toolChoice: { mode: 'MODE_NONE' } }],
    [
      'a search',
      {
        tools: [{ type: 'web_search_20260209', name: 'web_search', allowed_domains: ['example.org'] }],
        tool_choice: { type: 'auto' },
      },
      { webSearch: { domains: ['example.org'] } },
    ],
    [
      'a schema',
      { output_config: { format: { type: 'json_schema', schema: { type: 'object' } } } },
      { responseFormat: { jsonSchema: { name: 'answer', schema: { type: 'object' }, strict: true } } },
    ],
    [
      'a schema at its older place',
      { output_format: { type: 'json_schema', schema: { type: 'object' } } },
      { responseFormat: { jsonSchema: { name: 'answer', schema: { type: 'object' }, strict: true } } },
    ],
  ])('%s', (_, body, wanted) => {
    expect(ours(body)).toEqual(wanted)
    expect(notesOf(body)).toEqual([])
  })

  test('max_tokens and stream', () => {
    expect(understand({ stream: true })).toMatchObject({ isStream: true, request: { maxOutputTokens: 9 } })
  })

  test('the key of a retry, which the body may say itself', () => {
    const key = (body: JsonObject) =>
      messagesRequest({ ...BASE, ...body }, { ...asked, idempotencyKey: 'header' }).request.idempotencyKey
    expect(key({})).toBe('header')
    expect(key({ exai: { idempotency_key: 'body' } })).toBe('body')
  })

  test('a user of more characters than the contract has is told by its SHA-256', () => {
    // As sha256sum(1) says.
    expect(ours({ metadata: { user_id: 'a'.repeat(300) } })['user']).toBe(
      '9835fa6bf4e20a9b9ea812506302e98982721a6cf8d2cae67af57129bf21ae90',
    )
    expect(ours({ metadata: { user_id: 'a'.repeat(256) } })['user']).toBe('a'.repeat(256))
  })
})

describe('thinking', () => {
  const enabled = (budget: number) => ({ thinking: { type: 'enabled', budget_tokens: budget } })

  test.each<[JsonObject, string | undefined, string]>([
    [{}, undefined, 'nothing'],
    [{ thinking: { type: 'disabled' } }, 'NONE', 'nothing'],
    [{ thinking: { type: 'adaptive' } }, undefined, 'all'],
    [{ thinking: { type: 'adaptive', display: 'omitted' } }, undefined, 'sealed'],
    [{ thinking: { type: 'adaptive' }, output_config: { effort: 'max' } }, 'MAX', 'all'],
    [{ output_config: { effort: 'xhigh' } }, 'XHIGH', 'nothing'],
    [enabled(1_024), 'LOW', 'all'],
    [enabled(4_095), 'LOW', 'all'],
    [enabled(4_096), 'MEDIUM', 'all'],
    [enabled(16_383), 'MEDIUM', 'all'],
    [enabled(16_384), 'HIGH', 'all'],
    [enabled(32_768), 'XHIGH', 'all'],
    [enabled(65_536), 'MAX', 'all'],
    [{ ...enabled(65_536), output_config: { effort: 'low' } }, 'LOW', 'all'],
  ])('%j', (body, effort, shown) => {
    expect(ours(body)['reasoningEffort']).toBe(effort && `REASONING_EFFORT_${effort}`)
    expect(understand(body).shown).toBe(shown)
  })
})

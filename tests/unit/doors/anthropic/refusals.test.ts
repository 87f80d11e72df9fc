// What of a body of Anthropic's has no counterpart is told of, and what is wrong is refused by its place.
import type { JsonObject } from '@bufbuild/protobuf'
import { describe, expect, test } from 'vitest'
import { messagesRequest } from '../../../../src/doors/anthropic/request.ts'

const BASE = { model: 'm', max_tokens: 9, messages: [{ role: 'user', content: 'hi' }] }
const asked = { idempotencyKey: '', isCounted: false }
const understand = (body: JsonObject) => messagesRequest({ ...BASE, ...body }, asked)
const notesOf = (body: JsonObject) => understand(body).notes

describe('what has no counterpart', () => {
  const search = (more: JsonObject) => ({
    tools: [{ type: 'web_search_20250305', name: 'web_search', ...more }],
  })
  const assistant = (...content: readonly JsonObject[]) => ({
    messages: [{ role: 'assistant', content: [...content] }],
  })

  test.each<[JsonObject, string]>([
    [{ container: 'c' }, 'container'],
    [{ context_management: { edits: [] } }, 'context_management'],
    [{ mcp_servers: [] }, 'mcp_servers'],
    [{ speed: 'fast' }, 'speed'],
    [{ service_tier: 'standard_only' }, 'service_tier'],
    [{ metadata: { other: 1 } }, 'metadata.other'],
    [search({ max_uses: 3 }), 'tools[0].max_uses'],
    [{ ...search({}), tool_choice: { type: 'tool', name: 'web_search' } }, 'tool_choice'],
    [assistant({ type: 'redacted_thinking', data: 'EqQB' }), 'messages[0].content[0]'],
    [assistant({ type: 'web_search_tool_result', tool_use_id: 's', content: [] }), 'messages[0].content[0]'],
    [
      {
        messages: [
          {
            role: 'user',
            content: [
              {
                type: 'document',
                source: { type: 'text', media_type: 'text/plain', data: 'd' },
                citations: { enabled: true },
              },
            ],
          },
        ],
      },
      'messages[0].content[0].citations',
    ],
  ])('is told of, and refused when the caller wants all or nothing: %j', (body, param) => {
    const [note, ...more] = notesOf(body)
    expect(note).toMatch(new RegExp(`^${param.replaceAll(/[[\].]/g, '\\$&')} was left out: `))
    expect(more).toEqual([])
    expect(() => understand({ ...body, exai: { strict: true } })).toThrow(/strict forbids that/)
  })
})

describe('what is wrong', () => {
  const user = (content: JsonObject[string]) => ({ messages: [{ role: 'user', content }] })
  const assistant = (...content: readonly JsonObject[]) => ({
    messages: [{ role: 'assistant', content: [...content] }],
  })

  test.each<[JsonObject, string]>([
    [{ model: null }, 'model is required'],
    [{ max_tokens: null }, 'max_tokens is required'],
    [{ max_tokens: 0 }, 'max_tokens must be at least 1'],
    [{ messages: null }, 'messages is required'],
    [{ messages: ['x'] }, 'messages[0] must be an object'],
    [{ messages: [{ role: 'user' }] }, 'messages[0].content is required'],
    [{ messages: [{ role: 'robot', content: 'x' }] }, 'messages[0].role must be user, assistant or system'],
    [user([]), 'messages[0].content needs at least one block'],
    [user(3), 'messages[0].content must be a string or an array'],
    [user([{ type: 'text' }]), 'messages[0].content[0].text is required'],
    [user([{ type: 'video' }]), 'messages[0].content[0].type "video" is not taken'],
    [
      user([{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: '%' } }]),
      'messages[0].content[0].source.data is not base64',
    ],
    [user([{ type: 'image', source: { type: 'ftp' } }]), 'messages[0].content[0].source.type must be'],
    [user([{ type: 'document', source: { type: 'ftp' } }]), 'messages[0].content[0].source.type must be'],
    [user([{ type: 'tool_result' }]), 'messages[0].content[0].tool_use_id is required'],
    [assistant({ type: 'image' }), 'messages[0].content[0].type "image" is not known'],
    [assistant({ type: 'tool_use', id: 'c', name: 'f' }), 'messages[0].content[0].input is required'],
    [{ system: [{ type: 'tool_use' }] }, 'system[0].type "tool_use" is not taken'],
    [{ tools: [{ name: 'f' }] }, 'tools[0].input_schema is required'],
    [{ tools: [{ type: 'bash_20250124', name: 'bash' }] }, 'tools[0].type "bash_20250124" is not taken'],
    [{ tool_choice: { type: 'maybe' } }, 'tool_choice.type must be'],
    [{ thinking: { type: 'enabled' } }, 'thinking.budget_tokens must be'],
    [{ thinking: { type: 'much' } }, 'thinking.type must be'],
    [{ output_config: { effort: 'huge' } }, 'output_config.effort must be one of low, medium'],
    [{ output_config: { format: { type: 'xml' } } }, 'output_config.format.type must be json_schema'],
    [{ stop_sequences: [1] }, 'stop_sequences must be an array of strings'],
    [{ exai: { odd: 1 } }, 'exai.odd is not known'],
  ])('is refused by its place: %j', (body, message) => {
    expect(() => understand(body)).toThrow(message)
  })

  test('is nothing for want of max_tokens when only tokens are counted', () => {
    const { max_tokens: _cap, ...body } = BASE
    expect(messagesRequest(body, { ...asked, isCounted: true }).request.maxOutputTokens).toBeUndefined()
  })
})

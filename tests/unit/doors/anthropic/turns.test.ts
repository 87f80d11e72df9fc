// Each turn of Anthropic's messages becomes what the contract calls it, block by block.
import { type JsonObject, toJson } from '@bufbuild/protobuf'
import { describe, expect, test } from 'vitest'
import { CompleteRequestSchema } from '#gen/exai/v1/chat_service_pb'
import { messagesRequest } from '../../../../src/doors/anthropic/request.ts'
import { sealText } from '../../../../src/doors/anthropic/seal.ts'

/** The messages of a request, in JSON. */
function messagesOf(body: JsonObject) {
  const { request } = messagesRequest({ model: 'm', ...body }, { idempotencyKey: '', isCounted: true })
  return (toJson(CompleteRequestSchema, request) as JsonObject)['messages']
}
const turns = (...messages: readonly JsonObject[]) => messagesOf({ messages: [...messages] })

describe('turns', () => {
  test('of a user part at the results of tools', () => {
    const result = (id: string, more: JsonObject = {}) => ({ type: 'tool_result', tool_use_id: id, ...more })
    const text = { type: 'text', text: 'x' }
    expect(
      turns({ role: 'user', content: [result('a', { content: 'r' }), result('b'), text, text] }),
    ).toEqual([
      {
        role: 'ROLE_TOOL',
        content: [
          { toolResult: { callId: 'a', content: [{ text: 'r' }] } },
          { toolResult: { callId: 'b', content: [{ text: '' }] } },
        ],
      },
      { role: 'ROLE_USER', content: [{ text: 'x' }, { text: 'x' }] },
    ])
  })

  test('have media from everywhere', () => {
    const image = (source: JsonObject) => ({ type: 'image', source })
    const file = (source: JsonObject) => ({ type: 'document', title: 't', source })
    const content = [
      image({ type: 'base64', media_type: 'image/png', data: 'AAEC' }),
      image({ type: 'url', url: 'https://example.org/a' }),
      image({ type: 'file', file_id: 'file_1' }),
      file({ type: 'base64', media_type: 'application/pdf', data: 'AAEC' }),
      file({ type: 'url', url: 'https://example.org/b' }),
      file({ type: 'file', file_id: 'file_2' }),
    ]
    expect(turns({ role: 'user', content })).toEqual([
      {
        role: 'ROLE_USER',
        content: [
          { media: { mimeType: 'image/png', data: 'AAEC' } },
          { media: { url: 'https://example.org/a' } },
          { media: { fileId: 'file_1' } },
          { media: { mimeType: 'application/pdf', data: 'AAEC', filename: 't' } },
          { media: { mimeType: 'application/pdf', url: 'https://example.org/b', filename: 't' } },
          { media: { fileId: 'file_2', filename: 't' } },
        ],
      },
    ])
  })

  test('have documents and search results that are texts', () => {
    const blocks = [{ type: 'text', text: 'inner' }]
    const content = [
      { type: 'document', context: 'c', source: { type: 'text', media_type: 'text/plain', data: 'd' } },
      { type: 'document', title: 't', source: { type: 'content', content: blocks } },
      { type: 'search_result', title: 't', source: 'https://example.org', content: blocks },
    ]
    expect(turns({ role: 'user', content })).toEqual([
      {
        role: 'ROLE_USER',
        content: [
          { text: 'c' },
          { text: 'd' },
          { text: 't' },
          { text: 'inner' },
          { text: 't\nhttps://example.org\ninner' },
        ],
      },
    ])
  })

  test('of the system stand where they are said', () => {
    const body = {
      system: [{ type: 'text', text: 'a' }],
      messages: [
        { role: 'user', content: 'b' },
        { role: 'system', content: 'c' },
      ],
    }
    expect(messagesOf(body)).toEqual([
      { role: 'ROLE_SYSTEM', content: [{ text: 'a' }] },
      { role: 'ROLE_USER', content: [{ text: 'b' }] },
      { role: 'ROLE_SYSTEM', content: [{ text: 'c' }] },
    ])
  })

  const opaque = new Uint8Array([1, 2, 3])
  const origin = { provider: 'p', model: 'm' }
  const said = [
    { type: 'text', text: 'x' },
    { type: 'tool_use', id: 'c', name: 'f', input: { a: 1 }, caller: { type: 'direct' } },
  ]
  const ourCall = { toolCall: { callId: 'c', name: 'f', arguments: '{"a":1}' } }

  test('of the assistant have its thoughts, sealed or not', () => {
    const content = [
      { type: 'thinking', thinking: 't', signature: sealText({ ...origin, opaque }) },
      { type: 'redacted_thinking', data: sealText({ ...origin, opaque }) },
      { type: 'thinking', thinking: 'of somebody else', signature: 'EqQB' },
      ...said,
    ]
    expect(turns({ role: 'assistant', content })).toEqual([
      {
        role: 'ROLE_ASSISTANT',
        content: [
          { reasoning: { text: 't', opaque: 'AQID', ...origin } },
          { reasoning: { opaque: 'AQID', ...origin } },
          { reasoning: { text: 'of somebody else' } },
          { text: 'x' },
          ourCall,
        ],
      },
    ])
  })

  test('have what a stream sealed at its end where it was thought', () => {
    const bare = sealText({ ...origin, opaque: new Uint8Array() })
    const content = [
      { type: 'thinking', thinking: 't', signature: bare },
      ...said,
      { type: 'redacted_thinking', data: sealText({ ...origin, opaque, at: 0 }) },
      { type: 'redacted_thinking', data: sealText({ ...origin, opaque, at: 2 }) },
      { type: 'redacted_thinking', data: sealText({ ...origin, opaque, at: 99 }) },
    ]
    const sealed = { reasoning: { opaque: 'AQID', ...origin } }
    expect(turns({ role: 'assistant', content })).toEqual([
      {
        role: 'ROLE_ASSISTANT',
        content: [
          { reasoning: { text: 't', opaque: 'AQID', ...origin } },
          { text: 'x' },
          sealed,
          ourCall,
          sealed,
        ],
      },
    ])
  })
})

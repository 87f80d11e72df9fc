// Which words of a request are counted: all that a model reads, and nothing else.
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { MessageSchema, Role } from '#gen/exai/v1/chat_pb'
import { countedRequest, countTokensOf } from '../../../src/chat/texts.ts'
import { byId, mediumOf, storedFile } from '../../support/chat-files.ts'
import { ask } from '../../support/request.ts'

type Part = NonNullable<MessageInitShape<typeof MessageSchema>['content']>[number]

const text = (value: string): Part => ({ kind: { case: 'text', value } })
const image: Part = {
  kind: {
    case: 'media',
    value: { mimeType: 'image/png', source: { case: 'data', value: Uint8Array.of(1) } },
  },
}

function textsOf(role: Role, ...content: Part[]): readonly string[] {
  return countedRequest(ask(''), [create(MessageSchema, { role, content })]).texts
}

describe('the counted words of a request', () => {
  it('are those of the given messages, and not those of the request alone', () => {
    const kept = create(MessageSchema, { role: Role.USER, content: [text('earlier')] })
    const request = ask('now')
    expect(countedRequest(request, [kept, ...request.messages])).toEqual({
      texts: ['earlier', 'now'],
      messages: 2,
      fileTokens: 0,
    })
  })

  it('include reasoning, tool calls and their results', () => {
    const thought: Part = { kind: { case: 'reasoning', value: { text: 'hm', opaque: Uint8Array.of(9) } } }
    const call: Part = {
      kind: { case: 'toolCall', value: { callId: 'c', name: 'look', arguments: '{"a":1}' } },
    }
    expect(textsOf(Role.ASSISTANT, thought, text('a'), call)).toEqual(['hm', 'a', 'look', '{"a":1}'])
    const content = [text('found'), image]
    expect(textsOf(Role.TOOL, { kind: { case: 'toolResult', value: { callId: 'c', content } } })).toEqual([
      'found',
    ])
  })

  it('leave out media, citations, empty parts and empty texts', () => {
    const citation: Part = {
      kind: { case: 'citation', value: { url: 'https://example.org', text: 'cited' } },
    }
    expect(textsOf(Role.ASSISTANT, image, citation, {}, text(''))).toEqual([])
  })

  it('include tools and a schema as JSON', () => {
    const request = ask('', {
      tools: [{ name: 'look', description: 'looks', parameters: { type: 'object' } }, { name: 'bare' }],
      responseFormat: { format: { case: 'jsonSchema', value: { name: 'shape', schema: { type: 'array' } } } },
    })
    expect(countedRequest(request, [])).toEqual({
      texts: ['look', 'looks', '{"type":"object"}', 'bare', 'shape', '{"type":"array"}'],
      messages: 0,
      fileTokens: 0,
    })
  })

  it('include the headings of the texts of stored files, and their tokens as they were counted', async () => {
    const read = storedFile({ text: { state: 'ready', tokens: 900 } })
    const unread = storedFile({ mimeType: 'image/png' })
    const result: Part = {
      kind: { case: 'toolResult', value: { callId: 'c', content: [mediumOf(read)] } },
    }
    const content = [text('sum up'), mediumOf(read), mediumOf(unread), result]
    const counted = countedRequest(
      ask(''),
      [create(MessageSchema, { role: Role.USER, content })],
      byId(read, unread),
    )
    const heading = '[file "report.pdf", application/pdf, 1000 bytes]'
    expect(counted).toEqual({ texts: ['sum up', heading, heading], messages: 1, fileTokens: 1_800 })
    const counter = { countRequest: async () => ({ tokens: 30, estimated: false }) }
    expect(await countTokensOf(counted, counter)).toBe(1_830)
  })
})

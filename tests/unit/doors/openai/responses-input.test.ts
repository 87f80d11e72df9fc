// Every item of the Responses API becomes a part of a message of ours, or is refused at its place.
import { type JsonObject, type JsonValue, toJson } from '@bufbuild/protobuf'
import { describe, expect, test } from 'vitest'
import { MessageSchema } from '#gen/exai/v1/chat_pb'
import { GatewayError } from '../../../../src/core/errors.ts'
import { paramOf } from '../../../../src/doors/http/errors.ts'
import { createNotes } from '../../../../src/doors/http/notes.ts'
import { inputMessages } from '../../../../src/doors/openai/responses-input.ts'
import { sealThought } from '../../../../src/doors/openai/responses-seal.ts'

function read(input: JsonValue) {
  const notes = createNotes()
  const messages = inputMessages(input, notes).map(message => toJson(MessageSchema, message))
  return { messages, notes: notes.list() }
}

const user = (...content: JsonObject[]): JsonObject => ({ role: 'ROLE_USER', content })
const system = (...content: JsonObject[]): JsonObject => ({ role: 'ROLE_SYSTEM', content })
const assistant = (...content: JsonObject[]): JsonObject => ({ role: 'ROLE_ASSISTANT', content })
const tool = (...content: JsonObject[]): JsonObject => ({ role: 'ROLE_TOOL', content })

describe('an input', () => {
  const inputs: readonly (readonly [string, JsonValue, readonly JsonObject[]])[] = [
    ['a text', 'hi', [user({ text: 'hi' })]],
    ['a message without a type', [{ role: 'user', content: 'hi' }], [user({ text: 'hi' })]],
    [
      'messages of the operator',
      [
        { type: 'message', role: 'developer', content: 'be brief' },
        { type: 'message', role: 'system', content: [{ type: 'input_text', text: 'be kind' }] },
      ],
      [system({ text: 'be brief' }), system({ text: 'be kind' })],
    ],
    [
      'images',
      [
        {
          role: 'user',
          content: [
            { type: 'input_image', image_url: 'https://a.example/b.png', detail: 'high' },
            { type: 'input_image', image_url: 'data:image/png;base64,AQI=' },
            { type: 'input_image', file_id: 'file_1', detail: 'auto' },
          ],
        },
      ],
      [
        user(
          { media: { url: 'https://a.example/b.png', detail: 'high' } },
          { media: { mimeType: 'image/png', data: 'AQI=' } },
          { media: { fileId: 'file_1', detail: 'auto' } },
        ),
      ],
    ],
    [
      'files',
      [
        {
          role: 'user',
          content: [
            { type: 'input_file', file_id: 'file_1' },
            { type: 'input_file', filename: 'a.pdf', file_data: 'data:application/pdf;base64,AQI=' },
            { type: 'input_file', filename: 'b.pdf', file_data: 'AQI=' },
            { type: 'input_file', file_url: 'https://a.example/c.pdf' },
          ],
        },
      ],
      [
        user(
          { media: { fileId: 'file_1' } },
          { media: { mimeType: 'application/pdf', data: 'AQI=', filename: 'a.pdf' } },
          { media: { mimeType: 'application/pdf', data: 'AQI=', filename: 'b.pdf' } },
          { media: { url: 'https://a.example/c.pdf' } },
        ),
      ],
    ],
    [
      'an answer as it came, with what its calls returned',
      [
        { role: 'user', content: 'weather?' },
        { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 'hm' }] },
        {
          type: 'message',
          id: 'msg_1',
          status: 'completed',
          role: 'assistant',
          content: [{ type: 'output_text', text: 'I look.', annotations: [], logprobs: [] }],
        },
        {
          type: 'function_call',
          id: 'fc_1',
          call_id: 'a',
          name: 'f',
          arguments: '{"x":1}',
          status: 'completed',
        },
        { type: 'function_call', call_id: 'b', name: 'g', arguments: '' },
        { type: 'function_call_output', call_id: 'a', output: 'rain' },
        {
          type: 'function_call_output',
          call_id: 'b',
          output: [
            { type: 'input_text', text: 'see' },
            { type: 'input_image', image_url: 'https://a.example/b.png' },
          ],
        },
      ],
      [
        user({ text: 'weather?' }),
        assistant(
          { reasoning: { text: 'hm' } },
          { text: 'I look.' },
          { toolCall: { callId: 'a', name: 'f', arguments: '{"x":1}' } },
          { toolCall: { callId: 'b', name: 'g' } },
        ),
        tool(
          { toolResult: { callId: 'a', content: [{ text: 'rain' }] } },
          {
            toolResult: {
              callId: 'b',
              content: [{ text: 'see' }, { media: { url: 'https://a.example/b.png' } }],
            },
          },
        ),
      ],
    ],
    [
      'answers in a row',
      [
        { role: 'assistant', content: 'one' },
        { role: 'assistant', content: 'two' },
        { role: 'assistant', content: [{ type: 'refusal', refusal: 'no' }] },
      ],
      [assistant({ text: 'one' }), assistant({ text: 'two' }), assistant({ text: 'no' })],
    ],
    [
      'an answer of nothing',
      [{ role: 'assistant', content: [{ type: 'output_text', text: '' }] }],
      [assistant({ text: '' })],
    ],
    [
      'a call after a text of nothing',
      [
        { role: 'assistant', content: '' },
        { type: 'function_call', call_id: 'a', name: 'f', arguments: '{}' },
      ],
      [assistant({ toolCall: { callId: 'a', name: 'f', arguments: '{}' } })],
    ],
  ]

  test.each(inputs)('of %s', (_, input, messages) => {
    expect(read(input)).toEqual({ messages, notes: [] })
  })

  test('may have searches in it, which are left out', () => {
    const { messages, notes } = read([
      { type: 'web_search_call', id: 'ws_1', status: 'completed' },
      { role: 'user', content: 'hi' },
    ])
    expect(messages).toEqual([user({ text: 'hi' })])
    expect(notes).toEqual([expect.stringContaining('input[0] was left out')])
  })

  const refused: readonly (readonly [JsonValue, string])[] = [
    [1, 'input'],
    [['hi'], 'input[0]'],
    [[{ role: 'tool', content: 'hi' }], 'input[0].role'],
    [[{ role: 'toString', content: 'hi' }], 'input[0].role'],
    [[{ role: 'user' }], 'input[0].content'],
    [[{ role: 'user', content: [{ type: 'input_audio' }] }], 'input[0].content[0].type'],
    [[{ role: 'user', content: [{ type: 'input_image' }] }], 'input[0].content[0]'],
    [
      [{ role: 'user', content: [{ type: 'input_image', image_url: 'data:,x' }] }],
      'input[0].content[0].image_url',
    ],
    [[{ role: 'user', content: [{ type: 'input_file', filename: 'a' }] }], 'input[0].content[0]'],
    [[{ type: 'function_call', name: 'f' }], 'input[0].call_id'],
    [[{ type: 'function_call_output', call_id: 'a' }], 'input[0].output'],
    [[{ type: 'item_reference', id: 'msg_1' }], 'input[0].type'],
    [[{ type: 'computer_call' }], 'input[0].type'],
    [[{ type: 'riddle' }], 'input[0].type'],
  ]

  test.each(refused)('is refused at its place: %j', (input, param) => {
    let thrown: unknown
    try {
      read(input)
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(GatewayError)
    expect(thrown instanceof GatewayError && paramOf(thrown)).toBe(param)
  })
})

describe('a sealed thought', () => {
  const thought = { provider: 'p', model: 'm', opaque: new Uint8Array([1, 2]) }
  const sealed = { opaque: 'AQI=', provider: 'p', model: 'm' }
  const item = (encrypted: string, summary: readonly JsonObject[] = []) => ({
    type: 'reasoning',
    id: 'rs_1',
    summary: [...summary],
    encrypted_content: encrypted,
  })
  const said = { role: 'assistant', content: 'b' }

  test('goes back with what was shown of it', () => {
    const input = [item(sealThought(thought), [{ type: 'summary_text', text: 'hm' }]), said]
    expect(read(input).messages).toEqual([assistant({ reasoning: { text: 'hm', ...sealed } }, { text: 'b' })])
  })

  test('that a stream told behind all else goes back to where it was thought', () => {
    const late = item(sealThought({ ...thought, at: 0 }))
    const shown = { type: 'reasoning', id: 'rs_0', summary: [{ type: 'summary_text', text: 'hm' }] }
    expect(read([shown, said, late]).messages).toEqual([
      assistant({ reasoning: { text: 'hm', ...sealed } }, { text: 'b' }),
    ])
    expect(read([said, late]).messages).toEqual([assistant({ reasoning: sealed }, { text: 'b' })])
  })

  test.each(['gAAAAAB', 'exai1.', 'exai1.e30', `exai1.${Buffer.from('[1').toString('base64url')}`])(
    'of somebody else is left out: %s',
    encrypted => {
      const { messages, notes } = read([item(encrypted), said])
      expect(messages).toEqual([assistant({ text: 'b' })])
      expect(notes).toEqual([expect.stringContaining('input[0].encrypted_content was left out')])
    },
  )
})

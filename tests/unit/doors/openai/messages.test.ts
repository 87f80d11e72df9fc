// Every message of OpenAI's chat completions becomes a message of ours with the same parts, or is refused at its place.
import { create, type JsonObject, type MessageInitShape, toJson } from '@bufbuild/protobuf'
import { describe, expect, test } from 'vitest'
import { MessageSchema } from '#gen/exai/v1/chat_pb'
import { CompleteRequestSchema } from '#gen/exai/v1/chat_service_pb'
import { GatewayError } from '../../../../src/core/errors.ts'
import { paramOf } from '../../../../src/doors/http/errors.ts'
import { chatRequest } from '../../../../src/doors/openai/chat-request.ts'

const paramOfRefusal = (message: JsonObject): string | undefined => {
  try {
    chatRequest({ model: 'm', messages: [message] }, '')
  } catch (error) {
    if (error instanceof GatewayError) return paramOf(error)
    throw error
  }
  throw new Error('it was taken')
}

describe('a message', () => {
  const messageOf = (message: JsonObject) => {
    const { request } = chatRequest({ model: 'm', messages: [message] }, '')
    return request.messages.map(made => toJson(MessageSchema, made))[0]
  }
  const messages: readonly (readonly [JsonObject, JsonObject])[] = [
    [
      { role: 'system', content: 's' },
      { role: 'ROLE_SYSTEM', content: [{ text: 's' }] },
    ],
    [
      { role: 'developer', content: [{ type: 'text', text: 's' }] },
      { role: 'ROLE_SYSTEM', content: [{ text: 's' }] },
    ],
    [
      {
        role: 'user',
        content: [{ type: 'image_url', image_url: { url: 'https://a.example/b.png', detail: 'high' } }],
      },
      { role: 'ROLE_USER', content: [{ media: { url: 'https://a.example/b.png', detail: 'high' } }] },
    ],
    [
      { role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AQI=' } }] },
      { role: 'ROLE_USER', content: [{ media: { mimeType: 'image/png', data: 'AQI=' } }] },
    ],
    [
      { role: 'user', content: [{ type: 'input_audio', input_audio: { data: 'AQI=', format: 'mp3' } }] },
      { role: 'ROLE_USER', content: [{ media: { mimeType: 'audio/mpeg', data: 'AQI=' } }] },
    ],
    [
      { role: 'user', content: [{ type: 'file', file: { file_id: 'file_1' } }] },
      { role: 'ROLE_USER', content: [{ media: { fileId: 'file_1' } }] },
    ],
    [
      {
        role: 'user',
        content: [{ type: 'file', file: { file_data: 'data:text/plain;base64,AQI=', filename: 'a.txt' } }],
      },
      {
        role: 'ROLE_USER',
        content: [{ media: { mimeType: 'text/plain', data: 'AQI=', filename: 'a.txt' } }],
      },
    ],
    [
      { role: 'user', content: [{ type: 'file', file: { file_data: 'AQI=' } }] },
      { role: 'ROLE_USER', content: [{ media: { mimeType: 'application/pdf', data: 'AQI=' } }] },
    ],
    [
      { role: 'user', content: [{ type: 'video_url', video_url: { url: 'https://a.example/b.mp4' } }] },
      { role: 'ROLE_USER', content: [{ media: { url: 'https://a.example/b.mp4' } }] },
    ],
    [
      {
        role: 'assistant',
        content: 'said',
        refusal: null,
        annotations: [],
        reasoning_content: 'thought',
        tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{"a":1}' } }],
      },
      {
        role: 'ROLE_ASSISTANT',
        content: [
          { reasoning: { text: 'thought' } },
          { text: 'said' },
          { toolCall: { callId: 'c', name: 'f', arguments: '{"a":1}' } },
        ],
      },
    ],
    [
      {
        role: 'assistant',
        content: 'said',
        reasoning_content: 'thought',
        exai: {
          reasoning: [
            { opaque: 'AQI=', provider: 'p', model: 'm' },
            { opaque: 'AwQ=', provider: 'p', model: 'm' },
          ],
        },
      },
      {
        role: 'ROLE_ASSISTANT',
        content: [
          { reasoning: { text: 'thought', opaque: 'AQI=', provider: 'p', model: 'm' } },
          { reasoning: { opaque: 'AwQ=', provider: 'p', model: 'm' } },
          { text: 'said' },
        ],
      },
    ],
    [
      { role: 'assistant', content: null, refusal: 'no' },
      { role: 'ROLE_ASSISTANT', content: [{ text: 'no' }] },
    ],
    [
      { role: 'tool', tool_call_id: 'c', content: 'result' },
      { role: 'ROLE_TOOL', content: [{ toolResult: { callId: 'c', content: [{ text: 'result' }] } }] },
    ],
  ]

  test.each(messages)('%j has its parts', (message, ours) => {
    expect(messageOf(message)).toEqual(ours)
  })

  const refused: readonly (readonly [JsonObject, string])[] = [
    [{ role: 'robot', content: 'x' }, 'messages[0].role'],
    [{ role: 'function', name: 'f', content: 'x' }, 'messages[0].role'],
    [{ role: 'user' }, 'messages[0].content'],
    [{ role: 'user', content: 5 }, 'messages[0].content'],
    [{ role: 'user', content: ['x'] }, 'messages[0].content[0]'],
    [{ role: 'user', content: [{ type: 'hologram' }] }, 'messages[0].content[0].type'],
    [{ role: 'user', content: [{ type: 'file', file: {} }] }, 'messages[0].content[0].file'],
    [
      { role: 'user', content: [{ type: 'input_audio', input_audio: { data: 'AA==', format: 'ogg' } }] },
      'messages[0].content[0].input_audio.format',
    ],
    [
      { role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,%%' } }] },
      'messages[0].content[0].image_url.url',
    ],
    [
      { role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:,x' } }] },
      'messages[0].content[0].image_url.url',
    ],
    [{ role: 'assistant', content: null }, 'messages[0].content'],
    [{ role: 'assistant', tool_calls: [{ id: 'c', type: 'custom' }] }, 'messages[0].tool_calls[0].type'],
    [{ role: 'tool', content: 'x' }, 'messages[0].tool_call_id'],
  ]

  test.each(refused)('%j is refused at its place', (message, param) => {
    expect(paramOfRefusal(message)).toBe(param)
  })

  test('that is large is read as it is, byte by byte', () => {
    const data = Buffer.from(Array.from({ length: 100_000 }, (_, index) => index % 256))
    const url = `data:image/png;base64,${data.toString('base64')}`
    const { request } = chatRequest(
      { model: 'm', messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }] },
      '',
    )
    const init: MessageInitShape<typeof CompleteRequestSchema> = {
      model: 'm',
      messages: [
        {
          role: 2,
          content: [
            {
              kind: {
                case: 'media',
                value: { mimeType: 'image/png', source: { case: 'data', value: data } },
              },
            },
          ],
        },
      ],
    }
    expect(toJson(CompleteRequestSchema, request)).toEqual(
      toJson(CompleteRequestSchema, create(CompleteRequestSchema, init)),
    )
  })
})

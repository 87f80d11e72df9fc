// Base64 in the bodies of the doors that take it: what is none is refused, and that is seen at once also in a long one.
import { describe, expect, it } from 'vitest'
import { messagesRequest } from '../../../src/doors/anthropic/request.ts'
import { chatRequest } from '../../../src/doors/openai/chat-request.ts'

const DOORS = {
  openai: (data: string) =>
    chatRequest(
      {
        model: 'm',
        messages: [
          { role: 'user', content: [{ type: 'input_audio', input_audio: { data, format: 'wav' } }] },
        ],
      },
      '',
    ).request,
  anthropic: (data: string) =>
    messagesRequest(
      {
        model: 'm',
        max_tokens: 10,
        messages: [
          {
            role: 'user',
            content: [{ type: 'image', source: { type: 'base64', media_type: 'image/png', data } }],
          },
        ],
      },
      { idempotencyKey: '', isCounted: false },
    ).request,
}

describe.each(Object.entries(DOORS))('base64 at the door for %s', (_door, read) => {
  it.each(['AQI=', 'AQI', 'AQ I=\n', 'A Q\r\nI =', '-_8='])('is taken as %j', data => {
    const { kind } = read(data).messages[0]?.content[0] ?? {}
    if (kind?.case !== 'media' || kind.value.source.case !== 'data') throw new Error('there are no bytes')
    expect(kind.value.source.value).toHaveLength(2)
  })

  it.each(['AQI===', '=AQI', 'AQ!I', 'AQ=I'])('is refused as %j', data => {
    expect(() => read(data)).toThrow('is not base64')
  })

  it.each([' ', 'A', '= ', '=', ' ='])('is refused soon when %j stands a million times in it', piece => {
    const begunAt = performance.now()
    expect(() => read(`${piece.repeat(1_000_000)}!`)).toThrow('is not base64')
    // Milliseconds, or minutes for who looks from each place anew.
    expect(performance.now() - begunAt).toBeLessThan(5_000)
  })
})

describe('sound at the door for openai', () => {
  it.each(['flac', 'constructor', '__proto__'])('is refused in the form %s', format => {
    const content = [{ type: 'input_audio', input_audio: { data: 'AQI=', format } }]
    expect(() => chatRequest({ model: 'm', messages: [{ role: 'user', content }] }, '')).toThrow(
      'messages[0].content[0].input_audio.format must be wav or mp3',
    )
  })
})

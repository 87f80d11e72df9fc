// Checks how messages and their parts are put on the wire.
import type { MessageInitShape } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { type MessageSchema, type PartSchema, Role } from '#gen/exai/v1/chat_pb'
import { openAiDialect } from '../../../../src/providers/openai.ts'
import type { Dialect } from '../../../../src/providers/openai-dialect/dialect.ts'
import { buildMessages } from '../../../../src/providers/openai-dialect/messages.ts'
import { createNote } from '../../../../src/providers/openai-dialect/notes.ts'
import { attempt, type TestAttempt, thinker, thrown, user } from '../attempt.ts'

type PartInit = MessageInitShape<typeof PartSchema>
type MessageInit = MessageInitShape<typeof MessageSchema>

const text = (value: string): PartInit => ({ kind: { case: 'text', value } })
const call = (callId: string, args = '{}'): PartInit => ({
  kind: { case: 'toolCall', value: { callId, name: 'f', arguments: args } },
})
const thought = (value: string, provider: string): PartInit => ({
  kind: { case: 'reasoning', value: { text: value, provider } },
})
const result = (callId: string, content: readonly PartInit[], isError = false): PartInit => ({
  kind: { case: 'toolResult', value: { callId, content: [...content], isError } },
})
const media = (mimeType: string, more: object): PartInit => ({
  kind: { case: 'media', value: { mimeType, ...more } },
})
const bytes = (value: string) => ({ source: { case: 'data', value: Buffer.from(value) } }) as const
const url = (value: string) => ({ source: { case: 'url', value } }) as const
const said = (role: Role, ...content: readonly PartInit[]): MessageInit => ({ role, content: [...content] })

function sent(input: TestAttempt, dialect: Dialect = openAiDialect): unknown {
  return JSON.parse(JSON.stringify(buildMessages(input, dialect, createNote(input))))
}
const content = (part: PartInit): unknown => sent(attempt({ messages: [said(Role.USER, part)] }))

describe('roles', () => {
  it('stay as they are, and system is developer for models that think', () => {
    const messages = [
      said(Role.SYSTEM, text('Be'), text('brief')),
      user('Hi'),
      said(Role.ASSISTANT, text('Yo')),
    ]
    expect(sent(attempt({ messages }))).toEqual([
      { role: 'system', content: 'Be\nbrief' },
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'Yo' },
    ])
    expect(sent(attempt({ messages }, { model: thinker() }))).toMatchObject([{ role: 'developer' }, {}, {}])
    const unknown = thinker({ confidence: 'assumed' })
    expect(sent(attempt({ messages }, { model: unknown }))).toMatchObject([{ role: 'system' }, {}, {}])
  })
})

describe('an assistant message', () => {
  it('is its text, and beside it its tool calls in order', () => {
    const message = said(Role.ASSISTANT, text('Let me '), call('a', '{"x":1}'), text('see.'), call('b', ''))
    expect(sent(attempt({ messages: [message] }))).toEqual([
      {
        role: 'assistant',
        content: 'Let me see.',
        tool_calls: [
          { id: 'a', type: 'function', function: { name: 'f', arguments: '{"x":1}' } },
          { id: 'b', type: 'function', function: { name: 'f', arguments: '{}' } },
        ],
      },
    ])
  })

  it('without text has none when it calls, and an empty one when it does not', () => {
    expect(sent(attempt({ messages: [said(Role.ASSISTANT, call('a'))] }))).toMatchObject([{ content: null }])
    expect(sent(attempt({ messages: [said(Role.ASSISTANT, thought('hm', 'openai'))] }))).toEqual([
      { role: 'assistant', content: '' },
    ])
  })

  it('carries its thoughts only to a host that wants its own back', () => {
    const messages = [said(Role.ASSISTANT, thought('mine', 'openai'), thought('foreign', 'kimi'), text('Yo'))]
    expect(sent(attempt({ messages }))).toEqual([{ role: 'assistant', content: 'Yo' }])
    expect(sent(attempt({ messages }), { ...openAiDialect, reasoningEcho: 'reasoning_content' })).toEqual([
      { role: 'assistant', content: 'Yo', reasoning_content: 'mine' },
    ])
  })

  it('leaves citations out', () => {
    const cited = said(Role.ASSISTANT, text('Yo'), {
      kind: { case: 'citation', value: { url: 'https://a.example' } },
    })
    const input = attempt({ messages: [cited] })
    expect(sent(input)).toEqual([{ role: 'assistant', content: 'Yo' }])
    expect(input.warnings).toEqual([])
  })
})

describe('tool results', () => {
  it('are one message each', () => {
    const messages = [said(Role.TOOL, result('a', [text('18'), text('sunny')]), result('b', [text('20')]))]
    expect(sent(attempt({ messages }))).toEqual([
      { role: 'tool', tool_call_id: 'a', content: '18\nsunny' },
      { role: 'tool', tool_call_id: 'b', content: '20' },
    ])
  })

  it('lose their media and their mark of failure, and say so', () => {
    const picture = media('image/png', bytes('x'))
    const input = attempt({ messages: [said(Role.TOOL, result('a', [picture, text('gone')], true))] })
    expect(sent(input)).toEqual([{ role: 'tool', tool_call_id: 'a', content: 'gone' }])
    expect(input.warnings).toEqual([
      'NOTICE messages[0].content[0].tool_result.is_error: the mark is not sent, the text is',
      'DROPPED messages[0].content[0].tool_result.content[0]: only text can stand here',
    ])
  })

  it('find their call although its id is too long for the host', () => {
    const long = 'x'.repeat(64)
    const wire = sent(
      attempt({ messages: [said(Role.ASSISTANT, call(long)), said(Role.TOOL, result(long, [text('1')]))] }),
    )
    expect(wire).toEqual([
      expect.objectContaining({
        tool_calls: [expect.objectContaining({ id: expect.stringMatching(/^call_[0-9a-f]{32}$/) })],
      }),
      expect.objectContaining({ tool_call_id: expect.stringMatching(/^call_[0-9a-f]{32}$/) }),
    ])
    const ids = [...JSON.stringify(wire).matchAll(/call_[0-9a-f]{32}/g)].map(([id]) => id)
    expect(new Set(ids).size).toBe(1)
  })
})

describe('media', () => {
  it('of images are sent by URL or as data', () => {
    expect(content(media('image/png', { ...url('https://a.example/b.png'), detail: 'high' }))).toEqual([
      {
        role: 'user',
        content: [{ type: 'image_url', image_url: { url: 'https://a.example/b.png', detail: 'high' } }],
      },
    ])
    expect(content(media('image/png', bytes('hi')))).toEqual([
      { role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,aGk=' } }] },
    ])
    expect(content(media('', url('https://a.example/b')))).toMatchObject([
      { content: [{ type: 'image_url' }] },
    ])
  })

  it('of sound and documents are sent as data', () => {
    expect(content(media('audio/mpeg', bytes('hi')))).toEqual([
      { role: 'user', content: [{ type: 'input_audio', input_audio: { data: 'aGk=', format: 'mp3' } }] },
    ])
    expect(content(media('application/pdf', { ...bytes('hi'), filename: 'a.pdf' }))).toEqual([
      {
        role: 'user',
        content: [
          { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,aGk=' } },
        ],
      },
    ])
  })

  it.each([
    ['a video', media('video/mp4', bytes('x'))],
    ['a document by URL', media('application/pdf', url('https://a.example/a.pdf'))],
    ['sound by URL', media('audio/wav', url('https://a.example/a.wav'))],
    ['sound of another kind', media('audio/flac', bytes('x'))],
    ['a stored file', media('image/png', { source: { case: 'fileId', value: 'file_x' } })],
  ])('of %s are refused by the place where they stand', (_, part) => {
    const input = attempt({ messages: [user('Hi'), said(Role.USER, text('Look'), part)] })
    const error = thrown(() => sent(input))
    expect(error.reason).toBe('UNSUPPORTED')
    expect(error.message.startsWith('messages[1].content[1]: openai ')).toBe(true)
  })

  it('in a kept conversation are named as such', () => {
    const history = [said(Role.USER, media('video/mp4', bytes('x')))]
    expect(thrown(() => sent(attempt({}, { history }))).message).toMatch(/^conversation\[0\]\.content\[0\]: /)
  })
})

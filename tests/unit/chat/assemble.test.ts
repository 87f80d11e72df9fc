// Which chats make sense: every message and part that cannot stand where it stands is named.
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { MessageSchema, type PartSchema, Role } from '#gen/exai/v1/chat_pb'
import { assemble } from '../../../src/chat/assemble.ts'
import { GatewayError } from '../../../src/core/errors.ts'

type PartInit = MessageInitShape<typeof PartSchema>
type Chat = readonly MessageInitShape<typeof MessageSchema>[]
type Media = Extract<NonNullable<PartInit['kind']>, { case: 'media' }>['value']

const text: PartInit = { kind: { case: 'text', value: 'hi' } }
const reasoning: PartInit = { kind: { case: 'reasoning', value: { text: 'hm' } } }
const citation: PartInit = { kind: { case: 'citation', value: { url: 'https://example.org' } } }
const media = (value: Media): PartInit => ({ kind: { case: 'media', value } })
const image = media({ mimeType: 'image/png', source: { case: 'data', value: Uint8Array.of(1) } })
const call = (callId: string, name = 'look'): PartInit => ({
  kind: { case: 'toolCall', value: { callId, name } },
})
const result = (callId: string, content: PartInit[] = [text]): PartInit => ({
  kind: { case: 'toolResult', value: { callId, content } },
})
const system = (...content: PartInit[]) => ({ role: Role.SYSTEM, content })
const user = (...content: PartInit[]) => ({ role: Role.USER, content })
const assistant = (...content: PartInit[]) => ({ role: Role.ASSISTANT, content })
const tool = (...content: PartInit[]) => ({ role: Role.TOOL, content })

function messageOf(chat: Chat): string {
  try {
    assemble(chat.map(message => create(MessageSchema, message)))
  } catch (error) {
    if (error instanceof GatewayError && error.reason === 'INVALID_REQUEST') return error.message
    throw error
  }
  return ''
}

const link = (value: string) => media({ source: { case: 'url', value } })
const file = (over: Media) => media({ source: { case: 'fileId', value: 'file_1' }, ...over })

describe('a chat that makes sense', () => {
  it('is given back in its order', () => {
    const chat = [
      system(text),
      user(text, image),
      assistant(reasoning, text, image, citation, call('c1'), call('c2')),
      tool(result('c2', [text, image]), result('c1')),
      user(text),
    ].map(message => create(MessageSchema, message))
    expect(assemble(chat)).toEqual(chat)
  })

  it.each<[string, Chat]>([
    [
      'answers a call in a later tool message',
      [assistant(call('a'), call('b')), tool(result('a')), tool(result('b'))],
    ],
    [
      'uses a call id again in a later turn',
      [assistant(call('a')), tool(result('a')), assistant(call('a')), tool(result('a'))],
    ],
    ['leaves a call without a result', [assistant(call('a')), user(text)]],
    ['has a call id of 64 characters', [assistant(call('a'.repeat(64)))]],
    ['has an image by an upper-case URL', [user(link('HTTPS://example.org/a.png'))]],
    ['has a media type without a known kind', [user(file({ mimeType: 'application/vnd.api+json' }))]],
    ['has a file name of 255 characters', [user(file({ filename: 'f'.repeat(255), detail: 'high' }))]],
  ])('%s', (_, chat) => {
    expect(messageOf(chat)).toBe('')
  })
})

describe('a chat that makes no sense', () => {
  const empty: PartInit = {}
  const noRole = 'messages[0].role is required: one of ROLE_SYSTEM ROLE_USER ROLE_ASSISTANT ROLE_TOOL'
  it.each<[string, Chat, string]>([
    ['without a role', [{ content: [text] }], noRole],
    ['with an unknown role', [{ role: 9 as Role, content: [text] }], noRole],
    ['with an empty message', [user(text), user()], 'messages[1].content needs at least one part'],
    [
      'with an empty part',
      [user(text, empty)],
      'messages[0].content[1] is empty: set text, media, reasoning, tool_call, tool_result or citation',
    ],
    ['with a system image', [system(image)], 'messages[0].content[0]: a system message takes no media part'],
    ['with a user call', [user(call('a'))], 'messages[0].content[0]: a user message takes no tool_call part'],
    [
      'with a user thought',
      [user(reasoning)],
      'messages[0].content[0]: a user message takes no reasoning part',
    ],
    ['with a user source', [user(citation)], 'messages[0].content[0]: a user message takes no citation part'],
    [
      'with a result from the model',
      [assistant(result('a'))],
      'messages[0].content[0]: an assistant message takes no tool_result part',
    ],
    ['with a tool that talks', [tool(text)], 'messages[0].content[0]: a tool message takes no text part'],
    [
      'with a result in a result',
      [assistant(call('a')), tool(result('a', [text, result('a')]))],
      'messages[1].content[0].tool_result.content[1]: a tool message takes no tool_result part',
    ],
    [
      'with an empty result',
      [assistant(call('a')), tool(result('a', []))],
      'messages[1].content[0].tool_result.content needs at least one part',
    ],
    [
      'with a bad image in a result',
      [assistant(call('a')), tool(result('a', [media({})]))],
      'messages[1].content[0].tool_result.content[0].media needs url, data or file_id',
    ],
    [
      'with a call without an id',
      [assistant(call(''))],
      'messages[0].content[0].tool_call.call_id must be 1 to 64 of A-Z a-z 0-9 _ -',
    ],
    [
      'with a call id of 65 characters',
      [assistant(call('a'.repeat(65)))],
      'messages[0].content[0].tool_call.call_id must be 1 to 64 of A-Z a-z 0-9 _ -',
    ],
    [
      'with a call of nothing',
      [assistant(call('a', ''))],
      'messages[0].content[0].tool_call.name is required',
    ],
    [
      'with one call id twice in a message',
      [assistant(call('a'), text, call('a'))],
      'messages[0].content[2].tool_call.call_id "a" is used twice in one message',
    ],
    [
      'with a result without a call',
      [user(text), tool(result('x'))],
      'messages[1].content[0].tool_result.call_id "x" answers no tool call of an earlier assistant message',
    ],
    [
      'with a result before its call',
      [tool(result('a')), assistant(call('a'))],
      'messages[0].content[0].tool_result.call_id "a" answers no tool call of an earlier assistant message',
    ],
    [
      'with a long id that nobody gave',
      [tool(result('y'.repeat(1000)))],
      `messages[0].content[0].tool_result.call_id "${'y'.repeat(64)}" answers no tool call of an earlier assistant message`,
    ],
    [
      'with two results of one call',
      [assistant(call('a')), tool(result('a'), result('a'))],
      'messages[1].content[1].tool_result.call_id "a" is answered twice',
    ],
    [
      'with two results of a call that was used again once',
      [assistant(call('a')), tool(result('a')), assistant(call('a')), tool(result('a')), tool(result('a'))],
      'messages[4].content[0].tool_result.call_id "a" is answered twice',
    ],
    ['with media from nowhere', [user(media({}))], 'messages[0].content[0].media needs url, data or file_id'],
    [
      'with bytes of an unknown kind',
      [user(media({ source: { case: 'data', value: Uint8Array.of(1) } }))],
      'messages[0].content[0].media.mime_type is required with data',
    ],
    [
      'with no bytes',
      [user(media({ mimeType: 'image/png', source: { case: 'data', value: new Uint8Array() } }))],
      'messages[0].content[0].media.data is empty',
    ],
    [
      'with an image of 50 MB',
      [
        user(
          text,
          media({ mimeType: 'Image/PNG', source: { case: 'data', value: new Uint8Array(50_000_000) } }),
        ),
      ],
      'messages[0].content[1].media.data has 50000000 bytes, and an image takes at most 20971520',
    ],
    [
      'with a word as a media type',
      [user(file({ mimeType: 'png' }))],
      'messages[0].content[0].media.mime_type is not a media type such as image/png',
    ],
    ...['ftp://example.org/a', '/a.png', 'https:// a', 'data:image/png;base64,AA=='].map(
      (url): [string, Chat, string] => [
        `with a link to ${url}`,
        [user(link(url))],
        'messages[0].content[0].media.url must be an absolute http or https URL',
      ],
    ),
    [
      'with a file name of 256 characters',
      [user(file({ filename: 'f'.repeat(256) }))],
      'messages[0].content[0].media.filename takes at most 255 characters',
    ],
    [
      'with an unknown detail',
      [user(file({ detail: 'ultra' }))],
      'messages[0].content[0].media.detail must be auto, low or high',
    ],
  ])('is refused: one %s', (_, chat, message) => {
    expect(messageOf(chat)).toBe(message)
  })
})

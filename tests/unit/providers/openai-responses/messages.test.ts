// Checks that messages become input items in their order, and that sealed reasoning goes back as it came, or not at all.
import { describe, expect, it } from 'vitest'
import { Role } from '#gen/exai/v1/chat_pb'
import { openAiDialect } from '../../../../src/providers/openai.ts'
import { createNote } from '../../../../src/providers/openai-dialect/notes.ts'
import { buildInput } from '../../../../src/providers/openai-responses/messages.ts'
import { attempt, thinker, thrown, user } from '../attempt.ts'

type Messages = NonNullable<Parameters<typeof attempt>[0]['messages']>
type Message = Messages[number]
type Part = NonNullable<Message['content']>[number]

function build(messages: Messages, history: Messages = []) {
  const input = attempt({ messages }, { model: thinker(), history })
  const built = buildInput(input, openAiDialect, createNote(input))
  return { items: built.input, warnings: input.warnings }
}

const text = (value: string): Part => ({ kind: { case: 'text', value } })
const media = (
  mimeType: string,
  source: { case: 'url'; value: string } | { case: 'data'; value: Uint8Array },
  more = {},
): Part => ({
  kind: { case: 'media', value: { mimeType, source, ...more } },
})
const url = (value: string) => ({ case: 'url', value }) as const
const data = (value: string) => ({ case: 'data', value: Buffer.from(value) }) as const
const call = (callId: string, args = '{}'): Part => ({
  kind: { case: 'toolCall', value: { callId, name: 'now', arguments: args } },
})
const sealed = (value: unknown, provider = 'openai', words = ''): Part => ({
  kind: {
    case: 'reasoning',
    value: { text: words, opaque: Buffer.from(JSON.stringify(value)), provider, model: 'gpt-6-sol' },
  },
})
const assistant = (...content: readonly Part[]): Message => ({ role: Role.ASSISTANT, content: [...content] })
const result = (callId: string, content: readonly Part[], isError = false): Message => ({
  role: Role.TOOL,
  content: [{ kind: { case: 'toolResult', value: { callId, content: [...content], isError } } }],
})
const item = (id: string) => ({
  type: 'reasoning',
  zebra: 1,
  id,
  summary: [],
  encrypted_content: `gAAAAAB+${id}==`,
  status: 'completed',
})
const said = (value: string) => ({
  type: 'message',
  role: 'assistant',
  content: [{ type: 'output_text', text: value }],
})
const called = (call_id: string) => ({ type: 'function_call', call_id, name: 'now', arguments: '{}' })

describe('a user message', () => {
  it('has its parts in their forms', () => {
    const { items } = build([
      {
        role: Role.USER,
        content: [
          text('Look'),
          media('image/png', data('png')),
          media('', url('https://example.org/a.png'), { detail: 'low' }),
          media('application/pdf', data('pdf'), { filename: 'a.pdf' }),
          media('application/pdf', url('https://example.org/a.pdf')),
        ],
      },
    ])
    expect(items).toEqual([
      {
        type: 'message',
        role: 'user',
        content: [
          { type: 'input_text', text: 'Look' },
          { type: 'input_image', image_url: 'data:image/png;base64,cG5n', detail: 'auto' },
          { type: 'input_image', image_url: 'https://example.org/a.png', detail: 'low' },
          { type: 'input_file', filename: 'a.pdf', file_data: 'data:application/pdf;base64,cGRm' },
          { type: 'input_file', file_url: 'https://example.org/a.pdf' },
        ],
      },
    ])
  })

  it('with sound is refused', () => {
    const sound = media('audio/wav', data('wav'))
    expect(thrown(() => build([{ role: Role.USER, content: [sound] }])).reason).toBe('UNSUPPORTED')
  })

  it('with a document for a model that reads none is refused, wherever it is', () => {
    for (const source of [data('pdf'), url('https://example.org/a.pdf')]) {
      const content = [media('application/pdf', source)]
      const blind = thinker({ modalitiesIn: ['text'] })
      const input = attempt({ messages: [{ role: Role.USER, content }] }, { model: blind })
      expect(thrown(() => buildInput(input, openAiDialect, createNote(input))).reason).toBe('UNSUPPORTED')
    }
  })
})

describe('an assistant message', () => {
  it('is its items in order, with texts that stand together as one', () => {
    const { items } = build([
      user('Hi'),
      assistant(sealed(item('rs_1')), text('Let me'), text(' see.'), call('a', ''), call('b'), text('Well.')),
      result('a', [text('one'), text('two')]),
      result('b', [text('three')], true),
    ])
    expect(items.slice(1)).toEqual([
      item('rs_1'),
      said('Let me see.'),
      called('a'),
      called('b'),
      said('Well.'),
      { type: 'function_call_output', call_id: 'a', output: 'one\ntwo' },
      { type: 'function_call_output', call_id: 'b', output: 'three' },
    ])
  })

  it('without words is nothing, and media in it are named', () => {
    const { items, warnings } = build([
      user('Hi'),
      assistant(text(''), media('image/png', data('png'))),
      user('?'),
    ])
    expect(items).toHaveLength(2)
    expect(warnings).toEqual([expect.stringMatching(/^DROPPED messages\[1\]\.content\[1\]: /)])
  })

  it('names what cannot stand in a tool result by its place in the conversation', () => {
    const history = [
      user('Hi'),
      assistant(call('a')),
      result('a', [text('one'), media('image/png', data('png'))]),
    ]
    const { warnings } = build([user('?')], history)
    expect(warnings).toEqual([
      expect.stringMatching(/^DROPPED conversation\[2\]\.content\[0\]\.tool_result\.content\[1\]: /),
    ])
  })
})

describe('sealed reasoning', () => {
  it('goes back byte for byte, several items before what they led to', () => {
    const { items } = build([user('Hi'), assistant(sealed([item('rs_1'), item('rs_2')]), call('a'))])
    expect(JSON.stringify(items.slice(1))).toBe(JSON.stringify([item('rs_1'), item('rs_2'), called('a')]))
  })

  it('of others, and thoughts that are only text, stay here without a word', () => {
    const words: Part = { kind: { case: 'reasoning', value: { text: 'Hm.', provider: 'openai' } } }
    const { items, warnings } = build([
      user('Hi'),
      assistant(sealed(item('rs_1'), 'kimi'), sealed(item('rs_2'), ''), words, call('a')),
    ])
    expect(items.slice(1)).toEqual([called('a')])
    expect(warnings).toEqual([])
  })

  it('that nothing follows in its turn stays here', () => {
    const { items } = build([user('Hi'), assistant(text('Half'), sealed(item('rs_1'))), user('Go on')])
    expect(items.slice(1, -1)).toEqual([said('Half')])
  })

  it('goes back once', () => {
    const turn = assistant(sealed([item('rs_1'), item('rs_1')]), text('So.'))
    expect(build([user('Hi'), turn, user('?'), turn]).items.slice(1)).toEqual([
      item('rs_1'),
      said('So.'),
      expect.objectContaining({ role: 'user' }),
      said('So.'),
    ])
  })

  it.each([
    ['bytes that are no JSON', 'x'],
    ['another item', JSON.stringify({ type: 'message', id: 'm', encrypted_content: 'x' })],
    ['an item without content', JSON.stringify({ type: 'reasoning', id: 'rs_1', summary: [] })],
    ['an empty list', '[]'],
    ['a number', '7'],
  ])('is named when it is none: %s', (_name, opaque) => {
    const part: Part = {
      kind: { case: 'reasoning', value: { provider: 'openai', opaque: Buffer.from(opaque) } },
    }
    const { items, warnings } = build([user('Hi'), assistant(part, call('a'))])
    expect(items.slice(1)).toEqual([called('a')])
    expect(warnings).toEqual([
      expect.stringMatching(/^DROPPED messages\[1\]\.content\[0\]\.reasoning\.opaque: /),
    ])
  })
})

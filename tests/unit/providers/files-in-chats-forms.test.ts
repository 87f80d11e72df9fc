// How stored files look on every provider's wire, and what callers cannot make them look like.
import { create } from '@bufbuild/protobuf'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Media, MediaSchema, MessageSchema, Role, ToolResultSchema } from '#gen/exai/v1/chat_pb'
import type { ModelEntry } from '../../../src/core/model.ts'
import type { Provider } from '../../../src/core/provider.ts'
import { providers } from '../../../src/providers/registry.ts'
import { givingOf, type TestFile, testFile } from '../../support/file-giving.ts'
import { startGlm } from '../../support/upstream/glm.ts'
import { startKimi } from '../../support/upstream/kimi.ts'
import { startMiniMax } from '../../support/upstream/minimax.ts'
import { startUpstream } from '../../support/upstream/openai.ts'
import type { Upstream } from '../../support/upstream/server.ts'
import { attempt, collect, failure, model, textOf, user } from './attempt.ts'
import { asking, lastChat, uploads } from './files-in-chats.ts'

const starts = { openai: startUpstream, glm: startGlm, kimi: startKimi, minimax: startMiniMax }
type Kind = keyof typeof starts

const doubles = new Map<string, Upstream>()
beforeAll(async () => {
  for (const [kind, start] of Object.entries(starts)) doubles.set(kind, await start())
})
afterAll(async () => {
  for (const double of doubles.values()) await double.close()
})
const opened: Provider[] = []
afterEach(async () => {
  for (const provider of opened.splice(0)) await provider.close()
})

function rig(kind: Kind): { readonly double: Upstream; readonly provider: Provider } {
  const double = doubles.get(kind)
  if (double === undefined) throw new Error(`no double plays ${kind}`)
  const provider = providers[kind]({ id: kind, baseUrl: double.url, keys: ['test-key'] })
  opened.push(provider)
  return { double, provider }
}

const docx = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document'
const of = (provider: Kind, id: string, over: Partial<ModelEntry> = {}): ModelEntry =>
  model({ provider, id, ...over })
const both: Partial<ModelEntry> = { endpoints: ['chat/completions', 'responses'] }
const only: Partial<ModelEntry> = { endpoints: ['responses'] }
const small = (mimeType: string, filename: string, text?: string): TestFile =>
  testFile('file_1', mimeType, 'some bytes', { filename, ...(text === undefined ? {} : { text }) })
const large = (mimeType: string, filename: string): TestFile =>
  testFile('file_1', mimeType, Buffer.alloc(4_100_000, 'x'), { filename })

describe('on the wire', () => {
  it.each<[string, Kind, TestFile, ModelEntry, RegExp, number]>([
    [
      'a PDF',
      'openai',
      small('application/pdf', 'a.pdf'),
      of('openai', 'gpt-4.1'),
      /"file_data":"data:application\/pdf;/,
      0,
    ],
    [
      'a large PDF',
      'openai',
      large('application/pdf', 'a.pdf'),
      of('openai', 'gpt-4.1'),
      /"file":\{"file_id":"file-/,
      1,
    ],
    [
      'a large PDF on Responses',
      'openai',
      large('application/pdf', 'a.pdf'),
      of('openai', 'gpt-5.2-pro', only),
      /"type":"input_file","file_id":"file-/,
      1,
    ],
    [
      'an image',
      'openai',
      small('image/png', 'a.png'),
      of('openai', 'gpt-4.1'),
      /"url":"data:image\/png;/,
      0,
    ],
    [
      'a large image in a chat',
      'openai',
      large('image/png', 'a.png'),
      of('openai', 'gpt-4.1'),
      /"url":"data:image\/png;/,
      0,
    ],
    [
      'a large image on Responses',
      'openai',
      large('image/png', 'a.png'),
      of('openai', 'gpt-5.2-pro', only),
      /"type":"input_image","file_id":"file-/,
      1,
    ],
    [
      'an office document',
      'openai',
      small(docx, 'a.docx'),
      of('openai', 'gpt-4.1', { ...both, modalitiesIn: ['text'] }),
      /"type":"input_file","filename":"a\.docx","file_data":"data:application\/vnd/,
      0,
    ],
    [
      'a large office document',
      'openai',
      large(docx, 'a.docx'),
      of('openai', 'gpt-4.1', both),
      /"type":"input_file","file_id":"file-/,
      1,
    ],
    [
      'an image',
      'glm',
      small('image/png', 'a.png'),
      of('glm', 'glm-4.6v'),
      /"image_url":\{"url":"data:image\/png;/,
      0,
    ],
    [
      'a PDF with a text',
      'glm',
      small('application/pdf', 'a.pdf', 'Dear Sir'),
      of('glm', 'glm-4.6v'),
      /application\/pdf, 10 bytes\]\\nDear Sir/,
      0,
    ],
    [
      'an image',
      'kimi',
      small('image/png', 'a.png'),
      of('kimi', 'kimi-k3'),
      /"image_url":\{"url":"data:image\/png;/,
      0,
    ],
    [
      'a large image',
      'kimi',
      large('image/png', 'a.png'),
      of('kimi', 'kimi-k3'),
      /"image_url":\{"url":"ms:\/\/file/,
      1,
    ],
    [
      'a large video',
      'kimi',
      large('video/mp4', 'a.mp4'),
      of('kimi', 'kimi-k3'),
      /"video_url":\{"url":"ms:\/\/file/,
      1,
    ],
    [
      'a PDF with a text',
      'kimi',
      small('application/pdf', 'a.pdf', 'Dear Sir'),
      of('kimi', 'kimi-k3'),
      /10 bytes\]\\nDear Sir/,
      0,
    ],
    [
      'a PDF without one',
      'kimi',
      small('application/pdf', 'a.pdf'),
      of('kimi', 'kimi-k3'),
      /10 bytes\]\\nText of a\.pdf/,
      1,
    ],
    [
      'an image',
      'minimax',
      small('image/png', 'a.png'),
      of('minimax', 'MiniMax-M3'),
      /"url":"data:image\/png;/,
      0,
    ],
    [
      'a video',
      'minimax',
      small('video/mp4', 'a.mp4'),
      of('minimax', 'MiniMax-M3'),
      /"url":"mm_file:\/\/\d+/,
      1,
    ],
    [
      'a PDF with a text',
      'minimax',
      small('application/pdf', 'a.pdf', 'Dear Sir'),
      of('minimax', 'MiniMax-M3'),
      /10 bytes\]\\nDear Sir/,
      0,
    ],
  ])('%s for %s', async (_, kind, file, to, form, uploaded) => {
    const { double, provider } = rig(kind)
    const before = uploads(double)
    expect(textOf(await collect(provider.open(asking(givingOf(file), [file], { model: to }))))).not.toBe('')
    expect(lastChat(double)).toMatch(form)
    expect(lastChat(double)).not.toContain('file_1')
    expect(uploads(double) - before).toBe(uploaded)
  })

  it('the sandbox is given text, and nothing else', async () => {
    const provider = providers.sandbox({ id: 'sandbox' })
    const [text, image] = [small('application/pdf', 'a.pdf', 'Dear Sir'), small('image/png', 'a.png')]
    const to = model({ provider: 'sandbox', id: 'sandbox' })
    const answer = textOf(await collect(provider.open(asking(givingOf(text), [text], { model: to }))))
    expect(answer).toContain('Dear Sir')
    const { error } = await failure(provider.open(asking(givingOf(image), [image], { model: to })))
    expect(error.reason).toBe('UNSUPPORTED')
  })

  it('a file of a tool is its text, and is left out where it has none', async () => {
    const { double, provider } = rig('openai')
    const files = [small('application/pdf', 'a.pdf', 'Dear Sir'), testFile('file_2', 'image/png', 'x')]
    const content = files.map(({ stored: { id, mimeType } }) => {
      const source = { case: 'fileId', value: id } as const
      return { kind: { case: 'media', value: create(MediaSchema, { mimeType, source }) } } as const
    })
    const value = create(ToolResultSchema, { callId: 'call_1', content })
    const call = { callId: 'call_1', name: 'look', arguments: '{}' }
    const messages = [
      user('Look'),
      create(MessageSchema, { role: Role.ASSISTANT, content: [{ kind: { case: 'toolCall', value: call } }] }),
      create(MessageSchema, { role: Role.TOOL, content: [{ kind: { case: 'toolResult', value } }] }),
    ]
    const tools = [{ name: 'look' }]
    const input = attempt({ messages, tools })
    await collect(provider.open({ ...input, files: givingOf(...files).files }))
    expect(lastChat(double)).toContain('Dear Sir')
    expect(input.warnings).toEqual([
      'DROPPED messages[2].content[0].tool_result.content[1]: only text can stand here',
    ])
  })
})

describe('a caller', () => {
  const media = (over: Pick<Media, 'source'>) => {
    const value = create(MediaSchema, { mimeType: 'application/pdf', ...over })
    return { role: Role.USER, content: [{ kind: { case: 'media', value } as const }] }
  }
  it('cannot name a file of the account by its id', async () => {
    const { provider } = rig('openai')
    const messages = [media({ source: { case: 'fileId', value: 'file-0000000000000000000001' } })]
    expect((await failure(provider.open(attempt({ messages })))).error.reason).toBe('UNSUPPORTED')
    const giving = givingOf(small('application/pdf', 'a.pdf'))
    const input = { ...attempt({ messages }), files: giving.files }
    expect((await failure(provider.open(input))).error.reason).toBe('UNSUPPORTED')
  })

  it.each(['ms://file00000000000000000001', 'mm_file://316425409073265701'])('cannot name %s', async url => {
    const { provider } = rig('kimi')
    const value = create(MediaSchema, { mimeType: 'video/mp4', source: { case: 'url', value: url } })
    const messages = [{ role: Role.USER, content: [{ kind: { case: 'media', value } as const }] }]
    const input = attempt({ messages }, { model: of('kimi', 'kimi-k3') })
    expect((await failure(provider.open(input))).error.reason).toBe('UNSUPPORTED')
  })

  it('sends bytes that count together with those of files', async () => {
    const { double, provider } = rig('kimi')
    const sent = create(MediaSchema, {
      mimeType: 'image/png',
      source: { case: 'data', value: Buffer.alloc(1_000_000, 'x') },
    })
    const file = testFile('file_1', 'image/png', Buffer.alloc(600_000, 'x'), { filename: 'a.png' })
    const input = asking(givingOf(file), [file], { model: of('kimi', 'kimi-k3') })
    const message = { role: Role.USER, content: [{ kind: { case: 'media', value: sent } as const }] }
    const messages = [create(MessageSchema, message), ...input.messages]
    await collect(provider.open({ ...input, messages }))
    expect(lastChat(double)).toContain('ms://')
  })
})

// Stored files in chats over a real process and a strict Kimi: in which form a model gets each, what is uploaded once, and what is told.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Code, createClient } from '@connectrpc/connect'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Role } from '#gen/exai/v1/chat_pb'
import { ChatService } from '#gen/exai/v1/chat_service_pb'
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import { File_TextState as TextState } from '#gen/exai/v1/file_pb'
import { FilesService } from '#gen/exai/v1/files_service_pb'
import { RouteAttempt_Outcome as Outcome } from '#gen/exai/v1/route_pb'
import { Warning_Reason } from '#gen/exai/v1/warning_pb'
import { newId } from '../../src/core/ids.ts'
import { failureOf, infoOf, type Question, question, speeches } from '../support/clients.ts'
import { page, pdf } from '../support/pdf.ts'
import { type Service, startService } from '../support/running-server.ts'
import { startKimi } from '../support/upstream/kimi.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'
import type { UpstreamRequest } from '../support/upstream/wire.ts'

const MODEL = 'kimi/kimi-k3'
const OTHER = 'openai/test-model'

let kimi: Upstream
let openai: Upstream
let dataDir: string
let service: Service
const start = () =>
  startService({
    KIMI_API_KEY: 'test-key',
    KIMI_BASE_URL: kimi.url,
    OPENAI_API_KEY: 'test-key',
    OPENAI_BASE_URL: openai.url,
    DATA_DIR: dataDir,
  })
beforeAll(async () => {
  kimi = await startKimi({ filePolls: 1 })
  openai = await startUpstream()
  dataDir = await mkdtemp(join(tmpdir(), 'exai-chat-files-'))
  service = await start()
})
afterAll(async () => {
  await service.stop()
  await Promise.all([kimi.close(), openai.close()])
  await rm(dataDir, { recursive: true, force: true })
})

let since = { kimi: 0, openai: 0 }
afterEach(() => {
  since = { kimi: kimi.requests.length, openai: openai.requests.length }
})
const askedOf = (upstream: Upstream, from: number): readonly UpstreamRequest[] =>
  upstream.requests.slice(from).filter(({ path }) => path.endsWith('/chat/completions'))
/** What happened to files at Kimi since the test began, looks left out. */
const fileCalls = (): readonly string[] =>
  kimi.requests
    .slice(since.kimi)
    .map(({ method, path }) => `${method} ${path.replace(/file\d+/, 'ID')}`)
    .filter(call => call.includes('/files') && call !== 'GET /v1/files/ID')
/** The content parts of the last question to Kimi, bytes of data URIs as their number. */
const partsAsked = (): readonly unknown[] => {
  const body = askedOf(kimi, since.kimi).at(-1)?.body as { messages?: { content?: unknown }[] } | undefined
  const content = body?.messages?.flatMap(message => message.content ?? []) ?? []
  return content.map(part => JSON.parse(JSON.stringify(part).replace(/;base64,([^"]*)/, shortened)))
}
/** All texts of the last question to Kimi: what is nothing but text may stand there as one. */
const textAsked = (): string =>
  partsAsked()
    .map(part => (typeof part === 'string' ? part : ((part as { text?: string }).text ?? '')))
    .join('\n')
const shortened = (_: string, base64: string): string => `;${Buffer.from(base64, 'base64').length} bytes`

const transport = () => {
  const [speech] = speeches
  if (speech === undefined) throw new Error('there is no way to speak')
  return speech.open(service.url)
}
const files = () => createClient(FilesService, transport())
const chat = () => createClient(ChatService, transport())
const stored = async (filename: string, content: Uint8Array, mimeType = ''): Promise<string> => {
  const { file } = await files().createFile({ filename, content, mimeType })
  return file?.id ?? ''
}
const about = (ids: readonly string[], more: Question = {}) => ({
  ...question(MODEL, '', more),
  messages: [
    {
      role: Role.USER,
      content: [
        { kind: { case: 'text' as const, value: 'what is it?' } },
        ...ids.map(value => ({
          kind: { case: 'media' as const, value: { source: { case: 'fileId' as const, value } } },
        })),
      ],
    },
  ],
})
const withFallback = { routing: { fallbackModels: [OTHER] } }

/** Bytes that nobody has stored before: what is the same is kept once, and its copies with it. */
let made = 0
const filled = (head: string, sizeBytes: number): Buffer => {
  made += 1
  const start = Buffer.concat([Buffer.from(head, 'latin1'), Buffer.from(`number ${made}`)])
  return Buffer.concat([start, Buffer.alloc(sizeBytes - start.length, 'x')])
}
const png = (sizeBytes: number): Buffer => filled('\x89PNG\r\n\x1a\n', sizeBytes)
const mp4 = (sizeBytes: number): Buffer => filled('\0\0\0\x18ftypmp42\0\0\0\0mp42isom', sizeBytes)
const scan = (): Uint8Array => {
  made += 1
  return pdf([{ content: `0 0 ${made} 9 re f` }])
}

describe('a stored file in a chat', () => {
  it('that is text, or whose text was read, is given as text, and a small picture by its bytes', async () => {
    const note = await stored('note.md', Buffer.from('blue grass'), 'text/markdown')
    const document = Buffer.from(pdf([page('the sky was green that year')]))
    // Asked about at once: its text is still being read.
    const report = await stored('report.pdf', document)
    const picture = await stored('small.png', png(1_000))
    const { route, warnings } = await chat().complete(about([note, report, picture]))
    expect(partsAsked()).toEqual([
      { type: 'text', text: 'what is it?' },
      { type: 'text', text: '[file "note.md", text/markdown, 10 bytes]\nblue grass' },
      {
        type: 'text',
        text: `[file "report.pdf", application/pdf, ${document.length} bytes]\nthe sky was green that year`,
      },
      { type: 'image_url', image_url: { url: 'data:image/png;1000 bytes' } },
    ])
    expect([fileCalls(), warnings, route?.attempts.length]).toEqual([[], [], 1])
  })

  it('counts by its text before anybody is asked', async () => {
    const report = await stored(
      'long.pdf',
      pdf(Array.from({ length: 300 }, () => page('ten words stand on each of all of these pages'))),
    )
    const { inputTokens, candidates } = await chat().explainRoute(about([report]))
    expect(inputTokens).toBeGreaterThan(2_000)
    expect(candidates.map(({ model }) => model)).toEqual(['kimi-k3'])
    expect(askedOf(kimi, since.kimi)).toEqual([])
  })

  it('that is a scan is read by Kimi once for everybody, and the copy there is deleted', async () => {
    const id = await stored('scan.pdf', scan())
    await chat().complete(about([id]))
    expect(textAsked()).toMatch(/^what is it\?\n\[file "scan\.pdf", .*\]\nText of scan\.pdf$/)
    await expect
      .poll(fileCalls)
      .toEqual(['POST /v1/files', 'GET /v1/files/ID/content', 'DELETE /v1/files/ID'])
    await chat().complete(about([id]))
    expect(textAsked()).toMatch(/\nText of scan\.pdf$/)
    expect(fileCalls()).toHaveLength(3)
    expect((await files().getFile({ fileId: id })).file?.textState).toBe(TextState.READY)
  })

  it.each([
    ['picture', 'image', () => png(2_000_000), 'big.png'],
    ['video', 'video', () => mp4(2_000_000), 'clip.mp4'],
  ] as const)('that is a large %s is uploaded once, and named from then on', async (_, kind, bytes, name) => {
    const id = await stored(name, bytes())
    const conversation = { conversationId: 'new' }
    const { conversationId, warnings } = await chat().complete(about([id], conversation))
    const reference = {
      type: `${kind}_url`,
      [`${kind}_url`]: { url: expect.stringMatching(/^ms:\/\/file\d+$/) },
    }
    expect(partsAsked()).toEqual([{ type: 'text', text: 'what is it?' }, reference])
    await chat().complete(question(MODEL, 'and then?', { conversationId }))
    expect(partsAsked()).toContainEqual(reference)
    expect([fileCalls(), warnings]).toEqual([['POST /v1/files'], []])
  })

  it('that Kimi has lost is uploaded again, and the same call is answered', async () => {
    const id = await stored('lost.png', png(2_000_000))
    await chat().complete(about([id]))
    const [first] = JSON.stringify(partsAsked()).match(/file\d+/) ?? []
    const gone = await fetch(`${kimi.url}/files/${first}`, {
      method: 'DELETE',
      headers: { authorization: 'Bearer test-key' },
    })
    expect(gone.status).toBe(200)
    const { route } = await chat().complete(about([id]))
    const [second] = JSON.stringify(partsAsked()).match(/file\d+/) ?? []
    expect(second).not.toBe(first)
    expect(fileCalls()).toEqual(['POST /v1/files', 'DELETE /v1/files/ID', 'POST /v1/files'])
    expect(route?.attempts.map(({ outcome }) => outcome)).toEqual([Outcome.SUCCEEDED])
  })

  it('that several calls need at once is uploaded once for all of them, and once for ever', async () => {
    const id = await stored('shared.png', png(2_000_000))
    const answers = await Promise.all(Array.from({ length: 5 }, () => chat().complete(about([id]))))
    expect(answers.flatMap(({ warnings }) => warnings)).toEqual([])
    await service.stop('SIGKILL')
    service = await start()
    await chat().complete(about([id]))
    const named = askedOf(kimi, since.kimi).map(({ rawBody }) => /ms:\/\/file\d+/.exec(String(rawBody))?.[0])
    expect([named.length, new Set(named).size]).toEqual([6, 1])
    expect(fileCalls()).toEqual(['POST /v1/files'])
  })

  it('is counted without an upload', async () => {
    const id = await stored('counted.png', png(2_000_000))
    const { inputTokens } = await chat().countTokens(about([id]))
    expect(inputTokens).toBeGreaterThan(0)
    expect(fileCalls()).toEqual([])
  })

  it('that cannot be uploaded goes to the next candidate by its bytes', async () => {
    const id = await stored('refused.png', png(2_000_000))
    const isUpload = ({ path, rawBody }: UpstreamRequest) =>
      path === '/v1/files' && rawBody.includes('refused.png')
    kimi.next({ match: isUpload, raw: { status: 503, body: 'down' }, times: 9 })
    const { route, provider } = await chat().complete(about([id], withFallback))
    expect(provider).toBe('openai')
    expect(route?.attempts.map(one => [one.provider, one.outcome])).toEqual([
      ['kimi', Outcome.FAILED],
      ['openai', Outcome.SUCCEEDED],
    ])
    expect(askedOf(kimi, since.kimi)).toEqual([])
    expect(String(askedOf(openai, since.openai).at(-1)?.rawBody)).toContain('data:image/png;base64,')
  })

  it('that no model reads leaves out who does not, and says why', async () => {
    const id = await stored('sound.mp3', filled('ID3\x04\0\0\0\0\0\0', 500))
    const { skipped } = await chat().explainRoute(about([id], withFallback))
    expect(skipped.map(({ provider, message }) => [provider, message])).toEqual([
      ['kimi', 'it does not read audio (messages[0].content[1])'],
    ])
    const failure = await failureOf(chat().complete(about([id])))
    expect([failure.code, infoOf(failure)?.reason]).toEqual([Code.InvalidArgument, ErrorReason.UNSUPPORTED])
    expect(askedOf(kimi, since.kimi)).toEqual([])
  })

  it('that is deleted or unknown cannot be asked about, and nobody is', async () => {
    const id = await stored('deleted.png', png(1_000))
    await files().deleteFile({ fileId: id })
    for (const missing of [id, newId('file', Date.now())])
      for (const call of [chat().complete, chat().countTokens]) {
        const failure = await failureOf(call(about([missing])))
        expect([failure.code, infoOf(failure)?.reason]).toEqual([Code.NotFound, ErrorReason.FILE_NOT_FOUND])
      }
    expect(kimi.requests.slice(since.kimi)).toEqual([])
  })

  it('that is deleted leaves its conversation with a note and a warning', async () => {
    const id = await stored('kept.png', png(2_000_000))
    const { conversationId } = await chat().complete(about([id], { conversationId: 'new' }))
    await files().deleteFile({ fileId: id })
    const { warnings } = await chat().complete(question(MODEL, 'and then?', { conversationId }))
    expect(warnings.map(({ reason, field }) => [reason, field])).toEqual([
      [Warning_Reason.DROPPED, 'conversation[0].content[1].media.file_id'],
    ])
    expect(textAsked()).toContain('[a file that is no longer there]')
    expect(JSON.stringify(partsAsked())).not.toContain('ms://')
  })
})

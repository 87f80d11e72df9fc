// Files over a real process: uploaded, put into a chat, kept in a conversation by their id, and there after a kill.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Code, createClient } from '@connectrpc/connect'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Role } from '#gen/exai/v1/chat_pb'
import { ChatService } from '#gen/exai/v1/chat_service_pb'
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import { FilesService } from '#gen/exai/v1/files_service_pb'
import { failureOf, infoOf, type Question, question, speeches } from '../support/clients.ts'
import { type Service, startService } from '../support/running-server.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

const MODEL = 'openai/test-model'
const WORDS = 'the grass was blue that year'

let upstream: Upstream
let dataDir: string
let service: Service
const start = () =>
  startService({ OPENAI_API_KEY: 'test-key', OPENAI_BASE_URL: upstream.url, DATA_DIR: dataDir })
beforeAll(async () => {
  upstream = await startUpstream()
  dataDir = await mkdtemp(join(tmpdir(), 'exai-files-'))
  service = await start()
})
afterAll(async () => {
  await service.stop()
  await upstream.close()
  await rm(dataDir, { recursive: true, force: true })
})

const transport = () => {
  const [speech] = speeches
  if (speech === undefined) throw new Error('there is no way to speak')
  return speech.open(service.url)
}
const files = () => createClient(FilesService, transport())
const chat = () => createClient(ChatService, transport())
const stored = async (): Promise<string> => {
  const content = Buffer.from(WORDS)
  const { file } = await files().createFile({ filename: 'note.txt', mimeType: 'text/plain', content })
  return file?.id ?? ''
}
const about = (fileId: string, more: Question = {}) => ({
  ...question(MODEL, '', more),
  messages: [
    {
      role: Role.USER,
      content: [
        { kind: { case: 'text' as const, value: 'what was blue?' } },
        { kind: { case: 'media' as const, value: { source: { case: 'fileId' as const, value: fileId } } } },
      ],
    },
  ],
})
const lastAsked = () => String(upstream.requests.at(-1)?.rawBody)

describe('a stored file', () => {
  it('is read by the model that is asked about it, and kept in the conversation by its id', async () => {
    const fileId = await stored()
    const { conversationId } = await chat().complete(about(fileId, { conversationId: 'new' }))
    expect(lastAsked()).toContain(WORDS)
    const { messages } = await chat().getConversation({ conversationId })
    expect(messages[0]?.content[1]?.kind).toMatchObject({
      case: 'media',
      value: { source: { case: 'fileId', value: fileId } },
    })
    await chat().complete(question(MODEL, 'and then?', { conversationId }))
    expect(lastAsked()).toContain(WORDS)
  })

  it('is there after a kill, with all its bytes', async () => {
    const fileId = await stored()
    await service.stop('SIGKILL')
    service = await start()
    const chunks: Uint8Array[] = []
    for await (const { chunk } of files().downloadFile({ fileId })) chunks.push(chunk)
    expect(Buffer.concat(chunks).toString()).toBe(WORDS)
  })

  it('that is deleted cannot be asked about, and a conversation that has it goes on', async () => {
    const fileId = await stored()
    const { conversationId } = await chat().complete(about(fileId, { conversationId: 'new' }))
    await files().deleteFile({ fileId })
    const error = await failureOf(chat().complete(about(fileId)))
    expect([error.code, infoOf(error)?.reason]).toEqual([Code.NotFound, ErrorReason.FILE_NOT_FOUND])
    const { warnings } = await chat().complete(question(MODEL, 'and then?', { conversationId }))
    expect(warnings.map(({ field }) => field)).toEqual(['conversation[0].content[1].media.file_id'])
    expect(lastAsked()).toContain('[a file that is no longer there]')
  })
})

it('an answer under an idempotency key is replayed after a kill, and not asked for again', async () => {
  const asked = question(MODEL, 'once', { idempotencyKey: 'after-a-kill' })
  const first = await chat().complete(asked)
  const before = upstream.requests.length
  await service.stop('SIGKILL')
  service = await start()
  const again = await chat().complete(asked)
  expect([again.replayed, again.id]).toEqual([true, first.id])
  expect(upstream.requests).toHaveLength(before)
})

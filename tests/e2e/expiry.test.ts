// What is kept for a time that the settings give is gone after it: files without an expiry of their own, and conversations.
import { createClient } from '@connectrpc/connect'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import { FilesService } from '#gen/exai/v1/files_service_pb'
import { chatClient, failureOf, infoOf, question, speeches } from '../support/clients.ts'
import { type Service, startService } from '../support/running-server.ts'
import { until } from '../support/scripted-completion.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

const MODEL = 'openai/test-model'
const TTL_SECONDS = 2

let upstream: Upstream
let service: Service
beforeAll(async () => {
  upstream = await startUpstream()
  service = await startService({
    OPENAI_API_KEY: 'test-key',
    OPENAI_BASE_URL: upstream.url,
    FILE_TTL: String(TTL_SECONDS),
    CONVERSATION_TTL: String(TTL_SECONDS),
  })
})
afterAll(async () => {
  await service.stop()
  await upstream.close()
})

const speech = () => {
  const [first] = speeches
  if (first === undefined) throw new Error('there is no way to speak')
  return first
}
const chat = () => chatClient(speech(), service.url)
const files = () => createClient(FilesService, speech().open(service.url))
const reasonOf = async (call: Promise<unknown>) => infoOf(await failureOf(call))?.reason
const isOver = async (call: () => Promise<unknown>): Promise<boolean> => {
  const [ended] = await Promise.allSettled([call()])
  return ended.status === 'rejected'
}

describe('with FILE_TTL', () => {
  it('a file is gone after that time, and one with an expiry of its own after its own', async () => {
    const content = Buffer.from('hello')
    const { file } = await files().createFile({ filename: 'a.txt', content })
    const { file: lasting } = await files().createFile({
      filename: 'b.txt',
      content,
      expiration: { case: 'ttl', value: { seconds: 600n } },
    })
    const fileId = file?.id ?? ''
    expect(Number(file?.expireTime?.seconds) - Number(file?.createTime?.seconds)).toBe(TTL_SECONDS)
    await until(() => isOver(() => files().getFile({ fileId })))
    expect(await reasonOf(files().getFile({ fileId }))).toBe(ErrorReason.FILE_NOT_FOUND)
    expect((await files().listFiles({})).files.map(({ id }) => id)).toEqual([lasting?.id])
  })
})

describe('with CONVERSATION_TTL', () => {
  it('a conversation is gone so long after its last turn', async () => {
    const { conversationId } = await chat().complete(question(MODEL, 'hello', { conversationId: 'new' }))
    const first = (await chat().getConversation({ conversationId })).conversation?.expireTime
    await chat().complete(question(MODEL, 'and?', { conversationId }))
    const second = (await chat().getConversation({ conversationId })).conversation?.expireTime
    const msOf = (at: typeof first): number => Number(at?.seconds) * 1_000 + Number(at?.nanos) / 1e6
    expect(msOf(second)).toBeGreaterThan(msOf(first))
    await until(() => isOver(() => chat().getConversation({ conversationId })))
    expect(await reasonOf(chat().complete(question(MODEL, 'still?', { conversationId })))).toBe(
      ErrorReason.CONVERSATION_NOT_FOUND,
    )
    expect((await chat().listConversations({})).conversations).toEqual([])
  })
})

// A service on a disk without room: what does not fit is refused, what fits is not, and when there is room again all is well.
import { createHash, randomBytes } from 'node:crypto'
import { ConnectError, createClient } from '@connectrpc/connect'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import { FilesService } from '#gen/exai/v1/files_service_pb'
import { chatClient, failureOf, infoOf, question, speeches } from '../support/clients.ts'
import { until } from '../support/scripted-completion.ts'
import { mountingWay, type SmallDisk, startOnSmallDisk } from '../support/small-disk.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

const MIB = 1024 * 1024
const DISK_BYTES = 16 * MIB
const MODEL = 'openai/test-model'
const way = mountingWay()

describe.skipIf(way === undefined)('a service whose disk is full', () => {
  let upstream: Upstream
  let disk: SmallDisk
  beforeEach(async () => {
    upstream = await startUpstream()
    disk = await startOnSmallDisk(way ?? [], DISK_BYTES, {
      OPENAI_API_KEY: 'test-key',
      OPENAI_BASE_URL: upstream.url,
    })
  })
  afterEach(async () => {
    await disk.close()
    await upstream.close()
  })

  const speech = () => {
    const [first] = speeches
    if (first === undefined) throw new Error('there is no way to speak')
    return first
  }
  const files = () => createClient(FilesService, speech().open(disk.service.url))
  const chat = () => chatClient(speech(), disk.service.url)
  const isReady = async (): Promise<boolean> => (await fetch(`${disk.service.url}/health/ready`)).ok

  async function* messages(bytes: Uint8Array, own: object = {}) {
    yield { piece: { case: 'header' as const, value: { filename: 'a.bin', ...own } } }
    for (let at = 0; at < bytes.length; at += 256 * 1024)
      yield { piece: { case: 'chunk' as const, value: bytes.subarray(at, at + 256 * 1024) } }
  }
  const upload = async (bytes: Uint8Array) => (await files().uploadFile(messages(bytes))).file
  async function downloaded(fileId: string): Promise<string> {
    const hash = createHash('sha256')
    for await (const { chunk } of files().downloadFile({ fileId })) hash.update(chunk)
    return hash.digest('hex')
  }

  it('refuses an upload that does not fit, keeps nothing of it, and takes the next one', async () => {
    const error = await failureOf(upload(randomBytes(2 * DISK_BYTES)))
    expect(infoOf(error)?.reason).toBe(ErrorReason.STORAGE_FULL)
    await expect.poll(() => disk.files('blobs')).toEqual([])
    expect((await files().listFiles({})).files).toEqual([])
    const bytes = randomBytes(6 * MIB)
    const file = await upload(bytes)
    expect(await downloaded(file?.id ?? '')).toBe(createHash('sha256').update(bytes).digest('hex'))
    expect(await disk.files('blobs')).toHaveLength(1)
    expect(await isReady()).toBe(true)
  })

  it('says so to uploads and chats, stays up, gives what it has, and keeps again what comes when there is room', async () => {
    const bytes = randomBytes(MIB)
    const before = await upload(bytes)
    const { conversationId } = await chat().complete(question(MODEL, 'hello', { conversationId: 'new' }))
    await disk.fill()
    expect(infoOf(await failureOf(upload(randomBytes(MIB))))?.reason).toBe(ErrorReason.STORAGE_FULL)
    // The log of the database may have room in what it has used before.
    await until(async () => {
      const asked = chat().complete(question(MODEL, 'x'.repeat(100_000), { conversationId }))
      const [ended] = await Promise.allSettled([asked])
      if (ended.status === 'fulfilled') return false
      expect(infoOf(ConnectError.from(ended.reason))?.reason).toBe(ErrorReason.STORAGE_FULL)
      return true
    })
    await until(async () => !(await isReady()))
    expect(await downloaded(before?.id ?? '')).toBe(createHash('sha256').update(bytes).digest('hex'))
    const { length } = (await chat().getConversation({ conversationId })).messages
    await disk.relieve()
    await until(isReady)
    expect(await upload(randomBytes(MIB))).toBeDefined()
    await chat().complete(question(MODEL, 'and now?', { conversationId }))
    expect((await chat().getConversation({ conversationId })).messages).toHaveLength(length + 2)
    await expect.poll(() => disk.files('blobs')).toHaveLength(2)
  })
})

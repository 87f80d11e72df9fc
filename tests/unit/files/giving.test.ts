// What an attempt gets of the stored files of its chat: texts that are kept for everybody, whole bytes, and memory for them.
import { create } from '@bufbuild/protobuf'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DeleteFileRequestSchema } from '#gen/exai/v1/files_service_pb'
import type { StoredFile } from '../../../src/core/files.ts'
import { createFileGiving } from '../../../src/files/giving.ts'
import { TEXT_BYTES_MAX } from '../../../src/files/text-reader.ts'
import { createTokenCounter } from '../../../src/metering/count.ts'
import { callOf, type FilesRig, openFilesRig, small } from '../../support/files-rig.ts'

let rig: FilesRig
beforeEach(async () => {
  rig = await openFilesRig()
})
afterEach(() => rig[Symbol.asyncDispose]())

const running = new AbortController().signal
const givingOf = (stored = new Map<string, StoredFile>(), over: Partial<typeof rig.ports> = {}) =>
  createFileGiving({ ...rig.ports, ...over, counter: createTokenCounter() })('default', stored)
async function stored(content: string | Uint8Array): Promise<StoredFile> {
  const { file } = await rig.files.create(callOf(), small(content, { filename: 'a.bin' }))
  const found = await rig.ports.files.get({ tenant: 'default', id: file?.id ?? '' })
  if (found === undefined) throw new Error('the file was not stored')
  return found
}
async function collected(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of bytes) chunks.push(chunk)
  return Buffer.concat(chunks)
}
const pdf = () => stored(Buffer.concat([Buffer.from('%PDF-1.7'), Buffer.alloc(9, 'x')]))

describe('the text that a provider has made of a file', () => {
  test('is there for everybody who is given the file later, and for the chat at once', async () => {
    const file = await pdf()
    const files = new Map([[file.id, file]])
    const giving = givingOf(files)
    expect(await giving.text(file)).toBeUndefined()
    await giving.keepText(file, 'hello\0 world', running)
    expect(await givingOf().text(file)).toBe('hello world')
    // "hello world" is 2 tokens of o200k.
    expect(files.get(file.id)?.text).toEqual({ state: 'ready', tokens: 2 })
    expect((await rig.ports.files.get(file))?.text).toEqual({ state: 'ready', tokens: 2 })
  })

  test('is not kept when it says nothing, or is more than any model reads', async () => {
    const file = await pdf()
    const files = new Map([[file.id, file]])
    for (const text of ['', ' \n\f', 'x'.repeat(TEXT_BYTES_MAX + 1), 'é'.repeat(TEXT_BYTES_MAX / 2 + 1)])
      await givingOf(files).keepText(file, text, running)
    expect(await givingOf().text(file)).toBeUndefined()
    expect(files.get(file.id)).toBe(file)
  })

  test('does not bring back a file that is deleted meanwhile', async () => {
    const file = await pdf()
    const files = new Map([[file.id, file]])
    await rig.files.delete(callOf(), create(DeleteFileRequestSchema, { fileId: file.id }))
    await givingOf(files).keepText(file, 'hello', running)
    expect(await rig.ports.files.get(file)).toBeUndefined()
    expect(files.get(file.id)).toBe(file)
  })
})

describe('the bytes of a file', () => {
  test('come whole', async () => {
    const content = Buffer.alloc(600_000, 'ab\xff')
    const file = await stored(content)
    expect((await collected(givingOf().read(file))).equals(content)).toBe(true)
  })

  test('that are gone are not found before any of them is given', async () => {
    const file = await stored('a')
    await rig.ports.blobs.remove(file.blobKey)
    await expect(collected(givingOf().read(file))).rejects.toMatchObject({ reason: 'FILE_NOT_FOUND' })
  })

  test('that are fewer than the file has are a fault', async () => {
    const file = { ...(await stored('abc')), sizeBytes: 4 }
    await expect(collected(givingOf().read(file))).rejects.toMatchObject({
      reason: 'INTERNAL',
      message: 'only 3 of 4 bytes of a file are there',
    })
  })
})

describe('the memory for files', () => {
  test('is one for all chats', async () => {
    const giving = createFileGiving({ ...rig.ports, counter: createTokenCounter(), heldBytesMax: 10 })
    const letGo = await giving('a', new Map()).hold(8, running)
    const order: string[] = []
    const waiting = giving('b', new Map())
      .hold(8, running)
      .then(() => order.push('held'))
    await new Promise(resolve => setImmediate(resolve))
    order.push('let go')
    letGo()
    await waiting
    expect(order).toEqual(['let go', 'held'])
    await expect(giving('a', new Map()).hold(11, running)).rejects.toMatchObject({ reason: 'OVERLOADED' })
  })
})

describe('the copy of a file at a provider', () => {
  test('is claimed, kept, owned and dropped', async () => {
    const { blobKey } = await pdf()
    const giving = givingOf()
    const key = { blobKey, provider: 'kimi', account: 'main' }
    expect(await giving.claimCopy(key, 1_000)).toEqual({ state: 'ours' })
    expect(await giving.owners('kimi', [blobKey])).toEqual([])
    await giving.keepCopy(key, { remoteId: 'file-1' })
    expect(await giving.claimCopy(key, 1_000)).toMatchObject({ state: 'ready', remoteId: 'file-1' })
    expect(await giving.owners('kimi', [blobKey])).toEqual(['main'])
    await giving.dropCopy(key)
    expect(await giving.owners('kimi', [blobKey])).toEqual([])
  })
})

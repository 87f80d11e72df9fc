// Stored files in a chat: what stands in their place, and what is said of those that cannot stand there.
import { create } from '@bufbuild/protobuf'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  type Message,
  MessageSchema,
  type Part,
  PartSchema,
  Role,
  ToolResultSchema,
} from '#gen/exai/v1/chat_pb'
import { CompleteRequestSchema } from '#gen/exai/v1/chat_service_pb'
import { DeleteFileRequestSchema } from '#gen/exai/v1/files_service_pb'
import { FILE_PART_LIMITS } from '../../../src/chat/file-budget.ts'
import { createFileParts, type FilePartsDeps, type FileReading } from '../../../src/chat/file-parts.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import type { StoredFile } from '../../../src/core/files.ts'
import { newId } from '../../../src/core/ids.ts'
import type { WarningInit } from '../../../src/core/provider.ts'
import { needsOf } from '../../../src/routing/capabilities.ts'
import { NO_GIVING, storedFile } from '../../support/chat-files.ts'
import { callOf, type FilesRig, openFilesRig, small } from '../../support/files-rig.ts'

let rig: FilesRig
beforeEach(async () => {
  rig = await openFilesRig()
})
afterEach(() => rig[Symbol.asyncDispose]())

const PNG = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')
const running = new AbortController().signal
const stored = async (...given: Parameters<typeof small>): Promise<string> =>
  (await rig.files.create(callOf(), small(...given))).file?.id ?? ''
const pdfOf = (sizeBytes: number): StoredFile => storedFile({ sizeBytes })
const knowing = (...files: readonly StoredFile[]) => ({
  get: async ({ id }: { readonly id: string }) => files.find(file => file.id === id),
})
const remove = (fileId: string) => rig.files.delete(callOf(), create(DeleteFileRequestSchema, { fileId }))
const media = (id: string, own: { filename?: string; detail?: string; mimeType?: string } = {}): Part =>
  create(PartSchema, { kind: { case: 'media', value: { ...own, source: { case: 'fileId', value: id } } } })
const user = (...content: Part[]): Message => create(MessageSchema, { role: Role.USER, content })
const words = (value: string): Part => create(PartSchema, { kind: { case: 'text', value } })
const resolve = async (messages: readonly Message[], own: Partial<FileReading> = {}) =>
  (await filled(messages, own)).messages
const filled = async (
  messages: readonly Message[],
  own: Partial<FileReading> = {},
  over: Partial<FilePartsDeps> = {},
) => partsWith(over).resolve(messages, { tenant: 'default', signal: running, ...own })
const partsWith = (over: Partial<FilePartsDeps> = {}) =>
  createFileParts({ ...rig.ports, clock: rig.clock, giving: () => NO_GIVING, ...over })

describe('a file in a chat', () => {
  test('that is text stands there as text under a line that says what it is', async () => {
    const id = await stored('Ünïcode\n', { filename: 'notes [1].md', mimeType: 'text/markdown' })
    const [message] = await resolve([user(words('sum up'), media(id))])
    expect(message?.content.map(({ kind }) => kind)).toEqual([
      { case: 'text', value: 'sum up' },
      { case: 'text', value: '[file "notes [1].md", text/markdown, 10 bytes]\nÜnïcode\n' },
    ])
  })

  test('that is no text stays by its id, with its own type and the name that the caller gives, and none of it is read', async () => {
    const id = await stored(PNG, { filename: 'a.png' })
    const own = { filename: 'b.png', detail: 'low', mimeType: 'image/gif' }
    const giving: FilePartsDeps['giving'] = (tenant, files) => {
      asked.push([tenant, ...files.keys()])
      return NO_GIVING
    }
    const asked: string[][] = []
    const unread = { ...rig.ports.blobs, read: () => Promise.reject(new Error('nothing is to be read')) }
    const { messages, files } = await filled(
      [user(media(id, own), media(id))],
      {},
      { giving, blobs: unread as never },
    )
    expect(messages[0]?.content.map(({ kind }) => kind.value)).toMatchObject([
      { mimeType: 'image/png', filename: 'b.png', detail: 'low', source: { case: 'fileId', value: id } },
      { mimeType: 'image/png', filename: 'a.png', detail: '', source: { case: 'fileId', value: id } },
    ])
    expect(files?.giving).toBe(NO_GIVING)
    expect([...(files?.stored ?? [])]).toMatchObject([
      [id, { tenant: 'default', sizeBytes: PNG.length, text: { state: 'none' } }],
    ])
    expect(asked).toEqual([['default', id]])
  })

  test('that is text leaves nothing to be given', async () => {
    expect((await filled([user(media(await stored('words')))])).files).toBeUndefined()
  })

  test('counts for what a model must read by its own type', async () => {
    const [picture, pdf, text] = [await stored(PNG), await stored('%PDF-1.7'), await stored('words')]
    const { messages, files } = await filled([user(media(picture), media(pdf), media(text))])
    const { media: kinds } = needsOf(create(CompleteRequestSchema, {}), messages, files?.stored)
    expect(kinds.map(({ modality }) => modality)).toEqual(['image', 'pdf'])
  })

  test('is found within the result of a tool', async () => {
    const id = await stored('found')
    const value = create(ToolResultSchema, { callId: 'c1', isError: true, content: [media(id)] })
    const result = create(PartSchema, { kind: { case: 'toolResult', value } })
    const [message] = await resolve([create(MessageSchema, { role: Role.TOOL, content: [result] })])
    expect(message?.content[0]?.kind).toMatchObject({
      case: 'toolResult',
      value: {
        callId: 'c1',
        isError: true,
        content: [{ kind: { case: 'text', value: expect.stringMatching(/^\[file .*\]\nfound$/) } }],
      },
    })
  })

  test('is read once, however often it is named', async () => {
    const id = await stored('twice')
    let reads = 0
    const counting = {
      ...rig.ports.blobs,
      read: (...given: Parameters<typeof rig.ports.blobs.read>) => {
        reads += 1
        return rig.ports.blobs.read(...given)
      },
    }
    const parts = partsWith({ blobs: counting })
    await parts.resolve([user(media(id)), user(media(id), media(id))], { tenant: 'default', signal: running })
    expect(reads).toBe(1)
  })

  test('costs nothing when there is none', () => {
    const messages = [user(words('hi'))]
    const resolved = partsWith().resolve(messages, { tenant: 'default', signal: running })
    expect(resolved instanceof Promise).toBe(false)
    expect(resolved).toEqual({ messages })
    expect('messages' in resolved && resolved.messages).toBe(messages)
  })

  test('that is unknown, foreign, deleted or expired is not found, and the part is named', async () => {
    const deleted = await stored('a')
    await remove(deleted)
    const expired = await stored('b', { expiration: { case: 'ttl', value: { seconds: 1n, nanos: 0 } } })
    rig.clock.pass(1_000)
    for (const id of [deleted, expired, newId('file', 1), '../x'])
      await expect(resolve([user(words('hi')), user(words('see'), media(id))])).rejects.toMatchObject({
        reason: 'FILE_NOT_FOUND',
        message: `messages[1].content[1].media.file_id: no file has the id "${id}"`,
      })
    const mine = await stored('c')
    await expect(resolve([user(media(mine))], { tenant: 'other' })).rejects.toMatchObject({
      reason: 'FILE_NOT_FOUND',
    })
  })

  test('that has gone from a kept conversation leaves a note there, and a warning', async () => {
    const id = await stored('a')
    await remove(id)
    const warnings: WarningInit[] = []
    const go = user(words('go on'))
    const [message] = await resolve([user(media(id)), go], {
      kept: 1,
      warn: warning => warnings.push(warning),
    })
    expect(message?.content[0]?.kind).toEqual({
      case: 'text',
      value: '[a file that is no longer there]',
    })
    expect(warnings.map(({ field }) => field)).toEqual(['conversation[0].content[0].media.file_id'])
    await expect(resolve([user(media(id)), go], { kept: 1, strict: true })).rejects.toMatchObject({
      reason: 'UNSUPPORTED',
      message: expect.stringMatching(/^conversation\[0\].* is no longer there, and strict forbids a note$/),
    })
  })

  test('of a kept conversation gives way to newer ones where all of them are too much', async () => {
    const { fileBytes } = FILE_PART_LIMITS
    const [old, newer, newest] = [pdfOf(fileBytes), pdfOf(fileBytes - 9), pdfOf(9)]
    const asked = user(media(newest.id))
    const { messages, files } = await filled(
      [user(media(old.id)), user(media(newer.id)), asked],
      { kept: 2 },
      { files: knowing(old, newer, newest) },
    )
    const [first, ...others] = messages.map(({ content }) => content[0]?.kind)
    expect(first?.case).toBe('media')
    expect(others.map(kind => kind?.case)).toEqual(['media', 'media'])
    expect([...(files?.stored.keys() ?? [])]).toEqual([newest.id, newer.id, old.id])
    const more = pdfOf(1)
    const { messages: cut } = await filled(
      [user(media(old.id)), user(media(newer.id)), user(media(newest.id), media(more.id))],
      { kept: 2 },
      { files: knowing(old, newer, newest, more) },
    )
    expect(cut[0]?.content[0]?.kind.value).toBe('[a file that cannot be shown again]')
    expect(cut.slice(1).flatMap(({ content }) => content.map(({ kind }) => kind.case))).toEqual([
      'media',
      'media',
      'media',
    ])
  })

  test('that is text, and whose bytes vanish while it is looked up, is not found', async () => {
    const id = await stored('a')
    for (const key of await rig.kept()) await rig.ports.blobs.remove(key)
    await expect(resolve([user(media(id))])).rejects.toMatchObject({ reason: 'FILE_NOT_FOUND' })
  })

  test('that claims to be text and is not is refused', async () => {
    const id = await stored(Buffer.from('caf\xe9 au', 'latin1'), { mimeType: 'text/plain' })
    await expect(resolve([user(media(id))])).rejects.toMatchObject({
      reason: 'INVALID_REQUEST',
      message: expect.stringMatching(/bytes are neither UTF-8 nor UTF-16 text$/),
    })
  })

  test('is refused above the limits, before its bytes are read', async () => {
    const { textBytes, fileBytes, otherBytes, imageBytes } = FILE_PART_LIMITS
    const reads: string[] = []
    const blobs = {
      async *read(key: string) {
        reads.push(key)
        yield Buffer.from('a')
      },
    }
    const refusal = async (...files: StoredFile[]): Promise<string> => {
      const messages = [user(...files.map(({ id }) => media(id)))]
      const failure: unknown = await filled(messages, {}, { files: knowing(...files), blobs: blobs as never })
        .then(() => new Error('nothing was refused'))
        .catch((error: unknown) => error)
      const { reason, message } = GatewayError.from(failure)
      return `${reason} ${message}`
    }
    const wide = storedFile({ mimeType: 'image/png', sizeBytes: imageBytes + 1 })
    expect(await refusal(wide)).toBe(
      `INVALID_REQUEST messages[0].content[0].media.file_id: ${wide.id} has 20971521 bytes, and an image takes at most 20971520`,
    )
    const vast = pdfOf(fileBytes + 1)
    expect(await refusal(vast)).toBe(
      `INVALID_REQUEST messages[0].content[0].media.file_id: ${vast.id} has 536870913 bytes, and a file in a chat takes at most 536870912`,
    )
    const book = storedFile({ mimeType: 'text/plain', sizeBytes: textBytes + 1 })
    expect(await refusal(book)).toMatch(
      /the text files of this chat have 8388609 bytes, and may have 8388608$/,
    )
    expect(await refusal(pdfOf(fileBytes), pdfOf(otherBytes - fileBytes), pdfOf(1))).toMatch(
      /^INVALID_REQUEST messages\[0\]\.content\[2\]\.media\.file_id: with .* 1073741825 bytes, and may have 1073741824$/,
    )
    const many = Array.from({ length: FILE_PART_LIMITS.files + 1 }, () => pdfOf(1))
    expect(await refusal(...many)).toMatch(/content\[64\]\.media\.file_id: a chat takes at most 64 files$/)
    expect(reads).toEqual([])
  })

  test('that is text takes its room in every place where it is named', async () => {
    const words = 'x'.repeat(900_000)
    const id = await stored(words)
    const named = (count: number) => user(...Array.from({ length: count }, () => media(id)))
    expect((await resolve([named(9)]))[0]?.content).toHaveLength(9)
    await expect(resolve([named(10)])).rejects.toMatchObject({
      reason: 'INVALID_REQUEST',
      message: expect.stringMatching(/content\[9\]\.media\.file_id: .* have 9000000 bytes/),
    })
    const [old] = await resolve([named(2), named(8)], { kept: 1 })
    expect(old?.content.map(({ kind }) => String(kind.value).length > 900_000)).toEqual([true, false])
  })

  test('ends with its call', async () => {
    const id = await stored('a')
    const reason = new GatewayError('CANCELLED', 'the client left')
    await expect(resolve([user(media(id))], { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})

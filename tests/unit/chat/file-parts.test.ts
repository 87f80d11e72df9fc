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
import { createFileParts, FILE_PART_LIMITS, type FileReading } from '../../../src/chat/file-parts.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import { newId } from '../../../src/core/ids.ts'
import type { WarningInit } from '../../../src/core/provider.ts'
import { needsOf } from '../../../src/routing/capabilities.ts'
import { callOf, type FilesRig, openFilesRig, small, upload } from '../../support/files-rig.ts'

let rig: FilesRig
beforeEach(async () => {
  rig = await openFilesRig({ limits: { fileBytesMax: 64 * 1024 * 1024 } })
})
afterEach(() => rig[Symbol.asyncDispose]())

const PNG = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')
const running = new AbortController().signal
const stored = async (...given: Parameters<typeof small>): Promise<string> =>
  (await rig.files.create(callOf(), small(...given))).file?.id ?? ''
const large = async (head: Buffer, sizeBytes: number, mimeType = ''): Promise<string> =>
  (
    await rig.files.upload(
      callOf(),
      upload({ mimeType }, [Buffer.concat([head, Buffer.alloc(sizeBytes - head.length, 'x')])]),
    )
  ).file?.id ?? ''
const remove = (fileId: string) => rig.files.delete(callOf(), create(DeleteFileRequestSchema, { fileId }))
const media = (id: string, own: { filename?: string; detail?: string; mimeType?: string } = {}): Part =>
  create(PartSchema, { kind: { case: 'media', value: { ...own, source: { case: 'fileId', value: id } } } })
const user = (...content: Part[]): Message => create(MessageSchema, { role: Role.USER, content })
const words = (value: string): Part => create(PartSchema, { kind: { case: 'text', value } })
const resolve = async (messages: readonly Message[], own: Partial<FileReading> = {}) =>
  createFileParts(rig.ports).resolve(messages, { tenant: 'default', signal: running, ...own })

describe('a file in a chat', () => {
  test('that is text stands there as text under a line that says what it is', async () => {
    const id = await stored('Ünïcode\n', { filename: 'notes [1].md', mimeType: 'text/markdown' })
    const [message] = await resolve([user(words('sum up'), media(id))])
    expect(message?.content.map(({ kind }) => kind)).toEqual([
      { case: 'text', value: 'sum up' },
      { case: 'text', value: '[file "notes [1].md", text/markdown, 10 bytes]\nÜnïcode\n' },
    ])
  })

  test('that is no text stands there as its bytes, with its own type and the name that the caller gives', async () => {
    const id = await stored(PNG, { filename: 'a.png' })
    const [message] = await resolve([
      user(media(id, { filename: 'b.png', detail: 'low', mimeType: 'image/gif' })),
    ])
    expect(message?.content[0]?.kind).toMatchObject({
      case: 'media',
      value: { mimeType: 'image/png', filename: 'b.png', detail: 'low', source: { case: 'data' } },
    })
    const kind = message?.content[0]?.kind
    const source = kind?.case === 'media' ? kind.value.source : undefined
    expect(Buffer.from(source?.case === 'data' ? source.value : [])).toEqual(PNG)
  })

  test('counts for what a model must read by its own type', async () => {
    const [picture, pdf, text] = [await stored(PNG), await stored('%PDF-1.7'), await stored('words')]
    const messages = await resolve([user(media(picture), media(pdf), media(text))])
    const { media: kinds } = needsOf(create(CompleteRequestSchema, {}), messages)
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
    const parts = createFileParts({ files: rig.ports.files, blobs: counting })
    await parts.resolve([user(media(id)), user(media(id), media(id))], { tenant: 'default', signal: running })
    expect(reads).toBe(1)
  })

  test('costs nothing when there is none', () => {
    const messages = [user(words('hi'))]
    expect(createFileParts(rig.ports).resolve(messages, { tenant: 'default', signal: running })).toBe(
      messages,
    )
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
  })

  test('of a kept conversation gives way to newer ones where all of them are too much', async () => {
    const pdf = Buffer.from('%PDF-1.7')
    const [old, newer, newest] = [
      await large(pdf, 20_000_000),
      await large(pdf, 10_000_000),
      await large(pdf, 9_000_000),
    ]
    const asked = user(media(newest))
    const messages = await resolve([user(media(old)), user(media(newer)), asked], { kept: 2 })
    const [first, ...others] = messages.map(({ content }) => content[0]?.kind)
    expect(first?.value).toBe('[a file that cannot be shown again]')
    expect(others.map(kind => kind?.case)).toEqual(['media', 'media'])
  })

  test('whose bytes vanish while it is looked up is not found', async () => {
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
    const { textBytes, otherBytes, imageBytes } = FILE_PART_LIMITS
    const pdf = Buffer.from('%PDF-1.7')
    const wide = await large(PNG, imageBytes + 1)
    const book = await large(Buffer.from('a'), textBytes + 1)
    const [first, second] = [await large(pdf, 20_000_000), await large(pdf, otherBytes - 20_000_000 + 1)]
    const unread = {
      ...rig.ports.blobs,
      read: (key: string, ...rest: [number, number]) => {
        reads.push(key)
        return rig.ports.blobs.read(key, ...rest)
      },
    }
    const reads: string[] = []
    const parts = createFileParts({ files: rig.ports.files, blobs: unread })
    const refusal = async (...ids: string[]) => {
      const messages = [user(...ids.map(id => media(id)))]
      const reading = { tenant: 'default', signal: running }
      const failure: unknown = await Promise.resolve(parts.resolve(messages, reading)).catch(
        (error: unknown) => error,
      )
      return GatewayError.from(failure)
    }
    expect((await refusal(wide)).message).toMatch(/an image takes at most 20971520$/)
    expect((await refusal(book)).message).toMatch(
      /the text files of this chat have 8388609 bytes, and may have 8388608$/,
    )
    expect(reads).toEqual([])
    const both = await refusal(first, second)
    expect(both).toMatchObject({ reason: 'INVALID_REQUEST' })
    expect(both.message).toMatch(
      /^messages\[0\]\.content\[1\]\.media\.file_id: with .* 37000001 bytes, and may have 37000000$/,
    )
    expect(reads).toHaveLength(1)
  })

  test('ends with its call', async () => {
    const id = await stored('a')
    const reason = new GatewayError('CANCELLED', 'the client left')
    await expect(resolve([user(media(id))], { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})

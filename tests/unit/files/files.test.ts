// Stored files: found by their own tenant only, listed by pages and filters, read in ranges, gone once deleted or expired.
import { create } from '@bufbuild/protobuf'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { File_TextState as TextState } from '#gen/exai/v1/file_pb'
import {
  DeleteFileRequestSchema,
  DownloadFileRequestSchema,
  GetFileRequestSchema,
} from '#gen/exai/v1/files_service_pb'
import { newId } from '../../../src/core/ids.ts'
import {
  callOf,
  downloaded,
  type FilesRig,
  hashOf,
  listing,
  openFilesRig,
  small,
  upload,
} from '../../support/files-rig.ts'

let rig: FilesRig
beforeEach(async () => {
  rig = await openFilesRig()
})
afterEach(() => rig[Symbol.asyncDispose]())

const stored = async (...given: Parameters<typeof small>): Promise<string> =>
  (await rig.files.create(callOf(), small(...given))).file?.id ?? ''
const get = (fileId: string, tenant?: string) =>
  rig.files.get(callOf(tenant), create(GetFileRequestSchema, { fileId }))
const remove = (fileId: string, tenant?: string) =>
  rig.files.delete(callOf(tenant), create(DeleteFileRequestSchema, { fileId }))
const read = (fileId: string, offset = 0n, length = 0n, tenant?: string) =>
  downloaded(
    rig.files.download(callOf(tenant), create(DownloadFileRequestSchema, { fileId, offset, length })),
  )
const missing = (id: string) => ({ reason: 'FILE_NOT_FOUND', message: `no file has the id "${id}"` })

describe('a file', () => {
  test('of another tenant is as unknown as one that never was', async () => {
    const id = await stored('mine')
    for (const use of [() => get(id, 'other'), () => remove(id, 'other'), () => read(id, 0n, 0n, 'other')])
      await expect(use()).rejects.toMatchObject(missing(id))
    expect((await rig.files.list(callOf('other'), listing())).files).toEqual([])
    expect((await get(id)).file?.id).toBe(id)
  })

  test('that cannot be is not found', async () => {
    for (const id of ['../../etc/passwd', newId('conv', 1), newId('file', 1), "file_' OR 1=1"])
      await expect(get(id)).rejects.toMatchObject(missing(id))
    await expect(get('')).rejects.toMatchObject({ reason: 'FILE_NOT_FOUND' })
  })

  test('is gone once it is deleted, and once it has expired', async () => {
    const first = await stored('a')
    await remove(first)
    await expect(remove(first)).rejects.toMatchObject(missing(first))
    await expect(read(first)).rejects.toMatchObject(missing(first))
    const second = await stored('b', { expiration: { case: 'ttl', value: { seconds: 5n, nanos: 0 } } })
    rig.clock.pass(4_999)
    expect((await get(second)).file?.id).toBe(second)
    rig.clock.pass(1)
    await expect(get(second)).rejects.toMatchObject(missing(second))
  })
})

describe('a download', () => {
  test('gives the whole file, or the range that is asked for', async () => {
    const id = await stored('0123456789')
    expect(String(await read(id))).toBe('0123456789')
    expect(String(await read(id, 3n))).toBe('3456789')
    expect(String(await read(id, 3n, 4n))).toBe('3456')
    expect(String(await read(id, 8n, 100n))).toBe('89')
    expect(String(await read(id, 10n))).toBe('')
  })

  test('begins with the description of the file, which comes once', async () => {
    const id = await stored('x')
    const messages = []
    for await (const message of rig.files.download(
      callOf(),
      create(DownloadFileRequestSchema, { fileId: id }),
    ))
      messages.push(message)
    expect(messages.map(({ file }) => file?.id)).toEqual([id, undefined])
  })

  test('of a range that cannot be is refused', async () => {
    const id = await stored('0123456789')
    const bad = (message: string) => ({ reason: 'INVALID_REQUEST', message })
    await expect(read(id, -1n)).rejects.toMatchObject(bad('offset must not be negative'))
    await expect(read(id, 0n, -1n)).rejects.toMatchObject(bad('length must not be negative'))
    await expect(read(id, 11n)).rejects.toMatchObject(bad('offset is 11, and the file has 10 bytes'))
  })

  test('that has begun ends well when the file is deleted meanwhile', async () => {
    const bytes = Buffer.alloc(900_000, 'y')
    const { file } = await rig.files.upload(callOf(), upload({}, [bytes]))
    const id = file?.id ?? ''
    const stream = rig.files.download(callOf(), create(DownloadFileRequestSchema, { fileId: id }))
    const reading = stream[Symbol.asyncIterator]()
    await reading.next()
    const first = await reading.next()
    await remove(id)
    for (const key of await rig.kept()) await rig.ports.blobs.remove(key)
    let size = first.value?.chunk?.length ?? 0
    for (let step = await reading.next(); !step.done; step = await reading.next())
      size += step.value.chunk?.length ?? 0
    expect(size).toBe(900_000)
  })
})

describe('a list', () => {
  test('comes newest first and page by page, and its tokens belong to its filters', async () => {
    const ids: string[] = []
    for (const content of ['a', 'b', 'c']) {
      ids.unshift(await stored(content))
      rig.clock.pass(10)
    }
    const first = await rig.files.list(callOf(), listing({ pageSize: 2 }))
    expect(first.files?.map(({ id }) => id)).toEqual(ids.slice(0, 2))
    const pageToken = first.nextPageToken ?? ''
    const second = await rig.files.list(callOf(), listing({ pageSize: 2, pageToken }))
    expect(second.files?.map(({ id }) => id)).toEqual(ids.slice(2))
    expect(second.nextPageToken).toBe('')
    for (const wrong of [listing({ pageToken, purpose: 'x' }), listing({ pageToken: 'nonsense' })])
      await expect(rig.files.list(callOf(), wrong)).rejects.toMatchObject({ reason: 'INVALID_REQUEST' })
    await expect(rig.files.list(callOf('other'), listing({ pageToken }))).rejects.toMatchObject({
      reason: 'INVALID_REQUEST',
    })
  })

  test('keeps what fits every filter', async () => {
    const at = { seconds: BigInt(rig.clock.now()) / 1000n, nanos: 0 }
    const id = await stored('a,b', {
      filename: 'Größe.csv',
      mimeType: 'text/csv',
      purpose: 'p',
      metadata: { k: 'v' },
    })
    await stored('other')
    const of = async (own: Parameters<typeof listing>[0]) =>
      (await rig.files.list(callOf(), listing(own))).files?.map(file => file.id)
    for (const own of [
      { filenameContains: 'GRÖSS'.replace('SS', 'ß') },
      { mimeType: 'text/csv' },
      { mimeType: 'TEXT/*', purpose: 'p' },
      { sha256: hashOf('a,b').toUpperCase() },
      { metadata: { k: 'v' } },
    ])
      expect(await of(own)).toEqual([id])
    expect(await of({ metadata: { k: 'w' } })).toEqual([])
    expect(await of({ startTime: at })).toHaveLength(2)
    expect(await of({ endTime: at })).toEqual([])
  })

  test.each([
    ['page_size: must not be negative', { pageSize: -1 }],
    ['mime_type must be a MIME type such as image/png or image/*', { mimeType: 'image' }],
    ['sha256 must be 64 hexadecimal digits', { sha256: 'zz' }],
    ['filename_contains takes at most 255 characters, and has 256', { filenameContains: 'x'.repeat(256) }],
    [
      'end_time must not be before start_time',
      { startTime: { seconds: 2n, nanos: 0 }, endTime: { seconds: 1n, nanos: 0 } },
    ],
  ])('is refused with "%s"', async (message, own) => {
    await expect(rig.files.list(callOf(), listing(own))).rejects.toMatchObject({
      reason: 'INVALID_REQUEST',
      message,
    })
  })
})

describe('the text of a file', () => {
  const state = async (id: string) => (await get(id)).file

  test('is read after the upload, with an estimate of its tokens', async () => {
    const { file } = await rig.files.create(callOf(), small('hello world'))
    expect(file).toMatchObject({ textState: TextState.PENDING })
    await rig.reader.idle()
    const id = file?.id ?? ''
    expect(await state(id)).toMatchObject({ textState: TextState.READY, textTokenCount: 2 })
    expect(await rig.ports.files.text({ tenant: 'default', id })).toBe('hello world')
    expect((await rig.files.create(callOf(), small('hello world'))).file).toMatchObject({
      textState: TextState.READY,
    })
  })

  test('is that of UTF-16 with a byte order mark, too', async () => {
    const id = await stored(Buffer.from('\ufeffgrün', 'utf16le'), { mimeType: 'text/plain' })
    await rig.reader.idle()
    expect(await rig.ports.files.text({ tenant: 'default', id })).toBe('grün')
  })

  test('has failed for bytes that are no text, and is none for a picture', async () => {
    const latin = await stored(Buffer.from('caf\xe9 au lait', 'latin1'), { mimeType: 'text/plain' })
    const picture = await stored(Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'))
    await rig.reader.idle()
    expect(await state(latin)).toMatchObject({ textState: TextState.FAILED })
    expect(await state(picture)).toMatchObject({ textState: TextState.NONE, mimeType: 'image/png' })
  })

  test('that a crash left unread is read when the reader wakes', async () => {
    const blob = await rig.ports.blobs.put(
      (async function* () {
        yield Buffer.from('left')
      })(),
    )
    const id = newId('file', rig.clock.now())
    await rig.ports.files.add({
      id,
      tenant: 'default',
      filename: 'a',
      mimeType: 'text/plain',
      sizeBytes: 4,
      sha256: blob.sha256,
      blobKey: blob.key,
      createdAt: rig.clock.now(),
      metadata: {},
      purpose: '',
      text: { state: 'pending' },
    })
    rig.reader.wake()
    await rig.reader.idle()
    expect(await state(id)).toMatchObject({ textState: TextState.READY })
  })

  test('comes from an extractor for other types, whose failure is that of one file only', async () => {
    await using own = await openFilesRig({
      extract: {
        reads: type => type === 'application/pdf',
        async text(bytes) {
          const whole: Uint8Array[] = []
          for await (const part of bytes) whole.push(part)
          if (Buffer.concat(whole).includes('broken')) throw new TypeError('no page tree')
          return 'a page'
        },
      },
    })
    const add = async (content: string) => (await own.files.create(callOf(), small(content))).file?.id ?? ''
    const [broken, good] = [await add('%PDF-1.7 broken'), await add('%PDF-1.7 good')]
    await own.reader.idle()
    const states = [broken, good].map(fileId =>
      own.files.get(callOf(), create(GetFileRequestSchema, { fileId })),
    )
    expect((await Promise.all(states)).map(({ file }) => file?.textState)).toEqual([
      TextState.FAILED,
      TextState.READY,
    ])
  })
})

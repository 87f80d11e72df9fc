// Uploads: what is kept, what is refused, and that nothing stays of what was refused.
import { create } from '@bufbuild/protobuf'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type UploadFileRequest, UploadFileRequestSchema } from '#gen/exai/v1/files_service_pb'
import { GatewayError } from '../../../src/core/errors.ts'
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
import { createTestCall } from '../../support/test-call.ts'

let rig: FilesRig
beforeEach(async () => {
  rig = await openFilesRig({ limits: { fileBytesMax: 1_000, quotaBytes: 2_500, ttlMs: 60_000 } })
})
afterEach(() => rig[Symbol.asyncDispose]())

const chunk = (length: number, letter = 'x'): Buffer => Buffer.alloc(length, letter)
const refused = (reason: string, message: string | RegExp) => ({
  reason,
  message: typeof message === 'string' ? message : expect.stringMatching(message),
})

async function nothingStays(): Promise<void> {
  expect(await rig.kept()).toEqual([])
  expect(await rig.unfinished()).toBe(0)
  expect((await rig.files.list(callOf(), listing())).files).toEqual([])
}

describe('an upload', () => {
  test('is described with what was said and what was found', async () => {
    const { file } = await rig.files.upload(
      callOf(),
      upload(
        {
          filename: 'Übersicht 漢字 🎉.csv',
          mimeType: 'Text/CSV; charset=utf-8',
          sizeBytes: 6n,
          sha256: hashOf('a,b\nc,').toUpperCase(),
          metadata: { ключ: 'ä"' },
          purpose: 'assistants',
        },
        [Buffer.from('a,b'), Buffer.alloc(0), Buffer.from('\nc,')],
      ),
    )
    expect(file).toMatchObject({
      id: expect.stringMatching(/^file_[0-9a-f-]{36}$/),
      filename: 'Übersicht 漢字 🎉.csv',
      mimeType: 'text/csv',
      sizeBytes: 6n,
      sha256: hashOf('a,b\nc,'),
      createTime: { seconds: BigInt(rig.clock.now()) / 1000n },
      expireTime: { seconds: BigInt(rig.clock.now() + 60_000) / 1000n },
      metadata: { ключ: 'ä"' },
      purpose: 'assistants',
    })
    const bytes = await downloaded(
      rig.files.download(callOf(), {
        $typeName: 'exai.v1.DownloadFileRequest',
        fileId: String(file?.id),
        offset: 0n,
        length: 0n,
      }),
    )
    expect(bytes.toString()).toBe('a,b\nc,')
  })

  test('of bytes that the tenant has makes a file of its own and keeps the bytes once', async () => {
    const first = await rig.files.create(callOf(), small('same'))
    const second = await rig.files.create(callOf(), small('same'))
    expect(first.file?.id).not.toBe(second.file?.id)
    expect(await rig.kept()).toHaveLength(1)
    await rig.files.create(callOf('other'), small('same'))
    expect(await rig.kept()).toHaveLength(2)
  })

  const bad: Readonly<Record<string, [Parameters<typeof upload>[0], Buffer[], string | RegExp]>> = {
    'grows past the limit': [
      {},
      [chunk(600), chunk(600)],
      'the file has more than 1000 bytes, the most that one may have',
    ],
    'claims more than the limit': [
      { sizeBytes: 1_001n },
      [],
      'the file has more than 1000 bytes, the most that one may have',
    ],
    'has more bytes than claimed': [
      { sizeBytes: 5n },
      [chunk(3), chunk(3)],
      'size_bytes is 5, and more bytes came',
    ],
    'has fewer bytes than claimed': [
      { sizeBytes: 7n },
      [chunk(3), chunk(3)],
      'size_bytes is 7, and only 6 bytes came',
    ],
    'has another hash': [
      { sha256: hashOf('other') },
      [chunk(3)],
      /^sha256 is [0-9a-f]{64}, and that of the bytes is/,
    ],
    'has no bytes': [{}, [Buffer.alloc(0)], 'the file has no bytes: send at least 1'],
    'claims no bytes': [{ sizeBytes: 0n }, [], /^header\.size_bytes must be at least 1/],
    'is no picture': [
      { mimeType: 'image/png' },
      [chunk(3)],
      /^mime_type is image\/png, and the bytes are not that type/,
    ],
    'has a name of 4,000 characters': [
      { filename: 'ä'.repeat(4_000) },
      [],
      'header.filename takes at most 255 characters, and has 4000',
    ],
    'has no name': [{ filename: '' }, [], 'header.filename is required'],
    'is named ..': [{ filename: '..' }, [], /^header\.filename must be a name, and not a folder/],
    'has a path': [{ filename: '../../etc/passwd' }, [], /^header\.filename must be a name without a path/],
    'has a path of Windows': [{ filename: 'C:\\x' }, [], /^header\.filename must be a name without a path/],
    'has a line in its name': [{ filename: 'a\nb' }, [], 'header.filename must have no control characters'],
    'has a bad type': [
      { mimeType: 'picture' },
      [],
      'header.mime_type must be a MIME type such as text/plain',
    ],
    'has a bad hash': [{ sha256: 'abc' }, [], 'header.sha256 must be 64 hexadecimal digits'],
    'has a long purpose': [
      { purpose: 'p'.repeat(65) },
      [],
      'header.purpose takes at most 64 characters, and has 65',
    ],
    'has a zero in its purpose': [{ purpose: 'a\0b' }, [], 'header.purpose must not hold U+0000'],
    'has a label without a key': [{ metadata: { '': 'x' } }, [], 'header.metadata has a label without a key'],
  }
  test.each(Object.entries(bad))(
    'that %s is refused, and nothing stays',
    async (_name, [header, chunks, message]) => {
      await expect(rig.files.upload(callOf(), upload(header, chunks))).rejects.toMatchObject(
        refused('INVALID_REQUEST', message),
      )
      await nothingStays()
    },
  )

  test.each([
    [
      'in the past',
      { case: 'expireTime', value: { seconds: 1n, nanos: 0 } },
      'expire_time must be in the future',
    ],
    ['after no time', { case: 'ttl', value: { seconds: 0n, nanos: 0 } }, 'ttl must be above zero'],
    [
      'in ten thousand years',
      { case: 'ttl', value: { seconds: 315_360_000_000n, nanos: 0 } },
      'ttl must end before the year 10000',
    ],
  ] as const)('that expires %s is refused', async (_name, expiration, message) => {
    const request = small('x')
    request.expiration = expiration as unknown as typeof request.expiration
    await expect(rig.files.create(callOf(), request)).rejects.toMatchObject(
      refused('INVALID_REQUEST', message),
    )
    await nothingStays()
  })

  test('that is cut off leaves nothing', async () => {
    async function* cut(): AsyncGenerator<Buffer> {
      yield chunk(100)
      throw new GatewayError('CANCELLED', 'the client left')
    }
    await expect(rig.files.upload(callOf(), upload({}, cut()))).rejects.toMatchObject({ reason: 'CANCELLED' })
    await nothingStays()
  })

  test('whose caller leaves after the last byte leaves nothing', async () => {
    const { call, end } = createTestCall()
    async function* last(): AsyncGenerator<Buffer> {
      yield chunk(100)
      end(new GatewayError('CANCELLED', 'the client left'))
    }
    await expect(rig.files.upload(call, upload({}, last()))).rejects.toMatchObject({ reason: 'CANCELLED' })
    await nothingStays()
  })

  test('needs its header first and once', async () => {
    const of = (...pieces: UploadFileRequest['piece'][]) =>
      (async function* () {
        for (const piece of pieces) yield create(UploadFileRequestSchema, { piece })
      })()
    const header = {
      case: 'header',
      value: {
        $typeName: 'exai.v1.UploadFileHeader',
        filename: 'a',
        mimeType: '',
        sha256: '',
        metadata: {},
        purpose: '',
        expiration: { case: undefined },
      },
    } as const
    const bytes = { case: 'chunk', value: chunk(1) } as const
    const message = async (...pieces: UploadFileRequest['piece'][]) => {
      const failure: unknown = await rig.files
        .upload(callOf(), of(...pieces))
        .catch((error: unknown) => error)
      return GatewayError.from(failure).message
    }
    expect(await message()).toBe('the upload is empty: send a header first, and then chunks')
    expect(await message(bytes)).toBe('the first message of an upload must be its header')
    expect(await message(header, bytes, header)).toBe(
      'message 3 of the upload is a second header: send chunks',
    )
    expect(await message(header, { case: undefined })).toBe('message 2 of the upload has no chunk')
    await nothingStays()
  })

  test('above the quota is refused before and behind its bytes, unless the tenant has the same', async () => {
    for (const letter of ['a', 'b']) await rig.files.create(callOf(), small(chunk(1_000, letter)))
    const full = refused('STORAGE_FULL', 'the files of this tenant may have 2500 bytes: delete some first')
    await expect(rig.files.upload(callOf(), upload({ sizeBytes: 600n }, []))).rejects.toMatchObject(full)
    await expect(rig.files.upload(callOf(), upload({}, [chunk(600, 'c')]))).rejects.toMatchObject(full)
    expect(await rig.kept()).toHaveLength(2)
    const sha256 = hashOf(chunk(1_000, 'a'))
    await rig.files.upload(callOf(), upload({ sizeBytes: 1_000n, sha256 }, [chunk(1_000, 'a')]))
    expect(await rig.kept()).toHaveLength(2)
    await rig.files.create(callOf('other'), small(chunk(600)))
  })
})

describe('a small file', () => {
  test('has at least one byte and at most 4 MiB', async () => {
    await expect(rig.files.create(callOf(), small(''))).rejects.toMatchObject(
      refused('INVALID_REQUEST', 'content is empty: a file has at least 1 byte'),
    )
    await expect(rig.files.create(callOf(), small(chunk(4_194_305)))).rejects.toMatchObject(
      refused('INVALID_REQUEST', /CreateFile takes at most 4194304: send it with UploadFile$/),
    )
  })
})

test('a store that fails without a word of whether it kept the file keeps the bytes', async () => {
  await using broken = await openFilesRig({
    over: ({ files, blobs }) => ({
      blobs,
      files: { ...files, add: () => Promise.reject(new GatewayError('INTERNAL', 'the store died')) },
    }),
  })
  await expect(broken.files.create(callOf(), small('x'))).rejects.toMatchObject({ reason: 'INTERNAL' })
  expect(await broken.kept()).toHaveLength(1)
})

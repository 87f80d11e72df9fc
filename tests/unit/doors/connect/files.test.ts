// Files over the wire: every protocol, uploads larger than any message, and everything that may be wrong with one.
import { connect } from 'node:http2'
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import { Code, ConnectError, createClient } from '@connectrpc/connect'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ErrorInfoSchema } from '#gen/exai/v1/error_pb'
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import { FilesService, UploadFileRequestSchema } from '#gen/exai/v1/files_service_pb'
import { downloaded, type FilesRig, hashOf, openFilesRig } from '../../../support/files-rig.ts'
import { errorOf, MAX_REQUEST_BYTES, post, type Running, startServer, transports, until } from './harness.ts'
import { envelope, grpc } from './raw.ts'

type Piece = MessageInitShape<typeof UploadFileRequestSchema>

const FILE_BYTES_MAX = 8 * 1024 * 1024
let rig: FilesRig
let server: Running
beforeEach(async () => {
  rig = await openFilesRig({ limits: { fileBytesMax: FILE_BYTES_MAX, quotaBytes: 2 * FILE_BYTES_MAX } })
  server = await startServer({ files: rig.files })
})
afterEach(async () => {
  await server[Symbol.asyncDispose]()
  await rig[Symbol.asyncDispose]()
})

const header = (value: Extract<Piece['piece'], { case: 'header' }>['value']): Piece => ({
  piece: { case: 'header', value },
})
const chunk = (value: Uint8Array): Piece => ({ piece: { case: 'chunk', value } })

async function* pieces(first: Piece, chunks: number, bytes: Uint8Array): AsyncGenerator<Piece> {
  yield first
  for (let number = 0; number < chunks; number += 1) yield chunk(bytes)
}

async function failureOf(call: Promise<unknown>) {
  const thrown: unknown = await call.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (!(thrown instanceof ConnectError)) throw new Error('the call should have failed', { cause: thrown })
  const reason = thrown.findDetails(ErrorInfoSchema)[0]?.reason
  return { code: thrown.code, reason, message: thrown.rawMessage }
}

async function nothingStays(): Promise<void> {
  await server.exchanges.idle()
  expect(await rig.kept()).toEqual([])
  expect(await rig.unfinished()).toBe(0)
}

describe.each(Object.entries(transports))('%s', (_name, transportTo) => {
  const client = () => createClient(FilesService, transportTo(server.url))

  test('a file larger than any message goes up and comes down the same', async () => {
    const bytes = Buffer.alloc(512 * 1024, 'abcdefg')
    const count = 12
    expect(bytes.byteLength * count).toBeGreaterThan(MAX_REQUEST_BYTES)
    const sizeBytes = BigInt(bytes.byteLength * count)
    const { file } = await client().uploadFile(pieces(header({ filename: 'a.bin', sizeBytes }), count, bytes))
    expect(file).toMatchObject({ sizeBytes, mimeType: 'text/plain' })
    const whole = await downloaded(client().downloadFile({ fileId: file?.id ?? '' }))
    expect(hashOf(whole)).toBe(file?.sha256)
    expect(whole.byteLength).toBe(Number(sizeBytes))
    const range = await downloaded(client().downloadFile({ fileId: file?.id ?? '', offset: 5n, length: 9n }))
    expect(String(range)).toBe('fgabcdefg')
  })

  test('a file that grows past its limit is refused in the middle, and nothing stays', async () => {
    const endless = pieces(header({ filename: 'a' }), 200, Buffer.alloc(128 * 1024, 'x'))
    expect(await failureOf(client().uploadFile(endless))).toEqual({
      code: Code.InvalidArgument,
      reason: ErrorReason.INVALID_REQUEST,
      message: `the file has more than ${FILE_BYTES_MAX} bytes, the most that one may have`,
    })
    await nothingStays()
  })

  test('a small file is made, described, listed and deleted', async () => {
    const { file } = await client().createFile({ filename: 'ä.txt', content: Buffer.from('hello') })
    const fileId = file?.id ?? ''
    expect((await client().getFile({ fileId })).file?.filename).toBe('ä.txt')
    expect((await client().listFiles({ filenameContains: 'Ä' })).files.map(({ id }) => id)).toEqual([fileId])
    await client().deleteFile({ fileId })
    for (const gone of [
      () => client().getFile({ fileId }),
      () => client().deleteFile({ fileId }),
      () => downloaded(client().downloadFile({ fileId })),
    ])
      expect(await failureOf(gone())).toEqual({
        code: Code.NotFound,
        reason: ErrorReason.FILE_NOT_FOUND,
        message: `no file has the id "${fileId}"`,
      })
    await server.exchanges.idle()
  })
})

describe('an upload', () => {
  const client = () => createClient(FilesService, transports['gRPC on HTTP/2']?.(server.url) ?? fail())
  const wrong: Readonly<Record<string, [Parameters<typeof header>[0], number, RegExp]>> = {
    'with a wrong hash': [{ filename: 'a', sha256: hashOf('b') }, 3, /^sha256 is /],
    'with too few bytes': [
      { filename: 'a', sizeBytes: 99n },
      3,
      /^size_bytes is 99, and only 12 bytes came$/,
    ],
    'with too many bytes': [{ filename: 'a', sizeBytes: 9n }, 3, /^size_bytes is 9, and more bytes came$/],
    'with no bytes': [{ filename: 'a' }, 0, /^the file has no bytes: send at least 1$/],
    'with a name of 4,000 characters': [
      { filename: 'n'.repeat(4_000) },
      1,
      /at most 255 characters, and has 4000$/,
    ],
    'with a path': [{ filename: '../a' }, 1, /^header\.filename must be a name without a path/],
    'with another type': [
      { filename: 'a', mimeType: 'image/png' },
      1,
      /^mime_type is image\/png, and the bytes are/,
    ],
  }
  test.each(Object.entries(wrong))(
    '%s is refused, and nothing stays',
    async (_name, [first, count, message]) => {
      expect(await failureOf(client().uploadFile(pieces(header(first), count, Buffer.from('four'))))).toEqual(
        {
          code: Code.InvalidArgument,
          reason: ErrorReason.INVALID_REQUEST,
          message: expect.stringMatching(message),
        },
      )
      await nothingStays()
    },
  )

  test('above the quota of its tenant is refused', async () => {
    const fill = (letter: string) =>
      client().uploadFile(pieces(header({ filename: 'a' }), 16, Buffer.alloc(512 * 1024, letter)))
    await fill('a')
    await fill('b')
    expect(await failureOf(fill('c'))).toMatchObject({
      code: Code.ResourceExhausted,
      reason: ErrorReason.STORAGE_FULL,
    })
    expect(await rig.kept()).toHaveLength(2)
  })

  test('with a message above the limit of messages is refused, and nothing stays', async () => {
    const large = Buffer.alloc(MAX_REQUEST_BYTES + 1, 'x')
    expect(await failureOf(client().uploadFile(pieces(header({ filename: 'a' }), 1, large)))).toMatchObject({
      code: Code.ResourceExhausted,
      message: expect.stringContaining(`larger than ${MAX_REQUEST_BYTES} bytes`),
    })
    await nothingStays()
  })

  test('that is cut off leaves nothing', async () => {
    const session = connect(server.url)
    session.on('error', () => {})
    const path = '/exai.v1.FilesService/UploadFile'
    const stream = session.request({ ':method': 'POST', ':path': path, ...grpc })
    stream.on('error', () => {})
    for (const piece of [header({ filename: 'a' }), chunk(Buffer.alloc(300_000, 'x'))])
      stream.write(envelope(toBinary(UploadFileRequestSchema, create(UploadFileRequestSchema, piece))))
    await until(() => server.exchanges.active() === 1)
    session.destroy()
    const { end } = await server.onlyEnd()
    expect(end.code).toBe('CANCELLED')
    await nothingStays()
  })
})

describe('CreateFile in JSON', () => {
  const createFile = (body: unknown) =>
    post(server.url, 'exai.v1.FilesService/CreateFile', JSON.stringify(body))

  test('takes 4 MiB in base64', async () => {
    const content = Buffer.alloc(4 * 1024 * 1024, 'x').toString('base64')
    expect((await createFile({ filename: 'a', content })).status).toBe(200)
  })

  test('refuses one byte more with the way out', async () => {
    const content = Buffer.alloc(4 * 1024 * 1024 + 1, 'x').toString('base64')
    const response = await createFile({ filename: 'a', content })
    expect(response.status).toBe(400)
    expect(await errorOf(response)).toMatchObject({
      reason: 'ERROR_REASON_INVALID_REQUEST',
      message: expect.stringContaining('send it with UploadFile'),
    })
  })
})

function fail(): never {
  throw new Error('there is no such transport')
}

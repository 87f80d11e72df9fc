// Many downloads at once use the same memory again and again: each gets its own bytes, whoever else reads slowly or leaves.
import { randomBytes } from 'node:crypto'
import { connect } from 'node:http2'
import { create, toBinary } from '@bufbuild/protobuf'
import { createClient } from '@connectrpc/connect'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { DownloadFileRequestSchema, FilesService } from '#gen/exai/v1/files_service_pb'
import { type FilesRig, hashOf, openFilesRig } from '../../../support/files-rig.ts'
import { type Running, startServer, transports, until } from './harness.ts'
import { envelope, grpc } from './raw.ts'

const FILE_BYTES = 3 * 1024 * 1024 + 70_000

let rig: FilesRig
let server: Running
beforeEach(async () => {
  rig = await openFilesRig({ limits: { fileBytesMax: 2 * FILE_BYTES } })
  server = await startServer({ files: rig.files })
})
afterEach(async () => {
  await server[Symbol.asyncDispose]()
  await rig[Symbol.asyncDispose]()
})

const clientOver = (name: string) => {
  const open = transports[name]
  if (open === undefined) throw new Error(`there is no transport ${name}`)
  return createClient(FilesService, open(server.url))
}

async function stored(): Promise<{ fileId: string; sha256: string }> {
  async function* pieces() {
    yield { piece: { case: 'header', value: { filename: 'a.bin' } } } as const
    yield { piece: { case: 'chunk', value: randomBytes(FILE_BYTES) } } as const
  }
  const { file } = await clientOver('gRPC on HTTP/2').uploadFile(pieces())
  return { fileId: file?.id ?? '', sha256: file?.sha256 ?? '' }
}

/** Fetches a file, with time for others between its chunks; `chunks` is after how many of them to leave. */
async function fetched(name: string, fileId: string, chunks = Number.POSITIVE_INFINITY): Promise<string> {
  const parts: Uint8Array[] = []
  for await (const { chunk } of clientOver(name).downloadFile({ fileId })) {
    parts.push(chunk)
    if (parts.length >= chunks) break
    await new Promise(setImmediate)
  }
  return hashOf(Buffer.concat(parts))
}

test('downloads at once get their own bytes, also while others leave in the middle', async () => {
  const files = await Promise.all([stored(), stored(), stored()])
  const names = ['gRPC on HTTP/2', 'gRPC-Web on HTTP/1.1', 'Connect binary on HTTP/1.1']
  const calls = names.flatMap(name =>
    files.flatMap(({ fileId, sha256 }) => {
      const leaving = [2, 5].map(chunks => fetched(name, fileId, chunks))
      const staying = [1, 2].map(async () => ({ came: await fetched(name, fileId), sha256 }))
      return [...leaving, ...staying]
    }),
  )
  const done = (await Promise.all(calls)).filter(one => typeof one !== 'string')
  expect(done).toHaveLength(18)
  for (const { came, sha256 } of done) expect(came).toBe(sha256)
}, 60_000)

test('whoever begins to read late gets the bytes of its file, and not of those that were read meanwhile', async () => {
  const [late, other] = await Promise.all([stored(), stored()])
  const session = connect(server.url, { settings: { initialWindowSize: 20_000 } })
  try {
    const path = '/exai.v1.FilesService/DownloadFile'
    const stream = session.request({ ':method': 'POST', ':path': path, ...grpc })
    stream.end(
      envelope(
        toBinary(DownloadFileRequestSchema, create(DownloadFileRequestSchema, { fileId: late.fileId })),
      ),
    )
    stream.pause()
    await until(() => stream.readableLength > 0)
    for (const name of ['gRPC on HTTP/2', 'Connect binary on HTTP/1.1'])
      expect(await fetched(name, other.fileId)).toBe(other.sha256)
    const parts: Buffer[] = []
    for await (const part of stream) parts.push(part)
    expect(hashOf(chunksIn(Buffer.concat(parts)))).toBe(late.sha256)
  } finally {
    session.destroy()
  }
}, 60_000)

/** The bytes of a file in the messages of its download, without the first message, which describes it. */
function chunksIn(bytes: Buffer): Buffer {
  const chunks: Buffer[] = []
  for (let at = 0; at < bytes.byteLength; ) {
    const length = bytes.readUInt32BE(at + 1)
    // The tag, and the length in three bytes.
    if (at > 0) chunks.push(bytes.subarray(at + 9, at + 5 + length))
    at += 5 + length
  }
  return Buffer.concat(chunks)
}

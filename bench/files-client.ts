// A client of the files service as a process of its own: sends and fetches one large file over gRPC, and hashes what it saw.
import { createHash, randomBytes } from 'node:crypto'
import { createClient } from '@connectrpc/connect'
import { createGrpcTransport } from '@connectrpc/connect-node'
import { FilesService } from '#gen/exai/v1/files_service_pb'

/** What to do: send a file of so many bytes, or fetch one. */
export type FilesOrder =
  | { readonly type: 'upload'; readonly port: number; readonly bytes: number }
  | { readonly type: 'download'; readonly port: number; readonly fileId: string }

/** What was done; with `error` nothing of it counts. */
export type FilesResult = {
  readonly fileId: string
  /** Of the bytes as this client saw them. */
  readonly sha256: string
  /** As the service gave it. */
  readonly toldSha256: string
  readonly bytes: number
  readonly seconds: number
  readonly error?: string
}

/** Bytes of a chunk that is sent: within what the contract calls best. */
const CHUNK_BYTES = 256 * 1024

const noise = randomBytes(CHUNK_BYTES)

process.on('message', (order: FilesOrder) => {
  void answer(order)
})
process.once('disconnect', () => process.exit(0))
process.send?.({ ready: true })

async function answer(order: FilesOrder): Promise<void> {
  try {
    process.send?.(await (order.type === 'upload' ? upload(order) : download(order)))
  } catch (error) {
    const nothing: FilesResult = { fileId: '', sha256: '', toldSha256: '', bytes: 0, seconds: 0 }
    process.send?.({ ...nothing, error: String(error) })
  }
}

function clientOf(port: number) {
  return createClient(FilesService, createGrpcTransport({ baseUrl: `http://127.0.0.1:${port}` }))
}

async function upload({ port, bytes }: FilesOrder & { type: 'upload' }): Promise<FilesResult> {
  const hash = createHash('sha256')
  async function* pieces() {
    const header = { filename: 'large.bin', mimeType: 'application/octet-stream', sizeBytes: BigInt(bytes) }
    yield { piece: { case: 'header' as const, value: header } }
    for (let at = 0; at < bytes; at += CHUNK_BYTES) {
      // A number in each, so that no two of them are the same.
      const value = Buffer.from(noise.subarray(0, Math.min(CHUNK_BYTES, bytes - at)))
      value.writeDoubleBE(at)
      hash.update(value)
      yield { piece: { case: 'chunk' as const, value } }
    }
  }
  const startedMs = performance.now()
  const { file } = await clientOf(port).uploadFile(pieces())
  return {
    fileId: file?.id ?? '',
    sha256: hash.digest('hex'),
    toldSha256: file?.sha256 ?? '',
    bytes: Number(file?.sizeBytes),
    seconds: (performance.now() - startedMs) / 1000,
  }
}

async function download({ port, fileId }: FilesOrder & { type: 'download' }): Promise<FilesResult> {
  const hash = createHash('sha256')
  let toldSha256 = ''
  let bytes = 0
  const startedMs = performance.now()
  for await (const { file, chunk } of clientOf(port).downloadFile({ fileId })) {
    toldSha256 ||= file?.sha256 ?? ''
    hash.update(chunk)
    bytes += chunk.byteLength
  }
  return {
    fileId,
    sha256: hash.digest('hex'),
    toldSha256,
    bytes,
    seconds: (performance.now() - startedMs) / 1000,
  }
}

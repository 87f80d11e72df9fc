// Files that a question of `exai chat` is about: uploaded piece by piece, and named in the message.
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { Client } from '@connectrpc/connect'
import type { PartSchema } from '#gen/exai/v1/chat_pb'
import type { FilesService, UploadFileRequestSchema } from '#gen/exai/v1/files_service_pb'
import { GatewayError } from '../core/errors.ts'

/** Bytes of a file that travel in one message. */
const PIECE_BYTES = 256 * 1024

/** How a file is uploaded. */
export interface UploadWish {
  /** Life of the file. Absent: as long as the tenant's files live. */
  readonly ttlSeconds: number | undefined
  readonly signal: AbortSignal
}

/**
 * Uploads a file and gives the part of a message that names it. Throws INVALID_REQUEST when it cannot be read, and what
 * the call throws.
 */
export async function uploadedFile(
  files: Pick<Client<typeof FilesService>, 'uploadFile'>,
  path: string,
  { ttlSeconds, signal }: UploadWish,
): Promise<MessageInitShape<typeof PartSchema>> {
  const filename = basename(resolve(path))
  const source = await readable(path)
  const header = {
    filename,
    ...(source.sizeBytes === undefined ? {} : { sizeBytes: BigInt(source.sizeBytes) }),
    ...(ttlSeconds === undefined
      ? {}
      : { expiration: { case: 'ttl' as const, value: { seconds: BigInt(ttlSeconds) } } }),
  }
  async function* pieces(): AsyncGenerator<MessageInitShape<typeof UploadFileRequestSchema>> {
    yield { piece: { case: 'header', value: header } }
    try {
      for await (const chunk of source.bytes) yield { piece: { case: 'chunk', value: chunk } }
    } catch (error) {
      throw unreadable(path, error)
    }
  }
  try {
    const { file } = await files.uploadFile(pieces(), { signal })
    const named = { case: 'fileId' as const, value: file?.id ?? '' }
    return { kind: { case: 'media', value: { source: named, filename } } }
  } finally {
    source.bytes.destroy()
  }
}

/** A file, or a pipe in its place, whose length nobody knows. */
async function readable(path: string) {
  try {
    const handle = await open(path)
    const stats = await handle.stat()
    const bytes = createReadStream(path, { fd: handle, highWaterMark: PIECE_BYTES })
    return { bytes, sizeBytes: stats.isFile() ? stats.size : undefined }
  } catch (error) {
    throw unreadable(path, error)
  }
}

function unreadable(path: string, error: unknown): GatewayError {
  const why = error instanceof Error ? error.message : String(error)
  return new GatewayError('INVALID_REQUEST', `the file ${path} cannot be read: ${why}`, { cause: error })
}

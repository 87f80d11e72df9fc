// The files of tenants on a real store and a real disk, in a folder of their own.
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import {
  type CreateFileRequest,
  CreateFileRequestSchema,
  type ListFilesRequest,
  ListFilesRequestSchema,
  type UploadFileHeader,
  type UploadFileRequest,
  UploadFileRequestSchema,
} from '#gen/exai/v1/files_service_pb'
import type { Blobs } from '../../src/core/blobs.ts'
import type { Files } from '../../src/core/files.ts'
import { createFiles } from '../../src/files/files.ts'
import { createTextReader, type Extract } from '../../src/files/text-reader.ts'
import type { StoreLimits } from '../../src/files/upload.ts'
import { createTokenCounter } from '../../src/metering/count.ts'
import { openDiskBlobs } from '../../src/stores/disk/blobs.ts'
import { openSqliteStore } from '../../src/stores/sqlite/store.ts'
import { createHandClock } from './hand-clock.ts'
import { keepingLog, ownFolder } from './store-rig.ts'
import { createTestCall } from './test-call.ts'

/** What a test changes of the rig. */
export interface FilesRigOptions {
  readonly limits?: Partial<StoreLimits>
  readonly extract?: Extract
  /** Put between the files and their ports. */
  readonly over?: (ports: { files: Files; blobs: Blobs }) => { files: Files; blobs: Blobs }
}

/** Files on a place of their own. */
export async function openFilesRig({ limits = {}, extract, over = ports => ports }: FilesRigOptions = {}) {
  const folder = await ownFolder()
  const clock = createHandClock()
  const log = keepingLog()
  const store = await openSqliteStore({ path: join(folder.path, 'exai.db'), outbox: false, clock, log })
  const disk = await openDiskBlobs(join(folder.path, 'blobs'))
  const ports = over({ files: store.files, blobs: disk })
  const reader = createTextReader({ ...ports, counter: createTokenCounter(), extract, log })
  const files = createFiles({ ...ports, clock, reader, limits: { fileBytesMax: 1_000_000, ...limits } })
  return {
    files,
    ports,
    reader,
    clock,
    log,
    folder: folder.path,
    /** The keys of all blobs that lie on the disk. */
    async kept(): Promise<string[]> {
      const keys: string[] = []
      for await (const { key } of disk.list()) keys.push(key)
      return keys.sort()
    },
    /** How many uploads lie on the disk unfinished: a look at it takes them away. */
    unfinished: () => disk.sweep(Number.MAX_SAFE_INTEGER),
    async [Symbol.asyncDispose]() {
      await reader.close()
      await store.close()
      await folder.remove()
    },
  }
}

/** The rig as it is opened. */
export type FilesRig = Awaited<ReturnType<typeof openFilesRig>>

/** A call of a tenant. */
export const callOf = (tenant = 'default') => createTestCall(tenant).call

/** The request for a small file. */
export function small(
  content: string | Uint8Array,
  own: Omit<MessageInitShape<typeof CreateFileRequestSchema>, '$typeName'> = {},
): CreateFileRequest {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content
  return create(CreateFileRequestSchema, { filename: 'a.txt', content: bytes, ...own })
}

/** The request for a list. */
export function listing(
  own: Omit<MessageInitShape<typeof ListFilesRequestSchema>, '$typeName'> = {},
): ListFilesRequest {
  return create(ListFilesRequestSchema, own)
}

/** An upload: its header, and then its chunks. */
export async function* upload(
  header: Partial<UploadFileHeader>,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): AsyncGenerator<UploadFileRequest> {
  yield create(UploadFileRequestSchema, {
    piece: { case: 'header', value: { $typeName: 'exai.v1.UploadFileHeader', ...blank, ...header } },
  })
  for await (const value of chunks) yield create(UploadFileRequestSchema, { piece: { case: 'chunk', value } })
}

const blank = {
  filename: 'a.bin',
  mimeType: '',
  sha256: '',
  expiration: { case: undefined },
  metadata: {},
  purpose: '',
} as const

/** SHA-256 in hexadecimal digits. */
export function hashOf(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** All bytes of a download, and how many messages they came in. */
export async function downloaded(stream: AsyncIterable<{ readonly chunk?: Uint8Array }>): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const { chunk } of stream) if (chunk !== undefined) parts.push(chunk)
  return Buffer.concat(parts)
}

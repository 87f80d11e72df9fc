// The files of tenants: stored, described, listed, read and deleted. A foreign id is as unknown as one that was never given.
import type { MessageInitShape } from '@bufbuild/protobuf'
import type {
  CreateFileRequest,
  CreateFileResponseSchema,
  DeleteFileRequest,
  DeleteFileResponseSchema,
  DownloadFileRequest,
  DownloadFileResponseSchema,
  GetFileRequest,
  GetFileResponseSchema,
  ListFilesRequest,
  ListFilesResponseSchema,
  UploadFileRequest,
  UploadFileResponseSchema,
} from '#gen/exai/v1/files_service_pb'
import type { Blobs } from '../core/blobs.ts'
import type { Call } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import type { Files, StoredFile } from '../core/files.ts'
import type { EventSink } from '../core/gateway-event.ts'
import { isId } from '../core/ids.ts'
import { pageToken } from '../core/page.ts'
import { fileMessage } from './file-message.ts'
import { listQuery } from './list-query.ts'
import type { TextReader } from './text-reader.ts'
import { openUpload, type StoreLimits, storeFile, type UploadDeps } from './upload.ts'
import { type FileFields, planUpload } from './upload-fields.ts'

/** The most bytes of a file that comes in a single message. */
export const CREATE_BYTES_MAX = 4 * 1024 * 1024

/** What the files of tenants are kept with. */
export interface FilesDeps {
  readonly files: Files
  readonly blobs: Blobs
  readonly clock: Clock
  readonly limits: StoreLimits
  /** The most bytes of a tenant that has a limit of its own. Absent: none has. */
  readonly quotaOf?: ((tenant: string) => number | undefined) | undefined
  /** Reads the text of what was stored. */
  readonly reader: Pick<TextReader, 'hasText' | 'wake'>
  /** Hears of what callers do with files. Absent: nobody does. */
  readonly onEvent?: EventSink | undefined
}

/** A file as it arrives. */
export interface ReceivedFile {
  /** What is said of it before its bytes. */
  readonly fields: FileFields
  readonly bytes: AsyncIterable<Uint8Array>
  /** All that is said of it. */
  readonly late: () => FileFields
}

/** What can be done with files. Everything throws GatewayError. */
export interface TenantFiles {
  upload(
    call: Call,
    messages: AsyncIterable<UploadFileRequest>,
  ): Promise<MessageInitShape<typeof UploadFileResponseSchema>>
  /**
   * Stores a file whose uploader says some of it only behind its bytes, as a form may: `late` is asked when they have ended.
   * What the bytes or `late` throw is thrown, and then nothing stays.
   */
  receive(call: Call, received: ReceivedFile): Promise<MessageInitShape<typeof UploadFileResponseSchema>>
  create(call: Call, request: CreateFileRequest): Promise<MessageInitShape<typeof CreateFileResponseSchema>>
  get(call: Call, request: GetFileRequest): Promise<MessageInitShape<typeof GetFileResponseSchema>>
  list(call: Call, request: ListFilesRequest): Promise<MessageInitShape<typeof ListFilesResponseSchema>>
  download(
    call: Call,
    request: DownloadFileRequest,
  ): AsyncIterable<MessageInitShape<typeof DownloadFileResponseSchema>>
  delete(call: Call, request: DeleteFileRequest): Promise<MessageInitShape<typeof DeleteFileResponseSchema>>
}

/** Makes them. */
export function createFiles(own: FilesDeps): TenantFiles {
  const { files, blobs, clock, limits, quotaOf, reader, onEvent } = own
  const deps: UploadDeps = { files, blobs, clock, limits, hasText: reader.hasText }

  async function store(
    call: Call,
    { fields, path, bytes, late }: Omit<ReceivedFile, 'late'> & Partial<ReceivedFile> & { path: string },
  ): Promise<{ readonly file: ReturnType<typeof fileMessage> }> {
    const planned = (said: FileFields) => planUpload(said, { now: clock.now(), path, ttlMs: limits.ttlMs })
    const plan = { ...planned(fields), ...(late === undefined ? {} : { amended: () => planned(late()) }) }
    const quotaBytes = quotaOf?.(call.caller.tenant)
    const own = quotaBytes === undefined ? deps : { ...deps, limits: { ...limits, quotaBytes } }
    const stored = await storeFile(call, plan, bytes, own)
    if (stored.text.state === 'pending') reader.wake()
    tell('created', call, stored)
    return { file: fileMessage(stored) }
  }

  function tell(action: 'created' | 'deleted', call: Call, { id, mimeType, sizeBytes }: StoredFile): void {
    const { id: requestId, caller } = call
    onEvent?.({
      type: 'file.changed',
      action,
      tenant: caller.tenant,
      requestId,
      fileId: id,
      mimeType,
      sizeBytes,
    })
  }

  async function find(call: Call, id: string): Promise<StoredFile> {
    // What can't be an id is not asked for: a store may refuse it in words of its own.
    const file = isId('file', id) ? await files.get({ tenant: call.caller.tenant, id }) : undefined
    if (file === undefined) throw notFound(id)
    return file
  }

  return {
    async upload(call, messages) {
      const { header, bytes } = await openUpload(messages)
      return store(call, { fields: header, path: 'header.', bytes })
    },

    receive: (call, received) => store(call, { ...received, path: '' }),

    async create(call, request) {
      const { content } = request
      if (content.byteLength === 0) throw invalid('content is empty: a file has at least 1 byte')
      if (content.byteLength > CREATE_BYTES_MAX) {
        const size = `content has ${content.byteLength} bytes, and CreateFile takes at most ${CREATE_BYTES_MAX}`
        throw invalid(`${size}: send it with UploadFile`)
      }
      return store(call, { fields: request, path: '', bytes: once(content) })
    },

    get: async (call, { fileId }) => ({ file: fileMessage(await find(call, fileId)) }),

    async list(call, request) {
      const { query, text } = listQuery(call.caller.tenant, request)
      const { items, next } = await files.list(query)
      return { files: items.map(fileMessage), nextPageToken: pageToken(next, text) }
    },

    async *download(call, { fileId, offset, length }) {
      if (offset < 0n) throw invalid('offset must not be negative')
      if (length < 0n) throw invalid('length must not be negative')
      const file = await find(call, fileId)
      const size = BigInt(file.sizeBytes)
      if (offset > size) throw invalid(`offset is ${offset}, and the file has ${size} bytes`)
      const left = size - offset
      const wanted = Number(length === 0n || length > left ? left : length)
      yield { file: fileMessage(file) }
      let sent = 0
      if (wanted === 0) return
      for await (const chunk of blobs.read(file.blobKey, Number(offset), wanted)) {
        call.signal.throwIfAborted()
        sent += chunk.byteLength
        yield { chunk }
      }
      if (sent < wanted)
        throw new GatewayError('INTERNAL', `only ${sent} of ${wanted} bytes of the file are there`)
    },

    async delete(call, { fileId }) {
      const { tenant } = call.caller
      // Afterwards nobody knows what it was.
      const file = onEvent === undefined ? undefined : await find(call, fileId)
      if (!isId('file', fileId) || !(await files.delete({ tenant, id: fileId }))) throw notFound(fileId)
      if (file !== undefined) tell('deleted', call, file)
      return {}
    },
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

function notFound(id: string): GatewayError {
  if (id === '') return new GatewayError('FILE_NOT_FOUND', 'file_id is empty, and no file has such an id')
  return new GatewayError('FILE_NOT_FOUND', `no file has the id ${JSON.stringify(id.slice(0, 64))}`)
}

function invalid(message: string): GatewayError {
  return new GatewayError('INVALID_REQUEST', message)
}

// /v1/files: the files of a tenant, in the words of OpenAI's Files API.
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import type { FileSchema } from '#gen/exai/v1/file_pb'
import {
  DeleteFileRequestSchema,
  DownloadFileRequestSchema,
  GetFileRequestSchema,
  ListFilesRequestSchema,
} from '#gen/exai/v1/files_service_pb'
import { GatewayError } from '../../core/errors.ts'
import { isId } from '../../core/ids.ts'
import { pageToken } from '../../core/page.ts'
import { listQuery } from '../../files/list-query.ts'
import type { FileFields } from '../../files/upload-fields.ts'
import type { Form } from '../http/form.ts'
import { unsupportedField, wrongField } from '../http/refusal.ts'
import type { HttpCall, HttpReply, Route } from '../http/route.ts'
import type { Services } from '../services.ts'

type FileInit = MessageInitShape<typeof FileSchema>
type Deps = Pick<Services, 'files'>

/** The limit of the files themselves counts, which the files keep. */
const NO_LIMIT = Number.MAX_SAFE_INTEGER

/** The routes of files. */
export function fileRoutes(deps: Deps): readonly Route[] {
  const { files } = deps
  const rpc = (name: string): string => `exai.v1.FilesService/${name}`
  return [
    {
      verb: 'POST',
      path: '/v1/files',
      rpc: rpc('UploadFile'),
      maxRequestBytes: NO_LIMIT,
      handle: call => upload(call, deps),
    },
    { verb: 'GET', path: '/v1/files', rpc: rpc('ListFiles'), handle: call => list(call, deps) },
    {
      verb: 'GET',
      path: '/v1/files/{file_id}',
      rpc: rpc('GetFile'),
      handle: async call => {
        const request = create(GetFileRequestSchema, { fileId: idOf(call) })
        const { file = {} } = await files.get(call.exchange, request)
        return { type: 'json', value: fileObject(file) }
      },
    },
    {
      verb: 'DELETE',
      path: '/v1/files/{file_id}',
      rpc: rpc('DeleteFile'),
      handle: async call => {
        const id = idOf(call)
        await files.delete(call.exchange, create(DeleteFileRequestSchema, { fileId: id }))
        return { type: 'json', value: { id, object: 'file', deleted: true } }
      },
    },
    {
      verb: 'GET',
      path: '/v1/files/{file_id}/content',
      rpc: rpc('DownloadFile'),
      handle: call => download(call, deps),
    },
  ]
}

async function upload(call: HttpCall, { files }: Deps): Promise<HttpReply> {
  const form = await call.form()
  if (form.field !== 'file') throw wrongField('file', 'is required: the file of the form has another name')
  const { file = {} } = await files.receive(call.exchange, {
    fields: said(form),
    bytes: form.bytes,
    late: () => said(form),
  })
  return { type: 'json', value: fileObject(file) }
}

const KNOWN: ReadonlySet<string> = new Set(['purpose', 'expires_after[anchor]', 'expires_after[seconds]'])

/** What a form says of its file, as far as it has come. */
function said({ filename, mimeType, fields }: Form): FileFields {
  const stranger = [...fields.keys()].find(name => !KNOWN.has(name))
  if (stranger !== undefined)
    throw unsupportedField(stranger.slice(0, 64), `is not taken: there are file, ${[...KNOWN].join(', ')}`)
  const anchor = fields.get('expires_after[anchor]')
  const seconds = fields.get('expires_after[seconds]')
  if (anchor !== undefined && anchor !== 'created_at')
    throw unsupportedField('expires_after[anchor]', 'must be created_at')
  if (seconds !== undefined && !/^[1-9]\d{0,10}$/.test(seconds))
    throw wrongField('expires_after[seconds]', 'must be a whole number of at least 1')
  return {
    filename,
    mimeType,
    sha256: '',
    expiration:
      seconds === undefined
        ? { case: undefined }
        : { case: 'ttl', value: { seconds: BigInt(seconds), nanos: 0 } },
    metadata: {},
    purpose: fields.get('purpose') ?? '',
  }
}

/** What OpenAI gives at most, and we give 500 of. */
const LIMIT_MAX = 10_000

async function list({ exchange, query }: HttpCall, { files }: Deps): Promise<HttpReply> {
  const limit = Number(query.get('limit') ?? 0)
  if (!Number.isInteger(limit) || limit < 0 || limit > LIMIT_MAX)
    throw wrongField('limit', `must be a whole number of 1 to ${LIMIT_MAX}`)
  const order = query.get('order') ?? 'desc'
  if (order !== 'desc') throw unsupportedField('order', 'must be desc: files are listed newest first')
  const after = query.get('after') ?? ''
  if (after !== '' && !isId('file', after))
    throw new GatewayError('FILE_NOT_FOUND', `no file has the id ${JSON.stringify(after.slice(0, 64))}`)
  const request = create(ListFilesRequestSchema, { pageSize: limit, purpose: query.get('purpose') ?? '' })
  // A place in the list is the id of the file before it.
  if (after !== '') request.pageToken = pageToken(after, listQuery(exchange.caller.tenant, request).text)
  const { files: found = [], nextPageToken = '' } = await files.list(exchange, request)
  return {
    type: 'json',
    value: {
      object: 'list',
      data: found.map(fileObject),
      first_id: found[0]?.id ?? null,
      last_id: found.at(-1)?.id ?? null,
      has_more: nextPageToken !== '',
    },
  }
}

async function download(call: HttpCall, { files }: Deps): Promise<HttpReply> {
  const request = create(DownloadFileRequestSchema, { fileId: idOf(call) })
  const messages = files.download(call.exchange, request)[Symbol.asyncIterator]()
  const first = await messages.next()
  const file = first.done === true ? undefined : first.value.file
  if (file === undefined) throw new GatewayError('INTERNAL', 'a download did not begin with its file')
  async function* chunks(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const { done, value } = await messages.next()
        if (done === true) return
        if (value.chunk !== undefined) yield value.chunk
      }
    } finally {
      await messages.return?.()
    }
  }
  return {
    type: 'bytes',
    headers: {
      'content-type': file.mimeType ?? 'application/octet-stream',
      'content-length': String(file.sizeBytes ?? 0n),
      // What somebody has uploaded is never shown as a page of this host.
      'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent((file.filename ?? '').toWellFormed())}`,
      'cache-control': 'private, no-store',
    },
    chunks: chunks(),
  }
}

function fileObject(file: FileInit): Record<string, unknown> {
  const { id = '', filename = '', purpose = '', sizeBytes = 0n, createTime, expireTime } = file
  return {
    id,
    object: 'file',
    bytes: Number(sizeBytes),
    created_at: Number(createTime?.seconds ?? 0n),
    ...(expireTime === undefined ? {} : { expires_at: Number(expireTime.seconds ?? 0n) }),
    filename,
    purpose,
    status: 'processed',
    exai: { mime_type: file.mimeType ?? '', sha256: file.sha256 ?? '' },
  }
}

function idOf({ params }: HttpCall): string {
  return params['file_id'] ?? ''
}

// Kimi's files: uploads by purpose, a status that may take a few looks, and the extracted text.
import { kimiError, kimiInvalid } from './kimi-errors.ts'
import { jsonReply, type Reply } from './reply.ts'
import { fieldOf, fileOf, parseForm, strangerIn } from './responses-multipart.ts'
import type { JsonObject } from './shape.ts'
import type { Fault, UpstreamRequest } from './wire.ts'

const FILE_BYTES_MAX = 100 * 1024 * 1024
const FILES_MAX = 1000
const TOTAL_BYTES_MAX = 10 * 1024 ** 3
const purposes = ['file-extract', 'image', 'video', 'batch']

const extracted = new Set(
  [
    'pdf txt csv doc docx xls xlsx ppt pptx md epub mobi html json log jpeg jpg png bmp gif svg webp ico tif tiff avif',
    'go h c cpp cxx cc cs java js css jsp php py asp ts tsx yaml yml ini conf',
  ].flatMap(line => line.split(' ')),
)
const readAsText = new Set('txt csv md html json log js ts tsx py go c h css yaml yml ini conf'.split(' '))

type StoredFile = {
  readonly id: string
  readonly filename: string
  readonly purpose: string
  readonly createdSeconds: number
  readonly bytes: Buffer
  readonly failed: boolean
  /** Looks that still find it in processing. */
  pollsLeft: number
}

/** The faults of an upload: `processing=N` looks before it is ready, and `extract-error`. */
export const isKimiFileFault = (name: string): boolean => name === 'processing' || name === 'extract-error'

/** The files of one upstream. */
export type KimiFiles = {
  /** Answers a request below `/files`; the faults are those of this table, found in the file's name or a script. */
  reply(request: UpstreamRequest, path: string, faults: readonly Fault[]): Reply
  /** The name of the file in an upload, in which faults are looked for. */
  filenameIn(request: UpstreamRequest): string
  /** The purpose of a file; undefined when there is none of this id. */
  purposeOf(id: string): string | undefined
}

/** Makes an empty store; each file is in processing for its first `polls` looks. */
export function createKimiFiles(polls: number): KimiFiles {
  const files = new Map<string, StoredFile>()
  let count = 0

  function upload(request: UpstreamRequest, faults: readonly Fault[]): Reply {
    const form = parseForm(request.headers['content-type'], request.rawBody)
    if (form === undefined) return kimiInvalid('the body must be multipart/form-data')
    const stranger = strangerIn(form, ['file', 'purpose'])
    if (stranger !== undefined) return kimiInvalid(`unknown or repeated field ${stranger}`)
    const file = fileOf(form, 'file')
    const purpose = fieldOf(form, 'purpose') ?? ''
    const filename = file?.filename ?? ''
    if (file === undefined || filename === '') return kimiInvalid('file is required')
    if (!purposes.includes(purpose)) return kimiInvalid(`purpose must be one of ${purposes.join(', ')}`)
    if (file.bytes.length === 0) return kimiInvalid('the file is empty')
    if (file.bytes.length > FILE_BYTES_MAX) return kimiInvalid('the file is larger than 100 MB')
    if (purpose === 'file-extract' && !extracted.has(extensionOf(filename)))
      return kimiInvalid(`unsupported file format: ${filename}`)
    const total = [...files.values()].reduce((sum, each) => sum + each.bytes.length, file.bytes.length)
    if (files.size >= FILES_MAX || total > TOTAL_BYTES_MAX) return kimiInvalid('too many files, delete some')
    const wished = faults.find(fault => fault.name === 'processing')
    const stored: StoredFile = {
      id: `file${String(++count).padStart(20, '0')}`,
      filename,
      purpose,
      createdSeconds: Math.floor(Date.now() / 1000),
      bytes: file.bytes,
      failed: faults.some(fault => fault.name === 'extract-error'),
      pollsLeft: wished === undefined ? polls : Number(wished.value ?? 1),
    }
    files.set(stored.id, stored)
    return jsonReply(200, describe(stored))
  }

  function list(request: UpstreamRequest): Reply {
    const query = new URL(request.path, 'http://double').searchParams
    const stranger = [...query.keys()].find(key => key !== 'purpose')
    if (stranger !== undefined) return kimiInvalid(`unknown parameter ${stranger}`)
    const purpose = query.get('purpose')
    if (purpose !== null && !purposes.includes(purpose)) return kimiInvalid(`invalid purpose ${purpose}`)
    const found = [...files.values()].filter(file => purpose === null || file.purpose === purpose)
    return jsonReply(200, { object: 'list', data: found.map(describe) })
  }

  return {
    reply(request, path, faults) {
      const [, , id, rest] = path.split('/')
      if (id === undefined) {
        if (request.method === 'POST') return upload(request, faults)
        return request.method === 'GET' ? list(request) : notAllowed(request)
      }
      const file = files.get(id)
      if (file === undefined) return kimiError(404, 'resource_not_found_error', `Not found the file ${id}`)
      if (rest !== undefined) return request.method === 'GET' ? content(file) : notAllowed(request)
      if (request.method === 'GET') {
        const reply = jsonReply(200, describe(file))
        file.pollsLeft = Math.max(0, file.pollsLeft - 1)
        return reply
      }
      if (request.method !== 'DELETE') return notAllowed(request)
      files.delete(id)
      return jsonReply(200, { id, object: 'file', deleted: true })
    },
    filenameIn: request =>
      fileOf(parseForm(request.headers['content-type'], request.rawBody) ?? [], 'file')?.filename ?? '',
    purposeOf: id => files.get(id)?.purpose,
  }
}

const extensionOf = (filename: string): string => filename.toLowerCase().split('.').at(-1) ?? ''

const notAllowed = (request: UpstreamRequest): Reply =>
  kimiError(405, 'invalid_request_error', `no ${request.method}`)

function describe(file: StoredFile): JsonObject {
  const status = file.pollsLeft > 0 ? 'processing' : file.failed ? 'error' : 'ready'
  return {
    id: file.id,
    object: 'file',
    bytes: file.bytes.length,
    created_at: file.createdSeconds,
    filename: file.filename,
    purpose: file.purpose,
    status,
    status_details: status === 'error' ? 'the text could not be extracted' : '',
  }
}

/** The text of a file, as plain text. What is no text file is said to hold its own name. */
function content(file: StoredFile): Reply {
  if (file.purpose !== 'file-extract') return kimiInvalid(`a file of purpose ${file.purpose} has no content`)
  if (file.pollsLeft > 0) return kimiInvalid(`the file ${file.id} is not ready`)
  if (file.failed) return kimiInvalid(`the text of ${file.id} could not be extracted`)
  const text = readAsText.has(extensionOf(file.filename))
    ? file.bytes
    : Buffer.from(`Text of ${file.filename}`)
  return {
    status: 200,
    headers: { 'content-type': 'text/plain; charset=utf-8' },
    body: [{ kind: 'bytes', bytes: text }],
  }
}

// OpenAI's files: uploads with purpose and expiry, lists in pages, content for some purposes only.
import { openAiError } from './openai-errors.ts'
import { jsonReply, type Reply } from './reply.ts'
import type { Mounted } from './responses-mount.ts'
import { fieldOf, fileOf, parseForm, strangerIn } from './responses-multipart.ts'
import type { JsonObject } from './shape.ts'
import type { UpstreamRequest } from './wire.ts'

const FILE_BYTES_MAX = 512 * 1024 * 1024
const BATCH_BYTES_MAX = 200 * 1024 * 1024
const EXPIRY_SECONDS_MIN = 3_600
const EXPIRY_SECONDS_MAX = 2_592_000
const LIST_MAX = 10_000
const purposes = ['assistants', 'batch', 'fine-tune', 'vision', 'user_data', 'evals']
const ANCHOR = 'expires_after[anchor]'
const SECONDS = 'expires_after[seconds]'

type StoredFile = { readonly json: JsonObject; readonly purpose: string; readonly bytes: Buffer }

/** The files of one upstream. */
export type OpenAiFiles = {
  receive(request: UpstreamRequest, path: string): Mounted
  /** The purpose of a file; undefined when there is none of this id. */
  purposeOf(id: string): string | undefined
}

const refuse = (code: string, message: string, param: string): Reply => openAiError(400, code, message, param)

/** Makes an empty store. */
export function createOpenAiFiles(): OpenAiFiles {
  const files = new Map<string, StoredFile>()
  let count = 0

  function upload(request: UpstreamRequest): Reply {
    const form = parseForm(request.headers['content-type'], request.rawBody)
    if (form === undefined) return openAiError(400, null, 'The body must be multipart/form-data.')
    const stranger = strangerIn(form, ['file', 'purpose', ANCHOR, SECONDS])
    if (stranger !== undefined)
      return refuse('unknown_parameter', `Unknown parameter: '${stranger}'.`, stranger)
    const file = fileOf(form, 'file')
    const filename = file?.filename ?? ''
    if (file === undefined || filename === '')
      return refuse('missing_required_parameter', `Missing required parameter: 'file'.`, 'file')
    const purpose = fieldOf(form, 'purpose') ?? ''
    if (!purposes.includes(purpose))
      return refuse('invalid_value', `'${purpose}' is not one of ${purposes.join(', ')}.`, 'purpose')
    const [anchor, seconds] = [fieldOf(form, ANCHOR), fieldOf(form, SECONDS)]
    const badExpiry = expiryFault(anchor, seconds)
    if (badExpiry !== undefined) return badExpiry
    const batch = purpose === 'batch'
    if (batch && !filename.endsWith('.jsonl'))
      return refuse('invalid_value', 'Batch input files must be .jsonl.', 'file')
    if (file.bytes.length === 0) return refuse('invalid_value', 'The file is empty.', 'file')
    if (file.bytes.length > (batch ? BATCH_BYTES_MAX : FILE_BYTES_MAX))
      return openAiError(413, 'payload_too_large', 'The file is too large.', 'file')
    const createdSeconds = Math.floor(Date.now() / 1000)
    const lasting = seconds === undefined ? (batch ? EXPIRY_SECONDS_MAX : undefined) : Number(seconds)
    const id = `file-${String(++count).padStart(22, '0')}`
    const json = {
      id,
      object: 'file',
      bytes: file.bytes.length,
      created_at: createdSeconds,
      ...(lasting === undefined ? {} : { expires_at: createdSeconds + lasting }),
      filename,
      purpose,
      status: 'processed',
    }
    files.set(id, { json, purpose, bytes: file.bytes })
    return jsonReply(200, json)
  }

  function list(request: UpstreamRequest): Reply {
    const query = new URL(request.path, 'http://double').searchParams
    const stranger = [...query.keys()].find(key => !['purpose', 'limit', 'order', 'after'].includes(key))
    if (stranger !== undefined)
      return refuse('unknown_parameter', `Unknown parameter: '${stranger}'.`, stranger)
    const limit = Number(query.get('limit') ?? LIST_MAX)
    if (!Number.isInteger(limit) || limit < 1 || limit > LIST_MAX)
      return refuse('invalid_value', `'limit' must be between 1 and ${LIST_MAX}.`, 'limit')
    const order = query.get('order') ?? 'desc'
    if (order !== 'asc' && order !== 'desc')
      return refuse('invalid_value', `'order' must be asc or desc.`, 'order')
    const purpose = query.get('purpose')
    const all = [...files.entries()].filter(([, file]) => purpose === null || file.purpose === purpose)
    if (order === 'desc') all.reverse()
    const after = query.get('after')
    const start = after === null ? 0 : all.findIndex(([id]) => id === after) + 1
    if (after !== null && start === 0) return noSuchFile(after)
    const page = all.slice(start, start + limit)
    return jsonReply(200, {
      object: 'list',
      data: page.map(([, file]) => file.json),
      first_id: page.at(0)?.[0] ?? null,
      last_id: page.at(-1)?.[0] ?? null,
      has_more: start + limit < all.length,
    })
  }

  function answer(request: UpstreamRequest, path: string): Reply {
    const [, , , id, rest] = path.split('/')
    const { method } = request
    if (id === undefined && method === 'POST') return upload(request)
    if (id === undefined && method === 'GET') return list(request)
    const file = id === undefined ? undefined : files.get(id)
    if (id !== undefined && file === undefined) return noSuchFile(id)
    if (
      id === undefined ||
      file === undefined ||
      (method !== 'GET' && (method !== 'DELETE' || rest !== undefined))
    )
      return openAiError(405, 'method_not_supported', `Not allowed to ${method} on ${path}.`)
    if (rest !== undefined) return content(file)
    if (method === 'GET') return jsonReply(200, file.json)
    files.delete(id)
    return jsonReply(200, { id, object: 'file', deleted: true })
  }

  return {
    receive(request, path) {
      const upload =
        request.method === 'POST' ? parseForm(request.headers['content-type'], request.rawBody) : []
      const lastUserText = fileOf(upload ?? [], 'file')?.filename ?? ''
      return { stream: false, lastUserText, reply: () => answer(request, path) }
    },
    purposeOf: id => files.get(id)?.purpose,
  }
}

const noSuchFile = (id: string): Reply => openAiError(404, null, `No such File object: ${id}`, 'id')

function expiryFault(anchor: string | undefined, seconds: string | undefined): Reply | undefined {
  if (anchor === undefined && seconds === undefined) return undefined
  if (anchor !== 'created_at') return refuse('invalid_value', `'${ANCHOR}' must be created_at.`, ANCHOR)
  const given = Number(seconds)
  if (Number.isInteger(given) && given >= EXPIRY_SECONDS_MIN && given <= EXPIRY_SECONDS_MAX) return undefined
  const range = `${EXPIRY_SECONDS_MIN} to ${EXPIRY_SECONDS_MAX}`
  return refuse('invalid_value', `'${SECONDS}' must be ${range}.`, SECONDS)
}

/** What a file holds; files for the model's eyes cannot be downloaded again. */
function content(file: StoredFile): Reply {
  if (file.purpose === 'user_data' || file.purpose === 'vision')
    return openAiError(400, null, `Not allowed to download files of purpose: ${file.purpose}`)
  return {
    status: 200,
    headers: { 'content-type': 'application/octet-stream' },
    body: [{ kind: 'bytes', bytes: file.bytes }],
  }
}

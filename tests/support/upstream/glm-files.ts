// The files of the GLM double: upload, list, delete and content, with the limits of each purpose; there is no retrieve.
import { glmError } from './glm-errors.ts'
import { jsonReply, type Reply } from './reply.ts'
import { type FormPart, fieldOf, fileOf, parseForm, strangerIn } from './responses-multipart.ts'
import type { UpstreamRequest } from './wire.ts'

type Purpose = {
  /** Empty: any. */
  readonly extensions: readonly string[]
  readonly filesMax: number
  readonly sizeBytesMax?: number
  readonly imageBytesMax?: number
  readonly needsKnowledge?: boolean
}

type StoredFile = {
  readonly id: string
  readonly object: 'file'
  readonly bytes: number
  readonly filename: string
  readonly purpose: string
  readonly created_at: number
}

const FILE_BYTES_MAX = 100_000_000
const unlimited: Purpose = { extensions: [], filesMax: Number.POSITIVE_INFINITY }
const agent: Purpose = {
  extensions: ['pdf', 'doc', 'xlsx', 'ppt', 'txt', 'jpg', 'png'],
  filesMax: 1000,
}
const bigModelPurposes: Readonly<Record<string, Purpose>> = {
  agent,
  batch: { extensions: ['jsonl'], filesMax: 1000 },
  'code-interpreter': {
    extensions: ['pdf', 'docx', 'doc', 'xls', 'xlsx', 'txt', 'png', 'jpg', 'jpeg', 'csv'],
    filesMax: 100,
    sizeBytesMax: 20_000_000,
    imageBytesMax: 5_000_000,
  },
  'voice-clone-input': { ...unlimited, extensions: ['mp3', 'wav'] },
  'fine-tune': unlimited,
  retrieval: { ...unlimited, needsKnowledge: true },
  'file-extract': unlimited,
}

/** Handles the requests below `/files`; `path` is what follows `/files` and its query. */
export type GlmFiles = { handle(request: UpstreamRequest, path: string, query: URLSearchParams): Reply }

/** Makes an empty file store; `sizeBytesMax` is 100 MB unless a test wants less. */
export function createGlmFiles(bigModel: boolean, sizeBytesMax = FILE_BYTES_MAX): GlmFiles {
  const purposes: Readonly<Record<string, Purpose>> = bigModel ? bigModelPurposes : { agent }
  const files: { readonly meta: StoredFile; readonly bytes: Buffer }[] = []
  let count = 0

  function upload(request: UpstreamRequest): Reply {
    const parts = parseForm(request.headers['content-type'], request.rawBody)
    if (parts === undefined) return glmError('1210', 'The body must be multipart/form-data')
    const stranger = strangerIn(parts, ['file', 'purpose', 'knowledge_id'])
    if (stranger !== undefined) return glmError('1210', `Unknown parameter: '${stranger}'`)
    const file = fileOf(parts, 'file')
    const name = fieldOf(parts, 'purpose')
    if (file === undefined || name === undefined) return glmError('1213', 'file and purpose are required')
    const purpose = Object.hasOwn(purposes, name) ? purposes[name] : undefined
    if (purpose === undefined) return glmError('1214', `The purpose ${name} is not supported`)
    const knowledge = fieldOf(parts, 'knowledge_id')
    if ((purpose.needsKnowledge === true) !== (knowledge !== undefined)) {
      return glmError('1214', 'knowledge_id is for the purpose retrieval')
    }
    const held = files.filter(each => each.meta.purpose === name).length
    return refusalOf(file, purpose, held, sizeBytesMax) ?? keep(file, name)
  }

  function keep(file: FormPart, purpose: string): Reply {
    const meta: StoredFile = {
      id: `file-${String(++count).padStart(8, '0')}`,
      object: 'file',
      bytes: file.bytes.length,
      filename: file.filename ?? '',
      purpose,
      created_at: Math.floor(Date.now() / 1000),
    }
    files.push({ meta, bytes: file.bytes })
    return jsonReply(200, meta)
  }

  function list(query: URLSearchParams): Reply {
    const purpose = query.get('purpose')
    if (purpose === null) return glmError('1213', 'purpose is required')
    const limit = Number(query.get('limit') ?? 20)
    const order = query.get('order') ?? 'desc'
    if (!Number.isInteger(limit) || limit < 1 || limit > 100 || !['asc', 'desc'].includes(order)) {
      return glmError('1214', 'limit must be in [1, 100], order asc or desc')
    }
    const all = files.map(each => each.meta).filter(each => each.purpose === purpose)
    const sorted = order === 'asc' ? all : all.toReversed()
    const after = query.get('after')
    const rest = sorted.slice(after === null ? 0 : sorted.findIndex(each => each.id === after) + 1)
    return jsonReply(200, { object: 'list', data: rest.slice(0, limit), has_more: rest.length > limit })
  }

  function one(method: string, id: string, content: boolean): Reply | undefined {
    const index = files.findIndex(each => each.meta.id === id)
    const found = files[index]
    const action = `${method}${content ? ' content' : ''}`
    if (action !== 'DELETE' && action !== 'GET content') return undefined
    if (found === undefined) return glmError('1214', `The file ${id} does not exist`)
    if (action === 'DELETE') {
      files.splice(index, 1)
      return jsonReply(200, { id, object: 'file', deleted: true })
    }
    const headers = { 'content-type': 'application/octet-stream' }
    return { status: 200, headers, body: [{ kind: 'bytes', bytes: found.bytes }] }
  }

  return {
    handle(request, path, query) {
      const { method } = request
      if (path === '' && method === 'POST') return upload(request)
      if (path === '' && method === 'GET') return list(query)
      const [, id, content] = /^\/([^/]+)(\/content)?$/.exec(path) ?? []
      const reply = id === undefined ? undefined : one(method, id, content !== undefined)
      return reply ?? glmError('1222')
    },
  }
}

function refusalOf(file: FormPart, purpose: Purpose, held: number, sizeBytesMax: number): Reply | undefined {
  const extension = /\.([^.]+)$/.exec(file.filename ?? '')?.[1]?.toLowerCase() ?? ''
  if (purpose.extensions.length > 0 && !purpose.extensions.includes(extension)) {
    return glmError('1214', `The file type must be one of ${purpose.extensions.join(', ')}`)
  }
  if (file.bytes.length > sizeBytesMax) {
    return { ...glmError('1210', 'The file size must not exceed 100 MB'), status: 435 }
  }
  const image = ['png', 'jpg', 'jpeg'].includes(extension)
  const most = (image ? purpose.imageBytesMax : undefined) ?? purpose.sizeBytesMax ?? sizeBytesMax
  if (file.bytes.length > most) return glmError('1210', `The file size must not exceed ${most} bytes`)
  return held >= purpose.filesMax ? glmError('1210', `At most ${purpose.filesMax} files`) : undefined
}

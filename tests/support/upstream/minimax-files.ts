// The files of the MiniMax double: numeric ids beyond what a JavaScript number can hold, and errors under HTTP 200.
import { plainReply } from './minimax-errors.ts'
import { jsonReply, type Reply } from './reply.ts'
import { fieldOf, fileOf, parseForm, strangerIn } from './responses-multipart.ts'
import { isObject, type JsonObject } from './shape.ts'
import type { UpstreamRequest } from './wire.ts'

type StoredFile = {
  readonly id: string
  readonly purpose: string
  readonly filename: string
  readonly createdSeconds: number
  readonly bytes: Buffer
}

/** Not a number that 64-bit floats have: they are 64 apart there. */
const FIRST_ID = 316_425_409_073_265_701n

/** File types by purpose; purposes that are not here take any. */
const extensions: Readonly<Record<string, readonly string[]>> = {
  voice_clone: ['mp3', 'm4a', 'wav'],
  prompt_audio: ['mp3', 'm4a', 'wav'],
  t2a_async_input: ['txt', 'zip'],
  video_understanding: ['mp4', 'avi', 'mov', 'mkv'],
}

const ok = { base_resp: { status_code: 0, status_msg: 'success' } }

const refused = (message: string): Reply =>
  jsonReply(200, { base_resp: { status_code: 2013, status_msg: `invalid params, ${message}` } })

/** A JSON reply in which the strings `#…` of digits are numbers, digit by digit. */
function exactReply(body: JsonObject): Reply {
  const text = JSON.stringify(body).replaceAll(/"#(\d+)"/g, '$1')
  const headers = { 'content-type': 'application/json' }
  return { status: 200, headers, body: [{ kind: 'bytes', bytes: Buffer.from(text) }] }
}

const describe = (file: StoredFile): JsonObject => ({
  file_id: `#${file.id}`,
  bytes: file.bytes.length,
  created_at: file.createdSeconds,
  filename: file.filename,
  purpose: file.purpose,
})

/** The store. */
export type MiniMaxFiles = {
  /** Handles a request below `/files`; `action` is what follows, such as `upload`. */
  handle(request: UpstreamRequest, action: string, query: URLSearchParams): Reply
  /** Whether there is a video of that id for the chat. */
  hasVideo(fileId: string): boolean
}

/** Makes an empty store. */
export function createMiniMaxFiles(): MiniMaxFiles {
  const files = new Map<string, StoredFile>()
  let nextId = FIRST_ID

  function upload(request: UpstreamRequest): Reply {
    const parts = parseForm(request.headers['content-type'], request.rawBody)
    if (parts === undefined) return refused('the body is no multipart form')
    const stranger = strangerIn(parts, ['purpose', 'file'])
    if (stranger !== undefined) return refused(`unknown field ${stranger}`)
    const [purpose, file] = [fieldOf(parts, 'purpose'), fileOf(parts, 'file')]
    if (purpose === undefined || purpose === '' || file === undefined) {
      return refused('purpose and file are required')
    }
    const filename = file.filename ?? ''
    const extension = /\.([^.]+)$/.exec(filename)?.[1]?.toLowerCase() ?? ''
    const accepted = Object.hasOwn(extensions, purpose) ? extensions[purpose] : undefined
    if (accepted !== undefined && !accepted.includes(extension)) {
      return refused(`file type must be one of ${accepted.join(', ')}`)
    }
    const id = String(nextId++)
    const createdSeconds = Math.floor(Date.now() / 1000)
    const stored: StoredFile = { id, purpose, filename, createdSeconds, bytes: file.bytes }
    files.set(id, stored)
    return exactReply({ file: describe(stored), ...ok })
  }

  function list(query: URLSearchParams): Reply {
    const purpose = query.get('purpose')
    if (purpose === null) return refused('purpose is required')
    const found = [...files.values()].filter(file => file.purpose === purpose)
    return exactReply({ files: found.map(describe), ...ok })
  }

  /** The id is read from the bytes: as a parsed number it would be another one. */
  function remove(request: UpstreamRequest): Reply {
    const { body } = request
    if (!isObject(body) || Object.keys(body).sort().join() !== 'file_id,purpose') {
      return refused('file_id and purpose are required')
    }
    const [, id] = /"file_id"\s*:\s*(\d+)\s*[,}]/.exec(request.rawBody.toString()) ?? []
    if (id === undefined) return refused('file_id must be an integer')
    if (files.get(id)?.purpose !== body['purpose']) return refused('file not found')
    files.delete(id)
    return exactReply({ file_id: `#${id}`, ...ok })
  }

  function read(query: URLSearchParams, content: boolean): Reply {
    const file = files.get(query.get('file_id') ?? '')
    if (file === undefined) return refused('file not found')
    if (content) {
      const headers = { 'content-type': 'application/octet-stream' }
      return { status: 200, headers, body: [{ kind: 'bytes', bytes: file.bytes }] }
    }
    const download_url = `https://example.com/download/${file.id}?expires=3600`
    return exactReply({ file: { ...describe(file), download_url }, ...ok })
  }

  return {
    handle(request, action, query) {
      switch (`${request.method} ${action}`) {
        case 'POST upload':
          return upload(request)
        case 'GET list':
          return list(query)
        case 'GET retrieve':
          return read(query, false)
        case 'GET retrieve_content':
          return read(query, true)
        case 'POST delete':
          return remove(request)
        default:
          return plainReply(404, '404 page not found')
      }
    },
    hasVideo: fileId => files.get(fileId)?.purpose === 'video_understanding',
  }
}

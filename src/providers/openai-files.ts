// Files at OpenAI: sends one, asks how it is, and takes it away. What is kept of them is for others to know.
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import type { Access } from './access.ts'
import type { UpstreamSend } from './http.ts'
import type { UpstreamHeaders } from './http-answer.ts'
import { multipartFile } from './multipart.ts'
import type { Upstream } from './openai-dialect/dialect.ts'
import { broken, type Complaint, readComplaint, refusal, retryDelayMs } from './openai-dialect/errors.ts'
import { foreign, foreignText } from './openai-dialect/wire.ts'

/** What the files of one key are made from. */
export interface OpenAiFilesDeps {
  /** Id of the provider, what it refuses, and how its texts are cleaned of keys. */
  readonly upstream: Omit<Upstream, 'model'>
  /** Files belong to the account of a key at a base URL. */
  readonly access: Access
  readonly clock: Clock
}

/** A file to be sent. */
export interface FileUpload {
  readonly filename: string
  readonly mimeType: string
  /** `vision` for images that messages name, `user_data` for documents. */
  readonly purpose: 'assistants' | 'batch' | 'fine-tune' | 'vision' | 'user_data' | 'evals'
  /** Exactly `sizeBytes` bytes, read once and no faster than they are sent. */
  readonly bytes: AsyncIterable<Uint8Array>
  /** 1 to 512 MiB. */
  readonly sizeBytes: number
  /** When OpenAI deletes it; brought within 1 hour and 30 days. Absent: never. */
  readonly expiresAfterSeconds?: number
  readonly signal: AbortSignal
}

/** A file as OpenAI has it. */
export interface OpenAiFile {
  readonly id: string
  /** Whether messages can name it. */
  readonly state: 'ready' | 'processing' | 'failed'
  readonly sizeBytes: number | undefined
  /** When OpenAI deletes it, in milliseconds since 1970; undefined when it does not. */
  readonly expiresAtMs: number | undefined
}

/** The files of one key. Everything throws GatewayError as an attempt does, and the signal's reason. */
export interface OpenAiFiles {
  upload(upload: FileUpload): Promise<OpenAiFile>
  /** How a file is; undefined when there is none of this id (any more). */
  poll(id: string, signal: AbortSignal): Promise<OpenAiFile | undefined>
  /** Takes a file away, and says whether there was one. */
  delete(id: string, signal: AbortSignal): Promise<boolean>
}

const ROOT = '/files'
const FILE_BYTES_MAX = 512 * 1024 * 1024
const EXPIRY_SECONDS_MIN = 3600
const EXPIRY_SECONDS_MAX = 2_592_000
const ANSWER_BYTES_MAX = 64 * 1024
const states: ReadonlyMap<string, OpenAiFile['state']> = new Map<string, OpenAiFile['state']>([
  ['pending', 'processing'],
  ['processing', 'processing'],
  ['error', 'failed'],
  ['failed', 'failed'],
])

interface Answer {
  readonly status: number
  readonly headers: UpstreamHeaders
  readonly body: unknown
}

/** Makes the files of one key. */
export function createOpenAiFiles(deps: OpenAiFilesDeps): OpenAiFiles {
  const upstream: Upstream = { ...deps.upstream, model: '' }
  const { provider } = upstream
  const { http, headers: own } = deps.access

  async function send(request: UpstreamSend): Promise<Answer> {
    const response = await http.send({ ...request, headers: { ...own, ...request.headers } })
    const { status, headers } = response
    return { status, headers, body: parsed(await response.text(ANSWER_BYTES_MAX)) }
  }

  function refused({ status, headers }: Answer, complaint: Complaint | undefined): GatewayError {
    const wait = retryDelayMs(headers, deps.clock.now())
    return refusal(upstream, complaint, { status, ...(wait === undefined ? {} : { retryDelayMs: wait }) })
  }

  /** Sends a request about one file; undefined when there is no such file. */
  async function about(method: 'GET' | 'DELETE', id: string, signal: AbortSignal): Promise<unknown> {
    const answer = await send({ method, path: `${ROOT}/${encodeURIComponent(id)}`, headers: {}, signal })
    if (answer.status === 200) return answer.body
    const complaint = readComplaint(answer.body)
    // A 404 without an error in it, or about the URL, comes from a wrong base URL and says nothing about the file.
    if (answer.status === 404 && complaint !== undefined && complaint.code !== 'unknown_url') return undefined
    throw refused(answer, complaint)
  }

  return {
    async upload(upload) {
      const { sizeBytes } = upload
      if (sizeBytes < 1 || sizeBytes > FILE_BYTES_MAX) {
        const message = `${provider} takes files of 1 to ${FILE_BYTES_MAX} bytes, and this one has ${sizeBytes}`
        throw new GatewayError('INVALID_REQUEST', message, { provider })
      }
      const { headers, body } = multipartFile(fieldsOf(upload), 'file', upload)
      const answer = await send({ method: 'POST', path: ROOT, headers, body, signal: upload.signal })
      if (answer.status !== 200) throw refused(answer, readComplaint(answer.body))
      return fileOf(upstream, answer.body)
    },
    async poll(id, signal) {
      const body = await about('GET', id, signal)
      return body === undefined ? undefined : fileOf(upstream, body)
    },
    async delete(id, signal) {
      const body = await about('DELETE', id, signal)
      if (body === undefined) return false
      if (foreign<'deleted'>(body)?.deleted === true) return true
      throw broken(upstream, 'did not say that it deleted the file')
    },
  }
}

function fieldsOf({ purpose, expiresAfterSeconds }: FileUpload): Readonly<Record<string, string>> {
  if (expiresAfterSeconds === undefined) return { purpose }
  const seconds = Math.min(Math.max(Math.round(expiresAfterSeconds), EXPIRY_SECONDS_MIN), EXPIRY_SECONDS_MAX)
  return {
    purpose,
    'expires_after[anchor]': 'created_at',
    'expires_after[seconds]': String(seconds),
  }
}

function fileOf(upstream: Upstream, body: unknown): OpenAiFile {
  const file = foreign<'id' | 'status' | 'bytes' | 'expires_at'>(body)
  const id = foreignText(file?.id)
  if (id === '') throw broken(upstream, 'sent no file')
  const { bytes, expires_at: expires } = file ?? {}
  return {
    id,
    // Left out by newer versions of the API, where a file that was taken is ready.
    state: states.get(foreignText(file?.status)) ?? 'ready',
    sizeBytes: typeof bytes === 'number' ? bytes : undefined,
    expiresAtMs: typeof expires === 'number' ? expires * 1000 : undefined,
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // A page or plain text: the status alone says what is wrong, and a 200 is no file.
    return undefined
  }
}

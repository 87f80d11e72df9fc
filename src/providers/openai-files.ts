// Files at OpenAI: sends one, asks how it is, and takes it away. What is kept of them is for others to know.
import { Readable } from 'node:stream'
import type { Dispatcher, Pool } from 'undici'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import { multipartFile } from './multipart.ts'
import type { Upstream } from './openai-dialect/dialect.ts'
import { broken, type Complaint, readComplaint, refusal, retryDelayMs } from './openai-dialect/errors.ts'
import { foreign, foreignText } from './openai-dialect/wire.ts'

/** What a client of one account's files is made from. */
export interface OpenAiFilesDeps {
  /** Id of the provider, what it refuses, and how its texts are cleaned of keys. */
  readonly upstream: Omit<Upstream, 'model'>
  /** The exact prefix to which `/files` is appended. Files belong to the account of a key at a base URL. */
  readonly baseUrl: string
  /** `Authorization`, and the header fields of the settings. */
  readonly headers: Readonly<Record<string, string>>
  readonly clock: Clock
  /** How long connecting may take, in milliseconds. Default 5000. */
  readonly connectTimeoutMs?: number
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

/** The files of one account. Everything throws GatewayError as an attempt does, and the signal's reason. */
export interface OpenAiFiles {
  upload(upload: FileUpload): Promise<OpenAiFile>
  /** How a file is; undefined when there is none of this id (any more). */
  poll(id: string, signal: AbortSignal): Promise<OpenAiFile | undefined>
  /** Takes a file away, and says whether there was one. */
  delete(id: string, signal: AbortSignal): Promise<boolean>
  /** Closes the connections. */
  close(): Promise<void>
}

const FILE_BYTES_MAX = 512 * 1024 * 1024
const EXPIRY_SECONDS_MIN = 3600
const EXPIRY_SECONDS_MAX = 2_592_000
const ANSWER_BYTES_MAX = 64 * 1024
const CONNECT_MS = 5000
const CONNECTIONS_MAX = 16
const states: ReadonlyMap<string, OpenAiFile['state']> = new Map<string, OpenAiFile['state']>([
  ['pending', 'processing'],
  ['processing', 'processing'],
  ['error', 'failed'],
  ['failed', 'failed'],
])

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: unknown
}

type Request = Pick<Dispatcher.RequestOptions, 'method' | 'path' | 'headers' | 'body'>

/** Makes a client. Nothing is connected before the first call. Throws INVALID_REQUEST for a bad base URL. */
export function createOpenAiFiles(deps: OpenAiFilesDeps): OpenAiFiles {
  const upstream: Upstream = { ...deps.upstream, model: '' }
  const { provider } = upstream
  const base = parseBase(provider, deps.baseUrl)
  const root = `${base.pathname.replace(/\/+$/, '')}/files`
  let opening: Promise<Pool> | undefined

  async function open(): Promise<Pool> {
    // Loaded when first used: it costs 80 ms and 30 MB.
    const undici = await import('undici')
    return new undici.Pool(base.origin, {
      connections: CONNECTIONS_MAX,
      allowH2: false,
      connect: { timeout: deps.connectTimeoutMs ?? CONNECT_MS },
      headersTimeout: 0,
      bodyTimeout: 0,
    })
  }

  async function send(request: Request, signal: AbortSignal): Promise<Answer> {
    opening ??= open()
    const pool = await opening
    try {
      signal.throwIfAborted()
      const headers = { ...deps.headers, ...request.headers }
      const { statusCode, body, headers: told } = await pool.request({ ...request, headers, signal })
      return { status: statusCode, headers: firstValues(told), body: await readJson(upstream, body) }
    } catch (error) {
      if (signal.aborted) throw signal.reason instanceof GatewayError ? signal.reason : cancelled(signal)
      if (error instanceof GatewayError) throw error
      throw new GatewayError('UPSTREAM_UNAVAILABLE', `${provider} closed the connection before it answered`, {
        provider,
        cause: error,
      })
    }
  }

  function refused({ status, headers }: Answer, complaint: Complaint | undefined): GatewayError {
    const wait = retryDelayMs(headers, deps.clock.now())
    return refusal(upstream, complaint, { status, ...(wait === undefined ? {} : { retryDelayMs: wait }) })
  }

  /** Sends a request about one file; undefined when there is no such file. */
  async function about(method: 'GET' | 'DELETE', id: string, signal: AbortSignal): Promise<unknown> {
    const answer = await send({ method, path: `${root}/${encodeURIComponent(id)}` }, signal)
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
      // Not in object mode, so that what is read ahead is counted in bytes.
      const stream = Readable.from(body, { objectMode: false })
      const answer = await send({ method: 'POST', path: root, headers, body: stream }, upload.signal)
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
    async close() {
      await (await opening)?.destroy()
    },
  }
}

function parseBase(provider: string, baseUrl: string): URL {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.username === '') return url
  // The URL is not repeated: it may hold a password.
  throw new GatewayError(
    'INVALID_REQUEST',
    `the base URL of ${provider} must be an http or https URL without user name`,
  )
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

async function readJson(upstream: Upstream, body: Dispatcher.ResponseData['body']): Promise<unknown> {
  const parts: Uint8Array[] = []
  let sizeBytes = 0
  const chunks: AsyncIterable<Uint8Array> = body
  for await (const part of chunks) {
    parts.push(part)
    sizeBytes += part.byteLength
    if (sizeBytes > ANSWER_BYTES_MAX)
      throw broken(upstream, `sent an answer of more than ${ANSWER_BYTES_MAX} bytes`)
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString('utf8'))
  } catch {
    // A page or plain text: the status alone says what is wrong, and a 200 is no file.
    return undefined
  }
}

function cancelled(signal: AbortSignal): GatewayError {
  return new GatewayError('CANCELLED', 'the call was cancelled', { cause: signal.reason })
}

function firstValues(headers: Readonly<Record<string, string | string[] | undefined>>): Answer['headers'] {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value]),
  )
}

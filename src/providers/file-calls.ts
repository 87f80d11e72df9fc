// The requests that the files of every provider are made of, and what their failures mean.
import { GatewayError } from '../core/errors.ts'
import { type FileApiDeps, type FileUpload, noSuchFile, pieces } from './file-api.ts'
import { uploadName } from './file-name.ts'
import type { UpstreamSend } from './http.ts'
import type { UpstreamResponse } from './http-answer.ts'
import { multipartFile } from './multipart.ts'
import type { Upstream } from './openai-dialect/dialect.ts'
import {
  broken,
  type Complaint,
  classify,
  readComplaint,
  refusal,
  retryDelayMs,
} from './openai-dialect/errors.ts'
import { foreign } from './openai-dialect/wire.ts'

/** An answer that was read. */
export interface FileAnswer {
  readonly text: string
  /** The JSON in it; undefined when it holds none. */
  readonly body: unknown
  /** What it means, if it is no good one. */
  readonly fault: GatewayError | undefined
}

/** The requests that every provider's files are made of. */
export interface FileCalls {
  readonly upstream: Upstream
  /** Sends a request and reads its answer, whatever the status. `id` is the file that it is about. */
  ask(request: FileRequest, signal: AbortSignal, id?: string): Promise<FileAnswer>
  /** The same, but throws what is no good answer. */
  demand(request: FileRequest, signal: AbortSignal, id?: string): Promise<FileAnswer>
  /** Sends a file in a form to a path; throws what is no good answer. */
  post(path: string, upload: FileUpload, sizeBytesMax: number): Promise<FileAnswer>
  /** Reads what a path gives, piece by piece. */
  read(path: string, signal: AbortSignal, id: string): AsyncGenerator<Uint8Array>
}

/** A request without its key. */
export type FileRequest = Omit<UpstreamSend, 'signal' | 'headers'> & {
  readonly headers?: Readonly<Record<string, string>>
}

const ANSWER_BYTES_MAX = 4 * 1024 * 1024
const ERROR_BYTES_MAX = 64 * 1024

/** Makes the requests of one key at one provider. */
export function createFileCalls({ upstream: given, access, clock }: FileApiDeps): FileCalls {
  const upstream: Upstream = { ...given, model: '' }
  const { provider } = upstream

  function send({ headers, ...request }: FileRequest, signal: AbortSignal): Promise<UpstreamResponse> {
    return access.http.send({ ...request, headers: { ...access.headers, ...headers }, signal })
  }

  async function answerOf(response: UpstreamResponse, id: string): Promise<FileAnswer> {
    const { status } = response
    try {
      const text =
        status === 200 ? await response.text(ANSWER_BYTES_MAX) : await response.head(ERROR_BYTES_MAX)
      const body = parsed(text)
      const complaint = readComplaint(body, upstream.dialect)
      if (status !== 200 || complaint !== undefined) {
        const wait = retryDelayMs(response.headers, clock.now())
        return { text, body, fault: faultOf(upstream, complaint, { status, wait, id }) }
      }
      const fault = body === undefined ? broken(upstream, 'sent an answer that is no JSON') : undefined
      return { text, body, fault }
    } finally {
      response.close()
    }
  }

  async function ask(request: FileRequest, signal: AbortSignal, id = ''): Promise<FileAnswer> {
    return answerOf(await send(request, signal), id)
  }

  async function demand(request: FileRequest, signal: AbortSignal, id = ''): Promise<FileAnswer> {
    const answer = await ask(request, signal, id)
    if (answer.fault !== undefined) throw answer.fault
    return answer
  }

  return {
    upstream,
    ask,
    demand,
    async post(path, { purpose, signal, ...file }, sizeBytesMax) {
      if (!(file.sizeBytes >= 1 && file.sizeBytes <= sizeBytesMax)) {
        const most = Number.isFinite(sizeBytesMax) ? `1 to ${sizeBytesMax} bytes` : '1 byte and more'
        const message = `${provider} takes files of ${most}, and this one has ${file.sizeBytes}`
        throw new GatewayError('INVALID_REQUEST', message, { provider, against: 'nobody' })
      }
      const filename = uploadName(file.filename, file.mimeType)
      const { headers, body } = multipartFile({ purpose }, 'file', {
        ...file,
        filename,
        bytes: pieces(file.bytes),
      })
      return demand({ method: 'POST', path, headers, body }, signal)
    },
    async *read(path, signal, id) {
      const response = await send({ method: 'GET', path }, signal)
      // An error of MiniMax's under status 200 is told by this field, which no JSON file of a caller's is likely to have.
      const isJson = /^application\/json\b/i.test(response.headers['content-type'] ?? '')
      if (response.status !== 200 || isJson) {
        const { fault, text, body } = await answerOf(response, id)
        if (fault !== undefined && (response.status !== 200 || foreign<'base_resp'>(body)?.base_resp))
          throw fault
        yield Buffer.from(text)
        return
      }
      try {
        for (let part = await response.read(); part !== undefined; part = await response.read()) yield part
      } finally {
        response.close()
      }
    },
  }
}

function faultOf(
  upstream: Upstream,
  complaint: Complaint | undefined,
  answer: { readonly status: number; readonly wait: number | undefined; readonly id: string },
): GatewayError {
  const { provider } = upstream
  const { wait, id } = answer
  const status = answer.status === 200 ? {} : { status: answer.status }
  const found = classify(upstream, complaint, status.status)
  // A path that is not there is a wrong base URL; only a request about one file can miss that file.
  if (found === 'not_found' && id === '') return refusal(upstream, undefined, { status: 404 })
  const fault = refusal(upstream, complaint, {
    ...status,
    ...(wait === undefined ? {} : { retryDelayMs: wait }),
  })
  if (found === 'not_found') return noSuchFile(provider, id, fault)
  if (found !== 'permission') return fault
  // A key without files can still chat.
  return new GatewayError(fault.reason, `${provider} does not let our key use files`, {
    ...fault.details,
    against: 'nobody',
  })
}

/** The failure for an answer that names no file. */
export function noFileIn(upstream: Upstream): GatewayError {
  return broken(upstream, 'sent no file')
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // A page or plain text: the status alone says what is wrong.
    return undefined
  }
}

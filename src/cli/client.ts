// Asks the service at the configured address, as any other client does: Connect JSON over HTTP.
import { type IncomingMessage, request as requestClear } from 'node:http'
import { request as requestTls } from 'node:https'
import {
  create,
  type DescMessage,
  type DescMethodUnary,
  fromJsonString,
  type MessageInitShape,
  type MessageShape,
  toJsonString,
} from '@bufbuild/protobuf'
import type { TlsConfig } from '../config/config.ts'
import { trustOf } from './trust.ts'

/** Where the service is, and who asks. */
export interface ServiceTarget {
  readonly host: string
  readonly port: number
  /** Present when the service speaks TLS: only this certificate is believed. */
  readonly tls?: Pick<TlsConfig, 'cert'> | undefined
  /** An API key or a token. Absent: none is sent. */
  readonly credential?: string | undefined
}

/** How asking went: an answer, a refusal of the service, or nobody there. */
export type ServiceAnswer<Output> =
  | { readonly type: 'answered'; readonly value: Output }
  /** `code` is Connect's, such as `unauthenticated`. */
  | { readonly type: 'refused'; readonly code: string; readonly message: string }
  | { readonly type: 'unreachable'; readonly message: string }

/** Longest wait for the answer, in milliseconds. */
const ANSWER_MS = 30_000
/** The largest answer that is read, in bytes. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024

/** Calls one method. Never rejects. */
export async function askService<Input extends DescMessage, Output extends DescMessage>(
  target: ServiceTarget,
  method: DescMethodUnary<Input, Output>,
  input: MessageInitShape<Input>,
): Promise<ServiceAnswer<MessageShape<Output>>> {
  try {
    const body = toJsonString(method.input, create(method.input, input))
    const { status, text } = await post(target, `/${method.parent.typeName}/${method.name}`, body)
    if (status !== 200) return refusalOf(status, text)
    // A service that is newer than this command may say more.
    return { type: 'answered', value: fromJsonString(method.output, text, { ignoreUnknownFields: true }) }
  } catch (error) {
    return { type: 'unreachable', message: error instanceof Error ? error.message : String(error) }
  }
}

/** One line for people about an answer that is none. */
export function failureLine(failure: Exclude<ServiceAnswer<unknown>, { type: 'answered' }>): string {
  return failure.type === 'unreachable'
    ? `no service answers: ${failure.message}`
    : `${failure.code}: ${failure.message}`
}

interface Reply {
  readonly status: number
  readonly text: string
}

function post({ host, port, tls, credential }: ServiceTarget, path: string, body: string): Promise<Reply> {
  const signal = AbortSignal.timeout(ANSWER_MS)
  const options = {
    // A service that listens everywhere is there, too.
    host: host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host,
    port,
    path,
    method: 'POST',
    agent: false,
    signal,
    headers: {
      // Without authentication a service refuses every Host that is not loopback, also its own address.
      host: 'localhost',
      'content-type': 'application/json',
      'connect-protocol-version': '1',
      ...(credential === undefined ? {} : { authorization: `Bearer ${credential}` }),
    },
  } as const
  return new Promise((resolve, reject) => {
    const onAnswer = (res: IncomingMessage): void => {
      textOf(res).then(text => resolve({ status: res.statusCode ?? 0, text }), reject)
    }
    const call =
      tls === undefined
        ? requestClear(options, onAnswer)
        : requestTls({ ...options, ...trustOf(tls) }, onAnswer)
    call.on('error', error =>
      reject(signal.aborted ? new Error(`no answer within ${ANSWER_MS / 1000} s`) : error),
    )
    call.end(body)
  })
}

async function textOf(res: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of res) {
    bytes += chunk.length
    if (bytes > ANSWER_BYTES_MAX) throw new Error('the answer is too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

/** https://connectrpc.com/docs/protocol#error-end-stream: a code and a message in JSON. */
function refusalOf(status: number, text: string): ServiceAnswer<never> {
  try {
    const told: unknown = JSON.parse(text)
    if (typeof told === 'object' && told !== null && 'code' in told && typeof told.code === 'string') {
      const message = 'message' in told && typeof told.message === 'string' ? told.message : ''
      return { type: 'refused', code: told.code, message }
    }
  } catch {
    // Whoever answers there is not this service.
  }
  return { type: 'unreachable', message: `something else answers there, with HTTP ${status}` }
}

// Asks the service at the configured address, as any other client does: by Connect over HTTP.
import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from '@bufbuild/protobuf'
import { Code, ConnectError, type Transport } from '@connectrpc/connect'
import { codeToString } from '@connectrpc/connect/protocol-connect'
import { createConnectTransport } from '@connectrpc/connect-node'
import { ErrorInfoSchema } from '#gen/exai/v1/error_pb'
import type { TlsConfig } from '../config/config.ts'
import { addressOf } from './address.ts'
import { safeLine } from './terminal-text.ts'
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

/** Why there is no answer: a refusal of the service, or the service is not to be reached. */
export type ServiceFailure =
  /** `code` is Connect's, such as `unauthenticated`. */
  | {
      readonly type: 'refused'
      readonly code: string
      readonly message: string
      readonly requestId: string
    }
  /** `nobody` listens there, something else does, or the connection is no good. */
  | {
      readonly type: 'unreachable'
      readonly why: 'nobody' | 'stranger' | 'broken'
      readonly message: string
    }

/** How asking went. */
export type ServiceAnswer<Output> = { readonly type: 'answered'; readonly value: Output } | ServiceFailure

/** Longest wait for the answer of a unary call, in milliseconds. */
export const ANSWER_MS = 30_000
/** The largest message that is read, in bytes. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024

/** The way to the service: JSON with a time limit, or binary without one. */
export function transportTo(target: ServiceTarget, form: 'json' | 'binary' = 'json'): Transport {
  const { credential } = target
  return createConnectTransport({
    baseUrl: addressOf(target),
    httpVersion: '1.1',
    readMaxBytes: ANSWER_BYTES_MAX,
    ...(form === 'json' ? { useBinaryFormat: false, defaultTimeoutMs: ANSWER_MS } : {}),
    nodeOptions: {
      ...trustOf(target.tls),
      // A connection that waited while somebody typed may be closed just when it is used again.
      agent: false,
      headers: {
        // Without authentication a service refuses every Host that is not loopback, also its own address.
        host: 'localhost',
        ...(credential === undefined ? {} : { authorization: `Bearer ${credential}` }),
      },
    },
  })
}

/** Calls one method. Never rejects. */
export async function askService<Input extends DescMessage, Output extends DescMessage>(
  target: ServiceTarget,
  method: DescMethodUnary<Input, Output>,
  input: MessageInitShape<Input>,
): Promise<ServiceAnswer<MessageShape<Output>>> {
  try {
    const { message } = await transportTo(target).unary(method, undefined, undefined, undefined, input)
    return { type: 'answered', value: message }
  } catch (error) {
    return failureOf(error)
  }
}

/** What a failed call means. */
export function failureOf(error: unknown): ServiceFailure {
  const told = ConnectError.from(error)
  const [info] = told.findDetails(ErrorInfoSchema)
  const { code, rawMessage, cause } = told
  // This service explains every error of its own, and nobody else does.
  if (info !== undefined)
    return { type: 'refused', code: codeToString(code), message: rawMessage, requestId: info.requestId }
  if (code === Code.DeadlineExceeded)
    return { type: 'unreachable', why: 'broken', message: `no answer within ${ANSWER_MS / 1000} s` }
  if (!(cause instanceof Error))
    return {
      type: 'unreachable',
      why: 'stranger',
      message: `something else answers there, with ${rawMessage}`,
    }
  const systemCode = 'code' in cause && typeof cause.code === 'string' ? cause.code : ''
  return {
    type: 'unreachable',
    why: systemCode === 'ECONNREFUSED' ? 'nobody' : 'broken',
    // An error about several addresses says nothing in words.
    message: rawMessage === '' ? systemCode : rawMessage,
  }
}

/** One line for people about an answer that is none. */
export function failureLine(failure: ServiceFailure): string {
  if (failure.type === 'unreachable') return `no service answers: ${oneLine(failure.message)}`
  const { code, message, requestId } = failure
  return `${code}: ${oneLine(message)}${requestId === '' ? '' : ` (request ${oneLine(requestId)})`}`
}

function oneLine(text: string): string {
  return safeLine(text.replace(/\s+/g, ' '))
}

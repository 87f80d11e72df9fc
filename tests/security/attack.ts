// What an attack is, and what is wrong with an answer whoever asked for it.
import { findTrailerError } from '@connectrpc/connect/protocol-grpc'
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import { errorInfoOf } from '../../src/client/error-info.ts'
import { root } from '../support/tools.ts'
import type { Answer } from './answer.ts'
import type { Stage } from './stage.ts'

/** One hostile thing that is done to a service. */
export interface Attack {
  readonly topic: string
  /** A sentence: what is done. */
  readonly name: string
  /** Does it. Gives what is wrong with the outcome; nothing when the service held. */
  readonly run: (stage: Stage) => Promise<readonly string[]>
  /** Whether it takes longer than a few seconds, because it waits for a limit of time. */
  readonly isLong?: boolean
  /** Whether nothing else may be played meanwhile, because it compares times. */
  readonly isAlone?: boolean
}

// Frames of a stack, paths of this program, words of the stores and of the engine.
const INSIDES: readonly RegExp[] = [
  /\bat .*\.[jt]s:\d/,
  /node:internal|node_modules|\/src\/[a-z-]+\//,
  /\bSQLITE_|\bsyntax error\b|no such column|unterminated|PGRST\d|22P0\d/i,
  /\bundefined\b is not|Cannot (?:read|set) propert|is not a function|RangeError|TypeError/,
  /root:[x*]:0:0/,
]

/** What every answer is checked for: that it is no fault of ours and shows nothing of the insides. */
export function insidesIn({ status, headers, body }: Answer): readonly string[] {
  const text = `${JSON.stringify(headers)}\n${body}`
  const isFault =
    status === 500 ||
    /"code":"internal"/.test(body) ||
    (headers['grpc-status'] === '13' && !isBlamed(headers))
  return [
    ...(isFault ? [`it is answered as a fault of ours: ${shortly(body)}`] : []),
    ...INSIDES.filter(pattern => pattern.test(text)).map(
      pattern => `the answer shows ${pattern}: ${shortly(body)}`,
    ),
    ...(text.includes(root) ? ['the answer shows where the program lies'] : []),
  ]
}

// gRPC calls a stray flag of compression INTERNAL, although the client sent it
// (https://github.com/grpc/grpc/blob/master/doc/compression.md): the reason beside the code says whose fault it was.
function isBlamed(headers: Answer['headers']): boolean {
  const named = Object.entries(headers).filter(([name]) => !name.startsWith(':'))
  const error = findTrailerError(new Headers(named))
  return errorInfoOf(error)?.reason === ErrorReason.INVALID_REQUEST
}

/** A text for a complaint: on one line, and not too long. */
export function shortly(text: string): string {
  return JSON.stringify(text.length > 300 ? `${text.slice(0, 300)}…` : text)
}

/** Says what an answer is when it is none of the expected ones. */
export function unless(isExpected: boolean, { status, headers, body }: Answer): readonly string[] {
  if (isExpected) return []
  const grpc = headers['grpc-status'] === undefined ? '' : ` (grpc-status ${headers['grpc-status']})`
  return [`it is answered ${status}${grpc} ${shortly(body)}`]
}

// Says in words what connect-es says by a bare HTTP status: wrong method, wrong content type, wrong HTTP version.
import type { UniversalHandler } from '@connectrpc/connect/protocol'
import { GatewayError } from '../../core/errors.ts'
import type { Variation } from './protocol.ts'

/** The error behind a bare status (405, 415 or 505), and how to send it. */
export function refusalOf(
  status: number,
  { method, allowedMethods }: UniversalHandler,
): { readonly error: GatewayError; readonly variation: Variation } {
  const name = `${method.parent.typeName}/${method.name}`
  const refuse = (message: string, headers: Record<string, string> = {}) => ({
    error: new GatewayError('INVALID_REQUEST', message),
    variation: { status, headers },
  })
  if (status === 405) {
    const allow = allowedMethods.filter((verb, index) => allowedMethods.indexOf(verb) === index).join(', ')
    return refuse(`${name} takes ${allow} only`, { allow })
  }
  // A half-duplex connection that waits for both sides would hang: the caller must not go on using it.
  if (status === 505) return refuse(`${name} streams both ways and needs HTTP/2`, { connection: 'close' })
  const own = method.methodKind === 'unary' ? ['application/json', 'application/proto'] : STREAM_TYPES
  const accept = [...own, 'application/grpc', 'application/grpc-web'].join(', ')
  return refuse(`${name} needs one of these content types: ${accept}`, { 'accept-post': accept })
}

const STREAM_TYPES = ['application/connect+json', 'application/connect+proto']

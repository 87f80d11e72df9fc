// The one answer to everybody who cannot be let in: an honest caller learns what to do, and nobody learns why it failed.
import { GatewayError } from '../core/errors.ts'

const SENTENCE =
  'a valid credential is needed: send one API key or token, not expired and not revoked, as authorization: Bearer <it>'

/** The same error for a credential that is missing, malformed, unknown, expired, revoked or forged. */
export function unauthenticated(): GatewayError {
  return new GatewayError('UNAUTHENTICATED', SENTENCE)
}

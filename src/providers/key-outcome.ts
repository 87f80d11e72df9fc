// What a failed attempt says about its key, and about the address to which it was sent.
import { GatewayError, type KeyTrouble } from '../core/errors.ts'
import type { KeyOutcome } from './keys.ts'

/** Reads it from an error's details, and from its reason and HTTP status where they are silent. */
export function keyOutcomeOf(error: unknown): KeyOutcome {
  if (!(error instanceof GatewayError)) return { type: 'untold' }
  if (isOfProvider(error)) return { type: 'failing' }
  // What broke an answer off has its own reason one level down.
  const first =
    error.reason === 'UPSTREAM_BROKEN' && error.cause instanceof GatewayError ? error.cause : error
  const trouble = troubleOf(first)
  if (trouble === undefined) return { type: 'untold' }
  const { cooldownMs, retryDelayMs } = first.details
  const waitMs = cooldownMs ?? retryDelayMs
  // The wait that an answer asks of its caller says nothing about when a refused key will be taken.
  return trouble === 'auth' && waitMs === retryDelayMs ? { type: trouble } : { type: trouble, waitMs }
}

/** Nothing came of it, and neither the key nor the request is to blame. What breaks off shows that somebody is there. */
function isOfProvider({ reason, details: { against = 'provider' } }: GatewayError): boolean {
  return reason === 'UPSTREAM_UNAVAILABLE' && against === 'provider'
}

function troubleOf({ reason, details }: GatewayError): KeyTrouble | undefined {
  const { against, keyTrouble, upstreamStatus } = details
  if (against === 'provider' || against === 'nobody') return undefined
  if (keyTrouble !== undefined) return keyTrouble
  if (against === 'key_model') return 'permission'
  if (reason === 'UPSTREAM_LIMITED') return 'rate_limit'
  if (reason !== 'UPSTREAM_CREDENTIALS') return undefined
  switch (upstreamStatus) {
    case 402:
    case 429:
      return 'quota'
    case 403:
      return against === 'key' ? 'auth' : 'permission'
    default:
      return 'auth'
  }
}

// Who does what `exai keys` is asked for: the running service when one answers, and else the store in DATA_DIR.
import { type Client, createClient } from '@connectrpc/connect'
import { AccessService } from '#gen/exai/v1/access_service_pb'
import { Health, HealthCheckResponse_ServingStatus as Serving } from '#gen/health/v1/health_pb'
import type { Config } from '../config/config.ts'
import { GatewayError } from '../core/errors.ts'
import { addressOf } from './address.ts'
import { askService, transportTo } from './client.ts'

/** The methods of AccessService. */
export type KeyService = Pick<
  Client<typeof AccessService>,
  'createKey' | 'listKeys' | 'rotateKey' | 'revokeKey'
>

/**
 * Whether the service is there. Throws INVALID_REQUEST when something else listens in its place: it must not be told a
 * credential, and the store may be in use.
 */
export async function isRunning({ host, port, tls }: Config['listen']): Promise<boolean> {
  const answer = await askService({ host, port, tls }, Health.method.check, { service: 'live' })
  if (answer.type === 'refused') return true
  if (answer.type === 'answered' && answer.value.status !== Serving.UNKNOWN) return true
  if (answer.type === 'unreachable' && answer.why === 'nobody') return false
  const url = addressOf({ host, port, tls })
  const message =
    answer.type === 'unreachable' && answer.why === 'broken'
      ? `the service at ${url} cannot be asked: ${answer.message}`
      : `what listens at ${url} is not this service: correct HOST and PORT, or work on the store with --store`
  throw new GatewayError('INVALID_REQUEST', message)
}

/** A client of the running service. */
export function remoteKeys(
  { host, port, tls }: Config['listen'],
  credential: string | undefined,
): KeyService {
  return createClient(AccessService, transportTo({ host, port, tls, credential }))
}

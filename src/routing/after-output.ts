// What a failure is called that came when a part of the answer had already been told.
import { GatewayError } from '../core/errors.ts'

/** Once there was output, nothing may say any more that nothing was answered: a caller would just ask again. */
export function afterOutput(error: GatewayError, provider: string): GatewayError {
  if (error.code !== 'UNAVAILABLE') return error
  const details = { ...error.details, cause: error }
  return new GatewayError('UPSTREAM_BROKEN', `${provider} broke off its answer`, details)
}

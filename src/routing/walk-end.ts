// The error with which a call ends that nobody could answer.
import { GatewayError } from '../core/errors.ts'

/** The error as the caller gets it: with the shortest wait of all whom asking again may help. Absent: nobody was there. */
export function endOf(error: GatewayError | undefined, failures: readonly GatewayError[]): GatewayError {
  if (error === undefined) return new GatewayError('NO_CANDIDATE', 'nobody was asked')
  const own = error.details.retryDelayMs
  if (error.code !== 'UNAVAILABLE' || own === undefined) return error
  const waits = failures.flatMap(({ code, details: { retryDelayMs } }) =>
    code === 'UNAVAILABLE' && retryDelayMs !== undefined ? [retryDelayMs] : [],
  )
  const shortest = Math.min(own, ...waits)
  return shortest < own ? error.with({ retryDelayMs: shortest }) : error
}

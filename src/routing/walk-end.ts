// The error with which a call ends that nobody could answer.
import { GatewayError } from '../core/errors.ts'

/**
 * The error as the caller gets it: of who was asked last, or else of whoever was passed over and has the shortest wait; with
 * the shortest wait of all whom asking again may help.
 */
export function endOf(
  failures: readonly GatewayError[],
  refusals: readonly GatewayError[],
  error = failures.at(-1) ?? soonest(refusals),
): GatewayError {
  if (error === undefined) return new GatewayError('NO_CANDIDATE', 'nobody was asked')
  const own = error.details.retryDelayMs
  if (error.code !== 'UNAVAILABLE' || own === undefined) return error
  const waits = failures.flatMap(({ code, details: { retryDelayMs } }) =>
    code === 'UNAVAILABLE' && retryDelayMs !== undefined ? [retryDelayMs] : [],
  )
  const shortest = Math.min(own, ...waits)
  return shortest < own ? error.with({ retryDelayMs: shortest }) : error
}

/** The one that tells the shortest wait; one that tells none comes last. */
function soonest(errors: readonly GatewayError[]): GatewayError | undefined {
  const waitOf = ({ details }: GatewayError): number => details.retryDelayMs ?? Number.POSITIVE_INFINITY
  return errors.toSorted((a, b) => waitOf(a) - waitOf(b))[0]
}

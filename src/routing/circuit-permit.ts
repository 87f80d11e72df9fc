// The leave to ask a model once, and which of its outcomes are a matter of the circuit.
import type { Against, GatewayError, Reason } from '../core/errors.ts'

/** Leave to ask a model once. Every path ends in one of its three words; what comes twice or too late changes nothing. */
export interface Permit {
  /** The first good event, or a whole good answer: the outcome is good. */
  succeeded(): void
  /** It failed; counts only if the error counts against the provider. After `succeeded` it is one more failure: it broke. */
  failed(error: GatewayError): void
  /** Over without a verdict: it was cancelled, or nobody was asked. */
  release(): void
}

// What a failure counts against when its error does not say so. A reason that is not here never counts against a provider:
// a bad request fails everywhere, and a deadline or a cancel is the caller's choice.
const usually: Partial<Record<Reason, Against>> = {
  UPSTREAM_UNAVAILABLE: 'provider',
  UPSTREAM_BROKEN: 'provider',
  UPSTREAM_LIMITED: 'key',
  UPSTREAM_CREDENTIALS: 'key',
}

/**
 * Whether a failure speaks against asking this model again soon: overload, server errors, time-outs, connection failures and
 * broken answers do; what is wrong with a key, a request or our own side does not.
 */
export function countsAgainstCircuit({ reason, details }: GatewayError): boolean {
  const against = usually[reason]
  return against !== undefined && (details.against ?? against) === 'provider'
}

/** Where a permit's word goes. */
export interface PermitDeps {
  /** An outcome that counts. */
  readonly outcome: (isGood: boolean) => void
  /** It is over, and there was no such outcome. */
  readonly over: () => void
}

/** Makes a permit that hears each word once. */
export function createPermit({ outcome, over }: PermitDeps): Permit {
  let stage: 'running' | 'good' | 'over' = 'running'
  return {
    succeeded() {
      if (stage !== 'running') return
      stage = 'good'
      outcome(true)
    },
    failed(error) {
      if (stage === 'over') return
      stage = 'over'
      if (countsAgainstCircuit(error)) outcome(false)
      else over()
    },
    release() {
      if (stage === 'running') over()
      stage = 'over'
    },
  }
}

// What a call needs before it may ask somebody: a place among the calls at once, and leave by the circuit.
import { RouteSkip_Reason as Skip } from '#gen/exai/v1/route_pb'
import { GatewayError } from '../core/errors.ts'
import type { Candidate } from '../core/provider.ts'
import type { Circuits } from './circuit.ts'
import type { Permit } from './circuit-permit.ts'
import type { Lease, Leases } from './leases.ts'

/** Leave to ask, to be given back on every way out. */
export interface Admitted {
  readonly permit: Permit
  readonly lease: Lease
}

/** Nobody may be asked there now. */
export interface Refused {
  readonly reason: Skip
  /** Why, in words for the route. */
  readonly message: string
  /** What the call fails with when nobody else can be asked either. */
  readonly error: GatewayError
}

/** What admission looks at. */
export interface AdmissionDeps {
  readonly circuits: Pick<Circuits, 'admit' | 'refusal'>
  readonly leases: Pick<Leases, 'take'>
  readonly tenant: string
  readonly signal: AbortSignal
}

/** Admits a call to a candidate, at once unless it may wait for a place. Rejects only with the reason of the signal. */
export function admit(
  { provider, model }: Candidate,
  mayWait: boolean,
  { circuits, leases, tenant, signal }: AdmissionDeps,
): Admitted | Refused | Promise<Admitted | Refused> {
  const who = { provider: provider.id, model: model.id }

  function byCircuit(): Refused | undefined {
    const refusal = circuits.refusal(who.provider, who.model)
    if (refusal === undefined) return undefined
    const { message, retryAfterMs } = refusal
    const error = new GatewayError('UPSTREAM_UNAVAILABLE', `${who.provider}/${who.model}: ${message}`, {
      ...who,
      retryDelayMs: retryAfterMs,
      against: 'nobody',
    })
    return { reason: Skip.CIRCUIT_OPEN, message, error }
  }

  function withLease(lease: Lease | undefined): Admitted | Refused {
    if (lease === undefined) return busy(new GatewayError('OVERLOADED', `${who.provider} has no place`, who))
    const permit = circuits.admit(who.provider, who.model)
    if (permit !== undefined) return { permit, lease }
    lease.release()
    // Whoever waited for the place may find the circuit open by now.
    return byCircuit() ?? busy(new GatewayError('UPSTREAM_UNAVAILABLE', 'its circuit was just opened', who))
  }

  function failed(caught: unknown): Refused {
    if (signal.aborted) throw signal.reason
    return busy(GatewayError.from(caught))
  }

  const refused = byCircuit()
  if (refused !== undefined) return refused
  try {
    const taken = leases.take({ ...who, tenant }, { mayWait, signal })
    return taken instanceof Promise ? taken.then(withLease, failed) : withLease(taken)
  } catch (caught) {
    return failed(caught)
  }
}

function busy(error: GatewayError): Refused {
  return { reason: Skip.BUSY, message: 'as many calls run there as its limit allows', error }
}

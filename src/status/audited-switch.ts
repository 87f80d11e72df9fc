// Writes down who switched which circuits: the switch of the operators, with its entry in the audit log.
import type { Call } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import { uuidv7 } from '../core/ids.ts'
import type { Keys } from '../core/keys.ts'
import type { CircuitState } from '../routing/circuit-life.ts'
import type { CircuitSwitch, SwitchWish } from './circuit-switch.ts'

/** What an audited switch needs. */
export interface AuditedSwitchDeps {
  readonly keys: Pick<Keys, 'audit'>
  readonly clock: Clock
}

/** Switches circuits as `CircuitSwitch` does, and resolves when the entry is kept, too. */
export type AuditedSwitch = (
  call: Pick<Call, 'id' | 'caller'>,
  wish: SwitchWish,
) => Promise<readonly CircuitState[]>

/**
 * Makes the switch. What is refused is not written down. When the entry cannot be kept, the circuits are switched all the same
 * and the call fails: asking again changes nothing but the log.
 */
export function auditedSwitch(
  switchCircuits: CircuitSwitch | AuditedSwitch,
  { keys, clock }: AuditedSwitchDeps,
): AuditedSwitch {
  return async (call, wish) => {
    const states = await switchCircuits(call, wish)
    const { provider, model, action, reason, holdMs } = wish
    const at = clock.now()
    await keys.audit({
      id: uuidv7(at),
      at,
      tenant: call.caller.tenant,
      subject: call.caller.subject,
      requestId: call.id,
      action: 'circuit.set',
      target: model === '' ? provider : `${provider}/${model}`,
      details: {
        action,
        ...(reason === '' ? {} : { reason }),
        ...(holdMs === undefined ? {} : { hold_ms: String(holdMs) }),
      },
    })
    return states
  }
}

// The switch by which an operator opens, closes and resets circuits: who may, which ones are meant, and the line for the audit.
import type { Call } from '../core/call.ts'
import { GatewayError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { Routing } from '../routing/candidates.ts'
import type { Circuits } from '../routing/circuit.ts'
import type { CircuitAction, CircuitState } from '../routing/circuit-life.ts'

/** What an operator wants. */
export interface SwitchWish {
  readonly provider: string
  /** The exact id of a model. Empty: every one of the provider that has a circuit, and to open, every known one, too. */
  readonly model: string
  readonly action: CircuitAction
  /** For the log and the circuit's own reason; may be empty. */
  readonly reason: string
  /** How long an opening holds, in milliseconds. Absent: until something else is asked. */
  readonly holdMs?: number
}

/** What the switch works on. */
export interface CircuitSwitchDeps {
  readonly circuits: Circuits
  /** What new calls choose from now. */
  readonly routing: () => Pick<Routing, 'catalogue' | 'providers'>
  readonly log: Log
}

/** Switches circuits, and gives them back by model. */
export type CircuitSwitch = (call: Pick<Call, 'id' | 'caller'>, wish: SwitchWish) => readonly CircuitState[]

/**
 * Makes the switch. It throws PERMISSION_DENIED without the scope `admin`, INVALID_REQUEST for a provider that is not
 * configured and has no circuit, and MODEL_NOT_FOUND for a model that the provider does not have.
 */
export function createCircuitSwitch({ circuits, routing, log }: CircuitSwitchDeps): CircuitSwitch {
  /** The models that have a circuit, also those of a provider which the configuration has dropped. */
  function existing(provider: string): readonly string[] {
    return circuits.states().flatMap(state => (state.provider === provider ? [state.model] : []))
  }

  function meant({ provider, model, action }: SwitchWish): readonly string[] {
    const { catalogue, providers } = routing()
    const present = existing(provider)
    const isConfigured = providers.some(one => one.id === provider)
    if (!isConfigured && present.length === 0) {
      const ids = providers.map(one => one.id).join(', ')
      throw new GatewayError(
        'INVALID_REQUEST',
        `no provider has the id ${shown(provider)}; configured: ${ids}`,
      )
    }
    if (model === '') {
      // A model without a circuit is closed and has no window: only to hold it open does it need one.
      const known =
        action === 'open' && isConfigured ? [...catalogue.list(), ...catalogue.listed(provider)] : []
      const ids = known.flatMap(entry => (entry.provider === provider ? [entry.id] : []))
      return [...new Set([...present, ...ids])].sort()
    }
    if (present.includes(model)) return [model]
    const scope = { providers: isConfigured ? [provider] : [] }
    // An alias would name the circuit of a model that is never called by that name.
    if (catalogue.find(`${provider}/${model}`, scope).some(entry => entry.id === model)) return [model]
    throw new GatewayError('MODEL_NOT_FOUND', `${provider} has no model with the exact id ${shown(model)}`)
  }

  return (call, wish) => {
    const { caller } = call
    if (!caller.scopes.includes('admin'))
      throw new GatewayError('PERMISSION_DENIED', 'switching circuits needs the scope admin')
    const { provider, model, action, reason, holdMs } = wish
    const by = { reason, ...(holdMs === undefined ? {} : { holdMs }) }
    const states = meant(wish).map(id => circuits.set(provider, id, action, by))
    log.info('circuits switched', {
      request_id: call.id,
      tenant: caller.tenant,
      subject: caller.subject,
      provider,
      model,
      action,
      reason,
      ...(holdMs === undefined ? {} : { hold_ms: holdMs }),
      circuits: states.length,
    })
    return states
  }
}

function shown(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name)
}

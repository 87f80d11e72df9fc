// The state of the whole as the contract carries it.
import type { MessageInitShape } from '@bufbuild/protobuf'
import {
  type CircuitSchema,
  Circuit_State as CircuitStateValue,
  HealthState,
  ProviderKeyStatus_State as KeyStateValue,
  type ProviderKeyStatusSchema,
  type StatusSchema,
} from '#gen/exai/v1/status_pb'
import type { KeyTrouble } from '../core/errors.ts'
import type { CircuitStateName } from '../core/gateway-event.ts'
import type { ProviderKeyState } from '../core/provider.ts'
import { durationOf, timestampOf } from '../core/time.ts'
import type { CircuitState } from '../routing/circuit-life.ts'
import type { GatewayState, PartState, Wellness } from './state.ts'

/** Which process answers. */
export interface Process {
  readonly version: string
  /** Unique among replicas. */
  readonly instance: string
  /** How long it has been there, in milliseconds. */
  readonly uptimeMs: () => number
}

/** The message. */
export function statusMessage(
  state: GatewayState,
  { version, instance, uptimeMs }: Process,
): MessageInitShape<typeof StatusSchema> {
  return {
    state: WELLNESS[state.status],
    components: state.components.map(part => ({ name: part.name, ...partOf(part) })),
    providers: state.providers.map(one => ({
      provider: one.name,
      ...partOf(one),
      keys: one.keys.map(keyMessage),
    })),
    circuits: state.circuits.map(circuitMessage),
    stores: state.stores.map(one => ({
      name: one.name,
      ...partOf(one),
      ...(one.freeBytes === undefined ? {} : { freeBytes: BigInt(Math.floor(one.freeBytes)) }),
    })),
    backlog: {
      rowCount: state.backlog.rows,
      oldestAgeDuration: durationOf(state.backlog.ageMs),
      deadLetterCount: state.backlog.deadLetters,
    },
    configVersion: state.configVersion,
    version,
    instance,
    uptime: durationOf(uptimeMs()),
    updateTime: timestampOf(state.at),
    draining: state.isDraining,
  }
}

const WELLNESS: Readonly<Record<Wellness, HealthState>> = {
  healthy: HealthState.HEALTHY,
  degraded: HealthState.DEGRADED,
  unhealthy: HealthState.UNHEALTHY,
}

function partOf({ status, reason, sinceMs }: PartState) {
  return { state: WELLNESS[status], detail: reason, changeTime: timestampOf(sinceMs) }
}

const TROUBLES: Readonly<Record<KeyTrouble, { readonly state: KeyStateValue; readonly detail: string }>> = {
  auth: { state: KeyStateValue.REFUSED, detail: 'the provider does not accept it: check or replace it' },
  permission: { state: KeyStateValue.REFUSED, detail: 'it may not use the model: change its rights' },
  quota: { state: KeyStateValue.REFUSED, detail: 'its balance is used up: top it up' },
  plan_window: { state: KeyStateValue.COOLING_DOWN, detail: 'what its plan allows in this time is used up' },
  rate_limit: { state: KeyStateValue.COOLING_DOWN, detail: 'the provider limited its rate' },
  concurrency: { state: KeyStateValue.COOLING_DOWN, detail: 'as many calls run with it as it may' },
}

function keyMessage({ label, out }: ProviderKeyState): MessageInitShape<typeof ProviderKeyStatusSchema> {
  if (out === undefined) return { label, state: KeyStateValue.READY }
  return { label, ...TROUBLES[out.trouble], coolDownUntilTime: timestampOf(out.untilMs) }
}

const CIRCUIT_STATES: Readonly<Record<CircuitStateName, CircuitStateValue>> = {
  closed: CircuitStateValue.CLOSED,
  open: CircuitStateValue.OPEN,
  half_open: CircuitStateValue.HALF_OPEN,
}

/** The number of a circuit's state on the wire. */
export function circuitStateOf(state: CircuitStateName): CircuitStateValue {
  return CIRCUIT_STATES[state]
}

/** A circuit as the contract carries it. */
export function circuitMessage({
  state,
  sinceMs,
  probeAtMs,
  ...same
}: CircuitState): MessageInitShape<typeof CircuitSchema> {
  return {
    ...same,
    state: CIRCUIT_STATES[state],
    changeTime: timestampOf(sinceMs),
    ...(probeAtMs === undefined ? {} : { probeTime: timestampOf(probeAtMs) }),
  }
}

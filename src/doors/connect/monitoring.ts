// The monitoring service: each RPC reads its message, hands it on, and translates the answer.
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { ServiceImpl } from '@connectrpc/connect'
import {
  SetCircuitRequest_Action as Action,
  type MonitoringService,
  type SetCircuitRequest,
} from '#gen/exai/v1/monitoring_service_pb'
import { Circuit_State, type CircuitSchema } from '#gen/exai/v1/status_pb'
import { GatewayError } from '../../core/errors.ts'
import type { CircuitStateName } from '../../core/gateway-event.ts'
import { millisecondsOf, timestampOf } from '../../core/time.ts'
import type { UsageReport } from '../../metering/usage-report.ts'
import type { CircuitAction, CircuitState } from '../../routing/circuit-life.ts'
import type { AuditedSwitch } from '../../status/audited-switch.ts'
import type { CircuitSwitch, SwitchWish } from '../../status/circuit-switch.ts'
import { exchangeOf } from './served.ts'

/** What the door needs for the monitoring. Everything throws GatewayError. */
export interface Monitoring {
  /** Switches circuits, and gives back those that were switched. */
  readonly setCircuit: CircuitSwitch | AuditedSwitch
  /** Sums what was used, as far as the caller may see it. */
  readonly getUsage: UsageReport
}

/** The RPCs of the monitoring service that there are. */
export function monitoringService(monitoring: Monitoring): Partial<ServiceImpl<typeof MonitoringService>> {
  return {
    async setCircuit(request, context) {
      const circuits = await monitoring.setCircuit(exchangeOf(context), wishOf(request))
      return { circuits: circuits.map(circuitOf) }
    },
    getUsage: (request, context) => monitoring.getUsage(exchangeOf(context).caller, request),
  }
}

const REASON_CHARACTERS_MAX = 200

const actions: Partial<Record<Action, CircuitAction>> = {
  [Action.OPEN]: 'open',
  [Action.CLOSE]: 'close',
  [Action.RESET]: 'reset',
}

function wishOf({ provider, model, action, reason, holdDuration }: SetCircuitRequest): SwitchWish {
  if (provider === '') throw refused('provider is required: the id of a configured provider')
  const known = actions[action]
  if (known === undefined) throw refused('action is required: ACTION_OPEN, ACTION_CLOSE or ACTION_RESET')
  if ([...reason].length > REASON_CHARACTERS_MAX)
    throw refused(`reason must have at most ${REASON_CHARACTERS_MAX} characters`)
  const wish = { provider, model, action: known, reason }
  if (holdDuration === undefined) return wish
  if (known !== 'open') throw refused('hold_duration goes with ACTION_OPEN only: leave it out')
  const holdMs = millisecondsOf(holdDuration)
  if (!(holdMs > 0)) throw refused('hold_duration must be above zero')
  return { ...wish, holdMs }
}

function refused(message: string): GatewayError {
  return new GatewayError('INVALID_REQUEST', message)
}

const states: Record<CircuitStateName, Circuit_State> = {
  closed: Circuit_State.CLOSED,
  open: Circuit_State.OPEN,
  half_open: Circuit_State.HALF_OPEN,
}

function circuitOf({
  state,
  sinceMs,
  probeAtMs,
  ...same
}: CircuitState): MessageInitShape<typeof CircuitSchema> {
  return {
    ...same,
    state: states[state],
    changeTime: timestampOf(sinceMs),
    ...(probeAtMs === undefined ? {} : { probeTime: timestampOf(probeAtMs) }),
  }
}

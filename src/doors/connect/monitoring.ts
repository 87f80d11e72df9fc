// The monitoring service: each RPC reads its message, hands it on, and translates the answer.
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { ServiceImpl } from '@connectrpc/connect'
import {
  SetCircuitRequest_Action as Action,
  type GetStatusResponseSchema,
  type MonitoringService,
  type SetCircuitRequest,
} from '#gen/exai/v1/monitoring_service_pb'
import { GatewayError } from '../../core/errors.ts'
import { millisecondsOf } from '../../core/time.ts'
import type { UsageReport } from '../../metering/usage-report.ts'
import type { CircuitAction } from '../../routing/circuit-life.ts'
import type { AuditedSwitch } from '../../status/audited-switch.ts'
import type { CircuitSwitch, SwitchWish } from '../../status/circuit-switch.ts'
import type { RequestList } from '../../status/list-requests.ts'
import { circuitMessage } from '../../status/status-message.ts'
import type { EventWatches } from '../../status/watch-events.ts'
import type { StatusWatches } from '../../status/watch-status.ts'
import { exchangeOf } from './served.ts'

/** What the door needs for the monitoring. Everything throws GatewayError. */
export interface Monitoring {
  /** Switches circuits, and gives back those that were switched. */
  readonly setCircuit: CircuitSwitch | AuditedSwitch
  /** Sums what was used, as far as the caller may see it. */
  readonly getUsage: UsageReport
  /** The state of this process. */
  readonly getStatus: () => Promise<MessageInitShape<typeof GetStatusResponseSchema>>
  /** The state, now and after each change; it ends with its call only. */
  readonly watchStatus: StatusWatches['watch']
  /** What happens from now on, as far as the caller wants and may see it; it ends with its call only. */
  readonly watchEvents: EventWatches['watch']
  /** The recent calls, as far as the caller may see them. */
  readonly listRequests: RequestList
}

/** The RPCs of the monitoring service that there are. */
export function monitoringService(monitoring: Monitoring): ServiceImpl<typeof MonitoringService> {
  return {
    async setCircuit(request, context) {
      const circuits = await monitoring.setCircuit(exchangeOf(context), wishOf(request))
      return { circuits: circuits.map(circuitMessage) }
    },
    getUsage: (request, context) => monitoring.getUsage(exchangeOf(context).caller, request),
    getStatus: () => monitoring.getStatus(),
    watchStatus: (_, context) => monitoring.watchStatus(exchangeOf(context)),
    watchEvents: (request, context) => monitoring.watchEvents(exchangeOf(context), request),
    listRequests: (request, context) => monitoring.listRequests(exchangeOf(context).caller, request),
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

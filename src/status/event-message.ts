// An event as the contract carries it, and what filters go by: its kind, how much it matters, and whom it is about.
import type { MessageInitShape } from '@bufbuild/protobuf'
import {
  AttemptEvent_Phase as AttemptPhase,
  AttemptEvent_Cause as Cause,
  EventKind,
  type EventSchema,
  FileEvent_Action as FileAction,
  LimitEvent_Owner as Owner,
  Severity,
} from '#gen/exai/v1/event_pb'
import { Limit_Kind as LimitKindValue } from '#gen/exai/v1/key_pb'
import { RouteAttempt_Outcome as AttemptOutcome } from '#gen/exai/v1/route_pb'
import { wireReason } from '../core/errors.ts'
import type * as core from '../core/gateway-event.ts'
import type { LimitKind } from '../core/limits.ts'
import type { AttemptCause } from '../core/settlement.ts'
import { timestampOf } from '../core/time.ts'
import { resetAtMs } from '../metering/limit-windows.ts'
import type { CircuitState } from '../routing/circuit-life.ts'
import { requestMessage } from './request-message.ts'
import { circuitMessage, circuitStateOf } from './status-message.ts'

type EventInit = Extract<MessageInitShape<typeof EventSchema>, { readonly $typeName?: never }>

/** An event, ready to be sent. */
export interface SeenEvent {
  readonly kind: EventKind
  readonly severity: Severity
  /** Empty: it concerns the service as a whole, or a call of nobody who is known. */
  readonly tenant: string
  readonly requestId: string
  /** Which providers it is about. */
  readonly providers: readonly string[]
  /** Whether it is about a call: then nobody but its tenant may see it. */
  readonly isOfCall: boolean
  readonly message: EventInit
}

/** What an event is made with. */
export interface EventMessageDeps {
  readonly newId: () => string
  readonly now: () => number
  /** The circuit of a model as it is now. */
  readonly circuit: (provider: string, model: string) => CircuitState | undefined
}

type Told = Omit<SeenEvent, 'message' | 'requestId' | 'isOfCall'> &
  Partial<Pick<SeenEvent, 'requestId' | 'isOfCall'>> & { readonly what: NonNullable<EventInit['kind']> }

/** Makes the message of an event. */
export function seenEvent(event: core.GatewayEvent, deps: EventMessageDeps): SeenEvent {
  const now = deps.now()
  const { what, requestId = '', isOfCall = false, ...told } = toldOf(event, deps, now)
  const { severity, tenant } = told
  const message = { id: deps.newId(), createTime: timestampOf(now), severity, tenant, requestId, kind: what }
  return { ...told, requestId, isOfCall, message }
}

function toldOf(event: core.GatewayEvent, deps: EventMessageDeps, now: number): Told {
  switch (event.type) {
    case 'request.started':
    case 'request.ended':
      return requestTold(event.request)
    case 'attempt.started':
    case 'attempt.ended':
      return attemptTold(event)
    case 'circuit.changed':
      return circuitTold(event, deps, now)
    case 'limit.refused':
    case 'limit.near':
      return limitTold(event, now)
    case 'file.changed':
      return fileTold(event)
    case 'config.taken':
    case 'config.refused': {
      const problems = event.type === 'config.refused' ? event.problems : []
      const accepted = event.type === 'config.taken'
      return {
        kind: EventKind.CONFIG,
        severity: accepted ? Severity.INFO : Severity.ERROR,
        tenant: '',
        providers: [],
        what: { case: 'config', value: { accepted, configVersion: event.version, problems: [...problems] } },
      }
    }
    case 'alert.began':
    case 'alert.ended':
      return alertTold(event)
    default:
      return event satisfies never
  }
}

function requestTold(record: core.CallRecord): Told {
  const isTheirFault = record.origin === 'client'
  const failed = isTheirFault ? Severity.WARNING : Severity.ERROR
  return {
    kind: EventKind.REQUEST,
    severity: record.stand === 'failed' ? failed : Severity.INFO,
    tenant: record.tenant,
    requestId: record.requestId,
    providers: [...new Set((record.route?.attempts ?? []).map(({ provider = '' }) => provider))],
    isOfCall: true,
    what: { case: 'request', value: { request: requestMessage(record) } },
  }
}

const CAUSES: Readonly<Record<AttemptCause, Cause>> = {
  first: Cause.FIRST,
  retry: Cause.RETRY,
  fallback: Cause.FALLBACK,
  hedge: Cause.HEDGE,
  repair: Cause.REPAIR,
}

function attemptTold({ type, requestId, tenant, index, cause, attempt }: core.AttemptEvent): Told {
  const { provider = '', model = '', keyLabel = '', outcome, startOffsetDuration } = attempt
  const isEnd = type === 'attempt.ended'
  const isBad = isEnd && (outcome === AttemptOutcome.FAILED || outcome === AttemptOutcome.BROKEN)
  return {
    kind: EventKind.ATTEMPT,
    severity: isBad ? Severity.WARNING : Severity.INFO,
    tenant,
    requestId,
    providers: [provider],
    isOfCall: true,
    what: {
      case: 'attempt',
      value: {
        phase: isEnd ? AttemptPhase.ENDED : AttemptPhase.STARTED,
        attempt: isEnd ? attempt : { provider, model, keyLabel, startOffsetDuration },
        index,
        cause: CAUSES[cause],
      },
    },
  }
}

function circuitTold(
  event: Extract<core.GatewayEvent, { type: 'circuit.changed' }>,
  { circuit }: EventMessageDeps,
  now: number,
): Told {
  const { provider, model, from, to, reason } = event
  const known = circuit(provider, model)
  const message =
    known?.state === to
      ? circuitMessage(known)
      : { provider, model, state: circuitStateOf(to), reason, changeTime: timestampOf(now) }
  return {
    kind: EventKind.CIRCUIT,
    severity: to === 'open' ? Severity.WARNING : Severity.INFO,
    tenant: '',
    providers: [provider],
    what: { case: 'circuit', value: { circuit: message, previousState: circuitStateOf(from) } },
  }
}

const LIMIT_KINDS: Readonly<Record<LimitKind, LimitKindValue>> = {
  requests_per_minute: LimitKindValue.REQUESTS_PER_MINUTE,
  tokens_per_minute: LimitKindValue.TOKENS_PER_MINUTE,
  concurrent_calls: LimitKindValue.CONCURRENT_CALLS,
  day_budget: LimitKindValue.DAY_BUDGET,
  month_budget: LimitKindValue.MONTH_BUDGET,
  stored_bytes: LimitKindValue.STORED_BYTES,
}

function limitTold(event: core.LimitEvent, now: number): Told {
  const { type, kind, tenant, whose, owner = '', model, used, limit, requestId } = event
  const ofKey = /^key (.*)$/s.exec(whose)?.[1]
  const isRunning = kind === 'concurrent_calls' || kind === 'stored_bytes'
  return {
    kind: EventKind.LIMIT,
    severity: Severity.WARNING,
    tenant,
    // What is about everybody is seen by every tenant, and the call is somebody's.
    ...(tenant === '' || requestId === undefined ? {} : { requestId }),
    providers: [],
    what: {
      case: 'limit',
      value: {
        limit: { kind: LIMIT_KINDS[kind], value: BigInt(limit), model: model ?? '' },
        owner: ownerOf(event),
        ...(ofKey === undefined ? {} : { keyId: owner, keyLabel: ofKey }),
        usedValue: BigInt(Math.round(used)),
        refused: type === 'limit.refused',
        ...(isRunning ? {} : { resetTime: timestampOf(resetAtMs(kind, now)) }),
      },
    },
  }
}

function ownerOf({ tenant, owner = '', model }: core.LimitEvent): Owner {
  if (owner !== '') return Owner.KEY
  if (tenant !== '') return Owner.TENANT
  return model === undefined ? Owner.GATEWAY : Owner.MODEL
}

const FILE_ACTIONS: Readonly<Record<core.FileAction, FileAction>> = {
  created: FileAction.CREATED,
  deleted: FileAction.DELETED,
  expired: FileAction.EXPIRED,
  copied: FileAction.COPIED,
  copy_failed: FileAction.COPY_FAILED,
  copy_removed: FileAction.COPY_REMOVED,
}

function fileTold(event: core.FileEvent): Told {
  const { action, tenant, fileId, mimeType, sizeBytes, provider = '', error, requestId } = event
  return {
    kind: EventKind.FILE,
    severity: error === undefined ? Severity.INFO : Severity.WARNING,
    tenant,
    ...(requestId === undefined ? {} : { requestId }),
    providers: provider === '' ? [] : [provider],
    isOfCall: true,
    what: {
      case: 'file',
      value: {
        fileId,
        action: FILE_ACTIONS[action],
        mimeType,
        sizeBytes: BigInt(sizeBytes),
        provider,
        ...(error === undefined ? {} : { error: wireReason(error) }),
      },
    },
  }
}

function alertTold({ type, name, isGrave, message, tenant, provider, model }: core.AlertEvent): Told {
  const firing = type === 'alert.began'
  const grave = isGrave ? Severity.ERROR : Severity.WARNING
  return {
    kind: EventKind.ALERT,
    severity: firing ? grave : Severity.INFO,
    tenant,
    providers: provider === '' ? [] : [provider],
    what: { case: 'alert', value: { name, firing, message, provider, model } },
  }
}

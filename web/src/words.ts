// What the values of the contract are called on the page, and how much each matters.
import { FinishReason } from '#gen/exai/v1/chat_pb'
import { ErrorReason, ErrorReasonSchema } from '#gen/exai/v1/error_reason_pb'
import {
  AttemptEvent_Cause,
  type Event,
  EventKind,
  RequestRecord_Outcome as Outcome,
  Severity,
} from '#gen/exai/v1/event_pb'
import { RouteAttempt_Outcome, RouteSkip_Reason } from '#gen/exai/v1/route_pb'
import {
  Circuit_State,
  HealthState,
  ProviderKeyStatus_State,
  type ProviderStatus,
} from '#gen/exai/v1/status_pb'
import { Warning_Reason } from '#gen/exai/v1/warning_pb'

/** How a value is shown: each tone has a colour and a sign of its own. */
export type Tone = 'ok' | 'warn' | 'bad' | 'idle' | 'busy'

/** A word with its tone. */
export interface Word {
  readonly text: string
  readonly tone: Tone
}

type Words = Readonly<Record<number, Word>>

const UNKNOWN: Word = { text: 'unknown', tone: 'idle' }

const look =
  (words: Words) =>
  (value: number): Word =>
    words[value] ?? UNKNOWN

/** A state of health. */
export const healthWord = look({
  [HealthState.HEALTHY]: { text: 'healthy', tone: 'ok' },
  [HealthState.DEGRADED]: { text: 'degraded', tone: 'warn' },
  [HealthState.UNHEALTHY]: { text: 'unhealthy', tone: 'bad' },
})

/** A state of a circuit. */
export const circuitWord = look({
  [Circuit_State.CLOSED]: { text: 'closed', tone: 'ok' },
  [Circuit_State.OPEN]: { text: 'open', tone: 'bad' },
  [Circuit_State.HALF_OPEN]: { text: 'half-open', tone: 'warn' },
})

/** A state of a provider's key. */
export const keyWord = look({
  [ProviderKeyStatus_State.READY]: { text: 'ready', tone: 'ok' },
  [ProviderKeyStatus_State.COOLING_DOWN]: { text: 'cooling down', tone: 'warn' },
  [ProviderKeyStatus_State.REFUSED]: { text: 'refused', tone: 'bad' },
})

/** How a call stands or ended. */
export const outcomeWord = look({
  [Outcome.RUNNING]: { text: 'running', tone: 'busy' },
  [Outcome.SUCCEEDED]: { text: 'ok', tone: 'ok' },
  [Outcome.FAILED]: { text: 'failed', tone: 'bad' },
  [Outcome.CANCELLED]: { text: 'cancelled', tone: 'idle' },
  [Outcome.UNKNOWN]: { text: 'unknown end', tone: 'warn' },
})

/** How an attempt ended. */
export const attemptWord = look({
  [RouteAttempt_Outcome.SUCCEEDED]: { text: 'answered', tone: 'ok' },
  [RouteAttempt_Outcome.FAILED]: { text: 'failed', tone: 'bad' },
  [RouteAttempt_Outcome.BROKEN]: { text: 'broke', tone: 'bad' },
  [RouteAttempt_Outcome.CANCELLED]: { text: 'cancelled', tone: 'idle' },
})

/** How much an event matters. */
export const severityWord = look({
  [Severity.INFO]: { text: 'info', tone: 'idle' },
  [Severity.WARNING]: { text: 'warning', tone: 'warn' },
  [Severity.ERROR]: { text: 'error', tone: 'bad' },
})

const kinds: Readonly<Record<NonNullable<Event['kind']['case']>, EventKind>> = {
  request: EventKind.REQUEST,
  attempt: EventKind.ATTEMPT,
  circuit: EventKind.CIRCUIT,
  limit: EventKind.LIMIT,
  file: EventKind.FILE,
  config: EventKind.CONFIG,
  alert: EventKind.ALERT,
}

/** The kinds of events that the page knows, by the name that they have on it. */
export const eventKinds: readonly (readonly [string, EventKind])[] = Object.entries(kinds)

const causes: Readonly<Record<number, string>> = {
  [AttemptEvent_Cause.FIRST]: 'first',
  [AttemptEvent_Cause.RETRY]: 'retry',
  [AttemptEvent_Cause.FALLBACK]: 'fallback',
  [AttemptEvent_Cause.HEDGE]: 'hedge',
  [AttemptEvent_Cause.REPAIR]: 'repair',
}

/** Why an attempt was made; empty when that is not known. */
export const causeWord = (cause: number): string => causes[cause] ?? ''

const skips: Readonly<Record<number, string>> = {
  [RouteSkip_Reason.CAPABILITY]: 'cannot do it',
  [RouteSkip_Reason.POLICY]: 'not allowed',
  [RouteSkip_Reason.PRICE]: 'too dear',
  [RouteSkip_Reason.SHUTDOWN]: 'shut down',
  [RouteSkip_Reason.NO_KEY]: 'no usable key',
  [RouteSkip_Reason.CIRCUIT_OPEN]: 'circuit open',
  [RouteSkip_Reason.NOT_NEEDED]: 'not needed',
  [RouteSkip_Reason.SANDBOX]: 'only a sandbox',
  [RouteSkip_Reason.BUSY]: 'busy',
}

/** Why a candidate was not tried. */
export const skipWord = (reason: number): string => skips[reason] ?? 'skipped'

/** The reason of an error as the contract spells it, such as `UPSTREAM_LIMITED`; empty when there is none. */
export function reasonName(reason: ErrorReason | undefined): string {
  if (reason === undefined || reason === ErrorReason.UNSPECIFIED) return ''
  return ErrorReasonSchema.value[reason]?.localName ?? `reason ${reason}`
}

const warnings: Readonly<Record<number, string>> = {
  [Warning_Reason.DROPPED]: 'left out',
  [Warning_Reason.CLAMPED]: 'clamped',
  [Warning_Reason.CHANGED]: 'changed',
  [Warning_Reason.SCHEMA_EMULATED]: 'schema emulated',
  [Warning_Reason.HISTORY_TRIMMED]: 'history trimmed',
}

/** What happened to a part of a request. */
export const warningWord = (reason: number): string => warnings[reason] ?? 'notice'

const finishes: Readonly<Record<number, string>> = {
  [FinishReason.STOP]: 'complete',
  [FinishReason.LENGTH]: 'cut at the length limit',
  [FinishReason.TOOL_CALLS]: 'waits for tool results',
  [FinishReason.CONTENT_FILTER]: "cut by the provider's filter",
}

/** Why a model stopped. */
export const finishWord = (reason: number): string => finishes[reason] ?? 'ended'

/** Whether a provider was never set up: it is no trouble, as long as nobody wants it. */
export function isUnused({ state, keys }: ProviderStatus): boolean {
  return state === HealthState.UNHEALTHY && keys.length === 0
}

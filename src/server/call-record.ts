// A call as monitoring knows it, made of what its exchange has seen: while it runs, and when it has ended.
import type { Caller } from '../core/caller.ts'
import type { CallRecord, CallStand } from '../core/gateway-event.ts'
import type { Facts } from './call-facts.ts'
import type { Failure } from './report.ts'

/** A call that can be looked at, from its beginning to its end. */
export interface SeenCall {
  /** Name of the method, such as `exai.v1.ChatService/Complete`. */
  readonly method: string
  /** Where whoever follows the calls keeps this one; theirs alone. */
  slot?: number | undefined
  /** How it is now. */
  record(): CallRecord
}

/** Hears of calls. Nothing that it does may throw. */
export interface CallsSink {
  /** It is known who calls. */
  began(call: SeenCall): void
  /** Nothing of it runs any more, also not without its client. One that is refused before it has begun only ends. */
  ended(call: SeenCall): void
}

/** What is known of a call. */
export interface KnownCall {
  readonly id: string
  readonly asked: { readonly door: string; readonly method: string; readonly protocol: string }
  readonly caller: Caller
  readonly facts: Facts
  readonly failure: Failure | undefined
  /** In milliseconds since the Unix epoch. */
  readonly startedAt: number
  /** Bytes of the bodies so far, as they are without compression. */
  readonly requestBytes: number
  readonly responseBytes: number
}

// A caller may have named anything of any length; what is kept of ten thousand calls must not depend on that.
const NAME_CHARACTERS_MAX = 256

/** Makes the record; `durationMs` is absent while the call runs. */
export function callRecord(call: KnownCall, durationMs: number | undefined): CallRecord {
  const { id, asked, caller, facts } = call
  const isOver = durationMs !== undefined
  const failure = isOver ? call.failure : undefined
  const error = failure?.error
  const route = error?.details.route ?? facts.route?.()
  const isAnswered = isOver && (failure === undefined || facts.firstTokenMs !== undefined)
  return {
    requestId: id,
    responseId: facts.responseId ?? '',
    method: asked.method,
    door: asked.door === 'connect' ? asked.protocol : asked.door,
    tenant: caller.tenant,
    keyId: caller.key?.id ?? '',
    keyLabel: caller.key?.label ?? '',
    user: facts.user ?? '',
    conversationId: facts.conversationId ?? '',
    startedAt: call.startedAt,
    durationMs,
    overheadMs: isOver ? (facts.overheadMs ?? durationMs) : undefined,
    firstTokenMs: facts.firstOutputMs,
    isStreaming: facts.isStreaming ?? false,
    stand: standOf(failure, durationMs),
    error: error?.reason,
    origin: error?.origin,
    provider: isAnswered ? (facts.provider ?? '') : '',
    model: isAnswered ? (facts.model ?? '') : '',
    usage: isOver ? facts.usage : undefined,
    cost: isOver ? facts.cost : undefined,
    route: route === undefined ? undefined : named(route),
    isReplayed: facts.isReplayed ?? false,
    requestBytes: call.requestBytes,
    responseBytes: call.responseBytes,
  }
}

type RecordedRoute = NonNullable<CallRecord['route']>

function named(route: RecordedRoute): RecordedRoute {
  const { requestedModel = '' } = route
  const name = kept(requestedModel)
  return name === route.requestedModel ? route : { ...route, requestedModel: name }
}

function standOf(failure: Failure | undefined, durationMs: number | undefined): CallStand {
  if (durationMs === undefined) return 'running'
  if (failure === undefined) return 'succeeded'
  return failure.code === 'CANCELLED' || failure.code === 'DEADLINE_EXCEEDED' ? 'cancelled' : 'failed'
}

/** A slice of a string keeps the whole of it in memory; what is decoded from bytes is a string of its own. */
function kept(name: string): string {
  if (name.length <= NAME_CHARACTERS_MAX) return name
  return `${Buffer.from(name.slice(0, NAME_CHARACTERS_MAX)).toString()}…`
}

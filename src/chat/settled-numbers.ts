// What a settled call does to the metrics and to its log line: times, tokens, money, and how each attempt ended.
import type { Cost, Usage } from '#gen/exai/v1/usage_pb'
import type { Call } from '../core/call.ts'
import type { TokenCounts } from '../core/delta.ts'
import { type Reason, reasonOfWire } from '../core/errors.ts'
import type { CallOutcome } from '../core/settlement.ts'
import type { Attempt } from '../routing/attempt.ts'

/** What models are asked for, in the words of OpenTelemetry's conventions. */
export type Operation = 'chat' | 'embeddings'

/** Who was asked. */
export interface Asked {
  readonly provider: string
  readonly model: string
  /** What for. Absent: an answer to a chat. */
  readonly operation?: Operation | undefined
}

/** Numbers that a settled call moves. */
export interface ChatMetrics {
  tokens(asked: Asked, counts: TokenCounts): void
  cost(asked: Asked, nanoUsd: bigint): void
  /** Milliseconds from sending the request to its first output. */
  firstToken(asked: Asked, afterMs: number): void
  /** Milliseconds that a call spent in this service, and not waiting for a provider, in a queue or before a retry. */
  overhead(ms: number): void
  /** An attempt is over. Absent: nobody counts that. */
  attemptEnded?(attempt: Timed): void
  /** A chat is over for which somebody was asked; `firstTokenMs` from its start, absent without any output. */
  chatEnded?(chat: Timed & { readonly firstTokenMs?: number | undefined }): void
}

/** How long something of a model's took, and how it failed if it did. */
interface Timed extends Asked {
  readonly durationMs: number
  readonly error?: Reason | undefined
}

/** What of a call's end the numbers are made from. */
export interface EndedCall {
  readonly call: Call
  readonly responseId: string
  readonly attempts: readonly Attempt[]
  readonly answering: Attempt | undefined
  readonly outcome: CallOutcome
  readonly waitedMs?: number
  /** Absent: an answer to a chat was asked for. */
  readonly operation?: Operation | undefined
}

/** What one attempt used and cost. */
export interface BookedAttempt {
  readonly attempt: Attempt
  readonly usage: Usage
  readonly cost: Cost
}

/** Who an attempt asks. */
export function askedOf({ candidate }: Attempt): Asked {
  return { provider: candidate.provider.id, model: candidate.model.id }
}

/** Moves the metrics by what a call did, and tells its log line. */
export function observe(
  { call, attempts, answering, responseId, outcome, waitedMs = 0, operation }: EndedCall,
  booked: readonly BookedAttempt[],
  { usage, cost }: { readonly usage?: Usage; readonly cost?: Cost },
  durationMs: number,
  metrics: ChatMetrics,
): void {
  const by = (attempt: Attempt): Asked => ({
    ...askedOf(attempt),
    ...(operation === undefined ? {} : { operation }),
  })
  const overheadMs = Math.max(0, durationMs - attemptingMs(attempts) - waitedMs)
  metrics.overhead(overheadMs)
  for (const attempt of attempts) {
    const firstTokenMs = attempt.firstTokenMs()
    if (firstTokenMs !== undefined) metrics.firstToken(by(attempt), firstTokenMs)
    metrics.attemptEnded?.({
      ...by(attempt),
      durationMs: attempt.durationMs(),
      error: reasonOfWire(attempt.record().error ?? 0),
    })
  }
  for (const one of booked) {
    metrics.tokens(by(one.attempt), one.usage)
    if (one.cost.known) metrics.cost(by(one.attempt), one.cost.nanoUsd)
  }
  const last = answering ?? attempts.at(-1)
  if (last === undefined) return
  const firstTokenMs = last.firstTokenMs()
  const first = firstOutputOf(call, attempts)
  metrics.chatEnded?.({
    ...by(last),
    durationMs,
    error: outcome.type === 'completed' ? undefined : outcome.reason,
    firstTokenMs: first.firstOutputMs,
  })
  call.note({
    ...askedOf(last),
    responseId,
    attempts: attempts.length,
    overheadMs,
    ...(usage === undefined
      ? {}
      : { inputTokens: usage.inputTokens, outputTokens: usage.outputTokens, usage }),
    ...(cost === undefined ? {} : { cost }),
    ...(cost?.known === true ? { nanoUsd: cost.nanoUsd } : {}),
    ...(firstTokenMs === undefined ? {} : { firstTokenMs }),
    ...first,
  })
}

/** When the first of them wrote something, counted from the beginning of the call. */
function firstOutputOf(call: Call, attempts: readonly Attempt[]): { readonly firstOutputMs?: number } {
  let firstMs = Number.POSITIVE_INFINITY
  for (const one of attempts) {
    const afterMs = one.firstTokenMs()
    if (afterMs === undefined) continue
    const beforeSendingMs = one.durationMs() - (one.sentMs() ?? one.durationMs())
    firstMs = Math.min(firstMs, one.startedAtMs + beforeSendingMs + afterMs - call.startedAtMs)
  }
  return firstMs === Number.POSITIVE_INFINITY ? {} : { firstOutputMs: firstMs }
}

/** Milliseconds in which at least one attempt ran: a hedge runs beside another one, and its time is not spent twice. */
function attemptingMs(attempts: readonly Attempt[]): number {
  let sumMs = 0
  let untilMs = Number.NEGATIVE_INFINITY
  // They are in the order in which they began.
  for (const { startedAtMs, durationMs } of attempts) {
    const endMs = startedAtMs + durationMs()
    sumMs += Math.max(0, endMs - Math.max(startedAtMs, untilMs))
    untilMs = Math.max(untilMs, endMs)
  }
  return sumMs
}

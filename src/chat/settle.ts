// The end of every call, whatever happened to it: what it used, what it cost, and one value into the journal.
import type { MessageInitShape } from '@bufbuild/protobuf'
import { create } from '@bufbuild/protobuf'
import { type Message, MessageSchema } from '#gen/exai/v1/chat_pb'
import type { CompleteRequest } from '#gen/exai/v1/chat_service_pb'
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import { RouteAttempt_Outcome, RouteAttemptSchema } from '#gen/exai/v1/route_pb'
import {
  type Cost,
  CostSchema,
  Usage_Provenance as Provenance,
  type Usage,
  UsageSchema,
} from '#gen/exai/v1/usage_pb'
import type { Catalogue } from '../catalogue/catalogue.ts'
import type { Call } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import { soundCounts, type TokenCounts } from '../core/delta.ts'
import type { Candidate } from '../core/provider.ts'
import type { CallOutcome, Journal } from '../core/settlement.ts'
import type { TokenCounter } from '../metering/count.ts'
import type { Attempt } from '../routing/attempt.ts'
import type { Answer } from './answer.ts'
import { countedRequest } from './texts.ts'
import { REQUEST_LIMITS } from './validate.ts'

/** Who was asked. */
interface Asked {
  readonly provider: string
  readonly model: string
}

/** Numbers that a settled call moves. */
export interface ChatMetrics {
  tokens(asked: Asked, counts: TokenCounts): void
  cost(asked: Asked, nanoUsd: bigint): void
  /** Milliseconds from the start of the attempt to its first output. */
  firstToken(asked: Asked, afterMs: number): void
  /** Milliseconds that a call spent in this service and not with a provider. */
  overhead(ms: number): void
}

/** What settling needs. */
export interface SettleDeps {
  readonly journal: Journal
  readonly counter: TokenCounter
  readonly metrics: ChatMetrics
  readonly clock: Clock
}

/** What is known of a call at its end. */
export interface Ended {
  readonly call: Call
  readonly request: CompleteRequest
  /** The configuration that the call began with: its prices count. */
  readonly routing: { readonly catalogue: Catalogue }
  readonly messages: readonly Message[]
  readonly responseId: string
  readonly attempts: readonly Attempt[]
  /** The attempt whose answer was passed on; absent when nobody answered. */
  readonly answering: Attempt | undefined
  readonly answer: Answer
  readonly outcome: CallOutcome
}

/** What a call used and cost; absent when nobody can have billed it. */
export interface Settled {
  readonly usage?: Usage
  readonly cost?: Cost
}

/** Settles a call: books it, moves the metrics, and resolves once the journal has it. Throws what the journal throws. */
export async function settle(ended: Ended, deps: SettleDeps): Promise<Settled> {
  const { call, answer, attempts, outcome } = ended
  const last = ended.answering ?? attempts.at(-1)
  const usage = await usageOf(ended, last, deps.counter)
  const cost =
    usage === undefined || last === undefined
      ? undefined
      : priced(last.candidate, usage, ended.routing.catalogue)
  const origin =
    last === undefined ? undefined : { provider: last.candidate.provider.id, model: last.candidate.model.id }
  const durationMs = deps.clock.monotonic() - call.startedAtMs
  observe(ended, last, usage, cost, durationMs, deps.metrics)
  await deps.journal.commit({
    responseId: ended.responseId,
    requestId: call.id,
    caller: call.caller,
    requestedModel: keptName(ended.request.model),
    ...(ended.answering === undefined || origin === undefined ? {} : { answeredBy: origin }),
    outcome,
    attempts: attempts.map(attempt => create(RouteAttemptSchema, attempt.record())),
    ...(usage === undefined ? {} : { usage }),
    ...(cost === undefined ? {} : { cost }),
    ...(origin !== undefined && answer.hasOutput()
      ? { answer: create(MessageSchema, answer.message(origin, outcome.type !== 'completed')) }
      : {}),
    startedAt: deps.clock.now() - durationMs,
    durationMs,
  })
  return { ...(usage === undefined ? {} : { usage }), ...(cost === undefined ? {} : { cost }) }
}

/** The name that was asked for, as far as names go: a refused request may have put anything of any length there. */
function keptName(model: string): string {
  if (model.length <= REQUEST_LIMITS.nameCharacters) return model
  // A slice of a string keeps the whole of it in memory; what is decoded from bytes is a string of its own.
  return `${Buffer.from(model.slice(0, REQUEST_LIMITS.nameCharacters)).toString()}…`
}

/**
 * Reported numbers where there are some. Without them the call is counted here if a provider may bill it: it answered,
 * its answer broke, or it was asked and the call ended before it could say no.
 */
async function usageOf(
  ended: Ended,
  last: Attempt | undefined,
  counter: TokenCounter,
): Promise<Usage | undefined> {
  const counts = ended.answer.counts()
  if (counts !== undefined) {
    const provenance = ended.outcome.type === 'completed' ? Provenance.REPORTED : Provenance.PARTIAL
    return create(UsageSchema, { ...counts, provenance })
  }
  const record = last?.record()
  if (record === undefined) return undefined
  const isRefused =
    record.outcome === RouteAttempt_Outcome.FAILED && record.error !== ErrorReason.UPSTREAM_BROKEN
  if (isRefused) return undefined
  const input = await counter.countRequest(countedRequest(ended.request, ended.messages))
  const output = await counter.countText(ended.answer.writtenTexts().join('\n'))
  const counted = {
    inputTokens: input.tokens,
    cachedInputTokens: 0,
    cacheWriteTokens: 0,
    outputTokens: output.tokens,
    reasoningTokens: 0,
  }
  return create(UsageSchema, { ...soundCounts(counted), provenance: Provenance.ESTIMATED })
}

function priced(candidate: Candidate, usage: Usage, catalogue: Catalogue): Cost {
  const { nanoUsd, known, lines, priceVersion } = catalogue.cost(candidate.model, usage)
  const by = { provider: candidate.provider.id, model: candidate.model.id }
  return create(CostSchema, {
    nanoUsd,
    known,
    priceVersion: known ? priceVersion : '',
    lines: lines.map(
      (
        line,
      ): MessageInitShape<typeof CostSchema>['lines'] extends readonly (infer L)[] | undefined
        ? L
        : never => ({ ...line, ...by }),
    ),
  })
}

function observe(
  ended: Ended,
  last: Attempt | undefined,
  usage: Usage | undefined,
  cost: Cost | undefined,
  durationMs: number,
  metrics: ChatMetrics,
): void {
  const { call, attempts } = ended
  const upstreamMs = attempts.reduce((sum, attempt) => sum + attempt.durationMs(), 0)
  metrics.overhead(Math.max(0, durationMs - upstreamMs))
  if (last === undefined) return
  const by = { provider: last.candidate.provider.id, model: last.candidate.model.id }
  const firstTokenMs = last.firstTokenMs()
  if (firstTokenMs !== undefined) metrics.firstToken(by, firstTokenMs)
  if (usage !== undefined) metrics.tokens(by, usage)
  if (cost?.known === true) metrics.cost(by, cost.nanoUsd)
  call.note({
    ...by,
    responseId: ended.responseId,
    attempts: attempts.length,
    ...(usage === undefined ? {} : { inputTokens: usage.inputTokens, outputTokens: usage.outputTokens }),
    ...(cost?.known === true ? { nanoUsd: cost.nanoUsd } : {}),
    ...(firstTokenMs === undefined ? {} : { firstTokenMs }),
  })
}

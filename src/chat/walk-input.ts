// What a planned call walks along its candidates with.
import type { CompleteRequest } from '#gen/exai/v1/chat_service_pb'
import { reasonOfWire } from '../core/errors.ts'
import type { EventSink } from '../core/gateway-event.ts'
import type { ModelRate } from '../core/model.ts'
import type { Candidate } from '../core/provider.ts'
import type { AttemptEnd } from '../core/trace.ts'
import type { AttemptNeed } from '../metering/attempt-amounts.ts'
import type { Attempt } from '../routing/attempt.ts'
import { needsOf } from '../routing/capabilities.ts'
import { maxCostOf, worstCaseOf } from '../routing/fit.ts'
import type { AttemptSink, WalkInput } from '../routing/walk-call.ts'
import { trimWarning } from './conversation.ts'
import { anotherKeyHelps, requestFor } from './plan.ts'
import { chatFor, type Run } from './response.ts'

/** The way of a call whose plan is made. */
export function walkInputOf(run: Run, stream: boolean, onEvent?: EventSink): WalkInput {
  const { call, signal, request, plan } = run
  return {
    candidates: plan.candidates,
    signal,
    startedAtMs: call.startedAtMs,
    deadlineAtMs: call.deadlineAtMs,
    tenant: call.caller.tenant,
    question: questionOf(run, request, stream),
    isStream: stream,
    anotherKeyHelps,
    mayAfford: mayAffordOf(run),
    reserve: reserveOf(run, request),
    isIdempotent: request.idempotencyKey !== '',
    mayChangeMind: (request.routing?.fallbackModels.length ?? 0) > 0,
    mayHedge: request.routing?.hedge === true,
    ...attemptSink(run, onEvent),
  }
}

/** What of a call its attempts are told with. */
type Heard = Pick<Run, 'call' | 'walk'>

/** Who hears of the attempts of a call; nobody, where it is neither traced nor watched. */
export function attemptSink(
  run: Heard,
  onEvent: EventSink | undefined,
): { readonly onAttempt?: AttemptSink } {
  const { trace } = run.call
  const tell = onEvent === undefined ? undefined : tellerOf(run, onEvent)
  if (trace === undefined) return tell === undefined ? {} : { onAttempt: tell }
  return {
    onAttempt(attempt, phase) {
      tell?.(attempt, phase)
      if (phase !== 'started') trace.attemptEnded(attempt.candidate, attemptEnd(attempt))
    },
  }
}

function attemptEnd(attempt: Attempt): AttemptEnd {
  const { error = 0, upstreamStatus } = attempt.record()
  return {
    error: reasonOfWire(error),
    status: upstreamStatus,
    counts: attempt.counts(),
    firstTokenMs: attempt.firstTokenMs(),
    cause: attempt.cause,
  }
}

function tellerOf(run: Heard, onEvent: EventSink): AttemptSink {
  const { id: requestId, caller } = run.call
  return (attempt, phase) =>
    onEvent({
      type: phase === 'started' ? 'attempt.started' : 'attempt.ended',
      requestId,
      tenant: caller.tenant,
      index: Math.max(0, run.walk?.attempts.indexOf(attempt) ?? 0),
      cause: attempt.cause,
      attempt: attempt.record(),
    })
}

/** What each candidate is asked. */
export function questionOf(run: Run, request: CompleteRequest, isStream = true): WalkInput['question'] {
  return (candidate, warn, outputCap) => {
    const { messages, leftOut } = chatFor(run, candidate)
    const trimmed = trimWarning(leftOut, candidate.model)
    if (trimmed !== undefined) warn(trimmed)
    const asks = {
      request: requestFor(candidate, request, warn, messages, outputCap),
      messages,
      files: run.files,
    }
    const { trace } = run.call
    if (trace === undefined) return asks
    const asked = { provider: candidate.provider.id, model: candidate.model.id, isStream }
    return { ...asks, trace: trace.attemptBegan(candidate, asked) }
  }
}

/** What asking a candidate may take of the caller's limits, beside so many tokens that it goes on with. */
export function reserveOf(
  {
    call,
    limits,
    plan,
    messages,
    files,
  }: Pick<Run, 'limits' | 'plan' | 'messages' | 'files'> & {
    readonly call: Pick<Run['call'], 'id'>
  },
  request: CompleteRequest,
  prefillTokens = 0,
): WalkInput['reserve'] {
  if (limits === undefined) return undefined
  const { inputTokens, uncounted } = plan
  const needs = needsOf(request, messages, files?.stored)
  const needOf = ({ model, provider }: Candidate, tokens: number | undefined): AttemptNeed => ({
    model,
    requestId: call.id,
    ...worstCaseOf(request, model, {
      inputTokens: tokens === undefined ? undefined : tokens + prefillTokens,
      needs,
      searchRounds: provider.searchRounds,
      repairs: provider.repairs?.(request),
    }),
  })
  if (uncounted === undefined) return candidate => limits.reserve(needOf(candidate, inputTokens))
  return candidate => {
    const most = needOf(candidate, uncounted.most)
    return limits.reserve({
      ...most,
      cost: isRising(candidate.model) ? most.cost : () => undefined,
      counted: async () => needOf(candidate, await uncounted.count()),
    })
  }
}

/** Whether more input never costs less with a model: each tier of its price is at least as dear as the one before. */
function isRising({ price }: Candidate['model']): boolean {
  let before: ModelRate | undefined = price
  for (const tier of price?.tiers ?? []) {
    if (before === undefined || tier.output < before.output || dearest(tier) < dearest(before)) return false
    before = tier
  }
  return true
}

function dearest({ input, cachedInput = input, cacheWrite = input }: ModelRate): bigint {
  const cached = cachedInput > cacheWrite ? cachedInput : cacheWrite
  return cached > input ? cached : input
}

/** The ceiling is that of the call: what may be billed already counts as if it took the most that it can. */
function mayAffordOf({ request, messages, files, plan: { inputTokens } }: Run): WalkInput['mayAfford'] {
  const ceiling = request.routing?.maxCostNanoUsd
  if (ceiling === undefined || inputTokens === undefined) return undefined
  const needs = needsOf(request, messages, files?.stored)
  const most = ({ model }: Candidate): bigint | undefined => maxCostOf(request, model, inputTokens, needs)
  return (candidate, billed) => {
    let sum = 0n
    for (const one of [candidate, ...billed]) {
      const cost = most(one)
      if (cost === undefined) return false
      sum += cost
    }
    return sum <= ceiling
  }
}

// What a planned call walks along its candidates with.
import type { CompleteRequest } from '#gen/exai/v1/chat_service_pb'
import type { ModelRate } from '../core/model.ts'
import type { Candidate } from '../core/provider.ts'
import type { AttemptNeed } from '../metering/attempt-amounts.ts'
import { needsOf } from '../routing/capabilities.ts'
import { maxCostOf, worstCaseOf } from '../routing/fit.ts'
import type { WalkInput } from '../routing/walk-call.ts'
import { trimWarning } from './conversation.ts'
import { anotherKeyHelps, requestFor } from './plan.ts'
import { chatFor, type Run } from './response.ts'

/** The way of a call whose plan is made. */
export function walkInputOf(run: Run, stream: boolean): WalkInput {
  const { call, signal, request, plan } = run
  return {
    candidates: plan.candidates,
    signal,
    deadlineAtMs: call.deadlineAtMs,
    tenant: call.caller.tenant,
    question: questionOf(run, request),
    isStream: stream,
    anotherKeyHelps,
    mayAfford: mayAffordOf(run),
    reserve: reserveOf(run, request),
    isIdempotent: request.idempotencyKey !== '',
    mayChangeMind: (request.routing?.fallbackModels.length ?? 0) > 0,
    mayHedge: request.routing?.hedge === true,
  }
}

/** What each candidate is asked. */
export function questionOf(run: Run, request: CompleteRequest): WalkInput['question'] {
  return (candidate, warn, outputCap) => {
    const { messages, leftOut } = chatFor(run, candidate)
    const trimmed = trimWarning(leftOut, candidate.model)
    if (trimmed !== undefined) warn(trimmed)
    return {
      request: requestFor(candidate, request, warn, messages, outputCap),
      messages,
      files: run.files,
    }
  }
}

/** What asking a candidate may take of the caller's limits, beside so many tokens that it goes on with. */
export function reserveOf(
  { limits, plan, messages, files }: Pick<Run, 'limits' | 'plan' | 'messages' | 'files'>,
  request: CompleteRequest,
  prefillTokens = 0,
): WalkInput['reserve'] {
  if (limits === undefined) return undefined
  const { inputTokens, uncounted } = plan
  const needs = needsOf(request, messages, files?.stored)
  const needOf = (model: Candidate['model'], tokens: number | undefined): AttemptNeed => ({
    model,
    ...worstCaseOf(request, model, {
      inputTokens: tokens === undefined ? undefined : tokens + prefillTokens,
      needs,
    }),
  })
  if (uncounted === undefined) return ({ model }) => limits.reserve(needOf(model, inputTokens))
  return ({ model }) => {
    const most = needOf(model, uncounted.most)
    return limits.reserve({
      ...most,
      cost: isRising(model) ? most.cost : () => undefined,
      counted: async () => needOf(model, await uncounted.count()),
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

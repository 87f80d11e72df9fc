// What a planned call walks along its candidates with.
import type { CompleteRequest } from '#gen/exai/v1/chat_service_pb'
import type { Candidate } from '../core/provider.ts'
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
  { limits, plan, messages, files }: Run,
  request: CompleteRequest,
  prefillTokens = 0,
): WalkInput['reserve'] {
  if (limits === undefined) return undefined
  const inputTokens = plan.inputTokens === undefined ? undefined : plan.inputTokens + prefillTokens
  const needs = needsOf(request, messages, files?.stored)
  return ({ model }) => limits.reserve({ model, ...worstCaseOf(request, model, { inputTokens, needs }) })
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

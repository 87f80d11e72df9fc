// What a planned call walks along its candidates with.
import type { WalkInput } from '../routing/walk.ts'
import { isWorthAsking, requestFor } from './plan.ts'
import type { Run } from './response.ts'

/** The way of a call whose plan is made. */
export function walkInputOf({ call, signal, request, plan, messages }: Run, stream: boolean): WalkInput {
  return {
    candidates: plan.candidates,
    signal,
    deadlineAtMs: call.deadlineAtMs,
    tenant: call.caller.tenant,
    question: (candidate, warn) => ({ request: requestFor(candidate, request, warn, messages), messages }),
    isStream: stream,
    isWorthAsking,
    isIdempotent: request.idempotencyKey !== '',
    mayChangeMind: (request.routing?.fallbackModels.length ?? 0) > 0,
    mayHedge: request.routing?.hedge === true,
  }
}

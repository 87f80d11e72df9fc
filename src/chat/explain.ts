// What would be asked for a request, and why: the plan of Complete, without asking anybody.
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { CompleteRequest, ExplainRouteResponseSchema } from '#gen/exai/v1/chat_service_pb'
import type { Call } from '../core/call.ts'
import type { Limits } from '../metering/limits.ts'
import type { Affinity } from '../routing/affinity.ts'
import { listCandidates, type Routing } from '../routing/candidates.ts'
import { needsOf } from '../routing/capabilities.ts'
import { maxCostOf } from '../routing/fit.ts'
import { usesAuto } from '../routing/names.ts'
import { type JoinDeps, joinChat } from './conversation.ts'
import { freshOf, neededTokens, type PlanDeps } from './plan.ts'
import { checkLength, checkTools } from './policy.ts'
import { countedRequest, countTokensOf } from './texts.ts'
import { validateRequest } from './validate.ts'

/** The most that the answer has room for. */
const TOKENS_MAX = 2 ** 31 - 1
/** The same for money. */
const NANO_USD_MAX = 2n ** 63n - 1n

/** What a route is explained with. */
export interface ExplainDeps extends Omit<PlanDeps, 'kept' | 'conversation' | 'limits' | 'stored'> {
  readonly routing: Routing
  /** What callers may ask for. Absent: everything. */
  readonly limits?: Pick<Limits, 'of'> | undefined
  readonly conversations: JoinDeps['conversations']
  readonly files?: JoinDeps['files']
  /** Knows with which models conversations are. Absent: nobody does. */
  readonly affinity?: Pick<Affinity, 'of'> | undefined
}

/**
 * Says who would be asked for a request, in order, and who not. Throws what Complete throws before it asks anybody; only
 * where everybody is skipped, it tells why instead.
 */
export async function explainRoute(
  call: Call,
  request: CompleteRequest,
  { routing, counter, conversations, files, affinity, limits }: ExplainDeps,
): Promise<MessageInitShape<typeof ExplainRouteResponseSchema>> {
  validateRequest(request)
  const policies = limits?.of(call.caller)?.policies ?? []
  checkTools(request, policies)
  const { now } = routing
  const {
    messages,
    files: found,
    conversation,
  } = await joinChat(call.caller.tenant, request, {
    conversations,
    files,
    routing,
    now,
    signal: call.signal,
  })
  const stored = found?.stored
  const fresh = countedRequest(request, conversation === undefined ? messages : freshOf(conversation), stored)
  const tokens = (await countTokensOf(fresh, counter, call.signal)) + (conversation?.tokens ?? 0)
  checkLength(tokens, policies)
  const kept = usesAuto(request) ? await affinity?.of(call.caller.tenant, request, messages) : undefined
  const { candidates, skipped } = listCandidates(request, routing, {
    inputTokens: tokens,
    neededTokens: conversation && neededTokens(request, conversation, tokens),
    messages,
    kept,
    policies,
    stored,
  })
  const needs = needsOf(request, messages, stored)
  return {
    requestedModel: request.model,
    candidates: candidates.map(({ provider, model, reason }) => {
      const cost = maxCostOf(request, model, tokens, needs)
      return {
        provider: provider.id,
        model: model.id,
        reason,
        ...(cost === undefined ? {} : { maxCostNanoUsd: cost < NANO_USD_MAX ? cost : NANO_USD_MAX }),
      }
    }),
    skipped: [...skipped],
    configVersion: routing.configVersion,
    inputTokens: Math.min(tokens, TOKENS_MAX),
  }
}

// The plan of an embedding: wherever the one model is served that is named, counting tokens only where their number matters.
import type { CompleteRequest } from '#gen/exai/v1/chat_service_pb'
import { checkLength } from '../chat/policy.ts'
import type { TokenCounter } from '../metering/count.ts'
import type { CallerLimits } from '../metering/limits.ts'
import { type Plan, planRoute, type Routing } from '../routing/candidates.ts'
import { lengthProblem } from '../routing/fit.ts'

/** What an embedding is planned with. */
export interface EmbedPlanDeps {
  readonly routing: Routing
  readonly counter: TokenCounter
  /** The limits of the caller. Absent: none. */
  readonly limits: CallerLimits | undefined
  readonly signal: AbortSignal
}

/**
 * Plans an embedding of some texts; `request` is what it has in common with a chat. Throws what `planRoute` throws,
 * PERMISSION_DENIED for more tokens than the caller may send, and the signal's reason once it is aborted.
 */
export async function planEmbedding(
  request: CompleteRequest,
  inputs: readonly string[],
  { routing, counter, limits, signal }: EmbedPlanDeps,
): Promise<Plan> {
  const policies = limits?.policies
  const facts = { task: 'embed', policies } as const
  const listed = planRoute(request, routing, facts)
  // As many tokens as characters: more than any text has that is written by people.
  const long = inputs.filter(text =>
    listed.candidates.some(({ model }) => lengthProblem(request, model, text.length) !== undefined),
  )
  const inputTokens = limits?.needsTokens === true ? await countInputs(inputs, counter, signal) : undefined
  if (inputTokens !== undefined) checkLength(inputTokens, policies ?? [])
  let longest = 0
  for (const text of long) longest = Math.max(longest, (await counter.countText(text, signal)).tokens)
  if (longest === 0) return { ...listed, inputTokens }
  return { ...planRoute(request, routing, { ...facts, inputTokens: longest }), inputTokens }
}

/** Tokens of all texts together. Rejects with the signal's reason once it is aborted. */
export async function countInputs(
  inputs: readonly string[],
  counter: Pick<TokenCounter, 'countRequest'>,
  signal?: AbortSignal,
): Promise<number> {
  const { tokens } = await counter.countRequest({ texts: inputs, messages: 0 }, signal)
  return tokens
}

// The plan of a call: who is asked with what, counting tokens only where their number can change it.
import type { Message } from '#gen/exai/v1/chat_pb'
import type { CompleteRequest } from '#gen/exai/v1/chat_service_pb'
import { Warning_Reason } from '#gen/exai/v1/warning_pb'
import type { GatewayError } from '../core/errors.ts'
import type { Candidate, WarningInit } from '../core/provider.ts'
import { answerPrimingTokens, messageOverheadTokens, type TokenCounter } from '../metering/count.ts'
import type { CallerLimits } from '../metering/limits.ts'
import { keyOutcomeOf } from '../providers/key-outcome.ts'
import type { Kept } from '../routing/affinity.ts'
import { type Plan, planRoute, type RequestFacts, type RoutingDeps } from '../routing/candidates.ts'
import { lengthProblem } from '../routing/fit.ts'
import { usesAuto } from '../routing/names.ts'
import { historyRoom, type Joined, tokensOf } from './conversation.ts'
import { checkLength, isShort } from './policy.ts'
import { type CountedChat, countedRequest, countTokensOf, type StoredFiles } from './texts.ts'

/** What a call is planned with. */
export interface PlanDeps {
  readonly routing: RoutingDeps
  readonly counter: TokenCounter
  /** Says with which model the conversation is. Called only where `auto` chooses. Absent: nobody knows. */
  readonly kept?: (() => Promise<Kept | undefined> | Kept | undefined) | undefined
  /** The conversation of the call. Absent: nothing is kept. */
  readonly conversation?: Joined | undefined
  /** The limits of the caller. Absent: none. */
  readonly limits?: CallerLimits | undefined
  /** The stored files of the chat. Absent: there are none. */
  readonly stored?: StoredFiles | undefined
}

/** The plan of a call. */
export interface CallPlan extends Plan {
  /** Of tokens that limits count and nobody has counted yet. Absent: they were, or nothing goes by them. */
  readonly uncounted?: UncountedTokens | undefined
}

/** Tokens of a request that nobody has counted. */
export interface UncountedTokens {
  /** Above it they cannot be: no token is less than a byte. */
  readonly most: number
  /** Counts them, once for all who ask. Rejects with the signal's reason once it is aborted. */
  count(): Promise<number>
}

/**
 * Plans a call: at once, unless tokens have to be counted or a conversation has to be looked up. Throws what `planRoute`
 * throws, and the signal's reason once it is aborted while they are.
 */
export function planCall(
  request: CompleteRequest,
  messages: readonly Message[],
  deps: PlanDeps,
  signal: AbortSignal,
): CallPlan | Promise<CallPlan> {
  const kept = keptOf(request, deps)
  return kept instanceof Promise
    ? kept.then(found => planKept(request, messages, deps, signal, found))
    : planKept(request, messages, deps, signal, kept)
}

/** The model that a conversation is with, as far as that matters to the choice. */
function keptOf(request: CompleteRequest, { kept }: PlanDeps): Promise<Kept | undefined> | Kept | undefined {
  return kept !== undefined && usesAuto(request) ? kept() : undefined
}

function planKept(
  request: CompleteRequest,
  messages: readonly Message[],
  { routing, counter, conversation, limits, stored }: PlanDeps,
  signal: AbortSignal,
  kept: Kept | undefined,
): CallPlan | Promise<CallPlan> {
  if (conversation !== undefined)
    return planConversation(
      request,
      conversation,
      { routing, counter, limits, messages, kept, stored },
      signal,
    )
  const counted = countedRequest(request, messages, stored)
  const policies = limits?.policies
  const count = (): Promise<number> => countTokensOf(counted, counter, signal)
  const most = mostTokens(counted, limits)
  if (!needsTokens(request, limits, most)) {
    const plan = planRoute(request, routing, { messages, kept, stored, policies })
    if (plan.candidates.every(({ model }) => lengthProblem(request, model, most) === undefined))
      return uncounted(plan, limits, most, count)
  }
  return count().then(inputTokens => {
    checkLength(inputTokens, policies ?? [])
    return planRoute(request, routing, { inputTokens, messages, kept, stored, policies })
  })
}

/** Whether nothing can be decided before the tokens are counted, of which there are so many at most. */
function needsTokens(request: CompleteRequest, limits: CallerLimits | undefined, most: number): boolean {
  if (request.routing?.maxCostNanoUsd !== undefined) return true
  if (limits?.needsTokens !== true) return false
  // What `auto` weighs and what a policy compares are counted; limits of tokens and money may have room enough as it is.
  return usesAuto(request) || !isShort(most, limits.policies)
}

/** The plan with what is left to be counted when limits ask for it. */
function uncounted(
  plan: Plan,
  limits: CallerLimits | undefined,
  most: number,
  count: () => Promise<number>,
): CallPlan {
  if (limits?.needsTokens !== true) return plan
  let counting: Promise<number> | undefined
  return { ...plan, uncounted: { most, count: () => (counting ??= count()) } }
}

/** Of what was said before the tokens are known, and its oldest turns need not fit. */
async function planConversation(
  request: CompleteRequest,
  conversation: Joined,
  {
    routing,
    counter,
    limits,
    ...joined
  }: Omit<PlanDeps, 'kept'> & Pick<RequestFacts, 'messages' | 'kept' | 'stored'>,
  signal: AbortSignal,
): Promise<CallPlan> {
  const fresh = countedRequest(request, freshOf(conversation), joined.stored)
  const facts = { ...joined, policies: limits?.policies }
  const count = (): Promise<number> => countConversation(conversation, fresh, counter, signal)
  const most = conversation.tokens + mostTokens(fresh, limits)
  if (!needsTokens(request, limits, most)) {
    const plan = planRoute(request, routing, facts)
    if (plan.candidates.every(({ model }) => most <= historyRoom(request, model)))
      return uncounted(plan, limits, most, count)
  }
  const inputTokens = await count()
  checkLength(inputTokens, limits?.policies ?? [])
  return planRoute(request, routing, {
    ...facts,
    inputTokens,
    neededTokens: neededTokens(request, conversation, inputTokens),
  })
}

/** Tokens of a whole conversation with what is new. */
export async function countConversation(
  { tokens }: Joined,
  fresh: CountedChat,
  counter: TokenCounter,
  signal: AbortSignal,
): Promise<number> {
  return tokens + (await countTokensOf(fresh, counter, signal))
}

/** The messages of a conversation whose tokens are not known yet. */
export function freshOf({ system, isSystemNew, fresh }: Joined): readonly Message[] {
  return isSystemNew ? [...system.map(({ message }) => message), ...fresh] : fresh
}

/** What of a conversation has to be sent, in tokens; under `strict` that is everything. */
export function neededTokens({ strict }: CompleteRequest, { turns }: Joined, inputTokens: number): number {
  return strict ? inputTokens : inputTokens - tokensOf(turns)
}

/**
 * The request as a candidate is to get it: capped where its price was judged by that or the caller's limits leave room for no
 * more, which a warning tells. Another warning
 * tells that the chat holds thoughts which the candidate cannot read, because another provider has sealed them.
 */
export function requestFor(
  { provider, model, outputCap }: Candidate,
  request: CompleteRequest,
  warn: (warning: WarningInit) => void,
  messages: readonly Message[] = request.messages,
  limitCap?: number,
): CompleteRequest {
  const sealed = sealedElsewhere(provider.id, messages)
  if (sealed !== undefined) warn(sealed)
  const cap = limitCap ?? outputCap
  if (cap === undefined) return request
  if (cap !== model.maxOutputTokens)
    warn({
      reason: Warning_Reason.CLAMPED,
      field: 'max_output_tokens',
      message: `${cap}: with ${limitCap === undefined ? 'routing.max_cost_nano_usd' : 'limits of tokens or money'} an answer needs a cap, and the request sets none`,
    })
  return { ...request, maxOutputTokens: cap }
}

function sealedElsewhere(provider: string, messages: readonly Message[]): WarningInit | undefined {
  for (let index = messages.length - 1; index >= 0; index -= 1) {
    for (const [position, { kind }] of messages[index]?.content.entries() ?? []) {
      if (kind.case !== 'reasoning' || kind.value.opaque.byteLength === 0) continue
      const owner = kind.value.provider
      if (owner !== '' && owner !== provider)
        return {
          reason: Warning_Reason.NOTICE,
          field: `messages[${index}].content[${position}].reasoning.opaque`,
          message: `not sent to ${provider}, because only ${owner} can read it`,
        }
    }
  }
  return undefined
}

/** Whether another key of a candidate may help after its failure: the key was refused, or its address failed and others are left. */
export function anotherKeyHelps({ provider, model }: Candidate, error: GatewayError): boolean {
  switch (keyOutcomeOf(error).type) {
    case 'untold':
    case 'served':
      return false
    case 'failing':
      return provider.hasOtherAddress?.(model.id) === true
    default:
      return (provider.keysLeft?.(model.id) ?? 0) > 0
  }
}

/**
 * As many tokens as characters: more than any text has that is written by people, and nothing has to be counted for it. What
 * is held of limits must not be too little for any text, and no token is less than a byte.
 */
function mostTokens({ texts, messages, fileTokens }: CountedChat, limits: CallerLimits | undefined): number {
  const sizeOf = limits?.needsTokens === true ? Buffer.byteLength : (text: string): number => text.length
  const size = texts.reduce((sum, text) => sum + sizeOf(text), 0)
  return size + fileTokens + messages * messageOverheadTokens + answerPrimingTokens
}

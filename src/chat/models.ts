// What there is to chat with: the list of models, and the count of a request's tokens.
import type { MessageInitShape } from '@bufbuild/protobuf'
import { type Message, ReasoningEffort } from '#gen/exai/v1/chat_pb'
import type {
  CompleteRequest,
  CountTokensResponseSchema,
  ListModelsResponseSchema,
} from '#gen/exai/v1/chat_service_pb'
import {
  Model_ReasoningMode as Mode,
  type ModelSchema,
  Model_StructuredOutput as Structured,
} from '#gen/exai/v1/model_pb'
import { Usage_Provenance } from '#gen/exai/v1/usage_pb'
import { unroutableReason } from '../catalogue/entry.ts'
import type { Call } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import type { ModelEntry, ModelRate, Reasoning, StructuredOutput } from '../core/model.ts'
import type { Candidate, CountInput, Provider, ProviderCount } from '../core/provider.ts'
import { timestampOf } from '../core/time.ts'
import type { TokenCounter } from '../metering/count.ts'
import type { Limits } from '../metering/limits.ts'
import { planRoute, type RoutingDeps } from '../routing/candidates.ts'
import { type Chat, fittingMessages, type JoinDeps, type Joined, joinChat } from './conversation.ts'
import { countConversation, freshOf } from './plan.ts'
import { checkTools } from './policy.ts'
import { countedRequest, countTokensOf } from './texts.ts'
import { validateRequest } from './validate.ts'

type ModelInit = MessageInitShape<typeof ModelSchema>

/** How long a provider's own count is waited for, in milliseconds. */
export const COUNT_WAIT_MS = 5000
/** The most that the answer has room for. */
const TOKENS_MAX = 2 ** 31 - 1

/** Lists every model of the configured providers, or of one of them, in configured order: the known, then what they list. */
export function listModels(
  provider: string,
  { catalogue, providers, now }: RoutingDeps,
): MessageInitShape<typeof ListModelsResponseSchema> {
  const at = now()
  const listed = provider === '' ? providers : providers.filter(one => one.id === provider)
  return {
    models: listed.flatMap(owner =>
      [...catalogue.list().filter(entry => entry.provider === owner.id), ...catalogue.listed(owner.id)].map(
        entry => modelOf(entry, owner, catalogue.version, at),
      ),
    ),
  }
}

/** What tokens are counted with. */
export interface CountDeps {
  readonly routing: RoutingDeps
  readonly counter: TokenCounter
  readonly conversations: JoinDeps['conversations']
  readonly files?: JoinDeps['files']
  /** What callers may ask for. Absent: everything. */
  readonly limits?: Pick<Limits, 'of'> | undefined
  readonly clock: Clock
}

/**
 * Counts the input tokens of a request as Complete would send it, where the provider counts them, or else here. Throws what
 * Complete throws before it asks anybody.
 */
export async function countTokens(
  call: Call,
  request: CompleteRequest,
  deps: CountDeps,
): Promise<MessageInitShape<typeof CountTokensResponseSchema>> {
  validateRequest(request)
  const { conversations, routing, clock } = deps
  // To count, a provider is shown all of it.
  const policies = deps.limits?.of(call.caller)?.policies ?? []
  checkTools(request, policies)
  const joined = joinChat(call.caller.tenant, request, {
    conversations,
    files: deps.files,
    routing,
    now: clock.now,
    signal: call.signal,
  })
  const chat = joined instanceof Promise ? await joined : joined
  const { files } = chat
  const stored = files?.stored
  const [first] = planRoute(request, routing, { messages: chat.messages, stored, policies }).candidates
  const messages =
    first === undefined || chat.conversation === undefined
      ? chat.messages
      : await sentOf({ ...chat, conversation: chat.conversation }, request, first, deps.counter, call.signal)
  const asked = { provider: first?.provider.id ?? '', model: first?.model.id ?? '' }
  const told =
    first === undefined ? undefined : await countUpstream(call, first, { request, messages, files }, deps)
  if (told?.notCounted.length === 0)
    return { inputTokens: told.tokens, provenance: Usage_Provenance.REPORTED, ...asked }
  const here =
    told === undefined
      ? countedRequest(request, messages, stored)
      : countedRequest(only(request, told.notCounted), [])
  const tokens = await countTokensOf(here, deps.counter, call.signal)
  return {
    inputTokens: Math.min((told?.tokens ?? 0) + tokens, TOKENS_MAX),
    provenance: Usage_Provenance.ESTIMATED,
    ...asked,
  }
}

/** What the first candidate would be given of the chat. */
async function sentOf(
  { conversation, files }: Chat & { readonly conversation: Joined },
  request: CompleteRequest,
  first: Candidate,
  counter: TokenCounter,
  signal: AbortSignal,
): Promise<readonly Message[]> {
  const fresh = countedRequest(request, freshOf(conversation), files?.stored)
  const tokens = await countConversation(conversation, fresh, counter, signal)
  return fittingMessages(conversation, request, first.model, tokens).messages
}

/** Undefined when the provider does not count, or not in time. Throws only the reason of the call's own signal. */
async function countUpstream(
  call: Call,
  { provider, model }: Candidate,
  given: Pick<CountInput, 'request' | 'messages' | 'files'>,
  { clock }: CountDeps,
): Promise<ProviderCount | undefined> {
  if (provider.countTokens === undefined) return undefined
  // Half of what is left: an estimate in time is better than a count that comes too late.
  const leftMs = Math.max(0, call.deadlineAtMs - clock.monotonic()) / 2
  const timer = AbortSignal.timeout(Math.floor(Math.min(COUNT_WAIT_MS, leftMs)))
  const signal = AbortSignal.any([call.signal, timer])
  try {
    const count = await provider.countTokens({ ...given, model, stream: false, signal, warn: () => {} })
    return count !== undefined && count.tokens <= TOKENS_MAX ? count : undefined
  } catch {
    call.signal.throwIfAborted()
    return undefined
  }
}

/** Of a request only the named fields. */
function only(
  { tools, responseFormat, ...rest }: CompleteRequest,
  fields: readonly string[],
): CompleteRequest {
  return {
    ...rest,
    tools: fields.includes('tools') ? tools : [],
    ...(responseFormat !== undefined && fields.includes('response_format') ? { responseFormat } : {}),
  }
}

const STRUCTURED = {
  none: Structured.UNSPECIFIED,
  json_object: Structured.JSON,
  json_schema: Structured.JSON_SCHEMA,
} as const satisfies Record<StructuredOutput, Structured>

const REASONING = {
  none: Mode.NEVER,
  optional: Mode.OPTIONAL,
  always: Mode.ALWAYS,
} as const satisfies Record<Reasoning, Mode>

function modelOf(entry: ModelEntry, owner: Provider, priceVersion: string, now: number): ModelInit {
  // A provider's own list may say any day, such as the 99th.
  const shutdownAt = Date.parse(entry.shutdown ?? '')
  return {
    id: entry.id,
    provider: entry.provider,
    aliases: [...entry.aliases],
    description: entry.notes,
    contextWindowTokens: sizeOf(entry.contextWindow),
    maxInputTokens: sizeOf(entry.maxInputTokens),
    maxOutputTokens: sizeOf(entry.maxOutputTokens),
    inputModalities: [...entry.modalitiesIn],
    outputModalities: [...entry.modalitiesOut],
    tools: entry.tools,
    structuredOutput: STRUCTURED[entry.structuredOutput],
    reasoning: REASONING[entry.reasoning],
    reasoningEfforts: entry.reasoningEfforts.map(
      effort => ReasoningEffort[effort.toUpperCase() as keyof typeof ReasoningEffort],
    ),
    ...(entry.price === undefined
      ? {}
      : {
          price: {
            ...ratesOf(entry.price),
            tiers: entry.price.tiers.map(tier => ({
              aboveInputTokens: sizeOf(tier.aboveInputTokens),
              ...ratesOf(tier),
            })),
            priceVersion,
          },
        }),
    ...(Number.isNaN(shutdownAt) ? {} : { shutdownTime: timestampOf(shutdownAt) }),
    unroutableReason: unroutableReason(entry, now) || owner.unusableReason,
    lifecycle: entry.status,
  }
}

/** One provider's wild claim must not make the whole list unsendable. */
function sizeOf(tokens: number | undefined): number {
  return Math.min(tokens ?? 0, TOKENS_MAX)
}

function ratesOf(rate: ModelRate) {
  return {
    inputNanoUsdPerMillion: rate.input,
    outputNanoUsdPerMillion: rate.output,
    ...(rate.cachedInput === undefined ? {} : { cachedInputNanoUsdPerMillion: rate.cachedInput }),
    ...(rate.cacheWrite === undefined ? {} : { cacheWriteNanoUsdPerMillion: rate.cacheWrite }),
  }
}

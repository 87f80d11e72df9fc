// Who may answer a request, in order, and why each other one may not: pure, it asks nobody.
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import type { Message } from '#gen/exai/v1/chat_pb'
import type { CompleteRequest } from '#gen/exai/v1/chat_service_pb'
import { RouteSchema, type RouteSkipSchema, RouteSkip_Reason as Skip } from '#gen/exai/v1/route_pb'
import type { Catalogue } from '../catalogue/catalogue.ts'
import type { Task } from '../catalogue/entry.ts'
import type { ChatFiles } from '../core/chat-files.ts'
import { GatewayError } from '../core/errors.ts'
import type { Policy } from '../core/limits.ts'
import type { ModelEntry } from '../core/model.ts'
import type { Candidate, Provider } from '../core/provider.ts'
import type { Kept } from './affinity.ts'
import { chooseAuto } from './auto.ts'
import { factsOf } from './auto-facts.ts'
import { needsOf } from './capabilities.ts'
import { outputCapOf } from './fit.ts'
import type { Live } from './live.ts'
import { isAuto, modelsNamed, namesOf, usesAuto } from './names.ts'
import { isModelAllowed } from './policy.ts'
import { circuitSkip, createJudge, type Refusals, type Skipped } from './skip.ts'

type SkipInit = MessageInitShape<typeof RouteSkipSchema>

/** What the choice is made from. */
export interface RoutingDeps {
  readonly catalogue: Catalogue
  /** Configured providers, in configured order. */
  readonly providers: readonly Provider[]
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number
  /** Says whose circuit is open. Absent: nobody's. */
  readonly circuits?: Refusals | undefined
  /** How models do now. Absent: all alike. */
  readonly live?: Pick<Live, 'forecast'> | undefined
  /** Names to fall back to, by a name in lower case that a request may give or that means the same. Absent: none. */
  readonly chains?: ReadonlyMap<string, readonly string[]> | undefined
}

/** What one configuration chooses from: made once for each, and kept by every call that began with it. */
export interface Routing extends RoutingDeps {
  /** Number of the configuration, from 1. */
  readonly configVersion: number
}

/** Who would be asked, in order, and who not. */
export interface Plan {
  readonly candidates: readonly Candidate[]
  readonly skipped: readonly SkipInit[]
  /** Tokens of the request, where they were counted. */
  readonly inputTokens?: number | undefined
}

/** The provider in the process, which `auto` picks only when there is no other. */
export const SANDBOX = 'sandbox'
/** Most candidates of one call: each failed one costs the caller time. */
export const CANDIDATES_MAX = 8
/** What is known of a request besides itself. */
export interface RequestFacts {
  /** Tokens of its input. Absent: nobody is skipped for its length or price. */
  readonly inputTokens?: number | undefined
  /** Tokens of the part of it that has to be sent: the oldest turns of a conversation may be left out. Absent: all of it. */
  readonly neededTokens?: number | undefined
  /** The whole chat. Absent: the messages of the request. */
  readonly messages?: readonly Message[] | undefined
  /** The model that its conversation is with, for `auto`. Absent: none. */
  readonly kept?: Kept | undefined
  /** What the caller may ask for. Absent: everything. */
  readonly policies?: readonly Policy[] | undefined
  /** The stored files of the chat. Absent: there are none. */
  readonly stored?: ChatFiles['stored'] | undefined
  /** What is asked of the models. What embeds is the one model that is named, wherever it is served. Absent: an answer to a chat. */
  readonly task?: Task | undefined
}

/** A plan that may be empty. */
export interface Listing extends Plan {
  /** Whether everybody was skipped because the request is too long. */
  readonly isTooLong: boolean
  /** Whether everybody was skipped because the caller may ask none of them. */
  readonly isForbidden: boolean
}

/**
 * Plans a call. Throws MODEL_NOT_FOUND naming near matches, CONTEXT_TOO_LONG when the request fits nobody, UNSUPPORTED when
 * only abilities are missing, PERMISSION_DENIED when the caller may not ask the model that it names, or nobody at all, and
 * NO_CANDIDATE when everybody was skipped.
 */
export function planRoute(request: CompleteRequest, deps: RoutingDeps, facts: RequestFacts = {}): Plan {
  const listing = listCandidates(request, deps, facts)
  checkNamed(request, deps, facts.policies)
  if (listing.candidates.length > 0) return { ...listing, inputTokens: facts.inputTokens }
  const error = outageOf(listing.skipped, deps) ?? nobody(request, listing)
  throw error.with({
    route: create(RouteSchema, { requestedModel: request.model, skipped: [...listing.skipped] }),
  })
}

/** Everybody who would be asked, each once, and who not. Throws only MODEL_NOT_FOUND. */
export function listCandidates(
  request: CompleteRequest,
  deps: RoutingDeps,
  facts: RequestFacts = {},
): Listing {
  const skipped: SkipInit[] = []
  const candidates: Candidate[] = []
  const seen = new Set<string>()
  let tooLong = 0
  let forbidden = 0
  const now = deps.now()
  const { inputTokens, neededTokens, messages = request.messages, policies, task } = facts
  const needs = needsOf(request, messages, facts.stored)
  const judge = createJudge({ request, needs, now, inputTokens, neededTokens, policies, task })

  function choose(provider: Provider, model: ModelEntry, reason: string): void {
    seen.add(keyOf(model))
    candidates.push({ provider, model, reason, outputCap: outputCapOf(request, model) })
  }
  function skip(provider: Provider, model: ModelEntry, why: Skipped): void {
    const { reason, message, isTooLong, isForbidden } = why
    seen.add(keyOf(model))
    skipped.push({ provider: provider.id, model: model.id, reason, message })
    if (isTooLong) tooLong += 1
    if (isForbidden) forbidden += 1
  }
  function addAll(): void {
    const providers = autoProviders(deps.providers)
    const input = { request, needs, judge, now, providers, catalogue: deps.catalogue }
    const { picks, leftOut } = chooseAuto({
      ...input,
      facts: factsOf(request, messages, needs, inputTokens),
      live: deps.live,
      circuits: deps.circuits,
      kept: homeOf(facts.kept, deps, seen),
      isSettled: model => seen.size > 0 && seen.has(keyOf(model)),
    })
    const isMakeshift = providers.some(({ id }) => id === SANDBOX)
    for (const { provider, model, reason } of picks)
      choose(provider, model, isMakeshift ? 'auto: no real provider is configured' : reason)
    for (const { provider, model, ...why } of leftOut) skip(provider, model, why)
  }
  function addNamed(entries: readonly ModelEntry[], reason: string): void {
    for (const model of entries) {
      const provider = deps.providers.find(one => one.id === model.provider)
      if (provider === undefined || seen.has(keyOf(model))) continue
      const why = judge(provider, model) ?? circuitSkip(deps.circuits, provider, model)
      if (why === undefined) choose(provider, model, reason)
      else skip(provider, model, why)
    }
  }

  if (task === 'embed') addNamed(sameModel(modelsNamed(request.model, deps)), 'explicit model')
  else
    for (const { name, reason, isOptional } of namesOf(request, deps)) {
      if (isAuto(name)) addAll()
      else addNamed(modelsNamed(name, deps, { isOptional }), reason)
    }
  const sandbox = usesAuto(request) ? sandboxSkips(deps, seen) : []
  return {
    candidates: candidates.slice(0, CANDIDATES_MAX),
    skipped: [...skipped, ...sandbox],
    isTooLong: candidates.length === 0 && tooLong > 0 && tooLong === skipped.length,
    isForbidden: candidates.length === 0 && forbidden > 0 && forbidden === skipped.length,
  }
}

/** Those of a list that are the model that its first one is: by their id, or because one has the other's id as an alias. */
function sameModel(entries: readonly ModelEntry[]): readonly ModelEntry[] {
  const [first] = entries
  if (first === undefined) return []
  const isNamed = ({ id, aliases }: ModelEntry, name: string): boolean =>
    [id, ...aliases].some(own => own.toLowerCase() === name.toLowerCase())
  return entries.filter(entry => isNamed(entry, first.id) || isNamed(first, entry.id))
}

/** A model that is asked for by its name is not exchanged for one that the caller may ask: it is told. */
function checkNamed(
  request: CompleteRequest,
  deps: RoutingDeps,
  policies: readonly Policy[] | undefined,
): void {
  if (policies === undefined || policies.length === 0) return
  const [first] = namesOf(request, deps)
  if (first === undefined || isAuto(first.name)) return
  const entries = modelsNamed(first.name, deps, { isOptional: first.isOptional })
  if (entries.length === 0 || entries.some(entry => isModelAllowed(policies, entry))) return
  throw new GatewayError(
    'PERMISSION_DENIED',
    `the policy of the caller does not allow model ${JSON.stringify(first.name.slice(0, 80))}; name another one`,
  )
}

function keyOf({ provider, id }: ModelEntry): string {
  return `${provider}/${id}`
}

/** The model of a conversation as the catalogue spells it, unless the request has named it by itself. */
function homeOf(
  kept: Kept | undefined,
  { catalogue }: RoutingDeps,
  seen: ReadonlySet<string>,
): Kept | undefined {
  if (kept === undefined) return undefined
  const [model] = catalogue.find(`${kept.provider}/${kept.model}`, { providers: [kept.provider] })
  if (model === undefined) return kept
  return seen.has(keyOf(model)) ? undefined : { ...kept, model: model.id }
}

/** Those whose models `auto` chooses from: the real ones, or else the one in the process. */
function autoProviders(providers: readonly Provider[]): readonly Provider[] {
  const real = realProviders(providers)
  return real.length > 0 ? real : providers.filter(({ id }) => id === SANDBOX)
}

/** One whose keys are all out for a while is still there: a model that is none must not stand in for it. */
function realProviders(providers: readonly Provider[]): readonly Provider[] {
  return providers.filter(
    one => one.id !== SANDBOX && (one.unusableReason === '' || one.outage !== undefined),
  )
}

/** The models of the sandbox that `auto` passes over, unless the request names them itself. */
function sandboxSkips({ catalogue, providers }: RoutingDeps, seen: ReadonlySet<string>): readonly SkipInit[] {
  if (realProviders(providers).length === 0 || !providers.some(one => one.id === SANDBOX)) return []
  return catalogue
    .list()
    .filter(model => model.provider === SANDBOX && !seen.has(keyOf(model)))
    .map(({ provider, id }) => ({
      provider,
      model: id,
      reason: Skip.SANDBOX,
      message: 'a real provider is configured',
    }))
}

/** The failure of whoever is back first among those that are only out for a while: the same call may succeed then. */
function outageOf(
  skipped: readonly SkipInit[],
  { providers, circuits }: RoutingDeps,
): GatewayError | undefined {
  const out = new Set(skipped.filter(skip => skip.reason === Skip.NO_KEY).map(skip => skip.provider))
  const keys = providers.flatMap(one => (out.has(one.id) ? (one.outage ?? []) : []))
  const open = skipped.flatMap(({ provider = '', model = '', reason }) => {
    const refusal = reason === Skip.CIRCUIT_OPEN ? circuits?.refusal(provider, model) : undefined
    return refusal === undefined ? [] : [{ provider, model, ...refusal }]
  })
  const [firstKey] = keys.sort((a, b) => (a.details.retryDelayMs ?? 0) - (b.details.retryDelayMs ?? 0))
  const [firstOpen] = open.sort((a, b) => a.retryAfterMs - b.retryAfterMs)
  if (firstOpen === undefined) return firstKey
  const { provider, model, message, retryAfterMs } = firstOpen
  if (firstKey !== undefined && (firstKey.details.retryDelayMs ?? 0) <= retryAfterMs) return firstKey
  return new GatewayError('UPSTREAM_UNAVAILABLE', `${provider}/${model}: ${message}`, {
    provider,
    model,
    retryDelayMs: retryAfterMs,
    against: 'nobody',
  })
}

function nobody(request: CompleteRequest, listing: Listing): GatewayError {
  // That `auto` leaves out the sandbox is nothing that the caller could change.
  const skipped = listing.skipped.filter(skip => skip.reason !== Skip.SANDBOX)
  const why = skipped.slice(0, 3).map(skip => `${skip.provider}/${skip.model}: ${skip.message}`)
  const more = skipped.length > 3 ? ` and ${skipped.length - 3} more` : ''
  const onlyAbilities = skipped.length > 0 && skipped.every(skip => skip.reason === Skip.CAPABILITY)
  const otherwise = onlyAbilities ? 'UNSUPPORTED' : 'NO_CANDIDATE'
  const tooLong = listing.isTooLong ? 'CONTEXT_TOO_LONG' : otherwise
  const reason = listing.isForbidden ? 'PERMISSION_DENIED' : tooLong
  const shown = JSON.stringify(request.model.slice(0, 80))
  return new GatewayError(
    reason,
    `nobody can answer for model ${shown}: ${why.join('; ') || 'no provider offers a chat model'}${more}`,
  )
}

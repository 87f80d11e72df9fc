// Who may answer a request, in order, and why each other one may not: pure, it asks nobody.
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { CompleteRequest } from '#gen/exai/v1/chat_service_pb'
import { type RouteSkipSchema, RouteSkip_Reason as Skip } from '#gen/exai/v1/route_pb'
import type { Catalogue } from '../catalogue/catalogue.ts'
import { unroutableReason } from '../catalogue/entry.ts'
import { GatewayError } from '../core/errors.ts'
import type { ModelEntry } from '../core/model.ts'
import type { Candidate, Provider } from '../core/provider.ts'
import { isEmulated, missingCapability } from './capabilities.ts'
import { lengthProblem, outputCapOf, priceProblem } from './fit.ts'

type SkipInit = MessageInitShape<typeof RouteSkipSchema>

/** What the choice is made from. */
export interface RoutingDeps {
  readonly catalogue: Catalogue
  /** Configured providers, in configured order. */
  readonly providers: readonly Provider[]
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number
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
}

/** The provider in the process, which `auto` picks only when there is no other. */
export const SANDBOX = 'sandbox'
/** Most candidates of one call: each failed one costs the caller time. */
export const CANDIDATES_MAX = 8
/** Most candidates of one `auto` call, for the same reason. */
export const AUTO_CANDIDATES_MAX = 3

/** Most further keys that one candidate is asked with, for the same reason. */
export const SPARES_MAX = 2

/** What is known of a request besides itself. */
export interface RequestFacts {
  /** Tokens of its input. Absent: nobody is skipped for its length or price. */
  readonly inputTokens?: number | undefined
}

/** A plan that may be empty. */
export interface Listing extends Plan {
  /** Whether everybody was skipped because the request is too long. */
  readonly isTooLong: boolean
}

/**
 * Plans a call. Throws MODEL_NOT_FOUND naming near matches, CONTEXT_TOO_LONG when the request fits nobody, UNSUPPORTED when
 * only abilities are missing, and NO_CANDIDATE when everybody was skipped.
 */
export function planRoute(request: CompleteRequest, deps: RoutingDeps, facts: RequestFacts = {}): Plan {
  const listing = listCandidates(request, deps, facts)
  if (listing.candidates.length > 0) return { ...listing, candidates: listing.candidates.flatMap(withSpares) }
  throw outageOf(listing.skipped, deps) ?? nobody(request, listing)
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
  const names = [request.model, ...(request.routing?.fallbackModels ?? [])]
  for (const [index, name] of names.entries()) {
    const amongAll = isAuto(name)
    const entries = amongAll ? autoOrder(deps) : named(name, deps)
    const chosen: Candidate[] = []
    for (const model of entries) {
      const provider = deps.providers.find(one => one.id === model.provider)
      const key = `${model.provider}/${model.id}`
      if (provider === undefined || seen.has(key)) continue
      seen.add(key)
      const skip = skipOf(request, provider, model, deps.now(), facts)
      if (skip === undefined) {
        const outputCap = outputCapOf(request, model)
        chosen.push({ provider, model, reason: reasonOf(amongAll, index, model), outputCap })
      } else {
        skipped.push({ provider: provider.id, model: model.id, reason: skip.reason, message: skip.message })
        if (skip.isTooLong) tooLong += 1
      }
    }
    // Among all models, one that keeps to the asked form by itself comes before a cheaper one that has to be talked into it.
    if (amongAll)
      chosen.sort((a, b) => Number(isEmulated(request, a.model)) - Number(isEmulated(request, b.model)))
    const taken = amongAll ? chosen.slice(0, AUTO_CANDIDATES_MAX) : chosen
    candidates.push(...taken)
    // Those that `auto` had no room for may still be named as a fallback.
    for (const { model } of chosen.slice(taken.length)) seen.delete(`${model.provider}/${model.id}`)
  }
  return {
    candidates: candidates.slice(0, CANDIDATES_MAX),
    skipped: [...skipped, ...(names.some(isAuto) ? sandboxSkips(deps, seen) : [])],
    isTooLong: candidates.length === 0 && tooLong > 0 && tooLong === skipped.length,
  }
}

/** A candidate, and itself again for other keys that it has. */
function withSpares(candidate: Candidate): readonly Candidate[] {
  const { provider, model } = candidate
  const others = Math.max(0, (provider.keysLeft?.(model.id) ?? 1) - 1)
  const spares = Array.from({ length: Math.min(others, SPARES_MAX) }, () => ({
    ...candidate,
    isSpare: true as const,
  }))
  return [candidate, ...spares]
}

function isAuto(name: string): boolean {
  return name.toLowerCase() === 'auto'
}

function reasonOf(amongAll: boolean, index: number, model: ModelEntry): string {
  if (amongAll)
    return model.provider === SANDBOX ? 'auto: no real provider is configured' : 'auto: cheapest that fits'
  return index === 0 ? 'explicit model' : 'fallback model'
}

function named(name: string, { catalogue, providers }: RoutingDeps): readonly ModelEntry[] {
  const scope = { providers: providers.map(provider => provider.id) }
  const found = catalogue.find(name, scope)
  if (found.length > 0) return found
  const shown = JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name)
  const elsewhere = [...new Set(catalogue.list().map(entry => entry.provider))]
  const owner = catalogue.find(name, { providers: elsewhere })[0]
  if (owner !== undefined)
    throw new GatewayError(
      'MODEL_NOT_FOUND',
      `model ${shown} belongs to ${owner.provider}, which is not configured; ListModels shows what is`,
    )
  const near = catalogue.near(name, scope)
  const hint = near.length === 0 ? 'ListModels shows what there is' : `near matches: ${near.join(', ')}`
  throw new GatewayError('MODEL_NOT_FOUND', `no configured provider serves a model named ${shown}; ${hint}`)
}

/** Current chat models of real providers, cheapest first; the sandbox alone when there is no real provider. */
function autoOrder({ catalogue, providers, now }: RoutingDeps): readonly ModelEntry[] {
  const real = realProviders(providers)
  const at = now()
  return catalogue.cheapestFirst().filter(entry => {
    const isOffered = real.length === 0 ? entry.provider === SANDBOX : real.includes(entry.provider)
    return isOffered && entry.status === 'current' && unroutableReason(entry, at) === ''
  })
}

/** One whose keys are all out for a while is still there: a model that is none must not stand in for it. */
function realProviders(providers: readonly Provider[]): readonly string[] {
  return providers
    .filter(one => one.id !== SANDBOX && (one.unusableReason === '' || one.outage !== undefined))
    .map(one => one.id)
}

/** The models of the sandbox that `auto` passes over, unless the request names them itself. */
function sandboxSkips({ catalogue, providers }: RoutingDeps, seen: ReadonlySet<string>): readonly SkipInit[] {
  if (realProviders(providers).length === 0 || !providers.some(one => one.id === SANDBOX)) return []
  return catalogue
    .list()
    .filter(({ provider, id }) => provider === SANDBOX && !seen.has(`${provider}/${id}`))
    .map(({ provider, id }) => ({
      provider,
      model: id,
      reason: Skip.SANDBOX,
      message: 'a real provider is configured',
    }))
}

function skipOf(
  request: CompleteRequest,
  provider: Provider,
  model: ModelEntry,
  now: number,
  { inputTokens }: RequestFacts,
): { readonly reason: Skip; readonly message: string; readonly isTooLong?: true } | undefined {
  const { allow = [], deny = [] } = request.routing ?? {}
  const names = [model.id, ...model.aliases]
  const is = (name: string): boolean =>
    [provider.id, ...names, ...names.map(own => `${provider.id}/${own}`)].some(
      own => own.toLowerCase() === name.toLowerCase(),
    )
  if (deny.some(is)) return { reason: Skip.POLICY, message: 'routing.deny names it' }
  if (allow.length > 0 && !allow.some(is))
    return { reason: Skip.POLICY, message: 'routing.allow does not name it' }
  const unroutable = unroutableReason(model, now)
  if (unroutable !== '') {
    const otherwise = unroutableReason({ ...model, shutdown: undefined, status: 'current' }, now)
    return { reason: unroutable === otherwise ? Skip.CAPABILITY : Skip.SHUTDOWN, message: unroutable }
  }
  const missing = missingCapability(request, model)
  if (missing !== undefined) return { reason: Skip.CAPABILITY, message: missing }
  if (inputTokens !== undefined) {
    const tooLong = lengthProblem(request, model, inputTokens)
    if (tooLong !== undefined) return { reason: Skip.CAPABILITY, message: tooLong, isTooLong: true }
    const tooDear = priceProblem(request, model, inputTokens)
    if (tooDear !== undefined) return { reason: Skip.PRICE, message: tooDear }
  }
  if (provider.unusableReason !== '') return { reason: Skip.NO_KEY, message: provider.unusableReason }
  return undefined
}

/** The failure of whoever is back first among those that are only out for a while: the same call may succeed then. */
function outageOf(skipped: readonly SkipInit[], { providers }: RoutingDeps): GatewayError | undefined {
  const out = new Set(skipped.filter(skip => skip.reason === Skip.NO_KEY).map(skip => skip.provider))
  return providers
    .flatMap(one => (out.has(one.id) ? (one.outage ?? []) : []))
    .sort((a, b) => (a.details.retryDelayMs ?? 0) - (b.details.retryDelayMs ?? 0))[0]
}

function nobody(request: CompleteRequest, listing: Listing): GatewayError {
  // That `auto` leaves out the sandbox is nothing that the caller could change.
  const skipped = listing.skipped.filter(skip => skip.reason !== Skip.SANDBOX)
  const why = skipped.slice(0, 3).map(skip => `${skip.provider}/${skip.model}: ${skip.message}`)
  const more = skipped.length > 3 ? ` and ${skipped.length - 3} more` : ''
  const onlyAbilities = skipped.length > 0 && skipped.every(skip => skip.reason === Skip.CAPABILITY)
  const reason = listing.isTooLong ? 'CONTEXT_TOO_LONG' : onlyAbilities ? 'UNSUPPORTED' : 'NO_CANDIDATE'
  const shown = JSON.stringify(request.model.slice(0, 80))
  return new GatewayError(
    reason,
    `nobody can answer for model ${shown}: ${why.join('; ') || 'no provider offers a chat model'}${more}`,
  )
}

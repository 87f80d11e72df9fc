// Who may answer a request, in order, and why each other one may not: pure, it asks nobody.
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { CompleteRequest } from '#gen/exai/v1/chat_service_pb'
import { type RouteSkipSchema, RouteSkip_Reason as Skip } from '#gen/exai/v1/route_pb'
import type { Catalogue } from '../catalogue/catalogue.ts'
import { unroutableReason } from '../catalogue/entry.ts'
import { costCeiling } from '../catalogue/price.ts'
import { GatewayError } from '../core/errors.ts'
import type { ModelEntry } from '../core/model.ts'
import type { Candidate, Provider } from '../core/provider.ts'
import { isEmulated, missingCapability } from './capabilities.ts'

type SkipInit = MessageInitShape<typeof RouteSkipSchema>

/** What the choice is made from. */
export interface RoutingDeps {
  readonly catalogue: Catalogue
  /** Configured providers, in configured order. */
  readonly providers: readonly Provider[]
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number
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

/** A request whose price orders models for `auto`: a middling question and its answer, in tokens. */
const TYPICAL = { inputTokens: 1_000, outputTokens: 500 } as const

/**
 * Plans a call. Throws MODEL_NOT_FOUND naming near matches, UNSUPPORTED when only abilities are missing, and
 * NO_CANDIDATE when everybody was skipped.
 */
export function planRoute(request: CompleteRequest, deps: RoutingDeps): Plan {
  const skipped: SkipInit[] = []
  const candidates: Candidate[] = []
  const seen = new Set<string>()
  for (const [index, name] of [request.model, ...(request.routing?.fallbackModels ?? [])].entries()) {
    const isAuto = name.toLowerCase() === 'auto'
    const entries = isAuto ? autoOrder(deps) : named(name, deps)
    const chosen: Candidate[] = []
    for (const model of entries) {
      const provider = deps.providers.find(one => one.id === model.provider)
      const key = `${model.provider}/${model.id}`
      if (provider === undefined || seen.has(key)) continue
      seen.add(key)
      const skip = skipOf(request, provider, model, deps.now())
      if (skip !== undefined) skipped.push({ provider: provider.id, model: model.id, ...skip })
      else chosen.push({ provider, model, reason: reasonOf(isAuto, index, model) })
    }
    // Among all models, one that keeps to the asked form by itself comes before a cheaper one that has to be talked into it.
    if (isAuto)
      chosen.sort((a, b) => Number(isEmulated(request, a.model)) - Number(isEmulated(request, b.model)))
    const taken = isAuto ? chosen.slice(0, AUTO_CANDIDATES_MAX) : chosen
    candidates.push(...taken)
    // Those that `auto` had no room for may still be named as a fallback.
    for (const { model } of chosen.slice(taken.length)) seen.delete(`${model.provider}/${model.id}`)
  }
  if (candidates.length > 0) return { candidates: candidates.slice(0, CANDIDATES_MAX), skipped }
  throw outageOf(skipped, deps) ?? nobody(request, skipped)
}

function reasonOf(isAuto: boolean, index: number, model: ModelEntry): string {
  if (isAuto)
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
  // One whose keys are all out for a while is still there: a model that is none must not stand in for it.
  const real = providers
    .filter(one => one.id !== SANDBOX && (one.unusableReason === '' || one.outage !== undefined))
    .map(one => one.id)
  const at = now()
  const entries = catalogue.list().filter(entry => {
    const isOffered = real.length === 0 ? entry.provider === SANDBOX : real.includes(entry.provider)
    return isOffered && entry.status === 'current' && unroutableReason(entry, at) === ''
  })
  return entries.sort((a, b) =>
    typicalCost(a) < typicalCost(b) ? -1 : typicalCost(a) > typicalCost(b) ? 1 : 0,
  )
}

/** An unknown price sorts last: it may be anything. */
function typicalCost(entry: ModelEntry): bigint {
  return costCeiling(entry.price, TYPICAL.inputTokens, TYPICAL.outputTokens) ?? 1n << 62n
}

function skipOf(
  request: CompleteRequest,
  provider: Provider,
  model: ModelEntry,
  now: number,
): Pick<SkipInit, 'reason' | 'message'> | undefined {
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

function nobody(request: CompleteRequest, skipped: readonly SkipInit[]): GatewayError {
  const why = skipped.slice(0, 3).map(skip => `${skip.provider}/${skip.model}: ${skip.message}`)
  const more = skipped.length > 3 ? ` and ${skipped.length - 3} more` : ''
  const onlyAbilities = skipped.length > 0 && skipped.every(skip => skip.reason === Skip.CAPABILITY)
  const reason = onlyAbilities ? 'UNSUPPORTED' : 'NO_CANDIDATE'
  const shown = JSON.stringify(request.model.slice(0, 80))
  return new GatewayError(
    reason,
    `nobody can answer for model ${shown}: ${why.join('; ') || 'no provider offers a chat model'}${more}`,
  )
}

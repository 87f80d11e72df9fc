// The names in a request: which models each of them means, and which configured ones follow.
import type { CompleteRequest } from '#gen/exai/v1/chat_service_pb'
import type { Catalogue } from '../catalogue/catalogue.ts'
import { GatewayError } from '../core/errors.ts'
import type { ModelEntry } from '../core/model.ts'
import type { Provider } from '../core/provider.ts'

/** What names are looked up in. */
export interface NamesDeps {
  readonly catalogue: Catalogue
  /** Configured providers, in configured order. */
  readonly providers: readonly Provider[]
  /** Names to fall back to, by a name in lower case that a request may give or that means the same. Absent: none. */
  readonly chains?: ReadonlyMap<string, readonly string[]> | undefined
}

/** A name that is looked for, and why. */
export interface Named {
  readonly name: string
  readonly reason: string
  /** Whether it may mean nothing: the configuration may name what is out of use now. */
  readonly isOptional?: true | undefined
}

/** The names of a request in order. Its own fallback models take the place of the configured chain. */
export function namesOf(request: CompleteRequest, deps: NamesDeps): readonly Named[] {
  const first: Named = { name: request.model, reason: 'explicit model' }
  const fallbacks = request.routing?.fallbackModels ?? []
  if (fallbacks.length > 0) return [first, ...fallbacks.map(name => ({ name, reason: 'fallback model' }))]
  const chain = chainOf(request.model, deps)
  return [first, ...chain.map((name): Named => ({ name, reason: 'configured fallback', isOptional: true }))]
}

/** The chain of a model: under the name that was given, or under another one that means the same model. */
function chainOf(name: string, deps: NamesDeps): readonly string[] {
  const { chains } = deps
  if (chains === undefined || chains.size === 0 || isAuto(name)) return []
  const others = modelsNamed(name, deps, { isOptional: true }).flatMap(({ provider, id }) => [
    `${provider}/${id}`,
    id,
  ])
  for (const one of [name, ...others]) {
    const chain = chains.get(one.toLowerCase())
    if (chain !== undefined) return chain
  }
  return []
}

/**
 * The models that a name means. Throws MODEL_NOT_FOUND with what helps: whose the model is, or what resembles its name. A
 * name that is optional may mean nothing.
 */
export function modelsNamed(
  name: string,
  { catalogue, providers }: NamesDeps,
  { isOptional = false }: { readonly isOptional?: boolean | undefined } = {},
): readonly ModelEntry[] {
  const scope = { providers: providers.map(provider => provider.id) }
  const found = catalogue.find(name, scope)
  if (found.length > 0 || isOptional) return found
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

/** Whether a request leaves the choice to `auto`, at once or as a fallback. */
export function usesAuto({ model, routing }: CompleteRequest): boolean {
  return isAuto(model) || routing?.fallbackModels.some(isAuto) === true
}

/** Whether a name leaves the choice to `auto`. */
export function isAuto(name: string): boolean {
  return name.toLowerCase() === 'auto'
}

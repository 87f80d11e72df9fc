// Which models exist in a Snapshot: finds them by name, says what resembles an unknown name, and prices their use.

import type { ModelEntry } from '../core/model.ts'
import { nearestNames } from '../core/near.ts'
import { type AutoModel, autoModelsOf } from './auto-model.ts'
import { assumedEntry, type ConfiguredModel, withConfigured } from './configured.ts'
import { unroutableReason } from './entry.ts'
import { withFees } from './fees.ts'
import type { ModelTable } from './parse.ts'
import { type Cost, costOf, type PricedUsage, priceVersionOf } from './price.ts'

/** What open-ended providers say that they have. It comes and changes while a Snapshot lasts. */
export interface Listings {
  /** The models that a provider lists, as far as known now. */
  of(provider: string): readonly ModelEntry[]
  /** One of them by its id in any case. */
  find(provider: string, id: string): ModelEntry | undefined
}

/** What a catalogue is made of. */
export interface CatalogueDeps {
  readonly models: ModelTable
  /** The time in milliseconds since 1970. */
  readonly now: () => number
  readonly configured?: readonly ConfiguredModel[] | undefined
  /** Providers of which any `provider/id` is a model, known to us or not. */
  readonly openEnded?: readonly string[] | undefined
  /** Looked at for a name that nothing else knows, and only of open-ended providers. Default: none. */
  readonly listings?: Listings | undefined
  /** Names of one's own for models; `model` is an id or `provider/id`, never another alias. They win over every other name. */
  readonly aliases?: readonly { readonly alias: string; readonly model: string }[] | undefined
}

/** The providers that a name may mean, in configured order. */
export interface NameScope {
  readonly providers: readonly string[]
}

/** The models of one Snapshot; it never changes, but for what providers list. */
export interface Catalogue {
  /** The id of the price list, the same for equal prices. */
  readonly version: string
  /** The known models of a provider that `auto` may choose from, newest first. Worked out once. */
  autoModels(provider: string): readonly AutoModel[]
  /** Every known model, in the order of the table and then of the configuration. */
  list(): readonly ModelEntry[]
  /** The models that an open-ended provider lists beside the known ones. */
  listed(provider: string): readonly ModelEntry[]
  /**
   * The models that a name means, in configured order; empty when it means none. `auto` is not a model.
   * A name is split at its first `/` only if a configured provider stands before it. Letter case does not count.
   * Ids win over aliases, and both over what providers list.
   */
  find(name: string, scope: NameScope): readonly ModelEntry[]
  /** The other names that a model of a provider has in the table; none for one that is not there. */
  aliasesOf(provider: string, id: string): readonly string[]
  /** Up to three known names that resemble an unknown one, of the given providers or of all. */
  near(name: string, scope?: NameScope): readonly string[]
  /** The list price of a usage; unknown for a model without a price. */
  cost(entry: ModelEntry, usage: PricedUsage): Cost
}

/** No provider has ids near this long; a longer name is not passed on to an open-ended provider. */
const idLengthMax = 256

/** Builds the catalogue of a Snapshot from the bundled table and what the configuration adds. */
export function createCatalogue({
  models,
  now,
  configured = [],
  openEnded = [],
  listings,
  aliases = [],
}: CatalogueDeps): Catalogue {
  const ownNames = new Map(aliases.map(({ alias, model }) => [alias.toLowerCase(), model]))
  const entries = withConfigured(models.models, configured).map(withFees)
  const version = priceVersionOf(models.asOf, entries)
  const forAuto = autoModelsOf(entries)
  const byId = indexed(entries, entry => [entry.id])
  const byAlias = indexed(entries, entry => entry.aliases)

  function find(name: string, { providers }: NameScope): readonly ModelEntry[] {
    const split = splitName(ownNames.get(name.toLowerCase()) ?? name, providers)
    const scope = split.provider === undefined ? providers : [split.provider]
    const known = byId.within(scope, split.id)
    if (known.length > 0) return known
    const other = byAlias.within(scope, split.id)
    if (other.length > 0) return other
    if (split.id.length === 0 || split.id.length > idLengthMax) return []
    const open = scope.filter(provider => openEnded.includes(provider))
    const listed = open.flatMap(provider => listings?.find(provider, split.id) ?? [])
    if (listed.length > 0 || split.provider === undefined) return listed
    return open.map(provider => assumedEntry(provider, split.id))
  }

  function listed(provider: string): readonly ModelEntry[] {
    if (listings === undefined || !openEnded.includes(provider)) return []
    const isKnown = ({ id }: ModelEntry) =>
      byId.of(provider, id) !== undefined || byAlias.of(provider, id) !== undefined
    return listings.of(provider).filter(entry => !isKnown(entry))
  }

  function near(name: string, scope?: NameScope): readonly string[] {
    const at = now()
    const split = splitName(name, scope?.providers ?? [...new Set(entries.map(entry => entry.provider))])
    const alike = entries.filter(
      entry =>
        (split.provider === undefined || entry.provider === split.provider) &&
        (scope === undefined || scope.providers.includes(entry.provider)) &&
        unroutableReason(entry, at) === '',
    )
    const names = [...ownNames.keys(), ...alike.flatMap(entry => [entry.id, ...entry.aliases])]
    const prefix = split.provider === undefined ? '' : `${split.provider}/`
    return nearestNames(split.id, names).map(found => prefix + found)
  }

  return {
    version,
    autoModels: provider => forAuto.get(provider) ?? [],
    list: () => entries,
    listed,
    find,
    aliasesOf: (provider, id) => byId.of(provider, id)?.aliases ?? [],
    near,
    cost: (entry, usage) => costOf(entry.price, usage, version),
  }
}

interface SplitName {
  readonly provider: string | undefined
  readonly id: string
}

function splitName(name: string, providers: readonly string[]): SplitName {
  const slash = name.indexOf('/')
  const head = slash < 0 ? undefined : name.slice(0, slash).toLowerCase()
  const provider = providers.find(one => one.toLowerCase() === head)
  return provider === undefined ? { provider, id: name } : { provider, id: name.slice(slash + 1) }
}

/** Models by provider and a name in any case. */
interface NameIndex {
  of(provider: string, name: string): ModelEntry | undefined
  /** Those of several providers, in the order of those. */
  within(providers: readonly string[], name: string): readonly ModelEntry[]
}

/** Looks models up by provider and a name in any case; of two models with one name the first wins. */
function indexed(
  entries: readonly ModelEntry[],
  namesOf: (entry: ModelEntry) => readonly string[],
): NameIndex {
  const byProvider = new Map<string, Map<string, ModelEntry>>()
  for (const entry of entries) {
    const byName = byProvider.get(entry.provider) ?? new Map<string, ModelEntry>()
    byProvider.set(entry.provider, byName)
    for (const name of namesOf(entry)) {
      if (!byName.has(name.toLowerCase())) byName.set(name.toLowerCase(), entry)
    }
  }
  return {
    of: (provider, name) => byProvider.get(provider)?.get(name.toLowerCase()),
    within(providers, name) {
      const lower = name.toLowerCase()
      const found: ModelEntry[] = []
      for (const provider of providers) {
        const entry = byProvider.get(provider)?.get(lower)
        if (entry !== undefined) found.push(entry)
      }
      return found
    },
  }
}

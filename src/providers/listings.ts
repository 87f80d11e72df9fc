// What providers list of their models, kept for the catalogue: nobody is asked before somebody wants to know.
import type { Listings } from '../catalogue/catalogue.ts'
import type { Clock } from '../core/clock.ts'
import type { ModelEntry } from '../core/model.ts'
import type { Provider } from '../core/provider.ts'
import type { ListedModel } from './model-list.ts'
import { createModelLists } from './model-lists.ts'

/** Age at which a provider is asked again for its models, in milliseconds. */
const LISTINGS_REFRESH_MS = 600_000
/** How long ListModels waits for a provider of which there is no list yet, in milliseconds. */
const LISTINGS_WAIT_MS = 2000

/** Listings that can be waited for, and let go. */
export interface OpenListings extends Listings {
  /** Resolves when a provider, or with an empty id each, has been asked once, or takes too long. */
  begun(provider: string, signal: AbortSignal): Promise<void>
  close(): void
}

/** What providers list, kept as they described it. Nobody is asked before somebody wants to know. */
export function createListings(providers: readonly Provider[], clock: Clock): OpenListings {
  const described = new WeakMap<ListedModel, ModelEntry>()
  const sources = providers.flatMap(({ id, listModels: ask }) => {
    if (ask === undefined) return []
    const list = async (signal: AbortSignal): Promise<readonly ListedModel[]> =>
      (await ask(signal)).map(entry => {
        const model = { ...entry, reasoning: entry.reasoning !== 'none', state: undefined }
        described.set(model, entry)
        return model
      })
    return [{ provider: id, list }]
  })
  const lists = createModelLists({ sources, clock, refreshMs: LISTINGS_REFRESH_MS })
  const entryOf = (model: ListedModel | undefined) => (model === undefined ? undefined : described.get(model))
  return {
    of: provider => lists.peek(provider).models.flatMap(model => entryOf(model) ?? []),
    find: (provider, id) => entryOf(lists.find(provider, id)),
    async begun(provider, leaving) {
      const signal = AbortSignal.any([leaving, AbortSignal.timeout(LISTINGS_WAIT_MS)])
      const wanted = sources.filter(source => provider === '' || source.provider === provider)
      // Whoever is too slow, or fails, is left out of the answer.
      await Promise.allSettled(wanted.map(source => lists.get(source.provider, signal)))
    },
    close: lists.close,
  }
}

// What open-ended providers list of their models, for the catalogue of one Snapshot; the lists themselves outlive it.
import type { Listings } from '../catalogue/catalogue.ts'
import type { Clock } from '../core/clock.ts'
import type { Provider } from '../core/provider.ts'
import { createHoldings, type Held, type Holdings } from './held.ts'
import { createListing, type Listing } from './listing.ts'

/** How long ListModels waits for a provider of which there is no list yet, in milliseconds. */
const LISTINGS_WAIT_MS = 2000

/** Listings that can be waited for, and let go. */
export interface OpenListings extends Listings {
  /** Resolves when a provider, or with an empty id each, has been asked once, or takes too long. */
  begun(provider: string, signal: AbortSignal): Promise<void>
  close(): void
}

/** A provider that may have a list. */
export interface ListingSource {
  readonly provider: Provider
  /** Where it is: at another address there are other models. */
  readonly address: string
  /** Everything that it was made from: with other keys it may list others. */
  readonly settings: string
}

/** Where the lists are as long as somebody holds them. */
export function createListingHoldings(): Holdings<Listing> {
  return createHoldings(listing => listing.close())
}

/** What listings are made from. */
export interface ListingsDeps {
  readonly sources: readonly ListingSource[]
  /** Shared with the Snapshots before and after. */
  readonly holdings: Holdings<Listing>
  readonly clock: Clock
}

/** What providers list, kept as they described it. Nobody is asked before somebody wants to know. */
export function createListings({ sources, holdings, clock }: ListingsDeps): OpenListings {
  const held = new Map<string, Held<Listing>>()
  for (const { provider, address, settings } of sources) {
    const { id, listModels } = provider
    if (listModels === undefined) continue
    const listing = holdings.hold(JSON.stringify([id, address]), () => createListing(id, clock))
    listing.value.askBy(listModels, settings)
    held.set(id, listing)
  }
  return {
    of: provider => held.get(provider)?.value.models() ?? [],
    find: (provider, id) => held.get(provider)?.value.find(id),
    async begun(provider, leaving) {
      const signal = AbortSignal.any([leaving, AbortSignal.timeout(LISTINGS_WAIT_MS)])
      const wanted = [...held].filter(([id]) => provider === '' || id === provider)
      // Whoever is too slow, or fails, is left out of the answer.
      await Promise.allSettled(wanted.map(([, { value }]) => value.begun(signal)))
    },
    close() {
      for (const listing of held.values()) listing.release()
    },
  }
}

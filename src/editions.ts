// What each Snapshot of the configuration is made into, and which edition new calls begin with; a running call keeps its own.
import { bundledModels } from './catalogue/bundled.ts'
import { createCatalogue } from './catalogue/catalogue.ts'
import type { Config } from './config/config.ts'
import type { HttpProviderConfig, ProviderConfig, Snapshot } from './config/snapshot.ts'
import type { Clock } from './core/clock.ts'
import type { Log } from './core/log.ts'
import type { Provider } from './core/provider.ts'
import type { FetchMedia } from './providers/fetch-media.ts'
import { createKeep, type Keep } from './providers/keep.ts'
import { createListingHoldings, createListings, type OpenListings } from './providers/listings.ts'
import { providers as kinds } from './providers/registry.ts'
import type { Routing } from './routing/candidates.ts'

/** What one Snapshot has been made into. */
export interface Edition {
  readonly snapshot: Snapshot
  readonly routing: Routing
  readonly listings: Pick<OpenListings, 'begun'>
}

/** The editions of one process, one after another. */
export interface Editions {
  /** The one that a call begins with now. It can be used on, also when there is a newer one. */
  current(): Edition
  /**
   * Makes the next one. Keys, connections and lists of models that it has in common with the one before go on as they are.
   * Throws GatewayError when it cannot be made, and then nothing has changed.
   */
  take(snapshot: Snapshot): void
  /** Closes every connection, those of older editions too. */
  close(): Promise<void>
}

/** What editions are made with. */
export interface EditionsDeps {
  /** The first one. */
  readonly snapshot: Snapshot
  readonly timeouts: Pick<Config['timeouts'], 'connectMs' | 'requestMs'>
  /** Downloads media for hosts that take only bytes. */
  readonly fetchMedia: FetchMedia
  readonly log: Log
  readonly clock: Clock
  /** What every edition chooses by, whatever is configured. */
  readonly lasting: Pick<Routing, 'circuits' | 'live'>
}

interface Made extends Edition {
  readonly release: () => void
}

/** How much longer than the longest call the connections of an older edition can be used, in milliseconds. */
const GRACE_MS = 5_000

/** Makes the first edition. Throws GatewayError when it cannot be made. */
export function createEditions(deps: EditionsDeps): Editions {
  const { timeouts, clock } = deps
  const keep = createKeep({ clientGraceMs: timeouts.requestMs + GRACE_MS })
  const holdings = createListingHoldings()
  const bundled = bundledModels()

  function make(snapshot: Snapshot): Made {
    using stack = new DisposableStack()
    const providers = snapshot.providers.map(settings => {
      const provider = createProvider(settings, keep, deps)
      // Nothing that is shared ends with it, so that there is nothing to wait for.
      stack.defer(() => void provider.close())
      return provider
    })
    const openEnded = snapshot.providers.filter(isOpenEnded)
    const sources = openEnded.flatMap(settings =>
      providers
        .filter(({ id }) => id === settings.id)
        .map(provider => ({ provider, address: addressOf(settings), settings: JSON.stringify(settings) })),
    )
    const listings = createListings({ sources, holdings, clock })
    stack.defer(listings.close)
    const catalogue = createCatalogue({
      models: { ...bundled, models: [...bundled.models, ...providers.flatMap(provider => provider.models)] },
      now: clock.now,
      configured: snapshot.models,
      openEnded: openEnded.map(({ id }) => id),
      listings,
      aliases: snapshot.aliases,
    })
    const routing: Routing = {
      ...deps.lasting,
      configVersion: snapshot.version,
      catalogue,
      providers,
      now: clock.now,
      chains: new Map(snapshot.chains.map(({ model, fallbacks }) => [model.toLowerCase(), fallbacks])),
    }
    const held = stack.move()
    return { snapshot, routing, listings, release: () => held.dispose() }
  }

  /** Nothing of this fails: what an edition shares with the one before is changed only once all of it has been made. */
  function adopted(made: Made): Made {
    for (const provider of made.routing.providers) provider.adopt?.()
    return made
  }

  let edition = adopted(make(deps.snapshot))
  return {
    current: () => edition,
    take(snapshot) {
      const before = edition
      edition = adopted(make(snapshot))
      // Afterwards: what both hold must not be let go in between.
      before.release()
    },
    async close() {
      edition.release()
      await keep.close()
    },
  }
}

function isOpenEnded(settings: ProviderConfig): settings is HttpProviderConfig {
  return settings.kind !== 'sandbox' && settings.openEnded
}

function addressOf({ kind, preset, baseUrl }: HttpProviderConfig): string {
  return JSON.stringify([kind, preset, baseUrl])
}

function createProvider(
  settings: ProviderConfig,
  keep: Keep,
  { timeouts, fetchMedia, clock, log }: EditionsDeps,
): Provider {
  if (settings.kind === 'sandbox') return kinds.sandbox({ id: settings.id })
  const { kind, openEnded: _, ...own } = settings
  return kinds[kind]({
    ...own,
    connectTimeoutMs: timeouts.connectMs,
    fetchMedia,
    clock,
    keep,
    onKeyOut: ({ label, out }) =>
      log.warn('a provider key is out', {
        provider: settings.id,
        keyLabel: label,
        ...(out && { trouble: out.trouble, until: new Date(out.untilMs).toISOString() }),
      }),
  })
}

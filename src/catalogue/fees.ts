// What providers bill by the piece beside tokens: fees that are the same for all their models.
import type { ModelEntry } from '../core/model.ts'

/**
 * Nano-USD for each search of the web, by provider. Kimi bills about 0.005 USD for each call of `$web_search`
 * (platform.moonshot.ai, "web search pricing"). GLM bills each search, too, but no price is known: so its cost is not.
 * Files cost nothing beside the tokens of their text: this service reads them itself, and Kimi extracts for free.
 */
const SEARCH_FEES: ReadonlyMap<string, bigint> = new Map([['kimi', 5_000_000n]])

/** An entry with the fees of its provider, unless it has its own; without a price it stays without fees. */
export function withFees(entry: ModelEntry): ModelEntry {
  const webSearch = SEARCH_FEES.get(entry.provider)
  if (entry.price === undefined || entry.price.webSearch !== undefined || webSearch === undefined)
    return entry
  return { ...entry, price: { ...entry.price, webSearch } }
}

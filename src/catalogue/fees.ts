// What providers bill beside and above the list prices of their models: searches by the piece, and other tiers of service.
import type { ModelEntry } from '../core/model.ts'

/**
 * Nano-USD for each search of the web, by provider. Kimi bills about 0.005 USD for each call of `$web_search`
 * (platform.moonshot.ai, "web search pricing"). GLM bills each search, too, but no price is known: so its cost is not.
 * The others are never asked to search: the field is dropped for them, so nothing can be billed for it.
 * Files cost nothing beside the tokens of their text: this service reads them itself, and Kimi extracts for free.
 */
const SEARCH_FEES: ReadonlyMap<string, bigint> = new Map([
  ['kimi', 5_000_000n],
  ['openai', 0n],
  ['minimax', 0n],
  ['sandbox', 0n],
])

const LIST = { '': 1000n, auto: 1000n, default: 1000n, standard: 1000n } as const

/**
 * Thousandths of the list price by tier of service. OpenAI's `flex` is half of it (platform.openai.com, pricing), and what
 * `priority` and `scale` cost is not known; MiniMax's `priority` is half as much again (platform.minimax.io).
 */
const SERVICE_TIERS: ReadonlyMap<string, Readonly<Record<string, bigint>>> = new Map([
  ['openai', { ...LIST, flex: 500n }],
  ['minimax', { ...LIST, priority: 1500n }],
])

/** An entry with the fees of its provider, unless it has its own; without a price it stays without fees. */
export function withFees(entry: ModelEntry): ModelEntry {
  const { price, provider } = entry
  const [webSearch, serviceTiers] = [SEARCH_FEES.get(provider), SERVICE_TIERS.get(provider)]
  if (price === undefined || (webSearch === undefined && serviceTiers === undefined)) return entry
  return { ...entry, price: { webSearch, serviceTiers, ...price } }
}

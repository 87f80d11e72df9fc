// How good a model's answers are, on five steps: an opinion kept as data, which the configuration may overrule.
import type { ModelEntry, ModelPrice, Quality } from '../core/model.ts'
import { qualities } from '../core/model.ts'
import table from './quality.json' with { type: 'json' }

/** The quality of a model of which nothing is known, not even its price. */
export const UNKNOWN_QUALITY: Quality = 2

/**
 * Least list price of the output for each quality, in nano-USD per million tokens. Vendors price a family by how good
 * its members are, so for a model that nobody has judged the price is the best hint. Free is no hint: such a model runs
 * on somebody's own machine.
 */
const PRICED: readonly { readonly output: bigint; readonly quality: Quality }[] = [
  { output: 15_000_000_000n, quality: 5 },
  { output: 4_000_000_000n, quality: 4 },
  { output: 1_000_000_000n, quality: 3 },
  { output: 200_000_000n, quality: 2 },
  { output: 1n, quality: 1 },
]

const known: ReadonlyMap<string, Quality> = new Map(
  table.tiers.flatMap(({ quality, ids }) => {
    const step = qualities.find(one => one === quality)
    return step === undefined ? [] : ids.map((id): [string, Quality] => [id.toLowerCase(), step])
  }),
)

/**
 * The quality of a model: what the configuration says, else what is known of its name wherever it is served (in
 * `vendor/name` the last part counts), else a guess from its price, else `UNKNOWN_QUALITY`.
 */
export function qualityOf({ quality, id, price }: Pick<ModelEntry, 'quality' | 'id' | 'price'>): Quality {
  const name = id.slice(id.lastIndexOf('/') + 1).toLowerCase()
  return quality ?? known.get(name) ?? pricedQuality(price) ?? UNKNOWN_QUALITY
}

function pricedQuality(price: ModelPrice | undefined): Quality | undefined {
  return price === undefined ? undefined : PRICED.find(({ output }) => price.output >= output)?.quality
}

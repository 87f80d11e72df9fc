// Counts durations in buckets that grow by an eleventh each: quantiles within five per cent, in constant space.

const BUCKETS = 128
// From 1 ms to ten and a half minutes.
const GROWTH = Math.log(1.11)

/** Durations, counted. */
export type Histogram = Uint32Array

/** Makes an empty one. */
export function createHistogram(): Histogram {
  return new Uint32Array(BUCKETS)
}

/** Counts a duration in milliseconds. */
export function record(histogram: Histogram, ms: number): void {
  const bucket = ms <= 1 ? 0 : Math.min(BUCKETS - 1, Math.round(Math.log(ms) / GROWTH))
  histogram[bucket] = (histogram[bucket] ?? 0) + 1
}

/** The duration in milliseconds below which this share of all lies, over several histograms; undefined without any. */
export function quantile(histograms: readonly Histogram[], share: number): number | undefined {
  let total = 0
  for (const histogram of histograms) for (const value of histogram) total += value
  if (total === 0) return undefined
  const rank = Math.max(1, Math.ceil(total * share))
  let seen = 0
  for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
    for (const histogram of histograms) seen += histogram[bucket] ?? 0
    if (seen >= rank) return Math.exp(bucket * GROWTH)
  }
  return undefined
}

// Judges whether what a service holds stays the same: by the line through its samples, and by their last third beside their first.
import type { Sample } from './samples.ts'

/** How one kind of thing developed. */
export interface Course {
  readonly name: string
  /** Means of the first and the last third. */
  readonly first: number
  readonly last: number
  /** Change in an hour, by the line of least squares. */
  readonly perHour: number
  /** Change over the time of the samples, by that line. */
  readonly change: number
  /** What may change in that time. */
  readonly allowed: number
  readonly isFlat: boolean
}

/** What may grow and is no leak: a part of what there was, and a fixed amount that chance makes. */
interface Allowance {
  readonly share: number
  readonly amount: number
}

const MIB = 2 ** 20

/** What is judged, and what it may grow in a whole soak, however long that is. */
const JUDGED: readonly (readonly [name: string, of: (sample: Sample) => number, allowance: Allowance])[] = [
  ['heap after a collection', sample => sample.heapBytes, { share: 0.05, amount: 2 * MIB }],
  ['buffers', sample => sample.buffersBytes, { share: 0.1, amount: 4 * MIB }],
  // These go with what is running, and a peak leaves connections that are kept for two minutes: what leaks is there at the end.
  ['file handles', sample => sample.files, { share: 0.5, amount: 32 }],
  ['sockets', sample => sample.sockets, { share: 0.5, amount: 32 }],
  ['timers', sample => sample.resources['Timeout'] ?? 0, { share: 0.5, amount: 32 }],
]

/** Judges samples of a service that is warm. With fewer than six there is no course, and nothing is flat. */
export function judge(samples: readonly Sample[]): readonly Course[] {
  return JUDGED.map(([name, of, allowance]) => courseOf(name, samples, of, allowance))
}

/** The line of least squares through some points: how much the value changes for one more of the other. */
export function slopeOf(points: readonly (readonly [at: number, value: number])[]): number {
  const meanAt = mean(points.map(([at]) => at))
  const meanValue = mean(points.map(([, value]) => value))
  const above = points.reduce((sum, [at, value]) => sum + (at - meanAt) * (value - meanValue), 0)
  const below = points.reduce((sum, [at]) => sum + (at - meanAt) ** 2, 0)
  return below === 0 ? 0 : above / below
}

function courseOf(
  name: string,
  samples: readonly Sample[],
  of: (sample: Sample) => number,
  { share, amount }: Allowance,
): Course {
  const values = samples.map(of)
  const third = Math.floor(samples.length / 3)
  const first = mean(values.slice(0, third))
  const last = mean(values.slice(samples.length - third))
  const slope = slopeOf(samples.map(sample => [sample.atSeconds, of(sample)] as const))
  const seconds = (samples.at(-1)?.atSeconds ?? 0) - (samples[0]?.atSeconds ?? 0)
  const change = slope * seconds
  const allowed = first * share + amount
  // Both: a line may rise by one last peak, and thirds may differ by a step that was taken once.
  const isFlat = third >= 2 && !(change > allowed && last - first > allowed / 2) && last - first <= allowed
  return { name, first, last, perHour: slope * 3_600, change, allowed, isFlat }
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length
}

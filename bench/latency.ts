// Times at half load: calls at a fixed rate to the gateway and, at the same rate, to the floor; what is between is what it adds.
import { type Asked, type Load, measureOpen, type Rest, unitsOf } from './loads.ts'
import { percentile } from './numbers.ts'
import type { OpenResult } from './open-loop.ts'
import { floorLoad, type Pair, type Row } from './ranking.ts'
import { alignedTable } from './report.ts'
import { metWord, type Promised } from './targets.ts'

/** Three percentiles in milliseconds. */
export type Times = { readonly p50: number; readonly p95: number; readonly p99: number }

/** One load at a rate; times are of the whole answer of a unary call, and of the first text event of a stream. */
export type LatencyRow = {
  readonly name: string
  readonly isStream: boolean
  /** Calls a second. */
  readonly rate: number
  readonly calls: number
  readonly exai: Times
  readonly floor: Times
}

/** How long and how often. */
export type LatencyPlan = { readonly rounds: number; readonly seconds: number }

/** The most that the first text event may take longer than with the floor, for 99 of 100 calls, in milliseconds. */
export const FIRST_ADDED_MS_MAX = 2

/** At which rate a load takes half of a core, by the CPU that was measured for it. */
export function halfLoad(one: Load, micros: number): number {
  return 500_000 / (micros * unitsOf(one.kind))
}

/** Asks both servers in turn at half of what the gateway can. */
export async function measureLatency(
  rest: Rest,
  pair: Pair,
  loads: readonly Load[],
  rows: readonly Row[],
  { rounds, seconds }: LatencyPlan,
): Promise<readonly LatencyRow[]> {
  const found: LatencyRow[] = []
  for (const one of loads) {
    const rate = halfLoad(one, rows.find(({ name }) => name === one.name)?.exai.micros ?? Number.NaN)
    const turns: readonly (readonly [Asked, Load])[] = [
      [pair.exai, one],
      [pair.floor, floorLoad(one)],
    ]
    const results: [OpenResult[], OpenResult[]] = [[], []]
    for (let round = 0; round < rounds; round += 1) {
      for (const at of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
        const [asked, load] = turns[at] ?? [pair.exai, one]
        results[at].push(await measureOpen(rest, asked, load, { rate, seconds }))
      }
    }
    const [exai, floor] = results
    const isStream = one.kind !== 'unary'
    found.push({
      name: one.name,
      isStream,
      rate,
      calls: exai.reduce((sum, { calls }) => sum + calls, 0),
      exai: timesOf(exai, isStream),
      floor: timesOf(floor, isStream),
    })
    console.log(`at ${rate.toFixed(0)} calls a second: ${one.name}`)
  }
  return found
}

/** The times of several rounds together. */
export function timesOf(results: readonly OpenResult[], isStream: boolean): Times {
  const all = results
    .flatMap(({ firstMs, latencyMs }) => (isStream ? firstMs : latencyMs))
    .toSorted((one, other) => one - other)
  return { p50: percentile(all, 0.5), p95: percentile(all, 0.95), p99: percentile(all, 0.99) }
}

/** The rows as they stand in the documentation. */
export function describeLatency(rows: readonly LatencyRow[]): string {
  return alignedTable([
    [
      'load',
      'calls/s',
      'calls',
      'exai p50 / p95 / p99 ms',
      'floor p50 / p95 / p99 ms',
      'added ms',
      'target',
      'met',
    ],
    ...rows.map(row => {
      const { name, isStream, rate, calls, exai, floor } = row
      return [
        `${name}: ${isStream ? 'first text' : 'answer'}`,
        rate.toFixed(0),
        calls.toLocaleString('en'),
        threeOf(exai),
        threeOf(floor),
        threeOf(addedOf(row)),
        isStream ? `p99 < ${FIRST_ADDED_MS_MAX}` : '',
        isStream ? metWord(addedOf(row).p99 < FIRST_ADDED_MS_MAX) : '',
      ]
    }),
  ])
}

/** What was promised of the times: the worst stream counts. */
export function latencyTargets(rows: readonly LatencyRow[]): readonly Promised[] {
  const worst = rows
    .filter(({ isStream }) => isStream)
    .toSorted((one, other) => addedOf(other).p99 - addedOf(one).p99)[0]
  if (worst === undefined) return []
  const { p99 } = addedOf(worst)
  return [
    {
      what: 'first text event at half load, added p99',
      target: `< ${FIRST_ADDED_MS_MAX} ms`,
      found: `${p99.toFixed(2)} ms (${worst.name})`,
      isMet: p99 < FIRST_ADDED_MS_MAX,
    },
  ]
}

/** Percentiles in one cell. */
export function threeOf({ p50, p95, p99 }: Times): string {
  return [p50, p95, p99].map(value => value.toFixed(2)).join(' / ')
}

function addedOf({ exai, floor }: LatencyRow): Times {
  return { p50: exai.p50 - floor.p50, p95: exai.p95 - floor.p95, p99: exai.p99 - floor.p99 }
}

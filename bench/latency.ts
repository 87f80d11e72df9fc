// Times at half load: calls at a fixed rate to the gateway and, at the same rate, to the floor; what is between is what it adds.
import { type Asked, type Load, measureOpen, type Rest, unitsOf } from './loads.ts'
import { coreMicros, treeCpuMicros } from './machine.ts'
import { median, percentile } from './numbers.ts'
import { BEHIND, type OpenPace, type OpenResult } from './open-loop.ts'
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
  /** In all windows together. */
  readonly calls: number
  /** Which part of its core the gateway took at this rate, 0 to 1. */
  readonly busy: number
  /** By how much the load itself was late with 99 of 100 calls, in milliseconds: the worst window. */
  readonly sentLateP99Ms: number
  /** Which part of the server's core others took, who have no part in this: the worst window. 0 where nothing is pinned. */
  readonly others: number
  readonly exai: Times
  readonly floor: Times
}

/** How long and how often: windows of each server, each after a time that is not counted. */
export type LatencyPlan = {
  readonly rounds: number
  readonly seconds: number
  /** The same for streams with pauses, of which there are few, and each takes a second. */
  readonly pacedSeconds: number
  readonly warmSeconds: number
  /** The core that a server has for itself. Absent: none. */
  readonly core: number | undefined
}

/** The most that the first text event may take longer than with the floor, for 99 of 100 calls, in milliseconds. */
export const FIRST_ADDED_MS_MAX = 2

/** A window in which the load itself was later than this with one call in a hundred shows nothing of a server, in milliseconds. */
const SENT_LATE_MS_MAX = 1
/** Nor does one in which others took more than this part of its core. */
const OTHERS_MAX = 0.1
const HALF = 0.5

/** At which rate a load takes half of a core, by the CPU that was measured for it. */
export function halfLoad(one: Load, micros: number): number {
  return halfOf(micros * unitsOf(one.kind))
}

const GUESSES_MAX = 4

/** Asks both servers in turn at the rate at which the gateway is busy for half of the time. */
export async function measureLatency(
  rest: Rest,
  pair: Pair,
  loads: readonly Load[],
  rows: readonly Row[],
  plan: LatencyPlan,
): Promise<readonly LatencyRow[]> {
  const found: LatencyRow[] = []
  for (const one of loads) {
    const guess = halfLoad(one, rows.find(({ name }) => name === one.name)?.exai.micros ?? Number.NaN)
    found.push(await atLowerRates(rate => measureOne({ rest, pair, one, plan }, rate), guess))
    console.log(`at ${found.at(-1)?.rate.toFixed(0)} calls a second: ${one.name}`)
  }
  return found
}

/** Measures with a guess, and with half of it where the server does not keep up: what a closed loop shows may be too much. */
async function atLowerRates(
  measure: (guess: number) => Promise<LatencyRow>,
  guess: number,
  tries = GUESSES_MAX,
): Promise<LatencyRow> {
  try {
    return await measure(guess)
  } catch (error) {
    if (tries === 1 || !(error instanceof Error && error.message.includes(BEHIND))) throw error
    return await atLowerRates(measure, guess / 2, tries - 1)
  }
}

type Measured = {
  readonly rest: Rest
  readonly pair: Pair
  readonly one: Load
  readonly plan: LatencyPlan
}

async function measureOne({ rest, pair, one, plan }: Measured, guess: number): Promise<LatencyRow> {
  const { rounds, warmSeconds, core } = plan
  const played: Played = { rest, core }
  const seconds = one.kind === 'paced' ? plan.pacedSeconds : plan.seconds
  const costs: number[] = []
  // Asked at a rate, because a call costs more when others do not come together with it: what a closed loop shows of the CPU is
  // too little, and half of what it promises is more than half a core.
  for (let search = 0; search < rounds; search += 1) {
    const searched = { rate: search === 0 ? guess : halfOf(median(costs)), seconds }
    costs.push((await windowOf(played, pair.exai, one, searched)).micros)
  }
  const rate = halfOf(median(costs))
  const pace: OpenPace = { rate, seconds, warmSeconds }
  const windows: { readonly exai: Window[]; readonly floor: Window[] } = { exai: [], floor: [] }
  for (let round = 0; round < rounds; round += 1) {
    for (const name of round % 2 === 0 ? (['exai', 'floor'] as const) : (['floor', 'exai'] as const)) {
      const load = name === 'exai' ? one : floorLoad(one)
      windows[name].push(await quietWindow(() => windowOf(played, pair[name], load, pace), rounds))
    }
  }
  const { exai, floor } = windows
  const isStream = one.kind !== 'unary'
  return {
    name: one.name,
    isStream,
    rate,
    calls: exai.reduce((sum, { result }) => sum + result.calls, 0),
    busy: median(exai.map(({ micros }) => (micros * rate) / 1_000_000)),
    sentLateP99Ms: Math.max(...[...exai, ...floor].map(sentLateP99)),
    others: Math.max(...[...exai, ...floor].map(window => window.others)),
    exai: timesOf(
      exai.map(({ result }) => result),
      isStream,
    ),
    floor: timesOf(
      floor.map(({ result }) => result),
      isStream,
    ),
  }
}

/** At which rate calls that cost so many microseconds take half of a core. */
function halfOf(micros: number): number {
  return (HALF * 1_000_000) / micros
}

/** What a window is played with. */
type Played = { readonly rest: Rest; readonly core: number | undefined }

/** What was played once, with the CPU of the server for a call, and the part of its core that others had. */
type Window = { readonly result: OpenResult; readonly micros: number; readonly others: number }

async function windowOf({ rest, core }: Played, asked: Asked, one: Load, pace: OpenPace): Promise<Window> {
  const coreNow = (): number => (core === undefined ? 0 : coreMicros(core))
  const beganMs = performance.now()
  const coreBefore = coreNow()
  const before = treeCpuMicros(asked.pid)
  const result = await measureOpen(rest, asked, one, pace)
  const took = treeCpuMicros(asked.pid) - before
  const ofOthers = core === undefined ? 0 : coreNow() - coreBefore - took
  const calls = result.calls * (1 + (pace.warmSeconds ?? 0) / pace.seconds)
  return {
    result,
    micros: took / calls,
    others: Math.max(0, ofOthers) / 1_000 / (performance.now() - beganMs),
  }
}

/** Plays a window until nothing but the server was in its way, a few times at the most; the quietest one counts. */
async function quietWindow(play: () => Promise<Window>, times: number): Promise<Window> {
  let best = await play()
  for (let time = 1; time < times && noiseOf(best) > 1; time += 1) {
    const next = await play()
    if (noiseOf(next) < noiseOf(best)) best = next
  }
  return best
}

/** Above 1 a window does not show how a server is. */
function noiseOf(window: Window): number {
  return Math.max(sentLateP99(window) / SENT_LATE_MS_MAX, window.others / OTHERS_MAX)
}

function sentLateP99({ result }: Window): number {
  return percentile(inOrder(result.sentLateMs), 0.99)
}

/** The middle of what several windows show, for each percentile: what befell one of them alone is not how it is. */
export function timesOf(results: readonly OpenResult[], isStream: boolean): Times {
  const all = results.map(({ firstMs, latencyMs }) => inOrder(isStream ? firstMs : latencyMs))
  const middle = (share: number): number => median(all.map(one => percentile(one, share)))
  return { p50: middle(0.5), p95: middle(0.95), p99: middle(0.99) }
}

function inOrder(values: readonly number[]): readonly number[] {
  return values.toSorted((one, other) => one - other)
}

/** The rows as they stand in the documentation. */
export function describeLatency(rows: readonly LatencyRow[]): string {
  return alignedTable([
    [
      'load',
      'calls/s',
      'calls',
      'core busy',
      'load late p99 ms',
      'others on the core',
      'exai p50 / p95 / p99 ms',
      'floor p50 / p95 / p99 ms',
      'added ms',
      'target',
      'met',
    ],
    ...rows.map(row => {
      const { name, isStream, rate, calls, busy, sentLateP99Ms, others, exai, floor } = row
      return [
        `${name}: ${isStream ? 'first text' : 'answer'}`,
        rate.toFixed(0),
        calls.toLocaleString('en'),
        `${(100 * busy).toFixed(0)} %`,
        sentLateP99Ms.toFixed(2),
        `${(100 * others).toFixed(0)} %`,
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

// CPU of the gateway for each call and each streamed event, beside that of the floor: the figures that rank.
import { type Asked, type Load, measure, type Rest, unitsOf } from './loads.ts'
import { alignedTable, type Figure, figureOf, type Sample } from './report.ts'
import { metWord, type Promised } from './targets.ts'

/** A line of the ranking. */
export type Row = {
  readonly name: string
  readonly unit: 'call' | 'event'
  readonly exai: Figure
  readonly floor: Figure
  /** How many times the floor's CPU the gateway takes. */
  readonly ratio: number
  /** How many times it may. */
  readonly ratioMax?: number | undefined
}

/** The servers that are ranked. */
export type Pair = { readonly exai: Asked; readonly floor: Asked }

/** How long and how often. */
export type RankingPlan = {
  readonly rounds: number
  readonly seconds: number
  readonly warmSeconds: number
}

type Name = keyof Pair
type Turn = { readonly name: Name; readonly one: Load }

/** Warms both servers up with each load, then asks them in turn, each round in the order opposite to the one before. */
export async function rank(
  rest: Rest,
  pair: Pair,
  loads: readonly Load[],
  { rounds, seconds, warmSeconds }: RankingPlan,
): Promise<readonly Row[]> {
  // The floor speaks JSON on HTTP/1.1 only, and is measured once for each kind, after the first protocol of it.
  const plan = loads.flatMap((one, index): readonly Turn[] =>
    loads.findIndex(other => floorKey(other) === floorKey(one)) === index
      ? [
          { name: 'exai', one },
          { name: 'floor', one: floorLoad(one) },
        ]
      : [{ name: 'exai', one }],
  )
  for (const { name, one } of plan) {
    // A paced stream takes a second and runs the code of the other kind.
    if (one.kind !== 'paced' || warmSeconds > 1) await measure(rest, pair[name], one, warmSeconds)
  }
  const samples = new Map<string, Sample[]>()
  for (let round = 0; round < rounds; round += 1) {
    for (const { name, one } of round % 2 === 0 ? plan : plan.toReversed()) {
      const sample = await measure(rest, pair[name], one, seconds)
      samples.set(keyOf(name, one), [...(samples.get(keyOf(name, one)) ?? []), sample])
      console.log(`round ${round + 1}: ${name.padEnd(5)} ${one.name}: ${sample.micros.toFixed(1)} µs`)
    }
  }
  return loads.map(one => {
    const exai = figureOf(samples.get(keyOf('exai', one)) ?? [])
    const floor = figureOf(samples.get(keyOf('floor', one)) ?? [])
    const unit = unitsOf(one.kind) === 1 ? 'call' : 'event'
    return { name: one.name, unit, exai, floor, ratio: exai.micros / floor.micros, ratioMax: one.ratioMax }
  })
}

/** The same load as the floor speaks it. */
export function floorLoad(one: Load): Load {
  return { ...one, protocol: 'connect', name: `${one.name.split(',')[0]}, the floor` }
}

/** The rows as they stand in the documentation. */
export function describeRanking(rows: readonly Row[]): string {
  const header = ['load', 'unit', 'exai µs', 'min – max', 'floor µs', 'min – max', 'ratio', 'target', 'met']
  return alignedTable([
    [...header, 'exai units/s', 'messages a call'],
    ...rows.map(({ name, unit, exai, floor, ratio, ratioMax }) => [
      name,
      unit,
      figure(exai.micros),
      `${figure(exai.microsMin)} – ${figure(exai.microsMax)}`,
      figure(floor.micros),
      `${figure(floor.microsMin)} – ${figure(floor.microsMax)}`,
      ratio.toFixed(2),
      ratioMax === undefined ? '' : ratioMax.toFixed(1),
      ratioMax === undefined ? '' : metWord(ratio <= ratioMax),
      Math.round(exai.rate).toLocaleString('en'),
      exai.messages.toFixed(0),
    ]),
  ])
}

/** What was promised of the ranking; of streams the worst counts. */
export function rankingTargets(rows: readonly Row[]): readonly Promised[] {
  const worst = (isOne: (name: string) => boolean): Row | undefined =>
    rows
      .filter(({ name, ratioMax }) => ratioMax !== undefined && isOne(name))
      .toSorted((one, other) => other.ratio - one.ratio)[0]
  const promised = (what: string, row: Row | undefined): readonly Promised[] =>
    row?.ratioMax === undefined
      ? []
      : [
          {
            what,
            target: `≤ ${row.ratioMax.toFixed(1)} × the floor`,
            found: `${row.ratio.toFixed(2)} (${row.name})`,
            isMet: row.ratio <= row.ratioMax,
          },
        ]
  return [
    ...promised(
      'CPU of a unary call, JSON',
      worst(name => /^unary, (Connect|\/v1)/.test(name)),
    ),
    ...promised(
      'CPU of a unary call, gRPC',
      worst(name => /^unary, gRPC/.test(name)),
    ),
    ...promised(
      'CPU of an event, at once',
      worst(name => name.startsWith('stream at once')),
    ),
    ...promised(
      'CPU of an event, with pauses',
      worst(name => name.startsWith('stream with pauses')),
    ),
  ]
}

/** CPU in microseconds as it is written. */
export function figure(micros: number): string {
  return micros.toFixed(micros < 20 ? 2 : 1)
}

function keyOf(name: Name, one: Load): string {
  return name === 'floor' ? floorKey(one) : one.name
}

function floorKey({ kind, promptBytes }: Load): string {
  return `the floor, ${kind}, ${promptBytes}`
}

// Computes the plan of docs/capacity.md from the figures of docs/benchmarks.md: node scripts/capacity.ts, after a benchmark.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeBetween } from '../tests/soak/writing.ts'
import { root } from '../tests/support/tools.ts'

/** What the plan goes out from, each from its row of the benchmarks, in microseconds of a core. */
export interface Costs {
  readonly unaryUs: number
  readonly grpcUs: number
  readonly eventAtOnceUs: number
  readonly eventPacedUs: number
  /** What a key and limits of its own add to a call. */
  readonly guardedUs: number
  /** What a log in files, traces and scrapes add. */
  readonly observedUs: number
}

/** What is planned for. */
const PLAN = {
  callsPerMinute: 1_000_000,
  /** Half of the calls stream, as chats do, with as many events as a short answer has. */
  streamShare: 0.5,
  events: 100,
  /** What a model takes for an answer, in seconds: so long a call is running. */
  answerSeconds: 4,
  /** Share of a core that is planned with: the rest is for peaks and for an instance that is being replaced. */
  busy: 0.6,
  coresPerInstance: 4,
  /** Bytes of a question and of an event on both sides, and of an answer that comes whole. */
  questionBytes: 4_096,
  eventBytes: 260,
  answerBytes: 2_048,
  /** Round trips to Redis: what is reserved and settled at the door and before the attempt. */
  redisTrips: 4,
  /** Rows in the project for a call: its line in the ledger. */
  rows: 1,
  streamKib: 48,
} as const

/** Reads the costs out of the page of the benchmarks. Throws when a row is not there. */
export function costsIn(page: string): Costs {
  const nothing = figureIn(page, /^\| Connect JSON, HTTP\/1\.1 +\| +nothing asked/m, 3)
  return {
    unaryUs: figureIn(page, /^\| unary, Connect JSON, HTTP\/1\.1/m, 3),
    grpcUs: figureIn(page, /^\| unary, gRPC, h2c/m, 3),
    eventAtOnceUs: figureIn(page, /^\| stream at once, gRPC, h2c/m, 3),
    eventPacedUs: figureIn(page, /^\| stream with pauses, gRPC, h2c/m, 3),
    guardedUs: figureIn(page, /^\| Connect JSON, HTTP\/1\.1 +\| +API key; limits/m, 3) - nothing,
    observedUs: figureIn(page, /^\| Connect JSON, HTTP\/1\.1 +\| +log with files/m, 4),
  }
}

/** The plan, in Markdown. */
export function planOf(costs: Costs): string {
  const { grpcUs, eventPacedUs, guardedUs, observedUs } = costs
  const perSecond = PLAN.callsPerMinute / 60
  const extraUs = guardedUs + observedUs
  const wholeUs = grpcUs + extraUs
  const streamUs = grpcUs + extraUs + PLAN.events * eventPacedUs
  const meanUs = wholeUs * (1 - PLAN.streamShare) + streamUs * PLAN.streamShare
  const cores = (perSecond * meanUs) / 1e6
  const wholeCores = (perSecond * wholeUs) / 1e6
  const running = perSecond * PLAN.answerSeconds
  const planned = (needed: number): number => Math.ceil(needed / PLAN.busy)
  const instances = (needed: number): number => Math.ceil(planned(needed) / PLAN.coresPerInstance) + 1
  const out = PLAN.streamShare * PLAN.events * PLAN.eventBytes + (1 - PLAN.streamShare) * PLAN.answerBytes
  const gigabits = (bytes: number): string => ((perSecond * bytes * 8) / 1e9).toFixed(2)
  const rows: readonly (readonly [string, string, string])[] = [
    ['calls a second', count(perSecond), '1,000,000 / 60'],
    [
      'CPU of a whole answer',
      us(wholeUs),
      `gRPC ${us(grpcUs)} + key and limits ${us(guardedUs)} + log and traces ${us(observedUs)}`,
    ],
    ['CPU of a stream', us(streamUs), `the same + ${PLAN.events} events with pauses × ${us(eventPacedUs)}`],
    ['cores that work, half streams', cores.toFixed(0), `${count(perSecond)} × ${us(meanUs)}`],
    ['cores to have, half streams', String(planned(cores)), `${PLAN.busy * 100} % busy at most`],
    [
      'instances of four cores, half streams',
      String(instances(cores)),
      'and one more, for the one that is replaced',
    ],
    ['cores that work, whole answers alone', wholeCores.toFixed(0), `${count(perSecond)} × ${us(wholeUs)}`],
    ['instances of four cores, whole answers alone', String(instances(wholeCores)), 'the same'],
    ['calls running at once', count(running), `${PLAN.answerSeconds} s each`],
    [
      'memory for those',
      `${((running * PLAN.streamKib) / 2 ** 20).toFixed(1)} GiB`,
      `${PLAN.streamKib} KiB each, beside ${RESIDENT_MIB} MiB for each process`,
    ],
    [
      'Redis, commands a second',
      count(perSecond * PLAN.redisTrips),
      `${PLAN.redisTrips} round trips a call with limits of both kinds, 0 without limits`,
    ],
    [
      'Postgres, rows a second',
      count(perSecond * PLAN.rows),
      'one line of the ledger a call, and a row for each message of a kept conversation',
    ],
    [
      'network to and from clients',
      `${gigabits(PLAN.questionBytes)} and ${gigabits(out)} Gbit/s`,
      `questions of ${PLAN.questionBytes} bytes; the same again to and from providers`,
    ],
  ]
  return [
    '| what | how much | by |',
    '|---|---:|---|',
    ...rows.map(cells => `| ${cells.join(' | ')} |`),
    '',
  ].join('\n')
}

/** Resident memory of a process after all loads of the benchmark. */
const RESIDENT_MIB = 310

/** The number in a cell, counted from 1, of the first row that begins so. */
function figureIn(page: string, row: RegExp, cell: number): number {
  const at = page.search(row)
  const line = at < 0 ? '' : page.slice(at, page.indexOf('\n', at))
  const figure = Number(line.split('|')[cell]?.trim().replaceAll(',', ''))
  if (line === '' || Number.isNaN(figure))
    throw new Error(`docs/benchmarks.md has no figure for ${row.source}`)
  return figure
}

function us(value: number): string {
  return `${value < 10 ? value.toFixed(1) : count(value)} µs`
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en')
}

if (import.meta.main) {
  const page = readFileSync(join(root, 'docs/benchmarks.md'), 'utf8')
  writeBetween(join(root, 'docs/capacity.md'), 'plan', planOf(costsIn(page)))
}

// What a connection and a waiting stream hold in the gateway: memory before and after, with the garbage collected.
import type { ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Gauged, GaugeOrder } from './gauge.ts'
import { type Running, startService } from './guarded.ts'
import type { Held } from './hold.ts'
import type { HoldOrder } from './load.ts'
import { type Asked, measure, PROMPT_BYTES, play, type Rest } from './loads.ts'
import type { Cores } from './machine.ts'
import { answerOf, stopChild } from './processes.ts'
import { alignedTable } from './report.ts'
import { metWord, type Promised } from './targets.ts'

/** What one of many held things holds, in bytes. */
export type MemoryRow = {
  readonly name: string
  readonly count: number
  readonly rss: number
  /** The part of it that is in V8's heap. */
  readonly heap: number
  /** The part of it that is in buffers. */
  readonly external: number
  readonly kibMax?: number
}

/** What was found, and in --profile who allocated what is held. */
export type MemoryFigures = { readonly rows: readonly MemoryRow[]; readonly holders: Gauged['holders'] }

/** What a run is made with. */
export type MemoryOptions = Rest & {
  readonly cores: Cores | undefined
  readonly folder: string
  readonly smoke: boolean
  readonly isProfiled?: boolean
}

/** The most that a waiting stream may hold, in KiB. */
export const WAITING_KIB_MAX = 48

type Weighed = Pick<HoldOrder, 'connections' | 'callsEach' | 'protocol' | 'kind'> & {
  readonly name: string
  readonly kibMax?: number
}

const SETTLE_MS = 1_500
const POLL_MS = 50
const ARRIVE_MS_MAX = 90_000
const WARM_SECONDS = 0.1
const ENCODING_MS = 2_500

/** Holds one thing after another, each in a service of its own that has served some calls, and weighs it. */
export async function measureMemory(options: MemoryOptions): Promise<MemoryFigures> {
  const rows: MemoryRow[] = []
  let holders: Gauged['holders'] = []
  for (const one of plan(options.smoke)) {
    const found = await weighIn(options, one)
    rows.push(found.row)
    if (found.holders.length > 0) holders = [...holders, [`— ${one.name} —`, 0], ...found.holders]
  }
  return { rows, holders }
}

type Weight = { readonly row: MemoryRow; readonly holders: Gauged['holders'] }

async function weighIn(options: MemoryOptions, one: Weighed): Promise<Weight> {
  const { isProfiled = false } = options
  const running = await startService('key', {
    ...options,
    nodeArgs: ['--expose-gc', '--import', new URL('./gauge.ts', import.meta.url).href],
    // Longer than it takes to begin ten thousand calls on a busy machine.
    env: { FIRST_TOKEN_TIMEOUT: '600', LOG_LEVEL: 'warn' },
  })
  try {
    const asked: Asked = { ...running.server, credential: running.credential }
    for (const kind of ['unary', 'stream'] as const) {
      const load = { name: 'before memory', protocol: one.protocol, kind, promptBytes: PROMPT_BYTES.usual }
      // Not for long: memory that a load has left behind would be used for what is held, and not be seen.
      await measure(options, asked, load, WARM_SECONDS)
    }
    // The token encoding is loaded two seconds after the start.
    await sleep(options.smoke ? 0 : ENCODING_MS)
    return await weigh(options, running, one, isProfiled)
  } finally {
    await stopChild(running.server.child)
  }
}

/** The figures as they stand in the documentation. */
export function describeMemory({ rows }: MemoryFigures): string {
  const kib = (bytes: number): string => (bytes / 1024).toFixed(1)
  return alignedTable([
    ['held', 'how many', 'KiB each', 'of it heap', 'buffers', 'the rest', 'target', 'met'],
    ...rows.map(({ name, count, rss, heap, external, kibMax }) => [
      name,
      count.toLocaleString('en'),
      kib(rss),
      kib(heap),
      kib(external),
      kib(rss - heap - external),
      kibMax === undefined ? '' : `≤ ${kibMax}`,
      kibMax === undefined ? '' : metWord(rss <= kibMax * 1024),
    ]),
  ])
}

/** What was promised of memory. */
export function memoryTargets({ rows }: MemoryFigures): readonly Promised[] {
  return rows.flatMap(({ name, count, rss, kibMax }) =>
    kibMax === undefined
      ? []
      : [
          {
            what: `memory of a ${name}, ${count.toLocaleString('en')} of them`,
            target: `≤ ${kibMax} KiB`,
            found: `${(rss / 1024).toFixed(1)} KiB`,
            isMet: rss <= kibMax * 1024,
          },
        ],
  )
}

/** Who allocated what the last ones hold, for --profile. */
export function describeHolders({ holders }: MemoryFigures): string {
  return alignedTable([
    ['allocated by', 'KiB alive'],
    ...holders.map(([name, bytes]) => [name, bytes === 0 ? '' : (bytes / 1024).toFixed(0)]),
  ])
}

async function weigh(
  { load, upstream }: MemoryOptions,
  { server, credential }: Running,
  { name, kibMax, ...held }: Weighed,
  isProfiled: boolean,
): Promise<Weight> {
  const target = { port: server.port, credential, promptBytes: PROMPT_BYTES.usual }
  if (isProfiled) await ask(server.child, 'sample')
  const before = await ask<Gauged>(server.child, 'gauge')
  const order: HoldOrder = { ...target, ...held }
  await play<Held>(load, { ...order, hold: true }, name)
  await arrived(upstream, held.connections * held.callsEach)
  await sleep(SETTLE_MS)
  const after = await ask<Gauged>(server.child, 'gauge')
  await play<Held>(load, { ...order, connections: 0, hold: true }, name)
  await arrived(upstream, 0)
  const count = held.connections * Math.max(1, held.callsEach)
  const each = (what: 'rss' | 'heap' | 'external'): number => (after[what] - before[what]) / count
  const row = { name, count, rss: each('rss'), heap: each('heap'), external: each('external') }
  return { row: kibMax === undefined ? row : { ...row, kibMax }, holders: after.holders }
}

function ask<Answer>(child: ChildProcess, order: GaugeOrder): Promise<Answer> {
  const answered = answerOf<Answer>(child)
  child.send(order)
  return answered
}

// Until the fake provider holds so many calls that it says nothing to.
async function arrived(upstream: ChildProcess, count: number): Promise<void> {
  for (let waitedMs = 0; waitedMs < ARRIVE_MS_MAX; waitedMs += POLL_MS) {
    const answered = answerOf<{ waiting: number }>(upstream)
    upstream.send('waiting')
    const { waiting } = await answered
    if (waiting === count) return
    await sleep(POLL_MS)
  }
  throw new Error(`the run is invalid: ${count} calls did not all reach the provider`)
}

function plan(smoke: boolean): readonly Weighed[] {
  const idle = smoke ? 20 : 5_000
  const [connections, callsEach] = smoke ? [5, 10] : [100, 100]
  return [
    {
      name: 'idle connection, HTTP/1.1',
      connections: idle,
      callsEach: 0,
      protocol: 'connect',
      kind: 'unary',
    },
    { name: 'idle connection, HTTP/2', connections: idle, callsEach: 0, protocol: 'grpc', kind: 'unary' },
    {
      name: 'waiting StreamComplete, gRPC',
      connections,
      callsEach,
      protocol: 'grpc',
      kind: 'silent',
      kibMax: WAITING_KIB_MAX,
    },
  ]
}

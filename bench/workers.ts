// What a second worker brings: calls a second of one process and of two workers, each of them on the same part of a core.
// Usage: node bench/workers.ts [--seconds 3] [--rounds 4] [--part 0.3] [--connections 64]
import type { ChildProcess } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { LoadOrder, LoadResult } from './load.ts'
import { cpuMicros, describeMachine, rssBytes } from './machine.ts'
import { answerOf, type Server, startChild, startGateway, stopChild } from './processes.ts'
import { type CpuGroup, hasCpuGroups, openCpuGroup } from './quota.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '4' },
    part: { type: 'string', default: '0.3' },
    connections: { type: 'string', default: '64' },
  },
})
const seconds = Number(values.seconds)
const rounds = Number(values.rounds)
const part = Number(values.part)
const connections = Number(values.connections)

/** A service in its surroundings. */
type Rig = {
  readonly name: string
  readonly server: Server
  /** Those that serve the port. */
  readonly serving: readonly number[]
  /** The process that owns what they share, where there is one. */
  readonly owner: number | undefined
  readonly folder: string
}

/** What one load showed. */
type Shown = {
  readonly callsPerSecond: number
  /** Cores that those who serve have used, together. */
  readonly cores: number
  /** Microseconds of CPU for a call. */
  readonly serving: number
  readonly owner: number
}

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN

await main()

async function main(): Promise<void> {
  const upstream = startChild({ file: 'bench/upstream.ts' })
  const load = startChild({ file: 'bench/load.ts' })
  const [{ port }] = await Promise.all([answerOf<{ port: number }>(upstream), answerOf(load)])
  const rigs: Rig[] = []
  try {
    for (const workers of [1, 2]) rigs.push(await start(workers, port))
    const [one, two] = rigs
    if (one === undefined || two === undefined) return
    say(`${describeMachine()}, ${new Date().toISOString().slice(0, 10)}`)
    say(
      `start to first answer: ${rigs.map(({ name, server }) => `${name} ${Math.round(server.firstAnswerMs)} ms`).join(', ')}`,
    )
    say(`memory: ${rigs.map(rig => `${rig.name} ${memoryOf(rig)}`).join(', ')}`)
    for (const rig of rigs) await play(load, rig, 2)
    if (hasCpuGroups()) await withQuota({ load, upstream }, one, two)
    else say('no control groups here: calls a second of a fixed part of a core are not measured')
  } finally {
    for (const { server, folder } of rigs) {
      await stopChild(server.child)
      await rm(folder, { recursive: true, force: true })
    }
    await stopChild(load)
    await stopChild(upstream)
  }
}

async function start(workers: number, upstreamPort: number): Promise<Rig> {
  const folder = await mkdtemp(join(tmpdir(), 'exai-bench-workers-'))
  const env = { WORKERS: String(workers), OVERLOAD_DELAY: '0' }
  const server = await startGateway({ upstreamPort, core: undefined, folder, env })
  // The last worker may come a moment after the first one.
  for (
    let tries = 0;
    workers > 1 && tries < 100 && (await childrenOf(server.pid)).length < workers;
    tries += 1
  )
    await sleep(50)
  await sleep(1_000)
  const children = await childrenOf(server.pid)
  return workers === 1
    ? { name: 'one process', server, serving: [server.pid], owner: undefined, folder }
    : { name: `${workers} workers`, server, serving: children, owner: server.pid, folder }
}

async function childrenOf(pid: number): Promise<readonly number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return text.split(' ').filter(Boolean).map(Number)
}

async function play(load: ChildProcess, rig: Rig, forSeconds: number): Promise<Shown> {
  const order: LoadOrder = {
    port: rig.server.port,
    protocol: 'connect',
    kind: 'unary',
    connections,
    seconds: forSeconds,
  }
  const cpu = (): readonly [number, number] => [
    rig.serving.reduce((sum, pid) => sum + cpuMicros(pid), 0),
    rig.owner === undefined ? 0 : cpuMicros(rig.owner),
  ]
  const before = cpu()
  const answered = answerOf<LoadResult>(load)
  load.send(order)
  const result = await answered
  const after = cpu()
  if (result.error !== undefined) throw new Error(result.error)
  return {
    callsPerSecond: result.calls / result.seconds,
    cores: (after[0] - before[0]) / 1e6 / result.seconds,
    serving: (after[0] - before[0]) / result.calls,
    owner: (after[1] - before[1]) / result.calls,
  }
}

/** Each process that serves gets the same part of a core; the load, the provider and the owner take what they want. */
async function withQuota(
  { load, upstream }: { readonly load: ChildProcess; readonly upstream: ChildProcess },
  one: Rig,
  two: Rig,
): Promise<void> {
  const groups: CpuGroup[] = []
  const open = (name: string, most: number | undefined, pids: readonly (number | undefined)[]): void => {
    const group = openCpuGroup(name, most)
    groups.push(group)
    for (const pid of pids) if (pid !== undefined) group.add(pid)
  }
  try {
    open('rest', undefined, [load.pid, upstream.pid, two.owner])
    for (const pid of [...one.serving, ...two.serving]) open(String(pid), part, [pid])
    const shown: { readonly one: Shown; readonly two: Shown }[] = []
    for (let round = 0; round < rounds; round += 1) {
      const first = await play(load, one, seconds)
      shown.push({ one: first, two: await play(load, two, seconds) })
    }
    say(
      `each process that serves gets ${part * 100} % of a core; ${connections} connections, ${rounds} rounds of ${seconds} s`,
    )
    say('| | calls/s | cores used | µs of CPU a call where it is served | µs a call at the owner |')
    say('|---|---|---|---|---|')
    say(
      rowOf(
        one.name,
        shown.map(round => round.one),
      ),
    )
    say(
      rowOf(
        two.name,
        shown.map(round => round.two),
      ),
    )
    const all = (of: (round: (typeof shown)[number]) => Shown): number =>
      shown.reduce((sum, round) => sum + of(round).callsPerSecond, 0)
    const ratio = all(round => round.two) / all(round => round.one)
    say(`two workers give ${ratio.toFixed(2)} times the calls of one process`)
    const owner = median(shown.map(round => round.two.owner))
    say(
      `with a core for each, one owner is enough for ${Math.floor(median(shown.map(round => round.two.serving)) / owner)} workers`,
    )
  } finally {
    for (const group of groups) group.close()
  }
}

function rowOf(name: string, shown: readonly Shown[]): string {
  const of = (key: keyof Shown): string => median(shown.map(one => one[key])).toFixed(0)
  const cores = median(shown.map(one => one.cores)).toFixed(2)
  return `| ${name} | ${of('callsPerSecond')} | ${cores} | ${of('serving')} | ${of('owner')} |`
}

function memoryOf({ serving, owner }: Rig): string {
  const mib = (pid: number): string => `${Math.round(rssBytes(pid) / 2 ** 20)} MiB`
  return [...serving.map(mib), ...(owner === undefined ? [] : [`owner ${mib(owner)}`])].join(' + ')
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

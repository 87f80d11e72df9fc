// `npm run bench`: what calls, streams, waiting, starting and keeping cost, beside the floor and beside other gateways.
import type { ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import manifest from '../package.json' with { type: 'json' }
import { startService } from './guarded.ts'
import { describeLatency, latencyTargets, measureLatency } from './latency.ts'
import { type Asked, CONNECTIONS, LOADS, measure, type Rest } from './loads.ts'
import { describeMachine, findCores, pinSelf, rssBytes } from './machine.ts'
import { PARTS, type PartReport, runPart } from './parts.ts'
import { answerOf, root, startChild, startFloor, stopChild } from './processes.ts'
import { describeProfiles } from './profile.ts'
import { describeRanking, type Pair, type Row, rank, rankingTargets } from './ranking.ts'
import { writeBetween } from './report.ts'
import { describeTargets, type Promised } from './targets.ts'
import { describeWhere, measureWhere } from './where.ts'

const PROFILED = 40
// On one core that both of them share, threads that collect at once only wait for each other; and they are to collect seldom.
const PUNCTUAL = ['--no-parallel-scavenge', '--min-semi-space-size=64', '--max-semi-space-size=64']

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string' },
    rounds: { type: 'string' },
    only: { type: 'string', default: '' },
    latency: { type: 'boolean', default: false },
    mib: { type: 'string' },
    smoke: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
    json: { type: 'string' },
    out: { type: 'string' },
  },
})
const { smoke } = options
const seconds = Number(options.seconds ?? (smoke ? 0.3 : 2))
const rounds = Number(options.rounds ?? (smoke ? 1 : 3))
// Until V8 has compiled what is often run: a call in the first second takes twice the CPU of one after six.
const warmSeconds = smoke ? 0.2 : 6
const latencyPlan = smoke
  ? { rounds: 1, seconds: 0.3, pacedSeconds: 0.3, warmSeconds: 0.1 }
  : { rounds: 3, seconds: 1.5, pacedSeconds: 3, warmSeconds: 0.5 }
const mib = Number(options.mib ?? (smoke ? 64 : 2048))
const isChosen = (name: string): boolean => name.toLowerCase().includes(options.only.toLowerCase())
const loads = LOADS.filter(({ name }) => isChosen(name))
// The others take half a minute to start: a smoke run leaves them out, unless it is told their name.
const parts = PARTS.filter(
  name => !options.latency && isChosen(name) && !(smoke && name === 'peers' && options.only === ''),
)
if (loads.length + parts.length === 0) {
  const names = [...LOADS.map(({ name }) => name), ...PARTS]
  throw new Error(`nothing is called ${options.only}: ${names.join('; ')}`)
}
// What was asked for in part, or in small, is no figure for the documentation.
const isWhole =
  !smoke && !options.profile && !options.latency && options.only === '' && options.mib === undefined
const out = options.out ?? (isWhole ? join(root, 'docs/benchmarks.md') : undefined)

const startedMs = performance.now()
const date = new Date().toISOString().slice(0, 10)
const machine = describeMachine()
const cores = findCores()
if (cores !== undefined) pinSelf(cores.rest)
const folder = mkdtempSync(join(tmpdir(), 'exai-bench-'))
const children: ChildProcess[] = []
const found: Record<string, unknown> = {}
const promised: Promised[] = []
try {
  const rest = await startRest()
  await (options.profile ? profile(rest) : bench(rest))
  if (options.json !== undefined) writeFileSync(options.json, JSON.stringify(found, null, 2))
  if (isWhole && options.out === undefined) keepResults()
} finally {
  await Promise.all(children.map(stopChild))
  rmSync(folder, { recursive: true, force: true })
}

async function bench(rest: Rest): Promise<void> {
  if (loads.length > 0) await benchLoads(rest)
  for (const part of parts) reportPart(await runPart(part, { ...rest, cores, folder, mib, smoke }))
  if (promised.length === 0) return
  // One part says nothing of what was promised of the others.
  if (isWhole) report('targets', describeTargets(promised))
  else console.log(`\n${describeTargets(promised)}`)
}

function reportPart({ part, text, figures, faults, promised: more = [] }: PartReport): void {
  found[part] = figures
  promised.push(...more)
  report(part, `${headOf(part)}\n\n${text}`)
  if (faults.length === 0 || smoke) return
  console.log(`Over the limit: ${faults.join('; ')}.`)
  process.exitCode = 1
}

async function benchLoads(rest: Rest): Promise<void> {
  const { server, credential } = await startService('key', { ...rest, cores, folder })
  children.push(server.child)
  const floor = await startFloor({ ...rest, core: cores?.server, folder })
  children.push(floor.child)
  const pair: Pair = { exai: { ...server, credential }, floor }
  // Without the ranking one short round of it tells where to look for half of the load.
  const plan = options.latency ? { rounds: 1, seconds: 1, warmSeconds } : { rounds, seconds, warmSeconds }
  const rows = await rank(rest, pair, loads, plan)
  const rssLoaded = rssBytes(server.pid)
  if (!options.latency) {
    promised.push(...rankingTargets(rows))
    report('bench', rankingText(rows, rssLoaded))
  }
  const latency = await measureLatency(rest, pair, loads, rows, { ...latencyPlan, core: cores?.server })
  promised.push(...latencyTargets(latency))
  report('latency', `${headOf('latency')}\n\n${describeLatency(latency)}`)
  Object.assign(found, { rows, rssLoaded, latency })
  await Promise.all([server.child, floor.child].map(stopChild))
  if (options.latency) return
  const where = await measureWhere({ ...rest, cores, folder, smoke }, loads, rows)
  if (where.length > 0) report('where', `${headOf('where')}\n\n${describeWhere(where, loads)}`)
}

function rankingText(rows: readonly Row[], rssLoaded: number): string {
  return [
    `${date}, exai ${manifest.version}, \`npm run bench\`: ${rounds} rounds of ${seconds} s, ${CONNECTIONS} calls at any time.`,
    `${machine}. ${pinning()}`,
    '',
    describeRanking(rows),
    '',
    `RSS of exai after all of these: ${(rssLoaded / 2 ** 20).toFixed(0)} MiB.`,
  ].join('\n')
}

function report(section: string, text: string): void {
  console.log(`\n${text}`)
  if (out !== undefined) writeBetween(out, section, text)
}

function headOf(part: string): string {
  return `${date}, exai ${manifest.version}, \`npm run bench\`, its part \`${part}\`. ${machine}.`
}

function pinning(): string {
  return cores === undefined
    ? 'Nothing was pinned to a core: the figures are rough.'
    : `The server alone on core ${cores.server}, load and fake provider on core ${cores.rest}.`
}

/** One small file for each day, so that what changed since can be looked up. */
function keepResults(): void {
  const results = join(root, 'bench/results')
  mkdirSync(results, { recursive: true })
  const minutes = (performance.now() - startedMs) / 60_000
  const raw = { date, version: manifest.version, machine, pinning: pinning(), minutes, promised, ...found }
  writeFileSync(join(results, `${date}.json`), `${JSON.stringify(raw, shortened, 2)}\n`)
}

function shortened(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value
}

async function profile(rest: Rest): Promise<void> {
  const profiles = join(folder, 'profiles')
  mkdirSync(profiles)
  const nodeArgs = ['--cpu-prof', `--cpu-prof-dir=${profiles}`]
  // Of the parts only those in a gateway, and only when they are named: with the loads they would hide them.
  if (loads.length === 0) {
    for (const part of parts) {
      const { text } = await runPart(part, { ...rest, cores, folder, mib, smoke, nodeArgs, isProfiled: true })
      console.log(text)
    }
    if (parts.includes('files')) console.log(`\n${describeProfiles(profiles, PROFILED)}`)
    return
  }
  const { server, credential } = await startService('key', { ...rest, cores, folder, nodeArgs })
  children.push(server.child)
  const asked: Asked = { ...server, credential }
  for (const one of loads) {
    const { micros } = await measure(rest, asked, one, seconds)
    console.log(`${one.name}: ${micros.toFixed(1)} µs under the profiler`)
  }
  await stopChild(server.child)
  console.log(`\n${describeProfiles(profiles, PROFILED)}`)
}

async function startRest(): Promise<Rest> {
  const how = { nodeArgs: PUNCTUAL, core: cores?.rest }
  const upstream = startChild({ file: 'bench/upstream.ts', ...how })
  const load = startChild({ file: 'bench/load.ts', ...how })
  children.push(upstream, load)
  const [{ port }] = await Promise.all([answerOf<{ port: number }>(upstream), answerOf(load)])
  return { load, upstream, upstreamPort: port }
}

// `npm run bench`: the gateway's CPU per call and per streamed event beside that of the floor, and what it costs to keep things.
import type { ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { LoadOrder, LoadResult } from './load.ts'
import { cpuMicros, describeMachine, findCores, pinSelf, rssBytes } from './machine.ts'
import { PARTS, type Part, type PartReport, runPart } from './parts.ts'
import { type Kind, TOKENS } from './payload.ts'
import { answerOf, root, type Server, startChild, startFloor, startGateway, stopChild } from './processes.ts'
import { describeProfiles } from './profile.ts'
import { alignedTable, figureOf, median, type Row, type Sample, tableOf, writeBetween } from './report.ts'
import type { Protocol } from './wire.ts'

type Load = { readonly name: string; readonly protocol: Protocol; readonly kind: Kind }
type Name = 'exai' | 'floor'
type Turn = { readonly name: Name; readonly one: Load }
type Rest = { readonly load: ChildProcess; readonly upstreamPort: number }
type Start = { readonly readyMs: number; readonly firstAnswerMs: number; readonly rssIdle: number }

const CONNECTIONS = 32
const PROFILED = 40
const IDLE_MS = 1000

const loads: readonly Load[] = [
  { name: 'unary, Connect JSON, HTTP/1.1', protocol: 'connect', kind: 'unary' },
  { name: 'unary, gRPC, h2c', protocol: 'grpc', kind: 'unary' },
  { name: 'unary, gRPC-Web, HTTP/1.1', protocol: 'grpc-web', kind: 'unary' },
  { name: 'stream at once, Connect JSON, HTTP/1.1', protocol: 'connect', kind: 'stream' },
  { name: 'stream at once, gRPC, h2c', protocol: 'grpc', kind: 'stream' },
  { name: 'stream at once, gRPC-Web, HTTP/1.1', protocol: 'grpc-web', kind: 'stream' },
  { name: 'stream with pauses, Connect JSON, HTTP/1.1', protocol: 'connect', kind: 'paced' },
  { name: 'stream with pauses, gRPC, h2c', protocol: 'grpc', kind: 'paced' },
  { name: 'stream with pauses, gRPC-Web, HTTP/1.1', protocol: 'grpc-web', kind: 'paced' },
]

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string' },
    rounds: { type: 'string' },
    only: { type: 'string', default: '' },
    mib: { type: 'string' },
    smoke: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
    json: { type: 'string' },
    out: { type: 'string' },
  },
})
const seconds = Number(options.seconds ?? (options.smoke ? 0.3 : 4))
const rounds = Number(options.rounds ?? (options.smoke ? 1 : 3))
const warmSeconds = options.smoke ? 0.2 : 3
const mib = Number(options.mib ?? (options.smoke ? 64 : 2048))
const isChosen = (name: string): boolean => name.toLowerCase().includes(options.only.toLowerCase())
const chosen = loads.filter(({ name }) => isChosen(name))
const parts = PARTS.filter(isChosen)
if (chosen.length + parts.length === 0) {
  const names = [...loads.map(({ name }) => name), ...PARTS]
  throw new Error(`nothing is called ${options.only}: ${names.join('; ')}`)
}
// What was asked for in part, or in small, is no figure for the documentation.
const isWhole = !options.smoke && options.only === '' && options.mib === undefined
const out = options.out ?? (isWhole ? join(root, 'docs/benchmarks.md') : undefined)

const machine = describeMachine()
const cores = findCores()
if (cores !== undefined) pinSelf(cores.rest)
const folder = mkdtempSync(join(tmpdir(), 'exai-bench-'))
const children: ChildProcess[] = []
const found: Record<string, unknown> = {}
try {
  await (options.profile ? profile() : bench())
  if (options.json !== undefined) writeFileSync(options.json, JSON.stringify(found, null, 2))
} finally {
  await Promise.all(children.map(stopChild))
  rmSync(folder, { recursive: true, force: true })
}

async function bench(): Promise<void> {
  const rest = await startRest()
  if (chosen.length > 0) await benchLoads(rest)
  for (const part of parts)
    reportPart(await runPart(part, { ...rest, cores, folder, mib, smoke: options.smoke }))
}

function reportPart({ part, text, figures, faults }: PartReport): void {
  console.log(`\n${text}`)
  found[part] = figures
  if (out !== undefined) writeBetween(out, part, `${headOf(part)}\n\n${text}`)
  if (faults.length === 0 || options.smoke) return
  console.log(`Over the limit: ${faults.join('; ')}.`)
  process.exitCode = 1
}

function headOf(part: Part): string {
  return `${new Date().toISOString().slice(0, 10)}, \`npm run bench\`, its part \`${part}\`. ${machine}.`
}

async function benchLoads({ load, upstreamPort }: Rest): Promise<void> {
  const at = { upstreamPort, core: cores?.server, folder }
  const starts: Record<Name, Start[]> = { exai: [], floor: [] }
  const start = async (name: Name): Promise<Server> => {
    const server = await (name === 'exai' ? startGateway(at) : startFloor(at))
    children.push(server.child)
    await sleep(options.smoke ? 0 : IDLE_MS)
    starts[name].push({
      readyMs: server.readyMs,
      firstAnswerMs: server.firstAnswerMs,
      rssIdle: rssBytes(server.pid),
    })
    return server
  }
  for (let round = 1; round < rounds; round += 1) {
    for (const name of ['exai', 'floor'] as const) await stopChild((await start(name)).child)
  }
  const servers = { exai: await start('exai'), floor: await start('floor') }

  // The floor speaks JSON on HTTP/1.1 only, and is measured once for each kind, after the first protocol of it.
  const plan = chosen.flatMap((one, index): readonly Turn[] =>
    chosen.findIndex(({ kind }) => kind === one.kind) === index
      ? [
          { name: 'exai', one },
          { name: 'floor', one: { ...one, protocol: 'connect', name: `${one.kind}, the floor` } },
        ]
      : [{ name: 'exai', one }],
  )
  for (const { name, one } of plan) {
    // A paced stream takes a second and runs the code of the other kind.
    if (one.kind !== 'paced' || !options.smoke) await measure(load, servers[name], one, warmSeconds)
  }
  const samples = new Map<string, Sample[]>()
  for (let round = 0; round < rounds; round += 1) {
    for (const { name, one } of round % 2 === 0 ? plan : plan.toReversed()) {
      const sample = await measure(load, servers[name], one, seconds)
      samples.set(keyOf(name, one), [...(samples.get(keyOf(name, one)) ?? []), sample])
      console.log(`round ${round + 1}: ${name.padEnd(5)} ${one.name}: ${sample.micros.toFixed(1)} µs`)
    }
  }
  report(rowsOf(samples), starts, rssBytes(servers.exai.pid))
  await Promise.all([servers.exai, servers.floor].map(({ child }) => stopChild(child)))
}

async function profile(): Promise<void> {
  const { load, upstreamPort } = await startRest()
  const profiles = join(folder, 'profiles')
  mkdirSync(profiles)
  const nodeArgs = ['--cpu-prof', `--cpu-prof-dir=${profiles}`]
  // Of the parts only the file is in a gateway, and only when it is named: with the loads it would hide them.
  if (chosen.length === 0) {
    const { text } = await runPart('files', {
      upstreamPort,
      cores,
      folder,
      mib,
      smoke: options.smoke,
      nodeArgs,
    })
    console.log(`${text}\n\n${describeProfiles(profiles, PROFILED)}`)
    return
  }
  const server = await startGateway({ upstreamPort, core: cores?.server, folder, nodeArgs })
  children.push(server.child)
  for (const one of chosen) {
    const { micros } = await measure(load, server, one, seconds)
    console.log(`${one.name}: ${micros.toFixed(1)} µs under the profiler`)
  }
  await stopChild(server.child)
  console.log(`\n${describeProfiles(profiles, PROFILED)}`)
}

async function startRest(): Promise<Rest> {
  const upstream = startChild({ file: 'bench/upstream.ts', core: cores?.rest })
  const load = startChild({ file: 'bench/load.ts', core: cores?.rest })
  children.push(upstream, load)
  const [{ port }] = await Promise.all([answerOf<{ port: number }>(upstream), answerOf(load)])
  return { load, upstreamPort: port }
}

async function measure(load: ChildProcess, server: Server, one: Load, duration: number): Promise<Sample> {
  const { protocol, kind } = one
  const order: LoadOrder = { port: server.port, protocol, kind, connections: CONNECTIONS, seconds: duration }
  const before = cpuMicros(server.pid)
  const answered = answerOf<LoadResult>(load)
  load.send(order)
  const result = await answered
  const micros = cpuMicros(server.pid) - before
  if (result.error !== undefined) throw new Error(`the run is invalid: ${one.name}: ${result.error}`)
  const units = result.calls * unitsOf(kind)
  return { micros: micros / units, rate: units / result.seconds, messages: result.messages / result.calls }
}

function rowsOf(samples: ReadonlyMap<string, readonly Sample[]>): readonly Row[] {
  return chosen.map(one => {
    const exai = figureOf(samples.get(keyOf('exai', one)) ?? [])
    const floor = figureOf(samples.get(keyOf('floor', one)) ?? [])
    const unit = one.kind === 'unary' ? 'call' : 'event'
    return { name: one.name, unit, exai, floor, ratio: exai.micros / floor.micros }
  })
}

function report(rows: readonly Row[], starts: Record<Name, Start[]>, rssLoaded: number): void {
  const middle = (name: Name, what: keyof Start): number => median(starts[name].map(one => one[what]))
  const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(0)
  const startTable = alignedTable([
    ['start', 'ready ms', 'first chat answer ms', 'RSS idle MiB'],
    ...(['exai', 'floor'] as const).map(name => [
      name,
      middle(name, 'readyMs').toFixed(0),
      middle(name, 'firstAnswerMs').toFixed(0),
      mib(middle(name, 'rssIdle')),
    ]),
  ])
  const told = {
    ...(options.smoke ? { '--smoke': '' } : {}),
    ...(options.only === '' ? {} : { '--only': options.only }),
  }
  const args = Object.entries(told).flatMap(([name, value]) => (value === '' ? [name] : [name, `'${value}'`]))
  const command = ['npm run bench', ...(args.length === 0 ? [] : ['--', ...args])].join(' ')
  const pins =
    cores === undefined
      ? 'Nothing was pinned to a core: the figures are rough.'
      : `The server alone on core ${cores.server}, load and fake provider on core ${cores.rest}.`
  const text = [
    `${new Date().toISOString().slice(0, 10)}, \`${command}\`: ${rounds} rounds of ${seconds} s, ${CONNECTIONS} calls at any time.`,
    `${machine}. ${pins}`,
    '',
    tableOf(rows),
    '',
    startTable,
    '',
    `RSS of exai after all loads: ${mib(rssLoaded)} MiB.`,
  ].join('\n')
  console.log(`\n${text}`)
  Object.assign(found, { rows, starts, rssLoaded })
  if (out !== undefined) writeBetween(out, 'bench', text)
}

function keyOf(name: Name, { kind, protocol }: Load): string {
  return `${name} ${kind} ${name === 'floor' ? '' : protocol}`
}

function unitsOf(kind: Kind): number {
  return kind === 'unary' ? 1 : TOKENS
}

// `node bench/observe.ts`: what observing costs a call: log with files, traces to a collector, scrapes and metrics, in one run.
import type { ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createMetrics } from '../src/telemetry/metrics.ts'
import type { LoadOrder, LoadResult } from './load.ts'
import { cpuMicros, describeMachine, findCores, pinSelf } from './machine.ts'
import { median } from './numbers.ts'
import { answerOf, root, type Server, startChild, startGateway, stopChild } from './processes.ts'
import { alignedTable, writeBetween } from './report.ts'
import type { Protocol } from './wire.ts'

const CONNECTIONS = 32
const SCRAPE_EVERY_MS = 5_000
const METRIC_CALLS = 100_000
/** The largest part of a call's CPU that observing may take, in %. */
const SHARE_MAX = 15

const PROTOCOLS = {
  connect: 'Connect JSON, HTTP/1.1',
  grpc: 'gRPC, h2c',
} as const satisfies Partial<Record<Protocol, string>>
const SERVICES = {
  nothing: 'nothing but metrics',
  log: 'log with files',
  traces: 'traces',
  all: 'log with files, traces, scrapes',
} as const
type ServiceName = keyof typeof SERVICES
const protocols = Object.keys(PROTOCOLS) as readonly (keyof typeof PROTOCOLS)[]

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '0.75' },
    rounds: { type: 'string', default: '8' },
    starts: { type: 'string', default: '4' },
    warm: { type: 'string', default: '4' },
    parts: { type: 'boolean', default: false },
    docs: { type: 'boolean', default: false },
  },
})
const [seconds, rounds, warm] = [Number(options.seconds), Number(options.rounds), Number(options.warm)]
const starts = Number(options.starts)
const services: readonly ServiceName[] = options.parts
  ? ['nothing', 'log', 'traces', 'all']
  : ['nothing', 'all']

const cores = findCores()
if (cores !== undefined) pinSelf(cores.rest)
const machine = describeMachine()
const folder = mkdtempSync(join(tmpdir(), 'exai-observe-'))
const children: ChildProcess[] = []
const collector = createServer((request, response) => {
  request.resume().on('end', () => response.writeHead(200).end())
})
try {
  const metrics = metricsMicros()
  const samples: Samples = new Map()
  await new Promise<void>(resolve => collector.listen(0, '127.0.0.1', resolve))
  // One process is not like another: how its heap lies and what was compiled when is a few percent, too.
  for (let at = 0; at < starts; at += 1) await bench(join(folder, String(at)), samples)
  const today = new Date().toISOString().slice(0, 10)
  const figures = protocols.flatMap(protocol =>
    services.map(service => figureOf(samples, protocol, service, metrics)),
  )
  const text = `${today}, \`node bench/observe.ts\`: ${CONNECTIONS} calls at any time. ${machine}.

${tableOf(figures)}

Metrics, which are in all of them: ${metrics.toFixed(1)} µs a call. Limit: ${SHARE_MAX} % for the share of all of it.`
  console.log(text)
  if (options.docs) writeBetween(join(root, 'docs/benchmarks.md'), 'observe', text)
  if (figures.some(({ service, share }) => service === 'all' && !(share <= SHARE_MAX))) process.exitCode = 1
} finally {
  await Promise.all(children.map(stopChild))
  collector.close()
  collector.closeAllConnections()
  rmSync(folder, { recursive: true, force: true })
}

/** CPU of a call in microseconds, by protocol and service, one for each round. */
type Samples = Map<string, number[]>

async function bench(home: string, samples: Samples): Promise<void> {
  const { port } = collector.address() as AddressInfo
  const upstream = startChild({ file: 'bench/upstream.ts', core: cores?.rest })
  const load = startChild({ file: 'bench/load.ts', core: cores?.rest })
  children.push(upstream, load)
  const [{ port: upstreamPort }] = await Promise.all([answerOf<{ port: number }>(upstream), answerOf(load)])
  const running = new Map<ServiceName, Server>()
  for (const name of services) {
    const place = join(home, name)
    mkdirSync(place, { recursive: true })
    const env = settingsOf(name, port)
    const server = await startGateway({ upstreamPort, core: cores?.server, folder: place, env })
    children.push(server.child)
    running.set(name, server)
  }
  const scraping = setInterval(() => {
    fetch(`http://127.0.0.1:${running.get('all')?.port}/metrics`).then(
      reply => reply.text(),
      () => undefined,
    )
  }, SCRAPE_EVERY_MS)
  const plan = protocols.flatMap(protocol => services.map(service => ({ protocol, service })))
  for (let round = -1; round < rounds; round += 1) {
    for (const { protocol, service } of round % 2 === 0 ? plan : plan.toReversed()) {
      const micros = await measure(load, running.get(service), protocol, round < 0 ? warm : seconds)
      const key = `${protocol} ${service}`
      if (round >= 0) samples.set(key, [...(samples.get(key) ?? []), micros])
    }
  }
  clearInterval(scraping)
  await Promise.all(children.splice(0).map(stopChild))
}

function settingsOf(name: ServiceName, collectorPort: number): Readonly<Record<string, string>> {
  const log = { LOG_DIR: 'logs' }
  const silence = { LOG_LEVEL: 'silent' }
  const traces = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collectorPort}` }
  return { nothing: silence, log, traces: { ...silence, ...traces }, all: { ...log, ...traces } }[name]
}

async function measure(
  load: ChildProcess,
  server: Server | undefined,
  protocol: Protocol,
  duration: number,
): Promise<number> {
  if (server === undefined) throw new Error('the run is invalid: a service was not started')
  const order: LoadOrder = {
    port: server.port,
    protocol,
    kind: 'unary',
    connections: CONNECTIONS,
    seconds: duration,
  }
  const before = cpuMicros(server.pid)
  const answered = answerOf<LoadResult>(load)
  load.send(order)
  const result = await answered
  const micros = cpuMicros(server.pid) - before
  if (result.error !== undefined) throw new Error(`the run is invalid: ${result.error}`)
  return micros / result.calls
}

interface Figure {
  readonly protocol: keyof typeof PROTOCOLS
  readonly service: ServiceName
  readonly micros: number
  /** What it takes more than the one that observes nothing, in microseconds, round by round. */
  readonly added: number
  /** The part of a call's CPU that observing takes, metrics included, in %, round by round. */
  readonly share: number
  readonly shareLow: number
  readonly shareHigh: number
}

function figureOf(
  samples: Samples,
  protocol: Figure['protocol'],
  service: ServiceName,
  metrics: number,
): Figure {
  const own = samples.get(`${protocol} ${service}`) ?? []
  const bare = samples.get(`${protocol} nothing`) ?? []
  // Each with the one of its own round, so that what slows a minute down slows both.
  const added = own.map((micros, round) => micros - (bare[round] ?? Number.NaN))
  // Metrics cannot be turned off: what they cost is in both, and is counted as observing.
  const shares = own
    .map((micros, round) => (100 * ((added[round] ?? Number.NaN) + metrics)) / micros)
    .toSorted((one, other) => one - other)
  const at = (part: number): number => shares[Math.round((shares.length - 1) * part)] ?? Number.NaN
  return {
    protocol,
    service,
    micros: median(own),
    added: median(added),
    share: median(shares),
    shareLow: at(0.25),
    shareHigh: at(0.75),
  }
}

function tableOf(figures: readonly Figure[]): string {
  const title = `a unary call, ${starts} × ${rounds} rounds of ${seconds} s`
  return alignedTable([
    [title, 'it observes by', 'CPU µs', 'added µs', 'share %', 'middle half'],
    ...figures.map(({ protocol, service, micros, added, share, shareLow, shareHigh }) => [
      PROTOCOLS[protocol],
      SERVICES[service],
      micros.toFixed(1),
      service === 'nothing' ? '' : added.toFixed(1),
      share.toFixed(1),
      service === 'nothing' ? '' : `${shareLow.toFixed(1)} – ${shareHigh.toFixed(1)}`,
    ]),
  ])
}

/** Microseconds of everything that one chat moves in the metrics. */
function metricsMicros(): number {
  const asked = { provider: 'openai', model: 'bench-model' }
  const method = 'exai.v1.ChatService/Complete'
  const metrics = createMetrics({ providers: ['openai'], models: ['bench-model'], methods: [method] })
  const counts = {
    inputTokens: 10,
    cachedInputTokens: 0,
    cacheWriteTokens: 0,
    outputTokens: 40,
    reasoningTokens: 0,
  }
  const chat = (at: number): void => {
    metrics.overhead(at % 10)
    metrics.firstToken(asked, at % 100)
    metrics.attemptEnded({ ...asked, durationMs: at % 1000 })
    metrics.tokens(asked, counts)
    metrics.cost(asked, 1_000n)
    metrics.chatEnded({ ...asked, durationMs: at % 1000, firstTokenMs: at % 100 })
    metrics.callEnded({ door: 'connect', method, code: 'OK', durationMs: at % 1000 })
  }
  for (let at = 0; at < METRIC_CALLS / 10; at += 1) chat(at)
  const before = process.cpuUsage()
  for (let at = 0; at < METRIC_CALLS; at += 1) chat(at)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / METRIC_CALLS
}

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
import { answerOf, type Server, startChild, startGateway, stopChild } from './processes.ts'
import { median } from './report.ts'

const CONNECTIONS = 32
const SCRAPE_EVERY_MS = 5_000
const METRIC_CALLS = 100_000

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '5' },
    warm: { type: 'string', default: '3' },
  },
})
const [seconds, rounds, warm] = [Number(options.seconds), Number(options.rounds), Number(options.warm)]

const cores = findCores()
if (cores !== undefined) pinSelf(cores.rest)
const folder = mkdtempSync(join(tmpdir(), 'exai-observe-'))
const children: ChildProcess[] = []
const collector = createServer((request, response) => {
  request.resume().on('end', () => response.writeHead(200).end())
})
try {
  await bench()
} finally {
  await Promise.all(children.map(stopChild))
  collector.close()
  collector.closeAllConnections()
  rmSync(folder, { recursive: true, force: true })
}

async function bench(): Promise<void> {
  await new Promise<void>(resolve => collector.listen(0, '127.0.0.1', resolve))
  const { port } = collector.address() as AddressInfo
  const upstream = startChild({ file: 'bench/upstream.ts', core: cores?.rest })
  const load = startChild({ file: 'bench/load.ts', core: cores?.rest })
  children.push(upstream, load)
  const [{ port: upstreamPort }] = await Promise.all([answerOf<{ port: number }>(upstream), answerOf(load)])
  const start = async (name: string, env: Readonly<Record<string, string>>): Promise<Server> => {
    const place = join(folder, name)
    mkdirSync(place)
    const server = await startGateway({ upstreamPort, core: cores?.server, folder: place, env })
    children.push(server.child)
    return server
  }
  const servers = {
    without: await start('without', { LOG_LEVEL: 'silent' }),
    with: await start('with', {
      LOG_DIR: 'logs',
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
    }),
  }
  const scraping = setInterval(() => {
    fetch(`http://127.0.0.1:${servers.with.port}/metrics`).then(
      reply => reply.text(),
      () => undefined,
    )
  }, SCRAPE_EVERY_MS)
  const names = ['without', 'with'] as const
  for (const name of names) await measure(load, servers[name], warm)
  const samples = { without: [] as number[], with: [] as number[] }
  for (let round = 0; round < rounds; round += 1) {
    for (const name of round % 2 === 0 ? names : names.toReversed())
      samples[name].push(await measure(load, servers[name], seconds))
  }
  clearInterval(scraping)
  const metrics = metricsMicros()
  const [bare, full] = [median(samples.without), median(samples.with)]
  // Metrics cannot be turned off: what they cost is in both, and is counted as observing.
  const share = (full - bare + metrics) / full
  console.log(
    `${describeMachine()}. ${rounds} rounds of ${seconds} s, unary gRPC, ${CONNECTIONS} calls at any time.`,
  )
  console.log(
    `without log and traces  ${bare.toFixed(1)} µs CPU a call (${samples.without.map(one => one.toFixed(0)).join(' ')})`,
  )
  console.log(
    `with all of it          ${full.toFixed(1)} µs CPU a call (${samples.with.map(one => one.toFixed(0)).join(' ')})`,
  )
  console.log(`metrics, in both        ${metrics.toFixed(1)} µs CPU a call`)
  console.log(`observing is ${(share * 100).toFixed(1)} % of a call's CPU`)
}

async function measure(load: ChildProcess, server: Server, duration: number): Promise<number> {
  const order: LoadOrder = {
    port: server.port,
    protocol: 'grpc',
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

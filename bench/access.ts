// What credentials and limits cost a call: one service that asks for nothing beside services with keys or tokens and limits.
import type { ChildProcess } from 'node:child_process'
import { type Running, type ServiceName, startService } from './guarded.ts'
import type { LoadOrder, LoadResult } from './load.ts'
import { type Cores, cpuMicros } from './machine.ts'
import { median } from './numbers.ts'
import { answerOf, startChild, stopChild } from './processes.ts'
import { alignedTable } from './report.ts'
import type { Protocol } from './wire.ts'

/** What the CPU of a call is in one protocol at one service; figures are medians of the rounds. */
export type AccessFigure = {
  readonly protocol: AskedProtocol
  readonly service: ServiceName
  /** CPU of the service for a call, in microseconds. */
  readonly micros: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** How many times the CPU of the open service a call takes, round by round. */
  readonly ratio: number
  /** The part of a call's CPU that the open service does not need, in %, round by round. */
  readonly share: number
  /** A quarter of the rounds was below the one, and a quarter above the other: how sure the share is. */
  readonly shareLow: number
  readonly shareHigh: number
}

/** What a run is made with. */
export type AccessOptions = {
  readonly upstreamPort: number
  readonly cores: Cores | undefined
  /** A folder for data, which is removed at the end. */
  readonly folder: string
  readonly smoke: boolean
  /** Arguments for Node in the services. */
  readonly nodeArgs?: readonly string[]
}

/** The largest part of a call's CPU that credentials, limits and their counting may take, in %. */
export const SHARE_MAX = 15

const CONNECTIONS = 32
const PROTOCOLS = ['connect', 'grpc'] as const satisfies readonly Protocol[]
type AskedProtocol = (typeof PROTOCOLS)[number]
const SERVICES = ['open', 'key', 'token'] as const satisfies readonly ServiceName[]
const TITLES = {
  connect: 'Connect JSON, HTTP/1.1',
  grpc: 'gRPC, h2c',
} as const satisfies Partial<Record<Protocol, string>>
const DESCRIPTIONS = {
  open: 'nothing asked, nothing limited',
  key: 'API key; limits of key and tenant',
  token: 'token (HS256); limits of tenant',
} as const satisfies Record<ServiceName, string>

type Sample = LoadResult & { readonly micros: number }

/** How long and how often: the rounds are short and many, so that whatever else the machine does meets all services alike. */
function planOf(smoke: boolean): {
  readonly rounds: number
  readonly seconds: number
  readonly warmSeconds: number
} {
  return smoke ? { rounds: 1, seconds: 0.3, warmSeconds: 0.2 } : { rounds: 24, seconds: 1.5, warmSeconds: 6 }
}

/** Starts the services and asks them in turn, each round in the order opposite to that of the one before. */
export async function measureAccess(options: AccessOptions): Promise<readonly AccessFigure[]> {
  const { rounds, seconds, warmSeconds } = planOf(options.smoke)
  const children: ChildProcess[] = []
  try {
    const load = startChild({ file: 'bench/load.ts', core: options.cores?.rest })
    children.push(load)
    await answerOf(load)
    const running = new Map<ServiceName, Running>()
    for (const name of SERVICES) {
      const one = await startService(name, options)
      children.push(one.server.child)
      running.set(name, one)
    }
    const plan = PROTOCOLS.flatMap(protocol => SERVICES.map(service => ({ service, protocol })))
    const samples = new Map<string, Sample[]>()
    for (let round = -1; round < rounds; round += 1) {
      for (const { service, protocol } of round % 2 === 0 ? plan : plan.toReversed()) {
        const duration = round < 0 ? warmSeconds : seconds
        const sample = await measure(load, running.get(service), protocol, duration)
        const key = keyOf(service, protocol)
        if (round >= 0) samples.set(key, [...(samples.get(key) ?? []), sample])
      }
    }
    return PROTOCOLS.flatMap(protocol => SERVICES.map(service => figureOf(samples, service, protocol)))
  } finally {
    await Promise.all(children.map(stopChild))
  }
}

/** The figures as they stand in the documentation. */
export function describeAccess(figures: readonly AccessFigure[], smoke: boolean): string {
  const { rounds, seconds } = planOf(smoke)
  const percent = (value: number): string => value.toFixed(1)
  const table = alignedTable([
    [
      `a unary call, ${rounds} rounds of ${seconds} s`,
      'the service asks for',
      'CPU µs',
      'ratio',
      'share %',
      'middle half',
      'p50 ms',
      'p99 ms',
    ],
    ...figures.map(({ protocol, service, micros, ratio, share, shareLow, shareHigh, p50Ms, p99Ms }) => [
      TITLES[protocol],
      DESCRIPTIONS[service],
      micros.toFixed(1),
      ...(service === 'open'
        ? ['', '', '']
        : [ratio.toFixed(2), percent(share), `${percent(shareLow)} – ${percent(shareHigh)}`]),
      p50Ms.toFixed(1),
      p99Ms.toFixed(1),
    ]),
  ])
  return `${table}\n\nLimit: ${SHARE_MAX} % for the share.`
}

/** Which of them take more than they may. */
export function accessFaults(figures: readonly AccessFigure[]): readonly string[] {
  return figures
    .filter(({ share }) => !(share <= SHARE_MAX))
    .map(
      ({ protocol, service, share }) =>
        `${DESCRIPTIONS[service]}: ${share.toFixed(1)} % of the CPU of a call over ${TITLES[protocol]}`,
    )
}

async function measure(
  load: ChildProcess,
  running: Running | undefined,
  protocol: Protocol,
  seconds: number,
): Promise<Sample> {
  if (running === undefined) throw new Error('the run is invalid: a service was not started')
  const { server, credential } = running
  const order: LoadOrder = {
    port: server.port,
    protocol,
    kind: 'unary',
    connections: CONNECTIONS,
    seconds,
    credential,
  }
  const before = cpuMicros(server.pid)
  const answered = answerOf<LoadResult>(load)
  load.send(order)
  const result = await answered
  const micros = cpuMicros(server.pid) - before
  if (result.error !== undefined) throw new Error(`the run is invalid: ${protocol}: ${result.error}`)
  return { ...result, micros: micros / result.calls }
}

function figureOf(
  samples: ReadonlyMap<string, readonly Sample[]>,
  service: ServiceName,
  protocol: AskedProtocol,
): AccessFigure {
  const own = samples.get(keyOf(service, protocol)) ?? []
  const open = samples.get(keyOf('open', protocol)) ?? []
  // Each with the one of its own round, so that what slows a minute down slows both.
  const ratios = own.map(({ micros }, round) => micros / (open[round]?.micros ?? Number.NaN))
  const shares = ratios.map(ratio => 100 * (1 - 1 / ratio)).toSorted((one, other) => one - other)
  const at = (part: number): number => shares[Math.round((shares.length - 1) * part)] ?? Number.NaN
  return {
    protocol,
    service,
    micros: median(own.map(({ micros }) => micros)),
    p50Ms: median(own.map(({ p50Ms }) => p50Ms)),
    p99Ms: median(own.map(({ p99Ms }) => p99Ms)),
    ratio: median(ratios),
    share: median(shares),
    shareLow: at(0.25),
    shareHigh: at(0.75),
  }
}

function keyOf(service: ServiceName, protocol: Protocol): string {
  return `${service} ${protocol}`
}

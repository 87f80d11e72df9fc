// The loads of a run, and how one of them is played on a server while its CPU is counted.
import type { ChildProcess } from 'node:child_process'
import type { LoadOrder, LoadResult, Order } from './load.ts'
import { treeCpuMicros } from './machine.ts'
import type { OpenPace, OpenResult } from './open-loop.ts'
import { type Kind, TOKENS } from './payload.ts'
import { answerOf } from './processes.ts'
import type { Sample } from './report.ts'
import type { Protocol } from './wire.ts'

/** One kind of call in one protocol. */
export type Load = {
  readonly name: string
  readonly protocol: Protocol
  readonly kind: Kind
  /** The prompt has so many bytes. */
  readonly promptBytes: number
  /** How many times the CPU of the floor it may take. Absent: nothing was promised. */
  readonly ratioMax?: number
}

/** A server to be asked, and how. */
export type Asked = {
  readonly port: number
  readonly pid: number
  readonly credential?: string | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/** What the loads are played with. */
export type Rest = {
  /** The process that plays them. */
  readonly load: ChildProcess
  readonly upstream: ChildProcess
  readonly upstreamPort: number
}

/** How many calls run at any time in a closed loop. */
export const CONNECTIONS = 32

/** Bytes of the usual prompt and of the long one. */
export const PROMPT_BYTES = { usual: 1024, long: 100 * 1024 } as const

const PROTOCOLS = {
  connect: 'Connect JSON, HTTP/1.1',
  grpc: 'gRPC, h2c',
  'grpc-web': 'gRPC-Web, HTTP/1.1',
  openai: '/v1, HTTP/1.1',
} as const satisfies Record<Protocol, string>

// What the gateway is to cost, as multiples of the floor's CPU.
const EVENT_RATIO_MAX = 1.5
const CALL_RATIO_MAX = { connect: 2.5, grpc: 3, 'grpc-web': 3, openai: 2.5 } as const satisfies Record<
  Protocol,
  number
>

const protocols = Object.keys(PROTOCOLS) as readonly Protocol[]

/** All loads: a call at once, one with a long prompt, a stream in one go, and a stream with pauses, in each protocol. */
export const LOADS: readonly Load[] = [
  ...loadsOf('unary', 'unary', protocol => ({ ratioMax: CALL_RATIO_MAX[protocol] })),
  ...loadsOf('long prompt', 'unary', () => ({ promptBytes: PROMPT_BYTES.long })),
  ...loadsOf('stream at once', 'stream', () => ({ ratioMax: EVENT_RATIO_MAX })),
  ...loadsOf('stream with pauses', 'paced', () => ({ ratioMax: EVENT_RATIO_MAX })),
]

/** How many units of work a call is: itself, or the text events of its stream. */
export function unitsOf(kind: Kind): number {
  return kind === 'unary' ? 1 : TOKENS
}

/** Plays a load in a closed loop, and counts the CPU of the server with all its processes. Rejects on a wrong answer. */
export async function measure(
  { load }: Pick<Rest, 'load'>,
  { pid, ...asked }: Asked,
  one: Load,
  seconds: number,
): Promise<Sample> {
  const order: LoadOrder = { ...asked, ...targetOf(one), connections: CONNECTIONS, seconds }
  const before = treeCpuMicros(pid)
  const result = await play<LoadResult>(load, order, one.name)
  const micros = treeCpuMicros(pid) - before
  const units = result.calls * unitsOf(one.kind)
  return { micros: micros / units, rate: units / result.seconds, messages: result.messages / result.calls }
}

/** Plays a load at a fixed rate. Rejects on a wrong answer, and when the server does not keep up. */
export function measureOpen(
  { load }: Pick<Rest, 'load'>,
  { pid: _, ...asked }: Asked,
  one: Load,
  pace: OpenPace,
): Promise<OpenResult> {
  return play<OpenResult>(load, { ...asked, ...targetOf(one), ...pace, open: true }, one.name)
}

/** Sends an order to the load process and waits for what came of it. Rejects when it failed; `what` says of which. */
export async function play<Result extends { readonly error?: string }>(
  load: ChildProcess,
  order: Order,
  what: string,
): Promise<Result> {
  const answered = answerOf<Result>(load)
  load.send(order)
  const result = await answered
  if (result.error !== undefined) throw new Error(`the run is invalid: ${what}: ${result.error}`)
  return result
}

function targetOf({
  protocol,
  kind,
  promptBytes,
}: Load): Pick<LoadOrder, 'protocol' | 'kind' | 'promptBytes'> {
  return { protocol, kind, promptBytes }
}

function loadsOf(
  title: string,
  kind: Kind,
  more: (protocol: Protocol) => Partial<Pick<Load, 'promptBytes' | 'ratioMax'>>,
): readonly Load[] {
  return protocols.map(protocol => ({
    name: `${title}, ${PROTOCOLS[protocol]}`,
    protocol,
    kind,
    promptBytes: PROMPT_BYTES.usual,
    ...more(protocol),
  }))
}

// Measures what an overload does to the calls that are let in: an open-loop load beside the same service at half load.
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { answerOf, startChild, startGateway, stopChild } from '../../bench/processes.ts'
import { http1Bytes, requestOf } from '../../bench/wire.ts'
import { type OpenLoopCall, quantile, runOpenLoop } from './open-loop.ts'

/** How one load went. */
export interface Played {
  /** Calls a second that came, as a multiple of what the process can serve. */
  readonly share: number
  readonly ratePerSecond: number
  readonly served: number
  readonly refused: number
  /** With any other end. */
  readonly failed: number
  /** Of those that were served, from when they were due to the end of their answer, in milliseconds. */
  readonly p50Ms: number
  readonly p99Ms: number
  /** The same without those that came in the first two seconds, in which the overload shows. */
  readonly laterP50Ms: number
  readonly laterP99Ms: number
  /** Of those that were refused, after the first two seconds. */
  readonly refusalP50Ms: number
  readonly refusalP99Ms: number
  /** How late timers of the load itself came, one of a hundred, in milliseconds: so much of the times may be its own. */
  readonly loadLateP99Ms: number
}

/** What was measured. */
export interface OverloadFindings {
  /** CPU of the process for a unary call, in milliseconds, and so how many it can serve in a second of one core. */
  readonly cpuMs: number
  readonly capacity: number
  readonly played: readonly Played[]
  /** CPU for a refusal, in microseconds. */
  readonly refusalCpuUs: number
}

const WARM = { ratePerSecond: 400, seconds: 4, connections: 100 }
/** More than comes out: so many connections are always busy, and no more. */
const SATURATING = { ratePerSecond: 4_000, seconds: 2, connections: 48 }
const CONNECTIONS = 1_500
const SETTLED_MS = 2_000
/** Shares of the capacity; the last one is like the first, after the overload. */
const SHARES = [0.5, 3, 0.5] as const

/** Measures it on a service that is started for that, each load for so many seconds. */
export async function measureOverload(seconds: number): Promise<OverloadFindings> {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'exai-overload-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const upstream = startChild({ file: 'bench/upstream.ts' })
  stack.defer(() => stopChild(upstream))
  const { port: upstreamPort } = await answerOf<{ port: number }>(upstream)
  const { child, pid, port } = await startGateway({ upstreamPort, core: undefined, folder })
  stack.defer(() => stopChild(child))
  const request = http1Bytes(requestOf('connect', 'unary'))

  await runOpenLoop({ port, request, ...WARM })
  await runOpenLoop({ port, request, ...SATURATING })
  const before = cpuMs(pid)
  const warm = await runOpenLoop({ port, request, ...SATURATING })
  const perCall = (cpuMs(pid) - before) / warm.length
  const capacity = 1_000 / perCall
  const played: Played[] = []
  let refusalCpuUs = 0
  for (const share of SHARES) {
    const begunMs = cpuMs(pid)
    const ratePerSecond = capacity * share
    const lateness = monitorEventLoopDelay({ resolution: 1 })
    lateness.enable()
    const calls = await runOpenLoop({ port, request, ratePerSecond, seconds, connections: CONNECTIONS })
    lateness.disable()
    const one = {
      ...playedOf(calls, share, ratePerSecond),
      loadLateP99Ms: Math.max(0, lateness.percentile(99) / 1e6 - 1),
    }
    played.push(one)
    const forRefusals = cpuMs(pid) - begunMs - one.served * perCall
    if (one.refused > one.served) refusalCpuUs = (forRefusals * 1_000) / one.refused
  }
  return { cpuMs: perCall, capacity, played, refusalCpuUs }
}

/** What was measured, in Markdown. */
export function overloadTable({ cpuMs: perCall, capacity, played, refusalCpuUs }: OverloadFindings): string {
  const ms = (value: number): string => value.toFixed(0)
  return [
    `A unary call costs ${(perCall * 1_000).toFixed(0)} µs of CPU here: one core can serve ${capacity.toFixed(0)} a second. A refusal costs ${refusalCpuUs.toFixed(0)} µs.`,
    '',
    '| load | calls a second | served | refused | other ends | p50 / p99 of the served, ms | after two seconds, ms | refusals after two seconds, ms | the load itself late, p99, ms |',
    '|---|---:|---:|---:|---:|---:|---:|---:|---:|',
    ...played.map(one =>
      [
        `| ${one.share} × capacity`,
        one.ratePerSecond.toFixed(0),
        one.served,
        one.refused,
        one.failed,
        `${ms(one.p50Ms)} / ${ms(one.p99Ms)}`,
        `${ms(one.laterP50Ms)} / ${ms(one.laterP99Ms)}`,
        `${ms(one.refusalP50Ms)} / ${ms(one.refusalP99Ms)}`,
        `${ms(one.loadLateP99Ms)} |`,
      ].join(' | '),
    ),
    '',
  ].join('\n')
}

function playedOf(
  calls: readonly OpenLoopCall[],
  share: number,
  ratePerSecond: number,
): Omit<Played, 'loadLateP99Ms'> {
  const served = calls.filter(({ status }) => status === 200)
  const refused = calls.filter(({ status }) => status === 429)
  const times = (some: readonly OpenLoopCall[], fromMs = 0): readonly number[] =>
    some.filter(({ atMs }) => atMs >= fromMs).map(({ latencyMs }) => latencyMs)
  return {
    share,
    ratePerSecond,
    served: served.length,
    refused: refused.length,
    failed: calls.length - served.length - refused.length,
    p50Ms: quantile(times(served), 0.5),
    p99Ms: quantile(times(served), 0.99),
    laterP50Ms: quantile(times(served, SETTLED_MS), 0.5),
    laterP99Ms: quantile(times(served, SETTLED_MS), 0.99),
    refusalP50Ms: quantile(times(refused, SETTLED_MS), 0.5),
    refusalP99Ms: quantile(times(refused, SETTLED_MS), 0.99),
  }
}

/** Time that a process has had on cores, in milliseconds, in ticks of ten. */
function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const [user, system] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number)
  return ((user ?? 0) + (system ?? 0)) * 10
}

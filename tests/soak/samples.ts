// Looks at a running service from outside and, through its gauge, from inside: what it holds, and how late its timers come.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Holding } from './gauge.ts'

/** One look. */
export interface Sample extends Holding {
  /** Seconds from the beginning of the soak. */
  readonly atSeconds: number
  /** Open file handles, and those of them that are sockets. */
  readonly files: number
  readonly sockets: number
  /** How late timers came since the look before, at worst, in milliseconds. */
  readonly lagMs: number
  /** Connections of clients. */
  readonly connections: number
  /** Calls of the soak that have no end yet. */
  readonly inFlight: number
}

/** Where to look. */
export interface Looked {
  readonly pid: number
  readonly url: string
  /** The file into which the gauge writes. */
  readonly gaugeFile: string
}

const GAUGE_MS = 20_000
const POLL_MS = 20

/** Looks once. Rejects when the gauge does not answer in 20 s. */
export async function takeSample(
  { pid, url, gaugeFile }: Looked,
  atSeconds: number,
  inFlight: number,
): Promise<Sample> {
  const before = linesOf(gaugeFile).length
  process.kill(pid, 'SIGUSR2')
  const endsAtMs = performance.now() + GAUGE_MS
  while (linesOf(gaugeFile).length === before) {
    if (performance.now() > endsAtMs) throw new Error('the service does not tell what it holds')
    await sleep(POLL_MS)
  }
  // Written by our own gauge.
  const holding = JSON.parse(linesOf(gaugeFile).at(-1) ?? '') as Holding
  const links = linksOf(pid)
  const metrics = await (await fetch(`${url}/metrics`)).text()
  return {
    ...holding,
    atSeconds,
    files: links.length,
    sockets: links.filter(link => link.startsWith('socket:')).length,
    lagMs: metricIn(metrics, 'nodejs_eventloop_lag_max_seconds') * 1_000,
    connections: metricIn(metrics, 'exai_active_connections'),
    inFlight,
  }
}

/** The value of a metric without labels; NaN when it is not there. */
export function metricIn(text: string, name: string): number {
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
}

function linesOf(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8').split('\n').filter(Boolean)
  } catch {
    // The gauge makes it when it writes for the first time.
    return []
  }
}

function linksOf(pid: number): readonly string[] {
  const folder = `/proc/${pid}/fd`
  return readdirSync(folder).flatMap(name => {
    try {
      return [readlinkSync(`${folder}/${name}`)]
    } catch {
      // Closed since the folder was read.
      return []
    }
  })
}

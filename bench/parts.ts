// The parts of `npm run bench` beside the loads: starts, memory, a large file, settlements, a commit, and credentials with limits.
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { accessFaults, describeAccess, measureAccess } from './access.ts'
import type { CommitFigure } from './commit.ts'
import { describeFiles, type FilesFigures, GROWN_MIB_MAX, measureFiles } from './files.ts'
import type { Rest } from './loads.ts'
import type { Cores } from './machine.ts'
import { describeHolders, describeMemory, measureMemory, memoryTargets } from './memory.ts'
import { describePeers, peerTargets } from './peer-tables.ts'
import { measurePeers } from './peers.ts'
import { answerOf, startChild, startGateway, stopChild } from './processes.ts'
import { alignedTable } from './report.ts'
import { describeStart, measureStart, startTargets } from './start.ts'
import type { StoreFigures } from './store.ts'
import type { Promised } from './targets.ts'

/** The parts by name. */
export const PARTS = ['start', 'memory', 'peers', 'files', 'store', 'commit', 'access'] as const

/** One of them. */
export type Part = (typeof PARTS)[number]

/** What the parts are run with. */
export type PartsOptions = Rest & {
  readonly cores: Cores | undefined
  /** A folder for data, which is removed at the end. */
  readonly folder: string
  /** Size of the file. */
  readonly mib: number
  /** Whether only to show that everything runs. */
  readonly smoke: boolean
  /** Arguments for Node in the gateways that are asked. */
  readonly nodeArgs?: readonly string[]
  /** Whether to look for who allocates what is held. */
  readonly isProfiled?: boolean
}

/** A part that was run. */
export type PartReport = {
  readonly part: Part
  readonly text: string
  readonly figures: unknown
  /** Limits that it went over; empty when it kept them all. */
  readonly faults: readonly string[]
  /** What was promised of it. */
  readonly promised?: readonly Promised[]
}

/** By how much the event loop may be late for one in a thousand looks, in milliseconds. */
export const DELAY_P999_MS_MAX = 10

const SETTLEMENTS_PER_SECOND = 1000

/** Runs one part, in processes of its own. */
export function runPart(part: Part, options: PartsOptions): Promise<PartReport> {
  switch (part) {
    case 'start':
      return runStart(options)
    case 'memory':
      return runMemory(options)
    case 'peers':
      return runPeers(options)
    case 'files':
      return runFiles(options)
    case 'store':
      return runStore(options)
    case 'commit':
      return runCommit(options)
    case 'access':
      return runAccess(options)
    default:
      return part satisfies never
  }
}

async function runStart(options: PartsOptions): Promise<PartReport> {
  const figures = await measureStart(options)
  return {
    part: 'start',
    text: describeStart(figures),
    figures,
    faults: [],
    promised: startTargets(figures),
  }
}

async function runMemory(options: PartsOptions): Promise<PartReport> {
  const figures = await measureMemory(options)
  const holders = figures.holders.length === 0 ? '' : `\n\n${describeHolders(figures)}`
  return {
    part: 'memory',
    text: `${describeMemory(figures)}${holders}`,
    figures: figures.rows,
    faults: [],
    promised: memoryTargets(figures),
  }
}

async function runPeers(options: PartsOptions): Promise<PartReport> {
  const figures = await measurePeers(options)
  return {
    part: 'peers',
    text: describePeers(figures),
    figures,
    faults: [],
    promised: peerTargets(figures),
  }
}

async function runFiles({
  upstreamPort,
  cores,
  folder,
  mib,
  nodeArgs = [],
}: PartsOptions): Promise<PartReport> {
  const own = join(folder, 'files')
  mkdirSync(own)
  const client = startChild({ file: 'bench/files-client.ts', core: cores?.rest })
  try {
    await answerOf(client)
    const server = await startGateway({ upstreamPort, core: cores?.server, folder: own, nodeArgs })
    try {
      const figures: FilesFigures = await measureFiles(server, client, mib)
      const grown = Math.max(figures.up.grownMib, figures.down.grownMib)
      return {
        part: 'files',
        text: describeFiles(figures),
        figures,
        faults: grown < GROWN_MIB_MAX ? [] : [`memory grew by ${grown.toFixed(1)} MiB with a file`],
      }
    } finally {
      await stopChild(server.child)
    }
  } finally {
    await stopChild(client)
  }
}

async function runStore({ cores, smoke }: PartsOptions): Promise<PartReport> {
  const seconds = smoke ? 1 : 20
  const figures = await figuresOf<StoreFigures>('bench/store.ts', cores, [
    ...['--rate', String(SETTLEMENTS_PER_SECOND)],
    ...['--seconds', String(seconds)],
  ])
  const { perSecond, delayMs, loadedMs, idleMs, cpuMicros } = figures
  const ms = (value: number): string => value.toFixed(2)
  const text = [
    alignedTable([
      [
        `${Math.round(perSecond).toLocaleString('en')} settlements a second, ${seconds} s`,
        'p50',
        'p99',
        'p99.9',
        'max',
      ],
      ['event loop late by, ms', ms(delayMs.p50), ms(delayMs.p99), ms(delayMs.p999), ms(delayMs.max)],
      ['commit under this load, ms', ms(loadedMs.p50), ms(loadedMs.p99), '', ''],
      ['commit one at a time, ms', ms(idleMs.p50), ms(idleMs.p99), '', ''],
    ]),
    '',
    `Limit: ${DELAY_P999_MS_MAX} ms for the p99.9 of the event loop. CPU of the whole process for a settlement: ${cpuMicros.toFixed(0)} µs.`,
  ].join('\n')
  const late = `the event loop was late by ${ms(delayMs.p999)} ms (p99.9)`
  return { part: 'store', text, figures, faults: delayMs.p999 < DELAY_P999_MS_MAX ? [] : [late] }
}

async function runCommit({ cores, smoke }: PartsOptions): Promise<PartReport> {
  const calls = smoke ? 32 : 2000
  const figures = await figuresOf<readonly CommitFigure[]>('bench/commit.ts', cores, [
    '--calls',
    String(calls),
  ])
  const rows = figures.map(({ journal, atOnce, p50, p99 }) => {
    const bare = figures.find(one => one.atOnce === atOnce)
    const added = (value: number, without: number | undefined): string =>
      bare?.journal === journal ? '' : (value - (without ?? 0)).toFixed(2)
    return [
      journal,
      String(atOnce),
      p50.toFixed(2),
      added(p50, bare?.p50),
      p99.toFixed(2),
      added(p99, bare?.p99),
    ]
  })
  const text = alignedTable([
    [`journal, ${calls.toLocaleString('en')} answers each`, 'at once', 'p50 ms', 'added', 'p99 ms', 'added'],
    ...rows,
  ])
  return { part: 'commit', text, figures, faults: [] }
}

async function runAccess(options: PartsOptions): Promise<PartReport> {
  const figures = await measureAccess(options)
  return {
    part: 'access',
    text: describeAccess(figures, options.smoke),
    figures,
    faults: accessFaults(figures),
  }
}

/** What a program of its own finds out; it has all cores, because the store has a thread of its own. */
async function figuresOf<Figures>(
  file: string,
  cores: Cores | undefined,
  args: readonly string[],
): Promise<Figures> {
  const child = startChild({
    file,
    args,
    core: cores === undefined ? undefined : `${cores.server},${cores.rest}`,
  })
  const ended = once(child, 'exit')
  try {
    const figures = await answerOf<Figures>(child)
    // It ends by itself when it has removed what it wrote.
    await ended
    return figures
  } finally {
    await stopChild(child)
  }
}

// How long a start takes: from the first instruction of the process to its first chat answer, and what it then holds.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { bundle } from '../scripts/bundle.ts'
import { root as repository } from '../scripts/step.ts'
import { type Cores, treeCpuMicros, treeRssBytes } from './machine.ts'
import { median } from './numbers.ts'
import { type Server, startFloor, startGateway, stopChild } from './processes.ts'
import { alignedTable } from './report.ts'
import { metWord, type Promised } from './targets.ts'

/** Starts of one program; times in milliseconds, medians of several starts. */
export type StartRow = {
  readonly name: string
  readonly readyMs: number
  readonly firstAnswerMs: number
  /** CPU of all threads until then, in milliseconds: what does not depend on who else is busy. */
  readonly cpuMs: number
  readonly starts: number
  /** Resident memory of all its processes in bytes, when the last start has been idle for some seconds. */
  readonly rssIdle: number
  readonly msMax?: number
}

/** What a run is made with. */
export type StartOptions = {
  readonly upstreamPort: number
  readonly cores: Cores | undefined
  readonly folder: string
  readonly smoke: boolean
}

/** The most that a start may take, to the first answer. */
export const START_MS_MAX = 500

const STARTS = 7
// The service loads its token encoding two seconds after the start.
const IDLE_MS = 4_000

type Program = { readonly name: string; readonly msMax?: number; readonly start: () => Promise<Server> }

/** Starts each program several times, in turn. */
export async function measureStart(options: StartOptions): Promise<readonly StartRow[]> {
  const { upstreamPort, cores, smoke } = options
  const packed = buildPacked()
  const folderOf = (): string => mkdtempSync(join(options.folder, 'start-'))
  const at = () => ({ upstreamPort, core: cores?.server, folder: folderOf() })
  const programs: readonly Program[] = [
    { name: 'bin/exai, packed', msMax: START_MS_MAX, start: () => startGateway({ ...at(), file: packed }) },
    { name: 'src/main.ts', msMax: START_MS_MAX, start: () => startGateway(at()) },
    {
      name: 'bin/exai, packed, WORKERS=2',
      start: () => startGateway({ ...at(), file: packed, env: { WORKERS: '2' } }),
    },
    { name: 'the floor', start: () => startFloor(at()) },
  ]
  const starts = smoke ? 1 : STARTS
  const found = new Map<Program, (Server & { readonly cpuMs: number })[]>()
  const idle = new Map<Program, number>()
  for (let round = 0; round < starts; round += 1) {
    for (const program of programs) {
      const server = await program.start()
      const cpuMs = treeCpuMicros(server.pid) / 1000
      found.set(program, [...(found.get(program) ?? []), { ...server, cpuMs }])
      if (round === starts - 1) {
        await sleep(smoke ? 0 : IDLE_MS)
        idle.set(program, treeRssBytes(server.pid))
      }
      await stopChild(server.child)
    }
  }
  return programs.map(program => {
    const all = found.get(program) ?? []
    const { name, msMax } = program
    return {
      name,
      readyMs: median(all.map(({ readyMs }) => readyMs)),
      firstAnswerMs: median(all.map(({ firstAnswerMs }) => firstAnswerMs)),
      cpuMs: median(all.map(one => one.cpuMs)),
      starts: all.length,
      rssIdle: idle.get(program) ?? Number.NaN,
      ...(msMax === undefined ? {} : { msMax }),
    }
  })
}

/** The rows as they stand in the documentation. */
export function describeStart(rows: readonly StartRow[]): string {
  return alignedTable([
    ['start', 'ready ms', 'first chat answer ms', 'target', 'met', 'CPU ms', 'RSS idle MiB'],
    ...rows.map(({ name, readyMs, firstAnswerMs, cpuMs, rssIdle, msMax }) => [
      name,
      readyMs.toFixed(0),
      firstAnswerMs.toFixed(0),
      msMax === undefined ? '' : `< ${msMax}`,
      msMax === undefined ? '' : metWord(firstAnswerMs < msMax),
      cpuMs.toFixed(0),
      (rssIdle / 2 ** 20).toFixed(0),
    ]),
  ])
}

/** What was promised of the start. */
export function startTargets(rows: readonly StartRow[]): readonly Promised[] {
  return rows.flatMap(({ name, firstAnswerMs, msMax }) =>
    msMax === undefined
      ? []
      : [
          {
            what: `from exec to the first answer, ${name}`,
            target: `< ${msMax} ms`,
            found: `${firstAnswerMs.toFixed(0)} ms`,
            isMet: firstAnswerMs < msMax,
          },
        ],
  )
}

/** Makes of the package what a start needs, and gives the path of its command; below the repository, whose packages it finds. */
function buildPacked(): string {
  const folder = join(repository, 'build/packed')
  rmSync(folder, { recursive: true, force: true })
  bundle(join(folder, 'dist'))
  const { name, version } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8'))
  writeFileSync(join(folder, 'dist/package.json'), JSON.stringify({ name, version, type: 'module' }))
  cpSync(join(repository, 'bin'), join(folder, 'bin'), { recursive: true })
  return join(folder, 'bin/exai')
}

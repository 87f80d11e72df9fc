// How long a start takes: from the first instruction of the process to its first chat answer, and what it then holds.
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
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
// What bin/exai looks at in a clone.
const SOURCES = ['src', 'gen', 'package.json', 'package-lock.json']
// The service loads its token encoding two seconds after the start.
const IDLE_MS = 4_000

type Program = { readonly name: string; readonly msMax?: number; readonly start: () => Promise<Server> }

/** Starts each program several times, in turn. */
export async function measureStart(options: StartOptions): Promise<readonly StartRow[]> {
  const { upstreamPort, cores, smoke } = options
  const { packed, source, npm } = makePlaces()
  const folderOf = (): string => mkdtempSync(join(options.folder, 'start-'))
  const at = () => ({ upstreamPort, core: cores?.server, folder: folderOf() })
  const programs: readonly Program[] = [
    { name: 'bin/exai, packed', msMax: START_MS_MAX, start: () => startGateway({ ...at(), file: packed }) },
    { name: 'bin/exai, source', msMax: START_MS_MAX, start: () => startGateway({ ...at(), file: source }) },
    { name: 'npm start', start: () => startGateway({ ...at(), file: npm }) },
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

/** Makes what a user starts, and gives the paths of the commands; below the repository, whose packages they find. */
function makePlaces(): { readonly packed: string; readonly source: string; readonly npm: string } {
  const place = (name: string): string => join(repository, 'build', name)
  const [packed, source, clone] = [place('packed'), place('source'), place('clone')]
  for (const folder of [packed, source, clone]) {
    rmSync(folder, { recursive: true, force: true })
    cpSync(join(repository, 'bin'), join(folder, 'bin'), { recursive: true })
  }
  for (const folder of [source, clone]) {
    for (const name of SOURCES) symlinkSync(join(repository, name), join(folder, name))
  }
  bundle(join(packed, 'dist'))
  const { name, version } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8'))
  writeFileSync(join(packed, 'dist/package.json'), JSON.stringify({ name, version, type: 'module' }))
  // Younger than the links, so it is what `npm start` runs.
  cpSync(join(packed, 'dist'), join(clone, 'dist'), { recursive: true })
  // npm runs scripts in the folder of the package, and there is no `.env` here.
  const npm = join(clone, 'npm-start')
  writeFileSync(npm, '#!/bin/sh\ncd "$(dirname "$0")" && exec npm start\n', { mode: 0o755 })
  return { packed: join(packed, 'bin/exai'), source: join(source, 'bin/exai'), npm }
}

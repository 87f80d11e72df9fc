// Where the time of a call goes: a profile of each of a few loads, as parts of the CPU that was measured without the profiler.
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { startService } from './guarded.ts'
import { type Load, measure, type Rest, unitsOf } from './loads.ts'
import type { Cores } from './machine.ts'
import { stopChild } from './processes.ts'
import { spentIn } from './profile.ts'
import { figure, type Row } from './ranking.ts'
import { alignedTable } from './report.ts'

/** A load, and whose code takes how much of it: parts of 1, which are 1 together. */
export type WhereRow = {
  readonly name: string
  readonly micros: number
  readonly parts: Readonly<Record<string, number>>
}

/** What a run is made with. */
export type WhereOptions = Rest & {
  readonly cores: Cores | undefined
  readonly folder: string
  readonly smoke: boolean
}

const PROFILED = /^(unary, (Connect|gRPC,)|stream at once, (Connect|gRPC,))/
const PLACES = 20

/** Profiles those of the loads that something was promised of, each in a service of its own. */
export async function measureWhere(
  options: WhereOptions,
  loads: readonly Load[],
  rows: readonly Row[],
): Promise<readonly WhereRow[]> {
  const found: WhereRow[] = []
  const chosen = loads.filter(({ name }) => PROFILED.test(name))
  for (const one of options.smoke ? chosen.slice(0, 1) : chosen) {
    const profiles = mkdtempSync(join(options.folder, 'where-'))
    const nodeArgs = ['--cpu-prof', `--cpu-prof-dir=${profiles}`]
    const { server, credential } = await startService('key', { ...options, nodeArgs })
    try {
      await measure(options, { ...server, credential }, one, options.smoke ? 0.3 : 3)
    } finally {
      await stopChild(server.child)
    }
    const { places } = spentIn(profiles)
    const total = [...places.values()].reduce((sum, micros) => sum + micros, 0)
    const parts = Object.fromEntries([...places].map(([name, micros]) => [name, micros / total]))
    found.push({
      name: one.name,
      micros: rows.find(({ name }) => name === one.name)?.exai.micros ?? Number.NaN,
      parts,
    })
  }
  return found
}

/** The largest of them as they stand in the documentation. */
export function describeWhere(rows: readonly WhereRow[], loads: readonly Load[]): string {
  const weight = (place: string): number => rows.reduce((sum, { parts }) => sum + (parts[place] ?? 0), 0)
  const places = [...new Set(rows.flatMap(({ parts }) => Object.keys(parts)))]
    .toSorted((one, other) => weight(other) - weight(one))
    .slice(0, PLACES)
  const unit = (name: string): string =>
    unitsOf(loads.find(one => one.name === name)?.kind ?? 'unary') === 1 ? 'call' : 'event'
  return alignedTable([
    ['whose code', ...rows.map(({ name }) => `${name}, µs a ${unit(name)}`)],
    ...places.map(place => [
      place,
      ...rows.map(({ micros, parts }) => {
        const part = parts[place] ?? 0
        return `${figure(micros * part)} (${(100 * part).toFixed(0)} %)`
      }),
    ]),
  ])
}

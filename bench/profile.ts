// Reads CPU profiles of Node and says in which functions, and in whose code, the time went.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { alignedTable } from './report.ts'

type Frame = { readonly functionName: string; readonly url: string; readonly lineNumber: number }
type Profile = {
  readonly nodes: readonly { readonly id: number; readonly callFrame: Frame }[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

/** Microseconds of self time in all profiles of a folder, without idle time: by whose code it is, and by function. */
export type Spent = {
  readonly places: ReadonlyMap<string, number>
  readonly functions: ReadonlyMap<string, number>
}

/** Reads them. */
export function spentIn(folder: string): Spent {
  const places = new Map<string, number>()
  const functions = new Map<string, number>()
  for (const file of readdirSync(folder).filter(name => name.endsWith('.cpuprofile'))) {
    // Written by Node itself.
    const profile = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Profile
    const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]))
    for (const [index, id] of profile.samples.entries()) {
      const frame = frames.get(id)
      if (frame === undefined || frame.functionName === '(idle)') continue
      const micros = profile.timeDeltas[index] ?? 0
      for (const [spent, name] of [[places, placeOf(frame)] as const, [functions, nameOf(frame)] as const]) {
        spent.set(name, (spent.get(name) ?? 0) + micros)
      }
    }
  }
  return { places, functions }
}

/** Two tables of it, each with so many lines. */
export function describeProfiles(folder: string, count: number): string {
  const { places, functions } = spentIn(folder)
  return `${tableOf('whose code', places, count)}\n\n${tableOf('function', functions, count)}`
}

function tableOf(title: string, spent: ReadonlyMap<string, number>, count: number): string {
  const total = [...spent.values()].reduce((sum, micros) => sum + micros, 0)
  const top = [...spent].toSorted(([, a], [, b]) => b - a).slice(0, count)
  return alignedTable([
    [title, 'ms', '%'],
    ...top.map(([name, micros]) => [name, (micros / 1000).toFixed(0), ((100 * micros) / total).toFixed(1)]),
  ])
}

// A package, a folder of ours, or Node: its own scripts, native calls, and what is no function at all.
function placeOf({ functionName, url }: Frame): string {
  const ours = /\/(src\/[\w-]+|gen\/ts|bench)/.exec(url)?.[1]
  const foreign = /\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1]
  if (foreign !== undefined) return foreign
  if (ours !== undefined) return ours
  if (url.startsWith('node:')) return 'node'
  return functionName.startsWith('(') ? functionName : 'native'
}

function nameOf({ functionName, url, lineNumber }: Frame): string {
  const place = url.split('/').slice(-3).join('/')
  const name = functionName === '' ? '(anonymous)' : functionName
  return place === '' ? name.slice(0, 60) : `${name.slice(0, 60)} ${place}:${lineNumber + 1}`
}

// How many cores this process may use: those that it may run on, and no more than its container is given time for.
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { ReadFile } from './read-file.ts'

/** What is looked at. */
export interface CoresDeps {
  readonly readFile: ReadFile
  /** How many cores it may run on. Default: as Node says, which goes by the affinity and knows of no quota everywhere. */
  readonly parallelism?: number
}

const ROOT = '/sys/fs/cgroup'

/** Whole cores, 1 at least: half a core over is no core for a process that computes all the time. */
export function usableCores({ readFile, parallelism = availableParallelism() }: CoresDeps): number {
  const quotas = [...quotasOfV2(readFile), ...quotasOfV1(readFile)]
  return Math.max(1, Math.floor(Math.min(parallelism, ...quotas)))
}

/** `cpu.max` of the group and of each one above it: `150000 100000`, or `max 100000` for as much as there is. */
function quotasOfV2(readFile: ReadFile): readonly number[] {
  return foldersOf(readFile, line => /^0::(\/.*)$/.exec(line)?.[1]).flatMap(folder => {
    const [quota = '', period = ''] = textOf(readFile, join(ROOT, folder, 'cpu.max'))?.split(/\s+/) ?? []
    return coresOf(quota, period)
  })
}

/** The same in two files of the first version; the quota is -1 for as much as there is. */
function quotasOfV1(readFile: ReadFile): readonly number[] {
  const own = (line: string): string | undefined => /^\d+:(?:[^:]*,)?cpu(?:,[^:]*)?:(\/.*)$/.exec(line)?.[1]
  return foldersOf(readFile, own).flatMap(folder => {
    const at = join(ROOT, 'cpu', folder)
    const quota = textOf(readFile, join(at, 'cpu.cfs_quota_us')) ?? ''
    return coresOf(quota, textOf(readFile, join(at, 'cpu.cfs_period_us')) ?? '')
  })
}

/** The group by its own line and those above it; in a container the files of its group often stand at the root. */
function foldersOf(readFile: ReadFile, pathOf: (line: string) => string | undefined): readonly string[] {
  const lines = textOf(readFile, '/proc/self/cgroup')?.split('\n') ?? []
  const path = lines.map(pathOf).find(one => one !== undefined)
  if (path === undefined) return []
  const names = path.split('/').filter(name => name !== '')
  return Array.from({ length: names.length + 1 }, (_, depth) => `/${names.slice(0, depth).join('/')}`)
}

function coresOf(quota: string, period: string): readonly number[] {
  const isLimited = /^\d+$/.test(quota) && /^\d+$/.test(period) && Number(quota) > 0 && Number(period) > 0
  return isLimited ? [Number(quota) / Number(period)] : []
}

function textOf(readFile: ReadFile, path: string): string | undefined {
  try {
    return readFile(path).trim()
  } catch {
    // No such file: no such limit.
    return undefined
  }
}

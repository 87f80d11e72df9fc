// What the kernel says: CPU time and memory of a process, and on which machine all this ran.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'

/** Microseconds of CPU, user and system, of all threads of a process since it began; to a clock tick. See proc(5). */
export function cpuMicros(pid: number): number {
  const fields = statOf(pid)
  const ticks = Number(fields[11]) + Number(fields[12])
  return (ticks * 1_000_000) / ticksPerSecond()
}

/** Microseconds that a core has been busy with whatever it was, since the machine began; to a clock tick. See proc_stat(5). */
export function coreMicros(core: number): number {
  const line = new RegExp(`^cpu${core} (.*)$`, 'm').exec(readFileSync('/proc/stat', 'utf8'))?.[1] ?? ''
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line.split(' ').map(Number)
  return ((user + nice + system + irq + softirq + steal) * 1_000_000) / ticksPerSecond()
}

/** The microseconds of `cpuMicros` of a process and of all that descend from it and still run. */
export function treeCpuMicros(pid: number): number {
  return treeOf(pid).reduce((sum, one) => sum + cpuMicros(one), 0)
}

/** Resident memory of a process and of all that descend from it, in bytes; pages that they share count several times. */
export function treeRssBytes(pid: number): number {
  return treeOf(pid).reduce((sum, one) => sum + rssBytes(one), 0)
}

// The name in parentheses may itself hold blanks and parentheses; what is after it begins with field 3, the state.
function statOf(pid: number): readonly string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}

function treeOf(pid: number): readonly number[] {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc').filter(one => /^\d+$/.test(one))) {
    try {
      parents.set(Number(name), Number(statOf(Number(name))[1]))
    } catch {
      // It ended while we looked: it is no part of any tree.
    }
  }
  const tree = [pid]
  for (const one of tree) {
    tree.push(...[...parents].filter(([, parent]) => parent === one).map(([child]) => child))
  }
  return tree
}

/** Resident memory of a process, in bytes. */
export function rssBytes(pid: number): number {
  return statusBytes(pid, 'VmRSS')
}

/** The most resident memory that a process ever had, or since `forgetPeak`, in bytes. */
export function peakRssBytes(pid: number): number {
  return statusBytes(pid, 'VmHWM')
}

/** Lets the peak of a process of this user begin anew, at what it has now. See proc_pid_clear_refs(5). */
export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5')
}

function statusBytes(pid: number, field: string): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const kib = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]
  return Number(kib ?? 0) * 1024
}

/** The cores of the server and of everything else; undefined where processes can't be pinned: no taskset, or one core. */
export type Cores = { readonly server: number; readonly rest: number }

/** Finds two cores that this process may use. */
export function findCores(): Cores | undefined {
  const allowed = /^Cpus_allowed_list:\s+(.*)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? ''
  const all = allowed.split(',').flatMap(range => {
    const [from = 0, to = from] = range.split('-').map(Number)
    return Array.from({ length: to - from + 1 }, (_, index) => from + index)
  })
  const [server, rest] = all
  if (server === undefined || rest === undefined) return undefined
  try {
    execFileSync('taskset', ['--version'], { stdio: 'ignore' })
  } catch {
    return undefined // Not on this machine: nothing is pinned, and the report says so.
  }
  return { server, rest }
}

/** Keeps this process, and children that say nothing else, on one core. */
export function pinSelf(core: number): void {
  execFileSync('taskset', ['-a', '-c', '-p', String(core), String(process.pid)], { stdio: 'ignore' })
}

/** The machine in one line, for a report. */
export function describeMachine(): string {
  const all = cpus()
  const gib = (totalmem() / 2 ** 30).toFixed(0)
  const [load = 0] = loadavg()
  return `${all[0]?.model ?? 'unknown CPU'}, ${all.length} cores, ${gib} GiB, node ${process.version}, load average before the run ${load.toFixed(2)}`
}

let ticks: number | undefined

function ticksPerSecond(): number {
  ticks ??= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))
  return ticks
}

// Gives processes a fixed part of a core, by the control groups of Linux, so that a few cores can show what many would do.
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const CPU = '/sys/fs/cgroup/cpu'
// Much longer than a tick of the scheduler: a process that runs in short bursts would get more than its part.
const PERIOD_MICROS = 100_000
/** Weight of a group beside all else on the machine, where 1,024 is usual: what a quota grants is there when it is wanted. */
const SHARES = 100_000

/** A group of processes. */
export type CpuGroup = {
  /** Puts a process into it, with all its threads. */
  readonly add: (pid: number) => void
  /** Lets its processes go back to where they came from. */
  readonly close: () => void
}

/** Whether groups can be made: by root, where the controller of CPU time is mounted in its first version. */
export function hasCpuGroups(): boolean {
  return existsSync(join(CPU, 'cpu.cfs_quota_us')) && process.getuid?.() === 0
}

/** Makes a group whose processes together get this part of one core; undefined: as much as there is. */
export function openCpuGroup(name: string, part: number | undefined): CpuGroup {
  const folder = join(CPU, `exai-bench-${process.pid}-${name}`)
  mkdirSync(folder)
  const quota = part === undefined ? -1 : Math.round(part * PERIOD_MICROS)
  writeFileSync(join(folder, 'cpu.cfs_period_us'), String(PERIOD_MICROS))
  writeFileSync(join(folder, 'cpu.cfs_quota_us'), String(quota))
  writeFileSync(join(folder, 'cpu.shares'), String(SHARES))
  const pids: number[] = []
  return {
    add(pid) {
      pids.push(pid)
      writeFileSync(join(folder, 'cgroup.procs'), String(pid))
    },
    close() {
      for (const pid of pids)
        if (existsSync(`/proc/${pid}`)) writeFileSync(join(CPU, 'cgroup.procs'), String(pid))
      rmdirSync(folder)
    },
  }
}

// Work in the background that comes again and again: with jitter, a signal, a report of each run, and an owner where there may be one only.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from './clock.ts'
import { uuidv7 } from './ids.ts'
import type { Shared } from './shared.ts'

/** Something to be done from time to time. Doing it once too often does no harm. */
export interface Job {
  /** In the log and in metrics, such as `expire_marks`. */
  readonly name: string
  /** From one run to the next, in milliseconds above 0: half of it to one and a half times as much. */
  readonly everyMs: number
  /** Whether one process does it for all that share their state. */
  readonly isOwned: boolean
  /** Does it. What it throws is reported, and it is done again another time. */
  run(signal: AbortSignal): Promise<void>
}

/** A run that is over. */
export interface JobRun {
  readonly job: string
  readonly outcome: 'done' | 'failed' | 'elsewhere'
  readonly durationMs: number
  /** What it failed with. */
  readonly fault?: unknown
}

/** What `startJobs` needs. */
export interface JobsDeps {
  readonly jobs: readonly Job[]
  readonly shared: Pick<Shared, 'claim' | 'swap'>
  readonly clock: Clock
  /** Called after each run; must not throw. */
  readonly onRun: (run: JobRun) => void
  /** From 0 to 1, for the jitter. */
  readonly random?: () => number
  /** Waits so many milliseconds, or rejects when the signal aborts. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>
}

/** Jobs that come again and again. */
export interface Jobs {
  /** Ends them; resolves when none runs any more. */
  close(): Promise<void>
}

// A run shows from time to time that its process is alive; two signs may get lost before another process takes over.
const LEASE_MS = 60_000
const SIGNS_PER_LEASE = 3

// After the end of a run it stays ours for most of the time until the next one, so that others do not run it in between.
const KEPT_OF_PERIOD = 0.4

/** Starts jobs; the first run of each comes within its first period. */
export function startJobs({ jobs, shared, clock, onRun, random = Math.random, wait = nap }: JobsDeps): Jobs {
  const ending = new AbortController()
  const { signal } = ending
  const me = Buffer.from(uuidv7(clock.now()))

  async function take(name: string): Promise<boolean> {
    const before = await shared.claim(name, me, LEASE_MS)
    // Ours from the last time, or somebody else's.
    return before === undefined || shared.swap(name, me, me, LEASE_MS)
  }

  /** Runs as long as the lease is ours. */
  async function runOwned(job: Job): Promise<boolean> {
    const name = `lease:job:${job.name}`
    if (!(await take(name))) return false
    const lost = new AbortController()
    const sign = setInterval(() => {
      shared.swap(name, me, me, LEASE_MS).then(
        isOurs => isOurs || lost.abort(new Error(`the lease of ${job.name} is lost`)),
        fault => lost.abort(fault),
      )
    }, LEASE_MS / SIGNS_PER_LEASE).unref()
    try {
      await job.run(AbortSignal.any([signal, lost.signal]))
    } finally {
      clearInterval(sign)
      await shared.swap(name, me, me, Math.max(1, job.everyMs * KEPT_OF_PERIOD))
    }
    return true
  }

  async function runOnce(job: Job): Promise<void> {
    const startedAt = clock.monotonic()
    const report = (run: Pick<JobRun, 'outcome' | 'fault'>): void =>
      onRun({ job: job.name, durationMs: clock.monotonic() - startedAt, ...run })
    try {
      if (!job.isOwned) await job.run(signal)
      else if (!(await runOwned(job))) return report({ outcome: 'elsewhere' })
      report({ outcome: 'done' })
    } catch (fault) {
      // What ends because everything ends has not failed.
      if (!signal.aborted) report({ outcome: 'failed', fault })
    }
  }

  async function loop(job: Job): Promise<void> {
    let waitMs = random() * job.everyMs
    while (!signal.aborted) {
      try {
        await wait(waitMs, signal)
      } catch {
        return
      }
      await runOnce(job)
      waitMs = (0.5 + random()) * job.everyMs
    }
  }

  const loops = jobs.map(loop)
  return {
    async close() {
      ending.abort()
      await Promise.all(loops)
    },
  }
}

function nap(ms: number, signal: AbortSignal): Promise<void> {
  return sleep(ms, undefined, { signal, ref: false })
}

// Jobs that come again and again: when they run, who runs them, what is told of them, and how they end.
import { expect, it, onTestFinished } from 'vitest'
import { type Job, type JobRun, startJobs } from '../../../src/core/job.ts'
import type { Shared } from '../../../src/core/shared.ts'
import { createProcessShared } from '../../../src/stores/process/shared.ts'
import { createHandClock, type HandClock } from '../../support/hand-clock.ts'
import { until } from '../../support/scripted-completion.ts'

/** Jobs whose every wait is in the hands of the test. */
function rig(
  job: Partial<Job>,
  { clock = createHandClock(), shared }: { clock?: HandClock; shared?: Shared } = {},
) {
  const state = shared ?? createProcessShared({ clock, onFault: () => undefined })
  const waits: { readonly ms: number; readonly end: () => void }[] = []
  const runs: JobRun[] = []
  const jobs = startJobs({
    jobs: [{ name: 'sweep', everyMs: 1_000, isOwned: false, run: async () => undefined, ...job }],
    shared: state,
    clock,
    onRun: run => runs.push(run),
    random: () => 0.25,
    wait: (ms, signal) =>
      new Promise((end, reject) => {
        waits.push({ ms, end })
        signal.addEventListener('abort', () => reject(signal.reason))
      }),
  })
  onTestFinished(jobs.close)
  return {
    jobs,
    waits,
    runs,
    /** Lets the wait that is on end, until the run after it is over. */
    async next() {
      const before = waits.length
      waits.at(-1)?.end()
      await until(() => waits.length > before)
    },
  }
}

it('come first within their period, then after a half to one and a half of it', async () => {
  const { waits, runs, next } = rig({})
  await next()
  await next()
  expect(waits.map(({ ms }) => ms)).toEqual([250, 750, 750])
  expect(runs.map(({ job, outcome }) => [job, outcome])).toEqual([
    ['sweep', 'done'],
    ['sweep', 'done'],
  ])
})

it('that fail are told of and come again', async () => {
  const fault = new Error('no')
  const { runs, next } = rig({ run: () => Promise.reject(fault) })
  await next()
  await next()
  expect(runs.map(({ outcome }) => outcome)).toEqual(['failed', 'failed'])
  expect(runs[0]?.fault).toBe(fault)
})

it('end when they are closed: the signal tells the one that runs, and nothing is told of it', async () => {
  let seen: AbortSignal | undefined
  const { jobs, runs, waits } = rig({
    run: signal =>
      new Promise((_, reject) => {
        seen = signal
        signal.addEventListener('abort', () => reject(signal.reason))
      }),
  })
  waits[0]?.end()
  await until(() => seen !== undefined)
  await jobs.close()
  expect(seen?.aborted).toBe(true)
  expect(runs).toEqual([])
})

it('with an owner are run by one process, and by another one when that is gone', async () => {
  const clock = createHandClock()
  const shared = createProcessShared({ clock, onFault: () => undefined })
  const everyMs = 100_000
  const one = rig({ isOwned: true, everyMs }, { clock, shared })
  const two = rig({ isOwned: true, everyMs }, { clock, shared })
  await one.next()
  await two.next()
  clock.pass(39_000)
  await two.next()
  await one.next()
  clock.pass(41_000)
  await two.next()
  expect(one.runs.map(({ outcome }) => outcome)).toEqual(['done', 'done'])
  expect(two.runs.map(({ outcome }) => outcome)).toEqual(['elsewhere', 'elsewhere', 'done'])
})

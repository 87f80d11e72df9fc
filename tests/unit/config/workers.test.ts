// How many processes serve: the cores that a container is given time for, and what limits of calls at once leave of that.
import { expect, it } from 'vitest'
import { usableCores } from '../../../src/config/cores.ts'
import { workersOf } from '../../../src/config/workers.ts'

const none = { limits: [], providers: [] }
const limited = (maxConcurrent: number) => ({ ...none, limits: [{ provider: 'glm', maxConcurrent }] })
const nothing = (): string => {
  throw new Error('no such file')
}

function coresOf(files: Readonly<Record<string, string>>, parallelism = 16): number {
  return usableCores({ readFile: path => files[path] ?? nothing(), parallelism })
}

it('without a quota all cores are used that the process may run on', () => {
  expect(coresOf({})).toBe(16)
  expect(coresOf({ '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': 'max 100000\n' })).toBe(16)
  expect(coresOf({ '/proc/self/cgroup': '1:cpu:/\n', '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n' })).toBe(
    16,
  )
})

it('a quota counts in whole cores, and less than one core is one', () => {
  const of = (quota: string) =>
    coresOf({ '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': `${quota} 100000\n` })
  expect([of('400000'), of('250000'), of('50000'), of('6400000')]).toEqual([4, 2, 1, 16])
})

it('the smallest quota of a group and those above it counts', () => {
  expect(
    coresOf({
      '/proc/self/cgroup': '0::/kubepods/pod1/one\n',
      '/sys/fs/cgroup/kubepods/cpu.max': 'max 100000\n',
      '/sys/fs/cgroup/kubepods/pod1/cpu.max': '300000 100000\n',
      '/sys/fs/cgroup/kubepods/pod1/one/cpu.max': '600000 100000\n',
    }),
  ).toBe(3)
})

it('the first version of control groups is known, also where its files stand at the root of a container', () => {
  const quota = { 'cpu.cfs_quota_us': '200000', 'cpu.cfs_period_us': '100000' }
  const at = (folder: string) =>
    Object.fromEntries(Object.entries(quota).map(([name, text]) => [`${folder}/${name}`, text]))
  const own = { '/proc/self/cgroup': '5:memory:/docker/a\n4:cpu,cpuacct:/docker/a\n0::/\n' }
  expect(coresOf({ ...own, ...at('/sys/fs/cgroup/cpu/docker/a') })).toBe(2)
  expect(coresOf({ ...own, ...at('/sys/fs/cgroup/cpu') })).toBe(2)
})

it('so many workers serve as are asked for, while each has a place of every limit', () => {
  const deps = { readFile: nothing, cores: 8 }
  expect(workersOf(4, none, deps)).toEqual({ count: 4, notices: [] })
  expect(workersOf(4, limited(4), deps)).toEqual({ count: 4, notices: [] })
  expect(workersOf(1, limited(1), deps)).toEqual({ count: 1, notices: [] })
  expect(workersOf(4, limited(3), deps)).toEqual({
    count: 3,
    notices: [
      '3 workers serve and not 4: they divide max_concurrent of the provider glm, which is 3, and each needs one place of it',
    ],
  })
  expect(workersOf(4, limited(1), deps).notices).toEqual([
    expect.stringMatching(/^one process serves and not 4: /),
  ])
})

it.runIf(process.platform === 'linux')('auto takes all cores, but no small limit apart', () => {
  const deps = { readFile: nothing, cores: 8 }
  expect(workersOf('auto', none, deps)).toEqual({ count: 8, notices: [] })
  expect(workersOf('auto', none, { ...deps, cores: 200 }).count).toBe(64)
  expect(workersOf('auto', limited(32), deps)).toEqual({ count: 8, notices: [] })
  expect(workersOf('auto', limited(31), deps).count).toBe(7)
  expect(workersOf('auto', limited(5), deps)).toMatchObject({
    count: 1,
    notices: [expect.stringMatching(/^one process serves and not 8: .* each needs 4 places of it$/)],
  })
})

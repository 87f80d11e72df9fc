// A short soak: the mixed traffic comes to its right end, nothing is left behind, and the ledger says what the provider counted.
import { expect, it } from 'vitest'
import { drawCurve } from './curve.ts'
import type { Holding } from './gauge.ts'
import { judge, slopeOf } from './judge.ts'
import { faultsOf } from './report.ts'
import { runSoak } from './run.ts'
import type { Sample } from './samples.ts'

const MIB = 2 ** 20
const HOLDING: Holding = {
  heapBytes: 50 * MIB,
  buffersBytes: MIB,
  rssBytes: 200 * MIB,
  resources: { Timeout: 10 },
}

/** So many looks, one each minute. */
function looks(count: number, more: (minute: number) => Partial<Sample> = () => ({})): readonly Sample[] {
  return Array.from({ length: count }, (_, minute) => ({
    ...HOLDING,
    atSeconds: minute * 60,
    files: 40,
    sockets: 20,
    lagMs: 5,
    connections: 10,
    inFlight: 3,
    ...more(minute),
  }))
}
const grown = (samples: readonly Sample[]): readonly string[] =>
  judge(samples)
    .filter(({ isFlat }) => !isFlat)
    .map(({ name }) => name)

it('mixed calls with faults, for twenty seconds, get what they must get and leave nothing behind', async () => {
  const report = await runSoak({ seconds: 20, ratePerSecond: 10, seed: 11, sampleSeconds: 4, calls: 250 })
  // Too short for a course: the process is still warming up.
  expect(faultsOf({ ...report, courses: [] })).toEqual([])
  expect(report.balance.answers).toBeGreaterThan(50)
  expect(report.balance.ledgerNanoUsd).toBe(report.balance.providerNanoUsd)
  expect(report.balance.providerNanoUsd).toBeGreaterThan(0)
  expect(report.samples.length).toBeGreaterThan(1)
  for (const kind of ['ask', 'stream', 'leave', 'converse', 'fault'])
    expect(report.calls[kind]).toBeGreaterThan(0)
}, 180_000)

it('a line through points has their slope', () => {
  expect(
    slopeOf([
      [0, 1],
      [1, 3],
      [2, 5],
    ]),
  ).toBe(2)
  expect(slopeOf([[5, 7]])).toBe(0)
})

it('what goes up and down is flat, and what rises by more than a part is not', () => {
  expect(grown(looks(30, minute => ({ heapBytes: (50 + (minute % 3)) * MIB })))).toEqual([])
  expect(grown(looks(30, minute => ({ heapBytes: (50 + minute / 3) * MIB })))).toEqual([
    'heap after a collection',
  ])
  expect(grown(looks(30, minute => ({ files: 40 + 6 * minute, sockets: 20 + 6 * minute })))).toEqual([
    'file handles',
    'sockets',
  ])
  expect(grown(looks(30, minute => ({ resources: { Timeout: 10 + 6 * minute } })))).toEqual(['timers'])
})

it('too few looks show nothing, and that is no proof', () => {
  expect(grown(looks(5)).length).toBe(5)
})

it('the picture has a line for each value, times and amounts, for light and dark pages', () => {
  const svg = drawCurve(looks(11), 'ten minutes')
  expect(svg).toContain('aria-label="ten minutes"')
  expect(svg.match(/<path class="[ab]"/g)).toHaveLength(2)
  expect(svg).toContain('resident 200 MiB')
  expect(svg).toContain('>10</text>')
  expect(svg).toContain('prefers-color-scheme:dark')
  expect(svg).not.toContain('NaN')
})

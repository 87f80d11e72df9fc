// The parts of workers: together they are what was configured, and never more.
import { expect, it } from 'vitest'
import { fewestPlaces, partOf, partOfSnapshot } from '../../../src/config/parts.ts'
import { DEFAULT_ROUTING, type ProviderConfig, type Snapshot } from '../../../src/config/snapshot.ts'

const glm = (...limits: readonly (number | undefined)[]): ProviderConfig => ({
  kind: 'glm',
  id: 'glm',
  openEnded: false,
  keys: limits.map((maxConcurrent, index) => ({ secret: `s${index}`, label: `k${index}`, maxConcurrent })),
})

function snapshotOf(content: Partial<Snapshot>): Snapshot {
  return { ...DEFAULT_ROUTING, version: 1, providers: [], models: [], aliases: [], ...content }
}

function partsOf(snapshot: Snapshot, of: number): readonly Snapshot[] {
  return Array.from({ length: of }, (_, index) => partOfSnapshot(snapshot, { worker: index + 1, of }))
}

it('the parts of a number are as even as can be, and make up all of it', () => {
  for (let of = 1; of <= 64; of += 1)
    for (const whole of [0, 1, 5, of - 1, of, of + 1, 1_000]) {
      const parts = Array.from({ length: of }, (_, index) => partOf(whole, { worker: index + 1, of }))
      expect(parts.reduce((sum, part) => sum + part, 0)).toBe(whole)
      expect(Math.max(...parts) - Math.min(...parts)).toBeLessThanOrEqual(1)
    }
})

it('limits of providers, models and keys are divided, each by itself', () => {
  const snapshot = snapshotOf({
    providers: [glm(5, undefined), { kind: 'sandbox', id: 'sandbox' }],
    limits: [
      { provider: 'glm', maxConcurrent: 8 },
      { provider: 'glm', model: 'glm-5.3', maxConcurrent: 3 },
    ],
  })
  const parts = partsOf(snapshot, 3)
  expect(parts.map(({ limits }) => limits.map(({ maxConcurrent }) => maxConcurrent))).toEqual([
    [3, 1],
    [3, 1],
    [2, 1],
  ])
  const keysOf = ({ providers: [first] }: Snapshot) =>
    first?.kind === 'glm' ? first.keys.map(({ maxConcurrent }) => maxConcurrent) : undefined
  expect(parts.map(keysOf)).toEqual([
    [2, undefined],
    [2, undefined],
    [1, undefined],
  ])
  expect(parts.map(({ dividedBy }) => dividedBy)).toEqual([3, 3, 3])
})

it('a single process has the Snapshot as it is', () => {
  const snapshot = snapshotOf({ limits: [{ provider: 'glm', maxConcurrent: 8 }] })
  expect(partsOf(snapshot, 1)).toEqual([snapshot])
})

it('the queue is divided, too, but each worker has a place in it while there is a queue', () => {
  const waiting = (maxWaiting: number): readonly number[] =>
    partsOf(snapshotOf({ queue: { maxWaiting, maxWaitMs: 1_000 } }), 3).map(({ queue }) => queue.maxWaiting)
  expect(waiting(100)).toEqual([34, 33, 33])
  expect(waiting(1)).toEqual([1, 1, 1])
  expect(waiting(0)).toEqual([0, 0, 0])
})

it('the smallest limit is found among providers, models and keys', () => {
  const limits = [
    { provider: 'glm', maxConcurrent: 8 },
    { provider: 'glm', model: 'glm-5.3', maxConcurrent: 3 },
  ]
  expect(fewestPlaces(snapshotOf({}))).toBeUndefined()
  expect(fewestPlaces(snapshotOf({ limits }))).toEqual({ whose: 'the model glm/glm-5.3', places: 3 })
  expect(fewestPlaces(snapshotOf({ limits, providers: [glm(undefined, 2)] }))).toEqual({
    whose: 'the key k1 of glm',
    places: 2,
  })
})

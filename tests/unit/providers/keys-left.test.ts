// How many keys are left to ask with.
import { expect, it } from 'vitest'
import { createKeyPool } from '../../../src/providers/keys.ts'
import { createHandClock } from '../../support/hand-clock.ts'

it('the keys that are left are those that may ask the model now', () => {
  const clock = createHandClock()
  const keys = [
    { secret: 's1', label: 'a', account: 'team' },
    { secret: 's2', label: 'b', account: 'team' },
    { secret: 's3', label: 'c' },
  ]
  const pool = createKeyPool({ provider: 'glm', keys, clock })
  expect(pool.left('m')).toBe(3)
  // Key a may not use the model m.
  pool.acquire('m').settle({ type: 'permission' })
  expect([pool.left('m'), pool.left('other')]).toEqual([2, 3])
  // Key b takes its account with it.
  pool.acquire('m').settle({ type: 'quota', waitMs: 60_000 })
  expect([pool.left('m'), pool.left('other')]).toEqual([1, 1])
  pool.acquire('m').settle({ type: 'auth' })
  expect([pool.left('m'), pool.left('other')]).toEqual([0, 0])
  clock.pass(60_000)
  expect([pool.left('m'), pool.left('other')]).toEqual([1, 2])
})

it('a host that wants no key has none left to change to', () => {
  expect(createKeyPool({ provider: 'local', keys: [], clock: createHandClock() }).left('m')).toBe(0)
})

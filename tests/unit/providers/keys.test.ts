// The keys of a provider: which one is taken, which stay out and until when, and that none is ever lost.
import { describe, expect, it } from 'vitest'
import type { KeyTrouble } from '../../../src/core/errors.ts'
import {
  createKeyPool,
  type KeyLease,
  type KeyOutcome,
  type KeyPoolDeps,
  type KeySettings,
  type KeyState,
} from '../../../src/providers/keys.ts'
import { createHandClock } from '../../support/hand-clock.ts'
import { createChance } from '../../support/seeded.ts'
import { thrown } from './attempt.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

const key = (label: string, over: Partial<KeySettings> = {}): KeySettings => ({
  secret: `secret-of-${label}`,
  label,
  ...over,
})

function poolOf(keys: readonly KeySettings[], over: Partial<KeyPoolDeps> = {}) {
  const clock = createHandClock()
  const told: KeyState[] = []
  const pool = createKeyPool({ provider: 'glm', keys, clock, onOut: state => void told.push(state), ...over })
  const use = (outcome: KeyOutcome, model = 'm'): string => {
    const lease = pool.acquire(model)
    lease.settle(outcome)
    return lease.key?.label ?? ''
  }
  return { clock, pool, told, use }
}

const served: KeyOutcome = { type: 'served' }
const label = (lease: KeyLease): string | undefined => lease.key?.label

describe('the choice of a key', () => {
  it('is the one with the fewest attempts running, then the one that rested longest', () => {
    const { pool, use } = poolOf([key('a'), key('b'), key('c')])
    expect([use(served), use(served), use(served), use(served)]).toEqual(['a', 'b', 'c', 'a'])
    const leases = [pool.acquire('m'), pool.acquire('m'), pool.acquire('m')]
    expect(leases.map(label)).toEqual(['b', 'c', 'a'])
    leases[1]?.settle(served)
    expect(label(pool.acquire('m'))).toBe('c')
    leases[0]?.settle(served)
    leases[2]?.settle(served)
    // c is the one that is still used.
    expect([label(pool.acquire('m')), label(pool.acquire('m'))]).toEqual(['b', 'a'])
  })

  it('is none where the host wants none, whatever it answers', () => {
    const { pool } = poolOf([])
    const lease = pool.acquire('m')
    expect(lease.key).toBeUndefined()
    lease.settle({ type: 'auth' })
    expect(pool.acquire('m').key).toBeUndefined()
    expect(pool.outage()).toBeUndefined()
  })
})

describe('a key that the provider does not take', () => {
  it.each<readonly [KeyTrouble, number | undefined, number, string]>([
    ['auth', undefined, 10 * MINUTE, 'UPSTREAM_CREDENTIALS'],
    ['auth', 5 * SECOND, 5 * SECOND, 'UPSTREAM_CREDENTIALS'],
    ['quota', undefined, HOUR, 'UPSTREAM_CREDENTIALS'],
    ['quota', 3 * HOUR, 3 * HOUR, 'UPSTREAM_CREDENTIALS'],
    ['quota', SECOND, MINUTE, 'UPSTREAM_CREDENTIALS'],
    ['plan_window', 5 * HOUR, 5 * HOUR, 'UPSTREAM_LIMITED'],
    ['plan_window', 31 * DAY, 7 * DAY, 'UPSTREAM_LIMITED'],
    ['rate_limit', 7 * SECOND, 7 * SECOND, 'UPSTREAM_LIMITED'],
    ['rate_limit', undefined, 3 * SECOND, 'UPSTREAM_LIMITED'],
    ['permission', undefined, HOUR, 'UPSTREAM_CREDENTIALS'],
  ])('for %s with a stated wait of %s ms stays out %i ms', (type, waitMs, outMs, reason) => {
    const { clock, pool, use } = poolOf([key('a')], { random: () => 0.5 })
    use({ type, waitMs })
    clock.pass(outMs - 1)
    const error = thrown(() => pool.acquire('m'))
    expect(error).toMatchObject({
      reason,
      details: { provider: 'glm', model: 'm', retryDelayMs: 1, against: 'nobody' },
    })
    clock.pass(1)
    expect(label(pool.acquire('m'))).toBe('a')
  })

  it.each([
    [0, 1 * SECOND],
    [0.999, 4996],
  ])('waits by chance %d after a limit without a time: %i ms', (chance, outMs) => {
    const { pool, use } = poolOf([key('a')], { random: () => chance })
    use({ type: 'rate_limit' })
    expect(thrown(() => pool.acquire('m')).details.retryDelayMs).toBe(outMs)
  })

  it('stays out twice as long after each refusal up to an hour, and begins anew once it was taken', () => {
    const { clock, pool, use } = poolOf([key('a')])
    const waits = [10, 20, 40, 60, 60].map(minutes => {
      use({ type: 'auth' })
      const { retryDelayMs = 0 } = thrown(() => pool.acquire('m')).details
      clock.pass(retryDelayMs)
      return [minutes, retryDelayMs / MINUTE]
    })
    expect(waits).toEqual([10, 20, 40, 60, 60].map(minutes => [minutes, minutes]))
    use(served)
    use({ type: 'auth' })
    expect(thrown(() => pool.acquire('m')).details.retryDelayMs).toBe(10 * MINUTE)
  })

  it('counts refusals of calls that ran together as one, and tells of it once', () => {
    const { clock, pool, told } = poolOf([key('a')])
    const leases = [pool.acquire('m'), pool.acquire('m'), pool.acquire('m')]
    for (const lease of leases) lease.settle({ type: 'auth' })
    expect(thrown(() => pool.acquire('m')).details.retryDelayMs).toBe(10 * MINUTE)
    expect(told).toEqual([
      { label: 'a', running: 3, out: { trouble: 'auth', untilMs: clock.now() + 10 * MINUTE } },
    ])
  })

  it('leaves the work to the others', () => {
    const { use } = poolOf([key('a'), key('b')])
    expect(use({ type: 'quota' })).toBe('a')
    expect([use(served), use(served), use(served)]).toEqual(['b', 'b', 'b'])
  })

  it('for a permission is out for that model only', () => {
    const { pool, use } = poolOf([key('a')])
    use({ type: 'permission' }, 'glm-5.3')
    expect(use(served, 'glm-5')).toBe('a')
    expect(pool.outage()).toBeUndefined()
    expect(thrown(() => pool.acquire('glm-5.3')).message).toBe(
      'no key of glm may use glm-5.3 until 2026-11-22T18:00:00Z: permission',
    )
  })

  it('remembers refused models of the last 256 only', () => {
    const { use } = poolOf([key('a')])
    for (let model = 0; model < 257; model++) use({ type: 'permission' }, `m${model}`)
    expect(use(served, 'm0')).toBe('a')
    expect(thrown(() => use(served, 'm1')).reason).toBe('UPSTREAM_CREDENTIALS')
  })

  it('is not shortened by a later and shorter wait', () => {
    const { pool } = poolOf([key('a')])
    const [one, other] = [pool.acquire('m'), pool.acquire('m')]
    one.settle({ type: 'quota' })
    other.settle({ type: 'rate_limit', waitMs: SECOND })
    expect(thrown(() => pool.acquire('m')).details.retryDelayMs).toBe(HOUR)
  })

  it('takes the keys of its account with it when the bill is shared, and not when only it is refused', () => {
    const shared = [key('a', { account: 'team' }), key('b', { account: 'team' })]
    const { use } = poolOf([...shared, key('c')])
    use({ type: 'quota' })
    expect([use(served), use(served)]).toEqual(['c', 'c'])
    const refused = poolOf(shared)
    refused.use({ type: 'auth' })
    expect(refused.use(served)).toBe('b')
  })
})

describe('a provider of which every key is out', () => {
  it('says why and until when, by the key that is back first', () => {
    const { clock, pool, use } = poolOf([key('a'), key('b')])
    use({ type: 'quota' })
    expect(pool.outage()).toBeUndefined()
    use({ type: 'plan_window', waitMs: 5 * HOUR })
    const outage = pool.outage()
    expect(outage?.message).toBe('every key of glm is out until 2026-11-22T18:00:00Z: quota')
    expect(outage).toMatchObject({ reason: 'UPSTREAM_CREDENTIALS', details: { retryDelayMs: HOUR } })
    expect(thrown(() => pool.acquire('m')).message).toBe(outage?.message)
    expect(pool.states().map(state => state.out?.trouble)).toEqual(['quota', 'plan_window'])
    clock.pass(HOUR)
    expect(pool.outage()).toBeUndefined()
    expect(pool.states()[0]).toEqual({ label: 'a', running: 0 })
  })

  it('is not told as out for a moment, though it fails at once', () => {
    const { pool, use } = poolOf([key('a')])
    use({ type: 'rate_limit', waitMs: 10 * SECOND })
    expect(pool.outage()).toBeUndefined()
    expect(thrown(() => pool.acquire('m'))).toMatchObject({
      reason: 'UPSTREAM_LIMITED',
      message: 'every key of glm is out until 2026-11-22T17:00:10Z: rate limit',
    })
  })
})

describe('a limit of calls at once', () => {
  it('is learnt from a refusal, and one more is tried after each quiet minute', () => {
    const { clock, pool } = poolOf([key('a')])
    const leases = [1, 2, 3, 4].map(() => pool.acquire('m'))
    leases.pop()?.settle({ type: 'concurrency' })
    const error = thrown(() => pool.acquire('m'))
    expect(error).toMatchObject({
      reason: 'UPSTREAM_LIMITED',
      details: { retryDelayMs: 1000, against: 'nobody' },
    })
    expect(error.message).toBe('every key of glm has as many calls running as it may: try again later')
    clock.pass(MINUTE)
    leases.push(pool.acquire('m'))
    expect(thrown(() => pool.acquire('m')).reason).toBe('UPSTREAM_LIMITED')
    leases.pop()?.settle({ type: 'concurrency' })
    expect(thrown(() => pool.acquire('m')).reason).toBe('UPSTREAM_LIMITED')
    leases.pop()?.settle(served)
    expect(label(pool.acquire('m'))).toBe('a')
  })

  it('sends further calls to another key, and is shared within an account', () => {
    const { pool } = poolOf([key('a', { account: 'x' }), key('b', { account: 'x' }), key('c')])
    const [one, , three] = [pool.acquire('m'), pool.acquire('m'), pool.acquire('m')]
    expect(label(three ?? one)).toBe('c')
    one.settle({ type: 'concurrency' })
    expect([label(pool.acquire('m')), label(pool.acquire('m'))]).toEqual(['c', 'c'])
  })

  it('of one, reached by somebody else, is a pause', () => {
    const { clock, pool, use } = poolOf([key('a')], { random: () => 0 })
    use({ type: 'concurrency' })
    expect(thrown(() => pool.acquire('m')).details.retryDelayMs).toBe(SECOND)
    clock.pass(SECOND)
    const lease = pool.acquire('m')
    expect(thrown(() => pool.acquire('m')).message).toContain('as many calls running')
    lease.settle(served)
    expect(label(pool.acquire('m'))).toBe('a')
  })
})

describe('a lease', () => {
  it('is given back once, however often it is settled', () => {
    const { pool } = poolOf([key('a')])
    const [one, other] = [pool.acquire('m'), pool.acquire('m')]
    one.settle(served)
    one.settle({ type: 'auth' })
    expect(pool.states()).toEqual([{ label: 'a', running: 1 }])
    other.settle(served)
    expect(pool.states()).toEqual([{ label: 'a', running: 0 }])
  })

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('is never lost, whatever happens (seed %i)', seed => {
    const chance = createChance(seed)
    const labels = ['a', 'b', 'c', 'd'] as const
    const keys = labels.map(one => key(one, chance.below(2) === 0 ? {} : { account: 'team' }))
    const { clock, pool } = poolOf(keys, { random: () => chance.below(1000) / 1000 })
    const types = [
      'served',
      'untold',
      'auth',
      'permission',
      'quota',
      'plan_window',
      'rate_limit',
      'concurrency',
    ] as const
    const running: KeyLease[] = []
    let refused = 0
    for (let step = 0; step < 2000; step++) {
      if (chance.below(3) > 0) {
        try {
          const lease = pool.acquire(chance.oneOf(['m', 'n']))
          // A key that is out for every model is never the one that is taken.
          const state = pool.states().find(one => one.label === label(lease))
          expect(state?.out).toBeUndefined()
          running.push(lease)
        } catch (error) {
          refused += 1
          expect(error).toMatchObject({ code: 'UNAVAILABLE' })
        }
      } else {
        const [lease] = running.splice(chance.below(Math.max(1, running.length)), 1)
        lease?.settle({ type: chance.oneOf(types) })
        lease?.settle({ type: chance.oneOf(types) })
      }
      const counts = pool.states().map(state => state.running)
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(running.length)
      expect(Math.min(...counts)).toBeGreaterThanOrEqual(0)
      clock.pass(chance.below(5) * MINUTE)
    }
    expect(refused).toBeGreaterThan(0)
    for (const lease of running) lease.settle(served)
    clock.pass(8 * DAY)
    expect(pool.states()).toEqual(labels.map(one => ({ label: one, running: 0 })))
    expect(new Set(labels.map(() => label(pool.acquire('m'))))).toEqual(new Set(labels))
  })
})

// Waiting for a key: who waits while every key is full, whose turn it is, and what is said when it took too long.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { GatewayError } from '../../../src/core/errors.ts'
import { createKeyMemory } from '../../../src/providers/key-memory.ts'
import type { KeyWait } from '../../../src/providers/key-queue.ts'
import {
  createKeyPool,
  type KeyLease,
  type KeyOutcome,
  type KeyPool,
  type KeyPoolDeps,
  type KeySettings,
} from '../../../src/providers/keys.ts'
import { createHandClock } from '../../support/hand-clock.ts'
import { createChance } from '../../support/seeded.ts'
import { thrown } from './attempt.ts'

const served: KeyOutcome = { type: 'served' }
const key = (label: string, maxConcurrent?: number, account?: string): KeySettings => ({
  secret: `secret-of-${label}`,
  label,
  ...(maxConcurrent === undefined ? {} : { maxConcurrent }),
  ...(account === undefined ? {} : { account }),
})

function rig(keys: readonly KeySettings[], over: Partial<KeyPoolDeps> = {}) {
  const clock = createHandClock()
  const pool = createKeyPool({ provider: 'glm', keys, clock, ...over })
  const log: string[] = []
  const held = new Map<string, KeyLease>()
  const wait = async (name: string, over: Partial<KeyWait> = {}, from: KeyPool = pool): Promise<void> => {
    const patience = { waitingMax: 10, waitMaxMs: 1000, signal: new AbortController().signal }
    try {
      const lease = await from.take('m', { tenant: name.replace(/\d+$/, ''), ...patience, ...over })
      held.set(name, lease)
      log.push(`${name} with ${lease.key?.label}`)
    } catch (error) {
      const { reason, message } = GatewayError.from(error)
      log.push(`${name}: ${reason}, ${message}`)
    }
  }
  const end = async (name: string, outcome: KeyOutcome = served): Promise<void> => {
    held.get(name)?.settle(outcome)
    await settled()
  }
  return { clock, pool, log, wait, end }
}

const settled = () => vi.advanceTimersByTimeAsync(0)
const configured =
  'every key of glm has as many calls running as its max_concurrent in the config file: raise it'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

describe('a configured limit of a key', () => {
  it('sends calls to the next key, and then refuses them: that is our limit, and nobody was asked', () => {
    const { pool } = rig([key('a', 1), key('b', 2)])
    const labels = [1, 2, 3].map(() => pool.acquire('m').key?.label)
    expect(labels).toEqual(['a', 'b', 'b'])
    expect(thrown(() => pool.acquire('m'))).toMatchObject({
      reason: 'OVERLOADED',
      message: configured,
      details: { provider: 'glm', model: 'm', retryDelayMs: 1000, against: 'nobody' },
    })
    expect(pool.left('m')).toBe(0)
  })

  it('holds for all keys of its account together, and the smallest one counts', () => {
    const { pool } = rig([key('a', 3, 'team'), key('b', 2, 'team'), key('c', undefined, 'team')])
    pool.acquire('m')
    pool.acquire('m')
    expect(thrown(() => pool.acquire('m')).reason).toBe('OVERLOADED')
  })

  it('is not blamed where the provider takes even fewer', () => {
    const { pool } = rig([key('a', 3)])
    const [one] = [pool.acquire('m'), pool.acquire('m')]
    one.settle({ type: 'concurrency' })
    expect(thrown(() => pool.acquire('m')).reason).toBe('UPSTREAM_LIMITED')
  })

  it('follows the pool that comes after once that is adopted, while calls of the one before still run', () => {
    const memory = createKeyMemory()
    const { pool } = rig([key('a', 1)], { memory })
    pool.adopt()
    pool.acquire('m')
    const { pool: next } = rig([key('a', 2)], { memory })
    expect(thrown(() => next.acquire('m')).reason).toBe('OVERLOADED')
    next.adopt()
    expect(next.acquire('m').key?.label).toBe('a')
    expect(thrown(() => next.acquire('m')).reason).toBe('OVERLOADED')
  })
})

describe('a call that may wait', () => {
  it('has its turn when a key has room again, tenant by tenant', async () => {
    const { log, wait, end } = rig([key('a', 1)])
    for (const name of ['x1', 'x2', 'x3', 'y1']) void wait(name)
    await settled()
    for (const name of ['x1', 'x2', 'y1', 'x3']) await end(name)
    expect(log).toEqual(['x1 with a', 'x2 with a', 'y1 with a', 'x3 with a'])
  })

  it('waits for a learnt limit, too', async () => {
    const { pool, log, wait } = rig([key('a')])
    const [one, other] = [pool.acquire('m'), pool.acquire('m')]
    one.settle({ type: 'concurrency' })
    void wait('x1')
    await settled()
    expect(log).toEqual([])
    other.settle(served)
    await settled()
    expect(log).toEqual(['x1 with a'])
  })

  it('is refused after its time, by what was in the way', async () => {
    const { pool, log, wait } = rig([key('a', 1)])
    const lease = pool.acquire('m')
    void wait('x1')
    await wait('x2', { waitingMax: 1 })
    await vi.advanceTimersByTimeAsync(1000)
    expect(log).toEqual([`x2: OVERLOADED, ${configured}`, `x1: OVERLOADED, ${configured}`])
    lease.settle(served)
    expect(pool.states()).toEqual([{ label: 'a', running: 0 }])
  })

  it('does not wait for a key that is out, nor on when the last one goes out', async () => {
    const { log, wait, end } = rig([key('a', 1)])
    void wait('x1')
    void wait('x2')
    await settled()
    await end('x1', { type: 'quota' })
    await wait('x3')
    const out = 'UPSTREAM_CREDENTIALS, every key of glm is out until 2026-11-22T18:00:00Z: quota'
    expect(log).toEqual(['x1 with a', `x2: ${out}`, `x3: ${out}`])
  })

  it('that leaves has nothing and holds nothing, even at the moment of its turn', async () => {
    const { pool, log, wait } = rig([key('a', 1)])
    const lease = pool.acquire('m')
    const leaving = new AbortController()
    void wait('x1', { signal: leaving.signal })
    await settled()
    lease.settle(served)
    leaving.abort(new GatewayError('CANCELLED', 'gone'))
    await settled()
    expect(log).toEqual(['x1: CANCELLED, gone'])
    expect(pool.states()).toEqual([{ label: 'a', running: 0 }])
  })

  it('goes before one that comes when a key is back by the time alone', async () => {
    const { clock, pool, log, wait, end } = rig([key('a', 1), key('b', 1)])
    pool.acquire('m')
    pool.acquire('m').settle({ type: 'rate_limit', waitMs: 500 })
    void wait('x1')
    await settled()
    clock.pass(500)
    void wait('y1')
    await settled()
    expect(log).toEqual(['x1 with b'])
    await end('x1')
    expect(log).toEqual(['x1 with b', 'y1 with b'])
  })

  it('is served by a call of an earlier pool that ends', async () => {
    const memory = createKeyMemory()
    const { pool } = rig([key('a', 1)], { memory })
    pool.adopt()
    const lease = pool.acquire('m')
    const { log, wait } = rig([key('a', 1)], { memory })
    pool.close()
    void wait('x1')
    await settled()
    lease.settle(served)
    await settled()
    expect(log).toEqual(['x1 with a'])
  })
})

it.each([1, 2, 3, 4, 5, 6, 7, 8])(
  'keys and queue are empty at the end, whatever happens (seed %i)',
  async seed => {
    const chance = createChance(seed)
    const { clock, pool } = rig([key('a', 2), key('b', 1), key('c', 1, 'team'), key('d', 2, 'team')])
    const running: KeyLease[] = []
    const callers: AbortController[] = []
    let open = 0
    for (let step = 0; step < 400; step++) {
      const act = chance.below(10)
      if (act < 5) {
        const caller = new AbortController()
        callers.push(caller)
        const wait = {
          tenant: chance.oneOf(['x', 'y']),
          waitingMax: 4,
          waitMaxMs: 300,
          signal: caller.signal,
        }
        open += 1
        void (async () => pool.take(chance.oneOf(['m', 'n']), chance.below(4) > 0 ? wait : undefined))().then(
          lease => void running.push(lease),
          () => {
            open -= 1
          },
        )
      } else if (act < 8) {
        const lease = running.splice(chance.below(running.length + 1), 1)[0]
        if (lease === undefined) continue
        open -= 1
        lease.settle({ type: chance.oneOf(['served', 'untold', 'permission', 'rate_limit', 'concurrency']) })
      } else if (act < 9)
        callers[chance.below(callers.length + 1)]?.abort(new GatewayError('CANCELLED', 'gone'))
      else {
        clock.pass(chance.below(2000))
        await vi.advanceTimersByTimeAsync(chance.below(100))
      }
      if (chance.below(2) === 0) await settled()
      const counts = pool.states().map(state => state.running)
      expect(counts[0]).toBeLessThanOrEqual(2)
      expect(counts[1]).toBeLessThanOrEqual(1)
      expect((counts[2] ?? 0) + (counts[3] ?? 0)).toBeLessThanOrEqual(1)
    }
    await vi.advanceTimersByTimeAsync(300)
    while (running.length > 0) {
      open -= 1
      running.pop()?.settle(served)
      await settled()
    }
    expect(open).toBe(0)
    expect(pool.states().map(state => state.running)).toEqual([0, 0, 0, 0])
  },
)

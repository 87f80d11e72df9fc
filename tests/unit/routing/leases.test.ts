// Places among the calls at once: a provider's limit and a model's hold together, and no call keeps a place that it cannot use.
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { LimitConfig } from '../../../src/config/snapshot.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import { createLeases, type Lease, type LeaseConfig } from '../../../src/routing/leases.ts'
import { createChance } from '../../support/seeded.ts'

const queue = { maxWaiting: 10, maxWaitMs: 2000 }
const never = new AbortController().signal

function rig(limits: readonly LimitConfig[], over: Partial<LeaseConfig['queue']> = {}) {
  const clock = { now: () => Date.now(), monotonic: () => Date.now() }
  const leases = createLeases({ clock, config: { limits, queue: { ...queue, ...over } } })
  const log: string[] = []
  const held = new Map<string, Lease>()
  const who = (name: string) => {
    const [provider = '', model = ''] = name.split('/')
    return { provider, model, tenant: 'a' }
  }
  const now = (name: string): Lease | undefined => {
    const taken = leases.take(who(name), { mayWait: false, signal: never })
    if (taken instanceof Promise) throw new Error('it waits, and must not')
    return taken
  }
  const wait = async (name: string, label = name, signal: AbortSignal = never): Promise<void> => {
    try {
      const lease = await leases.take(who(name), { mayWait: true, signal })
      if (lease !== undefined) held.set(label, lease)
      log.push(label)
    } catch (error) {
      log.push(`${label}: ${GatewayError.from(error).message}`)
    }
  }
  return { leases, log, held, now, wait }
}

const settled = () => vi.advanceTimersByTimeAsync(0)

beforeEach(() => void vi.useFakeTimers())
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

describe('leases', () => {
  it('without limits are given at once and counted, and what nobody uses is not remembered', () => {
    const { leases, now } = rig([])
    const one = now('glm/glm-5.3')
    expect(leases.running()).toEqual([
      { name: 'glm/glm-5.3', running: 1, waiting: 0 },
      { name: 'glm', running: 1, waiting: 0 },
    ])
    one?.release()
    one?.release()
    expect(leases.running()).toEqual([])
  })

  it('need room with the model and with its provider', () => {
    const { now } = rig([
      { provider: 'glm', maxConcurrent: 2 },
      { provider: 'glm', model: 'GLM-5.3', maxConcurrent: 1 },
    ])
    const one = now('glm/glm-5.3')
    expect(now('glm/glm-5.3')).toBeUndefined()
    const other = now('glm/glm-4.6')
    expect(now('glm/glm-4.6')).toBeUndefined()
    expect(now('kimi/kimi-k3')).toBeDefined()
    one?.release()
    other?.release()
    expect(now('glm/glm-5.3')).toBeDefined()
  })

  it('of a crowded model leave the provider to its other models', async () => {
    const { now, wait, log, held } = rig([
      { provider: 'glm', maxConcurrent: 2 },
      { provider: 'glm', model: 'slow', maxConcurrent: 1 },
    ])
    const slow = now('glm/slow')
    for (const label of ['s1', 's2', 's3']) void wait('glm/slow', label)
    const fast = now('glm/fast')
    expect(fast).toBeDefined()
    fast?.release()
    slow?.release()
    await settled()
    expect(log).toEqual(['s1'])
    for (const label of ['s1', 's2', 's3']) {
      held.get(label)?.release()
      await settled()
    }
    expect(log).toEqual(['s1', 's2', 's3'])
  })

  it('of one of several workers say that they are its part of the limit', async () => {
    const { leases, now, wait, log } = rig([])
    leases.configure({
      limits: [{ provider: 'glm', maxConcurrent: 1 }],
      queue: { maxWaiting: 0, maxWaitMs: 2_000 },
      dividedBy: 2,
    })
    const one = now('glm/m')
    await wait('glm/m', 'second')
    expect(log[0]).toContain(
      '1 calls run with glm, the part of its limit that one of 2 workers has, and 0 more',
    )
    one?.release()
  })

  it.each<readonly [string, readonly LimitConfig[], string, string]>([
    [
      'a provider',
      [{ provider: 'glm', maxConcurrent: 1 }],
      '1 calls run with glm, its limit, and 1 more wait, which is all that may: raise max_concurrent of the provider in the config file, or routing.queue.max_waiting',
      '1 calls run with glm, its limit, and none ended within 2 s: raise max_concurrent of the provider in the config file, or routing.queue.max_wait',
    ],
    [
      'a model',
      [{ provider: 'glm', model: 'm', maxConcurrent: 1 }],
      '1 calls run with glm/m, its limit, and 1 more wait, which is all that may: raise max_concurrent of the model in the config file, or routing.queue.max_waiting',
      '1 calls run with glm/m, its limit, and none ended within 2 s: raise max_concurrent of the model in the config file, or routing.queue.max_wait',
    ],
  ])('of %s are refused with the limit and the setting that raises it', async (_, limits, full, late) => {
    const { leases, now, wait, log } = rig(limits, { maxWaiting: 1 })
    const one = now('glm/m')
    void wait('glm/m', 'first')
    await wait('glm/m', 'second')
    expect(log).toEqual([`second: ${full}`])
    await vi.advanceTimersByTimeAsync(2000)
    expect(log).toEqual([`second: ${full}`, `first: ${late}`])
    one?.release()
    expect(leases.running().map(({ running, waiting }) => running + waiting)).not.toContain(1)
  })

  it('tell a refused caller when to come back, and that nobody was asked', async () => {
    const { leases, now } = rig([{ provider: 'glm', maxConcurrent: 1 }], { maxWaiting: 0 })
    now('glm/m')
    const refused = leases.take(
      { provider: 'glm', model: 'm', tenant: 'a' },
      { mayWait: true, signal: never },
    )
    await expect(refused).rejects.toMatchObject({
      reason: 'OVERLOADED',
      details: { provider: 'glm', retryDelayMs: 2000, against: 'nobody' },
    })
  })

  it('wait no longer in all than the queue allows, whatever they wait for', async () => {
    const { now, wait, log } = rig([
      { provider: 'glm', maxConcurrent: 2 },
      { provider: 'glm', model: 'm', maxConcurrent: 1 },
    ])
    const model = now('glm/m')
    now('glm/other')
    void wait('glm/m', 'w')
    await vi.advanceTimersByTimeAsync(1500)
    // The provider's place goes to somebody else at the moment at which the model's becomes free.
    void wait('glm/third', 't')
    model?.release()
    await settled()
    expect(log).toEqual(['t'])
    await vi.advanceTimersByTimeAsync(499)
    expect(log).toEqual(['t'])
    await vi.advanceTimersByTimeAsync(1)
    expect(log[1]).toContain('none ended within 2 s')
    expect(now('glm/m')).toBeUndefined()
  })

  it('are refused to a caller that has left, and taken back from one that leaves while it waits', async () => {
    const { leases, now, wait, log } = rig([{ provider: 'glm', maxConcurrent: 1 }])
    const one = now('glm/m')
    const leaving = new AbortController()
    void wait('glm/m', 'w', leaving.signal)
    await settled()
    one?.release()
    leaving.abort(new GatewayError('CANCELLED', 'gone'))
    await settled()
    await wait('glm/m', 'late', leaving.signal)
    expect(log).toEqual(['w: gone', 'late: gone'])
    expect(leases.running()).toEqual([{ name: 'glm', running: 0, waiting: 0 }])
  })

  it('are known of while they wait for the provider, also by a limit that is set in the meantime', async () => {
    const { leases, now, wait, log } = rig([{ provider: 'glm', maxConcurrent: 1 }])
    const one = now('glm/other')
    void wait('glm/m', 'w')
    await settled()
    one?.release()
    await settled()
    expect(log).toEqual(['w'])
    expect(leases.running()).toEqual([
      { name: 'glm', running: 1, waiting: 0 },
      { name: 'glm/m', running: 1, waiting: 0 },
    ])
    leases.configure({
      limits: [
        { provider: 'glm', maxConcurrent: 9 },
        { provider: 'glm', model: 'm', maxConcurrent: 1 },
      ],
      queue,
    })
    expect(now('glm/m')).toBeUndefined()
    expect(now('glm/other')).toBeDefined()
  })

  it('follow a changed configuration: who waits comes in, and who runs stays', async () => {
    const { leases, now, wait, log, held } = rig([{ provider: 'glm', maxConcurrent: 1 }])
    const one = now('glm/m')
    void wait('glm/m', 'w')
    leases.configure({ limits: [{ provider: 'glm', maxConcurrent: 2 }], queue })
    await settled()
    expect(log).toEqual(['w'])
    leases.configure({ limits: [{ provider: 'glm', model: 'm', maxConcurrent: 1 }], queue })
    expect(now('glm/m')).toBeUndefined()
    expect(now('glm/other')).toBeDefined()
    one?.release()
    expect(now('glm/m')).toBeUndefined()
    held.get('w')?.release()
    expect(now('glm/m')).toBeDefined()
    leases.configure({ limits: [], queue })
    expect(now('glm/m')).toBeDefined()
  })
})

const met = new Set<string>()
// A chance that never met a way out would have shown nothing about it.
afterAll(() => expect([...met].sort()).toEqual(['CANCELLED', 'OVERLOADED', 'released', 'undefined']))

it.each(Array.from({ length: 25 }, (_, seed) => seed + 1))(
  'all of them are back at the end, whatever happened (seed %i)',
  async seed => {
    const chance = createChance(seed)
    const limitsBy = (most: number): readonly LimitConfig[] => [
      { provider: 'p', maxConcurrent: 1 + chance.below(most) },
      { provider: 'p', model: 'x', maxConcurrent: 1 + chance.below(most) },
      { provider: 'p', model: 'y', maxConcurrent: 1 + chance.below(most) },
    ]
    const { leases } = rig(limitsBy(4))
    const held: Lease[] = []
    const callers: AbortController[] = []
    let open = 0
    for (let step = 0; step < 300; step++) {
      const act = chance.below(10)
      if (act < 5) {
        const caller = new AbortController()
        callers.push(caller)
        const who = {
          provider: 'p',
          model: chance.oneOf(['x', 'y', 'z']),
          tenant: chance.oneOf(['a', 'a', 'b']),
        }
        open += 1
        void (async () => leases.take(who, { mayWait: chance.below(4) > 0, signal: caller.signal }))().then(
          lease => {
            open -= 1
            if (lease === undefined) met.add('undefined')
            else held.push(lease)
          },
          error => {
            open -= 1
            met.add(GatewayError.from(error).reason)
          },
        )
      } else if (act < 7) {
        const lease = held.splice(chance.below(held.length + 1), 1)[0]
        if (lease !== undefined) met.add('released')
        lease?.release()
        if (chance.below(3) === 0) lease?.release()
      } else if (act < 8)
        callers[chance.below(callers.length + 1)]?.abort(new GatewayError('CANCELLED', 'gone'))
      else if (act < 9) await vi.advanceTimersByTimeAsync(chance.below(900))
      else leases.configure({ limits: chance.below(3) === 0 ? [] : limitsBy(5), queue })
      if (chance.below(2) === 0) await settled()
      const counts = new Map(leases.running().map(({ name, running }) => [name, running]))
      expect(counts.get('p') ?? 0).toBeGreaterThanOrEqual(held.length)
    }
    await vi.advanceTimersByTimeAsync(queue.maxWaitMs)
    while (held.length > 0) {
      held.pop()?.release()
      await settled()
    }
    expect(open).toBe(0)
    leases.configure({ limits: [], queue })
    expect(leases.running()).toEqual([])
  },
)

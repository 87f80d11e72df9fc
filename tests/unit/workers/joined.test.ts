// What several workers see and count as one: the worst of each state, places in the order of time, and circuits that stay held.
import { describe, expect, it } from 'vitest'
import type { CircuitState } from '../../../src/routing/circuit-life.ts'
import { createHeldCircuits } from '../../../src/workers/held-circuits.ts'
import { joinedCircuits, joinedProviders, joinedStore } from '../../../src/workers/joined-sight.ts'
import { createPlaces } from '../../../src/workers/places.ts'
import type { Sight } from '../../../src/workers/words.ts'

const healthy = { status: 'healthy', reason: '' } as const
const circuit = (more: Partial<CircuitState> = {}): CircuitState => ({
  provider: 'openai',
  model: 'm',
  state: 'closed',
  sinceMs: 1,
  reason: '',
  failureRatio: 0,
  callCount: 0,
  held: false,
  ...more,
})
const sight = (more: Partial<Sight> = {}): Sight => ({
  configVersion: 1,
  providers: [{ id: 'openai', unusableReason: '', isOut: false, keys: [{ label: 'a' }] }],
  circuits: [],
  store: healthy,
  ...more,
})

describe('what workers see', () => {
  it('a circuit is as open as where it is most open', () => {
    const all = [
      sight({ circuits: [circuit({ callCount: 5 }), circuit({ model: 'only-here' })] }),
      sight({ circuits: [circuit({ state: 'open', reason: '9 of 10 calls failed' })] }),
      sight({ circuits: [circuit({ state: 'half_open' })] }),
    ]
    expect(joinedCircuits(all)).toMatchObject([
      { model: 'm', state: 'open', reason: '9 of 10 calls failed' },
      { model: 'only-here', state: 'closed' },
    ])
  })

  it('a provider is unusable when one of them cannot use it, and its key is out for as long as anywhere', () => {
    const out = { trouble: 'rate_limit', untilMs: 9 } as const
    const [joined] = joinedProviders([
      sight(),
      sight({
        providers: [
          { id: 'openai', unusableReason: 'every key is out', isOut: true, keys: [{ label: 'a', out }] },
        ],
      }),
    ])
    expect(joined).toMatchObject({ id: 'openai', unusableReason: 'every key is out' })
    expect(joined?.outage).toBeDefined()
    expect(joined?.keys?.()).toEqual([{ label: 'a', out }])
  })

  it('the providers are those of the newest configuration', () => {
    const glm = { id: 'glm', unusableReason: '', isOut: false, keys: [] }
    expect(
      joinedProviders([sight(), sight({ configVersion: 2, providers: [glm] })]).map(({ id }) => id),
    ).toEqual(['glm'])
    expect(joinedProviders([])).toEqual([])
  })

  it('the store is ill when it is ill for one of them', () => {
    const ill = { status: 'unhealthy', reason: 'full' } as const
    expect(joinedStore([sight(), sight({ store: ill })], healthy)).toEqual(ill)
    expect(joinedStore([sight()], healthy)).toEqual(healthy)
  })
})

describe('places of calls', () => {
  it('rise with time over all workers, and never come twice', () => {
    let nowMs = 1_790_000_000_000
    const clock = { now: () => nowMs }
    const workers = [1, 2, 64].map(slot => createPlaces(slot, clock))
    const places = [1, 2, 3].flatMap(() => {
      nowMs += 1
      return workers.flatMap(place => [place(), place()])
    })
    expect(new Set(places).size).toBe(places.length)
    expect(places.every(Number.isSafeInteger)).toBe(true)
    // A later millisecond comes after all of the one before.
    expect(Math.max(...places.slice(0, 6))).toBeLessThan(Math.min(...places.slice(6, 12)))
  })
})

describe('circuits that an operator holds open', () => {
  it('are held by whoever comes later, for as long as is left', () => {
    let nowMs = 0
    const held = createHeldCircuits(() => nowMs)
    held.note({ provider: 'openai', model: 'm', action: 'open', reason: 'r', holdMs: 100 })
    held.note({ provider: 'glm', model: '', action: 'open', reason: '' })
    nowMs = 40
    expect(held.wishes()).toMatchObject([{ provider: 'openai', holdMs: 60 }, { provider: 'glm' }])
    nowMs = 100
    expect(held.wishes()).toMatchObject([{ provider: 'glm' }])
  })

  it('are not held any more when they were closed or reset', () => {
    const held = createHeldCircuits(() => 0)
    held.note({ provider: 'openai', model: 'm', action: 'open', reason: '' })
    held.note({ provider: 'openai', model: 'n', action: 'open', reason: '' })
    held.note({ provider: 'openai', model: 'm', action: 'close', reason: '' })
    expect(held.wishes()).toMatchObject([{ model: 'n' }])
    held.note({ provider: 'openai', model: '', action: 'reset', reason: '' })
    expect(held.wishes()).toEqual([])
  })
})

// What the one state says of the whole, of services and of providers, running and going away.
import { describe, expect, it } from 'vitest'
import type { CircuitState } from '../../../src/routing/circuit-life.ts'
import { createStatus } from '../../../src/status/status.ts'
import { createScriptedProvider } from '../../support/scripted-provider.ts'

const circuitOf = (own: Partial<CircuitState>): CircuitState => ({
  provider: 'one',
  model: 'm',
  state: 'closed',
  sinceMs: 0,
  reason: '',
  failureRatio: 0,
  callCount: 0,
  held: false,
  ...own,
})

const usable = createScriptedProvider('one', [[]])
const keyless = { ...createScriptedProvider('two', [[]]), unusableReason: 'TWO_API_KEY is not set' }

describe('the state of a running service', () => {
  it('is healthy while one provider can answer, and names what is missing elsewhere', () => {
    const status = createStatus({
      circuits: () => [],
      providers: () => [usable, keyless],
      services: ['a.Service'],
    })
    expect(status.report()).toEqual({
      status: 'healthy',
      components: {
        'provider/one': { status: 'healthy', reason: '' },
        'provider/two': { status: 'unhealthy', reason: 'TWO_API_KEY is not set' },
      },
    })
  })

  it('is unhealthy when nobody can answer', () => {
    expect(
      createStatus({ circuits: () => [], providers: () => [keyless], services: [] }).report().status,
    ).toBe('unhealthy')
  })

  it('stays ready with a dead provider, whose own name is not serving', () => {
    const status = createStatus({ circuits: () => [], providers: () => [keyless], services: ['a.Service'] })
    expect(status.isReady()).toBe(true)
    expect(status.serving('')).toBe('SERVING')
    expect(status.serving('a.Service')).toBe('SERVING')
    expect(status.serving('provider/two')).toBe('NOT_SERVING')
  })

  it('does not know other names', () => {
    const status = createStatus({ circuits: () => [], providers: () => [usable], services: ['a.Service'] })
    expect(status.serving('a.Other')).toBeUndefined()
    expect(status.serving('provider/three')).toBeUndefined()
    expect(status.names()).toEqual(['', 'a.Service', 'provider/one', 'live'])
  })
})

describe('the state of a service whose own store cannot write', () => {
  const setUp = () => {
    let reason = 'the store is full'
    const status = createStatus({
      circuits: () => [],
      providers: () => [usable],
      services: ['a.Service'],
      store: () => ({ status: reason === '' ? 'healthy' : 'unhealthy', reason }),
    })
    const mend = (): void => {
      reason = ''
    }
    return { status, mend }
  }

  it('is unhealthy and not ready, and says why', () => {
    const { status } = setUp()
    expect(status.report()).toMatchObject({
      status: 'unhealthy',
      components: { store: { status: 'unhealthy', reason: 'the store is full' } },
    })
    expect([status.isReady(), status.serving('')]).toEqual([false, 'NOT_SERVING'])
    expect([status.serving('live'), status.serving('provider/one')]).toEqual(['SERVING', 'SERVING'])
  })

  it('is ready again once it can', () => {
    const { status, mend } = setUp()
    mend()
    expect([status.isReady(), status.serving(''), status.report().status]).toEqual([
      true,
      'SERVING',
      'healthy',
    ])
  })
})

describe('the state of a service that is configured anew', () => {
  it('knows the names of now, and tells its listeners', () => {
    let providers = [usable]
    const status = createStatus({ circuits: () => [], providers: () => providers, services: [] })
    const told: (readonly string[])[] = []
    status.onChange(() => told.push(status.names()))
    providers = [keyless]
    status.changed()
    expect(told).toEqual([['', 'provider/two', 'live']])
    expect([status.serving('provider/one'), status.serving('provider/two')]).toEqual([
      undefined,
      'NOT_SERVING',
    ])
    expect(Object.keys(status.report().components)).toEqual(['provider/two'])
  })
})

describe('the state of a provider with circuits', () => {
  const withCircuits = (...states: readonly ('closed' | 'open' | 'half_open')[]) => {
    const circuits = [
      ...states.map((state, index) => circuitOf({ model: `m${index}`, state })),
      circuitOf({ provider: 'elsewhere', state: 'open' }),
    ]
    const status = createStatus({ circuits: () => circuits, providers: () => [usable], services: [] })
    return [status.providers()[0]?.health, status.serving('provider/one'), status.report().status]
  }

  it.each([
    [[], ['ok', 'SERVING', 'healthy']],
    [['closed'], ['ok', 'SERVING', 'healthy']],
    [
      ['closed', 'open'],
      ['degraded', 'SERVING', 'degraded'],
    ],
    [['half_open'], ['degraded', 'SERVING', 'degraded']],
    [
      ['open', 'open'],
      ['down', 'NOT_SERVING', 'unhealthy'],
    ],
  ] as const)('whose states are %j is %j', (states, expected) => {
    expect(withCircuits(...states)).toEqual(expected)
  })

  it('says in words what is wrong, and leaves others usable', () => {
    const circuits = [circuitOf({ state: 'open' })]
    const other = { ...usable, id: 'two' }
    const report = createStatus({
      circuits: () => circuits,
      providers: () => [usable, other],
      services: [],
    }).report()
    expect(report.status).toBe('degraded')
    expect(report.components['provider/one']).toEqual({
      status: 'unhealthy',
      reason: 'every circuit of its models in use is open',
    })
  })
})

describe('the state of a service that is going away', () => {
  it('serves under no name but live, and tells each listener once', () => {
    const status = createStatus({ circuits: () => [], providers: () => [usable], services: ['a.Service'] })
    let told = 0
    status.onChange(() => {
      told += 1
    })
    const deaf = status.onChange(() => {
      throw new Error('a disposed listener was called')
    })
    deaf()
    status.drain()
    status.drain()
    expect(told).toBe(1)
    expect(['', 'a.Service', 'provider/one', 'live'].map(status.serving)).toEqual([
      'NOT_SERVING',
      'NOT_SERVING',
      'NOT_SERVING',
      'SERVING',
    ])
    expect(status.isReady()).toBe(false)
    expect(status.report().status).toBe('degraded')
  })
})

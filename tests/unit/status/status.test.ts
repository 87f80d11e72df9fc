// What the one state says of the whole, of services and of providers, running and going away.
import { describe, expect, it } from 'vitest'
import { createStatus } from '../../../src/status/status.ts'
import { createScriptedProvider } from '../../support/scripted-provider.ts'

const usable = createScriptedProvider('one', [[]])
const keyless = { ...createScriptedProvider('two', [[]]), unusableReason: 'TWO_API_KEY is not set' }

describe('the state of a running service', () => {
  it('is healthy while one provider can answer, and names what is missing elsewhere', () => {
    const status = createStatus({ providers: [usable, keyless], services: ['a.Service'] })
    expect(status.report()).toEqual({
      status: 'healthy',
      components: {
        'provider/one': { status: 'healthy', reason: '' },
        'provider/two': { status: 'unhealthy', reason: 'TWO_API_KEY is not set' },
      },
    })
  })

  it('is unhealthy when nobody can answer', () => {
    expect(createStatus({ providers: [keyless], services: [] }).report().status).toBe('unhealthy')
  })

  it('stays ready with a dead provider, whose own name is not serving', () => {
    const status = createStatus({ providers: [keyless], services: ['a.Service'] })
    expect(status.isReady()).toBe(true)
    expect(status.serving('')).toBe('SERVING')
    expect(status.serving('a.Service')).toBe('SERVING')
    expect(status.serving('provider/two')).toBe('NOT_SERVING')
  })

  it('does not know other names', () => {
    const status = createStatus({ providers: [usable], services: ['a.Service'] })
    expect(status.serving('a.Other')).toBeUndefined()
    expect(status.serving('provider/three')).toBeUndefined()
    expect(status.names()).toEqual(['', 'a.Service', 'provider/one', 'live'])
  })
})

describe('the state of a service that is going away', () => {
  it('serves under no name but live, and tells each listener once', () => {
    const status = createStatus({ providers: [usable], services: ['a.Service'] })
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

// Keys of several addresses: one where the provider fails is avoided for a while, and never when there is nothing else.
import { describe, expect, it } from 'vitest'
import { GatewayError } from '../../../src/core/errors.ts'
import { createKeyMemory } from '../../../src/providers/key-memory.ts'
import { createKeyPool, type KeyOutcome, type KeySettings } from '../../../src/providers/keys.ts'
import { leased } from '../../../src/providers/leased.ts'
import { createHandClock } from '../../support/hand-clock.ts'
import { attempt, failure } from './attempt.ts'

const failing: KeyOutcome = { type: 'failing' }
const served: KeyOutcome = { type: 'served' }
const key = (label: string, region: string): KeySettings => ({
  secret: `secret-of-${label}`,
  label,
  baseUrl: `https://${region}.example`,
})

function rig(keys: readonly KeySettings[]) {
  const clock = createHandClock()
  const memory = createKeyMemory()
  const make = (some = keys) => createKeyPool({ provider: 'glm', keys: some, clock, memory })
  const pool = make()
  const use = (outcome: KeyOutcome, from = pool): string | undefined => {
    const lease = from.acquire('m')
    lease.settle(outcome)
    return lease.key?.label
  }
  return { clock, pool, use, make }
}

describe('an address where the provider fails', () => {
  it('is avoided for 30 s, with all of its keys', () => {
    const { clock, pool, use } = rig([key('a', 'eu'), key('b', 'eu'), key('c', 'us')])
    expect(pool.hasOtherAddress('m')).toBe(false)
    expect(use(failing)).toBe('a')
    expect(pool.hasOtherAddress('m')).toBe(true)
    expect([use(served), use(served), use(served)]).toEqual(['c', 'c', 'c'])
    clock.pass(29_999)
    expect(use(served)).toBe('c')
    clock.pass(1)
    expect(pool.hasOtherAddress('m')).toBe(false)
    expect(use(served)).toBe('b')
  })

  it('is well again at its first answer', () => {
    const { pool, use } = rig([key('a', 'eu'), key('b', 'us')])
    const slow = pool.acquire('m')
    expect(use(failing)).toBe('b')
    const fails = pool.acquire('m')
    expect(fails.key?.label).toBe('a')
    fails.settle(failing)
    slow.settle(served)
    expect([use(served), use(served)]).toEqual(['a', 'a'])
  })

  it('is asked all the same when no other key may be used', () => {
    const { pool, use } = rig([key('a', 'eu'), key('b', 'us')])
    use(failing)
    use({ type: 'auth' })
    expect(pool.hasOtherAddress('m')).toBe(false)
    expect(use(failing)).toBe('a')
    expect(pool.left('m')).toBe(1)
    expect(pool.outage()).toBeUndefined()
  })

  it('is no other address than itself', () => {
    const { pool, use } = rig([key('a', 'eu'), key('b', 'eu')])
    expect([use(failing), use(failing), use(failing)]).toEqual(['a', 'b', 'a'])
    expect(pool.hasOtherAddress('m')).toBe(false)
  })

  it('is remembered while the configuration changes', () => {
    const { use, make, pool } = rig([key('a', 'eu'), key('b', 'us')])
    use(failing)
    const next = make([key('new', 'eu'), key('b', 'us')])
    pool.close()
    expect([use(served, next), use(served, next)]).toEqual(['b', 'b'])
  })
})

describe('an attempt that', () => {
  const unavailable = (details = {}) => new GatewayError('UPSTREAM_UNAVAILABLE', 'glm failed', details)
  const told = async (thrown: GatewayError, ending?: GatewayError): Promise<boolean> => {
    const { pool } = rig([key('a', 'eu'), key('b', 'us')])
    const calling = new AbortController()
    await failure(
      leased(pool, attempt({}, { signal: calling.signal }), async function* () {
        yield []
        if (ending !== undefined) calling.abort(ending)
        throw thrown
      }),
    )
    return pool.hasOtherAddress('m')
  }

  it.each<readonly [string, GatewayError, boolean]>([
    ['met a provider that is down', unavailable(), true],
    ['met a server that fails', unavailable({ upstreamStatus: 500, against: 'provider' }), true],
    ['failed without anybody being asked', unavailable({ against: 'nobody' }), false],
    ['broke off its answer', new GatewayError('UPSTREAM_BROKEN', 'broken', { cause: unavailable() }), false],
    ['asked for too much', new GatewayError('INVALID_REQUEST', 'too much'), false],
  ])('%s tells of the address only what it knows', async (_, error, isFailing) => {
    expect(await told(error)).toBe(isFailing)
  })

  it('was ended because the provider was silent says that the address fails', async () => {
    const aborted = new Error('aborted')
    const thrown = GatewayError.from(aborted)
    expect(await told(thrown, unavailable())).toBe(true)
    expect(await told(thrown, new GatewayError('CANCELLED', 'the caller left'))).toBe(false)
    expect(await told(thrown, new GatewayError('DEADLINE_EXCEEDED', 'late'))).toBe(false)
  })
})

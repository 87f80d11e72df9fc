// Limits at the entrance: any sixty seconds, calls at once, whose they are, and what a caller is told.
import { describe, expect, it } from 'vitest'
import { createChance } from '../../support/seeded.ts'
import { caller, held, METHOD, need, ofAcme, policy, refusalOf, setUp } from './limits-rig.ts'

const requests = (value: number) => ({ kind: 'requests_per_minute', value }) as const
const atOnce = (value: number) => ({ kind: 'concurrent_calls', value }) as const

describe('a caller without limits', () => {
  it('waits for nothing', () => {
    const { limits } = setUp(ofAcme(requests(1)))
    expect(limits.admit(caller({ tenant: 'other' }), METHOD)).toBeUndefined()
    expect(limits.of(caller({ tenant: 'other' }))).toBeUndefined()
    expect(limits.admit(caller(), 'grpc.health.v1.Health/Check')).toBeUndefined()
  })
})

describe('requests a minute', () => {
  it('are never more than the limit in any sixty seconds, by chance', async () => {
    for (const seed of [1, 2, 3]) {
      const { limits, clock } = setUp(ofAcme(requests(20)))
      const chance = createChance(seed)
      const begun: number[] = []
      for (let step = 0; step < 600; step += 1) {
        clock.pass(chance.below(2_500))
        const admission = await Promise.resolve(limits.admit(caller(), METHOD)).catch(() => undefined)
        if (admission !== undefined) begun.push(clock.now())
      }
      for (const [index, at] of begun.entries())
        expect(begun.slice(index).filter(other => other < at + 60_000).length).toBeLessThanOrEqual(20)
      expect(begun.length).toBeGreaterThan(100)
    }
  })

  it('are told of in what a call is let in with, the ones with the least room', async () => {
    const own = caller({ subject: 'ann', limits: [{ kind: 'requests_per_minute', value: 3 }] })
    const { limits } = setUp(ofAcme(requests(5), { kind: 'concurrent_calls', value: 1_000 }))
    const others = await limits.admit(caller(), METHOD)
    expect(others?.requestLimit()).toMatchObject({ limit: 5, remaining: 4 })
    const first = await limits.admit(own, METHOD)
    expect(first?.requestLimit()).toMatchObject({ limit: 3, remaining: 2 })
    await limits.admit(caller(), METHOD)
    await limits.admit(caller(), METHOD)
    const last = await limits.admit(own, METHOD)
    expect(last?.requestLimit()).toMatchObject({ name: 'requests_per_minute of tenant acme', remaining: 0 })
    const running = setUp(ofAcme({ kind: 'concurrent_calls', value: 9 })).limits
    expect((await running.admit(caller(), METHOD))?.requestLimit()).toBeUndefined()
  })

  it('say when the oldest that count are over, and then there is room', async () => {
    const { limits, clock } = setUp(ofAcme(requests(3)))
    for (const pauseMs of [4_000, 20_000, 15_000]) {
      await limits.admit(caller(), METHOD)
      clock.pass(pauseMs)
    }
    const { details } = await refusalOf(limits.admit(caller(), METHOD))
    // The first began at 0 s, now it is 39 s; its step ends at 10 s and counts until 70 s.
    expect(details.retryDelayMs).toBe(31_000)
    clock.pass(30_999)
    await refusalOf(limits.admit(caller(), METHOD))
    clock.pass(1)
    await limits.admit(caller(), METHOD)
    // The next one is that of 4 s, of the same step, so that there is room at once.
    expect(await limits.admit(caller(), METHOD)).toBeDefined()
  })

  it('tell which limit it is, what is used, and when to ask again', async () => {
    const { limits, clock } = setUp(ofAcme(requests(1)))
    clock.pass(3_000)
    await limits.admit(caller(), METHOD)
    const error = await refusalOf(limits.admit(caller(), METHOD))
    expect(error).toMatchObject({
      reason: 'RATE_LIMITED',
      message:
        'requests_per_minute of tenant acme is 1, and 1 were begun in the last minute; ask again in 67 s',
    })
    expect(error.details).toEqual({
      // What began in a step of ten seconds is forgotten with the whole of it, a minute after its end.
      retryDelayMs: 67_000,
      limit: {
        name: 'requests_per_minute of tenant acme',
        limit: 1,
        remaining: 0,
        resetAtMs: Date.parse('2026-11-22T17:01:10Z'),
      },
    })
  })

  it('are given back by a call that joins another one, once', async () => {
    const { limits } = setUp(ofAcme(requests(2)))
    const admission = await limits.admit(caller(), METHOD)
    admission?.giveBack()
    admission?.giveBack()
    await limits.admit(caller(), METHOD)
    await limits.admit(caller(), METHOD)
    expect((await refusalOf(limits.admit(caller(), METHOD))).reason).toBe('RATE_LIMITED')
  })

  it('of 0 let nobody pass, and tell nobody to come again', async () => {
    const { limits } = setUp(ofAcme(requests(0)))
    const error = await refusalOf(limits.admit(caller(), METHOD))
    expect([error.reason, error.details.retryDelayMs]).toEqual(['RATE_LIMITED', undefined])
  })
})

describe('calls at once', () => {
  it('have a place until they end, and end once', async () => {
    const { limits } = setUp(ofAcme(atOnce(2)))
    const [first, second] = [await limits.admit(caller(), METHOD), await limits.admit(caller(), METHOD)]
    const error = await refusalOf(limits.admit(caller(), METHOD))
    expect(error).toMatchObject({
      reason: 'TOO_MANY_CALLS',
      message: 'concurrent_calls of tenant acme is 2, and 2 are running; ask again when one has ended',
    })
    expect(limits.running()).toBe(2)
    first?.end()
    first?.end()
    await limits.admit(caller(), METHOD)
    expect((await refusalOf(limits.admit(caller(), METHOD))).reason).toBe('TOO_MANY_CALLS')
    second?.end()
    expect(limits.running()).toBe(1)
  })

  it('keep their places for longer than a holder lives without a word, because they are renewed', async () => {
    const { limits, clock } = setUp(ofAcme(atOnce(1)), { renewEveryMs: 1 })
    const admission = await limits.admit(caller(), METHOD)
    for (let minute = 0; minute < 6; minute += 1) {
      clock.pass(20_000)
      await new Promise(resolve => setTimeout(resolve, 10))
    }
    expect((await refusalOf(limits.admit(caller(), METHOD))).reason).toBe('TOO_MANY_CALLS')
    admission?.end()
    expect(await limits.admit(caller(), METHOD)).toBeDefined()
  })

  it('of a process that died end by themselves', async () => {
    const { limits, clock } = setUp(ofAcme(atOnce(1)))
    await limits.admit(caller(), METHOD)
    limits.close()
    clock.pass(30_001)
    expect(await limits.admit(caller(), METHOD)).toBeDefined()
  })

  it('that are refused take nothing of the other limits', async () => {
    const { limits } = setUp(ofAcme(requests(2), atOnce(1)))
    const first = await limits.admit(caller(), METHOD)
    await refusalOf(limits.admit(caller(), METHOD))
    await refusalOf(limits.admit(caller(), METHOD))
    first?.end()
    expect(await limits.admit(caller(), METHOD)).toBeDefined()
  })
})

describe('whose a limit is', () => {
  it('is told by the caller: its key, its tenant, and each tenant without an entry of its own', async () => {
    const { limits } = setUp({
      tenants: [
        { tenant: 'acme', limits: [requests(3)] },
        { tenant: '*', limits: [requests(1)] },
      ],
    })
    const keyed = caller({ key: { id: 'key_1', label: 'ci' }, subject: 'key_1', limits: [requests(2)] })
    await limits.admit(keyed, METHOD)
    await limits.admit(keyed, METHOD)
    expect((await refusalOf(limits.admit(keyed, METHOD))).message).toContain(
      'requests_per_minute of key ci is 2',
    )
    await limits.admit(caller(), METHOD)
    expect((await refusalOf(limits.admit(caller(), METHOD))).message).toContain('of tenant acme is 3')
    for (const tenant of ['one', 'two']) {
      await limits.admit(caller({ tenant }), METHOD)
      expect((await refusalOf(limits.admit(caller({ tenant }), METHOD))).message).toContain(
        `of tenant ${tenant}`,
      )
    }
  })

  it('goes by the names that the configuration gives to models, and policies do, too', async () => {
    const aliases = [{ alias: 'Fast', model: 'openai/gpt-x' }]
    const rules = {
      ...ofAcme({ kind: 'day_budget', value: 0, model: 'fast' }),
      policies: [
        { tenant: 'acme', policy: policy({ deniedModels: ['FAST'], allowedModels: ['fast', 'o'] }) },
      ],
    }
    const { limits } = setUp(rules, { aliases: () => aliases })
    const own = limits.of(caller())
    expect((await refusalOf(own?.reserve(need()))).details.limit?.name).toBe(
      'day_budget of tenant acme for openai/gpt-x',
    )
    expect(own?.policies).toEqual([
      policy({ deniedModels: ['openai/gpt-x'], allowedModels: ['openai/gpt-x', 'o'] }),
    ])
    const key = { limits: [{ kind: 'day_budget', value: 0, model: 'fast' } as const] }
    expect((await refusalOf(limits.of(caller({ tenant: 'other', ...key }))?.reserve(need()))).reason).toBe(
      'BUDGET_SPENT',
    )
  })

  it('of two of a kind, the smaller one counts', async () => {
    const { limits } = setUp(ofAcme(requests(5), requests(1), requests(3)))
    await limits.admit(caller(), METHOD)
    expect((await refusalOf(limits.admit(caller(), METHOD))).details.limit?.limit).toBe(1)
  })

  it('is nobody else although the names look alike', async () => {
    const { limits } = setUp({ tenants: [{ tenant: '*', limits: [requests(1)] }] })
    for (const tenant of ['a', 'a:', 'a::', 'a%3A', 'sub:a'])
      expect(await limits.admit(caller({ tenant }), METHOD)).toBeDefined()
  })
})

describe('a limit that cannot be counted together now', () => {
  it('refuses where it says so, and tells to ask again soon', async () => {
    const asked: unknown[] = []
    const { limits } = setUp(ofAcme({ ...requests(5), outagePolicy: 'deny' }), {
      shared: {
        ...setUp().shared,
        async reserve(reservations) {
          asked.push(...reservations.map(({ outage }) => outage))
          return { ok: false, index: 0, counter: '', used: 2, isOutage: true }
        },
      },
    })
    const error = await refusalOf(limits.admit(caller(), METHOD))
    expect(error).toMatchObject({
      reason: 'RATE_LIMITED',
      message:
        'requests_per_minute of tenant acme cannot be counted together with the other replicas now, and then it lets nobody ' +
        'pass; ask again soon',
      details: { retryDelayMs: 2_000 },
    })
    expect(asked).toEqual(['deny'])
  })
})

describe('a stream that is resumed', () => {
  it('is no request of the minute, but a call that runs', async () => {
    const { limits } = setUp(ofAcme(requests(0), atOnce(1)))
    const resuming = 'exai.v1.ChatService/ResumeStream'
    await limits.admit(caller(), resuming)
    expect((await refusalOf(limits.admit(caller(), resuming))).reason).toBe('TOO_MANY_CALLS')
  })
})

describe('what happens to a limit', () => {
  it('is told: nine tenths used, once, and every refusal', async () => {
    const { limits, events } = setUp(ofAcme(requests(10)))
    for (let call = 1; call <= 10; call += 1) await limits.admit(caller(), METHOD, `call-${call}`)
    await refusalOf(limits.admit(caller(), METHOD, 'call-11'))
    const common = {
      kind: 'requests_per_minute',
      tenant: 'acme',
      whose: 'tenant acme',
      owner: '',
      limit: 10,
    }
    expect(events).toEqual([
      { type: 'limit.near', ...common, used: 9, requestId: 'call-9' },
      { type: 'limit.refused', ...common, used: 10, requestId: 'call-11' },
    ])
  })

  it('names the call whose attempt came too near or was refused', async () => {
    const { limits, events } = setUp(ofAcme({ kind: 'tokens_per_minute', value: 160 }))
    const reserve = (requestId: string) => limits.of(caller())?.reserve(need({ requestId }))
    await held(reserve('call-1'))
    await refusalOf(reserve('call-2'))
    expect(events.map(({ type, requestId }) => [type, requestId])).toEqual([
      ['limit.near', 'call-1'],
      ['limit.refused', 'call-2'],
    ])
  })
})

describe('the bytes that a tenant may store', () => {
  it('are those of its own entry, or else of every tenant', () => {
    const { limits } = setUp({
      tenants: [
        { tenant: 'acme', limits: [{ kind: 'stored_bytes', value: 5 }] },
        { tenant: '*', limits: [{ kind: 'stored_bytes', value: 7 }] },
      ],
    })
    expect([limits.storedBytes('acme'), limits.storedBytes('other')]).toEqual([5, 7])
    expect(setUp().limits.storedBytes('acme')).toBeUndefined()
  })
})

// Limits of attempts: the worst case is reserved, the truth is settled, and a smaller answer is asked for where money is short.
import { describe, expect, it } from 'vitest'
import type { UsageSums } from '../../../src/core/usage-sums.ts'
import { createChance } from '../../support/seeded.ts'
import { caller, held, need, ofAcme, refusalOf, setUp } from './limits-rig.ts'

const tokens = (value: number) => ({ kind: 'tokens_per_minute', value }) as const
const day = (value: number) => ({ kind: 'day_budget', value }) as const

describe('a budget', () => {
  it('is reserved with the worst case, and settled with what it cost', async () => {
    const { limits } = setUp(ofAcme(day(1_000)))
    const own = limits.of(caller())
    const first = await held(own?.reserve(need()))
    expect(await refusalOf(own?.reserve(need()))).toMatchObject({
      reason: 'BUDGET_SPENT',
      message:
        'day_budget of tenant acme is 0.000001 USD, of which 0.0000006 USD are spent or held by running calls, and this ' +
        'call may cost 0.0000006 USD; it begins anew at 2026-11-23T00:00:00.000Z',
    })
    first.settle({ tokens: 110, nanoUsd: 200n })
    first.giveBack(true)
    const second = await held(own?.reserve(need()))
    expect(limits.running()).toBe(1)
    second.giveBack(false)
    expect(limits.running()).toBe(0)
    expect((await refusalOf(own?.reserve(need({ outputTokens: 71 })))).details.limit).toEqual({
      name: 'day_budget of tenant acme',
      limit: 1_000,
      remaining: 800,
      resetAtMs: Date.parse('2026-11-23T00:00:00Z'),
    })
  })

  it('counts what was reserved where nobody knows what it cost', async () => {
    const { limits } = setUp(ofAcme(day(1_000)))
    const own = limits.of(caller())
    const [first] = [await held(own?.reserve(need({ outputTokens: 40 })))]
    first.settle({ tokens: 5 })
    expect((await refusalOf(own?.reserve(need({ outputTokens: 41 })))).details.limit?.remaining).toBe(500)
    const kept = await held(own?.reserve(need({ outputTokens: 10 })))
    kept.keep()
    expect((await refusalOf(own?.reserve(need()))).details.limit?.remaining).toBe(300)
  })

  it('asks for as long an answer as it still pays where the request sets no cap, down to one token', async () => {
    const { limits } = setUp(ofAcme(day(1_000)))
    const own = limits.of(caller())
    const shrinking = need({ outputTokens: 16_384, mayShrink: true })
    expect((await held(own?.reserve(shrinking))).outputCap).toBe(90)
    const other = setUp(ofAcme(day(1_000))).limits.of(caller())
    await held(other?.reserve(need({ outputTokens: 79 })))
    expect((await held(other?.reserve(shrinking))).outputCap).toBe(1)
    expect((await refusalOf(other?.reserve(shrinking))).reason).toBe('BUDGET_SPENT')
  })

  it('is not spent on what has no known price or no known size', async () => {
    const own = setUp(ofAcme(day(1_000))).limits.of(caller())
    const unpriced = await refusalOf(own?.reserve(need({ cost: () => undefined })))
    expect(unpriced.message).toContain(
      'openai/gpt-x: its price is not known, and day_budget of tenant acme counts it',
    )
    const unsized = await refusalOf(own?.reserve(need({ outputTokens: undefined })))
    expect(unsized.message).toContain('how many tokens it may use is not known')
  })

  it('begins anew with the day, and the month, in UTC', async () => {
    const { limits, clock } = setUp(ofAcme(day(600), { kind: 'month_budget', value: 1_200 }))
    const own = limits.of(caller())
    const ask = async () => (await held(own?.reserve(need()))).settle({ tokens: 1, nanoUsd: 600n })
    await ask()
    await refusalOf(own?.reserve(need()))
    clock.pass(7 * 60 * 60 * 1000)
    await ask()
    clock.pass(24 * 60 * 60 * 1000)
    const error = await refusalOf(own?.reserve(need()))
    expect(error.details.limit).toMatchObject({
      name: 'month_budget of tenant acme',
      resetAtMs: Date.parse('2026-12-01T00:00:00Z'),
    })
    clock.pass(8 * 24 * 60 * 60 * 1000)
    await ask()
  })

  it('goes on after a start from what the ledger has, read once', async () => {
    const queries: unknown[] = []
    const ledger: Pick<UsageSums, 'sums'> = {
      async sums(query) {
        queries.push([query.tenant, query.keys, new Date(query.from).toISOString()])
        const of = (provider: string, model: string, nanoUsd: bigint) => ({ provider, model, nanoUsd })
        const items = [of('openai', 'GPT-X', 300n), of('glm', 'other', 200n)]
        // The rest of a sum says nothing here.
        return { items: items as unknown as Awaited<ReturnType<UsageSums['sums']>>['items'] }
      },
    }
    const rules = ofAcme(day(1_000), { kind: 'month_budget', value: 1_000, model: 'openai/gpt-x' })
    const { limits } = setUp(rules, { ledgers: [ledger] })
    const own = limits.of(caller())
    const answers = await Promise.all([own?.reserve(need()), own?.reserve(need())])
    expect(answers.map(answer => answer !== undefined && 'error' in answer)).toEqual([true, true])
    const first = await refusalOf(own?.reserve(need()))
    expect(first.details.limit).toMatchObject({ name: 'day_budget of tenant acme', remaining: 500 })
    await held(own?.reserve(need({ outputTokens: 40 })))
    expect((await refusalOf(own?.reserve(need({ outputTokens: 1 })))).details.limit?.remaining).toBe(0)
    expect(queries).toEqual([
      ['acme', [], '2026-11-22T00:00:00.000Z'],
      ['acme', [], '2026-11-01T00:00:00.000Z'],
    ])
  })

  it('lets nobody pass while no ledger can be read, and tries again', async () => {
    let isBroken = true
    const ledger: Pick<UsageSums, 'sums'> = {
      async sums() {
        if (isBroken) throw new Error('no')
        return { items: [] }
      },
    }
    const { limits, faults } = setUp(ofAcme(day(1_000)), { ledgers: [ledger] })
    const own = limits.of(caller())
    expect((await refusalOf(own?.reserve(need()))).reason).toBe('INTERNAL')
    expect(faults).toHaveLength(1)
    isBroken = false
    expect(await held(own?.reserve(need()))).toBeDefined()
  })

  it('of a model by another name goes on from what the ledger has of it', async () => {
    const sum = { provider: 'openai', model: 'gpt-x', nanoUsd: 600n }
    const ledger: Pick<UsageSums, 'sums'> = {
      // The rest of a sum says nothing here.
      sums: async () => ({ items: [sum] as unknown as Awaited<ReturnType<UsageSums['sums']>>['items'] }),
    }
    const { limits } = setUp(ofAcme({ ...day(1_000), model: 'openai/newest' }), {
      ledgers: [ledger],
      aliasesOf: (provider, id) => (`${provider}/${id}` === 'openai/gpt-x' ? ['newest'] : []),
    })
    const model = { provider: 'openai', id: 'gpt-x', aliases: ['newest'] }
    const refused = await refusalOf(limits.of(caller())?.reserve(need({ model })))
    expect(refused.details.limit?.remaining).toBe(400)
  })

  it('that nobody could begin together goes on from the ledger when they can', async () => {
    const { shared } = setUp()
    let isOut = true
    const sum = { provider: 'openai', model: 'gpt-x', nanoUsd: 600n }
    const { limits } = setUp(ofAcme({ ...day(1_000), outagePolicy: 'deny' }), {
      // The rest of a sum says nothing here.
      ledgers: [
        {
          sums: async () => ({ items: [sum] as unknown as Awaited<ReturnType<UsageSums['sums']>>['items'] }),
        },
      ],
      shared: {
        ...shared,
        reserve: async (all, holder) =>
          isOut && all.some(({ outage }) => outage === 'deny')
            ? { ok: false, index: 0, counter: '', used: 0, isOutage: true }
            : shared.reserve(all, holder),
      },
    })
    const own = limits.of(caller())
    expect((await refusalOf(own?.reserve(need()))).message).toContain('cannot be counted together')
    isOut = false
    expect((await refusalOf(own?.reserve(need()))).details.limit?.remaining).toBe(400)
  })

  it('is never overrun, whatever is reserved, settled and given back at the same time', async () => {
    for (const seed of [1, 2, 3, 4]) {
      const { limits } = setUp(ofAcme(day(5_000), tokens(4_000)))
      const own = limits.of(caller())
      const chance = createChance(seed)
      let spent = 0
      let highest = 0
      async function one(): Promise<void> {
        const output = 1 + chance.below(60)
        const answer = await own?.reserve(need({ outputTokens: output, mayShrink: chance.below(2) === 0 }))
        if (answer === undefined || 'error' in answer) return
        const cap = Math.min(output, answer.outputCap ?? output)
        const most = 100 + 10 * cap
        spent += most
        highest = Math.max(highest, spent)
        await new Promise(resolve => setImmediate(resolve))
        const written = chance.below(cap + 1)
        if (chance.below(4) === 0) {
          spent -= most
          answer.giveBack(true)
        } else {
          spent += 100 + 10 * written - most
          answer.settle({ tokens: 100 + written, nanoUsd: BigInt(100 + 10 * written) })
        }
      }
      await Promise.all(Array.from({ length: 200 }, one))
      expect(highest).toBeLessThanOrEqual(5_000)
      expect(limits.running()).toBe(0)
    }
  })
})

describe('tokens a minute', () => {
  it('are the input and the longest answer, and then what was used', async () => {
    const own = setUp(ofAcme(tokens(300))).limits.of(caller())
    const first = await held(own?.reserve(need()))
    await held(own?.reserve(need()))
    expect(await refusalOf(own?.reserve(need({ outputTokens: 1 })))).toMatchObject({
      reason: 'RATE_LIMITED',
      message:
        'tokens_per_minute of tenant acme is 300, of which 300 are used, and this call may need 101; ask again in 70 s',
    })
    first.settle({ tokens: 40 })
    await held(own?.reserve(need({ outputTokens: 10 })))
  })

  it('ask for no longer an answer than a whole minute has room for, and never for one without any', async () => {
    const own = setUp(ofAcme(tokens(300))).limits.of(caller())
    expect((await held(own?.reserve(need({ outputTokens: 16_384, mayShrink: true })))).outputCap).toBe(200)
    const tooLong = await refusalOf(
      own?.reserve(need({ inputTokens: 300, outputTokens: 9, mayShrink: true })),
    )
    expect([tooLong.reason, tooLong.details.retryDelayMs]).toEqual(['RATE_LIMITED', undefined])
    expect(tooLong.message).toContain('shorten it')
  })
})

describe('a limit of a model', () => {
  const model = (id: string, provider = 'openai') => need({ model: { provider, id, aliases: ['nick'] } })

  it('counts that model alone, by its id, with its provider, or by an alias', async () => {
    const rules = { models: [{ kind: 'concurrent_calls', value: 1, model: 'openai/gpt-x' } as const] }
    const own = setUp(rules).limits.of(caller())
    const first = await held(own?.reserve(model('GPT-X')))
    expect((await refusalOf(own?.reserve(model('gpt-x')))).message).toContain(
      'concurrent_calls of all callers for openai/gpt-x is 1',
    )
    expect(own?.reserve(model('gpt-x', 'other'))).toBeUndefined()
    first.settle({ tokens: 1, nanoUsd: 1n })
    await held(own?.reserve(model('gpt-x')))
    const byAlias = setUp({ models: [{ kind: 'concurrent_calls', value: 0, model: 'nick' }] }).limits.of(
      caller(),
    )
    await refusalOf(byAlias?.reserve(model('any')))
  })

  it('is that of everybody together', async () => {
    const { limits } = setUp({ models: [{ kind: 'requests_per_minute', value: 1, model: 'gpt-x' }] })
    await held(limits.of(caller())?.reserve(need()))
    expect((await refusalOf(limits.of(caller({ tenant: 'other' }))?.reserve(need()))).reason).toBe(
      'RATE_LIMITED',
    )
  })

  it('counts a request that was asked, and not one that was not', async () => {
    const { limits } = setUp({ models: [{ kind: 'requests_per_minute', value: 1, model: 'gpt-x' }] })
    const own = limits.of(caller())
    const unasked = await held(own?.reserve(need()))
    unasked.giveBack(false)
    const asked = await held(own?.reserve(need()))
    asked.giveBack(true)
    await refusalOf(own?.reserve(need()))
  })
})

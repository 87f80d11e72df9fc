// The contract that every store of sums over the ledger keeps.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { LedgerLine } from '../../src/core/settlement.ts'
import { USAGE_DIMENSIONS, type UsageQuery, type UsageSum } from '../../src/core/usage-sums.ts'
import { createChance } from '../support/seeded.ts'
import { line, type OpenRig, type StoreRig, settled } from '../support/store-rig.ts'

const DAY_MS = 86_400_000

interface Call {
  readonly tenant: string
  readonly subject: string
  readonly endedAt: number
  readonly failed: boolean
  readonly lines: readonly LedgerLine[]
}

/** Tests the sums of a store. */
export function usageSuite(name: string, open: OpenRig): void {
  describe(`${name}: usage`, () => {
    let rig: StoreRig
    beforeEach(async () => {
      rig = await open()
    })
    afterEach(() => rig.close())

    const record = ({ tenant, subject, endedAt, failed, lines }: Call) =>
      rig.ports().journal.commit(
        settled({
          caller: { tenant, subject, scopes: [] },
          startedAt: endedAt - 500,
          durationMs: 500,
          ...(failed ? { outcome: { type: 'failed', reason: 'UPSTREAM_BROKEN' } } : {}),
          ledger: lines,
        }),
      )
    const call = (own: Partial<Call>): Promise<void> =>
      record({ tenant: 'default', subject: '', endedAt: 1_000, failed: false, lines: [], ...own })
    const query = (own: Partial<UsageQuery> = {}): UsageQuery => ({
      groupBy: [],
      from: 0,
      until: 100 * DAY_MS,
      models: [],
      providers: [],
      keys: [],
      ...own,
    })
    const sums = async (own: Partial<UsageQuery> = {}, limit = 100): Promise<readonly UsageSum[]> =>
      (await rig.ports().usage.sums({ ...query(own), limit })).items
    const total = (own: Partial<UsageQuery> = {}) => rig.ports().usage.total(query(own))

    it('is nothing at first', async () => {
      expect(await sums()).toEqual([])
      expect(await sums({ groupBy: ['model'] })).toEqual([])
      expect(await total()).toMatchObject({ requests: 0, nanoUsd: 0n, inputTokens: 0n })
    })

    it('sums every count, and money beyond what a double holds exactly', async () => {
      const much = 9_007_199_254_740_993n
      await call({ lines: [line('p', 'm', { nanoUsd: much })] })
      await call({ lines: [line('p', 'm', { nanoUsd: much })], failed: true })
      await call({ lines: [line('p', 'n')] })
      expect(await sums()).toEqual([
        {
          day: '',
          model: '',
          provider: '',
          key: '',
          tenant: '',
          requests: 3,
          errors: 1,
          inputTokens: 30n,
          cachedInputTokens: 3n,
          cacheWriteTokens: 6n,
          outputTokens: 9n,
          reasoningTokens: 12n,
          nanoUsd: 2n * much,
          unknownCost: 1,
          estimated: 1,
        },
      ])
    })

    it('takes a call in from its first instant on, and not at the last', async () => {
      await call({ endedAt: 5_000 })
      expect(await total({ from: 5_000, until: 5_001 })).toMatchObject({ requests: 1 })
      expect(await total({ from: 5_001 })).toMatchObject({ requests: 0 })
      expect(await total({ until: 5_000 })).toMatchObject({ requests: 0 })
    })

    it('puts a call on the UTC day on which it ended', async () => {
      await call({ endedAt: 2 * DAY_MS - 1 })
      await call({ endedAt: 2 * DAY_MS })
      expect((await sums({ groupBy: ['day'] })).map(({ day }) => day)).toEqual(['1970-01-03', '1970-01-02'])
    })

    it('counts a call that several providers billed once in each row, and once in the total', async () => {
      await call({ lines: [line('p', 'a', { nanoUsd: 2n }), line('q', 'b', { nanoUsd: 1n })] })
      const rows = await sums({ groupBy: ['provider'] })
      expect(rows.map(({ provider, requests }) => [provider, requests])).toEqual([
        ['p', 1],
        ['q', 1],
      ])
      expect(await total()).toMatchObject({ requests: 1, nanoUsd: 3n })
    })

    it('gives the newest day first, then the dearest, page by page', async () => {
      await call({ endedAt: 1_000, lines: [line('p', 'old', { nanoUsd: 99n })] })
      await call({ endedAt: DAY_MS, lines: [line('p', 'cheap', { nanoUsd: 1n })] })
      await call({ endedAt: DAY_MS, lines: [line('p', 'dear', { nanoUsd: 2n })] })
      const models: string[][] = []
      let after: string | undefined
      do {
        const page = await rig.ports().usage.sums({
          ...query({ groupBy: ['model', 'day'] }),
          limit: 2,
          ...(after === undefined ? {} : { after }),
        })
        models.push(page.items.map(({ model }) => model))
        after = page.next
      } while (after !== undefined)
      expect(models).toEqual([['dear', 'cheap'], ['old']])
    })

    it.each([1, 2])('is what adding by hand gives, by any dimension and filter (seed %i)', async seed => {
      const chance = createChance(seed)
      const calls: Call[] = Array.from({ length: 60 }, () => ({
        tenant: chance.oneOf(['a', 'b']),
        subject: chance.oneOf(['', 'key_1', 'key_2']),
        endedAt: chance.below(3) * DAY_MS + chance.below(1_000),
        failed: chance.below(4) === 0,
        lines: Array.from({ length: 1 + chance.below(2) }, () =>
          line(chance.oneOf(['p', 'q']), chance.oneOf(['m', 'n']), { nanoUsd: BigInt(chance.below(50)) }),
        ),
      }))
      for (const one of calls) await record(one)
      for (let round = 0; round < 25; round += 1) {
        const asked = query({
          groupBy: USAGE_DIMENSIONS.filter(() => chance.below(2) === 0),
          from: chance.below(2) * DAY_MS,
          models: chance.oneOf([[], ['m'], ['m', 'n'], ['x']]),
          providers: chance.oneOf([[], ['q']]),
          keys: chance.oneOf([[], ['key_1', '']]),
          ...(chance.below(2) === 0 ? { tenant: 'a' } : {}),
        })
        const found = (await sums(asked)).map(keyAndCounts).toSorted(byKey)
        expect(found).toEqual(addedByHand(calls, asked).toSorted(byKey))
      }
    })
  })
}

type Counts = readonly [key: string, requests: number, errors: number, nanoUsd: bigint]

const byKey = (one: Counts, other: Counts): number => (one[0] < other[0] ? -1 : 1)

function keyAndCounts({ day, model, provider, key, tenant, requests, errors, nanoUsd }: UsageSum): Counts {
  return [[day, model, provider, key, tenant].join('|'), requests, errors, nanoUsd]
}

function addedByHand(calls: readonly Call[], query: UsageQuery): readonly Counts[] {
  const fits = (list: readonly string[], value: string): boolean => list.length === 0 || list.includes(value)
  const groups = new Map<string, { calls: Set<Call>; nanoUsd: bigint }>()
  for (const call of calls) {
    if (call.endedAt < query.from || call.endedAt >= query.until || !fits(query.keys, call.subject)) continue
    if (query.tenant !== undefined && call.tenant !== query.tenant) continue
    for (const { provider, model, cost } of call.lines) {
      if (!fits(query.models, model) || !fits(query.providers, provider)) continue
      const values = {
        day: new Date(call.endedAt).toISOString().slice(0, 10),
        model,
        provider,
        key: call.subject,
        tenant: call.tenant,
      }
      const group = USAGE_DIMENSIONS.map(name => (query.groupBy.includes(name) ? values[name] : '')).join('|')
      const sum = groups.get(group) ?? { calls: new Set(), nanoUsd: 0n }
      sum.calls.add(call)
      sum.nanoUsd += cost?.nanoUsd ?? 0n
      groups.set(group, sum)
    }
  }
  return [...groups].map(([key, sum]) => [
    key,
    sum.calls.size,
    [...sum.calls].filter(({ failed }) => failed).length,
    sum.nanoUsd,
  ])
}

// What is held without having been counted: as long as there is room for it, and no longer than nobody else needs that.
import { describe, expect, it } from 'vitest'
import type { AttemptNeed } from '../../../src/metering/attempt-amounts.ts'
import { createLooseHolds } from '../../../src/metering/loose-holds.ts'
import { caller, held, need, ofAcme, refusalOf, setUp } from './limits-rig.ts'

const tokens = (value: number) => ({ kind: 'tokens_per_minute', value }) as const
const day = (value: number) => ({ kind: 'day_budget', value }) as const

/** A need that is known not to be above `most` tokens of input, and how often it was counted. */
function uncounted(most: number, exact: number, counting: Promise<void> = Promise.resolve()) {
  const seen = { counts: 0 }
  const own: AttemptNeed = {
    ...need({ inputTokens: most }),
    async counted() {
      seen.counts += 1
      await counting
      return need({ inputTokens: exact })
    },
  }
  return { own, seen }
}

describe('a prompt', () => {
  it('is not counted as long as half of every limit stays free', async () => {
    const { limits } = setUp(ofAcme(tokens(1_000), day(1_900)))
    const { own, seen } = uncounted(450, 100)
    const hold = await held(limits.of(caller())?.reserve(own))
    hold.settle({ tokens: 60, nanoUsd: 70n })
    expect(seen.counts).toBe(0)
    expect(limits.running()).toBe(0)
    const refused = await refusalOf(limits.of(caller())?.reserve(need({ inputTokens: 900 })))
    expect(refused.details.limit).toMatchObject({ name: 'tokens_per_minute of tenant acme', remaining: 940 })
  })

  it.each([
    ['tokens', ofAcme(tokens(999), day(1_000_000))],
    ['money', ofAcme(tokens(1_000_000), day(1_899))],
  ])('is counted where more than half of the %s would be in use', async (_, rules) => {
    const { own, seen } = uncounted(450, 100)
    await held(setUp(rules).limits.of(caller())?.reserve(own))
    expect(seen.counts).toBe(1)
  })

  it('is counted where the answer would have to be cut for it', async () => {
    const { own, seen } = uncounted(450, 100)
    const { limits } = setUp(ofAcme(tokens(1_000)))
    const counted = async () => ({
      ...need({ outputTokens: 600, mayShrink: true }),
      seen: await own.counted?.(),
    })
    const hold = await held(
      limits.of(caller())?.reserve({ ...own, outputTokens: 600, mayShrink: true, counted }),
    )
    expect(hold.outputCap).toBe(600)
    expect(seen.counts).toBe(1)
  })

  it('that cannot be counted, because its call has ended, holds nothing', async () => {
    const { limits } = setUp(ofAcme(tokens(900)))
    const gone = new Error('the caller left')
    const work = limits
      .of(caller())
      ?.reserve({ ...need({ inputTokens: 450 }), counted: () => Promise.reject(gone) })
    await expect(work).rejects.toBe(gone)
    expect(limits.running()).toBe(0)
  })
})

describe('what is held of a prompt that was not counted', () => {
  it('is counted as soon as somebody else has no room beside it', async () => {
    const { limits } = setUp(ofAcme(tokens(1_000)))
    const own = limits.of(caller())
    const first = uncounted(450, 100)
    const one = await held(own?.reserve(first.own))
    const two = await held(own?.reserve(need({ inputTokens: 800 })))
    expect(first.seen.counts).toBe(1)
    expect((await refusalOf(own?.reserve(need({ inputTokens: 0 })))).details.limit?.remaining).toBe(0)
    expect(limits.running()).toBe(2)
    one.settle({ tokens: 10 })
    two.settle({ tokens: 20 })
    expect(limits.running()).toBe(0)
    expect((await refusalOf(own?.reserve(need({ inputTokens: 921 })))).details.limit?.remaining).toBe(970)
    expect(first.seen.counts).toBe(1)
  })

  it('stands in nobody’s way who is refused: what is left is told by what was counted', async () => {
    const { limits, events } = setUp(ofAcme(tokens(1_000)))
    const own = limits.of(caller())
    await held(own?.reserve(uncounted(450, 100).own))
    const refused = await refusalOf(own?.reserve(need({ inputTokens: 801 })))
    expect(refused.details.limit?.remaining).toBe(850)
    expect(events).toMatchObject([{ type: 'limit.refused', used: 150 }])
  })

  it('cuts no answer short', async () => {
    const own = setUp(ofAcme(day(2_000))).limits.of(caller())
    await held(own?.reserve(uncounted(450, 100).own))
    // 600 are held when it is counted, 100 are the input, and a token of output costs ten.
    const long = need({ outputTokens: 16_384, mayShrink: true })
    expect((await held(own?.reserve(long))).outputCap).toBe(130)
  })

  it('is given back once when its call ends while it is counted', async () => {
    const { limits, faults } = setUp(
      ofAcme(tokens(1_000), { kind: 'concurrent_calls', value: 2, model: 'gpt-x' }),
    )
    const own = limits.of(caller())
    const counting = Promise.withResolvers<void>()
    const one = await held(own?.reserve(uncounted(450, 100, counting.promise).own))
    const waiting = own?.reserve(need({ inputTokens: 800 }))
    await Promise.resolve()
    one.settle({ tokens: 5 })
    counting.resolve()
    const two = await held(waiting)
    expect(limits.running()).toBe(1)
    two.giveBack(false)
    await held(own?.reserve(need({ inputTokens: 945 })))
    expect((await refusalOf(own?.reserve(need({ inputTokens: 0, outputTokens: 1 })))).reason).toBe(
      'RATE_LIMITED',
    )
    expect(faults).toEqual([])
  })

  it('stays as it is where it cannot be counted any more', async () => {
    const own = setUp(ofAcme(tokens(1_000))).limits.of(caller())
    const gone = {
      ...need({ inputTokens: 450 }),
      counted: () => Promise.reject(new Error('the caller left')),
    }
    const one = await held(own?.reserve(gone))
    const refused = await refusalOf(own?.reserve(need({ inputTokens: 800 })))
    expect(refused.details.limit?.remaining).toBe(500)
    one.giveBack(true)
    await held(own?.reserve(need({ inputTokens: 950 })))
  })
})

describe('a limit that had no room for what was not counted', () => {
  it('is not tried again before it counts in another counter', () => {
    const { refused, isWorthTrying } = createLooseHolds()
    const limit = {
      ...tokens(1_000),
      outage: 'share',
      counter: 'limit:acme',
      whose: 'tenant acme',
      tenant: 'acme',
      owner: '',
    } as const
    const other = { ...limit, counter: 'limit:other' }
    refused(limit, 20_000)
    expect(isWorthTrying([other, limit], 29_999)).toBe(false)
    expect(isWorthTrying([other], 29_999)).toBe(true)
    expect(isWorthTrying([other, limit], 30_000)).toBe(true)
  })
})

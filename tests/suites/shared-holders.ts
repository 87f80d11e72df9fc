// What every adapter of the shared state must do with holders: what they reserved is theirs until it is settled, or they die.
import { describe, expect, it } from 'vitest'
import type { Reservation } from '../../src/core/shared.ts'
import { createChance } from '../support/seeded.ts'
import { LONG_MS, type SharedRig, TTL_MS } from './shared-log.ts'

const take = (
  counter: string,
  amount: number,
  max: number,
  more: Partial<Reservation> = {},
): Reservation => ({
  counter,
  amount,
  max,
  ttlMs: LONG_MS,
  ...more,
})
const by = (id: string, ttlMs = LONG_MS) => ({ id, ttlMs })

/** Runs the tests of holders; the rig is made anew for each. */
export function holderSuite(rig: () => SharedRig): void {
  /** What a counter holds; nothing is taken by asking. */
  async function usedOf(counter: string): Promise<number> {
    const asked = await rig().other.reserve([take(counter, 1, 0)])
    return asked.ok ? Number.NaN : asked.used
  }

  describe('a holder', () => {
    it('takes room from everybody, and gives back what it did not use when it settles', async () => {
      const { shared, other } = rig()
      expect(await shared.reserve([take('a', 6, 10)], by('one'))).toEqual({ ok: true, used: [6] })
      expect(await other.reserve([take('a', 5, 10)], by('two'))).toMatchObject({ ok: false, used: 6 })
      await shared.settle('one', [{ counter: 'a', amount: 2 }])
      expect(await other.reserve([take('a', 8, 10)], by('two'))).toEqual({ ok: true, used: [10] })
      await other.settle('two', [{ counter: 'a', amount: 0 }])
      expect(await usedOf('a')).toBe(2)
    })

    it('settles more than it reserved, also above the most that the counter may hold', async () => {
      await rig().shared.reserve([take('a', 3, 4)], by('one'))
      await rig().shared.settle('one', [{ counter: 'a', amount: 9 }])
      expect(await usedOf('a')).toBe(9)
    })

    it('settles all that it has of a counter at once, however often it reserved', async () => {
      await rig().shared.reserve([take('a', 3, 10)], by('one'))
      await rig().shared.reserve([take('a', 4, 10), take('b', 1, 1)], by('one'))
      expect(await usedOf('a')).toBe(7)
      await rig().shared.settle('one', [{ counter: 'a', amount: 5 }])
      expect([await usedOf('a'), await usedOf('b')]).toEqual([5, 1])
    })

    it('that has nothing takes the amounts all the same, but not of a counter that is gone', async () => {
      await rig().shared.reserve([take('a', 1, 10)])
      await rig().shared.settle('nobody', [
        { counter: 'a', amount: 4 },
        { counter: 'gone', amount: 4 },
      ])
      expect([await usedOf('a'), await usedOf('gone')]).toEqual([5, 0])
    })

    it('has taken for good what has happened, whatever becomes of it', async () => {
      const { shared } = rig()
      await shared.reserve([take('a', 2, 9, { isForGood: true }), take('b', 2, 9)], by('one', TTL_MS))
      await rig().elapse(TTL_MS + 1)
      expect([await usedOf('a'), await usedOf('b')]).toEqual([2, 0])
    })

    it('that is not heard of any more loses what it held, and only that', async () => {
      const { shared, other } = rig()
      await shared.reserve([take('a', 3, 10)], by('dead', TTL_MS))
      await other.reserve([take('a', 4, 10)], by('alive'))
      await shared.reserve([take('a', 1, 10)])
      expect(await usedOf('a')).toBe(8)
      await rig().elapse(TTL_MS + 1)
      expect(await usedOf('a')).toBe(5)
      expect(await shared.reserve([take('a', 5, 10)])).toMatchObject({ ok: true })
    })

    it('that died is settled all the same when its truth comes late', async () => {
      await rig().shared.reserve([take('a', 3, 10)], by('late', TTL_MS))
      await rig().elapse(TTL_MS + 1)
      expect(await usedOf('a')).toBe(0)
      await rig().shared.settle('late', [{ counter: 'a', amount: 2 }])
      expect(await usedOf('a')).toBe(2)
    })

    it('keeps what it holds, and its counter, as long as it is heard of', async () => {
      const { shared } = rig()
      await shared.reserve([take('a', 3, 10, { ttlMs: TTL_MS }), take('b', 1, 1)], by('one', TTL_MS))
      await shared.renew([{ id: 'one', counters: ['a', 'b'] }], LONG_MS)
      await rig().elapse(TTL_MS + 1)
      expect([await usedOf('a'), await usedOf('b')]).toEqual([3, 1])
      await shared.renew([{ id: 'one', counters: ['a', 'none'] }], TTL_MS)
      await rig().elapse(TTL_MS + 1)
      expect([await usedOf('a'), await usedOf('b')]).toEqual([0, 1])
    })

    it('that was settled is not brought back by saying that it is alive', async () => {
      const { shared } = rig()
      await shared.reserve([take('a', 3, 10)], by('one'))
      await shared.settle('one', [{ counter: 'a', amount: 1 }])
      await shared.renew([{ id: 'one', counters: ['a'] }], LONG_MS)
      expect(await usedOf('a')).toBe(1)
    })
  })

  describe('what stands beside a counter', () => {
    it('counts towards its max, and takes nothing', async () => {
      const { shared, other } = rig()
      await shared.reserve([take('w:1', 3, 10)])
      await other.reserve([take('w:2', 4, 10, { beside: ['w:1'] })], by('one'))
      const third = take('w:3', 4, 10, { beside: ['w:1', 'w:2', 'w:0'] })
      expect(await shared.reserve([third])).toEqual({ ok: false, index: 0, counter: 'w:3', used: 7 })
      expect(await shared.reserve([{ ...third, amount: 3 }])).toEqual({ ok: true, used: [10] })
      expect([await usedOf('w:1'), await usedOf('w:2'), await usedOf('w:3')]).toEqual([3, 4, 3])
    })

    it('counts with what the same question takes of it', async () => {
      const question = [take('a', 3, 5), take('b', 3, 5, { beside: ['a'] })]
      expect(await rig().shared.reserve(question)).toMatchObject({ ok: false, index: 1, used: 0 })
      expect(await rig().shared.reserve([take('a', 2, 5), take('b', 3, 5, { beside: ['a'] })])).toEqual({
        ok: true,
        used: [2, 5],
      })
    })
  })

  describe.each([1, 2, 3, 4])('holders by chance of seed %i', seed => {
    it('are counted as by hand, and never take more than there is', async () => {
      const { shared, other } = rig()
      const chance = createChance(seed)
      const counters = ['a', 'b', 'c'] as const
      const max = 40
      const settled = new Map<string, number>(counters.map(counter => [counter, 0]))
      const held = new Map<string, Map<string, number>>()
      const contentOf = (counter: string): number =>
        [...held.values()].reduce((sum, own) => sum + (own.get(counter) ?? 0), settled.get(counter) ?? 0)
      for (let step = 0; step < 250; step += 1) {
        // A holder belongs to one process, as it does in life.
        const number = chance.below(6)
        const holder = `h${number}`
        const own = number % 2 === 0 ? shared : other
        const kind = chance.below(5)
        if (kind < 3) {
          const asked = counters
            .filter(() => chance.below(2) === 0)
            .map(counter => take(counter, chance.below(9), max))
          const isFit = asked.every(({ counter, amount }) => contentOf(counter) + amount <= max)
          expect((await own.reserve(asked, by(holder))).ok).toBe(isFit)
          if (!isFit) continue
          const mine = held.get(holder) ?? new Map<string, number>()
          held.set(holder, mine)
          for (const { counter, amount } of asked) mine.set(counter, (mine.get(counter) ?? 0) + amount)
        } else if (kind === 3) {
          // Never more than was reserved, so that nothing may ever exceed the max.
          const mine = held.get(holder) ?? new Map<string, number>()
          const truths = [...mine].map(([counter, amount]) => ({ counter, amount: chance.below(amount + 1) }))
          await own.settle(holder, truths)
          held.delete(holder)
          for (const { counter, amount } of truths) settled.set(counter, (settled.get(counter) ?? 0) + amount)
        } else {
          const counter = chance.oneOf(counters)
          await own.renew([{ id: holder, counters: [...counters] }], LONG_MS)
          await own.adjust(counter, -Math.min(2, settled.get(counter) ?? 0))
          settled.set(counter, Math.max(0, (settled.get(counter) ?? 0) - 2))
        }
      }
      for (const counter of counters) {
        const asked = await shared.reserve([take(counter, max + 1, max)])
        expect(asked).toMatchObject({ ok: false, used: contentOf(counter) })
      }
    })
  })
}

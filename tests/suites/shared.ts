// What every adapter of the shared state must do: the same for a process alone and for many that meet in a store.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Reservation, Shared } from '../../src/core/shared.ts'
import { holderSuite } from './shared-holders.ts'
import { LONG_MS, logSuite, type SharedRig, TTL_MS } from './shared-log.ts'

const bytes = (text: string): Uint8Array => Buffer.from(text)
const text = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : Buffer.from(value).toString()

/** Waits until something is true of what is asked for. */
async function eventually<T>(ask: () => T | Promise<T>, isTrue: (answer: T) => boolean): Promise<T> {
  const endMs = performance.now() + 5_000
  for (;;) {
    const answer = await ask()
    if (isTrue(answer)) return answer
    if (performance.now() > endMs) throw new Error('it did not become true within 5 s')
    await new Promise(resolve => setTimeout(resolve, 2))
  }
}

/** Runs the suite for an adapter. */
export function sharedSuite(name: string, make: () => Promise<SharedRig>): void {
  describe(name, () => {
    let rig: SharedRig
    let shared: Shared
    let other: Shared

    beforeEach(async () => {
      rig = await make()
      shared = rig.shared
      other = rig.other
    })
    afterEach(() => rig.close())

    describe('values', () => {
      it('are there for everybody until they expire', async () => {
        expect(await shared.get('v')).toBeUndefined()
        await shared.set('v', bytes('one'), TTL_MS)
        expect([text(await shared.get('v')), text(await other.get('v'))]).toEqual(['one', 'one'])
        await rig.elapse(TTL_MS + 1)
        expect(await shared.get('v')).toBeUndefined()
      })

      it('may be empty, and may be any bytes', async () => {
        await shared.set('empty', new Uint8Array(), LONG_MS)
        const all = Uint8Array.from({ length: 256 }, (_, index) => index)
        await shared.set('all', all, LONG_MS)
        expect(await shared.get('empty')).toHaveLength(0)
        expect([...((await shared.get('all')) ?? [])]).toEqual([...all])
      })

      it('are what they were when they were set, whatever becomes of the bytes that were given', async () => {
        const given = Buffer.from('one')
        await shared.set('v', given, LONG_MS)
        given.fill('x')
        expect(text(await shared.get('v'))).toBe('one')
      })

      it('live as long as was said last', async () => {
        await shared.set('v', bytes('one'), TTL_MS)
        await shared.set('v', bytes('two'), LONG_MS)
        await rig.elapse(TTL_MS + 1)
        expect(text(await shared.get('v'))).toBe('two')
      })

      it('are removed for everybody', async () => {
        await shared.set('v', bytes('one'), LONG_MS)
        await other.remove('v')
        await other.remove('v')
        expect(await shared.get('v')).toBeUndefined()
      })
    })

    describe('a claim', () => {
      it('is won by exactly one of many', async () => {
        const won = await Promise.all(
          Array.from({ length: 20 }, (_, index) =>
            (index % 2 === 0 ? shared : other).claim('c', bytes(`${index}`), LONG_MS),
          ),
        )
        const winners = won.flatMap((before, index) => (before === undefined ? [`${index}`] : []))
        expect(winners).toHaveLength(1)
        expect(text(await shared.get('c'))).toBe(winners[0])
        expect(new Set(won.filter(before => before !== undefined).map(text))).toEqual(new Set(winners))
      })

      it('can be won again when it has expired or was removed', async () => {
        await shared.claim('c', bytes('one'), TTL_MS)
        await rig.elapse(TTL_MS + 1)
        expect(await other.claim('c', bytes('two'), LONG_MS)).toBeUndefined()
        await shared.remove('c')
        expect(await shared.claim('c', bytes('three'), LONG_MS)).toBeUndefined()
      })

      it('that is lost does not make the value live longer', async () => {
        await shared.claim('c', bytes('one'), TTL_MS)
        await other.claim('c', bytes('two'), LONG_MS)
        await rig.elapse(TTL_MS + 1)
        expect(await shared.get('c')).toBeUndefined()
      })
    })

    describe('a swap', () => {
      it('replaces only what was expected', async () => {
        await shared.set('s', bytes('one'), LONG_MS)
        expect(await other.swap('s', bytes('other'), bytes('two'), LONG_MS)).toBe(false)
        expect(await other.swap('s', bytes('one'), bytes('two'), LONG_MS)).toBe(true)
        expect(text(await shared.get('s'))).toBe('two')
        expect(await shared.swap('none', bytes(''), bytes('two'), LONG_MS)).toBe(false)
      })

      it('removes only what was expected', async () => {
        await shared.set('s', bytes('one'), LONG_MS)
        expect(await shared.swap('s', bytes('two'), undefined, LONG_MS)).toBe(false)
        expect(await shared.swap('s', bytes('one'), undefined, LONG_MS)).toBe(true)
        expect(await other.get('s')).toBeUndefined()
      })
    })

    logSuite(() => rig)
    holderSuite(() => rig)

    describe('a reservation', () => {
      const take = (counter: string, amount: number, max: number, ttlMs = LONG_MS): Reservation => ({
        counter,
        amount,
        max,
        ttlMs,
      })

      it('takes all or nothing, and says what is used where it does not fit', async () => {
        expect(await shared.reserve([take('a', 3, 5), take('b', 1, 1)])).toEqual({ ok: true, used: [3, 1] })
        expect(await other.reserve([take('a', 1, 5), take('b', 1, 1)])).toEqual({
          ok: false,
          index: 1,
          counter: 'b',
          used: 1,
        })
        expect(await shared.reserve([take('a', 2, 5)])).toEqual({ ok: true, used: [5] })
        expect(await shared.reserve([take('a', 1, 5)])).toEqual({
          ok: false,
          index: 0,
          counter: 'a',
          used: 5,
        })
      })

      it('counts a counter that it names twice twice', async () => {
        expect(await shared.reserve([take('a', 2, 3), take('a', 2, 3)])).toMatchObject({ ok: false })
        expect(await shared.reserve([take('a', 2, 4), take('a', 2, 4)])).toEqual({ ok: true, used: [4, 4] })
      })

      it('counts exactly up to 2^53 - 1', async () => {
        const max = Number.MAX_SAFE_INTEGER
        expect(await shared.reserve([take('a', max - 1, max)])).toMatchObject({ ok: true })
        expect(await shared.reserve([take('a', 2, max)])).toMatchObject({ ok: false, used: max - 1 })
        expect(await shared.reserve([take('a', 1, max)])).toMatchObject({ ok: true })
      })

      it('of nothing fits unless there is too much already', async () => {
        expect(await shared.reserve([take('a', 0, 0)])).toMatchObject({ ok: true })
        await shared.reserve([take('a', 2, 2)])
        expect(await shared.reserve([take('a', 0, 1)])).toMatchObject({ ok: false, used: 2 })
      })

      it('is kept from the first amount on, whatever comes later', async () => {
        await shared.reserve([take('a', 1, 2, TTL_MS)])
        await shared.reserve([take('a', 1, 2, LONG_MS)])
        await rig.elapse(TTL_MS + 1)
        expect(await shared.reserve([take('a', 2, 2)])).toMatchObject({ ok: true })
      })

      it('never gives more than there is, however many ask at once', async () => {
        const asked = await Promise.all(
          Array.from({ length: 60 }, (_, index) =>
            (index % 2 === 0 ? shared : other).reserve([take('a', (index % 3) + 1, 20)]),
          ),
        )
        const given = asked.reduce((sum, { ok }, index) => sum + (ok ? (index % 3) + 1 : 0), 0)
        expect(given).toBe(20)
      })

      it('is given back by an adjustment, which never goes below 0 and makes no counter', async () => {
        await shared.adjust('none', 5)
        expect(await shared.reserve([take('none', 5, 5)])).toMatchObject({ ok: true })
        await shared.reserve([take('a', 5, 5)])
        await other.adjust('a', -2)
        expect(await shared.reserve([take('a', 3, 5)])).toMatchObject({ ok: false, used: 3 })
        await shared.adjust('a', -99)
        await shared.adjust('a', 4)
        expect(await shared.reserve([take('a', 2, 5)])).toMatchObject({ ok: false, used: 4 })
      })
    })

    describe('a message', () => {
      it('is heard by everybody who listens to its topic, and by nobody else', async () => {
        const heard: string[] = []
        shared.subscribe('t', message => heard.push(`one ${text(message)}`))
        other.subscribe('t', message => heard.push(`two ${text(message)}`))
        other.subscribe('u', message => heard.push(`three ${text(message)}`))
        await shared.publish('t', bytes('hi'))
        await shared.publish('nobody', bytes('hi'))
        await eventually(
          () => heard.length,
          count => count >= 2,
        )
        expect(heard.toSorted()).toEqual(['one hi', 'two hi'])
      })

      it('is not heard any more by who has stopped listening', async () => {
        const heard: string[] = []
        const listener = (message: Uint8Array): void => void heard.push(text(message) ?? '')
        const stop = shared.subscribe('t', listener)
        shared.subscribe('t', listener)
        stop()
        stop()
        await shared.publish('t', bytes('once'))
        await eventually(
          () => heard.length,
          count => count >= 1,
        )
        await rig.elapse(1)
        expect(heard).toEqual(['once'])
      })

      it('reaches the others when a listener throws', async () => {
        const heard: string[] = []
        shared.subscribe('t', () => {
          throw new Error('not me')
        })
        shared.subscribe('t', message => heard.push(text(message) ?? ''))
        await shared.publish('t', bytes('hi'))
        expect(
          await eventually(
            () => heard,
            list => list.length > 0,
          ),
        ).toEqual(['hi'])
      })
    })
  })
}

// What every adapter of the shared state must do with logs: numbers without gaps, and nobody who follows misses an entry.
import { describe, expect, it } from 'vitest'
import type { Shared } from '../../src/core/shared.ts'

/** Shared state in the hands of a test. */
export interface SharedRig {
  readonly shared: Shared
  /** The same state as another process sees it; the same object where there is only one process. */
  readonly other: Shared
  /** Lets so many milliseconds pass for everything that expires. */
  readonly elapse: (ms: number) => Promise<void>
  readonly close: () => Promise<void>
}

/** A life in milliseconds, long enough for a store at the end of a socket and short enough to wait for. */
export const TTL_MS = 200
/** A life that outlasts every test, in milliseconds. */
export const LONG_MS = 60_000

const bytes = (text: string): Uint8Array => Buffer.from(text)
const text = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : Buffer.from(value).toString()
const texts = (entries: readonly Uint8Array[] | undefined): (string | undefined)[] =>
  (entries ?? []).map(text)

/** Follows a log until so many entries have come, or to its end. Gives each entry with its number. */
export async function follow(
  shared: Shared,
  log: string,
  after: number,
  count: number,
  signal = new AbortController().signal,
): Promise<readonly (readonly [number, string | undefined])[]> {
  const seen: (readonly [number, string | undefined])[] = []
  for await (const { first, entries } of shared.tail(log, after, signal)) {
    for (const [index, entry] of entries.entries()) seen.push([first + index, text(entry)])
    if (seen.length >= count) break
  }
  return seen
}

/** Runs the tests of logs; the rig is made anew for each. */
export function logSuite(rig: () => SharedRig): void {
  describe('a log', () => {
    it('numbers its entries from 1 and gives them in order', async () => {
      expect(await rig().shared.read('l', 0, 10)).toBeUndefined()
      expect(await rig().shared.append('l', [bytes('a'), bytes('b')], LONG_MS)).toBe(2)
      expect(await rig().other.append('l', [bytes('c')], LONG_MS)).toBe(3)
      const page = await rig().other.read('l', 0, 10)
      expect([page?.first, texts(page?.entries)]).toEqual([1, ['a', 'b', 'c']])
    })

    it('gives what comes after a number, and no more than was asked for', async () => {
      await rig().shared.append('l', ['a', 'b', 'c', 'd'].map(bytes), LONG_MS)
      const page = await rig().shared.read('l', 1, 2)
      expect([page?.first, texts(page?.entries)]).toEqual([2, ['b', 'c']])
    })

    it.each([4, 5, Number.MAX_SAFE_INTEGER])(
      'read after %s, its end or beyond, names the entry to come',
      async after => {
        await rig().shared.append('l', ['a', 'b', 'c', 'd'].map(bytes), LONG_MS)
        expect(await rig().shared.read('l', after, 1)).toEqual({ entries: [], first: 5 })
      },
    )

    it('is made by adding nothing, and lives as long as was said last', async () => {
      expect(await rig().shared.append('l', [], TTL_MS)).toBe(0)
      expect(await rig().other.read('l', 0, 1)).toEqual({ entries: [], first: 1 })
      await rig().shared.append('l', [bytes('a')], TTL_MS)
      expect(await rig().shared.append('l', [], LONG_MS)).toBe(1)
      await rig().elapse(TTL_MS + 1)
      expect(texts((await rig().shared.read('l', 0, 9))?.entries)).toEqual(['a'])
      await rig().shared.append('l', [], TTL_MS)
      await rig().elapse(TTL_MS + 1)
      expect(await rig().shared.read('l', 0, 1)).toBeUndefined()
    })

    it('keeps its numbers when entries from its start are forgotten', async () => {
      await rig().shared.append('l', ['a', 'b', 'c', 'd'].map(bytes), LONG_MS)
      await rig().shared.trim('l', 2)
      await rig().shared.trim('l', 1)
      await rig().shared.trim('none', 1)
      const page = await rig().other.read('l', 0, 9)
      expect([page?.first, texts(page?.entries)]).toEqual([3, ['c', 'd']])
      expect(await rig().shared.append('l', [bytes('e')], LONG_MS)).toBe(5)
      await rig().shared.trim('l', 99)
      expect(await rig().shared.read('l', 0, 9)).toEqual({ entries: [], first: 6 })
      expect(await rig().shared.append('l', [bytes('f')], LONG_MS)).toBe(6)
    })

    it('begins anew when it was removed', async () => {
      await rig().shared.append('l', ['a', 'b'].map(bytes), LONG_MS)
      await rig().shared.remove('l')
      expect(await rig().shared.read('l', 0, 1)).toBeUndefined()
      expect(await rig().other.append('l', [bytes('c')], LONG_MS)).toBe(1)
    })
  })

  describe('a tail', () => {
    it('gives what is kept after a number, and then what comes from anybody', async () => {
      await rig().shared.append('l', ['a', 'b'].map(bytes), LONG_MS)
      const followed = follow(rig().other, 'l', 1, 3)
      await rig().shared.append('l', [bytes('c')], LONG_MS)
      await rig().other.append('l', [bytes('d')], LONG_MS)
      expect(await followed).toEqual([
        [2, 'b'],
        [3, 'c'],
        [4, 'd'],
      ])
    })

    it('shows by its numbers that entries were forgotten before it could read them', async () => {
      await rig().shared.append('l', ['a', 'b', 'c'].map(bytes), LONG_MS)
      await rig().shared.trim('l', 2)
      expect(await follow(rig().shared, 'l', 0, 1)).toEqual([[3, 'c']])
    })

    it('of no log ends at once', async () => {
      expect(await follow(rig().shared, 'none', 0, 1)).toEqual([])
    })

    it.each(['removed', 'expired'])('ends when the log is %s', async how => {
      await rig().shared.append('l', [bytes('a')], TTL_MS)
      const followed = follow(rig().shared, 'l', 1, 9)
      if (how === 'removed') await rig().other.remove('l')
      else await rig().elapse(TTL_MS + 1)
      expect(await followed).toEqual([])
    })

    it('throws the reason of its signal, whether it waits or has not begun', async () => {
      await rig().shared.append('l', [bytes('a')], LONG_MS)
      const ending = new AbortController()
      const waiting = follow(rig().shared, 'l', 1, 9, ending.signal)
      const reason = new Error('enough')
      ending.abort(reason)
      await expect(waiting).rejects.toBe(reason)
      await expect(follow(rig().shared, 'l', 0, 1, ending.signal)).rejects.toBe(reason)
    })

    it('ends when the state is closed', async () => {
      await rig().shared.append('l', [bytes('a')], LONG_MS)
      const tail = rig().shared.tail('l', 0, new AbortController().signal)
      expect((await tail.next()).done).toBe(false)
      const next = tail.next()
      await rig().shared.close()
      expect((await next).done).toBe(true)
    })
  })
}

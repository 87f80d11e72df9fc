// Chance that repeats itself: the same seed always gives the same numbers, so that a random test can be run again.

/** A source of chance. */
export interface Chance {
  /** A whole number from 0 to below `limit`. */
  below(limit: number): number
  /** One of a list, which must not be empty. */
  oneOf<T>(list: readonly [T, ...T[]]): T
}

/** Makes a source of chance from a seed (mulberry32, by Tommy Ettinger, public domain). */
export function createChance(seed: number): Chance {
  let state = seed >>> 0
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (limit: number): number => Math.floor(next() * limit)
  return { below, oneOf: list => list[below(list.length)] ?? list[0] }
}

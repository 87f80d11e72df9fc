// Things with names that several hold at once: the first holder makes one, and the last one lets it go.

/** One holder's grip on a thing. */
export interface Held<T> {
  readonly value: T
  /** Holds the same thing once more. */
  again(): Held<T>
  /** Lets go; only the first call counts. */
  release(): void
}

/** Things by their names. */
export interface Holdings<T> {
  /** Holds the thing of this name, which is made if nobody holds it. Throws what making it throws, and then holds nothing. */
  hold(name: string, make: () => T): Held<T>
  /** How many things are held. */
  size(): number
}

/** Starts without things. `onFree` takes each one that nobody holds any more. */
export function createHoldings<T>(onFree: (value: T) => void = () => {}): Holdings<T> {
  const entries = new Map<string, { readonly name: string; readonly value: T; holders: number }>()

  function grip(entry: { readonly name: string; readonly value: T; holders: number }): Held<T> {
    // Whoever holds it beyond its end brings it back, unless its name has a new owner.
    if (entry.holders === 0 && !entries.has(entry.name)) entries.set(entry.name, entry)
    entry.holders += 1
    let isReleased = false
    return {
      value: entry.value,
      again: () => grip(entry),
      release() {
        if (isReleased) return
        isReleased = true
        entry.holders -= 1
        if (entry.holders > 0) return
        if (entries.get(entry.name) === entry) entries.delete(entry.name)
        onFree(entry.value)
      },
    }
  }

  return {
    hold: (name, make) => grip(entries.get(name) ?? { name, value: make(), holders: 0 }),
    size: () => entries.size,
  }
}

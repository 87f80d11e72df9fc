// Facts by name that are kept as long as what they are about, and never more than so many of them.

/** A fact about something that expires. */
export interface Fact {
  /** When that is over, on the monotonic clock, in milliseconds. */
  readonly expiresAtMs: number
}

/** Facts by name. */
export interface Remembered<T extends Fact> {
  /** The fact; undefined when there is none or it is over. */
  get(name: string): T | undefined
  set(name: string, fact: T): void
  delete(name: string): void
  /** The names of facts that are not over. */
  names(): readonly string[]
  clear(): void
}

/** Makes an empty memory. When it is full, what is over goes first, then what was set first. */
export function createRemembered<T extends Fact>(nowMs: () => number, max: number): Remembered<T> {
  const facts = new Map<string, T>()
  const isOver = ({ expiresAtMs }: Fact): boolean => expiresAtMs <= nowMs()

  function makeRoom(): void {
    for (const [name, fact] of facts) if (isOver(fact)) facts.delete(name)
    // A tenth at once, so that not every further name looks through all of them.
    let surplus = facts.size - Math.floor(max * 0.9)
    for (const name of facts.keys()) {
      if (surplus <= 0) return
      facts.delete(name)
      surplus -= 1
    }
  }

  return {
    get(name) {
      const fact = facts.get(name)
      return fact === undefined || isOver(fact) ? undefined : fact
    },
    set(name, fact) {
      facts.delete(name)
      facts.set(name, fact)
      if (facts.size > max) makeRoom()
    },
    delete: name => void facts.delete(name),
    names: () => [...facts].flatMap(([name, fact]) => (isOver(fact) ? [] : [name])),
    clear: () => facts.clear(),
  }
}

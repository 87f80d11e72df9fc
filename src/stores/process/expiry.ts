// What expires, in the order in which it does: a heap that is put right only when its first place is looked at.

/** Something that expires. Its time may be moved on without a word; whoever moves it closer says so with `add`. */
export interface Expiring {
  /** When, on the clock of its owner, in milliseconds. */
  expiresAtMs: number
  /** Whether its owner has let go of it already. */
  isGone: boolean
}

/** Things in the order in which they expire. */
export interface Expiry<T extends Expiring> {
  /** Takes a thing in, or notes that it expires earlier now. */
  add(thing: T): void
  /** What expires first; undefined when there is nothing. */
  first(): T | undefined
  /** Forgets everything. */
  clear(): void
}

interface Place<T> {
  readonly thing: T
  readonly atMs: number
}

// Below this many places there is nothing to gain from throwing out stale ones.
const COMPACT_MIN = 1024

/** Makes an empty order. */
export function createExpiry<T extends Expiring>(): Expiry<T> {
  let heap: Place<T>[] = []
  let compactAt = COMPACT_MIN

  function push(place: Place<T>): void {
    let at = heap.length
    heap.push(place)
    while (at > 0) {
      const above = (at - 1) >> 1
      const parent = heap[above]
      if (parent === undefined || parent.atMs <= place.atMs) break
      heap[at] = parent
      at = above
    }
    heap[at] = place
  }

  function pop(): void {
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (;;) {
      let below = at * 2 + 1
      const left = heap[below]
      if (left === undefined) break
      const right = heap[below + 1]
      if (right !== undefined && right.atMs < left.atMs) below += 1
      const child = heap[below]
      if (child === undefined || child.atMs >= last.atMs) break
      heap[at] = child
      at = below
    }
    heap[at] = last
  }

  /** Throws out the places of things that are gone; each thing that is left gets one place at its true time. */
  function compact(): void {
    const things = new Set(heap.map(({ thing }) => thing))
    heap = []
    for (const thing of things) if (!thing.isGone) push({ thing, atMs: thing.expiresAtMs })
    compactAt = Math.max(COMPACT_MIN, heap.length * 2)
  }

  return {
    add(thing) {
      push({ thing, atMs: thing.expiresAtMs })
      if (heap.length > compactAt) compact()
    },
    first() {
      for (;;) {
        const place = heap[0]
        if (place === undefined) return undefined
        const { thing, atMs } = place
        if (!thing.isGone && thing.expiresAtMs <= atMs) return thing
        pop()
        // It was put off since: it goes to the place that is right now.
        if (!thing.isGone) push({ thing, atMs: thing.expiresAtMs })
      }
    },
    clear() {
      heap = []
      compactAt = COMPACT_MIN
    },
  }
}

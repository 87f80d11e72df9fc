// What is going on at the moment, by number: a list of places that are used again.
//
// Not a Map: V8 leaves a table behind whenever one with much coming and going is packed anew, the old table points to the
// new one, and so one that has grown old keeps all that ran with it, until the whole heap is collected.

/** Things that come and go, each in a place. */
export interface Slots<Item> {
  /** Gives a place to it: a small whole number, which is given again after it was freed. */
  add(item: Item): number
  /** Frees the place; what was there, or undefined when nothing was. */
  take(place: number): Item | undefined
  /** Frees every place; gives what was there, in no order. */
  clear(): readonly Item[]
  /** How many there are. */
  size(): number
  /** All of them, in no order. */
  all(): readonly Item[]
}

/** Makes an empty list. */
export function createSlots<Item extends object>(): Slots<Item> {
  const items: (Item | undefined)[] = []
  const free: number[] = []
  return {
    add(item) {
      const place = free.pop() ?? items.length
      items[place] = item
      return place
    },
    take(place) {
      const item = items[place]
      if (item === undefined) return undefined
      items[place] = undefined
      free.push(place)
      return item
    },
    clear() {
      const all = items.filter(item => item !== undefined)
      items.length = 0
      free.length = 0
      return all
    },
    size: () => items.length - free.length,
    all: () => items.filter(item => item !== undefined),
  }
}

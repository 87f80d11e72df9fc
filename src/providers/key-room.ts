// How many calls an account takes at once: what the configuration says, and less where a provider's refusals teach it.

/** What leaves no room: the configuration's limit, or one that was learnt. */
export type Fullness = 'configured' | 'learnt'

/** Counts the calls of an account. Times are on the monotonic clock, in milliseconds. */
export interface KeyRoom {
  enter(): void
  leave(): void
  /** Whether one more call may run. */
  hasRoom(nowMs: number): boolean
  /** What leaves no room; undefined while there is some. */
  fullBy(nowMs: number): Fullness | undefined
  /**
   * A running call was refused because too many run at once: from now on one fewer may. Returns false when that one was
   * the only one, and nothing can be learnt.
   */
  shrink(nowMs: number): boolean
  /** Sets the configured limit, from 1 on; undefined: none. Running calls stay. */
  limitTo(max: number | undefined): void
  /** Listens to calls that leave. Returns the way to stop that. */
  watch(left: () => void): () => void
}

/** After each such time without a refusal one more call may run, in milliseconds. */
const QUIET_MS = 60_000

/** Makes a room without a limit. */
export function createKeyRoom(): KeyRoom {
  const watchers = new Set<() => void>()
  let running = 0
  let configured = Number.POSITIVE_INFINITY
  let learnt: { readonly limit: number; readonly atMs: number } | undefined

  function learntAt(nowMs: number): number {
    if (learnt === undefined) return Number.POSITIVE_INFINITY
    return learnt.limit + Math.floor((nowMs - learnt.atMs) / QUIET_MS)
  }

  function fullBy(nowMs: number): Fullness | undefined {
    const limit = learntAt(nowMs)
    if (running < Math.min(configured, limit)) return undefined
    // Only the smaller one is worth telling: to raise the other would change nothing.
    return configured <= limit ? 'configured' : 'learnt'
  }

  return {
    enter() {
      running += 1
    },
    leave() {
      running -= 1
      for (const left of [...watchers]) left()
    },
    hasRoom: nowMs => fullBy(nowMs) === undefined,
    fullBy,
    shrink(nowMs) {
      const wasAlone = running <= 1
      learnt = { limit: Math.max(1, Math.min(running - 1, learntAt(nowMs))), atMs: nowMs }
      return !wasAlone
    },
    limitTo(max) {
      configured = max ?? Number.POSITIVE_INFINITY
    },
    watch(left) {
      watchers.add(left)
      return () => void watchers.delete(left)
    },
  }
}

/** Sets the limits of rooms, of which keys may share one: then the smallest number that is given for any of them counts. */
export function limitRooms(
  keys: readonly { readonly room: KeyRoom; readonly max: number | undefined }[],
): void {
  const smallest = new Map<KeyRoom, number | undefined>()
  for (const { room, max } of keys) {
    const known = smallest.get(room)
    smallest.set(room, known === undefined || max === undefined ? (known ?? max) : Math.min(known, max))
  }
  for (const [room, max] of smallest) room.limitTo(max)
}

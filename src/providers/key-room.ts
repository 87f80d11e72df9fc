// How many calls an account takes at once, which some providers do not publish: learnt from what they refuse.

/** Counts the calls of an account. Times are on the monotonic clock, in milliseconds. */
export interface KeyRoom {
  enter(): void
  leave(): void
  /** Whether one more call may run. */
  hasRoom(nowMs: number): boolean
  /**
   * A running call was refused because too many run at once: from now on one fewer may. Returns false when that one was
   * the only one, and nothing can be learnt.
   */
  shrink(nowMs: number): boolean
}

/** After each such time without a refusal one more call may run, in milliseconds. */
const QUIET_MS = 60_000

/** Makes a room without a limit. */
export function createKeyRoom(): KeyRoom {
  let running = 0
  let learnt: { readonly limit: number; readonly atMs: number } | undefined

  function limitAt(nowMs: number): number {
    if (learnt === undefined) return Number.POSITIVE_INFINITY
    return learnt.limit + Math.floor((nowMs - learnt.atMs) / QUIET_MS)
  }

  return {
    enter() {
      running += 1
    },
    leave() {
      running -= 1
    },
    hasRoom: nowMs => running < limitAt(nowMs),
    shrink(nowMs) {
      const wasAlone = running <= 1
      learnt = { limit: Math.max(1, Math.min(running - 1, limitAt(nowMs))), atMs: nowMs }
      return !wasAlone
    },
  }
}

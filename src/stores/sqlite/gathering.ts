// Gathers settlements for the worker: the first one goes at once, and those of the next milliseconds in one message and one commit.
import type { CommitInput } from './commit.ts'
import type { Settlements } from './protocol.ts'

/** The least time between two bundles, in milliseconds: what a message, a commit and its answer cost is shared by all that come in it. */
const GATHERED_MS = 3
/** The most settlements of one bundle: as many as go into one commit. */
const BUNDLE_MAX = 256

/** Gathers settlements. */
export interface Gathering {
  /** Takes one: it goes with the next bundle. */
  add(id: number, input: CommitInput): void
  /** Sends what waits now. */
  flush(): void
  /** Forgets what waits. */
  clear(): void
}

/** Makes a gathering that sends bundles in the order in which settlements come. */
export function createGathering(send: (bundle: Settlements) => void): Gathering {
  let ids: number[] = []
  let commits: CommitInput[] = []
  let sentAtMs = Number.NEGATIVE_INFINITY

  function flush(): void {
    if (ids.length === 0) return
    const bundle = { ids, commits }
    clear()
    sentAtMs = performance.now()
    send(bundle)
  }

  function clear(): void {
    ids = []
    commits = []
  }

  return {
    add(id, input) {
      ids.push(id)
      commits.push(input)
      if (ids.length >= BUNDLE_MAX) return flush()
      if (ids.length > 1) return
      const restMs = sentAtMs + GATHERED_MS - performance.now()
      // What else this turn of the event loop settles goes along.
      if (restMs <= 0) setImmediate(flush)
      else setTimeout(flush, restMs)
    },
    flush,
    clear,
  }
}

// Logs in Redis. A log that this process alone writes is also kept here: who follows it here waits for nobody, and while
// Redis is out it goes on; what Redis does not have of it yet is brought there afterwards, in order.
import type { Clock } from '../../core/clock.ts'
import type { LogPage, Shared } from '../../core/shared.ts'
import type { Line, Ran } from './line.ts'
import { createOwnLogs, type OwnLogs } from './own-logs.ts'
import { logKeys } from './scripts.ts'
import type { Topics } from './topics.ts'

/** What `createLogs` needs. */
export interface LogsDeps {
  readonly line: Pick<Line, 'run' | 'isUp' | 'repair'>
  readonly topics: Pick<Topics, 'watch'>
  readonly local: Shared
  readonly clock: Clock
  /** Id of this process. */
  readonly process: string
  /** How often a log that is followed is looked at when nothing is heard of it, in milliseconds. */
  readonly lookEveryMs: number
  /** Whether Redis came back empty so recently that what is missing there may still come from another process. */
  readonly isFresh: () => boolean
  /** Aborts when the state is closed. */
  readonly closing: AbortSignal
}

/** Logs in Redis. */
export interface Logs
  extends Pick<Shared, 'append' | 'trim' | 'read' | 'tail'>,
    Pick<OwnLogs, 'maybeLost' | 'restore' | 'taken'> {
  /** A log was removed by this process. */
  removed(name: string): void
}

const PAGE_ENTRIES_MAX = 256
// A log that was lost with everything else is waited for so often, so many milliseconds each: a second in all.
const HOPES = 40
const HOPE_MS = 25

/** Makes the logs. */
export function createLogs(deps: LogsDeps): Logs {
  const { line, topics, local, lookEveryMs, isFresh, closing } = deps
  const own = createOwnLogs(deps)
  const readThere = (name: string, after: number, max: number): Promise<Ran> =>
    line.run('read', logKeys(name), [after, max])

  /** Reads a log that whoever writes it may be about to bring again. */
  async function readWithHope(name: string, after: number, max: number): Promise<LogPage | undefined> {
    for (let left = HOPES; left > 0 && isFresh() && !closing.aborted; left -= 1) {
      await new Promise(resolve => setTimeout(resolve, HOPE_MS))
      const page = pageOf(await readThere(name, after, max))
      if (page !== undefined) return page
    }
    return undefined
  }

  async function* tailThere(name: string, after: number, signal: AbortSignal): AsyncGenerator<LogPage> {
    const watch = topics.watch(name)
    const ending = AbortSignal.any([signal, closing])
    let at = after
    let isKnown = false
    try {
      while (!closing.aborted) {
        const seen = watch.count()
        const ran = await readThere(name, at, PAGE_ENTRIES_MAX)
        signal.throwIfAborted()
        const page = pageOf(ran)
        if (page !== undefined) isKnown = true
        // While Redis is out there is hope for what was there, and when it has lost everything, for what others bring again.
        else if (typeof ran === 'string' ? !isKnown : !isFresh()) return
        if (page === undefined || page.entries.length === 0) {
          await watch.changed(seen, lookEveryMs, ending)
          signal.throwIfAborted()
          continue
        }
        at = page.first + page.entries.length - 1
        yield page
      }
    } finally {
      watch.stop()
    }
  }

  return {
    append: own.append,
    async trim(name, through) {
      own.trimmed(name, through)
      await Promise.all([local.trim(name, through), line.run('trim', logKeys(name), [through])])
    },
    async read(name, after, max) {
      if (own.isAhead(name)) return local.read(name, after, max)
      const ran = await readThere(name, after, max)
      if (typeof ran === 'string') return local.read(name, after, max)
      const page = pageOf(ran)
      // Redis has lost it: it gets it again from here.
      if (page === undefined && own.lost(name)) return local.read(name, after, max)
      return page ?? (isFresh() ? readWithHope(name, after, max) : undefined)
    },
    async *tail(name, after, signal) {
      signal.throwIfAborted()
      let at = after
      if (await own.isOwn(name)) {
        for await (const page of local.tail(name, at, signal)) {
          at = page.first + page.entries.length - 1
          yield page
        }
        // It is over, was pushed out here, or others write it, too: Redis knows.
      }
      signal.throwIfAborted()
      yield* tailThere(name, at, signal)
    },
    removed: own.forget,
    maybeLost: own.maybeLost,
    restore: own.restore,
    taken: own.taken,
  }
}

function pageOf(ran: Ran): LogPage | undefined {
  if (typeof ran === 'string' || !Array.isArray(ran.value)) return undefined
  const [first, entries]: readonly unknown[] = ran.value
  return { first: Number(first), entries: Array.isArray(entries) ? entries : [] }
}

// The recording of a call: a bounded log of its events and its ending, written once and read from any point on.
import { type Batched, batched } from '../core/batched.ts'
import { GatewayError } from '../core/errors.ts'
import type { Shared } from '../core/shared.ts'
import type { EventInit } from './events.ts'
import { type Ending, type Entry, endEntry, entryOf, eventEntry, isEnd } from './recording-entry.ts'

/** What a recorder needs. */
export interface RecorderDeps {
  readonly shared: Shared
  /** Name of the log. */
  readonly log: string
  /** How long the log is kept while the call runs, from each entry on, in milliseconds. */
  readonly runningMs: number
  /** Most that the entries may take, in bytes; beyond it those from the start are forgotten. */
  readonly bytesMax: number
  /** Takes what goes wrong with the keeping. */
  readonly onFault: (fault: unknown) => void
  /** Whether it is also kept elsewhere when it has ended; then the entries stay at hand. */
  readonly isKept?: boolean
}

/** Writes one recording. It never waits: what comes in one turn of the event loop is kept in one go. */
export interface Recorder {
  /** Makes the empty recording. Resolves when others can see it. */
  open(): Promise<void>
  /** Keeps an event under the next number, from 1. */
  keep(event: EventInit): void
  /** Keeps the ending, and everything for so many milliseconds from now. */
  end(ending: Ending, keepMs: number): void
  /** What the kept entries take, in bytes, roughly. */
  sizeBytes(): number
  /** Number of the last event, 0 when there is none. */
  last(): number
  /** All entries so far; undefined when they are too many, or were not to be kept elsewhere. */
  entries(): readonly Uint8Array[] | undefined
}

// What an entry takes in memory beside its bytes.
const ENTRY_BYTES = 200

// More than this is not gathered, even if all of it comes in one turn.
const GATHERED_MAX = 64

/** Makes the recorder of one call. */
export function createRecorder(deps: RecorderDeps): Recorder {
  const { shared, log, runningMs, bytesMax, onFault, isKept = false } = deps
  const sizes: number[] = []
  let sequence = 0
  let forgotten = 0
  let sizeBytes = 0
  let gathered: Uint8Array[] = []
  let whole: Uint8Array[] | undefined = isKept ? [] : undefined
  let flushing: NodeJS.Immediate | undefined

  function add(entry: Uint8Array): void {
    gathered.push(entry)
    whole?.push(entry)
    const takesBytes = entry.byteLength + ENTRY_BYTES
    sizes.push(takesBytes)
    sizeBytes += takesBytes
    sequence += 1
  }

  function flush(ttlMs: number): void {
    clearImmediate(flushing)
    flushing = undefined
    const entries = gathered
    gathered = []
    const wanted = sequence
    shared
      .append(log, entries, ttlMs)
      .then(async last => {
        if (last === wanted) return
        await shared.remove(log)
        throw new GatewayError('STORAGE_FULL', 'the recording was pushed out while it was made')
      })
      .catch(onFault)
    let through = forgotten
    // The last event and the ending stay, whatever they take.
    for (; sizeBytes > bytesMax && through < sequence - 2; through += 1) sizeBytes -= sizes[through] ?? 0
    if (through === forgotten) return
    forgotten = through
    whole = undefined
    shared.trim(log, through).catch(onFault)
  }

  return {
    async open() {
      await shared.append(log, [], runningMs)
    },
    keep(event) {
      add(eventEntry(event, sequence + 1))
      if (gathered.length >= GATHERED_MAX) flush(runningMs)
      else flushing ??= setImmediate(flush, runningMs)
    },
    end(ending, keepMs) {
      add(endEntry(ending))
      flush(keepMs)
    },
    sizeBytes: () => sizeBytes,
    last: () => sequence,
    entries: () => (sizeBytes > bytesMax ? undefined : whole),
  }
}

/** What reading needs. */
export interface ReadDeps {
  readonly shared: Shared
  /** Whether the process that writes the recording still does so. When it says no, nothing more is written. */
  readonly isWritten: () => Promise<boolean> | boolean
  /** How often that is asked while there is nothing to read, in milliseconds. */
  readonly askEveryMs: number
}

/** How a recording stands. `last` is the number of its last event, 0 when there is none. */
export type Standing =
  | { readonly type: 'running'; readonly last: number }
  | { readonly type: 'ended'; readonly last: number; readonly ending: Ending }
  /** Its process died. */
  | { readonly type: 'lost'; readonly last: number }
  /** It is not kept, or not any more. */
  | { readonly type: 'gone' }

/** Tells how a recording stands. */
export async function standingOf(log: string, { shared, isWritten }: ReadDeps): Promise<Standing> {
  // Asked first: whoever does not write any more has written all that there is to read now.
  const isRunning = await isWritten()
  const added = (await shared.read(log, Number.MAX_SAFE_INTEGER, 1))?.first
  if (added === undefined) return { type: 'gone' }
  const last = added - 1
  const page = last === 0 ? undefined : await shared.read(log, last - 1, 1)
  const bytes = page?.entries[0]
  const entry = bytes === undefined || !isEnd(bytes) ? undefined : entryOf(bytes)
  if (entry?.type === 'end') return { type: 'ended', last: last - 1, ending: entry.ending }
  return { type: isRunning ? 'running' : 'lost', last }
}

/** A step of reading. Only an `event` is not the last one. */
export type Step = Entry | { readonly type: 'lost' } | { readonly type: 'gone' }

const READ_ENTRIES_MAX = 256

/**
 * Reads a recording after a number that is not above its last one: what is kept, then what comes, in batches of what comes together. Throws the signal's
 * reason when it aborts.
 */
export function readRecording(
  log: string,
  after: number,
  deps: ReadDeps,
  signal: AbortSignal,
): Batched<Step> {
  return batched(stepsOf(log, after, deps, signal))
}

async function* stepsOf(
  log: string,
  after: number,
  deps: ReadDeps,
  signal: AbortSignal,
): AsyncGenerator<readonly Step[]> {
  const { shared } = deps
  let at = after
  const death = watchDeath(deps)
  try {
    let isLost = await death.isDead()
    for (;;) {
      const pages = isLost
        ? keptPages(shared, log, at)
        : shared.tail(log, at, AbortSignal.any([signal, death.signal]))
      try {
        for await (const { first, entries } of pages) {
          if (first > at + 1) return yield [{ type: 'gone' }]
          at += entries.length
          const steps = entries.map(entryOf)
          yield steps
          if (steps.at(-1)?.type === 'end') return
        }
      } catch (caught) {
        if (signal.aborted || !death.signal.aborted) throw caught
        // What it wrote before its death, and nobody has read yet, is read all the same.
        isLost = true
        continue
      }
      return yield [{ type: (await shared.read(log, at, 1)) === undefined ? 'gone' : 'lost' }]
    }
  } finally {
    death.stop()
  }
}

async function* keptPages(shared: Shared, log: string, after: number) {
  for (let at = after; ; ) {
    const page = await shared.read(log, at, READ_ENTRIES_MAX)
    if (page === undefined || page.entries.length === 0) return
    yield page
    at = page.first + page.entries.length - 1
  }
}

/** Asks from time to time whether the writer still lives; the signal aborts when it does not. */
function watchDeath({ isWritten, askEveryMs }: ReadDeps): {
  readonly isDead: () => Promise<boolean>
  readonly signal: AbortSignal
  readonly stop: () => void
} {
  const died = new AbortController()
  const isDead = async (): Promise<boolean> => !(await isWritten())
  const timer = setInterval(() => {
    isDead().then(
      dead => dead && died.abort(),
      fault => died.abort(fault),
    )
  }, askEveryMs).unref()
  return { isDead, signal: died.signal, stop: () => clearInterval(timer) }
}

// Keeps a stream audibly alive: puts a sign of life into every long silence.
import { OVER, readingOf } from '../core/reading.ts'

/** What a heartbeat needs. */
export interface HeartbeatDeps<T> {
  /** Silence after which there is a sign, in milliseconds. */
  readonly everyMs: number
  readonly sign: () => T
  /** Called when the reader leaves: a source that still waits must end then, because it cannot be returned from. */
  readonly leave: () => void
  /** Called when the reading ends, in whatever way. */
  readonly over?: () => void
}

/**
 * Passes a stream on and puts `sign()` into each silence, so that no proxy on the way takes a thinking model for a dead
 * connection. It waits for the source, never for a timer, and ends with the source. Nothing begins before the first reading.
 * Made by hand: each piece of a stream comes through here, and in a generator it would make several more turns.
 */
export function withHeartbeat<T>(
  source: AsyncGenerator<T>,
  { everyMs, sign, leave, over }: HeartbeatDeps<T>,
): AsyncGenerator<T> {
  let timer: NodeJS.Timeout | undefined
  let isOver = false
  /** Whether the source was asked and has not been heard by the reader. */
  let isAsked = false
  /** What the source said while nobody waited: a reader takes its time with a sign. */
  let kept: { readonly step: IteratorResult<T> } | { readonly fault: unknown } | undefined
  let waiting: Promise<IteratorResult<T>> | undefined
  let give: (step: IteratorResult<T>) => void
  let fail: (fault: unknown) => void
  const take = (resolve: (step: IteratorResult<T>) => void, reject: (fault: unknown) => void): void => {
    give = resolve
    fail = reject
  }

  async function end(): Promise<void> {
    isOver = true
    clearTimeout(timer)
    await source.return(undefined)
    over?.()
  }

  function arrived(step: IteratorResult<T>): void {
    if (waiting === undefined) {
      if (!isOver) kept = { step }
      return
    }
    isAsked = false
    if (step.done === true) {
      end().then(() => {
        waiting = undefined
        give(OVER)
      }, broke)
      return
    }
    waiting = undefined
    give(step)
  }

  function failed(fault: unknown): void {
    if (waiting === undefined) {
      if (!isOver) kept = { fault }
      return
    }
    isAsked = false
    end().then(() => broke(fault), broke)
  }

  function broke(fault: unknown): void {
    waiting = undefined
    fail(fault)
  }

  function beat(): void {
    if (waiting === undefined || !isAsked) return
    waiting = undefined
    give({ done: false, value: sign() })
  }

  function next(): Promise<IteratorResult<T>> {
    if (waiting !== undefined) return waiting.then(next, next)
    if (isOver) return Promise.resolve(OVER)
    if (timer === undefined) timer = setTimeout(beat, everyMs)
    else timer.refresh()
    const answer = new Promise(take)
    waiting = answer
    if (!isAsked) {
      isAsked = true
      source.next().then(arrived, failed)
    } else if (kept !== undefined) {
      const before = kept
      kept = undefined
      if ('step' in before) arrived(before.step)
      else failed(before.fault)
    }
    return answer
  }

  /** Whoever leaves waits for what was asked before, as with a generator. */
  async function left(): Promise<void> {
    while (waiting !== undefined) await waiting.catch(() => undefined)
    if (isOver) return
    if (timer === undefined) {
      isOver = true
      return
    }
    leave()
    await end()
  }

  return readingOf(next, left)
}

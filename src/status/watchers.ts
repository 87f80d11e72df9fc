// What every watch has in common: a reader that is woken, signs of life while nothing happens, and an end for one who never reads.
import type { Call } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'

/** A call that watches; it can be ended from here. */
export interface WatchCall extends Call {
  abort(error: GatewayError): void
}

/** Where a watch finds what it tells. */
export interface WatchSource<T> {
  /** The next message, if there is one. `isEnding`: the call is over, and only what must be told before its end counts. */
  take(isEnding: boolean): T | undefined
  /** Shows that the stream lives. */
  sign(): T
  /** Takes the way to have this watch look again. Absent: `wake` of all watches is enough. */
  listen?(wake: () => void): void
}

/** The watches of a process. */
export interface Watchers {
  /** Begins a watch: it throws the reason with which its call ends, and OVERLOADED when there are too many. */
  watch<T>(call: WatchCall, source: WatchSource<T>): AsyncGenerator<T>
  /** Has every watch look whether there is something to tell. */
  wake(): void
  /** Sends signs of life where they are due, and ends watches whose readers stand still: to be called about once a second. */
  tick(): void
  count(): number
}

/** What watches are made with. */
export interface WatchersDeps {
  readonly clock: Pick<Clock, 'monotonic'>
  /** Silence after which a watch shows that it is alive, in milliseconds. */
  readonly silenceMs?: number
  /** How long a reader may take nothing of what it is sent, in milliseconds: shorter than what the port bears, so that the reason is told. */
  readonly stallMs?: number
  /** How many may watch. */
  readonly watchersMax?: number
}

interface Watcher {
  readonly call: WatchCall
  wake(): void
  /** When the last message left, or is on its way. */
  lastMs: number
  isSending: boolean
  isSignDue: boolean
}

/** Makes them. One tick serves all: a watch in which nothing happens has no timer of its own. */
export function createWatchers(deps: WatchersDeps): Watchers {
  const { clock, silenceMs = 30_000, stallMs = 30_000, watchersMax = 1_000 } = deps
  const watchers = new Set<Watcher>()

  function check(watcher: Watcher, nowMs: number): void {
    const sinceMs = nowMs - watcher.lastMs
    if (watcher.isSending && sinceMs >= stallMs) {
      const message = `the reader took nothing for ${stallMs / 1000} s: read faster, or ask for less`
      watcher.call.abort(new GatewayError('OVERLOADED', message))
    } else if (!watcher.isSending && sinceMs >= silenceMs) {
      watcher.isSignDue = true
      watcher.wake()
    }
  }

  async function* run<T>(watcher: Watcher, source: WatchSource<T>): AsyncGenerator<T> {
    const { signal } = watcher.call
    let isOver = false
    for (;;) {
      // One message more at most: an end must not wait for a source that always has one.
      if (isOver) signal.throwIfAborted()
      isOver = signal.aborted
      let message = source.take(isOver)
      if (message === undefined) {
        signal.throwIfAborted()
        if (watcher.isSignDue) message = source.sign()
      }
      if (message === undefined) {
        await new Promise<void>(resolve => {
          watcher.wake = resolve
        })
        continue
      }
      watcher.isSignDue = false
      watcher.isSending = true
      watcher.lastMs = clock.monotonic()
      yield message
      watcher.isSending = false
      watcher.lastMs = clock.monotonic()
    }
  }

  return {
    async *watch(call, source) {
      if (watchers.size >= watchersMax)
        throw new GatewayError('OVERLOADED', `no more than ${watchersMax} can watch at the same time`)
      const watcher: Watcher = {
        call,
        wake: () => undefined,
        lastMs: clock.monotonic(),
        isSending: false,
        isSignDue: false,
      }
      const onAbort = (): void => watcher.wake()
      call.signal.addEventListener('abort', onAbort)
      watchers.add(watcher)
      source.listen?.(onAbort)
      try {
        yield* run(watcher, source)
      } finally {
        watchers.delete(watcher)
        call.signal.removeEventListener('abort', onAbort)
      }
    },
    wake() {
      for (const watcher of watchers) watcher.wake()
    },
    tick() {
      const nowMs = clock.monotonic()
      for (const watcher of watchers) check(watcher, nowMs)
    },
    count: () => watchers.size,
  }
}

// Keeps a stream of the gateway open: opens it again with growing pauses, notices silence, and rests while nobody looks.
import { type Signal, signal } from '@preact/signals'
import { type Failure, failureOf } from './failure.ts'
import { noteFailure } from './session.ts'

/** How a watch stands. */
export type WatchState =
  | { readonly state: 'connecting' }
  | { readonly state: 'live' }
  /** It broke; the next try is at `retryAtMs`. */
  | { readonly state: 'lost'; readonly failure: Failure; readonly retryAtMs: number }
  /** It is not to be had, and trying again would change nothing. */
  | { readonly state: 'refused'; readonly failure: Failure }

/** A stream that is kept open. */
export interface Watch {
  readonly state: Signal<WatchState>
  /** Tries again at once instead of at the end of the pause. */
  retryNow(): void
  close(): void
}

const PAUSE_FIRST_MS = 500
const PAUSE_MOST_MS = 15_000
// The gateway shows every 30 s that a stream lives.
const SILENCE_MOST_MS = 75_000
// A tab that is only looked away from for a moment keeps its streams; browsers allow six to one host over HTTP/1.1.
const HIDDEN_MOST_MS = 60_000

/** With what a stream is to be opened. */
export interface WatchOptions {
  readonly signal: AbortSignal
  /** To be told when the gateway has taken the call: the stream lives then, though it may have nothing to say yet. */
  readonly onHeader: () => void
}

/** Keeps a stream open and hands on each of its messages. */
export function keepWatching<T>(
  open: (options: WatchOptions) => AsyncIterable<T>,
  take: (message: T) => void,
): Watch {
  const state = signal<WatchState>({ state: 'connecting' })
  const closing = new AbortController()
  let wake: () => void = () => {}
  let tries = 0

  const live = (): void => {
    tries = 0
    if (state.peek().state !== 'live') state.value = { state: 'live' }
  }
  const once = async (): Promise<Failure> => {
    const silence = new AbortController()
    const stop = AbortSignal.any([closing.signal, silence.signal, hidden.signal])
    let timer = setTimeout(() => silence.abort(), SILENCE_MOST_MS)
    try {
      for await (const message of open({ signal: stop, onHeader: live })) {
        clearTimeout(timer)
        timer = setTimeout(() => silence.abort(), SILENCE_MOST_MS)
        live()
        take(message)
      }
      return { ...failureOf(new Error('the stream ended')), message: 'the stream ended' }
    } catch (thrown) {
      return failureOf(thrown)
    } finally {
      clearTimeout(timer)
    }
  }

  let hidden = new AbortController()
  let hiding: ReturnType<typeof setTimeout> | undefined
  const onVisibility = (): void => {
    clearTimeout(hiding)
    if (document.hidden) hiding = setTimeout(() => hidden.abort(), HIDDEN_MOST_MS)
    else wake()
  }
  const onOnline = (): void => wake()
  document.addEventListener('visibilitychange', onVisibility)
  window.addEventListener('online', onOnline)

  const run = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      const failure = await once()
      if (closing.signal.aborted) return
      noteFailure(failure)
      if (failure.kind === 'unauthenticated' || failure.kind === 'denied' || failure.kind === 'missing') {
        state.value = { state: 'refused', failure }
        return
      }
      if (hidden.signal.aborted && document.hidden) await new Promise<void>(resolve => (wake = resolve))
      else await pause(failure)
      hidden = new AbortController()
      if (!closing.signal.aborted && state.peek().state !== 'lost') state.value = { state: 'connecting' }
    }
  }
  const pause = async (failure: Failure): Promise<void> => {
    const growing = Math.min(PAUSE_MOST_MS, PAUSE_FIRST_MS * 2 ** tries)
    tries += 1
    // Many pages that lost the same gateway must not all come back at the same moment.
    const waitMs = Math.max(failure.retryMs ?? 0, growing * (0.75 + Math.random() / 2))
    state.value = { state: 'lost', failure, retryAtMs: Date.now() + waitMs }
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, waitMs)
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
  void run()
  return {
    state,
    retryNow: () => wake(),
    close: () => {
      closing.abort()
      wake()
      document.removeEventListener('visibilitychange', onVisibility)
      window.removeEventListener('online', onOnline)
    },
  }
}

// Ends what stands still: a transfer may take as long as it likes, but not without moving.

/** Watches one transfer. */
export interface IdleWatch {
  /** Aborts when the transfer stood still, or with the signal that was given. */
  readonly signal: AbortSignal
  /** It moves: the time begins anew. */
  moved(): void
  /** Nobody waits for it at the moment: no time passes until it moves again. */
  rest(): void
}

/** Begins to watch; `rest` ends it. */
export function createIdleWatch(idleMs: number, signal: AbortSignal): IdleWatch {
  const stalled = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const moved = (): void => {
    clearTimeout(timer)
    timer = setTimeout(() => stalled.abort(new Error(`nothing moved for ${idleMs} ms`)), idleMs)
    timer.unref()
  }
  moved()
  return { signal: AbortSignal.any([signal, stalled.signal]), moved, rest: () => clearTimeout(timer) }
}

// Keeps a stream audibly alive: puts a sign of life into every long silence.

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
 * connection. It waits for the source, never for a timer, and ends with the source.
 */
export async function* withHeartbeat<T>(
  source: AsyncGenerator<T>,
  { everyMs, sign, leave, over }: HeartbeatDeps<T>,
): AsyncGenerator<T> {
  const silent = Symbol('silent')
  let wake: (() => void) | undefined
  let isOver = false
  const timer = setTimeout(() => wake?.(), everyMs)
  try {
    let pending = source.next()
    for (;;) {
      const step = await new Promise<IteratorResult<T> | typeof silent>((resolve, reject) => {
        wake = () => resolve(silent)
        pending.then(resolve, (fault: unknown) => {
          isOver = true
          reject(fault)
        })
      })
      if (step === silent) {
        yield sign()
        timer.refresh()
        continue
      }
      if (step.done) {
        isOver = true
        return
      }
      yield step.value
      timer.refresh()
      pending = source.next()
    }
  } finally {
    clearTimeout(timer)
    // An error costs its stack trace: it is made only for a source that has not ended.
    if (!isOver) leave()
    await source.return(undefined)
    over?.()
  }
}

// Whether a worker still answers: it is asked again and again, and one that has not answered for too long is told of once.

/** What a pulse is made of. */
export interface PulseDeps {
  /** Asks the worker for a sign of life; rejects when it is gone. */
  readonly ask: () => Promise<unknown>
  /** Called once, when it has not answered for so long. */
  readonly onHung: () => void
  /** Time between two questions, in milliseconds. Default: `PULSE_MS`. */
  readonly everyMs?: number
}

/** Time between two questions, in milliseconds. */
export const PULSE_MS = 5_000
/** So many times in a row no answer has come when the next one was due: 30 seconds. */
export const PULSES_MISSED_MAX = 6

/**
 * Begins to ask. It counts its own turns and not the time: when this process itself has stood still, the answers of that time
 * only lie unread.
 * @returns the way to end it
 */
export function startPulse({ ask, onHung, everyMs = PULSE_MS }: PulseDeps): () => void {
  let isAsked = false
  let missed = 0
  const timer = setInterval(() => {
    if (!isAsked) {
      missed = 0
      isAsked = true
      // An error is an answer, too; one who is gone is seen elsewhere.
      const answered = (): void => {
        isAsked = false
      }
      ask().then(answered, answered)
      return
    }
    missed += 1
    if (missed < PULSES_MISSED_MAX) return
    clearInterval(timer)
    onHung()
  }, everyMs).unref()
  return () => clearInterval(timer)
}

// What an attempt of a walk holds while it runs, and to whom its outcome is told.
import type { AttemptHold } from '../core/limits.ts'
import type { Admitted } from './admission.ts'
import type { Attempt } from './attempt.ts'
import type { AttemptWatch } from './attempt-watch.ts'
import type { Live } from './live.ts'
import { seenOf } from './seen.ts'
import type { AttemptSink, HoldRefused } from './walk-call.ts'

/**
 * Takes room in the caller's limits, now or when it is known whether there is any; the leave to ask is given back when there is
 * none. Throws, or rejects with, the signal's reason.
 */
export function heldFor(
  reserving: AttemptHold | HoldRefused | Promise<AttemptHold | HoldRefused>,
  admitted: Admitted,
  signal: AbortSignal,
): AttemptHold | HoldRefused | Promise<AttemptHold | HoldRefused> {
  if (reserving instanceof Promise) return heldLater(reserving, admitted, signal)
  if ('error' in reserving) giveBack(admitted)
  return reserving
}

async function heldLater(
  reserving: Promise<AttemptHold | HoldRefused>,
  admitted: Admitted,
  signal: AbortSignal,
): Promise<AttemptHold | HoldRefused> {
  let hold: AttemptHold | undefined
  try {
    const answer = await reserving
    if ('error' in answer) return answer
    if (signal.aborted) answer.giveBack(false)
    signal.throwIfAborted()
    hold = answer
    return hold
  } finally {
    if (hold === undefined) giveBack(admitted)
  }
}

function giveBack({ permit, lease }: Admitted): void {
  permit.release()
  lease.release()
}

/** What an attempt holds. */
export interface HeldThings extends Admitted {
  readonly hold: AttemptHold | undefined
  readonly live: Pick<Live, 'observe'>
  readonly isStream: boolean
  /** Hears of it beside those who judge by it. Absent: nobody does. */
  readonly onAttempt?: AttemptSink | undefined
}

/** Hands the outcome of an attempt to whoever judges by it, and gives back what it held. */
export function watchOf(
  { permit, lease, hold, live, isStream, onAttempt }: HeldThings,
  attempt: () => Attempt,
): AttemptWatch {
  let isTold = false
  return {
    started() {
      isTold = true
      onAttempt?.(attempt(), 'started')
    },
    began: () => permit.succeeded(),
    ended({ error, cancelled }) {
      if (cancelled) permit.release()
      else if (error === undefined) permit.succeeded()
      else permit.failed(error)
      if (hold !== undefined && !attempt().mayBeBilled()) hold.giveBack(attempt().sentMs() !== undefined)
      const seen = seenOf(attempt(), { isStream, error, cancelled })
      if (seen !== undefined) live.observe(seen)
      if (isTold) onAttempt?.(attempt(), 'ended')
    },
    released() {
      permit.release()
      lease.release()
    },
  }
}

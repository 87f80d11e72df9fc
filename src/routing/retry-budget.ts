// How many retries and hedges there may be: a share of the traffic, so that an outage is never answered with more load.
import type { Clock } from '../core/clock.ts'

/** Counts first attempts, and what is asked on top of them. */
export interface RetryBudget {
  /** A call asks somebody for the first time. */
  attempted(): void
  /** Takes leave for one retry or hedge; false when the share is used up. */
  take(): boolean
}

/** The numbers of a budget. */
export interface RetryBudgetNumbers {
  /** Time that is looked back on, in milliseconds; the sixth part more at most. */
  readonly windowMs: number
  /** Retries and hedges for each first attempt. */
  readonly share: number
  /** So many are always allowed in a window: with little traffic a share would be none at all. */
  readonly floor: number
}

/** A tenth of the calls of the last minute, and 10 more. */
export const RETRY_BUDGET: RetryBudgetNumbers = { windowMs: 60_000, share: 0.1, floor: 10 }

/** The budget of one of so many processes: the share is of its own calls, and what is always allowed is divided among them. */
export function retryBudgetOf(processes = 1): RetryBudgetNumbers {
  return { ...RETRY_BUDGET, floor: Math.ceil(RETRY_BUDGET.floor / processes) }
}

/** The window has so many pieces, and moves on by one of them at a time. */
const WINDOW_PIECES = 6
/** One more, which is not over yet: in no time as long as the window may more than its share be taken. */
const PIECES = WINDOW_PIECES + 1

interface Piece {
  attempts: number
  taken: number
}

/** Makes a budget without past. Its memory is fixed, and each call is O(1). */
export function createRetryBudget(clock: Clock, numbers: RetryBudgetNumbers = RETRY_BUDGET): RetryBudget {
  const { share, floor } = numbers
  const pieceMs = numbers.windowMs / WINDOW_PIECES
  const pieces = Array.from({ length: PIECES }, (): Piece => ({ attempts: 0, taken: 0 }))
  const total: Piece = { attempts: 0, taken: 0 }
  let turn = Math.floor(clock.monotonic() / pieceMs)

  /** The piece of this moment, with those that have left the window emptied. */
  function current(): Piece {
    const now = Math.floor(clock.monotonic() / pieceMs)
    for (let left = Math.min(now - turn, PIECES); left > 0; left--) {
      const piece = at(now - left + 1)
      total.attempts -= piece.attempts
      total.taken -= piece.taken
      piece.attempts = 0
      piece.taken = 0
    }
    turn = Math.max(turn, now)
    return at(turn)
  }

  function at(place: number): Piece {
    // The rest of a division by the length is always a place of the list.
    return pieces[place % PIECES] ?? total
  }

  return {
    attempted() {
      current().attempts += 1
      total.attempts += 1
    },
    take() {
      const piece = current()
      if (total.taken + 1 > floor + share * total.attempts) return false
      piece.taken += 1
      total.taken += 1
      return true
    },
  }
}

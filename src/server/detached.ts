// Work for a call that goes on without its client: its own signal under the call's deadline, and its own end.
import type { Call, CallFacts, DetachedCall } from '../core/call.ts'
import { deadlineError, startDeadline } from './deadline.ts'
import type { Failure } from './report.ts'

/** Detached work as the register of running calls sees it. */
export interface Detached extends DetachedCall {
  /** Whether the client of its call is still there. */
  isAttended(): boolean
}

/** What detached work needs. */
export interface DetachedDeps {
  /** The call that it is done for. */
  readonly exchange: Call
  /** Time that the call had at its start and has now, in milliseconds. */
  readonly timeoutMs: number
  readonly leftMs: number
  /** Whether the client is still there. */
  readonly isAttended: () => boolean
  /** Called once at its end, with what was noted and how it failed if it did. */
  readonly ended: (detached: Detached, facts: CallFacts, failure: Failure | undefined) => void
}

/** Begins detached work. */
export function createDetached(deps: DetachedDeps): Detached {
  const { exchange, timeoutMs, leftMs, isAttended, ended } = deps
  const controller = new AbortController()
  let facts: CallFacts = {}
  let isOpen = true
  const abort: DetachedCall['abort'] = reason => {
    if (isOpen && !controller.signal.aborted) controller.abort(reason)
  }
  const stopTimer = startDeadline(leftMs, () => abort(deadlineError(timeoutMs)))
  const detached: Detached = {
    id: exchange.id,
    // Who calls is known by now, and stays.
    caller: exchange.caller,
    startedAtMs: exchange.startedAtMs,
    deadlineAtMs: exchange.deadlineAtMs,
    signal: controller.signal,
    trace: exchange.trace,
    note: more => {
      facts = { ...facts, ...(isAttended() ? whereOf(more) : more) }
      if (isAttended()) exchange.note(more)
    },
    abort,
    isAttended,
    close: error => {
      if (!isOpen) return
      isOpen = false
      stopTimer()
      ended(detached, facts, error === undefined ? undefined : { error, code: error.code })
    },
  }
  return detached
}

/** What may stand in both lines; numbers stand in one, so that whoever adds them up counts them once. */
function whereOf({
  attempts: _,
  inputTokens: __,
  outputTokens: ___,
  nanoUsd: ____,
  ...where
}: CallFacts): CallFacts {
  return where
}

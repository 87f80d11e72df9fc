// How long a call lives on after its client has left.
import type { CompleteRequest } from '#gen/exai/v1/chat_service_pb'
import { Warning_Reason } from '#gen/exai/v1/warning_pb'
import type { WarningInit } from '../core/provider.ts'
import { millisecondsOf } from '../core/time.ts'
import { RESUME_WINDOW_MAX_MS } from './validate.ts'

/** The window of a request, in milliseconds, and what has to be said when it is shorter than asked. */
export function windowOf({ resumeWindow }: CompleteRequest): {
  readonly windowMs: number
  readonly warnings: readonly WarningInit[]
} {
  const windowMs = resumeWindow === undefined ? 0 : millisecondsOf(resumeWindow)
  if (windowMs <= RESUME_WINDOW_MAX_MS) return { windowMs, warnings: [] }
  const message = `${RESUME_WINDOW_MAX_MS / 1000} s: the longest that a call lives on after its client has left`
  return {
    windowMs: RESUME_WINDOW_MAX_MS,
    warnings: [{ reason: Warning_Reason.CLAMPED, field: 'resume_window', message }],
  }
}

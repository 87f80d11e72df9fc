// How a response of the Responses API ends, read from the neutral finish reason, and the parts of its message.
import type { Answer } from './answer.ts'
import type { JsonObject } from './shape.ts'

/** The end of a response. */
export type ResponseStatus = {
  readonly status: 'completed' | 'incomplete' | 'failed' | 'in_progress'
  readonly error: JsonObject | null
  readonly incompleteReason: string | null
}

const FAILED = 'failed'

/**
 * Reads the end: `length` and `content_filter` are incomplete, `failed` (or `failed:code`) is a failure, no reason at
 * all means that the end is never told.
 */
export function statusOf(answer: Answer): ResponseStatus {
  const reason = answer.finishReason
  const none = { error: null, incompleteReason: null }
  if (reason === null) return { ...none, status: 'in_progress' }
  if (reason === 'length') return { ...none, status: 'incomplete', incompleteReason: 'max_output_tokens' }
  if (reason === 'content_filter') return { ...none, status: 'incomplete', incompleteReason: reason }
  if (!reason.startsWith(FAILED)) return { ...none, status: 'completed' }
  const code = reason.slice(FAILED.length + 1) || 'server_error'
  return {
    ...none,
    status: 'failed',
    error: { code, message: 'An error occurred while processing your request.' },
  }
}

/** The parts of a message's content. */
export const contentListOf = (text: string | null, refusal: string | null): readonly JsonObject[] => [
  ...(text === null ? [] : [{ type: 'output_text', text, annotations: [], logprobs: [] }]),
  ...(refusal === null ? [] : [{ type: 'refusal', refusal }]),
]

// Checks that tool calls and their results stand in a conversation as every provider wants them.
import { listOf, objectOf, textOf } from './shape.ts'

/** What is wrong with a history, and at which message. */
export type BrokenTurn = {
  readonly kind: 'unanswered' | 'stray' | 'duplicate' | 'empty'
  readonly index: number
  /** The call id in question; empty when there is none. */
  readonly callId: string
}

/**
 * Returns the first thing that is wrong: a call without just one result before the next turn, a result without its
 * call, an id used twice in one message, or an assistant message with neither content nor calls.
 */
export function brokenTurn(messages: readonly unknown[]): BrokenTurn | undefined {
  let open: readonly string[] = []
  let openAt = 0
  for (const [index, each] of messages.entries()) {
    const { role, tool_calls: calls, tool_call_id, content } = objectOf(each)
    if (role === 'tool') {
      const callId = textOf(tool_call_id)
      if (!open.includes(callId)) return { kind: 'stray', index, callId }
      open = open.filter(id => id !== callId)
      continue
    }
    if (open[0] !== undefined) return { kind: 'unanswered', index: openAt, callId: open[0] }
    if (role !== 'assistant') continue
    open = listOf(calls).map(call => textOf(objectOf(call)['id']))
    openAt = index
    const twice = open.find((id, at) => open.indexOf(id) !== at)
    if (twice !== undefined) return { kind: 'duplicate', index, callId: twice }
    if (open.length === 0 && (content ?? '') === '') return { kind: 'empty', index, callId: '' }
  }
  return open[0] === undefined ? undefined : { kind: 'unanswered', index: openAt, callId: open[0] }
}

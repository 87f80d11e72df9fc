// Tells the tool calls of one answer on the Responses wire, which names each by its place in the output.
import type { Delta } from '../../core/delta.ts'
import { createHalfKeeper, type HalfKeeper } from '../openai-dialect/halves.ts'
import { foreign, foreignText } from '../openai-dialect/wire.ts'

/** Tells the tool calls of one answer. `place` is the call's index in the output. */
export interface ToolCallTeller {
  /** Begins a call, once; its name and id are those of the item. Returns false when it has no name. */
  start(place: number, item: unknown, out: Delta[]): boolean
  /** Adds a piece of the arguments; one of a call that never began is ignored. */
  add(place: number, piece: unknown, out: Delta[]): void
  /** Ends a call, once, with the rest of its arguments. */
  end(place: number, args: unknown, out: Delta[]): void
  /** Ends all calls that are still open, with what there is of their arguments. */
  endAll(out: Delta[]): void
  /** Whether there are calls. */
  any(): boolean
}

interface Call {
  readonly callId: string
  args: string
  readonly halves: HalfKeeper
  open: boolean
}

const validId = /^[A-Za-z0-9_-]{1,64}$/

/** Makes a teller for one answer. A valid `call_id` that no other call has is kept; otherwise `newCallId` makes one. */
export function createToolCallTeller(newCallId: () => string): ToolCallTeller {
  const calls = new Map<number, Call>()
  const taken = new Set<string>()

  function take(call: Call, piece: string, out: Delta[]): void {
    call.args += piece
    const text = call.halves.take(piece)
    if (text !== '') out.push({ type: 'tool_call_arguments', callId: call.callId, text })
  }

  function end(call: Call, args: string, out: Delta[]): void {
    if (!call.open) return
    call.open = false
    if (args.startsWith(call.args)) take(call, args.slice(call.args.length), out)
    const half = call.halves.rest()
    if (half !== '') out.push({ type: 'tool_call_arguments', callId: call.callId, text: half })
    // The contract's empty arguments are `{}`.
    if (call.args.trim() === '') out.push({ type: 'tool_call_arguments', callId: call.callId, text: '{}' })
    out.push({ type: 'tool_call_end', callId: call.callId })
  }

  return {
    start(place, item, out) {
      if (calls.has(place)) return true
      const fields = foreign<'call_id' | 'name'>(item)
      const name = foreignText(fields?.name)
      if (name === '') return false
      const id = foreignText(fields?.call_id)
      const callId = validId.test(id) && !taken.has(id) ? id : newCallId()
      taken.add(callId)
      calls.set(place, { callId, args: '', halves: createHalfKeeper(), open: true })
      out.push({ type: 'tool_call_start', callId, name })
      return true
    },
    add(place, piece, out) {
      const call = calls.get(place)
      if (call?.open === true) take(call, foreignText(piece), out)
    },
    end(place, args, out) {
      const call = calls.get(place)
      if (call !== undefined) end(call, foreignText(args), out)
    },
    endAll(out) {
      for (const call of calls.values()) end(call, '', out)
    },
    any: () => calls.size > 0,
  }
}

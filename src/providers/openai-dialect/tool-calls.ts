// Puts tool calls together from pieces whose `index` and `id` can both be missing, repeated or wrong.
import type { Delta } from '../../core/delta.ts'
import { createHalfKeeper, type HalfKeeper } from './halves.ts'
import { foreign, foreignText } from './wire.ts'

/** Gathers the tool calls of one answer. */
export interface ToolCallReader {
  /**
   * Takes the `tool_calls` of one chunk, or of a whole message, and adds what they say to `out`. Returns false when there
   * are too many, and then adds no more.
   */
  take(pieces: readonly unknown[], out: Delta[]): boolean
  /** Ends all calls. Returns false, and adds nothing, when one of them has no name. */
  end(out: Delta[]): boolean
  /** Whether there are calls, and the arguments of each one are a whole JSON object. */
  complete(): boolean
  /** Whether there are calls. */
  any(): boolean
}

interface Call {
  readonly index: number | undefined
  upstreamId: string
  /** Empty until the name is known; nothing is told before. */
  callId: string
  name: string
  args: string
  readonly halves: HalfKeeper
  /** Number of the chunk that spoke of it last. */
  chunk: number
}

interface Piece {
  readonly index: number | undefined
  readonly id: string
  readonly name: string
  readonly args: string
}

/** Most calls of one answer; the services that say how many tools a request may have take 128. */
export const CALLS_MAX = 1024

const validId = /^[A-Za-z0-9_-]{1,64}$/

/**
 * Makes a reader for one answer. A provider's id of a call is kept when it is valid and the first of its kind, so that it
 * finds its own id in later turns; otherwise `newCallId` makes one.
 */
export function createToolCallReader(newCallId: () => string): ToolCallReader {
  const calls: Call[] = []
  const taken = new Set<string>()
  let chunk = 0

  function add(piece: Piece): Call {
    const { index, id } = piece
    const call: Call = {
      index,
      upstreamId: id,
      callId: '',
      name: '',
      args: '',
      halves: createHalfKeeper(),
      chunk,
    }
    calls.push(call)
    return call
  }

  function begin(call: Call, name: string, out: Delta[]): void {
    call.name = name
    const keeps = validId.test(call.upstreamId) && !taken.has(call.upstreamId)
    call.callId = keeps ? call.upstreamId : newCallId()
    taken.add(call.callId)
    out.push({ type: 'tool_call_start', callId: call.callId, name })
    if (call.args !== '') out.push({ type: 'tool_call_arguments', callId: call.callId, text: call.args })
  }

  function feed(piece: Piece, out: Delta[]): void {
    const call = find(calls, piece, chunk) ?? add(piece)
    call.chunk = chunk
    if (call.upstreamId === '' && call.callId === '') call.upstreamId = piece.id
    // Some hosts repeat the name in every piece: only the first one counts.
    if (call.callId === '' && piece.name !== '') begin(call, piece.name, out)
    const text = call.halves.take(piece.args)
    if (text === '') return
    call.args += text
    if (call.callId !== '') out.push({ type: 'tool_call_arguments', callId: call.callId, text })
  }

  return {
    take(pieces, out) {
      chunk += 1
      for (const value of pieces) {
        const piece = readPiece(value)
        if (piece !== undefined) feed(piece, out)
        if (calls.length > CALLS_MAX) return false
      }
      return true
    },
    end(out) {
      if (calls.some(call => call.callId === '')) return false
      for (const { callId, args, halves } of calls) {
        const text = halves.rest()
        if (text !== '') out.push({ type: 'tool_call_arguments', callId, text })
        // A function without arguments is called with an empty text by some hosts; the contract's empty is `{}`.
        if (args.trim() === '') out.push({ type: 'tool_call_arguments', callId, text: '{}' })
        out.push({ type: 'tool_call_end', callId })
      }
      return true
    },
    complete: () => calls.length > 0 && calls.every(call => call.callId !== '' && isWhole(call.args)),
    any: () => calls.length > 0,
  }
}

/** The call that a piece goes on with, or undefined when it begins a new one. */
function find(calls: readonly Call[], piece: Piece, chunk: number): Call | undefined {
  const { index, id, name } = piece
  const byId = id === '' ? undefined : calls.findLast(call => call.upstreamId === id)
  // The same id under another index is a host that gives all calls one id.
  if (byId !== undefined && (index === undefined || byId.index === undefined || byId.index === index))
    return byId
  const last = index === undefined ? calls.at(-1) : calls.findLast(call => call.index === index)
  if (last === undefined || name === '') return last
  if (id !== '' && last.upstreamId !== '') return undefined
  if (last.name !== '' && last.name !== name) return undefined
  // The same name again, and nothing to tell the calls apart: a new call if the last one can be over.
  if (last.name === '') return last
  return isWhole(last.args) || (index === undefined && last.chunk === chunk) ? undefined : last
}

function readPiece(value: unknown): Piece | undefined {
  const fields = foreign<'index' | 'id' | 'function'>(value)
  const body = foreign<'name' | 'arguments'>(fields?.function)
  if (fields === undefined || body === undefined) return undefined
  const { arguments: args } = body
  return {
    index: Number.isSafeInteger(fields.index) ? Number(fields.index) : undefined,
    id: typeof fields.id === 'number' ? String(fields.id) : foreignText(fields.id),
    name: foreignText(body.name),
    args: typeof args === 'object' && args !== null ? JSON.stringify(args) : foreignText(args),
  }
}

function isWhole(args: string): boolean {
  if (!args.trimEnd().endsWith('}')) return false
  try {
    return foreign(JSON.parse(args)) !== undefined
  } catch {
    // The rest is still to come, or never will.
    return false
  }
}

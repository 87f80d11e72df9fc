// An answer as it grows: takes a provider's deltas and gives the message, in full and less what was already sent.
import type { JsonObject, MessageInitShape } from '@bufbuild/protobuf'
import { FinishReason, type MessageSchema, type PartSchema, Role } from '#gen/exai/v1/chat_pb'
import { type Delta, soundCounts, type TokenCounts } from '../core/delta.ts'

type MessageInit = MessageInitShape<typeof MessageSchema>
type PartInit = MessageInitShape<typeof PartSchema>

type Piece =
  | { readonly type: 'text'; text: string }
  | {
      readonly type: 'reasoning'
      text: string
      opaque: Uint8Array | undefined
      readonly origin: AnswerOrigin
    }
  | { readonly type: 'tool_call'; readonly callId: string; readonly name: string; arguments: string }
  | { readonly type: 'citation'; readonly url: string; readonly title: string; readonly text: string }

/** Who answers; stamped on reasoning parts, so that sealed reasoning never goes to somebody else. */
export interface AnswerOrigin {
  readonly provider: string
  readonly model: string
}

/** An answer as it grows. */
export interface Answer {
  /** From now on somebody else answers: who first answers, or goes on with a text that broke. */
  from(origin: AnswerOrigin): void
  /** Takes the next step. Deltas of tool calls that never started are ignored. */
  add(delta: Delta): void
  /** Whether the model has put out anything. */
  hasOutput(): boolean
  /** The message so far, whole. */
  message(partial: boolean): MessageInit
  /** The message so far with empty texts, for a client that has them already. Parts stay in their places. */
  strippedMessage(): MessageInit
  /** The text so far, if somebody else could go on with it: it ends in text, and no tool was called. Otherwise undefined. */
  openText(): string | undefined
  /** Text, reasoning and tool calls put out so far, to be counted when the provider reports no usage. What is cited was not written by the model. */
  writtenTexts(): readonly string[]
  counts(): TokenCounts | undefined
  finishReason(): FinishReason
  responseId(): string
  metadata(): JsonObject | undefined
}

/**
 * Makes an empty answer. Consecutive text makes one part, and so does consecutive reasoning; a tool call between two
 * texts parts them. A citation does not, and neither does sealed reasoning without any text: clients see no event for
 * them, and must be able to rebuild the parts from events.
 */
export function createAnswer(): Answer {
  const pieces: Piece[] = []
  const calls = new Map<string, Extract<Piece, { type: 'tool_call' }>>()
  let last: Piece | undefined
  let counts: TokenCounts | undefined
  let finish: FinishReason = FinishReason.UNSPECIFIED
  let responseId = ''
  let metadata: JsonObject | undefined
  let origin: AnswerOrigin = { provider: '', model: '' }

  function push<P extends Piece>(piece: P): P {
    pieces.push(piece)
    const isSeen = piece.type !== 'citation' && (piece.type !== 'reasoning' || piece.text !== '')
    if (isSeen) last = piece
    return piece
  }

  function add(delta: Delta): void {
    switch (delta.type) {
      case 'text':
        if (last?.type === 'text') last.text += delta.text
        else push({ type: 'text', text: delta.text })
        return
      case 'reasoning':
        if (last?.type === 'reasoning') last.text += delta.text
        else push({ type: 'reasoning', text: delta.text, opaque: undefined, origin })
        return
      case 'reasoning_opaque':
        if (last?.type === 'reasoning') last.opaque = delta.opaque
        else push({ type: 'reasoning', text: '', opaque: delta.opaque, origin })
        return
      case 'tool_call_start':
        calls.set(
          delta.callId,
          push({ type: 'tool_call', callId: delta.callId, name: delta.name, arguments: '' }),
        )
        return
      case 'tool_call_arguments': {
        const call = calls.get(delta.callId)
        if (call !== undefined) call.arguments += delta.text
        return
      }
      case 'tool_call_end':
        return
      case 'citation':
        push({ type: 'citation', url: delta.url, title: delta.title, text: delta.text })
        return
      case 'usage':
        counts = soundCounts(delta.counts)
        return
      case 'meta':
        if (delta.responseId !== undefined) responseId = delta.responseId
        if (delta.metadata !== undefined) metadata = { ...metadata, ...delta.metadata }
        return
      case 'finish':
        finish = delta.reason
        return
      default:
        delta satisfies never
    }
  }

  return {
    from(who) {
      origin = who
    },
    add,
    hasOutput: () => pieces.length > 0,
    message: partial => ({
      role: Role.ASSISTANT,
      content: pieces.map(piece => partOf(piece, false)),
      partial,
    }),
    strippedMessage: () => ({
      role: Role.ASSISTANT,
      content: pieces.map(piece => partOf(piece, true)),
    }),
    openText() {
      if (last?.type !== 'text' || calls.size > 0 || finish !== FinishReason.UNSPECIFIED) return undefined
      return pieces.map(piece => (piece.type === 'text' ? piece.text : '')).join('')
    },
    writtenTexts: () =>
      pieces
        .filter(piece => piece.type !== 'citation')
        .map(piece => (piece.type === 'tool_call' ? piece.name + piece.arguments : piece.text)),
    counts: () => counts,
    finishReason: () => finish,
    responseId: () => responseId,
    metadata: () => metadata,
  }
}

function partOf(piece: Piece, stripped: boolean): PartInit {
  switch (piece.type) {
    case 'text':
      return { kind: { case: 'text', value: stripped ? '' : piece.text } }
    case 'reasoning':
      return {
        kind: {
          case: 'reasoning',
          value: {
            text: stripped ? '' : piece.text,
            ...(piece.opaque === undefined ? {} : { opaque: piece.opaque }),
            ...piece.origin,
          },
        },
      }
    case 'tool_call':
      return {
        kind: {
          case: 'toolCall',
          value: { callId: piece.callId, name: piece.name, arguments: piece.arguments || '{}' },
        },
      }
    case 'citation':
      return {
        kind: { case: 'citation', value: { url: piece.url, title: piece.title, text: piece.text } },
      }
    default:
      return piece satisfies never
  }
}

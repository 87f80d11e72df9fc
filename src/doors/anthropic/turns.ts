// Turns of Anthropic's messages as messages of ours: results of tools, which stand in a user's turn there, have one of their own.
import { create } from '@bufbuild/protobuf'
import { type Message, MessageSchema, type Part, Role } from '#gen/exai/v1/chat_pb'
import type { Fields } from '../http/fields.ts'
import type { Notes } from '../http/notes.ts'
import { unsupportedField, wrongField } from '../http/refusal.ts'
import { argumentsText } from './arguments.ts'
import { blockParts, blocksOf, partOf, textPart } from './content.ts'
import { openSeal, type Seal } from './seal.ts'

/** The messages that a turn stands for. Throws what the client is to be told. */
export function turnMessages(turn: Fields, notes: Notes): readonly Message[] {
  const role = turn.needText('role')
  if (turn.raw('content') === undefined) throw wrongField(turn.at('content'), 'is required')
  switch (role) {
    case 'user':
      return userMessages(turn, notes)
    case 'assistant':
      return [messageOf(Role.ASSISTANT, assistantParts(turn, notes))]
    case 'system':
      return [systemMessage(turn, 'content', notes)]
    default:
      throw wrongField(turn.at('role'), 'must be user, assistant or system')
  }
}

/** What a system prompt says, wherever it stands. */
export function systemMessage(fields: Fields, name: string, notes: Notes): Message {
  return messageOf(
    Role.SYSTEM,
    blocksOf(fields, name).flatMap(block => blockParts(block, notes)),
  )
}

function messageOf(role: Role, content: readonly Part[]): Message {
  return create(MessageSchema, { role, content: [...content] })
}

function userMessages(turn: Fields, notes: Notes): readonly Message[] {
  const messages: Message[] = []
  const add = (role: Role, parts: readonly Part[]): void => {
    const last = messages.at(-1)
    if (last?.role === role) last.content.push(...parts)
    else messages.push(messageOf(role, parts))
  }
  for (const block of blocksOf(turn, 'content')) {
    if (block.needText('type') === 'tool_result') add(Role.TOOL, [resultPart(block, notes)])
    else add(Role.USER, blockParts(block, notes))
  }
  if (messages.length === 0) throw wrongField(turn.at('content'), 'needs at least one block')
  return messages
}

function resultPart(block: Fields, notes: Notes): Part {
  const content = blocksOf(block, 'content').flatMap(inner => blockParts(inner, notes))
  return partOf({
    case: 'toolResult',
    value: {
      callId: block.needText('tool_use_id'),
      content: content.length === 0 ? [textPart('')] : [...content],
      isError: block.flag('is_error') ?? false,
    },
  })
}

/** What tools that Anthropic runs itself have left in a chat. */
const SERVER_BLOCK = /^(?:server_tool_use|container_upload|[a-z0-9_]+_tool_result)$/

interface Piece {
  readonly part: Part
  /** Where among the parts it belongs, when it was sent apart from there. */
  readonly at?: number | undefined
}

function assistantParts(turn: Fields, notes: Notes): readonly Part[] {
  const pieces = blocksOf(turn, 'content').flatMap(block => assistantPieces(block, notes))
  const parts = pieces.filter(({ at }) => at === undefined).map(({ part }) => part)
  for (const piece of pieces) if (piece.at !== undefined) putBack(parts, piece.part, piece.at)
  return parts.length === 0 ? [textPart('')] : parts
}

// A stream says what is sealed at its end; the model wants it where it was thought.
function putBack(parts: Part[], part: Part, at: number): void {
  const kind = parts[at]?.kind
  if (kind?.case !== 'reasoning' || part.kind.case !== 'reasoning' || kind.value.opaque.byteLength > 0)
    parts.splice(at, 0, part)
  else parts[at] = partOf({ case: 'reasoning', value: { ...part.kind.value, text: kind.value.text } })
}

function assistantPieces(block: Fields, notes: Notes): readonly Piece[] {
  const type = block.needText('type')
  switch (type) {
    case 'text': {
      const text = block.needText('text')
      return text === '' ? [] : [{ part: textPart(text) }]
    }
    case 'thinking':
      return thought(block.needText('thinking'), openSeal(block.text('signature') ?? ''))
    case 'redacted_thinking': {
      const seal = openSeal(block.needText('data'))
      if (seal === undefined) notes.dropped(block.path, 'only the service that sealed it can read it')
      return seal === undefined ? [] : thought('', seal)
    }
    case 'tool_use':
      return [{ part: callPart(block) }]
    default:
      if (!SERVER_BLOCK.test(type))
        throw unsupportedField(
          block.at('type'),
          `${JSON.stringify(type.slice(0, 64))} is not known: send text, thinking, redacted_thinking or tool_use`,
        )
      notes.dropped(block.path, 'tools that another service runs have no counterpart here')
      return []
  }
}

function thought(text: string, seal: Seal | undefined): readonly Piece[] {
  const { provider = '', model = '', opaque = new Uint8Array(), at } = seal ?? {}
  if (text === '' && opaque.byteLength === 0) return []
  const value = { text, opaque: new Uint8Array(opaque), provider, model }
  return [{ part: partOf({ case: 'reasoning', value }), at }]
}

function callPart(block: Fields): Part {
  const input = block.needObject('input').rest()
  return partOf({
    case: 'toolCall',
    value: {
      callId: block.needText('id'),
      name: block.needText('name'),
      arguments: argumentsText(input),
    },
  })
}

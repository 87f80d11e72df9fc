// Messages of a chat completion as ours.
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import {
  type Message,
  MessageSchema,
  type Part,
  PartSchema,
  type ReasoningSchema,
  Role,
} from '#gen/exai/v1/chat_pb'
import type { Fields } from '../http/fields.ts'
import type { Notes } from '../http/notes.ts'
import { unsupportedField, wrongField } from '../http/refusal.ts'
import { bytesOf, contentParts, textPart } from './content.ts'

/** A message of a chat completion as ours. Throws what the client is to be told. */
export function messageOf(fields: Fields, notes: Notes): Message {
  const role = fields.needText('role')
  const message = (ours: Role, content: readonly Part[]): Message =>
    create(MessageSchema, { role: ours, content: [...content] })
  switch (role) {
    case 'system':
    case 'developer':
      noteName(fields, notes)
      return message(Role.SYSTEM, neededContent(fields))
    case 'user':
      noteName(fields, notes)
      return message(Role.USER, neededContent(fields))
    case 'assistant':
      noteName(fields, notes)
      return message(Role.ASSISTANT, assistantParts(fields))
    case 'tool':
      return message(Role.TOOL, [resultPart(fields)])
    case 'function':
      throw unsupportedField(fields.at('role'), '"function" is not taken: use tools, and the role "tool"')
    default:
      throw wrongField(fields.at('role'), 'must be system, developer, user, assistant or tool')
  }
}

function noteName(fields: Fields, notes: Notes): void {
  if (fields.text('name') !== undefined)
    notes.dropped(fields.at('name'), 'who speaks within a role is not told to models here')
}

function neededContent(fields: Fields): readonly Part[] {
  const content = fields.raw('content')
  if (content === undefined) throw wrongField(fields.at('content'), 'is required')
  return contentParts(content, fields.at('content'))
}

// Clients send back what they got: reasoning first, then the text, then the calls.
function assistantParts(fields: Fields): readonly Part[] {
  if (fields.raw('function_call') !== undefined)
    throw unsupportedField(fields.at('function_call'), 'is not taken: use tool_calls')
  if (fields.raw('audio') !== undefined)
    throw unsupportedField(fields.at('audio'), 'is not taken: answers are text')
  const refusal = fields.text('refusal') ?? ''
  const said = contentParts(fields.raw('content'), fields.at('content')).filter(
    ({ kind }) => kind.case !== 'text' || kind.value !== '',
  )
  const calls = fields.objects('tool_calls').map(callPart)
  const parts = [...reasoningParts(fields), ...said, ...(refusal === '' ? [] : [textPart(refusal)]), ...calls]
  if (parts.length === 0 && fields.raw('content') === undefined)
    throw wrongField(fields.at('content'), 'is required unless tool_calls is there')
  return parts.length === 0 ? [textPart('')] : parts
}

// What a provider has sealed stands in `exai`, as it was given; the text beside it belongs to the first of it.
function reasoningParts(fields: Fields): readonly Part[] {
  const text = fields.text('reasoning_content') ?? ''
  const sealed = fields.object('exai')?.objects('reasoning') ?? []
  if (sealed.length === 0) return text === '' ? [] : [reasoningPart({ text })]
  return sealed.map((one, index) =>
    reasoningPart({
      text: index === 0 ? text : '',
      opaque: bytesOf(one.needText('opaque'), one.at('opaque')),
      provider: one.needText('provider'),
      model: one.needText('model'),
    }),
  )
}

function reasoningPart(value: MessageInitShape<typeof ReasoningSchema>): Part {
  return create(PartSchema, { kind: { case: 'reasoning', value } })
}

function callPart(call: Fields): Part {
  const type = call.text('type') ?? 'function'
  if (type !== 'function') throw unsupportedField(call.at('type'), 'must be "function"')
  const asked = call.needObject('function')
  return create(PartSchema, {
    kind: {
      case: 'toolCall',
      value: {
        callId: call.needText('id'),
        name: asked.needText('name'),
        arguments: asked.text('arguments') ?? '',
      },
    },
  })
}

function resultPart(fields: Fields): Part {
  return create(PartSchema, {
    kind: {
      case: 'toolResult',
      value: { callId: fields.needText('tool_call_id'), content: [...neededContent(fields)] },
    },
  })
}

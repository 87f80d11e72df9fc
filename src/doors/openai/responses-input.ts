// The input of the Responses API as messages of ours: items that one side says in a row are one message.
import { create, type JsonValue, type MessageInitShape } from '@bufbuild/protobuf'
import { type Message, MessageSchema, type Part, PartSchema, Role } from '#gen/exai/v1/chat_pb'
import { elementOf, type Fields } from '../http/fields.ts'
import type { Notes } from '../http/notes.ts'
import { unsupportedField, wrongField } from '../http/refusal.ts'
import { fileDataPart, mediaPart, textPart } from './content.ts'
import { openThought } from './responses-seal.ts'

/** The messages of an input: a text, or a list of items. Throws what the client is to be told. */
export function inputMessages(input: JsonValue | undefined, notes: Notes): readonly Message[] {
  if (input === undefined) throw wrongField('input', 'is required')
  if (typeof input === 'string') return [messageOf(Role.USER, [textPart(input)])]
  if (!Array.isArray(input)) throw wrongField('input', 'must be a string or an array of items')
  const turns = createTurns()
  for (const [index, value] of input.entries()) turns.add(itemOf(elementOf(value, `input[${index}]`), notes))
  return turns.messages()
}

/** One message. */
export function messageOf(role: Role, content: readonly Part[]): Message {
  return create(MessageSchema, { role, content: [...content] })
}

interface Piece {
  readonly part: Part
  /** Where among the parts of its message it belongs, when it was told apart from there. */
  readonly at?: number | undefined
}

/** What an item says. */
interface Item {
  readonly role: Role
  readonly pieces: readonly Piece[]
  /** Whether it goes on with the message before it, if that has the same role. */
  readonly goesOn: boolean
}

interface Turns {
  add(item: Item | undefined): void
  messages(): readonly Message[]
}

function createTurns(): Turns {
  const turns: { role: Role; pieces: Piece[]; hasText: boolean }[] = []
  return {
    add(item) {
      if (item === undefined) return
      const { role, pieces, goesOn } = item
      const last = turns.at(-1)
      if (last?.role === role && goesOn) last.pieces.push(...pieces)
      // Thoughts and calls stand around the text of their turn; a second text is a turn of its own.
      else if (last?.role === role && role === Role.ASSISTANT && !last.hasText) {
        last.pieces.push(...pieces)
        last.hasText = true
      } else turns.push({ role, pieces: [...pieces], hasText: !goesOn })
    },
    messages: () => turns.map(({ role, pieces }) => messageOf(role, inPlace(pieces))),
  }
}

function inPlace(pieces: readonly Piece[]): readonly Part[] {
  const parts = pieces.filter(({ at }) => at === undefined).map(({ part }) => part)
  for (const { part, at } of pieces) if (at !== undefined) putBack(parts, part, at)
  return parts.length === 0 ? [textPart('')] : parts
}

// A stream tells what is sealed at its end; the model wants it where it was thought.
function putBack(parts: Part[], part: Part, at: number): void {
  const there = parts[at]?.kind
  if (there?.case !== 'reasoning' || part.kind.case !== 'reasoning' || there.value.opaque.byteLength > 0)
    parts.splice(at, 0, part)
  else parts[at] = partOf({ case: 'reasoning', value: { ...part.kind.value, text: there.value.text } })
}

/** What tools that OpenAI runs itself, or lets its clients run, have left in a chat. */
const FOREIGN_ITEM = /_(?:call|call_output|list_tools|approval_request|approval_response)$/

function itemOf(item: Fields, notes: Notes): Item | undefined {
  // Messages need not say that they are some.
  const type = item.text('type') ?? 'message'
  switch (type) {
    case 'message':
      return messageItem(item)
    case 'function_call':
      return { role: Role.ASSISTANT, pieces: [{ part: callPart(item) }], goesOn: true }
    case 'function_call_output':
      return { role: Role.TOOL, pieces: [{ part: resultPart(item) }], goesOn: true }
    case 'reasoning':
      return reasoningItem(item, notes)
    case 'item_reference':
      throw unsupportedField(item.at('type'), '"item_reference" is not taken: send the item itself')
    case 'web_search_call':
      notes.dropped(item.path, 'that a search was made is not told to models here')
      return undefined
    default:
      throw unsupportedField(
        item.at('type'),
        FOREIGN_ITEM.test(type)
          ? `${JSON.stringify(type.slice(0, 64))} is not taken: functions are all the tools that can be called`
          : `${JSON.stringify(type.slice(0, 64))} is not known: send message, function_call, function_call_output or reasoning`,
      )
  }
}

const ROLES: Readonly<Record<string, Role>> = {
  system: Role.SYSTEM,
  developer: Role.SYSTEM,
  user: Role.USER,
  assistant: Role.ASSISTANT,
}

function messageItem(item: Fields): Item {
  const word = item.needText('role')
  const role = Object.hasOwn(ROLES, word) ? ROLES[word] : undefined
  if (role === undefined) throw wrongField(item.at('role'), 'must be system, developer, user or assistant')
  const parts = partsOf(item, 'content')
  // A text of nothing says nothing beside anything else.
  const said =
    role === Role.ASSISTANT ? parts.filter(({ kind }) => kind.case !== 'text' || kind.value !== '') : parts
  return { role, pieces: said.map(part => ({ part })), goesOn: false }
}

function partsOf(item: Fields, name: string): readonly Part[] {
  const content = item.raw(name)
  if (content === undefined) throw wrongField(item.at(name), 'is required')
  if (typeof content === 'string') return [textPart(content)]
  if (!Array.isArray(content)) throw wrongField(item.at(name), 'must be a string or an array of parts')
  const parts = content.map((value, index) => contentPart(elementOf(value, `${item.at(name)}[${index}]`)))
  return parts.length === 0 ? [textPart('')] : parts
}

function contentPart(part: Fields): Part {
  const type = part.needText('type')
  switch (type) {
    case 'input_text':
    case 'output_text':
    case 'text':
      return textPart(part.needText('text'))
    case 'refusal':
      return textPart(part.needText('refusal'))
    case 'input_image':
      return imagePart(part)
    case 'input_file':
      return filePart(part)
    default:
      throw unsupportedField(
        part.at('type'),
        `${JSON.stringify(type.slice(0, 64))} is not known: send input_text, input_image, input_file or output_text`,
      )
  }
}

function imagePart(part: Fields): Part {
  const detail = part.text('detail')
  const more = detail === undefined ? {} : { detail }
  const id = part.text('file_id')
  if (id !== undefined)
    return partOf({ case: 'media', value: { ...more, source: { case: 'fileId', value: id } } })
  const url = part.text('image_url')
  if (url === undefined) throw wrongField(part.path, 'needs image_url or file_id')
  return mediaPart(url, part.at('image_url'), more)
}

function filePart(part: Fields): Part {
  const filename = part.text('filename') ?? ''
  const id = part.text('file_id')
  if (id !== undefined)
    return partOf({ case: 'media', value: { filename, source: { case: 'fileId', value: id } } })
  const data = part.text('file_data')
  if (data !== undefined) return fileDataPart(data, part.at('file_data'), filename)
  const url = part.text('file_url')
  if (url === undefined) throw wrongField(part.path, 'needs file_id, file_data or file_url')
  return mediaPart(url, part.at('file_url'), { filename })
}

function callPart(item: Fields): Part {
  return partOf({
    case: 'toolCall',
    value: {
      callId: item.needText('call_id'),
      name: item.needText('name'),
      arguments: item.text('arguments') ?? '',
    },
  })
}

function resultPart(item: Fields): Part {
  return partOf({
    case: 'toolResult',
    value: { callId: item.needText('call_id'), content: [...partsOf(item, 'output')] },
  })
}

function reasoningItem(item: Fields, notes: Notes): Item | undefined {
  const texts = [...item.objects('summary'), ...item.objects('content')].map(part => part.text('text') ?? '')
  const text = texts.filter(one => one !== '').join('\n\n')
  const encrypted = item.text('encrypted_content') ?? ''
  const seal = openThought(encrypted)
  if (seal === undefined && encrypted !== '')
    notes.dropped(item.at('encrypted_content'), 'only the service that sealed it can read it')
  const { provider = '', model = '', opaque = new Uint8Array(), at } = seal ?? {}
  if (text === '' && opaque.byteLength === 0) return undefined
  const value = { text, provider, model, opaque: new Uint8Array(opaque) }
  return { role: Role.ASSISTANT, pieces: [{ part: partOf({ case: 'reasoning', value }), at }], goesOn: true }
}

type Kind = NonNullable<MessageInitShape<typeof PartSchema>['kind']>

function partOf(kind: Kind): Part {
  return create(PartSchema, { kind })
}

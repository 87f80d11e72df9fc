// Turns messages of the contract into the instructions and input items of the Responses wire.
import { type Media, type Message, type Part, Role, type ToolResult } from '#gen/exai/v1/chat_pb'
import { isOfficeType } from '../file-forms.ts'
import { uploadName } from '../file-name.ts'
import { type GivenInput, namesCopy } from '../given.ts'
import { wireCallId } from '../openai-dialect/assistant.ts'
import type { Dialect } from '../openai-dialect/dialect.ts'
import { dataUrl, mediaPart, mediaType } from '../openai-dialect/media.ts'
import { type Note, unsupported } from '../openai-dialect/notes.ts'
import { unseal } from './sealed.ts'
import type { WireItem, WirePart } from './wire.ts'

/** What the messages become on the wire. */
export interface Input {
  /** The system messages that stand before all others; undefined when there are none. */
  readonly instructions: string | undefined
  readonly input: readonly WireItem[]
}

interface Work {
  readonly input: GivenInput
  readonly dialect: Dialect
  readonly note: Note
  /** Ids of the reasoning items that are in the input already. */
  readonly replayed: Set<string>
}

/** Builds the input, in the order of the messages. Throws UNSUPPORTED for a part that cannot be sent at all. */
export function buildInput(input: GivenInput, dialect: Dialect, note: Note): Input {
  const work: Work = { input, dialect, note, replayed: new Set() }
  const { messages } = input
  const firstOther = messages.findIndex(({ role }) => role !== Role.SYSTEM)
  // A chat of nothing but system messages has to have an input, too.
  const leading = Math.max(0, firstOther)
  const texts = messages
    .slice(0, leading)
    .map(({ content }, index) => plainText(work, content, pathOf(input, index)))
  return {
    instructions: texts.length === 0 ? undefined : texts.join('\n\n'),
    input: messages.flatMap((message, index) =>
      index < leading ? [] : wireItems(work, message, pathOf(input, index)),
    ),
  }
}

// What is new stands at the end of the whole chat: callers are told of the indices that they wrote.
function pathOf({ messages, request }: GivenInput, index: number): string {
  const kept = Math.max(0, messages.length - request.messages.length)
  return index < kept ? `conversation[${index}]` : `messages[${index - kept}]`
}

function wireItems(work: Work, { role, content }: Message, path: string): readonly WireItem[] {
  switch (role) {
    case Role.SYSTEM:
      // In the middle of a chat its place means something, and `instructions` have none.
      return message('developer', [{ type: 'input_text', text: plainText(work, content, path) }])
    case Role.USER:
      return message('user', userParts(work, content, path))
    case Role.ASSISTANT:
      return assistantItems(work, content, path)
    case Role.TOOL:
      return content.flatMap(({ kind }, index) =>
        kind.case === 'toolResult' ? [toolOutput(work, kind.value, `${path}.content[${index}]`)] : [],
      )
    default:
      // Roles of a later contract: requests with them are refused before they come here.
      return []
  }
}

function message(
  role: 'developer' | 'user' | 'assistant',
  content: readonly WirePart[],
): readonly WireItem[] {
  return content.length === 0 ? [] : [{ type: 'message', role, content }]
}

function userParts(work: Work, parts: readonly Part[], path: string): readonly WirePart[] {
  return parts.flatMap(({ kind }, index): readonly WirePart[] => {
    if (kind.case === 'text') return [{ type: 'input_text', text: kind.value }]
    const field = `${path}.content[${index}]`
    if (kind.case === 'media') return [inputMedia(work, kind.value, field)]
    work.note('DROPPED', field, `a user message takes no ${kind.case ?? 'empty part'} here`)
    return []
  })
}

function inputMedia({ input, dialect, note }: Work, media: Media, field: string): WirePart {
  const type = mediaType(media)
  const { source, detail } = media
  const isCopy = namesCopy(input, media)
  if (source.case === 'fileId' && isCopy && type.startsWith('image/'))
    return { type: 'input_image', file_id: source.value, detail: detail || 'auto' }
  // Unlike chat completions, this wire reads office documents, of which it makes text for any model, and PDF by its URL.
  if (isOfficeType(type)) {
    if (source.case === 'fileId' && isCopy) return { type: 'input_file', file_id: source.value }
    if (source.case === 'data')
      return {
        type: 'input_file',
        filename: uploadName(media.filename, type),
        file_data: dataUrl(type, source.value),
      }
  }
  const byUrl = source.case === 'url' && type === 'application/pdf'
  const forms: Dialect = byUrl ? { ...dialect, media: ['file_url'] } : dialect
  const part = mediaPart(input, forms, media, field, note)
  switch (part.type) {
    case 'image_url': {
      const { url, detail } = part.image_url
      return { type: 'input_image', image_url: url, detail: detail ?? 'auto' }
    }
    case 'file':
      return { type: 'input_file', ...part.file }
    case 'file_url':
      return { type: 'input_file', file_url: part.file_url.url }
    default:
      throw unsupported(input, field, `${input.model.provider} takes no ${media.mimeType} at this endpoint`)
  }
}

// The endpoint's own refusal names it; ids of other providers may be longer, and are shortened alike in call and result.
const CALL_ID_CHARS_MAX = 64

function assistantItems(work: Work, parts: readonly Part[], path: string): readonly WireItem[] {
  const items: WireItem[] = []
  let text = ''
  const endText = () => {
    if (text !== '') items.push(...message('assistant', [{ type: 'output_text', text }]))
    text = ''
  }
  for (const [index, { kind }] of parts.entries()) {
    if (kind.case === 'text') {
      text += kind.value
      continue
    }
    const field = `${path}.content[${index}]`
    if (kind.case === 'toolCall') {
      endText()
      const { callId, name, arguments: args } = kind.value
      const id = wireCallId(callId, CALL_ID_CHARS_MAX)
      items.push({ type: 'function_call', call_id: id, name, arguments: args === '' ? '{}' : args })
    } else if (kind.case === 'reasoning') {
      const { provider, opaque } = kind.value
      // Another provider's thoughts are not this one's, and text alone cannot be sent.
      if (provider !== work.input.model.provider || opaque.length === 0) continue
      endText()
      items.push(...replay(work, opaque, field))
    } else if (kind.case === 'media') work.note('DROPPED', field, 'an assistant message takes no media here')
    // Citations are notes beside the text, and nothing that a model reads again.
  }
  endText()
  return withoutLoneReasoning(items)
}

function replay(work: Work, opaque: Uint8Array, field: string): readonly WireItem[] {
  const sealed = unseal(opaque)
  if (sealed === undefined) {
    work.note(
      'DROPPED',
      `${field}.reasoning.opaque`,
      `is nothing that ${work.input.model.provider} has sealed`,
    )
    return []
  }
  return sealed.filter(({ id }) => {
    // An item that comes twice is refused.
    const isNew = !work.replayed.has(id)
    work.replayed.add(id)
    return isNew
  })
}

/**
 * Leaves out reasoning that nothing follows in its turn, as in an answer that was cut off: it is refused ("provided
 * without its required following item"), and has led to nothing that the model would have to understand.
 */
function withoutLoneReasoning(items: readonly WireItem[]): readonly WireItem[] {
  return items.slice(0, items.findLastIndex(({ type }) => type !== 'reasoning') + 1)
}

function toolOutput(work: Work, result: ToolResult, path: string): WireItem {
  // The wire has no such mark, and the model reads the text, which says how the tool failed.
  if (result.isError) work.note('NOTICE', `${path}.tool_result.is_error`, 'the mark is not sent, the text is')
  return {
    type: 'function_call_output',
    call_id: wireCallId(result.callId, CALL_ID_CHARS_MAX),
    output: plainText(work, result.content, `${path}.tool_result`),
  }
}

function plainText(work: Work, parts: readonly Part[], path: string): string {
  const texts = parts.flatMap(({ kind }, index) => {
    if (kind.case === 'text') return [kind.value]
    work.note('DROPPED', `${path}.content[${index}]`, 'only text can stand here')
    return []
  })
  return texts.join('\n')
}

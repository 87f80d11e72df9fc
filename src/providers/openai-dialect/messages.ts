// Turns messages of the contract into messages of the chat completions wire.
import { type Media, type Message, type Part, Role, type ToolResult } from '#gen/exai/v1/chat_pb'
import type { AttemptInput } from '../../core/provider.ts'
import { assistantMessage, wireCallId } from './assistant.ts'
import type { Dialect } from './dialect.ts'
import { mediaPart } from './media.ts'
import { type Note, unsupported } from './notes.ts'
import { isThinker } from './sampling.ts'
import { willThink } from './thinking.ts'
import type { WireMessage, WirePart } from './wire.ts'
import type { Work } from './work.ts'

// Kimi refuses empty texts, and a tool may well return nothing.
const NOTHING = '(empty)'

/** Builds the wire's messages, in order. Throws UNSUPPORTED for a part that cannot be sent at all. */
export function buildMessages(input: AttemptInput, dialect: Dialect, note: Note): readonly WireMessage[] {
  const work: Work = { input, dialect, note, thinks: willThink(input, dialect), forms: new Set() }
  // What is new stands at the end of the whole chat: callers are told of the indices that they wrote.
  const kept = Math.max(0, input.messages.length - input.request.messages.length)
  const placed = input.messages.map((message, index) => ({
    message,
    path: index < kept ? `conversation[${index}]` : `messages[${index - kept}]`,
  }))
  const rest =
    dialect.oneSystemMessage === true ? placed.filter(({ message }) => message.role !== Role.SYSTEM) : placed
  return [
    ...(dialect.oneSystemMessage === true ? mergedSystem(work, placed) : []),
    ...rest.flatMap(({ message, path }) => wireMessages(work, message, path)),
    ...begunAnswer(input, dialect),
  ]
}

/** The beginning of the answer, which the model goes on with. */
function begunAnswer({ prefill }: AttemptInput, dialect: Dialect): readonly WireMessage[] {
  if (prefill === undefined || dialect.prefill === undefined) return []
  return [{ role: 'assistant', content: prefill, partial: true }]
}

interface Placed {
  readonly message: Message
  readonly path: string
}

function mergedSystem(work: Work, placed: readonly Placed[]): readonly WireMessage[] {
  const texts = placed.flatMap(({ message, path }, index) => {
    if (message.role !== Role.SYSTEM) return []
    const leads = placed.slice(0, index).every(before => before.message.role === Role.SYSTEM)
    // Joining those at the beginning changes nothing; a later one loses its place.
    if (!leads) work.note('CHANGED', path, 'moved to the beginning, the only place of a system message here')
    return [plainText(work, message.content, path, '\n')]
  })
  return texts.length === 0 ? [] : [{ role: 'system', content: texts.join('\n\n') }]
}

function wireMessages(work: Work, message: Message, path: string): readonly WireMessage[] {
  switch (message.role) {
    case Role.SYSTEM:
      return [{ role: systemRole(work), content: plainText(work, message.content, path, '\n') }]
    case Role.USER:
      return [{ role: 'user', content: userContent(work, message.content, path) }]
    case Role.ASSISTANT:
      return assistantMessage(work, message.content, path)
    case Role.TOOL:
      return message.content.flatMap(({ kind }, index) =>
        kind.case === 'toolResult' ? [toolMessage(work, kind.value, `${path}.content[${index}]`)] : [],
      )
    default:
      // Roles of a later contract: requests with them are refused before they come here.
      return []
  }
}

function systemRole({ input, dialect }: Work): 'system' | 'developer' {
  return isThinker(input.model) ? dialect.thinkerSystemRole : 'system'
}

function userContent(work: Work, parts: readonly Part[], path: string): string | readonly WirePart[] {
  const alone = onlyText(parts)
  if (alone !== undefined) return filled(work, alone)
  const wire = parts.flatMap(({ kind }, index): readonly WirePart[] => {
    if (kind.case === 'text') return [{ type: 'text', text: kind.value }]
    const field = `${path}.content[${index}]`
    if (kind.case === 'media') return [mediumOf(work, kind.value, field)]
    work.note('DROPPED', field, `a user message takes no ${kind.case ?? 'empty part'} here`)
    return []
  })
  const texts = wire.flatMap(part => (part.type === 'text' ? [part.text] : []))
  // A string is what every host reads; some know no list, or lists only of models with eyes.
  if (wire.length === texts.length && (wire.length === 1 || work.dialect.plainStrings === true))
    return filled(work, texts.join('\n'))
  return work.dialect.plainStrings === true
    ? wire.filter(part => part.type !== 'text' || part.text !== '')
    : wire
}

function mediumOf({ input, dialect, note, forms }: Work, media: Media, field: string): WirePart {
  const part = mediaPart(input, dialect, media, field, note)
  if (part.type === 'text') return part
  forms.add(part.type)
  // GLM reads documents or pictures, and not both.
  if (forms.size > 1 && dialect.mediaApart?.some(form => forms.has(form)))
    throw unsupported(
      input,
      field,
      `${input.model.provider} reads no ${[...forms].join(' and ')} in one request`,
    )
  return part
}

function toolMessage(work: Work, result: ToolResult, path: string): WireMessage {
  // The wire has no such mark, and the model reads the text, which says how the tool failed.
  if (result.isError) work.note('NOTICE', `${path}.tool_result.is_error`, 'the mark is not sent, the text is')
  return {
    role: 'tool',
    tool_call_id: wireCallId(result.callId, work.dialect.callIdCharsMax),
    content: filled(work, plainText(work, result.content, `${path}.tool_result`, '\n')),
  }
}

function filled({ dialect }: Work, text: string): string {
  return text === '' && dialect.plainStrings === true ? NOTHING : text
}

/** The text of what is one text, as most messages are. */
function onlyText(parts: readonly Part[]): string | undefined {
  const kind = parts.length === 1 ? parts[0]?.kind : undefined
  return kind?.case === 'text' ? kind.value : undefined
}

function plainText(work: Work, parts: readonly Part[], path: string, seam: string): string {
  const alone = onlyText(parts)
  if (alone !== undefined) return alone
  const texts = parts.flatMap(({ kind }, index) => {
    if (kind.case === 'text') return [kind.value]
    work.note('DROPPED', `${path}.content[${index}]`, 'only text can stand here')
    return []
  })
  return texts.join(seam)
}

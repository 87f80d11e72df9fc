// Turns messages of the contract into messages of the chat completions wire.
import { createHash } from 'node:crypto'
import { type Message, type Part, Role, type ToolResult } from '#gen/exai/v1/chat_pb'
import type { AttemptInput } from '../../core/provider.ts'
import type { Dialect } from './dialect.ts'
import { mediaPart } from './media.ts'
import type { Note } from './notes.ts'
import { isThinker } from './sampling.ts'
import type { WireMessage, WirePart, WireToolCall } from './wire.ts'

interface Work {
  readonly input: AttemptInput
  readonly dialect: Dialect
  readonly note: Note
}

/** Builds the wire's messages, in order. Throws UNSUPPORTED for a part that cannot be sent at all. */
export function buildMessages(input: AttemptInput, dialect: Dialect, note: Note): readonly WireMessage[] {
  const work: Work = { input, dialect, note }
  // What is new stands at the end of the whole chat: callers are told of the indices that they wrote.
  const kept = Math.max(0, input.messages.length - input.request.messages.length)
  return input.messages.flatMap((message, index) => {
    const path = index < kept ? `conversation[${index}]` : `messages[${index - kept}]`
    return wireMessages(work, message, path)
  })
}

function wireMessages(work: Work, message: Message, path: string): readonly WireMessage[] {
  switch (message.role) {
    case Role.SYSTEM:
      return [{ role: systemRole(work), content: plainText(work, message.content, path, '\n') }]
    case Role.USER:
      return [{ role: 'user', content: userContent(work, message.content, path) }]
    case Role.ASSISTANT:
      return [assistantMessage(work, message.content, path)]
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
  const wire = parts.flatMap(({ kind }, index): readonly WirePart[] => {
    if (kind.case === 'text') return [{ type: 'text', text: kind.value }]
    const field = `${path}.content[${index}]`
    if (kind.case === 'media') return [mediaPart(work.input, work.dialect, kind.value, field)]
    work.note('DROPPED', field, `a user message takes no ${kind.case ?? 'empty part'} here`)
    return []
  })
  const [first] = wire
  // A string is what every host reads; some know no list.
  return wire.length === 1 && first?.type === 'text' ? first.text : wire
}

function assistantMessage(work: Work, parts: readonly Part[], path: string): WireMessage {
  const { reasoningEcho, callIdCharsMax } = work.dialect
  const calls: WireToolCall[] = []
  let thought = ''
  let text = ''
  for (const [index, { kind }] of parts.entries()) {
    if (kind.case === 'text') text += kind.value
    else if (kind.case === 'toolCall') {
      const { callId, name, arguments: args } = kind.value
      const id = wireCallId(callId, callIdCharsMax)
      calls.push({ id, type: 'function', function: { name, arguments: args === '' ? '{}' : args } })
    } else if (kind.case === 'reasoning') {
      // Another provider's thoughts are not this one's.
      if (kind.value.provider === '' || kind.value.provider === work.input.model.provider)
        thought += kind.value.text
    } else if (kind.case === 'media') {
      work.note('DROPPED', `${path}.content[${index}]`, 'an assistant message takes no media here')
    }
    // Citations are notes beside the text, and nothing that a model reads again.
  }
  return {
    role: 'assistant',
    // Hosts refuse an empty text, and no content at all without a call.
    content: text === '' && calls.length > 0 ? null : text,
    tool_calls: calls.length === 0 ? undefined : calls,
    ...(reasoningEcho === undefined || thought === '' ? {} : { [reasoningEcho]: thought }),
  }
}

function toolMessage(work: Work, result: ToolResult, path: string): WireMessage {
  // The wire has no such mark, and the model reads the text, which says how the tool failed.
  if (result.isError) work.note('NOTICE', `${path}.tool_result.is_error`, 'the mark is not sent, the text is')
  return {
    role: 'tool',
    tool_call_id: wireCallId(result.callId, work.dialect.callIdCharsMax),
    content: plainText(work, result.content, `${path}.tool_result`, '\n'),
  }
}

function plainText(work: Work, parts: readonly Part[], path: string, seam: string): string {
  const texts = parts.flatMap(({ kind }, index) => {
    if (kind.case === 'text') return [kind.value]
    work.note('DROPPED', `${path}.content[${index}]`, 'only text can stand here')
    return []
  })
  return texts.join(seam)
}

// OpenAI refuses ids of more than 40 characters (openclaw/openclaw#875), and ids of other providers may have 64.
function wireCallId(callId: string, charsMax: number): string {
  if (callId.length <= charsMax) return callId
  return `call_${createHash('sha256').update(callId).digest('hex').slice(0, 32)}`
}

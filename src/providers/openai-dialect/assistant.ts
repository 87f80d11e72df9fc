// Turns what a model said, thought and called before into a message of the chat completions wire.
import { createHash } from 'node:crypto'
import type { Part, Reasoning, ToolCall } from '#gen/exai/v1/chat_pb'
import { openDetails } from './details.ts'
import type { WireMessage, WireToolCall } from './wire.ts'
import type { Work } from './work.ts'

interface Echo
  extends Pick<
    Extract<WireMessage, { role: 'assistant' }>,
    'reasoning_content' | 'reasoning' | 'reasoning_details'
  > {
  /** Stands before the text. */
  readonly prefix: string
}

/** Builds the message; none where the host takes no message without text and calls. */
export function assistantMessage(work: Work, parts: readonly Part[], path: string): readonly WireMessage[] {
  const calls: WireToolCall[] = []
  const thoughts: Reasoning[] = []
  let text = ''
  for (const [index, { kind }] of parts.entries()) {
    const field = `${path}.content[${index}]`
    if (kind.case === 'text') text += kind.value
    else if (kind.case === 'toolCall') calls.push(wireCall(work, kind.value, field))
    else if (kind.case === 'reasoning') thoughts.push(kind.value)
    else if (kind.case === 'media') work.note('DROPPED', field, 'an assistant message takes no media here')
    // Citations are notes beside the text, and nothing that a model reads again.
  }
  const bare = work.dialect.plainStrings === true
  if (bare && text === '' && calls.length === 0) {
    work.note('NOTICE', path, 'not sent, because it has neither text nor tool calls')
    return []
  }
  const { prefix, ...fields } = echo(work, thoughts, calls.length > 0)
  const content = prefix + text
  return [
    {
      role: 'assistant',
      // Hosts refuse an empty text, and no content at all without a call.
      content: content !== '' || calls.length === 0 ? content : bare ? undefined : null,
      tool_calls: calls.length === 0 ? undefined : calls,
      ...fields,
    },
  ]
}

function echo({ dialect, input, thinks }: Work, thoughts: readonly Reasoning[], called: boolean): Echo {
  const { reasoningEcho, reasoningDetails, reasoningInText, reasoningStandIn } = dialect
  // Another provider's thoughts are not this one's, and its seals nobody else can open.
  const own = thoughts.filter(({ provider }) => provider === '' || provider === input.model.provider)
  if (reasoningDetails === true) {
    const sealed = own.filter(({ opaque }) => opaque.byteLength > 0)
    const details = sealed.flatMap(({ opaque }) => openDetails(opaque) ?? [])
    if (details.length > 0) return { prefix: '', reasoning_details: details }
  }
  const told = textOf(own)
  if (told !== '' && reasoningInText?.test(input.model.id) === true)
    return { prefix: `<think>\n${told}\n</think>\n\n` }
  if (reasoningEcho === undefined) return { prefix: '' }
  // A model that does not think now has no use for thoughts; one that does may insist on some with every call.
  const needs = reasoningStandIn !== undefined && called
  const text =
    reasoningStandIn !== undefined && !thinks
      ? ''
      : told || (needs ? textOf(thoughts) || reasoningStandIn : '')
  return { prefix: '', ...(text === '' ? {} : { [reasoningEcho]: text }) }
}

function textOf(thoughts: readonly Reasoning[]): string {
  return thoughts.map(({ text }) => text).join('')
}

function wireCall({ dialect, note }: Work, call: ToolCall, field: string): WireToolCall {
  const id = wireCallId(call.callId, dialect.callIdCharsMax)
  const args = call.arguments === '' ? '{}' : call.arguments
  if (dialect.argumentsJson !== true || isJson(args))
    return { id, type: kindOf(dialect, call), function: { name: call.name, arguments: args } }
  note('CHANGED', `${field}.tool_call.arguments`, 'put into a JSON object, because they are no JSON')
  const wrapped = JSON.stringify({ invalid_arguments: args })
  return { id, type: 'function', function: { name: call.name, arguments: wrapped } }
}

function kindOf({ searchCall }: Work['dialect'], { name }: ToolCall): WireToolCall['type'] {
  return name === searchCall ? 'builtin_function' : 'function'
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    // What a model wrote need not be what was asked of it.
    return false
  }
}

/** The id of a call as the host takes it, the same in call and result. */
export function wireCallId(callId: string, charsMax: number): string {
  // OpenAI refuses ids of more than 40 characters (openclaw/openclaw#875), and ids of other providers may have 64.
  if (callId.length <= charsMax) return callId
  return `call_${createHash('sha256').update(callId).digest('hex').slice(0, 32)}`
}

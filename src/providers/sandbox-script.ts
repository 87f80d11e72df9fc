// What the sandbox says: an answer that follows from the request alone.
import type { JsonObject } from '@bufbuild/protobuf'
import {
  type Message,
  type Part,
  ReasoningEffort,
  Role,
  type Tool,
  ToolChoice_Mode,
} from '#gen/exai/v1/chat_pb'
import type { CompleteRequest } from '#gen/exai/v1/chat_service_pb'
import { minimalValue } from './sandbox-schema.ts'

/** What the sandbox will say, before it is cut to the limits of the request. */
export interface Script {
  /** Empty: it does not pretend to think. */
  readonly reasoning: string
  readonly text: string
  /** Present: it calls this tool after the text. */
  readonly call?: { readonly callId: string; readonly name: string; readonly args: string }
}

const INTRO = 'This is the exai sandbox, which is not a model.'
const THOUGHT = 'The sandbox does not think: this text stands where the thoughts of a model would be.'
const ECHO_CHARS_MAX = 200

/** Writes the script for a chat. `words`, when given, is the length of a plain text. */
export function writeScript(
  request: CompleteRequest,
  messages: readonly Message[],
  words: number | undefined,
): Script {
  const thinks = request.reasoningEffort > ReasoningEffort.NONE
  const reasoning = thinks ? THOUGHT : ''
  const result = lastResult(messages)
  if (result !== undefined) return { reasoning, text: `${INTRO} The tool returned: ${quote(result)}` }
  const tool = chooseTool(request, lastUserText(messages))
  if (tool !== undefined) return { reasoning, text: '', call: callOf(tool, messages) }
  return { reasoning, text: formatted(request, messages) ?? lengthened(echo(messages), words) }
}

function echo(messages: readonly Message[]): string {
  const count = messages.length === 1 ? '1 message' : `${messages.length} messages`
  return `${INTRO} It got ${count}, and the last one from the user says: ${quote(lastUserText(messages))}`
}

function lengthened(text: string, words: number | undefined): string {
  if (words === undefined) return text
  const own = text.split(' ')
  const more = Array.from(
    { length: Math.max(0, words - own.length) },
    (_, index) => `word${own.length + index + 1}`,
  )
  return [...own, ...more].slice(0, words).join(' ')
}

function formatted(request: CompleteRequest, messages: readonly Message[]): string | undefined {
  const format = request.responseFormat?.format
  if (format?.case === 'jsonSchema') return JSON.stringify(minimalValue(format.value.schema ?? {}))
  if (format?.case !== 'json') return undefined
  return JSON.stringify({ sandbox: true, note: INTRO, echo: cut(lastUserText(messages)) })
}

function chooseTool(request: CompleteRequest, userText: string): Tool | undefined {
  const { tools, toolChoice } = request
  const choice = toolChoice?.choice
  if (choice?.case === 'toolName') return tools.find(({ name }) => name === choice.value)
  if (choice?.value === ToolChoice_Mode.NONE) return undefined
  const named = tools.find(({ name }) => userText.includes(name))
  return named ?? (choice?.value === ToolChoice_Mode.REQUIRED ? tools[0] : undefined)
}

function callOf(tool: Tool, messages: readonly Message[]): NonNullable<Script['call']> {
  const before = messages
    .flatMap(({ content }) => content)
    .filter(({ kind }) => kind.case === 'toolCall').length
  const schema: JsonObject = { type: 'object', ...tool.parameters }
  return { callId: `call_sandbox_${before + 1}`, name: tool.name, args: JSON.stringify(minimalValue(schema)) }
}

function lastResult(messages: readonly Message[]): string | undefined {
  const last = messages.at(-1)
  if (last?.role !== Role.TOOL) return undefined
  const results = last.content.flatMap(({ kind }) =>
    kind.case === 'toolResult' ? [textOf(kind.value.content)] : [],
  )
  return results.join('\n')
}

function lastUserText(messages: readonly Message[]): string {
  return textOf(messages.findLast(({ role }) => role === Role.USER)?.content ?? [])
}

/** All text of parts, those of tool results too, one line each. */
export function textOf(parts: readonly Part[]): string {
  return parts
    .flatMap(({ kind }): readonly string[] => {
      if (kind.case === 'text') return [kind.value]
      return kind.case === 'toolResult' ? [textOf(kind.value.content)] : []
    })
    .join('\n')
}

function quote(text: string): string {
  return `"${cut(text)}"`
}

function cut(text: string): string {
  return text.length <= ECHO_CHARS_MAX ? text : `${text.slice(0, ECHO_CHARS_MAX).toWellFormed()}…`
}

// Gives functions another name on hosts that do not take the caller's, and the caller's name back to its calls.
import { create } from '@bufbuild/protobuf'
import { type Message, type Part, ToolChoiceSchema, ToolSchema } from '#gen/exai/v1/chat_pb'
import { Warning_Reason } from '#gen/exai/v1/warning_pb'
import type { Delta, Deltas } from '../core/delta.ts'
import type { AttemptInput } from '../core/provider.ts'
import type { Ask } from './ask.ts'
import { callPart, messageOf } from './parts.ts'

/** Asks under names that fit `valid`. The host's own names, which no caller can use, stay as they are. */
export function withToolNames(ask: Ask, valid: RegExp, own: string | undefined): Ask {
  return async function* askUnderNames(input): Deltas {
    const names = namesFor(input, valid, own)
    if (names.size === 0) {
      yield* ask(input)
      return
    }
    for (const [index, { name }] of input.request.tools.entries()) {
      const other = names.get(name)
      if (other === undefined) continue
      const message = `${input.model.provider} knows it as ${other}, because it does not take the name`
      input.warn({ reason: Warning_Reason.NOTICE, field: `tools[${index}].name`, message })
    }
    const callers = new Map([...names].map(([name, other]) => [other, name]))
    for await (const batch of ask(renamed(input, names))) {
      yield batch.map((delta): Delta => {
        if (delta.type !== 'tool_call_start') return delta
        return { ...delta, name: callers.get(delta.name) ?? delta.name }
      })
    }
  }
}

/** The other names, by the caller's. */
function namesFor(input: AttemptInput, valid: RegExp, own: string | undefined): ReadonlyMap<string, string> {
  const called = input.messages.flatMap(({ content }) =>
    content.flatMap(({ kind }) => (kind.case === 'toolCall' ? [kind.value.name] : [])),
  )
  const all = new Set([...input.request.tools.map(({ name }) => name), ...called])
  const names = new Map<string, string>()
  for (const name of all) {
    if (valid.test(name) || name === own) continue
    const base = `fn_${name}`.slice(0, 60)
    let other = base
    for (let count = 2; all.has(other) || [...names.values()].includes(other); count += 1)
      other = `${base}_${count}`
    names.set(name, other)
  }
  return names
}

function renamed(input: AttemptInput, names: ReadonlyMap<string, string>): AttemptInput {
  const other = (name: string): string => names.get(name) ?? name
  const { request, messages } = input
  const choice = request.toolChoice?.choice
  const toolChoice =
    choice?.case === 'toolName'
      ? create(ToolChoiceSchema, { choice: { case: 'toolName', value: other(choice.value) } })
      : request.toolChoice
  const part = (given: Part): Part => {
    const { kind } = given
    if (kind.case !== 'toolCall') return given
    return callPart(kind.value.callId, other(kind.value.name), kind.value.arguments)
  }
  const message = (given: Message): Message =>
    given.content.some(({ kind }) => kind.case === 'toolCall')
      ? messageOf(given.role, given.content.map(part))
      : given
  return {
    ...input,
    messages: messages.map(message),
    request: {
      ...request,
      tools: request.tools.map(tool => create(ToolSchema, { ...tool, name: other(tool.name) })),
      ...(toolChoice === undefined ? {} : { toolChoice }),
    },
  }
}

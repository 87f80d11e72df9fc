// The faults that change what is said or how the wire's fields are used, as a table from name to change.
import type { AnswerChange, Style, ToolCall } from './answer.ts'

type AnswerFault = (change: AnswerChange, value: string | undefined) => AnswerChange

const styled =
  (style: Partial<Style>): AnswerFault =>
  change => ({ ...change, style: { ...change.style, ...style } })

/** Gives the answer a reasoning text in these fields. */
const reasoningIn =
  (...reasoningFields: readonly string[]): AnswerFault =>
  (change, value) => ({
    ...change,
    reasoning: value ?? change.reasoning ?? 'Let me think about it.',
    style: { ...change.style, reasoningFields },
  })

const twoCalls: readonly ToolCall[] = [
  { id: 'call_double_a', name: 'first_tool', arguments: '{"city":"Zürich","days":3}' },
  { id: 'call_double_b', name: 'second_tool', arguments: '{"query":"東京 🗼","limit":2}' },
]

/** Like `styled`, and makes up tool calls when the script has given none, so that there is something to bend. */
const bentCalls =
  (style: Partial<Style>, count: 1 | 2 = 1): AnswerFault =>
  change => ({
    ...change,
    toolCalls: change.toolCalls ?? twoCalls.slice(0, count),
    style: { ...change.style, ...style },
  })

/**
 * By name. Those that are about tool calls make up one call to `first_tool` (two with `-interleaved`) unless the
 * script gives calls.
 */
export const answerFaults = {
  text: (change, value) => ({ ...change, text: value ?? '' }),
  /** Text of this many words, for long streams. */
  words: (change, value) => ({
    ...change,
    text: Array.from({ length: Number(value ?? 100) }, (_, index) => `word${index}`).join(' '),
  }),
  refusal: (change, value) => ({ ...change, refusal: value ?? 'I cannot help with that.' }),
  finish: (change, value) => ({ ...change, finishReason: value ?? 'length' }),
  'no-finish': change => ({ ...change, finishReason: null }),
  'finish-stop-with-tools': change => ({
    ...change,
    toolCalls: change.toolCalls ?? twoCalls.slice(0, 1),
    finishReason: 'stop',
  }),
  'reasoning-content': reasoningIn('reasoning_content'),
  reasoning: reasoningIn('reasoning'),
  'reasoning-twice': reasoningIn('reasoning_content', 'reasoning'),
  'reasoning-details': reasoningIn('reasoning_details'),
  'tool-call-whole': bentCalls({ toolCalls: 'whole' }),
  'tool-call-no-index': bentCalls({ toolCalls: 'whole', toolIndex: false }, 2),
  'tool-call-no-id': bentCalls({ toolId: false }),
  'tool-call-object-arguments': bentCalls({ toolCalls: 'whole', argumentsAs: 'object' }),
  'tool-call-name-repeated': bentCalls({ toolNameRepeated: true }),
  'tool-calls-interleaved': bentCalls({ toolCalls: 'interleaved' }, 2),
  'tool-call-empty-arguments': change => ({
    ...change,
    toolCalls: (change.toolCalls ?? twoCalls.slice(0, 1)).map(call => ({ ...call, arguments: '' })),
  }),
  'tool-call-broken-arguments': change => ({
    ...change,
    toolCalls: (change.toolCalls ?? twoCalls.slice(0, 1)).map(call => ({ ...call, arguments: '{"city":"Z' })),
  }),
  'usage-in-choice': styled({ usageIn: 'choice' }),
  'usage-in-x-groq': styled({ usageIn: 'groq' }),
  'usage-everywhere': styled({ usageIn: 'everywhere' }),
  'no-usage': styled({ usageIn: 'nowhere' }),
  'no-done': styled({ done: false }),
  'keep-alive-chunks': styled({ keepAlives: true }),
  'content-null': change => ({ ...change, text: null }),
  'content-list': styled({ contentAs: 'list' }),
  'delta-null': styled({ deltaNull: true }),
} as const satisfies Readonly<Record<string, AnswerFault>>

/** A name in the table. */
export type AnswerFaultName = keyof typeof answerFaults

/** Whether the table has the name. */
export const isAnswerFault = (name: string): name is AnswerFaultName => Object.hasOwn(answerFaults, name)

/** Applies one fault of the table to a change. */
export function applyAnswerFault(name: AnswerFaultName, change: AnswerChange, value?: string): AnswerChange {
  const fault: AnswerFault = answerFaults[name]
  return fault(change, value)
}

// An answer of ours as Anthropic's message.
import type { MessageInitShape } from '@bufbuild/protobuf'
import { FinishReason, type PartSchema } from '#gen/exai/v1/chat_pb'
import type { CompleteResponseSchema } from '#gen/exai/v1/chat_service_pb'
import type { UsageSchema } from '#gen/exai/v1/usage_pb'
import { ownAnswer } from '../http/own.ts'
import { argumentsObject } from './arguments.ts'
import { sealText } from './seal.ts'
import type { Shown } from './thinking.ts'

/** An answer as the chat gives it. */
export type Answer = MessageInitShape<typeof CompleteResponseSchema>
type Kind = MessageInitShape<typeof PartSchema>['kind']
type ValueOf<Case extends string> = Extract<Kind, { readonly case: Case }>['value']

/** A block of a message, or another object of the wire. */
export type Wire = Record<string, unknown>

/** What an answer is to be made with. */
export interface AnswerOptions {
  /** What of the thoughts the client wants to see. */
  readonly shown: Shown
  /** What of the request was left out before anybody was asked. */
  readonly notes: readonly string[]
}

/** The body of an answer. */
export function messageBody(answer: Answer, { shown, notes }: AnswerOptions): Wire {
  return {
    ...emptyMessage(answer.id ?? '', answer.model ?? ''),
    content: blocksOf(answer, shown),
    ...stopOf(answer),
    usage: { ...usageOf(answer.usage), ...UNKNOWN_USAGE },
    exai: ownAnswer(answer, notes),
  }
}

/** A message of which nothing is known yet but who makes it. */
export function emptyMessage(id: string, model: string): Wire {
  return {
    id,
    type: 'message',
    role: 'assistant',
    model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    stop_details: null,
    container: null,
    diagnostics: null,
    usage: { ...usageOf({}), ...UNKNOWN_USAGE },
  }
}

function blocksOf({ message }: Answer, shown: Shown): readonly Wire[] {
  const blocks: Wire[] = []
  for (const { kind } of message?.content ?? []) {
    if (kind?.case === 'text') blocks.push(textBlock(kind.value))
    if (kind?.case === 'toolCall') blocks.push(callBlock(kind.value))
    if (kind?.case === 'reasoning' && shown !== 'nothing') blocks.push(thoughtBlock(kind.value, shown))
    if (kind?.case === 'citation') cite(blocks, citation(kind.value))
  }
  return blocks
}

/** A source stands with the text before it. */
function cite(blocks: Wire[], source: Wire): void {
  const last = blocks.findLastIndex(({ type }) => type === 'text')
  const block = blocks[last]
  if (block === undefined) {
    blocks.push({ ...textBlock(''), citations: [source] })
    return
  }
  const before = Array.isArray(block['citations']) ? block['citations'] : []
  blocks[last] = { ...block, citations: [...before, source] }
}

/** A block of text without sources. */
export function textBlock(text: string): Wire {
  return { type: 'text', text, citations: null }
}

function callBlock({ callId = '', name = '', arguments: text = '' }: ValueOf<'toolCall'>): Wire {
  return toolBlock(callId, name, argumentsObject(text))
}

/** A call of a tool. */
export function toolBlock(id: string, name: string, input: Wire): Wire {
  return { type: 'tool_use', id, name, input, caller: { type: 'direct' } }
}

function thoughtBlock(thought: ValueOf<'reasoning'>, shown: Shown): Wire {
  const { text = '', provider = '', model = '', opaque = new Uint8Array() } = thought
  const seal = sealText({ provider, model, opaque })
  if (text === '' && opaque.byteLength > 0) return { type: 'redacted_thinking', data: seal }
  return { type: 'thinking', thinking: shown === 'all' ? text : '', signature: seal }
}

/** A source. Anthropic's own index of it, which nobody here can read, is empty. */
export function citation({ url = '', title = '', text = '' }: ValueOf<'citation'>): Wire {
  return {
    type: 'web_search_result_location',
    url,
    title: title === '' ? null : title,
    cited_text: text,
    encrypted_index: '',
  }
}

const STOPS: Readonly<Record<number, string>> = {
  [FinishReason.STOP]: 'end_turn',
  [FinishReason.LENGTH]: 'max_tokens',
  [FinishReason.TOOL_CALLS]: 'tool_use',
  [FinishReason.CONTENT_FILTER]: 'refusal',
}

/** Why the model stopped, in Anthropic's words; what it has no word for is `end_turn`. */
export function stopOf({ finishReason = FinishReason.STOP, message }: Answer): Wire {
  const word = STOPS[finishReason] ?? 'end_turn'
  // Clients run tools only for this word, and some providers say that they just stopped.
  const isCall =
    word === 'end_turn' && message?.content?.some(({ kind }) => kind?.case === 'toolCall') === true
  return {
    stop_reason: isCall ? 'tool_use' : word,
    // Which text ended an answer is not told by every provider, so it is told of none.
    stop_sequence: null,
    stop_details: word === 'refusal' ? { type: 'refusal', category: null, explanation: null } : null,
  }
}

/** What was used, in Anthropic's words: there `input_tokens` are those that no cache had a part in. */
export function usageOf(usage: MessageInitShape<typeof UsageSchema> = {}): Wire {
  const { inputTokens = 0, cachedInputTokens = 0, cacheWriteTokens = 0 } = usage
  const { outputTokens = 0, reasoningTokens = 0 } = usage
  return {
    input_tokens: Math.max(0, inputTokens - cachedInputTokens - cacheWriteTokens),
    cache_creation_input_tokens: cacheWriteTokens,
    cache_read_input_tokens: cachedInputTokens,
    output_tokens: outputTokens,
    output_tokens_details: { thinking_tokens: reasoningTokens },
    server_tool_use: null,
  }
}

/** What Anthropic's usage says besides, and nobody here knows. */
const UNKNOWN_USAGE = { cache_creation: null, service_tier: null, inference_geo: null, speed: null } as const

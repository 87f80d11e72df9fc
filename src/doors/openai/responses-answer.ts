// An answer of ours as OpenAI's response object.
import type { JsonObject, JsonValue, MessageInitShape } from '@bufbuild/protobuf'
import { FinishReason } from '#gen/exai/v1/chat_pb'
import type { UsageSchema } from '#gen/exai/v1/usage_pb'
import { isObject } from '../http/fields.ts'
import { ownAnswer } from '../http/own.ts'
import { type Answer, createdOf } from './chat-answer.ts'
import { createOutput } from './responses-output.ts'

/** What a response says of its request. */
export interface ResponseOptions {
  /** Fields of the request that the answer says again. */
  readonly echo: JsonObject
  /** What of the request was left out before anybody was asked. */
  readonly notes: readonly string[]
  /** Whether what providers seal of their thoughts is wanted. */
  readonly wantsSeals: boolean
}

/** What tells one response from another. */
export interface ResponseHead {
  readonly id: string
  readonly model: string
}

/** The body of an answer that comes at once. */
export function wholeResponse(answer: Answer, options: ResponseOptions): Record<string, unknown> {
  const output = createOutput(answer.id ?? '')
  output.take(answer, options.wantsSeals)
  output.end(howEnded(answer))
  return endedResponse(answer, output.items(), options)
}

/** A response whose answer is complete, with these items. */
export function endedResponse(
  answer: Answer,
  items: readonly unknown[],
  options: ResponseOptions,
): Record<string, unknown> {
  const { id = '', model = '', conversationId = '' } = answer
  const incomplete = INCOMPLETE[answer.finishReason ?? FinishReason.STOP]
  return {
    ...bareResponse({ id, model }, options),
    status: howEnded(answer),
    incomplete_details: incomplete === undefined ? null : { reason: incomplete },
    output: items,
    usage: usageOf(answer.usage),
    store: conversationId !== '',
    conversation: conversationId === '' ? null : { id: conversationId },
    exai: ownAnswer(answer, options.notes),
  }
}

/** A response that is not answered yet. */
export function bareResponse(
  { id, model }: ResponseHead,
  { echo }: Pick<ResponseOptions, 'echo'>,
): Record<string, unknown> {
  return {
    id,
    object: 'response',
    created_at: createdOf(id),
    status: 'in_progress',
    background: false,
    error: null,
    incomplete_details: null,
    instructions: null,
    max_output_tokens: null,
    max_tool_calls: null,
    metadata: {},
    output: [],
    parallel_tool_calls: true,
    previous_response_id: null,
    prompt_cache_key: null,
    safety_identifier: null,
    service_tier: null,
    temperature: null,
    tool_choice: 'auto',
    tools: [],
    top_p: null,
    truncation: 'disabled',
    usage: null,
    ...givenIn(echo),
    reasoning: { effort: null, summary: null, ...givenIn(echo['reasoning']) },
    text: { format: { type: 'text' }, ...givenIn(echo['text']) },
    model,
  }
}

// What is null was not given.
function givenIn(value: JsonValue | undefined): JsonObject {
  return isObject(value) ? Object.fromEntries(Object.entries(value).filter(([, one]) => one !== null)) : {}
}

const INCOMPLETE: Readonly<Record<number, string>> = {
  [FinishReason.LENGTH]: 'max_output_tokens',
  [FinishReason.CONTENT_FILTER]: 'content_filter',
}

/** Whether an answer that is complete for us is so for OpenAI. */
export function howEnded({ finishReason = FinishReason.STOP }: Answer): 'completed' | 'incomplete' {
  return INCOMPLETE[finishReason] === undefined ? 'completed' : 'incomplete'
}

function usageOf(usage: MessageInitShape<typeof UsageSchema> = {}): Record<string, unknown> {
  const { inputTokens = 0, outputTokens = 0, cachedInputTokens = 0, cacheWriteTokens = 0 } = usage
  return {
    input_tokens: inputTokens,
    input_tokens_details: { cached_tokens: cachedInputTokens, cache_write_tokens: cacheWriteTokens },
    output_tokens: outputTokens,
    output_tokens_details: { reasoning_tokens: usage.reasoningTokens ?? 0 },
    total_tokens: inputTokens + outputTokens,
  }
}

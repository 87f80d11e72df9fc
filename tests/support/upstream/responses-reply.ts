// Puts an answer into the form of the Responses API: one object with output items.
import type { Answer, Usage } from './answer.ts'
import { contentListOf, statusOf } from './responses-status.ts'
import type { JsonObject } from './shape.ts'

/** What the response says besides its output. */
export type ResponseEnvelope = {
  readonly id: string
  readonly createdSeconds: number
  /** The dated model name. */
  readonly model: string
  readonly serviceTier: string
  readonly effort: string | null
  /** How the summary was asked for; null: no summary is given. */
  readonly summary: string | null
  /** Whether reasoning items have their encrypted content. */
  readonly encrypted: boolean
  readonly cacheWriteTokens: number
  /** The request, of which some fields are repeated. */
  readonly body: JsonObject
  /** Makes ids of items, as `rs_…`, `msg_…`, `fc_…`. */
  readonly nextItemId: (prefix: string) => string
}

const SUMMARY = '**Thinking** about what was said and what to say.'

const usageJson = (usage: Usage, cacheWriteTokens: number): JsonObject => ({
  input_tokens: usage.promptTokens,
  input_tokens_details: { cached_tokens: usage.cachedTokens, cache_write_tokens: cacheWriteTokens },
  output_tokens: usage.completionTokens,
  output_tokens_details: { reasoning_tokens: usage.reasoningTokens },
  total_tokens: usage.promptTokens + usage.completionTokens,
})

/** The output items: the reasoning, the message, the calls; what there is of them. */
export function outputItems(answer: Answer, envelope: ResponseEnvelope): readonly JsonObject[] {
  const { text, refusal, reasoning, toolCalls, usage } = answer
  const itemStatus = statusOf(answer).status === 'completed' ? 'completed' : 'incomplete'
  const items: JsonObject[] = []
  if (usage.reasoningTokens > 0 || reasoning !== '') {
    const id = envelope.nextItemId('rs')
    const summary = envelope.summary === null ? [] : [{ type: 'summary_text', text: reasoning || SUMMARY }]
    const sealed = Buffer.from(`double:${id}:${'thought '.repeat(8)}?>`).toString('base64')
    items.push({
      id,
      type: 'reasoning',
      summary,
      ...(envelope.encrypted ? { encrypted_content: `gAAAAA${sealed}` } : {}),
    })
  }
  // A cap that the thinking has used up leaves no message, and neither does a call.
  if (refusal !== null || (text !== null && (text !== '' || itemStatus === 'completed'))) {
    items.push({
      id: envelope.nextItemId('msg'),
      type: 'message',
      status: itemStatus,
      role: 'assistant',
      content: contentListOf(text, refusal),
    })
  }
  for (const call of toolCalls) {
    items.push({
      id: envelope.nextItemId('fc'),
      type: 'function_call',
      status: itemStatus,
      call_id: call.id,
      name: call.name,
      arguments: call.arguments,
    })
  }
  return items
}

/** The response as it stands at its end, or with `running` as it is told at the start of a stream. */
export function responseJson(
  answer: Answer,
  output: readonly JsonObject[],
  envelope: ResponseEnvelope,
  running = false,
): JsonObject {
  const { body } = envelope
  const { status, error, incompleteReason } = statusOf(answer)
  const over = !running && status !== 'in_progress'
  return {
    id: envelope.id,
    object: 'response',
    created_at: envelope.createdSeconds,
    status: over ? status : 'in_progress',
    error: over ? error : null,
    incomplete_details: over && incompleteReason !== null ? { reason: incompleteReason } : null,
    instructions: body['instructions'] ?? null,
    max_output_tokens: body['max_output_tokens'] ?? null,
    metadata: body['metadata'] ?? {},
    model: envelope.model,
    output: over && status !== 'failed' ? output : [],
    parallel_tool_calls: body['parallel_tool_calls'] ?? true,
    previous_response_id: body['previous_response_id'] ?? null,
    reasoning: { effort: envelope.effort, summary: envelope.summary },
    service_tier: running ? 'auto' : envelope.serviceTier,
    store: body['store'] ?? true,
    text: body['text'] ?? { format: { type: 'text' }, verbosity: 'medium' },
    tool_choice: body['tool_choice'] ?? 'auto',
    tools: body['tools'] ?? [],
    truncation: body['truncation'] ?? 'disabled',
    usage:
      over && status !== 'failed' && answer.style.usageIn !== 'nowhere'
        ? usageJson(answer.usage, envelope.cacheWriteTokens)
        : null,
  }
}

// Puts an answer into the bytes of Kimi's Chat Completions: reasoning_content, cached_tokens, usage where Kimi has it.
import { type Answer, type Usage, wordsOf } from './answer.ts'
import { argumentsJson, callDeltas, contentJson, reasoningJson } from './openai-reply.ts'
import type { JsonObject } from './shape.ts'

/** Where a stream has its usage: in the last choice, beside it, in a chunk of its own, on every chunk, or not at all. */
export type UsagePlace = 'choice' | 'final' | 'own' | 'everywhere' | 'nowhere'

/** What the answer's envelope says. */
export type KimiEnvelope = {
  readonly id: string
  readonly createdSeconds: number
  readonly model: string
  readonly usageIn: UsagePlace
  readonly includeUsage: boolean
  /** Whether the cached tokens stand also where OpenAI has them. */
  readonly cachedInDetails: boolean
}

const usageJson = (usage: Usage, envelope: KimiEnvelope): JsonObject => ({
  prompt_tokens: usage.promptTokens,
  completion_tokens: usage.completionTokens,
  total_tokens: usage.promptTokens + usage.completionTokens,
  cached_tokens: usage.cachedTokens,
  ...(envelope.cachedInDetails ? { prompt_tokens_details: { cached_tokens: usage.cachedTokens } } : {}),
  completion_tokens_details: { reasoning_tokens: usage.reasoningTokens },
})

/** The answer to a request that does not stream. */
export function kimiCompletion(answer: Answer, envelope: KimiEnvelope): JsonObject {
  const { style, reasoning, toolCalls } = answer
  const counts = usageJson(answer.usage, envelope)
  const message: JsonObject = {
    role: 'assistant',
    content: contentJson(answer, answer.text),
    ...(reasoning === '' ? {} : reasoningJson(answer, reasoning)),
    ...(toolCalls.length === 0
      ? {}
      : {
          tool_calls: toolCalls.map(call => ({
            ...(style.toolId ? { id: call.id } : {}),
            type: 'function',
            function: { name: call.name, arguments: argumentsJson(answer, call) },
          })),
        }),
  }
  return {
    id: envelope.id,
    object: 'chat.completion',
    created: envelope.createdSeconds,
    model: envelope.model,
    choices: [
      {
        index: 0,
        message,
        finish_reason: answer.finishReason,
        ...(envelope.usageIn === 'choice' ? { usage: counts } : {}),
      },
    ],
    ...(envelope.usageIn === 'choice' || envelope.usageIn === 'nowhere' ? {} : { usage: counts }),
  }
}

/** The frames of a stream, `data: [DONE]` included. */
export function kimiFrames(answer: Answer, envelope: KimiEnvelope): readonly string[] {
  const { style, usage } = answer
  const { usageIn } = envelope
  const counts = usageJson(usage, envelope)
  const head: JsonObject = {
    id: envelope.id,
    object: 'chat.completion.chunk',
    created: envelope.createdSeconds,
    model: envelope.model,
  }
  const everywhere = usageIn === 'everywhere' ? { usage: counts } : {}
  const chunks: JsonObject[] = deltasOf(answer).map(delta => ({
    ...head,
    choices: [{ index: 0, delta, finish_reason: null }],
    ...everywhere,
  }))
  if (style.keepAlives) chunks.splice(1, 0, head, { ...head, choices: [] })
  if (answer.finishReason !== null) {
    const choice = {
      index: 0,
      delta: style.deltaNull ? null : {},
      finish_reason: answer.finishReason,
      ...(usageIn === 'choice' ? { usage: counts } : {}),
    }
    chunks.push({
      ...head,
      choices: [choice],
      ...everywhere,
      ...(usageIn === 'final' ? { usage: counts } : {}),
    })
  }
  if (usageIn === 'own' && envelope.includeUsage) chunks.push({ ...head, choices: [], usage: counts })
  const frames = chunks.map(each => `data: ${JSON.stringify(each)}\n\n`)
  return style.done ? [...frames, 'data: [DONE]\n\n'] : frames
}

const deltasOf = (answer: Answer): readonly JsonObject[] => [
  { role: 'assistant', content: contentJson(answer, '') },
  ...wordsOf(answer.reasoning).map(word => reasoningJson(answer, word)),
  ...wordsOf(answer.text ?? '').map(word => ({ content: contentJson(answer, word) })),
  ...callDeltas(answer),
]

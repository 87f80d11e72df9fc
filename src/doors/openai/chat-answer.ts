// An answer of ours as OpenAI's chat completion.
import type { MessageInitShape } from '@bufbuild/protobuf'
import { FinishReason, type PartSchema } from '#gen/exai/v1/chat_pb'
import type { CompleteResponseSchema } from '#gen/exai/v1/chat_service_pb'
import type { UsageSchema } from '#gen/exai/v1/usage_pb'
import { ownAnswer } from '../http/own.ts'

/** An answer as the chat gives it. */
export type Answer = MessageInitShape<typeof CompleteResponseSchema>
type PartInit = MessageInitShape<typeof PartSchema>

/** What an answer consists of, each kind by itself. */
export interface AnswerParts {
  readonly text: string
  readonly hasText: boolean
  readonly reasoning: string
  /** Thoughts that a provider has sealed, to be sent back as they are. */
  readonly sealed: readonly { readonly opaque: string; readonly provider: string; readonly model: string }[]
  readonly calls: readonly { readonly callId: string; readonly name: string; readonly arguments: string }[]
  readonly citations: readonly { readonly url: string; readonly title: string; readonly text: string }[]
}

/** Takes the message of an answer apart. */
export function answerParts({ message }: Answer): AnswerParts {
  const content: readonly PartInit[] = message?.content ?? []
  const texts: string[] = []
  const thoughts: string[] = []
  const sealed: AnswerParts['sealed'][number][] = []
  const calls: AnswerParts['calls'][number][] = []
  const citations: AnswerParts['citations'][number][] = []
  for (const { kind } of content) {
    if (kind?.case === 'text') texts.push(kind.value)
    if (kind?.case === 'reasoning') {
      const { text = '', opaque, provider = '', model = '' } = kind.value
      thoughts.push(text)
      if (opaque !== undefined && opaque.byteLength > 0)
        sealed.push({ opaque: Buffer.from(opaque).toString('base64'), provider, model })
    }
    if (kind?.case === 'toolCall') {
      const { callId = '', name = '', arguments: text = '' } = kind.value
      calls.push({ callId, name, arguments: text })
    }
    if (kind?.case === 'citation') {
      const { url = '', title = '', text = '' } = kind.value
      citations.push({ url, title, text })
    }
  }
  return {
    text: texts.join(''),
    hasText: texts.length > 0,
    reasoning: thoughts.join(''),
    sealed,
    calls,
    citations,
  }
}

/** The body of an answer; `notes` say what of the request was left out before anybody was asked. */
export function chatCompletion(answer: Answer, notes: readonly string[]): Record<string, unknown> {
  const parts = answerParts(answer)
  return {
    id: answer.id ?? '',
    object: 'chat.completion',
    created: createdOf(answer.id ?? ''),
    model: answer.model ?? '',
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: parts.hasText || parts.calls.length === 0 ? parts.text : null,
          refusal: null,
          ...(parts.reasoning === '' ? {} : { reasoning_content: parts.reasoning }),
          ...(parts.calls.length === 0 ? {} : { tool_calls: parts.calls.map(toolCall) }),
          annotations: annotations(parts.citations, parts.text),
          ...sealedFields(parts),
        },
        logprobs: null,
        finish_reason: finishWord(answer.finishReason),
      },
    ],
    usage: usageOf(answer.usage),
    exai: ownAnswer(answer, notes),
  }
}

/** The field of a message that has its sealed thoughts; nothing without any. */
export function sealedFields({ sealed }: AnswerParts): Record<string, unknown> {
  return sealed.length === 0 ? {} : { exai: { reasoning: sealed } }
}

function toolCall(call: AnswerParts['calls'][number]): Record<string, unknown> {
  return { id: call.callId, type: 'function', function: { name: call.name, arguments: call.arguments } }
}

/** Sources as OpenAI marks them in a text. Which words a source stands behind is known only where it quotes them. */
export function annotations(citations: AnswerParts['citations'], text: string): readonly unknown[] {
  return citations.map(({ url, title, text: cited }) => {
    const place = cited === '' ? -1 : text.indexOf(cited)
    const start = place < 0 ? text.length : place
    return {
      type: 'url_citation',
      url_citation: { url, title, start_index: start, end_index: place < 0 ? start : start + cited.length },
    }
  })
}

const FINISH_WORDS: Readonly<Record<number, string>> = {
  [FinishReason.STOP]: 'stop',
  [FinishReason.LENGTH]: 'length',
  [FinishReason.TOOL_CALLS]: 'tool_calls',
  [FinishReason.CONTENT_FILTER]: 'content_filter',
}

/** Why the model stopped, in OpenAI's words; what it has no word for is `stop`. */
export function finishWord(reason: FinishReason = FinishReason.STOP): string {
  return FINISH_WORDS[reason] ?? 'stop'
}

/** What was used, in OpenAI's words for a chat. */
export function usageOf(usage: MessageInitShape<typeof UsageSchema> = {}): Record<string, unknown> {
  const { inputTokens = 0, outputTokens = 0, cachedInputTokens = 0, reasoningTokens = 0 } = usage
  return {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
    prompt_tokens_details: { cached_tokens: cachedInputTokens },
    completion_tokens_details: { reasoning_tokens: reasoningTokens },
  }
}

/** When an answer or a file was made, in seconds since the Unix epoch: its id says so (RFC 9562, 5.7). 0 without such an id. */
export function createdOf(id: string): number {
  const time = /_([0-9a-f]{8})-([0-9a-f]{4})-7/.exec(id)
  return time === null ? 0 : Math.floor(Number.parseInt(`${time[1]}${time[2]}`, 16) / 1000)
}

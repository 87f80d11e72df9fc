// What the rules of `auto` look at: plain features of a request, gathered in one walk through its chat.
import { type Message, type Part, ReasoningEffort, Role } from '#gen/exai/v1/chat_pb'
import type { CompleteRequest } from '#gen/exai/v1/chat_service_pb'
import type { Needs } from './capabilities.ts'

/** The features of a request. */
export interface AutoFacts {
  /** `metadata.task` in lower case; empty when there is none. */
  readonly task: string
  /** Whether `metadata.depth` is `deep`, or `metadata.next_step_required` is `false`: the step that draws the conclusions. */
  readonly isDeep: boolean
  /** Tokens of the input: counted, or estimated from its characters. */
  readonly inputTokens: number
  /** Messages of the chat. */
  readonly messages: number
  /** Functions that the model may call. */
  readonly tools: number
  /** Kinds of media in the chat. */
  readonly media: number
  readonly wantsSchema: boolean
  readonly effort: ReasoningEffort
  readonly webSearch: boolean
  /** Whether the last message of the user holds a fenced block, as code in a chat does. */
  readonly hasCode: boolean
}

/** Characters of one token, about: what OpenAI's tokenizer page says of English text. */
const CHARACTERS_PER_TOKEN = 4

/** Gathers the features. `counted` is the exact number of input tokens, where somebody has counted. */
export function factsOf(
  request: CompleteRequest,
  messages: readonly Message[],
  needs: Needs,
  counted: number | undefined,
): AutoFacts {
  const { metadata } = request
  return {
    task: metadata['task']?.toLowerCase() ?? '',
    isDeep: metadata['depth']?.toLowerCase() === 'deep' || metadata['next_step_required'] === 'false',
    inputTokens: counted ?? estimatedTokens(messages) + needs.textTokens,
    messages: messages.length,
    tools: request.tools.length,
    media: new Set(needs.media.map(({ modality }) => modality)).size,
    wantsSchema: needs.format === 'jsonSchema',
    effort: request.reasoningEffort,
    webSearch: request.webSearch !== undefined,
    hasCode: hasFence(messages),
  }
}

/** Whether the caller asks the model to think hard. */
export function asksForThought(effort: ReasoningEffort): boolean {
  return effort === ReasoningEffort.HIGH || effort === ReasoningEffort.XHIGH || effort === ReasoningEffort.MAX
}

/** Whether the caller asks the model not to think, or hardly. */
export function asksForNoThought(effort: ReasoningEffort): boolean {
  return effort === ReasoningEffort.NONE || effort === ReasoningEffort.MINIMAL
}

function estimatedTokens(messages: readonly Message[]): number {
  let characters = 0
  for (const { content } of messages) for (const part of content) characters += charactersOf(part)
  return Math.ceil(characters / CHARACTERS_PER_TOKEN)
}

function charactersOf({ kind }: Part): number {
  switch (kind.case) {
    case 'text':
      return kind.value.length
    case 'reasoning':
      return kind.value.text.length
    case 'toolCall':
      return kind.value.name.length + kind.value.arguments.length
    case 'toolResult':
      return kind.value.content.reduce((sum, inner) => sum + charactersOf(inner), 0)
    case 'citation':
    case 'media':
    case undefined:
      return 0
    default:
      return kind satisfies never
  }
}

function hasFence(messages: readonly Message[]): boolean {
  const asked = messages.findLast(({ role }) => role === Role.USER)
  return asked?.content.some(({ kind }) => kind.case === 'text' && kind.value.includes('```')) === true
}

// The deterministic answer: what a double says to a conversation, before a wire puts it into bytes.
import { instanceOf } from './instance.ts'

/** A tool call as the model makes it; `arguments` is JSON text. */
export type ToolCall = { readonly id: string; readonly name: string; readonly arguments: string }

/** Token counts; see `countWords` for what a token is here. */
export type Usage = {
  readonly promptTokens: number
  /** Part of the prompt that was read from the cache. */
  readonly cachedTokens: number
  /** With the reasoning. */
  readonly completionTokens: number
  readonly reasoningTokens: number
}

/** How compatible hosts bend the wire; the defaults are how OpenAI does it. */
export type Style = {
  readonly toolCalls: 'fragments' | 'whole' | 'interleaved'
  readonly toolIndex: boolean
  readonly toolId: boolean
  readonly toolNameRepeated: boolean
  readonly argumentsAs: 'text' | 'object'
  readonly usageIn: 'chunk' | 'choice' | 'groq' | 'everywhere' | 'nowhere'
  /** Which fields carry the reasoning text, all the same. */
  readonly reasoningFields: readonly string[]
  /** Chunks without `choices`, and with an empty list, between the others. */
  readonly keepAlives: boolean
  readonly contentAs: 'text' | 'list'
  /** `delta: null` in the last chunk. */
  readonly deltaNull: boolean
  readonly done: boolean
}

/** What is said. */
export type Answer = {
  /** null: the answer has no text. */
  readonly text: string | null
  readonly refusal: string | null
  readonly reasoning: string
  readonly toolCalls: readonly ToolCall[]
  /** null: the answer never says how it finished. */
  readonly finishReason: string | null
  readonly usage: Usage
  readonly style: Style
}

/** Changes to an answer; what is absent stays, and usage is counted again from a changed text unless it is given. */
export type AnswerChange = Partial<Omit<Answer, 'style' | 'usage'>> & {
  readonly usage?: Partial<Usage>
  readonly style?: Partial<Style>
}

/** What the answer is derived from: a request, already checked, in no provider's words. */
export type Chat = {
  readonly lastUserText: string
  /** The results that stand at the very end of the conversation; empty when the last turn is the user's. */
  readonly lastToolResults: readonly string[]
  readonly tools: readonly { readonly name: string; readonly schema: unknown }[]
  /** A list: one of these must be called. */
  readonly toolChoice: 'none' | 'auto' | 'required' | readonly string[]
  readonly parallelTools: boolean
  readonly format: 'text' | 'json_object' | { readonly schema: unknown }
  readonly stop: readonly string[]
  /** Cap on all completion tokens. */
  readonly maxTokens?: number
  readonly promptTokens: number
  readonly cachedTokens: number
  /** What the model would think, in tokens. */
  readonly reasoningTokens: number
  /** Makes a call id from a number that grows with every call of this upstream. */
  readonly nextCallId: () => string
}

const openAiStyle: Style = {
  toolCalls: 'fragments',
  toolIndex: true,
  toolId: true,
  toolNameRepeated: false,
  argumentsAs: 'text',
  usageIn: 'chunk',
  reasoningFields: [],
  keepAlives: false,
  contentAs: 'text',
  deltaNull: false,
  done: true,
}

/** The whole tokenizer of the double: a token is a run of characters without white space. */
export const countWords = (text: string): number => text.match(/\S+/g)?.length ?? 0

/** Cuts a text into the pieces it is streamed in: words with the white space behind them. */
export const wordsOf = (text: string): readonly string[] => text.match(/\s*\S+\s*|\s+/g) ?? []

/**
 * Derives the answer. In order: tool calls when they are forced, or when the user's text has "call the tool" (each
 * tool with "call the tools") and no result has come yet; the results read back; JSON when a format asks for it; else
 * "You said: …". Text is cut at a stop word, then at what `maxTokens` leaves after the reasoning.
 */
export function answerTo(chat: Chat, change: AnswerChange): Answer {
  const toolCalls = change.toolCalls ?? callsFor(chat)
  const { text, cut } = textFor(chat, change, toolCalls.length > 0)
  const finishReason = cut ? 'length' : toolCalls.length > 0 ? 'tool_calls' : 'stop'
  const completion = countWords(text ?? '') + countWords(toolCalls.map(call => call.arguments).join(' '))
  const reasoningTokens = Math.min(chat.reasoningTokens, chat.maxTokens ?? chat.reasoningTokens)
  return {
    text,
    refusal: change.refusal ?? null,
    reasoning: change.reasoning ?? '',
    toolCalls,
    finishReason: change.finishReason === undefined ? finishReason : change.finishReason,
    usage: {
      promptTokens: chat.promptTokens,
      cachedTokens: chat.cachedTokens,
      completionTokens: completion + countWords(change.refusal ?? '') + reasoningTokens,
      reasoningTokens,
      ...change.usage,
    },
    style: { ...openAiStyle, ...change.style },
  }
}

type Text = { readonly text: string | null; readonly cut: boolean }

function textFor(chat: Chat, change: AnswerChange, calls: boolean): Text {
  if (change.text !== undefined) return { text: change.text, cut: false }
  if (calls || change.refusal !== undefined) return { text: null, cut: false }
  return shorten(sayTo(chat), chat)
}

function callsFor(chat: Chat): readonly ToolCall[] {
  const { toolChoice, tools, lastUserText } = chat
  if (toolChoice === 'none') return []
  const asked = /call the tools?\b/i.test(lastUserText) && chat.lastToolResults.length === 0
  if (toolChoice === 'auto' && !asked) return []
  const allowed = tools.filter(tool => typeof toolChoice === 'string' || toolChoice.includes(tool.name))
  const several = chat.parallelTools && /call the tools\b/i.test(lastUserText)
  return allowed.slice(0, several ? allowed.length : 1).map(tool => ({
    id: chat.nextCallId(),
    name: tool.name,
    arguments: JSON.stringify(instanceOf(tool.schema)),
  }))
}

function sayTo(chat: Chat): string {
  const text =
    chat.lastToolResults.length > 0
      ? `The tool said: ${chat.lastToolResults.join(' | ')}`
      : `You said: ${chat.lastUserText}`
  if (chat.format === 'text') return text
  return JSON.stringify(chat.format === 'json_object' ? { answer: text } : instanceOf(chat.format.schema))
}

/** Applies the stop words and the cap. */
function shorten(text: string, chat: Chat): Text {
  const ends = chat.stop.map(word => text.indexOf(word)).filter(at => at !== -1)
  const stopped = text.slice(0, Math.min(text.length, ...ends))
  const words = wordsOf(stopped)
  const left = Math.max(0, (chat.maxTokens ?? Number.POSITIVE_INFINITY) - chat.reasoningTokens)
  if (words.length <= left) return { text: stopped, cut: false }
  return { text: words.slice(0, left).join(''), cut: true }
}

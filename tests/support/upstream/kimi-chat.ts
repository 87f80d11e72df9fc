// Reads a checked Kimi body into the neutral terms of the deterministic answer, and makes up what the model thinks.
import { type Answer, type AnswerChange, answerTo, type Chat, countWords, wordsOf } from './answer.ts'
import type { KimiModel } from './kimi-models.ts'
import { thinks, toolsOf } from './kimi-rules.ts'
import { answersSearch, type KimiSearch, SEARCH_RESULT_TOKENS, searchesMade } from './kimi-search.ts'
import { effortTokens, readChat } from './openai-chat.ts'
import { type JsonObject, listOf, objectOf, textOf } from './shape.ts'

const THOUGHT = 'Let me think about what was said and what to say. '
const THOUGHT_WORDS = countWords(THOUGHT)
/** Models without an effort think this many tokens. */
const PLAIN_THOUGHT_TOKENS = 16

/** What is known of earlier requests. */
export type KimiKnown = {
  readonly prefixIsCached: boolean
  readonly nextCallId: () => string
  readonly search: KimiSearch
}

/** Reads the body. The reasoning is no part of it yet: a test may change it. */
export function readKimiChat(body: JsonObject, model: KimiModel, known: KimiKnown): Chat {
  const rule = {
    aliases: [],
    efforts: [],
    defaultEffort: 'none',
    toolsWithEffort: 'allowed',
    onlyResponses: false,
  } as const
  const chat = readChat({ ...body, tools: toolsOf(body) }, { id: model.id, snapshot: model.id, rule }, known)
  const messages = listOf(body['messages'])
  const searches = messages.slice(messages.length - chat.lastToolResults.length)
  return {
    ...chat,
    lastToolResults: chat.lastToolResults.map((result, index) =>
      answersSearch(searches[index], body) ? `web results for ${chat.lastUserText}` : result,
    ),
    promptTokens: chat.promptTokens + searchesMade(body) * SEARCH_RESULT_TOKENS,
  }
}

/** Answers: a search before anything else, and with thought where the model thinks. */
export function kimiAnswer(
  body: JsonObject,
  model: KimiModel,
  chat: Chat,
  change: AnswerChange,
  search: KimiSearch,
): Answer {
  const thought = change.reasoning ?? (thinks(body, model) ? thoughtOf(body, model) : '')
  const reasoning = wordsOf(thought)
    .slice(0, chat.maxTokens ?? thought.length)
    .join('')
  const call = change.toolCalls === undefined ? search.callFor(body, chat.nextCallId) : undefined
  const answer = answerTo(
    { ...chat, reasoningTokens: countWords(thought) },
    {
      ...change,
      ...(call === undefined ? {} : { toolCalls: [call] }),
      reasoning,
      style: { reasoningFields: ['reasoning_content'], ...change.style },
    },
  )
  return change.text === undefined ? goingOn(body, answer) : answer
}

/** In partial mode the answer is only what follows the beginning; one that is not the model's own is followed by all of it. */
function goingOn(body: JsonObject, answer: Answer): Answer {
  const { content, partial } = objectOf(listOf(body['messages']).at(-1))
  const begun = textOf(content)
  if (partial !== true || answer.text === null) return answer
  return { ...answer, text: answer.text.startsWith(begun) ? answer.text.slice(begun.length) : answer.text }
}

function thoughtOf(body: JsonObject, model: KimiModel): string {
  const effort = textOf(body['reasoning_effort']) || 'max'
  const count = model.family.thinking === 'effort' ? (effortTokens[effort] ?? 0) : PLAIN_THOUGHT_TOKENS
  const words = wordsOf(THOUGHT.repeat(Math.ceil(count / THOUGHT_WORDS)))
  return words.slice(0, count).join('').trimEnd()
}

// Puts an answer into the bytes of MiniMax: OpenAI's shape with thinking in the content or beside it, and `base_resp`.
import {
  type Answer,
  type AnswerChange,
  answerTo,
  type Chat,
  countWords,
  type Usage,
  wordsOf,
} from './answer.ts'
import { responseExtras } from './minimax-errors.ts'
import type { MiniMaxModel } from './minimax-models.ts'
import { callDeltas, contentJson, inPieces } from './openai-reply.ts'
import { type JsonObject, listOf, objectOf } from './shape.ts'

/** What the answer's envelope says. */
export type Envelope = { readonly id: string; readonly createdSeconds: number; readonly model: string }

/** What the model thinks unless a script says otherwise. */
const THOUGHT = 'Let me think about it.'

/** An answer, and whether its thinking stands in the content too. */
export type MiniMaxAnswer = Answer & { readonly tagged: boolean }

/** Derives the answer; a cap that the thinking uses up leaves part of the thinking, and no text. */
export function miniMaxAnswer(
  body: JsonObject,
  model: MiniMaxModel,
  chat: Chat,
  thinking: boolean,
  change: AnswerChange,
): MiniMaxAnswer {
  const reasoning = change.reasoning ?? (thinking ? THOUGHT : '')
  const split = body['reasoning_split'] === true
  const answer = answerTo(
    { ...chat, reasoningTokens: countWords(reasoning), stop: model.obeysStop ? chat.stop : [] },
    {
      ...change,
      style: { reasoningFields: split ? model.splitFields : model.mirrorFields, ...change.style },
    },
  )
  const left = change.reasoning === undefined ? (chat.maxTokens ?? Number.POSITIVE_INFINITY) : undefined
  return {
    ...answer,
    text: change.text === null ? null : (answer.text ?? ''),
    reasoning: wordsOf(reasoning).slice(0, left).join(''),
    tagged: !split && reasoning !== '' && change.style?.reasoningFields === undefined,
  }
}

const usageJson = (usage: Usage, characters: number): JsonObject => ({
  total_tokens: usage.promptTokens + usage.completionTokens,
  total_characters: characters,
  prompt_tokens: usage.promptTokens,
  completion_tokens: usage.completionTokens,
  prompt_tokens_details: { cached_tokens: usage.cachedTokens },
  completion_tokens_details: { reasoning_tokens: usage.reasoningTokens },
})

const reasoningJson = (answer: Answer, text: string): JsonObject =>
  Object.fromEntries(
    answer.style.reasoningFields.map(field => [
      field,
      field === 'reasoning_details'
        ? [{ type: 'reasoning.text', id: 'reasoning-text-1', format: 'MiniMax-response-v1', index: 0, text }]
        : text,
    ]),
  )

const wholeText = (answer: MiniMaxAnswer): string | null =>
  answer.tagged ? `<think>\n${answer.reasoning}\n</think>\n\n${answer.text ?? ''}` : answer.text

const usageOf = (answer: MiniMaxAnswer): JsonObject => usageJson(answer.usage, wholeText(answer)?.length ?? 0)

/** The answer to a request that does not stream. */
export function completionJson(answer: MiniMaxAnswer, envelope: Envelope): JsonObject {
  const { style, reasoning } = answer
  const counts = usageOf(answer)
  const calls = callDeltas({ ...answer, style: { ...style, toolCalls: 'whole', toolIndex: false } })
  const message: JsonObject = {
    content: contentJson(answer, wholeText(answer)),
    role: 'assistant',
    ...(reasoning === '' ? {} : reasoningJson(answer, reasoning)),
    ...(calls.length === 0 ? {} : { tool_calls: calls.flatMap(delta => listOf(delta['tool_calls'])) }),
  }
  const inChoice = style.usageIn === 'choice' ? { usage: counts } : {}
  return {
    id: envelope.id,
    choices: [{ finish_reason: answer.finishReason, index: 0, message, ...inChoice }],
    created: envelope.createdSeconds,
    model: envelope.model,
    object: 'chat.completion',
    ...(style.usageIn === 'chunk' || style.usageIn === 'everywhere' ? { usage: counts } : {}),
    ...(style.usageIn === 'groq' ? { x_groq: { usage: counts } } : {}),
    ...responseExtras(),
  }
}

/** The frames of a stream, `data: [DONE]` included; `cumulative` repeats in each text all that came before it. */
export function streamFrames(
  answer: MiniMaxAnswer,
  envelope: Envelope,
  body: JsonObject,
  cumulative: boolean,
): readonly string[] {
  const { style } = answer
  const counts = usageOf(answer)
  const asked = objectOf(body['stream_options'])['include_usage'] === true
  const head: JsonObject = {
    id: envelope.id,
    created: envelope.createdSeconds,
    model: envelope.model,
    object: 'chat.completion.chunk',
  }
  const extras: JsonObject = {
    ...(style.usageIn === 'everywhere' ? { usage: counts } : asked ? { usage: null } : {}),
    ...responseExtras(),
  }
  const chunk = (delta: unknown, finish: string | null, more: JsonObject = {}): JsonObject => ({
    ...head,
    choices: [{ index: 0, delta, finish_reason: finish, ...more }],
    ...extras,
  })
  const chunks = deltasOf(answer, cumulative).map(delta => chunk(delta, null))
  if (style.keepAlives) chunks.splice(1, 0, { ...head, ...extras }, { ...head, choices: [], ...extras })
  if (answer.finishReason !== null) {
    const inChoice = style.usageIn === 'choice' ? { usage: counts } : {}
    chunks.push(chunk(style.deltaNull ? null : {}, answer.finishReason, inChoice))
  }
  if (asked && style.usageIn === 'chunk') chunks.push({ ...head, choices: [], ...extras, usage: counts })
  if (style.usageIn === 'groq') chunks.push({ ...head, choices: [], ...extras, x_groq: { usage: counts } })
  const frames = chunks.map(each => `data: ${JSON.stringify(each)}\n\n`)
  return style.done ? [...frames, 'data: [DONE]\n\n'] : frames
}

function deltasOf(answer: MiniMaxAnswer, cumulative: boolean): readonly JsonObject[] {
  const grown = (pieces: readonly string[]): readonly string[] =>
    cumulative ? pieces.map((_, index) => pieces.slice(0, index + 1).join('')) : pieces
  const text = wholeText(answer)
  // Tags are cut in the middle: that is what a reader must bear.
  const pieces = answer.tagged ? inPieces(text ?? '') : wordsOf(text ?? '')
  const silent = answer.style.reasoningFields.length === 0
  return [
    { role: 'assistant', content: text === null ? null : contentJson(answer, '') },
    ...(silent ? [] : grown(wordsOf(answer.reasoning)).map(words => reasoningJson(answer, words))),
    ...grown(pieces).map(piece => ({ content: contentJson(answer, piece) })),
    ...callDeltas(answer),
  ]
}

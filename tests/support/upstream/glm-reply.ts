// Puts an answer into the bytes of GLM: one JSON object, or chunks of which the last has the reason and the usage.
import {
  type Answer,
  type AnswerChange,
  answerTo,
  type Chat,
  countWords,
  type Usage,
  wordsOf,
} from './answer.ts'
import { callDeltas, contentJson, inPieces, reasoningJson } from './openai-reply.ts'
import { type JsonObject, listOf, objectOf, textOf } from './shape.ts'

/** What the answer's envelope says. */
export type Envelope = {
  readonly id: string
  readonly requestId: string
  readonly createdSeconds: number
  readonly model: string
}

/** Tags that old models leave in the text: around what they point at, or around what they think. */
export type Tags = 'box' | 'think' | 'none'

/** What the model thinks unless a script says otherwise. */
const THOUGHT = 'Let me think about it.'

/** Derives the answer; a cap that the thinking uses up leaves part of the thinking, and no text. */
export function glmAnswer(body: JsonObject, chat: Chat, thinking: boolean, change: AnswerChange): Answer {
  const reasoning = change.reasoning ?? (thinking ? THOUGHT : '')
  const fragments = body['stream'] === true && body['tool_stream'] === true
  const answer = answerTo(
    { ...chat, reasoningTokens: countWords(reasoning) },
    {
      ...change,
      style: {
        toolCalls: fragments ? 'fragments' : 'whole',
        reasoningFields: ['reasoning_content'],
        ...change.style,
      },
    },
  )
  const left = change.reasoning === undefined ? (chat.maxTokens ?? Number.POSITIVE_INFINITY) : undefined
  return {
    ...answer,
    text: change.text === null ? null : (answer.text ?? ''),
    reasoning: wordsOf(reasoning).slice(0, left).join(''),
  }
}

/** The two results of a web search, when a tool of the request asks for one and does not hide them. */
export function searchResults(body: JsonObject): readonly JsonObject[] {
  const search = searchOf(body)
  if (search['enable'] !== true || search['search_result'] === false) return []
  const count = typeof search['count'] === 'number' ? Math.min(2, search['count']) : 2
  return Array.from({ length: count }, (_, index) => ({
    title: `Result ${index + 1}`,
    link: `https://example.com/${index + 1}`,
    content: `What page ${index + 1} says.`,
    media: 'Example',
    icon: 'https://example.com/icon.png',
    refer: `ref_${index + 1}`,
    publish_date: '2026-11-20',
  }))
}

const searchOf = (body: JsonObject): JsonObject =>
  objectOf(
    objectOf(listOf(body['tools']).find(tool => objectOf(tool)['type'] === 'web_search'))['web_search'],
  )

const usageJson = (usage: Usage): JsonObject => ({
  prompt_tokens: usage.promptTokens,
  completion_tokens: usage.completionTokens,
  total_tokens: usage.promptTokens + usage.completionTokens,
  prompt_tokens_details: { cached_tokens: usage.cachedTokens },
  completion_tokens_details: { reasoning_tokens: usage.reasoningTokens },
})

function taggedText(answer: Answer, tags: Tags): string | null {
  if (tags === 'box') return `<|begin_of_box|>${answer.text ?? ''}<|end_of_box|>`
  return tags === 'think' ? `<think>${answer.reasoning}</think>${answer.text ?? ''}` : answer.text
}

/** The answer to a request that does not stream. */
export function completionJson(answer: Answer, envelope: Envelope, body: JsonObject, tags: Tags): JsonObject {
  const { style, reasoning } = answer
  const counts = usageJson(answer.usage)
  const calls = callDeltas({ ...answer, style: { ...style, toolCalls: 'whole', toolIndex: false } })
  const message: JsonObject = {
    role: 'assistant',
    content: contentJson(answer, taggedText(answer, tags)),
    ...(reasoning === '' || tags === 'think' ? {} : reasoningJson(answer, reasoning)),
    ...(calls.length === 0 ? {} : { tool_calls: calls.flatMap(delta => listOf(delta['tool_calls'])) }),
  }
  const results = searchResults(body)
  return {
    id: envelope.id,
    request_id: envelope.requestId,
    created: envelope.createdSeconds,
    model: envelope.model,
    choices: [
      {
        index: 0,
        message,
        finish_reason: answer.finishReason,
        ...(style.usageIn === 'choice' ? { usage: counts } : {}),
      },
    ],
    ...(style.usageIn === 'chunk' || style.usageIn === 'everywhere' ? { usage: counts } : {}),
    ...(style.usageIn === 'groq' ? { x_groq: { usage: counts } } : {}),
    ...(results.length === 0 ? {} : { web_search: results }),
  }
}

/** The frames of a stream, `data: [DONE]` included. Search results stand in the first chunk or in the last. */
export function streamFrames(
  answer: Answer,
  envelope: Envelope,
  body: JsonObject,
  tags: Tags,
): readonly string[] {
  const { style } = answer
  const counts = usageJson(answer.usage)
  const head: JsonObject = {
    id: envelope.id,
    created: envelope.createdSeconds,
    model: envelope.model,
  }
  const everywhere = style.usageIn === 'everywhere' ? { usage: counts } : {}
  const chunks: JsonObject[] = deltasOf(answer, tags).map(delta => ({
    ...head,
    choices: [{ index: 0, delta: { role: 'assistant', ...delta } }],
    ...everywhere,
  }))
  if (style.keepAlives) chunks.splice(1, 0, head, { ...head, choices: [] })
  if (answer.finishReason !== null) {
    const choice = {
      index: 0,
      finish_reason: answer.finishReason,
      delta: style.deltaNull ? null : { role: 'assistant', content: '' },
      ...(style.usageIn === 'choice' ? { usage: counts } : {}),
    }
    chunks.push({
      ...head,
      choices: [choice],
      ...(style.usageIn === 'chunk' ? { usage: counts } : everywhere),
      ...(style.usageIn === 'groq' ? { x_groq: { usage: counts } } : {}),
    })
  }
  const results = searchResults(body)
  const at = textOf(searchOf(body)['result_sequence']) === 'before' ? 0 : chunks.length - 1
  const frames = chunks.map((chunk, index) => {
    const whole = results.length > 0 && index === at ? { ...chunk, web_search: results } : chunk
    return `data: ${JSON.stringify(whole)}\n\n`
  })
  return style.done ? [...frames, 'data: [DONE]\n\n'] : frames
}

function deltasOf(answer: Answer, tags: Tags): readonly JsonObject[] {
  const text = taggedText(answer, tags) ?? ''
  // Tags are cut in the middle: that is what a reader must bear.
  const pieces = tags === 'none' ? wordsOf(text) : inPieces(text)
  const silent = tags === 'think' || answer.style.reasoningFields.length === 0
  return [
    ...(silent ? [] : wordsOf(answer.reasoning).map(word => reasoningJson(answer, word))),
    ...pieces.map(piece => ({ content: contentJson(answer, piece) })),
    ...callDeltas(answer),
  ]
}

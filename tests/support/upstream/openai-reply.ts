// Puts an answer into the bytes of Chat Completions: one JSON object, or the chunks of a stream, as OpenAI sends them.
import { type Answer, type ToolCall, type Usage, wordsOf } from './answer.ts'
import type { JsonObject } from './shape.ts'

/** What the answer's envelope says. */
export type Envelope = {
  readonly id: string
  readonly createdSeconds: number
  /** The dated model name. */
  readonly model: string
  readonly serviceTier: string
  readonly choices: number
}

/** What the caller asked of the stream. */
export type StreamWishes = { readonly includeUsage: boolean; readonly obfuscation: boolean }

const FINGERPRINT = 'fp_double'
const ARGUMENT_PIECE_CHARACTERS = 6

const usageJson = (usage: Usage): JsonObject => ({
  prompt_tokens: usage.promptTokens,
  completion_tokens: usage.completionTokens,
  total_tokens: usage.promptTokens + usage.completionTokens,
  prompt_tokens_details: { cached_tokens: usage.cachedTokens, audio_tokens: 0 },
  completion_tokens_details: {
    reasoning_tokens: usage.reasoningTokens,
    audio_tokens: 0,
    accepted_prediction_tokens: 0,
    rejected_prediction_tokens: 0,
  },
})

/** Text content as the style has it: a string, or a list with one part. */
export const contentJson = (answer: Answer, text: string | null): unknown =>
  answer.style.contentAs === 'list' && text !== null ? [{ type: 'text', text }] : text

/** Text pieces as reasoning fields; `reasoning_details` is a list of objects. */
export const reasoningJson = (answer: Answer, text: string): JsonObject =>
  Object.fromEntries(
    answer.style.reasoningFields.map(field => [
      field,
      field === 'reasoning_details' ? [{ type: 'reasoning.text', text, index: 0 }] : text,
    ]),
  )

/** The arguments as the host would send them; text that is no JSON stays text. */
export function argumentsJson(answer: Answer, call: ToolCall): unknown {
  return answer.style.argumentsAs === 'object' ? JSON.parse(call.arguments) : call.arguments
}

/** The answer to a request that does not stream. */
export function completionJson(answer: Answer, envelope: Envelope): JsonObject {
  const { style, usage, reasoning, refusal } = answer
  const counts = usageJson(usage)
  const message: JsonObject = {
    role: 'assistant',
    content: contentJson(answer, answer.text),
    refusal,
    ...(reasoning === '' ? {} : reasoningJson(answer, reasoning)),
    ...(answer.toolCalls.length === 0
      ? {}
      : {
          tool_calls: answer.toolCalls.map(call => ({
            ...(style.toolId ? { id: call.id } : {}),
            type: 'function',
            function: { name: call.name, arguments: argumentsJson(answer, call) },
          })),
        }),
    annotations: [],
  }
  const choice = {
    message,
    logprobs: null,
    finish_reason: answer.finishReason,
    ...(style.usageIn === 'choice' ? { usage: counts } : {}),
  }
  return {
    id: envelope.id,
    object: 'chat.completion',
    created: envelope.createdSeconds,
    model: envelope.model,
    choices: Array.from({ length: envelope.choices }, (_, index) => ({ index, ...choice })),
    ...(style.usageIn === 'chunk' || style.usageIn === 'everywhere' ? { usage: counts } : {}),
    ...(style.usageIn === 'groq' ? { x_groq: { usage: counts } } : {}),
    service_tier: envelope.serviceTier,
    system_fingerprint: FINGERPRINT,
  }
}

/** The frames of a stream, `data: [DONE]` included. */
export function streamFrames(answer: Answer, envelope: Envelope, wishes: StreamWishes): readonly string[] {
  const { style } = answer
  const counts = usageJson(answer.usage)
  const head: JsonObject = {
    id: envelope.id,
    object: 'chat.completion.chunk',
    created: envelope.createdSeconds,
    model: envelope.model,
    service_tier: envelope.serviceTier,
    system_fingerprint: FINGERPRINT,
  }
  const tail: JsonObject = {
    ...(style.usageIn === 'everywhere' ? { usage: counts } : wishes.includeUsage ? { usage: null } : {}),
    ...(wishes.obfuscation ? { obfuscation: 'xxxxxxxx' } : {}),
  }
  const chunk = (
    index: number,
    delta: unknown,
    finish: string | null,
    extra: JsonObject = {},
  ): JsonObject => ({
    ...head,
    choices: [{ index, delta, logprobs: null, finish_reason: finish, ...extra }],
    ...tail,
  })
  const chunks: JsonObject[] = []
  for (let index = 0; index < envelope.choices; index += 1) {
    for (const [at, delta] of deltasOf(answer).entries()) {
      chunks.push(chunk(index, delta, null))
      // A host that keeps the line alive sends chunks without any choice; right after the role is the hardest place.
      if (style.keepAlives && at === 0) chunks.push(head, { ...head, choices: [] })
    }
    if (answer.finishReason === null) continue
    const extra = style.usageIn === 'choice' ? { usage: counts } : {}
    chunks.push(chunk(index, style.deltaNull ? null : {}, answer.finishReason, extra))
  }
  if (wishes.includeUsage && style.usageIn === 'chunk')
    chunks.push({ ...head, choices: [], ...tail, usage: counts })
  if (style.usageIn === 'groq') chunks.push({ ...head, choices: [], x_groq: { usage: counts } })
  const frames = chunks.map(each => `data: ${JSON.stringify(each)}\n\n`)
  return style.done ? [...frames, 'data: [DONE]\n\n'] : frames
}

function deltasOf(answer: Answer): readonly JsonObject[] {
  const { text, refusal, reasoning, toolCalls, style } = answer
  const calls = callDeltas(answer)
  const [firstCall, ...laterCalls] = calls
  const role = { role: 'assistant' }
  // OpenAI sends the role together with the call when there is nothing but one call.
  if (firstCall !== undefined && toolCalls.length === 1 && text === null && reasoning === '') {
    return [{ ...role, content: null, ...firstCall, refusal: null }, ...laterCalls]
  }
  const opening = text === null ? null : contentJson(answer, '')
  return [
    { ...role, content: opening, refusal: null },
    ...(style.reasoningFields.length === 0
      ? []
      : wordsOf(reasoning).map(word => reasoningJson(answer, word))),
    ...wordsOf(text ?? '').map(word => ({ content: contentJson(answer, word) })),
    ...wordsOf(refusal ?? '').map(word => ({ refusal: word })),
    ...calls,
  ]
}

/** The deltas of the tool calls, bent by the style. */
export function callDeltas(answer: Answer): readonly JsonObject[] {
  const { toolCalls, style } = answer
  const delta = (index: number, call: JsonObject): JsonObject => ({
    tool_calls: [style.toolIndex ? { index, ...call } : call],
  })
  const opened = (call: ToolCall, given: unknown): JsonObject => ({
    ...(style.toolId ? { id: call.id } : {}),
    type: 'function',
    function: { name: call.name, arguments: given },
  })
  if (style.toolCalls === 'whole') {
    return toolCalls.map((call, index) => delta(index, opened(call, argumentsJson(answer, call))))
  }
  const lanes = toolCalls.map((call, index) => [
    delta(index, opened(call, '')),
    ...inPieces(call.arguments).map(piece => {
      const name = style.toolNameRepeated ? { name: call.name } : {}
      return delta(index, { function: { ...name, arguments: piece } })
    }),
  ])
  if (style.toolCalls === 'fragments') return lanes.flat()
  const longest = Math.max(0, ...lanes.map(lane => lane.length))
  return Array.from({ length: longest }, (_, at) => lanes.flatMap(lane => lane.slice(at, at + 1))).flat()
}

/** Cuts JSON text into fragments, never inside a character. */
export function inPieces(json: string): readonly string[] {
  const characters = [...json]
  const count = Math.ceil(characters.length / ARGUMENT_PIECE_CHARACTERS)
  return Array.from({ length: count }, (_, at) =>
    characters.slice(at * ARGUMENT_PIECE_CHARACTERS, (at + 1) * ARGUMENT_PIECE_CHARACTERS).join(''),
  )
}

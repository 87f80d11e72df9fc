// What the GLM double says of texts without answering them: token counts and embeddings.
import { createHash } from 'node:crypto'
import { countWords } from './answer.ts'
import { glmError, violationOf } from './glm-errors.ts'
import { embeddingsShape, tokenizerShape } from './glm-request.ts'
import { contentText } from './openai-chat.ts'
import { jsonReply, type Reply } from './reply.ts'
import { withoutFaults } from './script.ts'
import { isObject, listOf, objectOf, textOf } from './shape.ts'

const MEDIA_PART_TOKENS = 85
const countedModels = ['glm-4.6', 'glm-4.6v', 'glm-4.5']
const embeddingDimensions: Readonly<Record<string, number>> = { 'embedding-3': 2048, 'embedding-2': 1024 }
const INPUT_TOKENS_MAX = 8192
const INPUTS_MAX = 64
/** Of all inputs of one request to the older model. */
const TOTAL_TOKENS_MAX = 8000

/** Counts the tokens of a conversation: its words, and 85 for each image and video. */
export function tokenizerReply(body: unknown): Reply {
  const refusal = violationOf(() => tokenizerShape(body, ''))
  if (refusal !== undefined) return refusal
  const { model, messages, request_id } = objectOf(body)
  if (!countedModels.includes(textOf(model))) return glmError('1211')
  const contents = listOf(messages).map(each => objectOf(each)['content'])
  const media = (type: string): number =>
    contents.flatMap(listOf).filter(part => objectOf(part)['type'] === type).length * MEDIA_PART_TOKENS
  const counts = {
    prompt_tokens: countWords(contents.map(contentText).join(' ')),
    image_tokens: media('image_url'),
    video_tokens: media('video_url'),
  }
  const total_tokens = counts.prompt_tokens + counts.image_tokens + counts.video_tokens
  return jsonReply(200, {
    id: 'tokenizer_double',
    ...(request_id === undefined ? {} : { request_id }),
    created: Math.floor(Date.now() / 1000),
    usage: { ...counts, total_tokens },
  })
}

/** Embeds one text or several, the same text always alike. */
export function embeddingsReply(body: unknown): Reply {
  const refusal = violationOf(() => embeddingsShape(body, ''))
  if (refusal !== undefined) return refusal
  const { model, input, dimensions } = objectOf(body)
  const standard = embeddingDimensions[textOf(model)]
  if (standard === undefined) return glmError('1211')
  if (dimensions !== undefined && model !== 'embedding-3') {
    return glmError('1210', 'dimensions is only for embedding-3')
  }
  const texts = embeddedTexts(input).map(withoutFaults)
  if (texts.length > INPUTS_MAX) return glmError('1210', `input takes at most ${INPUTS_MAX} texts`)
  if (texts.some(text => countWords(text) > INPUT_TOKENS_MAX)) return glmError('1261')
  const length = typeof dimensions === 'number' ? dimensions : standard
  const tokens = texts.reduce((sum, text) => sum + countWords(text), 0)
  if (model === 'embedding-2' && tokens > TOTAL_TOKENS_MAX) return glmError('1261')
  return jsonReply(200, {
    object: 'list',
    model,
    data: texts.map((text, index) => ({ object: 'embedding', index, embedding: vectorOf(text, length) })),
    usage: { prompt_tokens: tokens, completion_tokens: 0, total_tokens: tokens },
  })
}

/** The texts of a request for embeddings. */
export const embeddedTexts = (input: unknown): readonly string[] =>
  typeof input === 'string' ? [input] : listOf(input).map(textOf)

/** Numbers between -1 and 1 from the bytes of the text's hash. */
function vectorOf(text: string, length: number): readonly number[] {
  const bytes = createHash('sha256').update(text).digest()
  return Array.from({ length }, (_, at) => ((bytes[at % bytes.length] ?? 0) - 127.5) / 127.5)
}

/** Whether a request's body is an object sent as JSON. */
export const isJsonBody = (body: unknown, contentType: string | undefined): boolean =>
  isObject(body) && /^application\/json(\s*;\s*charset=utf-8)?$/i.test(contentType ?? '')

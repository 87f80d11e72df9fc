// What GLM refuses in a chat request whose fields are each right, but not together or not for the model.
import { glmError } from './glm-errors.ts'
import type { GlmModel } from './glm-models.ts'
import type { Reply } from './reply.ts'
import { isObject, type JsonObject, listOf, objectOf, textOf } from './shape.ts'
import { brokenTurn } from './tool-turns.ts'

type Rule = (body: JsonObject, model: GlmModel, bigModel: boolean) => Reply | undefined

const IMAGE_BYTES_MAX = 5_000_000
const FILES_MAX = 50
const alwaysThinks =
  'This model always engages in thinking and cannot be disabled; please use low, high, or max.'

/** Whether the model will think about the request. */
export function thinks(body: JsonObject, model: GlmModel): boolean {
  if (model.thinking !== 'optional') return model.thinking === 'always'
  const effort = body['reasoning_effort']
  return objectOf(body['thinking'])['type'] !== 'disabled' && effort !== 'minimal' && effort !== 'none'
}

const userTurn: Rule = body =>
  listOf(body['messages']).some(each => objectOf(each)['role'] === 'user')
    ? undefined
    : glmError('1214', 'The messages must have one of the user')

const turnMessages = {
  unanswered: 'A tool call has no result',
  stray: 'A tool message answers no tool call',
  duplicate: 'A tool call id stands twice',
  empty: 'An assistant message has neither content nor tool calls',
} as const

const toolTurns: Rule = body => {
  const broken = brokenTurn(listOf(body['messages']))
  return broken && glmError('1214', `messages[${broken.index}]: ${turnMessages[broken.kind]}`)
}

const outputCap: Rule = (body, model) => {
  const cap = body['max_tokens']
  if (typeof cap !== 'number' || cap <= model.outputTokensMax) return undefined
  return glmError('1210', `max_tokens must be in [1, ${model.outputTokensMax}]`)
}

const toolStream: Rule = (body, model) =>
  body['tool_stream'] !== undefined && !model.toolStream
    ? glmError('1210', 'tool_stream is not supported by this model')
    : undefined

const thinking: Rule = (body, model) => {
  const { type } = objectOf(body['thinking'])
  if (type === undefined) return undefined
  if (model.thinking === 'none') return glmError('1210', 'thinking is not supported by this model')
  return model.thinking === 'always' && type === 'disabled' ? glmError('1210', alwaysThinks) : undefined
}

const effort: Rule = (body, model) => {
  const sent = body['reasoning_effort']
  if (sent === undefined || model.efforts.includes(textOf(sent))) return undefined
  if (model.thinking === 'always') return glmError('1210', alwaysThinks)
  return glmError('1210', `reasoning_effort ${textOf(sent)} is not supported by this model`)
}

const partsOf = (body: JsonObject): readonly JsonObject[] =>
  listOf(body['messages'])
    .flatMap(each => listOf(objectOf(each)['content']))
    .filter(isObject)

const media: Rule = (body, model) => {
  const types = partsOf(body).map(part => textOf(part['type']))
  const accepted: readonly string[] = ['text', ...model.media]
  const stranger = types.find(type => !accepted.includes(type))
  if (stranger !== undefined) {
    return glmError('1210', `messages.content.type ${stranger} is not in ['${accepted.join("', '")}']`)
  }
  const count = (type: string): number => types.filter(each => each === type).length
  if (count('file_url') > 0 && count('image_url') + count('video_url') > 0) {
    return glmError('1210', 'file_url cannot be mixed with image_url or video_url')
  }
  if (count('image_url') > model.imagesMax) return glmError('1210', `at most ${model.imagesMax} images`)
  if (count('video_url') > model.videosMax) return glmError('1210', `at most ${model.videosMax} videos`)
  return count('file_url') > FILES_MAX ? glmError('1210', `at most ${FILES_MAX} files`) : undefined
}

const imageSize: Rule = body => {
  const large = partsOf(body).some(part => {
    const url = textOf(objectOf(part['image_url'])['url'])
    return !/^https?:/.test(url) && (url.slice(url.indexOf(',') + 1).length * 3) / 4 >= IMAGE_BYTES_MAX
  })
  return large ? glmError('1210', 'an image must be smaller than 5 MB') : undefined
}

const chinaEngines = ['search_std', 'search_pro', 'search_pro_sogou', 'search_pro_quark']

const serverTools: Rule = (body, _model, bigModel) => {
  const engines = bigModel ? chinaEngines : ['search_pro_jina']
  for (const tool of listOf(body['tools']).map(objectOf)) {
    if (tool['type'] === 'retrieval' && !bigModel) {
      return glmError('1210', 'retrieval is not available')
    }
    const engine = textOf(objectOf(tool['web_search'])['search_engine'])
    if (tool['type'] === 'web_search' && !engines.includes(engine)) {
      return glmError('1214', `search_engine must be one of ${engines.join(', ')}`)
    }
  }
  return undefined
}

const rules: readonly Rule[] = [
  userTurn,
  toolTurns,
  outputCap,
  toolStream,
  thinking,
  effort,
  media,
  imageSize,
  serverTools,
]

/** Returns the refusal of the first rule that is broken. */
export function brokenRule(body: JsonObject, model: GlmModel, bigModel: boolean): Reply | undefined {
  for (const rule of rules) {
    const refusal = rule(body, model, bigModel)
    if (refusal !== undefined) return refusal
  }
  return undefined
}

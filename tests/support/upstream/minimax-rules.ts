// What MiniMax refuses in a chat request whose fields are each right, but not together or not for the model.
import { refuse, refuseRole } from './minimax-errors.ts'
import type { MiniMaxModel } from './minimax-models.ts'
import type { Reply } from './reply.ts'
import { type JsonObject, listOf, objectOf, textOf } from './shape.ts'
import { brokenTurn } from './tool-turns.ts'

type Rule = (
  body: JsonObject,
  model: MiniMaxModel,
  hasVideo: (fileId: string) => boolean,
) => Reply | undefined

const rolesOf = (body: JsonObject): readonly string[] =>
  listOf(body['messages']).map(each => textOf(objectOf(each)['role']))

/** The role that is refused before anything else is looked at. */
export const brokenRole = (body: JsonObject): Reply | undefined =>
  rolesOf(body).includes('developer') ? refuseRole() : undefined

/** Whether the model will think about the request. */
export const thinks = (body: JsonObject, model: MiniMaxModel): boolean =>
  model.thinks === 'always' ||
  (model.thinks === 'unless-disabled' && objectOf(body['thinking'])['type'] !== 'disabled')

const oneSystemMessage: Rule = body => {
  const roles = rolesOf(body)
  if (roles.filter(role => role === 'system').length > 1) {
    return refuse('invalid params, invalid chat setting')
  }
  return roles.lastIndexOf('system') > 0
    ? refuse('invalid params, chat content has invalid message role: system')
    : undefined
}

const turnMessages = {
  unanswered: 'tool call result does not follow tool call',
  stray: "tool result's tool id not found",
  duplicate: 'duplicate tool call id',
  empty: 'chat content is empty',
} as const

const toolTurns: Rule = body => {
  const broken = brokenTurn(listOf(body['messages']))
  return broken && refuse(`invalid params, ${turnMessages[broken.kind]}`)
}

const thinking: Rule = (body, model) => {
  const { type } = objectOf(body['thinking'])
  if (type === undefined || model.thinkingTypes.includes(textOf(type))) return undefined
  if (type === 'disabled' && model.thinks === 'always') {
    return refuse('invalid params, this model requires adaptive thinking')
  }
  return refuse(`invalid params, invalid thinking type: ${textOf(type)}`)
}

const effort: Rule = (body, model) => {
  const sent = body['reasoning_effort']
  if (sent === undefined || model.efforts.includes(textOf(sent))) return undefined
  return refuse(`invalid params, reasoning_effort ${textOf(sent)} is not supported`)
}

const tier: Rule = (body, model) =>
  body['service_tier'] !== undefined && !model.priority
    ? refuse('invalid params, service_tier is not supported by this model')
    : undefined

const parts: Rule = (body, model, hasVideo) => {
  const contents = listOf(body['messages']).map(each => objectOf(each)['content'])
  if (!model.parts && contents.some(Array.isArray)) {
    return refuse('invalid params, this model only supports text content')
  }
  for (const part of contents.flatMap(listOf)) {
    const [, id] = /^mm_file:\/\/(\d+)$/.exec(textOf(objectOf(objectOf(part)['video_url'])['url'])) ?? []
    if (id !== undefined && !hasVideo(id)) return refuse(`invalid params, file ${id} not found`)
  }
  return undefined
}

const streamOptions: Rule = body =>
  body['stream_options'] !== undefined && body['stream'] !== true
    ? refuse('invalid params, stream_options needs stream')
    : undefined

const rules: readonly Rule[] = [oneSystemMessage, toolTurns, thinking, effort, tier, parts, streamOptions]

/** Returns the refusal of the first rule that is broken; `hasVideo` knows the uploaded videos by id. */
export function brokenRule(
  body: JsonObject,
  model: MiniMaxModel,
  hasVideo: (fileId: string) => boolean,
): Reply | undefined {
  for (const rule of rules) {
    const refusal = rule(body, model, hasVideo)
    if (refusal !== undefined) return refusal
  }
  return undefined
}

/**
 * Whether a tool call comes back without its reasoning: no `reasoning_details`, no `<think>` in the content, and no
 * `reasoning_content` where that was all there was. Calls that were made without reasoning miss nothing.
 */
export function reasoningMissing(
  body: JsonObject,
  model: MiniMaxModel,
  unreasonedCalls: ReadonlySet<string>,
): boolean {
  return listOf(body['messages']).some(message => {
    const { tool_calls, content, reasoning_details, reasoning_content } = objectOf(message)
    const owed = listOf(tool_calls).some(call => !unreasonedCalls.has(textOf(objectOf(call)['id'])))
    const there =
      listOf(reasoning_details).some(detail => textOf(objectOf(detail)['text']) !== '') ||
      /<think>/.test(textOf(content)) ||
      (model.splitFields.join() === 'reasoning_content' && textOf(reasoning_content) !== '')
    return owed && !there
  })
}

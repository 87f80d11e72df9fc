// Plays OpenAI's Responses API, and mounts beside it the files and embeddings of the same host.
import { type AnswerChange, answerTo, type Chat } from './answer.ts'
import { openAiError } from './openai-errors.ts'
import { findModel, type ModelRule, type ServedModel } from './openai-models.ts'
import { eventReply, jsonReply, type Reply } from './reply.ts'
import { checkOpenAiBody } from './responses-body.ts'
import { lastUserTextIn, prefixTokens, readTurn } from './responses-chat.ts'
import { receiveEmbeddings } from './responses-embeddings.ts'
import { errorFrame, responseFrames } from './responses-events.ts'
import type { OpenAiFiles } from './responses-files.ts'
import { createMemory } from './responses-memory.ts'
import type { Mount, Mounted } from './responses-mount.ts'
import { outputItems, type ResponseEnvelope, responseJson } from './responses-reply.ts'
import { fileIdsIn, inputTokensShape, responsesShape } from './responses-request.ts'
import { itemsOf, responsesBrokenRule, responsesEffort, responsesRule, type Turn } from './responses-rules.ts'
import { type JsonObject, listOf, objectOf, type Shape, textOf } from './shape.ts'
import type { UpstreamRequest } from './wire.ts'

type Checked = {
  readonly body: JsonObject
  readonly turn: Turn
  readonly model: ServedModel
  readonly rule: ModelRule
}

/** Makes `/v1/responses`, `/v1/responses/input_tokens`, `/v1/files` and `/v1/embeddings` of one upstream. */
export function mountResponses(
  served: readonly string[],
  nextCallId: () => string,
  files: OpenAiFiles,
): Mount {
  const memory = createMemory()
  const cacheKeys = new Set<string>()
  let responses = 0
  let items = 0

  function strangeFile(given: readonly unknown[]): Reply | undefined {
    for (const { id, image } of fileIdsIn(given)) {
      const purpose = files.purposeOf(id)
      if (purpose === undefined) return openAiError(404, null, `No such File object: ${id}`, 'file_id')
      if (image && purpose !== 'vision') {
        const message = `The file ${id} has the purpose ${purpose}, an image needs vision.`
        return openAiError(400, 'invalid_value', message, 'file_id')
      }
    }
    return undefined
  }

  function check(request: UpstreamRequest, shape: Shape): { readonly refusal: Reply } | Checked {
    const checked = checkOpenAiBody(request, shape)
    if ('refusal' in checked) return checked
    const { body } = checked
    const name = textOf(body['model'])
    const model = findModel(name, served)
    if (model === undefined) {
      const message = `The model \`${name}\` does not exist or you do not have access to it.`
      return { refusal: openAiError(404, 'model_not_found', message) }
    }
    const previous = body['previous_response_id']
    const before = previous === undefined ? [] : memory.turnsOf(textOf(previous))
    if (before === undefined) {
      const message = `Previous response with id '${previous}' not found.`
      return {
        refusal: openAiError(400, 'previous_response_not_found', message, 'previous_response_id'),
      }
    }
    const given = itemsOf(body)
    const turn = { body, items: [...before, ...given] }
    const rule = responsesRule(model)
    const stateless = body['store'] === false && responsesEffort(body, rule) !== 'none'
    const refusal =
      responsesBrokenRule(turn, rule) ?? memory.brokenReplay(given, stateless) ?? strangeFile(given)
    return refusal === undefined ? { body, turn, model, rule } : { refusal }
  }

  function create(request: UpstreamRequest): Mounted {
    const checked = check(request, responsesShape)
    if ('refusal' in checked) return { final: checked.refusal }
    const { body, turn, rule } = checked
    const cacheKey = textOf(body['prompt_cache_key'])
    const prefixIsCached = cacheKey !== '' && cacheKeys.has(cacheKey)
    cacheKeys.add(cacheKey)
    const chat = readTurn(turn, rule, { prefixIsCached, nextCallId })
    const written = cacheKey !== '' && !prefixIsCached ? prefixTokens(turn) : 0
    return {
      stream: body['stream'] === true,
      lastUserText: lastUserTextIn(turn.items),
      reply: change => respond(checked, chat, change, written),
    }
  }

  function respond(checked: Checked, chat: Chat, change: AnswerChange, written: number): Reply {
    const { body, turn, model, rule } = checked
    const answer = answerTo(chat, change)
    const tier = textOf(body['service_tier'])
    const stored = body['store'] !== false
    const envelope: ResponseEnvelope = {
      id: `resp_${String(++responses).padStart(32, '0')}`,
      createdSeconds: Math.floor(Date.now() / 1000),
      model: model.snapshot,
      serviceTier: tier === 'fast' ? 'priority' : tier === '' || tier === 'auto' ? 'default' : tier,
      effort: rule.efforts.length === 0 ? null : responsesEffort(body, rule),
      summary: textOf(objectOf(body['reasoning'])['summary']) || null,
      encrypted: listOf(body['include']).includes('reasoning.encrypted_content'),
      // Only these models keep prefixes that are paid for when they are written.
      cacheWriteTokens: /^gpt-(5\.6|6)/.test(model.id) ? written : 0,
      body,
      nextItemId: prefix => `${prefix}_${String(++items).padStart(32, '0')}`,
    }
    const output = outputItems(answer, envelope)
    memory.remember(envelope.id, turn.items, output, stored)
    if (body['stream'] !== true) return jsonReply(200, responseJson(answer, output, envelope))
    return { ...eventReply(responseFrames(answer, output, envelope)), errorFrame }
  }

  function countTokens(request: UpstreamRequest): Mounted {
    const checked = check(request, inputTokensShape)
    if ('refusal' in checked) return { final: checked.refusal }
    const { promptTokens } = readTurn(checked.turn, checked.rule, { prefixIsCached: false, nextCallId })
    return { final: jsonReply(200, { object: 'response.input_tokens', input_tokens: promptTokens }) }
  }

  return (request, path) => {
    if (/^\/v1\/files(\/[^/]+(\/content)?)?$/.test(path)) return files.receive(request, path)
    const endpoints: Readonly<Record<string, (request: UpstreamRequest) => Mounted>> = {
      '/v1/responses': create,
      '/v1/responses/input_tokens': countTokens,
      '/v1/embeddings': receiveEmbeddings,
    }
    const endpoint = Object.hasOwn(endpoints, path) ? endpoints[path] : undefined
    if (endpoint === undefined || request.method === 'POST') return endpoint?.(request)
    const message = `Not allowed to ${request.method} on ${path}.`
    return { final: openAiError(405, 'method_not_supported', message) }
  }
}

// Plays OpenAI on a real socket, strictly: the double that adapters are tested against.
import { createHash } from 'node:crypto'
import { type AnswerChange, answerTo, type Chat } from './answer.ts'
import { applyAnswerFault, isAnswerFault } from './answer-faults.ts'
import { lastUserText, readChat } from './openai-chat.ts'
import { openAiError, openAiRefusal } from './openai-errors.ts'
import { defaultModels, findModel, type ServedModel } from './openai-models.ts'
import { completionJson, type Envelope, streamFrames } from './openai-reply.ts'
import { requestShape } from './openai-request.ts'
import { brokenRule } from './openai-rules.ts'
import { eventReply, jsonReply, type Reply } from './reply.ts'
import { mountResponses } from './responses.ts'
import { checkOpenAiBody } from './responses-body.ts'
import { createOpenAiFiles, type OpenAiFiles } from './responses-files.ts'
import type { Mounted } from './responses-mount.ts'
import { startServer, type Upstream } from './server.ts'
import { type JsonObject, listOf, objectOf, textOf } from './shape.ts'
import type { Fault, Received, UpstreamRequest, Wire } from './wire.ts'

/** How the double is set up. */
export type OpenAiOptions = {
  /** What `[[fault@name:…]]` calls this upstream. Default `openai`. */
  readonly name?: string
  /** Accepted keys. Default `test-key`. */
  readonly apiKeys?: readonly string[]
  /** Served model ids. Default: OpenAI's chat models of late 2026 and `test-model`. */
  readonly models?: readonly string[]
  /** Top-level fields accepted besides OpenAI's own, to play a compatible host. */
  readonly extraFields?: readonly string[]
  /** Fields of assistant messages accepted besides, such as `reasoning_content`. */
  readonly extraAssistantFields?: readonly string[]
}

/** Starts the double on a free port of 127.0.0.1. */
export const startUpstream = (options: OpenAiOptions = {}): Promise<Upstream> =>
  startServer(createOpenAiWire(options), options.name)

type Counters = { calls: number; answers: number; readonly cacheKeys: Set<string> }

/** Makes the wire. */
export function createOpenAiWire(options: OpenAiOptions): Wire {
  const keys = options.apiKeys ?? ['test-key']
  const served = options.models ?? defaultModels
  const shape = requestShape(options.extraFields ?? [], options.extraAssistantFields ?? [])
  const counters: Counters = { calls: 0, answers: 0, cacheKeys: new Set() }
  const nextCallId = (): string => `call_${String(++counters.calls).padStart(24, '0')}`
  const files = createOpenAiFiles()
  const mounted = mountResponses(served, nextCallId, files)

  function receive(request: UpstreamRequest): Received {
    const refused = refuseCaller(request, keys)
    if (refused !== undefined) return final(refused)
    const path = request.path.split('?')[0] ?? ''
    if (path === '/v1/models' || path.startsWith('/v1/models/')) return final(models(request, path, served))
    const other = mounted(request, path)
    if (other !== undefined) return receiveOther(other)
    if (path !== '/v1/chat/completions') {
      return final(openAiError(404, 'unknown_url', `Unknown request URL: ${request.method} ${path}.`))
    }
    if (request.method !== 'POST') {
      const message = `Not allowed to ${request.method} on /v1/chat/completions.`
      return final(openAiError(405, 'method_not_supported', message))
    }
    const checked = checkBody(request)
    if ('refusal' in checked) return final(checked.refusal)
    return receiveChat(checked.body, checked.model)
  }

  function receiveOther(other: Mounted): Received {
    if ('final' in other) return final(other.final)
    return {
      scriptable: true,
      stream: other.stream,
      lastUserText: other.lastUserText,
      reply(change, faults) {
        const reply = other.reply(withFaults(change, faults))
        return { ...reply, headers: { ...headersFor(++counters.answers), ...reply.headers } }
      },
    }
  }

  function checkBody(
    request: UpstreamRequest,
  ): { readonly refusal: Reply } | { readonly body: JsonObject; readonly model: ServedModel } {
    const checked = checkOpenAiBody(request, shape)
    if ('refusal' in checked) return checked
    const { body } = checked
    const name = textOf(body['model'])
    const model = findModel(name, served)
    if (model === undefined) {
      const message = `The model \`${name}\` does not exist or you do not have access to it.`
      return { refusal: openAiError(404, 'model_not_found', message) }
    }
    if (model.rule.onlyResponses) {
      const message = 'This is not a chat model and thus not supported in the v1/chat/completions endpoint.'
      return { refusal: openAiError(404, null, message, 'model') }
    }
    const refusal = brokenRule(body, model.rule, name) ?? strangeFile(body, files)
    return refusal === undefined ? { body, model } : { refusal }
  }

  function receiveChat(body: JsonObject, model: ServedModel): Received {
    const cacheKey = textOf(body['prompt_cache_key'])
    const prefixIsCached = cacheKey !== '' && counters.cacheKeys.has(cacheKey)
    counters.cacheKeys.add(cacheKey)
    const chat = readChat(body, model, {
      prefixIsCached,
      nextCallId,
    })
    return {
      scriptable: true,
      stream: body['stream'] === true,
      lastUserText: lastUserText(body),
      reply: (change, faults) => chatReply(body, model, chat, withFaults(change, faults)),
    }
  }

  function chatReply(body: JsonObject, model: ServedModel, chat: Chat, change: AnswerChange): Reply {
    const answer = answerTo(chat, change)
    const tier = textOf(body['service_tier'])
    const envelope: Envelope = {
      id: `chatcmpl-${String(++counters.answers).padStart(29, '0')}`,
      createdSeconds: Math.floor(Date.now() / 1000),
      model: model.snapshot,
      serviceTier: tier === 'fast' ? 'priority' : tier === '' || tier === 'auto' ? 'default' : tier,
      choices: typeof body['n'] === 'number' ? body['n'] : 1,
    }
    const headers = headersFor(counters.answers)
    if (body['stream'] !== true) return jsonReply(200, completionJson(answer, envelope), headers)
    const { include_usage, include_obfuscation } = objectOf(body['stream_options'])
    const wishes = { includeUsage: include_usage === true, obfuscation: include_obfuscation !== false }
    return eventReply(streamFrames(answer, envelope, wishes), headers)
  }

  return {
    name: 'openai',
    basePath: '/v1',
    receive,
    ownsFault: isAnswerFault,
    refusal(codeOrStatus) {
      const reply = openAiRefusal(codeOrStatus)
      return reply && { ...reply, headers: { ...headersFor(counters.answers), ...reply.headers } }
    },
  }
}

/** Refuses a document that was not uploaded for that. */
function strangeFile(body: JsonObject, files: OpenAiFiles): Reply | undefined {
  const parts = listOf(body['messages']).flatMap(each => listOf(objectOf(each)['content']))
  for (const part of parts) {
    const id = textOf(objectOf(objectOf(part)['file'])['file_id'])
    if (id === '') continue
    const purpose = files.purposeOf(id)
    if (purpose === undefined) return openAiError(404, null, `No such File object: ${id}`, 'file_id')
    if (purpose !== 'user_data' && purpose !== 'assistants')
      return openAiError(400, 'invalid_value', `The file ${id} has the purpose ${purpose}.`, 'file_id')
  }
  return undefined
}

const final = (reply: Reply): Received => ({
  scriptable: false,
  stream: false,
  lastUserText: '',
  reply: () => ({ ...reply, headers: { ...headersFor(0), ...reply.headers } }),
})

const withFaults = (change: AnswerChange, faults: readonly Fault[]): AnswerChange =>
  faults.reduce(
    (each, { name, value }) => (isAnswerFault(name) ? applyAnswerFault(name, each, value) : each),
    change,
  )

function refuseCaller(request: UpstreamRequest, keys: readonly string[]): Reply | undefined {
  const [, key] = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '') ?? []
  if (key === undefined) return openAiError(401, 'invalid_api_key', `You didn't provide an API key.`)
  if (keys.includes(key)) return undefined
  return openAiError(401, 'invalid_api_key', `Incorrect API key provided: ${key.slice(0, 3)}***.`)
}

function models(request: UpstreamRequest, path: string, served: readonly string[]): Reply {
  if (request.method !== 'GET')
    return openAiError(405, 'method_not_supported', `Not allowed to ${request.method}.`)
  const describe = (id: string): JsonObject => ({
    id,
    object: 'model',
    created: 1_763_769_600,
    owned_by: 'system',
  })
  if (path === '/v1/models') return jsonReply(200, { object: 'list', data: served.map(describe) })
  const id = decodeURIComponent(path.slice('/v1/models/'.length))
  if (served.includes(id)) return jsonReply(200, describe(id))
  return openAiError(404, 'model_not_found', `The model '${id}' does not exist.`, 'model')
}

/** The headers of every answer; the remaining requests count down with the answers. */
const headersFor = (answers: number): Readonly<Record<string, string>> => ({
  'x-request-id': `req_${createHash('md5').update(String(answers)).digest('hex')}`,
  'openai-processing-ms': '7',
  'openai-version': '2020-10-01',
  'openai-organization': 'org-double',
  'x-ratelimit-limit-requests': '10000',
  'x-ratelimit-limit-tokens': '2000000',
  'x-ratelimit-remaining-requests': String(Math.max(0, 10_000 - answers)),
  'x-ratelimit-remaining-tokens': '1999000',
  'x-ratelimit-reset-requests': '6ms',
  'x-ratelimit-reset-tokens': '30ms',
})

// Plays Kimi on a real socket, strictly: chat, files, token counts, balance and models.
import { createHash } from 'node:crypto'
import type { AnswerChange, Chat } from './answer.ts'
import { applyAnswerFault, isAnswerFault } from './answer-faults.ts'
import { kimiAnswer, readKimiChat } from './kimi-chat.ts'
import { kimiError, kimiInvalid, kimiRefusal } from './kimi-errors.ts'
import { createKimiFiles, isKimiFileFault, type KimiFiles } from './kimi-files.ts'
import { findKimiModel, type KimiModel, kimiModels } from './kimi-models.ts'
import { type KimiEnvelope, kimiCompletion, kimiFrames, type UsagePlace } from './kimi-reply.ts'
import { kimiCountShape, kimiShape } from './kimi-request.ts'
import { kimiBrokenRule } from './kimi-rules.ts'
import { createKimiSearch } from './kimi-search.ts'
import { lastUserText } from './openai-chat.ts'
import { eventReply, jsonReply, type Reply } from './reply.ts'
import { startServer, type Upstream } from './server.ts'
import { isObject, type JsonObject, listOf, objectOf, type Shape, ShapeError, textOf } from './shape.ts'
import type { Fault, Received, UpstreamRequest, Wire } from './wire.ts'

/** How the double is set up. */
export type KimiOptions = {
  /** What `[[fault@name:…]]` calls this upstream. Default `kimi`. */
  readonly name?: string
  /** Accepted keys. Default `test-key`. */
  readonly apiKeys?: readonly string[]
  /** Served model ids. Default: those of late 2026, without the retired moonshot-v1. */
  readonly models?: readonly string[]
  /** Where streams have their usage. Default: as the model's family does, k2 in the choice, k3 beside it. */
  readonly usageIn?: UsagePlace
  /** How many looks find a new file in processing. Default 0. */
  readonly filePolls?: number
  /** What is left of the money, in USD; at 0 or below chat is refused. Default 100. */
  readonly balance?: number
}

/** Starts the double on a free port of 127.0.0.1. */
export const startKimi = (options: KimiOptions = {}): Promise<Upstream> =>
  startServer(createKimiWire(options), options.name)

const usageFaults: Readonly<Record<string, UsagePlace>> = {
  'usage-in-final-chunk': 'final',
  'usage-in-own-chunk': 'own',
}
const CACHED_IN_DETAILS = 'cached-in-details'

/** Makes the wire. Its own faults are the usage places above, `cached-in-details`, and those of files. */
export function createKimiWire(options: KimiOptions): Wire {
  const keys = options.apiKeys ?? ['test-key']
  const served = options.models ?? kimiModels
  const balance = options.balance ?? 100
  const files = createKimiFiles(options.filePolls ?? 0)
  const search = createKimiSearch()
  const cacheKeys = new Set<string>()
  let calls = 0
  let answers = 0

  const withHeaders = (reply: Reply): Reply => ({
    ...reply,
    headers: { ...headersFor(answers), ...reply.headers },
  })
  const final = (reply: Reply): Received => ({
    scriptable: false,
    stream: false,
    lastUserText: '',
    reply: () => withHeaders(reply),
  })

  function receive(request: UpstreamRequest): Received {
    const refused = refuseCaller(request, keys)
    if (refused !== undefined) return final(refused)
    const path = request.path.split('?')[0]?.replace(/^\/v1(?=\/)/, '') ?? ''
    if (request.path.startsWith('/v1/') && /^\/files(\/[^/]+(\/content)?)?$/.test(path))
      return receiveFile(request, path)
    const route = `${request.method} ${request.path}`
    if (route === 'GET /v1/models')
      return final(jsonReply(200, { object: 'list', data: served.map(id => describeModel(id, served)) }))
    if (route === 'GET /v1/users/me/balance') return final(jsonReply(200, balanceJson(balance)))
    if (route === 'POST /v1/tokenizers/estimate-token-count') return final(countTokens(request))
    if (route !== 'POST /v1/chat/completions') {
      const message = 'The requested resource was not found'
      return final(kimiError(404, 'resource_not_found_error', message))
    }
    const checked = checkBody(request, kimiShape, served)
    if ('refusal' in checked) return final(checked.refusal)
    return receiveChat(checked.body, checked.model)
  }

  function receiveFile(request: UpstreamRequest, path: string): Received {
    const upload = request.method === 'POST'
    return {
      scriptable: true,
      stream: false,
      lastUserText: upload ? files.filenameIn(request) : '',
      reply: (_change, faults) => withHeaders(files.reply(request, path, faults)),
    }
  }

  function countTokens(request: UpstreamRequest): Reply {
    const checked = checkBody(request, kimiCountShape, served)
    if ('refusal' in checked) return checked.refusal
    const refusal = kimiBrokenRule(checked.body, checked.model) ?? strangeFile(checked.body, files)
    if (refusal !== undefined) return refusal
    const known = { prefixIsCached: false, nextCallId: () => '', search }
    return jsonReply(200, {
      data: { total_tokens: readKimiChat(checked.body, checked.model, known).promptTokens },
    })
  }

  function receiveChat(body: JsonObject, model: KimiModel): Received {
    const refusal = kimiBrokenRule(body, model) ?? search.brokenEcho(body) ?? strangeFile(body, files)
    if (refusal !== undefined) return final(refusal)
    const cacheKey = textOf(body['prompt_cache_key'])
    const chat = readKimiChat(body, model, {
      prefixIsCached: cacheKey !== '' && cacheKeys.has(cacheKey),
      nextCallId: () => `call_${String(++calls).padStart(24, '0')}`,
      search,
    })
    const limit = model.contextTokens
    if (chat.promptTokens + (chat.maxTokens ?? 0) > limit)
      return final(kimiInvalid(`Invalid request: Your request exceeded model token limit: ${limit}`))
    if (balance <= 0) return final(kimiRefusal('insufficient_balance') ?? kimiInvalid('no balance'))
    cacheKeys.add(cacheKey)
    return {
      scriptable: true,
      stream: body['stream'] === true,
      lastUserText: lastUserText(body),
      reply: (change, faults) => chatReply(body, model, chat, change, faults),
    }
  }

  function chatReply(
    body: JsonObject,
    model: KimiModel,
    chat: Chat,
    change: AnswerChange,
    faults: readonly Fault[],
  ): Reply {
    const changed = withFaults(change, faults)
    const answer = kimiAnswer(body, model, chat, changed, search)
    const envelope: KimiEnvelope = {
      id: `chatcmpl-${String(++answers).padStart(24, '0')}`,
      createdSeconds: Math.floor(Date.now() / 1000),
      model: model.id,
      usageIn:
        usagePlace(changed, faults) ?? options.usageIn ?? (streams(body) ? model.family.usageIn : 'final'),
      includeUsage: objectOf(body['stream_options'])['include_usage'] === true,
      cachedInDetails: faults.some(fault => fault.name === CACHED_IN_DETAILS),
    }
    const reply = streams(body)
      ? eventReply(kimiFrames(answer, envelope))
      : jsonReply(200, kimiCompletion(answer, envelope))
    return withHeaders(reply)
  }

  return {
    name: 'kimi',
    basePath: '/v1',
    receive,
    ownsFault: name =>
      isAnswerFault(name) || name === CACHED_IN_DETAILS || name in usageFaults || isKimiFileFault(name),
    refusal(codeOrStatus) {
      const reply = kimiRefusal(codeOrStatus)
      return reply && withHeaders(reply)
    },
  }
}

const streams = (body: JsonObject): boolean => body['stream'] === true

const withFaults = (change: AnswerChange, faults: readonly Fault[]): AnswerChange =>
  faults.reduce(
    (each, { name, value }) => (isAnswerFault(name) ? applyAnswerFault(name, each, value) : each),
    change,
  )

/** Where a test wants the usage; undefined: where it usually is. */
function usagePlace(change: AnswerChange, faults: readonly Fault[]): UsagePlace | undefined {
  const own = faults.map(fault => usageFaults[fault.name]).find(place => place !== undefined)
  const wished = change.style?.usageIn
  if (own !== undefined || wished === undefined) return own
  if (wished === 'groq') throw new Error('kimi has no usage in x_groq')
  return wished === 'chunk' ? 'own' : wished
}

function checkBody(
  request: UpstreamRequest,
  shape: Shape,
  served: readonly string[],
): { readonly refusal: Reply } | { readonly body: JsonObject; readonly model: KimiModel } {
  const { body } = request
  if (!/^application\/json(\s*;\s*charset=utf-8)?$/i.test(request.headers['content-type'] ?? ''))
    return { refusal: kimiInvalid('the content type must be application/json') }
  if (!isObject(body)) return { refusal: kimiInvalid('the body is not a JSON object') }
  try {
    shape(body, '')
  } catch (error) {
    if (error instanceof ShapeError) return { refusal: kimiInvalid(error.message) }
    throw error
  }
  const name = textOf(body['model'])
  const model = findKimiModel(name, served)
  if (model !== undefined) return { body, model }
  const message = `Not found the model ${name} or Permission denied`
  return { refusal: kimiError(404, 'resource_not_found_error', message) }
}

/** Refuses media by a file that was not uploaded for it. */
function strangeFile(body: JsonObject, files: KimiFiles): Reply | undefined {
  const parts = listOf(body['messages'])
    .flatMap(each => listOf(objectOf(each)['content']))
    .map(objectOf)
  for (const part of parts) {
    const kind = textOf(part['type']).replace('_url', '')
    const given = part['image_url'] ?? part['video_url']
    const [, id] = /^ms:\/\/(\S+)$/.exec(textOf(isObject(given) ? given['url'] : given)) ?? []
    if (id === undefined || files.purposeOf(id) === kind) continue
    return kimiInvalid(`Invalid request: no ${kind} file ${id}`)
  }
  return undefined
}

function refuseCaller(request: UpstreamRequest, keys: readonly string[]): Reply | undefined {
  const [, key] = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '') ?? []
  if (key !== undefined && keys.includes(key)) return undefined
  return kimiRefusal(key === undefined ? 'invalid_authentication_error' : 'incorrect_api_key_error')
}

function describeModel(id: string, served: readonly string[]): JsonObject {
  const model = findKimiModel(id, served)
  return {
    id,
    object: 'model',
    created: 1_763_769_600,
    owned_by: 'moonshot',
    context_length: model?.contextTokens,
    supports_image_in: model?.family.media,
    supports_video_in: model?.family.media,
    supports_reasoning: model?.family.thinking !== 'never',
  }
}

const balanceJson = (balance: number): JsonObject => ({
  code: 0,
  data: { available_balance: balance, voucher_balance: 0, cash_balance: balance },
  scode: '0x0',
  status: true,
})

const headersFor = (answers: number): Readonly<Record<string, string>> => ({
  'msh-request-id': createHash('md5').update(`kimi ${answers}`).digest('hex'),
  'msh-uid': 'uid-double',
  'msh-gid': 'gid-double',
})

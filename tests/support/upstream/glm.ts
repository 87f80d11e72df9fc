// Plays GLM (Z.AI and BigModel) on a real socket, strictly: the double that its adapter is tested against.
import type { AnswerChange, Chat } from './answer.ts'
import { applyAnswerFault, isAnswerFault } from './answer-faults.ts'
import { type ErrorForm, glmError, glmErrorBody, glmRefusal, isGlmCode, violationOf } from './glm-errors.ts'
import { createGlmFiles } from './glm-files.ts'
import { embeddedTexts, embeddingsReply, isJsonBody, tokenizerReply } from './glm-measures.ts'
import { defaultModels, findModel, type GlmModel, listedModels } from './glm-models.ts'
import { completionJson, type Envelope, glmAnswer, streamFrames, type Tags } from './glm-reply.ts'
import { chatShape } from './glm-request.ts'
import { brokenRule, thinks } from './glm-rules.ts'
import { lastUserText, readChat } from './openai-chat.ts'
import { findModel as findPlainModel } from './openai-models.ts'
import { eventReply, jsonReply, type Reply } from './reply.ts'
import { startServer, type Upstream } from './server.ts'
import { type JsonObject, objectOf, textOf } from './shape.ts'
import type { Fault, Received, UpstreamRequest, Wire } from './wire.ts'

/** How the double is set up. */
export type GlmOptions = {
  /** What `[[fault@name:…]]` calls this upstream. Default `glm`. */
  readonly name?: string
  /** Accepted keys. Default `test-key`. */
  readonly apiKeys?: readonly string[]
  /** Keys of a coding plan: on this URL they are answered 429 with the code 1113. */
  readonly codingKeys?: readonly string[]
  /** Served model ids. Default: those of late 2026, of which the list of models shows three. */
  readonly models?: readonly string[]
  /** Plays BigModel: embeddings, more purposes of files, other search engines. Default false, which is Z.AI. */
  readonly bigModel?: boolean
  /** Largest file. Default 100 MB. */
  readonly fileSizeBytesMax?: number
}

const BASE_PATH = '/api/paas/v4'

/**
 * The faults of this wire besides those of `answer-faults.ts`:
 * `code=1302` answers with that business code; `code-after-events=1305,2` does so behind two events of a stream;
 * `top-level-error`, `number-code` and `event-error` change how either is written;
 * `box-tags` and `think-tags` put the tags of old models into the text, cut in the middle.
 */
const ownFaults = [
  'code',
  'code-after-events',
  'top-level-error',
  'number-code',
  'event-error',
  'box-tags',
  'think-tags',
]

/** Starts the double on a free port of 127.0.0.1. */
export const startGlm = (options: GlmOptions = {}): Promise<Upstream> =>
  startServer(createGlmWire(options), options.name)

/** Makes the wire. */
export function createGlmWire(options: GlmOptions): Wire {
  const bigModel = options.bigModel === true
  const served = options.models ?? defaultModels
  const shape = chatShape(bigModel)
  const files = createGlmFiles(bigModel, options.fileSizeBytesMax)
  const requestIds = new Set<string>()
  let calls = 0
  let answers = 0

  function receive(request: UpstreamRequest): Received {
    const refused = refuseCaller(request, options)
    if (refused !== undefined) return final(refused)
    const [whole = '', query] = request.path.split('?')
    if (!whole.startsWith(`${BASE_PATH}/`)) return final(glmError('1222'))
    const path = whole.slice(BASE_PATH.length)
    if (path === '/models') return final(listModels(request.method))
    if (path === '/files' || path.startsWith('/files/')) {
      const rest = path.slice('/files'.length)
      return plain(() => files.handle(request, rest, new URLSearchParams(query)))
    }
    const known = ['/chat/completions', '/tokenizer', ...(bigModel ? ['/embeddings'] : [])]
    if (!known.includes(path)) return final(glmError('1222'))
    if (request.method !== 'POST') return final(glmError('1212'))
    if (!isJsonBody(request.body, request.headers['content-type'])) return final(glmError('1210'))
    if (path === '/tokenizer') return plain(() => tokenizerReply(request.body))
    if (path === '/embeddings') {
      const text = embeddedTexts(objectOf(request.body)['input']).join(' ')
      return plain(() => embeddingsReply(request.body), text)
    }
    return receiveChat(objectOf(request.body))
  }

  const listModels = (method: string): Reply => {
    if (method !== 'GET') return glmError('1212')
    const describe = (id: string) => ({ id, object: 'model', created: 1_763_769_600, owned_by: 'z-ai' })
    return jsonReply(200, { object: 'list', data: (options.models ?? listedModels).map(describe) })
  }

  function receiveChat(body: JsonObject): Received {
    const misshapen = violationOf(() => shape(body, ''))
    if (misshapen !== undefined) return final(misshapen)
    const name = textOf(body['model'])
    const model = findModel(name, served)
    if (model === undefined) return final(glmError('1211'))
    const refusal = brokenRule(body, model, bigModel)
    if (refusal !== undefined) return final(refusal)
    const requestId = textOf(body['request_id'])
    // Known from the first time it is seen, whatever became of that request.
    if (requestId !== '' && requestIds.has(requestId)) return final(glmError('1231'))
    requestIds.add(requestId)
    const chat = readPlainChat(body, () => `call_${String(++calls).padStart(20, '0')}`)
    return {
      scriptable: true,
      stream: body['stream'] === true,
      lastUserText: lastUserText(body),
      reply: (change, faults) => chatReply(body, model, chat, change, faults),
    }
  }

  function chatReply(
    body: JsonObject,
    model: GlmModel,
    chat: Chat,
    change: AnswerChange,
    faults: readonly Fault[],
  ): Reply {
    const wrong = errorFault(faults)
    if (wrong !== undefined) return wrong
    const answer = glmAnswer(body, chat, thinks(body, model), withAnswerFaults(change, faults))
    const id = `202611221200${String(++answers).padStart(20, '0')}`
    const envelope: Envelope = {
      id,
      requestId: textOf(body['request_id']) || id,
      createdSeconds: Math.floor(Date.now() / 1000),
      model: textOf(body['model']),
    }
    const tags: Tags = has(faults, 'box-tags') ? 'box' : has(faults, 'think-tags') ? 'think' : 'none'
    if (body['stream'] !== true) return jsonReply(200, completionJson(answer, envelope, body, tags))
    return eventReply(brokenOff(streamFrames(answer, envelope, body, tags), faults))
  }

  return {
    name: 'glm',
    basePath: BASE_PATH,
    receive,
    // GLM has no refusals in a field of their own.
    ownsFault: name => (isAnswerFault(name) && name !== 'refusal') || ownFaults.includes(name),
    refusal: glmRefusal,
  }
}

const has = (faults: readonly Fault[], name: string): boolean => faults.some(fault => fault.name === name)

const formOf = (faults: readonly Fault[]): ErrorForm => ({
  topLevel: has(faults, 'top-level-error'),
  numberCode: has(faults, 'number-code'),
})

function codeOf(value: string | undefined): string {
  if (value === undefined || !isGlmCode(value)) throw new Error(`glm has no error ${value}`)
  return value
}

/** The answer that the fault `code` asks for. */
function errorFault(faults: readonly Fault[]): Reply | undefined {
  const code = faults.find(fault => fault.name === 'code')
  return code && glmError(codeOf(code.value), undefined, formOf(faults))
}

/** Ends the stream with an error when a fault says so. */
function brokenOff(frames: readonly string[], faults: readonly Fault[]): readonly string[] {
  const fault = faults.find(each => each.name === 'code-after-events')
  if (fault === undefined) return frames
  const [code, count] = (fault.value ?? '1234').split(',')
  const data = JSON.stringify(glmErrorBody(codeOf(code), undefined, formOf(faults)))
  const event = has(faults, 'event-error') ? 'event: error\n' : ''
  return [...frames.slice(0, Number(count ?? 1)), `${event}data: ${data}\n\n`]
}

const withAnswerFaults = (change: AnswerChange, faults: readonly Fault[]): AnswerChange =>
  faults.reduce(
    (each, { name, value }) => (isAnswerFault(name) ? applyAnswerFault(name, each, value) : each),
    change,
  )

/** Only what GLM shares with the plainest model is read; its thinking is its own. */
function readPlainChat(body: JsonObject, nextCallId: () => string): Chat {
  const model = findPlainModel('test-model', ['test-model'])
  if (model === undefined) throw new Error('there is no plain model')
  return readChat(body, model, { prefixIsCached: false, nextCallId })
}

const final = (reply: Reply): Received => ({
  scriptable: false,
  stream: false,
  lastUserText: '',
  reply: () => reply,
})

/** An endpoint without answers of a model; it acts only when no fault refuses first. */
const plain = (act: () => Reply, lastUserText = ''): Received => ({
  scriptable: true,
  stream: false,
  lastUserText,
  reply: (_change, faults) => errorFault(faults) ?? act(),
})

function refuseCaller(request: UpstreamRequest, options: GlmOptions): Reply | undefined {
  const { authorization } = request.headers
  if (authorization === undefined || authorization === '') return glmError('1001')
  const [, key] = /^Bearer (\S+)$/.exec(authorization) ?? []
  if (key === undefined) return glmError('1002')
  if (options.codingKeys?.includes(key) === true) return glmError('1113')
  return (options.apiKeys ?? ['test-key']).includes(key) ? undefined : glmError('1000')
}

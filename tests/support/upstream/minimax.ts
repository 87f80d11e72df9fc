// Plays MiniMax's Chat Completions and files on a real socket, strictly: the double that its adapter is tested against.
import { createHash } from 'node:crypto'
import type { AnswerChange, Chat } from './answer.ts'
import { applyAnswerFault, isAnswerFault } from './answer-faults.ts'
import {
  type ErrorForm,
  errorBody,
  errorForms,
  miniMaxError,
  miniMaxRefusal,
  plainReply,
  refuse,
} from './minimax-errors.ts'
import { createMiniMaxFiles } from './minimax-files.ts'
import { defaultModels, findModel, type MiniMaxModel } from './minimax-models.ts'
import { completionJson, type Envelope, miniMaxAnswer, streamFrames } from './minimax-reply.ts'
import { chatShape } from './minimax-request.ts'
import { brokenRole, brokenRule, reasoningMissing, thinks } from './minimax-rules.ts'
import { lastUserText, readChat } from './openai-chat.ts'
import { findModel as findPlainModel } from './openai-models.ts'
import { eventReply, jsonReply, type Reply } from './reply.ts'
import { startServer, type Upstream } from './server.ts'
import { isObject, type JsonObject, ShapeError, textOf } from './shape.ts'
import type { Fault, Received, UpstreamRequest, Wire } from './wire.ts'

/** How the double is set up. */
export type MiniMaxOptions = {
  /** What `[[fault@name:…]]` calls this upstream. Default `minimax`. */
  readonly name?: string
  /** Accepted keys. Default `test-key`. */
  readonly apiKeys?: readonly string[]
  /** Served model ids, matched with their case. Default: those of late 2026. */
  readonly models?: readonly string[]
}

/**
 * The faults of this wire besides those of `answer-faults.ts`:
 * `code=1008` answers with that business code; `code-after-events=1027,2` does so behind two events of a stream;
 * `form=error-full-width` (see `errorForms`) and `http-status=500` change how either is written;
 * `cumulative` makes each text of a stream repeat what came before it.
 */
const ownFaults = ['code', 'code-after-events', 'form', 'http-status', 'cumulative']

/** Starts the double on a free port of 127.0.0.1. */
export const startMiniMax = (options: MiniMaxOptions = {}): Promise<Upstream> =>
  startServer(createMiniMaxWire(options), options.name)

/** Makes the wire. */
export function createMiniMaxWire(options: MiniMaxOptions): Wire {
  const served = options.models ?? defaultModels
  const files = createMiniMaxFiles()
  const unreasonedCalls = new Set<string>()
  let calls = 0
  let answers = 0
  let requests = 0

  /** Gives the answer the id under which MiniMax would look for it. */
  const traced = (reply: Reply): Reply => {
    const trace = createHash('md5').update(String(++requests)).digest('hex')
    return { ...reply, headers: { ...reply.headers, 'trace-id': trace } }
  }

  const final = (reply: Reply): Received => ({
    scriptable: false,
    stream: false,
    lastUserText: '',
    reply: () => traced(reply),
  })

  function receive(request: UpstreamRequest): Received {
    const refused = refuseCaller(request, options.apiKeys ?? ['test-key'])
    if (refused !== undefined) return final(refused)
    const [path = '', query] = request.path.split('?')
    const route = `${request.method} ${path}`
    if (route === 'GET /v1/models') return final(listModels())
    if (path.startsWith('/v1/files/')) {
      const act = () => files.handle(request, path.slice('/v1/files/'.length), new URLSearchParams(query))
      return {
        scriptable: true,
        stream: false,
        lastUserText: '',
        reply: (_change, faults) => traced(errorFault(faults, false) ?? act()),
      }
    }
    if (route !== 'POST /v1/chat/completions') return final(plainReply(404, '404 page not found'))
    const json = /^application\/json(\s*;\s*charset=utf-8)?$/i.test(request.headers['content-type'] ?? '')
    if (!json || !isObject(request.body)) return final(refuse('invalid params, the body is no JSON object'))
    return receiveChat(request.body)
  }

  const listModels = (): Reply => {
    const describe = (id: string) => ({ id, object: 'model', created: 1_763_769_600, owned_by: 'minimax' })
    return jsonReply(200, { object: 'list', data: served.map(describe) })
  }

  function receiveChat(body: JsonObject): Received {
    const misshapen = brokenRole(body) ?? violationOf(body)
    if (misshapen !== undefined) return final(misshapen)
    const name = textOf(body['model'])
    const model = findModel(name, served)
    if (model === undefined) return final(refuse(`invalid params, unknown model '${name}'`))
    const refusal = brokenRule(body, model, files.hasVideo)
    if (refusal !== undefined) return final(refusal)
    const chat = readPlainChat(body, () => `call_function_${String(++calls).padStart(12, '0')}_1`)
    return {
      scriptable: true,
      stream: body['stream'] === true,
      lastUserText: lastUserText(body),
      reasoningMissing: reasoningMissing(body, model, unreasonedCalls),
      reply: (change, faults) => traced(chatReply(body, model, chat, change, faults)),
    }
  }

  function chatReply(
    body: JsonObject,
    model: MiniMaxModel,
    chat: Chat,
    change: AnswerChange,
    faults: readonly Fault[],
  ): Reply {
    const stream = body['stream'] === true
    const wrong = errorFault(faults, stream)
    if (wrong !== undefined) return wrong
    const answer = miniMaxAnswer(body, model, chat, thinks(body, model), withAnswerFaults(change, faults))
    if (answer.reasoning === '') for (const call of answer.toolCalls) unreasonedCalls.add(call.id)
    const envelope: Envelope = {
      id: String(++answers).padStart(32, '0'),
      createdSeconds: Math.floor(Date.now() / 1000),
      model: textOf(body['model']),
    }
    if (!stream) return jsonReply(200, completionJson(answer, envelope))
    const cumulative = faultValue(faults, 'cumulative') !== undefined
    return eventReply(brokenOff(streamFrames(answer, envelope, body, cumulative), faults))
  }

  return {
    name: 'minimax',
    basePath: '/v1',
    receive,
    // MiniMax has no refusals in a field of their own.
    ownsFault: name => (isAnswerFault(name) && name !== 'refusal') || ownFaults.includes(name),
    refusal(codeOrStatus) {
      const reply = miniMaxRefusal(codeOrStatus)
      return reply && traced(reply)
    },
  }
}

/** The value of a fault, empty if it has none; undefined when the fault is not there. */
function faultValue(faults: readonly Fault[], name: string): string | undefined {
  const fault = faults.find(each => each.name === name)
  return fault && (fault.value ?? '')
}

function wishOf(faults: readonly Fault[]): { readonly form?: ErrorForm; readonly status?: number } {
  const [given, status] = [faultValue(faults, 'form'), faultValue(faults, 'http-status')]
  const form = errorForms.find(each => each === given)
  if (given !== undefined && form === undefined) throw new Error(`minimax has no error form ${given}`)
  return {
    ...(form === undefined ? {} : { form }),
    ...(status === undefined ? {} : { status: Number(status) }),
  }
}

/** The answer that the fault `code` asks for. */
function errorFault(faults: readonly Fault[], stream: boolean): Reply | undefined {
  const code = faultValue(faults, 'code')
  return code === undefined ? undefined : miniMaxError(code, { ...wishOf(faults), stream })
}

/** Ends the stream with an error when a fault says so; there it is in `base_resp` unless another form is given. */
function brokenOff(frames: readonly string[], faults: readonly Fault[]): readonly string[] {
  const value = faultValue(faults, 'code-after-events')
  if (value === undefined) return frames
  const [code, count] = (value || '1000').split(',')
  const { form = 'base_resp', status = 500 } = wishOf(faults)
  const data = JSON.stringify(errorBody(code ?? '', form, status))
  return [...frames.slice(0, Number(count ?? 1)), `data: ${data}\n\n`]
}

const withAnswerFaults = (change: AnswerChange, faults: readonly Fault[]): AnswerChange =>
  faults.reduce(
    (each, { name, value }) => (isAnswerFault(name) ? applyAnswerFault(name, each, value) : each),
    change,
  )

/** Only what MiniMax shares with the plainest model is read; its thinking is its own. */
function readPlainChat(body: JsonObject, nextCallId: () => string): Chat {
  const model = findPlainModel('test-model', ['test-model'])
  if (model === undefined) throw new Error('there is no plain model')
  return readChat(body, model, { prefixIsCached: false, nextCallId })
}

function violationOf(body: JsonObject): Reply | undefined {
  try {
    chatShape(body, '')
    return undefined
  } catch (error) {
    if (error instanceof ShapeError) return refuse(`invalid params, ${error.violation.message}`)
    throw error
  }
}

function refuseCaller(request: UpstreamRequest, keys: readonly string[]): Reply | undefined {
  const [, key] = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '') ?? []
  if (key === undefined) return miniMaxError('1004')
  return keys.includes(key) ? undefined : miniMaxError('2049')
}

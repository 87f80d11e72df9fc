// A server whose handlers do what the model of a request says, so that one client can see every way in which a call may go.
import { create } from '@bufbuild/protobuf'
import { Code, ConnectError, type HandlerContext } from '@connectrpc/connect'
import { ChatService, type CompleteRequest, CompleteResponseSchema } from '#gen/exai/v1/chat_service_pb'
import { FilesService } from '#gen/exai/v1/files_service_pb'
import { batched } from '../../../../../src/core/batched.ts'
import { DEFAULT_CALLER } from '../../../../../src/core/caller.ts'
import { systemClock } from '../../../../../src/core/clock.ts'
import { GatewayError } from '../../../../../src/core/errors.ts'
import type { CallRecord } from '../../../../../src/core/gateway-event.ts'
import { connectCorsNeeds } from '../../../../../src/doors/connect/cors-needs.ts'
import { createRouter, type ServiceRouter } from '../../../../../src/doors/connect/router.ts'
import { exchangeOf } from '../../../../../src/doors/connect/served.ts'
import { createServingDoor } from '../../../../../src/doors/connect/serving.ts'
import { createCors } from '../../../../../src/server/cors.ts'
import { type CallEnd, createExchanges } from '../../../../../src/server/exchange.ts'
import { createHandler } from '../../../../../src/server/handler.ts'
import { openGuard } from '../../../../../src/server/hosts.ts'
import { createPort } from '../../../../../src/server/port.ts'
import { textPart } from '../harness.ts'

/** The largest request message there, in bytes. */
export const READ_MAX_BYTES = 300_000

/** The calls that a server saw. */
export type Seen = {
  readonly ends: CallEnd[]
  readonly records: CallRecord[]
  /** How many calls connect-es served. */
  officially: number
}

/** A running server. */
export type Differing = AsyncDisposable & {
  readonly url: string
  readonly seen: Seen
  /** Resolves when nothing runs. */
  readonly idle: () => Promise<void>
}

const LARGE = 'well, '.repeat(5_000)

function setFields(context: HandlerContext): void {
  context.responseHeader.set('x-mine', 'one, two')
  context.responseHeader.append('a-first', 'é'.normalize('NFD').length.toString())
  context.responseTrailer.set('x-after', 'last')
  context.responseTrailer.append('b-bin', 'AAEC')
}

function fail(model: string): void {
  if (model === 'refused') {
    throw new GatewayError('RATE_LIMITED', 'too many: wait – a little', { retryDelayMs: 1_500 })
  }
  if (model === 'broken')
    throw new GatewayError('UPSTREAM_BROKEN', LARGE.slice(0, 9_000), { provider: 'p', model: 'm' })
  if (model === 'fault') throw new TypeError('a fault')
  if (model === 'foreign') {
    throw new ConnectError('foreign', Code.DataLoss, { 'x-why': 'because', 'content-type': 'text/html' })
  }
  if (model === 'half') throw new GatewayError('INVALID_REQUEST', `cut \ud83d`)
}

function wait(context: HandlerContext): Promise<never> {
  const { signal } = exchangeOf(context)
  return new Promise((_, reject) => {
    const end = (): void => reject(signal.reason)
    if (signal.aborted) end()
    else signal.addEventListener('abort', end, { once: true })
  })
}

async function complete({ model, messages }: CompleteRequest, context: HandlerContext) {
  if (model === 'fields') setFields(context)
  if (model === 'slow') await wait(context)
  if (model === 'heads') {
    return { id: [...context.requestHeader.keys()].filter(name => name.startsWith('x-')).join() }
  }
  fail(model)
  if (model === 'empty') return {}
  // What is no message of the contract cannot be written.
  if (model === 'unwritable') return create(CompleteResponseSchema, { usage: { inputTokens: 1.5 } })
  const text = model === 'large' ? LARGE : `hi ${messages.length} – ☃`
  return { id: 'resp_1', model, message: { content: [textPart(text)] } }
}

async function* stream({ model }: CompleteRequest, context: HandlerContext) {
  if (model === 'fields') setFields(context)
  if (model === 'slow') await wait(context)
  if (model.startsWith('at once ')) fail(model.slice('at once '.length))
  if (model === 'empty') return
  for (let sequence = 1; sequence <= 4; sequence += 1) {
    const text = model === 'large' && sequence === 2 ? LARGE : `${sequence} – ☃`
    if (model === 'unwritable' && sequence === 3) yield { sequence: 1.5 }
    if (model === 'paced') await new Promise(resolve => setImmediate(resolve))
    yield { sequence, event: { case: 'textDelta' as const, value: { text } } }
    if (sequence === 2) fail(model)
  }
}

const IN_PAIRS = 'in pairs '

/** The same stream, which hands over what is ready together. */
async function* pairs<T>(stream: AsyncIterable<T>): AsyncGenerator<readonly T[]> {
  let waiting: T[] = []
  for await (const one of stream) {
    waiting.push(one)
    if (waiting.length < 2) continue
    yield waiting
    waiting = []
  }
  if (waiting.length > 0) yield waiting
}

function methods(): ServiceRouter {
  const router = createRouter()
  const limits = { readMaxBytes: READ_MAX_BYTES }
  router.service(
    ChatService,
    {
      complete,
      streamComplete: (request, context) => {
        const { model } = request
        if (!model.startsWith(IN_PAIRS)) return stream(request, context)
        return batched(pairs(stream({ ...request, model: model.slice(IN_PAIRS.length) }, context)))
      },
      listModels: () => ({ models: [{ id: 'echo' }] }),
    },
    limits,
  )
  router.service(
    FilesService,
    {
      uploadFile: async messages => {
        let count = 0
        for await (const _ of messages) count += 1
        return { file: { id: `file_${count}` } }
      },
    },
    limits,
  )
  return router
}

/** The same methods; each call that connect-es serves is counted. */
function counted(router: ServiceRouter, seen: Seen): ServiceRouter {
  const handlers = router.handlers.map(handler => {
    const { requestPath, method, service, protocolNames, allowedMethods, supportedContentType } = handler
    const serve: typeof handler = Object.assign(
      (...args: Parameters<typeof handler>) => {
        seen.officially += 1
        return handler(...args)
      },
      { requestPath, method, service, protocolNames, allowedMethods, supportedContentType },
    )
    return serve
  })
  return { ...router, handlers }
}

/** Starts the server on a free port, with every call served by connect-es or not. */
export async function startDiffering(isOfficial: boolean): Promise<Differing> {
  const seen: Seen = { ends: [], records: [], officially: 0 }
  const silent = (): void => {}
  const exchanges = createExchanges({
    log: { debug: silent, info: silent, warn: silent, error: silent },
    metrics: { callEnded: end => void seen.ends.push(end) },
    calls: { began: silent, ended: call => void seen.records.push(call.record()) },
    clock: systemClock,
    requestTimeoutMs: 10_000,
  })
  const door = createServingDoor({
    router: counted(methods(), seen),
    maxBytesOf: () => READ_MAX_BYTES,
    isCounted: () => true,
    isOfficial,
  })
  const handler = createHandler({
    doors: [door],
    routes: (_, res) => {
      res.statusCode = 404
      res.end()
    },
    exchanges,
    guard: openGuard,
    access: { authenticate: () => DEFAULT_CALLER, isOpen: () => false, authorize: () => {} },
    cors: createCors(['http://a.example'], connectCorsNeeds),
    clock: systemClock,
  })
  const port = createPort({ handler })
  const at = await port.listen({ host: '127.0.0.1', port: 0 })
  return {
    url: `http://127.0.0.1:${at.port}`,
    seen,
    idle: exchanges.idle,
    [Symbol.asyncDispose]: async () => {
      port.destroy()
      await port.closed()
    },
  }
}

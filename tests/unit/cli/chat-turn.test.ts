// One turn of `exai chat` against services that do not do what they should: none of it is an answer.
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { Code, ConnectError } from '@connectrpc/connect'
import { connectNodeAdapter } from '@connectrpc/connect-node'
import { afterEach, expect, test } from 'vitest'
import { ChatService, type StreamEventSchema } from '#gen/exai/v1/chat_service_pb'
import { askQuestion, type TurnDeps, type TurnEnd } from '../../../src/cli/chat-turn.ts'
import { systemClock } from '../../../src/core/clock.ts'

type Event = MessageInitShape<typeof StreamEventSchema>
type Answer = (signal: AbortSignal) => AsyncGenerator<Event>

let server: Server
afterEach(() => {
  server.closeAllConnections()
  return new Promise(resolve => void server.close(resolve))
})

async function listening(listener: RequestListener) {
  server = createServer(listener)
  await new Promise<void>(resolve => void server.listen(0, '127.0.0.1', resolve))
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
}

const serviceThat = (answer: Answer) =>
  listening(
    connectNodeAdapter({
      routes: router =>
        router.service(ChatService, {
          streamComplete(_, { signal, responseHeader }) {
            responseHeader.set('x-request-id', 'call_1')
            return answer(signal)
          },
        }),
    }),
  )

const ask = (target: TurnDeps['target'], deps: Partial<TurnDeps> = {}): Promise<TurnEnd> =>
  askQuestion(
    {
      text: 'hello',
      model: 'auto',
      system: undefined,
      files: [],
      conversation: '',
      maxOutputTokens: undefined,
    },
    { target, clock: systemClock, hear: async () => true, ...deps },
  )

const text: Event = { sequence: 1, event: { case: 'textDelta', value: { text: 'hi' } } }
const completed: Event = { sequence: 2, event: { case: 'completed', value: { response: { model: 'm' } } } }

const broke = (why: string) => ({
  type: 'failed',
  line: `unavailable: the answer broke off: ${why} (request call_1)`,
})

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise(resolve => signal.addEventListener('abort', () => resolve()))

test('a stream with its last event is an answer, and the first token has its time', async () => {
  let nowMs = 0
  const target = await serviceThat(async function* () {
    yield text
    yield completed
  })
  const clock = { monotonic: () => (nowMs += 250) }
  const end = await ask(target, { clock })
  expect(end).toMatchObject({ type: 'completed', firstTokenMs: 250, response: { model: 'm' } })
})

test('a stream that ends well without its last event is none', async () => {
  const target = await serviceThat(async function* () {
    yield text
  })
  expect(await ask(target)).toEqual(broke('the stream ended without its last event'))
})

test('a stream that fails behind its last event is none', async () => {
  const target = await serviceThat(async function* () {
    yield text
    yield completed
    throw new ConnectError('too late', Code.Internal)
  })
  expect(await ask(target)).toEqual(broke('the connection was lost'))
})

test('a stream that falls silent is given up, and the call is left', async () => {
  const left = Promise.withResolvers<void>()
  const target = await serviceThat(async function* (signal) {
    yield text
    await untilAborted(signal)
    left.resolve()
  })
  expect(await ask(target, { silenceMs: 100 })).toEqual(broke('the service has been silent for too long'))
  await left.promise
})

test('time that the listener takes is no silence of the service', async () => {
  const target = await serviceThat(async function* () {
    yield text
    yield completed
  })
  const hear = async (): Promise<boolean> => {
    await new Promise(resolve => setTimeout(resolve, 1_200))
    return true
  }
  expect(await ask(target, { hear, silenceMs: 1_000 })).toMatchObject({ type: 'completed' })
})

test.each<[string, (leaving: AbortController) => boolean]>([
  ['wants no more', () => false],
  [
    'leaves',
    leaving => {
      leaving.abort()
      return true
    },
  ],
])('a listener who %s stops the call', async (_, act) => {
  const left = Promise.withResolvers<void>()
  const target = await serviceThat(async function* (signal) {
    yield text
    await untilAborted(signal)
    left.resolve()
  })
  const leaving = new AbortController()
  const end = await ask(target, { hear: async () => act(leaving), signal: leaving.signal })
  expect(end).toEqual({ type: 'stopped' })
  await left.promise
})

test('whoever else listens there is no service', async () => {
  const target = await listening((_, res) => void res.writeHead(404).end('<html>\u001b[2J'))
  expect(await ask(target)).toEqual({
    type: 'failed',
    line: 'no service answers: something else answers there, with HTTP 404',
  })
})

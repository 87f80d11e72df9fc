// The ways in which a rehearsal calls: what people's clients do, without any retry, and our own client that resumes.
import { join } from 'node:path'
import { type Client, createClient, type Interceptor } from '@connectrpc/connect'
import { createConnectTransport, createGrpcTransport } from '@connectrpc/connect-node'
import { credentials, type Client as GrpcClient, loadPackageDefinition } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { ChatService, type StreamEvent } from '#gen/exai/v1/chat_service_pb'
import { streamWithResume } from '../../src/client/resume.ts'
import { completeWithRetries } from '../../src/client/retry.ts'
import { jsonQuestion, type Question, question, textOf } from '../support/clients.ts'
import { root } from '../support/tools.ts'

const MODEL = 'openai/test-model'
const SHORT = 'hello'

/** A way to make one unary call; it rejects when the call fails. */
export interface UnaryWay {
  readonly name: string
  call(id: string): Promise<void>
}

/** A way to make one long stream. */
export interface StreamWay {
  readonly name: string
  events(asked: Question): AsyncIterable<StreamEvent>
}

/** What calls. */
export interface Ways {
  readonly unary: readonly UnaryWay[]
  readonly streams: readonly StreamWay[]
  /** How often streams were read on after their connection had broken. */
  resumed(): number
  close(): void
}

type Chat = Client<typeof ChatService>

/** Who calls: plain clients, to whom each failure is one, beside ours; or ours alone. */
export type Callers = 'all' | 'ours'

/** Opens clients to one address. */
export function openWays(baseUrl: string, callers: Callers): Ways {
  let resumed = 0
  const interceptors: Interceptor[] = [
    next => request => {
      if (request.method.name === 'ResumeStream') resumed += 1
      return next(request)
    },
  ]
  const overGrpc = () => createClient(ChatService, createGrpcTransport({ baseUrl, interceptors }))
  const overHttp1 = () =>
    createClient(
      ChatService,
      createConnectTransport({ baseUrl, httpVersion: '1.1', useBinaryFormat: false, interceptors }),
    )
  const ours = {
    unary: [
      unaryOf('our client, gRPC', overGrpc(), completeWithRetries),
      unaryOf('our client, Connect JSON, HTTP/1.1', overHttp1(), completeWithRetries),
    ],
    streams: [
      streamOf('our client, gRPC', overGrpc(), streamWithResume),
      streamOf('our client, Connect JSON, HTTP/1.1', overHttp1(), streamWithResume),
    ],
  }
  if (callers === 'ours') return { ...ours, resumed: () => resumed, close: () => undefined }
  const grpcJs = openGrpcJs(new URL(baseUrl).host)
  return {
    unary: [
      unaryOf('connect-es, gRPC', overGrpc(), complete),
      { name: 'grpc-js', call: grpcJs.call },
      unaryOf('connect-es, Connect JSON, HTTP/1.1', overHttp1(), complete),
    ],
    streams: [
      streamOf('connect-es, gRPC', overGrpc(), stream),
      streamOf('connect-es, Connect JSON, HTTP/1.1', overHttp1(), stream),
      ...ours.streams.slice(0, 1),
    ],
    resumed: () => resumed,
    close: grpcJs.close,
  }
}

const complete = (chat: Chat, asked: Question) => chat.complete(asked)
const stream = (chat: Chat, asked: Question) => chat.streamComplete(asked)

const unaryOf = (name: string, chat: Chat, ask: typeof complete): UnaryWay => ({
  name,
  async call(id) {
    const { message } = await ask(chat, question(MODEL, SHORT, { user: id }))
    if (textOf(message) === '') throw new Error('an empty answer')
  },
})

const streamOf = (name: string, chat: Chat, ask: typeof stream): StreamWay => ({
  name,
  events: asked => ask(chat, asked),
})

/** What grpc-js makes of the contract at run time. */
type Loaded = GrpcClient & {
  Complete(request: unknown, done: (error: Error | null) => void): void
}

function openGrpcJs(host: string) {
  const definition = loadSync('exai/v1/chat_service.proto', { includeDirs: [join(root, 'proto')] })
  // Its shape is the contract's.
  const loaded = loadPackageDefinition(definition) as unknown as {
    readonly exai: { readonly v1: { readonly ChatService: new (...args: unknown[]) => Loaded } }
  }
  const client = new loaded.exai.v1.ChatService(host, credentials.createInsecure())
  return {
    call: (user: string) =>
      new Promise<void>((resolve, reject) => {
        const request = jsonQuestion(MODEL, SHORT, { user })
        client.Complete(request, error => (error === null ? resolve() : reject(error)))
      }),
    close: () => client.close(),
  }
}

/** A question whose answer takes so long to stream, and how many words it has. */
export function longQuestion(
  id: string,
  seconds: number,
): { readonly asked: Question; readonly words: number } {
  const words = Math.round((seconds * 1000) / WORD_MS)
  const text = `[[fault:words=${words}]][[fault:drip-events=${WORD_MS}]] tell me a story`
  return { words, asked: question(MODEL, text, { user: id }) }
}

const WORD_MS = 100

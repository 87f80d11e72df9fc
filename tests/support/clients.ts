// Clients of the service made with connect-es and with fetch, and what a test asks them and reads in their answers.
import type { MessageInitShape } from '@bufbuild/protobuf'
import {
  type CallOptions,
  type Client,
  ConnectError,
  createClient,
  type Transport,
} from '@connectrpc/connect'
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node'
import { type Message, Role } from '#gen/exai/v1/chat_pb'
import { ChatService, type CompleteRequestSchema, type StreamEvent } from '#gen/exai/v1/chat_service_pb'
import { type ErrorInfo, ErrorInfoSchema } from '#gen/exai/v1/error_pb'

/** A request as a plain object, which can be spread and added to. */
export type Question = Extract<MessageInitShape<typeof CompleteRequestSchema>, { readonly $typeName?: never }>

/** A protocol on an HTTP version, as connect-es speaks it. `ca` is the certificate to trust. */
export type Speech = { readonly name: string; readonly open: (baseUrl: string, ca?: string) => Transport }

// A test's connection is not kept for longer than it takes.
const idleConnectionTimeoutMs = 1_000
const trusting = (ca: string | undefined) => (ca === undefined ? {} : { nodeOptions: { ca } })

/** Every way in which connect-es can speak to the service. */
export const speeches: readonly Speech[] = [
  {
    name: 'gRPC over HTTP/2',
    open: (baseUrl, ca) => createGrpcTransport({ baseUrl, idleConnectionTimeoutMs, ...trusting(ca) }),
  },
  {
    name: 'gRPC-Web over HTTP/2',
    open: (baseUrl, ca) =>
      createGrpcWebTransport({ baseUrl, httpVersion: '2', idleConnectionTimeoutMs, ...trusting(ca) }),
  },
  {
    name: 'gRPC-Web over HTTP/1.1',
    open: (baseUrl, ca) => createGrpcWebTransport({ baseUrl, httpVersion: '1.1', ...trusting(ca) }),
  },
  {
    name: 'Connect over HTTP/2',
    open: (baseUrl, ca) =>
      createConnectTransport({
        baseUrl,
        httpVersion: '2',
        useBinaryFormat: true,
        idleConnectionTimeoutMs,
        ...trusting(ca),
      }),
  },
  {
    name: 'Connect JSON over HTTP/1.1',
    open: (baseUrl, ca) =>
      createConnectTransport({ baseUrl, httpVersion: '1.1', useBinaryFormat: false, ...trusting(ca) }),
  },
]

/** A client of ChatService. */
export const chatClient = (speech: Speech, url: string, ca?: string): Client<typeof ChatService> =>
  createClient(ChatService, speech.open(url, ca))

/** One user's message to a model. */
export const question = (
  model: string,
  text: string,
  more: Question = {},
): Question & Required<Pick<Question, 'messages'>> => ({
  model,
  messages: [{ role: Role.USER, content: [{ kind: { case: 'text', value: text } }] }],
  ...more,
})

/** The same as JSON, as people write it. */
export const jsonQuestion = (
  model: string,
  text: string,
  more: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> => ({
  model,
  messages: [{ role: 'ROLE_USER', content: [{ text }] }],
  ...more,
})

/** A tool that takes a city. */
export const weatherTool = {
  name: 'get_weather',
  description: 'Tells the weather of a city.',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
}

/** The text of a message. */
export const textOf = (message: Message | undefined): string =>
  (message?.content ?? []).map(({ kind }) => (kind.case === 'text' ? kind.value : '')).join('')

/** A stream to its end. */
export async function readAll(stream: AsyncIterable<StreamEvent>): Promise<{
  readonly events: readonly StreamEvent[]
  readonly kinds: readonly (string | undefined)[]
  readonly text: string
  readonly error: ConnectError | undefined
}> {
  const events: StreamEvent[] = []
  let error: ConnectError | undefined
  try {
    for await (const event of stream) events.push(event)
  } catch (caught) {
    error = ConnectError.from(caught)
  }
  const text = events.map(({ event }) => (event.case === 'textDelta' ? event.value.text : '')).join('')
  return { events, kinds: events.map(({ event }) => event.case), text, error }
}

/** How a call failed. Throws when it did not. */
export async function failureOf(call: Promise<unknown>): Promise<ConnectError> {
  try {
    await call
  } catch (caught) {
    return ConnectError.from(caught)
  }
  throw new Error('the call succeeded')
}

/** The one ErrorInfo of an error. */
export function infoOf(error: ConnectError | undefined): ErrorInfo | undefined {
  return error?.findDetails(ErrorInfoSchema)[0]
}

/** Reads a stream until its first text, calls back, and reads on to the error that follows. */
export async function leaveAtFirstText(
  client: Client<typeof ChatService>,
  asked: Question,
  leave: () => void,
  options: CallOptions,
): Promise<ConnectError> {
  const read = async (): Promise<void> => {
    for await (const { event } of client.streamComplete(asked, options)) {
      if (event.case === 'textDelta') leave()
    }
  }
  return failureOf(read())
}

/** An answer over plain HTTP; `json` is undefined when the body is not JSON. */
export type PlainReply = {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly json: unknown
}

/** Calls a method with fetch, in JSON over HTTP/1.1. */
export async function postJson(
  url: string,
  method: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<PlainReply> {
  const reply = await fetch(`${url}/exai.v1.ChatService/${method}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  const text = await reply.text()
  const isJson = reply.headers.get('content-type')?.startsWith('application/json') === true
  return {
    status: reply.status,
    headers: reply.headers,
    text,
    json: isJson ? JSON.parse(text) : undefined,
  }
}

// The three protocols as bytes: requests that are made once, and the check that an answer is the right one, whole.
import { create, fromBinary, fromJsonString, toBinary } from '@bufbuild/protobuf'
import { Role } from '#gen/exai/v1/chat_pb'
import {
  CompleteRequestSchema,
  type CompleteResponse,
  CompleteResponseSchema,
  type StreamEvent,
  StreamEventSchema,
} from '#gen/exai/v1/chat_service_pb'
import { ANSWER_TEXT, type Kind, MODEL, PATHS, promptOf, TOKENS, tokenTexts } from './payload.ts'
import { checkOpenAi, countMarks, openAiRequest } from './wire-openai.ts'

/** How a client speaks: Connect JSON, gRPC-Web and the API of OpenAI on HTTP/1.1, gRPC on HTTP/2 without TLS. */
export type Protocol = 'connect' | 'grpc' | 'grpc-web' | 'openai'

/** A request, complete but for the connection that it goes out on. */
export type WireRequest = {
  readonly path: string
  readonly contentType: string
  readonly body: Buffer
  /** An API key or a token. Absent: the caller shows none. */
  readonly credential?: string | undefined
  /** More header fields, on HTTP/1.1. */
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/** What came back. */
export type WireAnswer = {
  readonly status: number
  /** The `grpc-status` of the HTTP/2 trailers; empty on HTTP/1.1. */
  readonly grpcStatus: string
  readonly body: Buffer
  /** When the first text event had come, by `performance.now()`; undefined in an answer without. */
  readonly firstAtMs?: number | undefined
}

const FLAG = { connectEnd: 0x02, webTrailers: 0x80 } as const

/** What may be said of a request beside its kind. */
export type RequestOptions = {
  /** The prompt has at least so many bytes. */
  readonly promptBytes?: number | undefined
}

/** The request for a chat in this protocol; `call` names it to the fake provider. */
export function requestOf(
  protocol: Protocol,
  kind: Kind,
  call = 0,
  { promptBytes = 0 }: RequestOptions = {},
): WireRequest {
  const text = promptOf(kind, call, promptBytes)
  if (protocol === 'openai') return openAiRequest(kind, text)
  const path = kind === 'unary' ? PATHS.unary : PATHS.stream
  if (protocol === 'connect') {
    const json = Buffer.from(
      JSON.stringify({ model: MODEL, messages: [{ role: 'ROLE_USER', content: [{ text }] }] }),
    )
    return kind === 'unary'
      ? { path, contentType: 'application/json', body: json }
      : { path, contentType: 'application/connect+json', body: envelope(json) }
  }
  const request = create(CompleteRequestSchema, {
    model: MODEL,
    messages: [{ role: Role.USER, content: [{ kind: { case: 'text', value: text } }] }],
  })
  const contentType = protocol === 'grpc' ? 'application/grpc' : 'application/grpc-web+proto'
  return { path, contentType, body: envelope(toBinary(CompleteRequestSchema, request)) }
}

/** The request as HTTP/1.1 bytes. */
export function http1Bytes({ path, contentType, body, credential, headers = {} }: WireRequest): Buffer {
  const head = [
    `POST ${path} HTTP/1.1`,
    'host: 127.0.0.1',
    `content-type: ${contentType}`,
    `content-length: ${body.length}`,
    'connect-protocol-version: 1',
    ...(credential === undefined ? [] : [`authorization: Bearer ${credential}`]),
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    '',
    '',
  ].join('\r\n')
  return Buffer.concat([Buffer.from(head, 'latin1'), body])
}

/**
 * Checks an answer: its status, that it ended well and that nothing is missing; `deep` decodes every message, too.
 * Gives the number of messages in it.
 * @throws Error that says what is wrong
 */
export function checkAnswer(protocol: Protocol, kind: Kind, answer: WireAnswer, deep: boolean): number {
  const { status, body } = answer
  if (status !== 200) throw new Error(`HTTP status ${status}: ${String(body.subarray(0, 500))}`)
  if (protocol === 'openai') return checkOpenAi(kind, body, deep)
  if (protocol === 'connect' && kind === 'unary') {
    if (!body.includes('"message"') || !body.includes(ANSWER_TEXT))
      throw wrong('an answer without message', body)
    if (deep) checkResponse(fromJsonString(CompleteResponseSchema, String(body)))
    return 1
  }
  const frames = framesOf(body)
  const messages = frames.filter(({ flags }) => flags === 0).map(({ payload }) => payload)
  checkEnd(protocol, answer, frames.at(-1))
  if (kind === 'unary') {
    if (messages.length !== 1 || !body.includes(ANSWER_TEXT)) throw wrong('an answer without message', body)
    if (deep) checkResponse(fromBinary(CompleteResponseSchema, messages[0] ?? Buffer.alloc(0)))
    return 1
  }
  const tokens = countMarks(body)
  if (tokens !== TOKENS) throw new Error(`${tokens} text events instead of ${TOKENS}`)
  if (deep) checkEvents(messages.map(message => eventOf(protocol, message)))
  return messages.length
}

function checkEnd(protocol: Exclude<Protocol, 'openai'>, answer: WireAnswer, last: Frame | undefined): void {
  const ends = {
    connect: last?.flags === FLAG.connectEnd && !last.payload.includes('"error"'),
    grpc: answer.grpcStatus === '0' && last?.flags === 0,
    'grpc-web': last?.flags === FLAG.webTrailers && /grpc-status: ?0\r?\n?/i.test(String(last.payload)),
  } as const satisfies Record<typeof protocol, boolean>
  if (!ends[protocol])
    throw wrong(`a bad end (grpc-status ${answer.grpcStatus})`, last?.payload ?? answer.body)
}

function checkResponse({ message }: CompleteResponse): void {
  const text = message?.content[0]?.kind.value
  if (text !== ANSWER_TEXT) throw new Error(`the answer reads ${JSON.stringify(text)}`)
}

function checkEvents(events: readonly StreamEvent[]): void {
  const texts = events.flatMap(({ event }) => (event.case === 'textDelta' ? [event.value.text] : []))
  if (texts.join('') !== tokenTexts.join('')) throw new Error('the text of the stream is not what was sent')
  if (events.at(-1)?.event.case !== 'completed')
    throw new Error('the stream has no completed event at its end')
}

function eventOf(protocol: Protocol, message: Buffer): StreamEvent {
  return protocol === 'connect'
    ? fromJsonString(StreamEventSchema, String(message))
    : fromBinary(StreamEventSchema, message)
}

type Frame = { readonly flags: number; readonly payload: Buffer }

function framesOf(body: Buffer): readonly Frame[] {
  const frames: Frame[] = []
  let at = 0
  while (at + 5 <= body.length) {
    const size = body.readUInt32BE(at + 1)
    frames.push({ flags: body.readUInt8(at), payload: body.subarray(at + 5, at + 5 + size) })
    at += 5 + size
  }
  if (at !== body.length) throw wrong('half a message', body)
  return frames
}

function envelope(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}

function wrong(what: string, bytes: Buffer): Error {
  return new Error(`${what}: ${JSON.stringify(String(bytes.subarray(0, 500)))}`)
}

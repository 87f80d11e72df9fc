// Tests the service through @grpc/grpc-js, the gRPC library of most Node programs, with the contract read from proto/.
import { fromBinary } from '@bufbuild/protobuf'
import { BinaryReader } from '@bufbuild/protobuf/wire'
import { type Client, type ClientReadableStream, Metadata, type ServiceError, status } from '@grpc/grpc-js'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ErrorInfoSchema } from '#gen/exai/v1/error_pb'
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import { jsonQuestion } from '../support/clients.ts'
import { grpcJsClient } from '../support/grpc-js.ts'
import { manyKeys } from '../support/many-keys.ts'
import { type Service, startService } from '../support/running-server.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

type Json = Readonly<Record<string, unknown>>
type Options = { readonly deadline?: number }
type Called = { cancel(): void }
/** What grpc-js makes of the contract at run time. */
type ChatClient = Client & {
  Complete(
    request: Json,
    metadata: Metadata,
    options: Options,
    done: (error: ServiceError | null, answer: Json) => void,
  ): Called
  StreamComplete(request: Json, metadata: Metadata, options: Options): ClientReadableStream<Json>
}

let upstream: Upstream
let service: Service
let client: ChatClient

beforeAll(async () => {
  upstream = await startUpstream({ apiKeys: manyKeys() })
  service = await startService({ OPENAI_API_KEY: manyKeys().join(), OPENAI_BASE_URL: upstream.url })
  client = grpcJsClient<ChatClient>('chat_service.proto', 'ChatService', service.port)
})

afterAll(async () => {
  client.close()
  await service.stop()
  await upstream.close()
})

const MODEL = 'openai/test-model'

const complete = (request: Json, options: Options = {}, metadata = new Metadata()): Promise<Json> =>
  new Promise((resolve, reject) => {
    client.Complete(request, metadata, options, (error, answer) => (error ? reject(error) : resolve(answer)))
  })

const failureOf = (call: Promise<unknown>): Promise<ServiceError> =>
  call.then(
    () => {
      throw new Error('the call succeeded')
    },
    (error: ServiceError) => error,
  )

const readAll = (stream: ClientReadableStream<Json>): Promise<readonly Json[]> =>
  new Promise((resolve, reject) => {
    const events: Json[] = []
    stream.on('data', event => events.push(event))
    stream.on('error', reject)
    stream.on('end', () => resolve(events))
  })

/** The details in a google.rpc.Status: its third field, each an Any of type URL and value. */
function detailsOf(bytes: Uint8Array): readonly { readonly type: string; readonly value: Uint8Array }[] {
  const details: { type: string; value: Uint8Array }[] = []
  const reader = new BinaryReader(bytes)
  while (reader.pos < reader.len) {
    const [field] = reader.tag()
    if (field === 1) reader.int32()
    if (field === 2) reader.string()
    if (field !== 3) continue
    const any = new BinaryReader(reader.bytes())
    any.tag()
    const type = any.string()
    any.tag()
    details.push({ type, value: any.bytes() })
  }
  return details
}

it('grpc-js gets an answer', async () => {
  const answer = await complete(jsonQuestion(MODEL, 'guten Tag, Zürich'))
  expect(answer).toMatchObject({
    provider: 'openai',
    model: 'test-model',
    message: { role: 'ROLE_ASSISTANT', content: [{ kind: 'text', text: 'You said: guten Tag, Zürich' }] },
    finish_reason: 'FINISH_REASON_STOP',
  })
})

it('grpc-js gets a stream', async () => {
  const events = await readAll(
    client.StreamComplete(jsonQuestion(MODEL, 'one two three'), new Metadata(), {}),
  )
  const kinds = events.map(({ event }) => event)
  expect([kinds[0], kinds.at(-1)]).toEqual(['started', 'completed'])
  const text = events.map(event => (event['event'] === 'text_delta' ? event['text_delta'] : { text: '' }))
  expect(text.map(delta => (delta as { text: string }).text).join('')).toBe('You said: one two three')
})

it('grpc-js gets a tool call', async () => {
  const parameters = { fields: { type: { stringValue: 'object' } } }
  const answer = await complete(
    jsonQuestion(MODEL, 'call the tool', { tools: [{ name: 'look', parameters }] }),
  )
  expect(answer).toMatchObject({
    finish_reason: 'FINISH_REASON_TOOL_CALLS',
    message: { content: [{ kind: 'tool_call', tool_call: { name: 'look', arguments: '{}' } }] },
  })
})

it('grpc-js gets an error with its details in grpc-status-details-bin', async () => {
  const metadata = new Metadata()
  metadata.set('x-request-id', 'grpc-js-401')
  const error = await failureOf(complete(jsonQuestion(MODEL, '[[fault:status=401]] hello'), {}, metadata))
  expect(error.code).toBe(status.UNAVAILABLE)
  const [packed] = error.metadata.get('grpc-status-details-bin')
  if (!(packed instanceof Buffer)) throw new Error('no details came')
  const details = detailsOf(packed)
  expect(details.map(({ type }) => type)).toEqual(['type.googleapis.com/exai.v1.ErrorInfo'])
  expect(fromBinary(ErrorInfoSchema, details[0]?.value ?? Buffer.alloc(0))).toMatchObject({
    reason: ErrorReason.UPSTREAM_CREDENTIALS,
    provider: 'openai',
    requestId: 'grpc-js-401',
  })
})

it('grpc-js is told when its deadline has passed', async () => {
  const options = { fields: { words: { numberValue: 100 }, delay_ms: { numberValue: 50 } } }
  const slow = jsonQuestion('sandbox', 'hello', { provider_options: { sandbox: options } })
  const error = await failureOf(complete(slow, { deadline: Date.now() + 100 }))
  expect(error.code).toBe(status.DEADLINE_EXCEEDED)
})

it('grpc-js ends the request to the provider when it cancels', async () => {
  const text = '[[fault:words=400]][[fault:drip-events=20]] leave grpc-js'
  const stream = client.StreamComplete(jsonQuestion(MODEL, text), new Metadata(), {})
  stream.on('data', event => {
    if (event['event'] === 'text_delta') stream.cancel()
  })
  const error = await failureOf(
    new Promise((resolve, reject) => stream.on('end', resolve).on('error', reject)),
  )
  expect(error.code).toBe(status.CANCELLED)
  await upstream.waitFor(
    ({ rawBody, closedByClientAtMs }) => closedByClientAtMs !== undefined && rawBody.includes(text),
  )
})

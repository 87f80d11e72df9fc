// What the record of a call says through real sockets: how long its bodies were, when each attempt began, and which limit it met.
import { create, toBinary } from '@bufbuild/protobuf'
import { createClient } from '@connectrpc/connect'
import { compressionGzip, createGrpcTransport } from '@connectrpc/connect-node'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ChatService, CompleteRequestSchema } from '#gen/exai/v1/chat_service_pb'
import { EventKind, type RequestRecord } from '#gen/exai/v1/event_pb'
import { MonitoringService } from '#gen/exai/v1/monitoring_service_pb'
import { millisecondsOf } from '../../src/core/time.ts'
import { failureOf, question } from '../support/clients.ts'
import { type Service, startService } from '../support/running-server.ts'
import { startKimi } from '../support/upstream/kimi.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

let openai: Upstream
let kimi: Upstream
let service: Service
beforeAll(async () => {
  ;[openai, kimi] = await Promise.all([startUpstream(), startKimi({ apiKeys: ['test-key'] })])
  service = await startService(
    {
      EXAI_CONFIG: 'exai.yaml',
      OPENAI_API_KEY: 'test-key',
      OPENAI_BASE_URL: openai.url,
      KIMI_API_KEY: 'test-key',
      KIMI_BASE_URL: kimi.url,
    },
    { files: { 'exai.yaml': 'limits: { tenants: { default: { tokens_per_minute: 20000 } } }\n' } },
  )
})
afterAll(async () => {
  await service.stop()
  await Promise.all([openai.close(), kimi.close()])
})

const transport = () => createGrpcTransport({ baseUrl: service.url, idleConnectionTimeoutMs: 1_000 })
const monitoring = () => createClient(MonitoringService, transport())
const PREFIX_BYTES = 5

/** The record of a call that has ended: its answer arrives a moment before that. */
async function recordOf(requestId: string): Promise<RequestRecord> {
  let record: RequestRecord | undefined
  await expect
    .poll(async () => {
      record = (await monitoring().listRequests({ requestId })).requests[0]
      return record?.duration
    })
    .toBeDefined()
  if (record === undefined) throw new Error(`there is no record of ${requestId}`)
  return record
}

it('a record tells the length of both bodies as they are without compression, and when each attempt began', async () => {
  const asked = question('openai/test-model', `[[fault@openai:status=503]]${'go on '.repeat(500)}`, {
    routing: { fallbackModels: ['kimi/kimi-k3'] },
    maxOutputTokens: 50,
  })
  const lengths: bigint[] = []
  for (const [id, packing] of [
    ['plain-1', {}],
    ['packed-1', { sendCompression: compressionGzip, compressMinBytes: 0 }],
  ] as const) {
    const chat = createClient(ChatService, createGrpcTransport({ baseUrl: service.url, ...packing }))
    let answerBytes = 0n
    for await (const _ of chat.streamComplete(asked, { headers: { 'x-request-id': id } })) answerBytes += 5n
    const { requestBytes, responseBytes, route } = await recordOf(id)
    const message = toBinary(CompleteRequestSchema, create(CompleteRequestSchema, asked))
    expect(requestBytes).toBe(BigInt(message.byteLength + PREFIX_BYTES))
    expect(responseBytes).toBeGreaterThan(answerBytes)
    lengths.push(requestBytes)
    const [failed, answered] = route?.attempts ?? []
    expect([failed?.provider, answered?.provider]).toEqual(['openai', 'kimi'])
    const { startOffsetDuration: first, duration } = failed ?? {}
    const { startOffsetDuration: second } = answered ?? {}
    if (first === undefined || duration === undefined || second === undefined)
      throw new Error('an attempt does not say when it began')
    expect(millisecondsOf(first)).toBeGreaterThan(0)
    expect(millisecondsOf(second)).toBeGreaterThanOrEqual(millisecondsOf(first) + millisecondsOf(duration))
  }
  expect(lengths[0]).toBe(lengths[1])
})

it('an event of a limit names the call that it refused', async () => {
  const ending = new AbortController()
  const watching = monitoring().watchEvents({ kinds: [EventKind.LIMIT] }, { signal: ending.signal })
  let isSeen = false
  const seeing = watching[Symbol.asyncIterator]()
    .next()
    .finally(() => {
      isSeen = true
    })
  const [first] = await Promise.all([
    seeing,
    (async () => {
      // Whichever of them the watch is ready for: each is refused.
      while (!isSeen) {
        const chat = createClient(ChatService, transport())
        const asked = question('openai/test-model', 'hello', { maxOutputTokens: 30_000 })
        await failureOf(chat.complete(asked, { headers: { 'x-request-id': 'refused-1' } }))
        await new Promise(resolve => setTimeout(resolve, 200))
      }
    })(),
  ])
  ending.abort()
  expect(first.value?.event).toMatchObject({
    requestId: 'refused-1',
    tenant: 'default',
    kind: { case: 'limit', value: { refused: true } },
  })
})

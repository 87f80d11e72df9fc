// How long the bodies of calls are, as monitoring is told: the same with and without compression, over every protocol.
import { gzipSync } from 'node:zlib'
import { create, toBinary, toJsonString } from '@bufbuild/protobuf'
import { describe, expect, test } from 'vitest'
import { CompleteRequestSchema } from '#gen/exai/v1/chat_service_pb'
import type { CallRecord } from '../../../../src/core/gateway-event.ts'
import { post, startServer, textPart } from './harness.ts'
import { envelope, raw } from './raw.ts'

const SERVICE = '/exai.v1.ChatService'
const LIST_REQUESTS = '/exai.v1.MonitoringService/ListRequests'
const question = create(CompleteRequestSchema, {
  model: 'echo',
  messages: [{ role: 2, content: [{ kind: { case: 'text', value: 'tell me '.repeat(2_000) } }] }],
})
const binary = toBinary(CompleteRequestSchema, question)
const json = Buffer.from(toJsonString(CompleteRequestSchema, question))
const long = 'well, '.repeat(5_000)

/** A server with a long answer, and what monitoring was told of its only call. */
async function startTold() {
  const ended: CallRecord[] = []
  const server = await startServer({
    chat: {
      complete: async () => ({ id: 'resp_1', message: { content: [textPart(long)] } }),
      async *stream() {
        yield { sequence: 1, event: { case: 'textDelta', value: { text: long } } }
        yield { sequence: 2, event: { case: 'textDelta', value: { text: 'short' } } }
      },
    },
    calls: { began: () => undefined, ended: call => void ended.push(call.record()) },
  })
  const told = async (): Promise<readonly [number | undefined, number | undefined]> => {
    await server.exchanges.idle()
    return [ended[0]?.requestBytes, ended[0]?.responseBytes]
  }
  return Object.assign(server, { told })
}

describe('the bytes of a call', () => {
  const enveloped = { 'connect-content-encoding': 'gzip', 'connect-accept-encoding': 'gzip' }
  const whole = { 'content-encoding': 'gzip', 'accept-encoding': 'gzip' }
  const grpc = { 'grpc-encoding': 'gzip', 'grpc-accept-encoding': 'gzip' }
  const cases = [
    ['Complete', 'application/json', json, whole],
    ['Complete', 'application/proto', binary, whole],
    ['Complete', 'application/grpc', binary, grpc],
    ['Complete', 'application/grpc-web+proto', binary, grpc],
    ['StreamComplete', 'application/connect+json', json, enveloped],
    ['StreamComplete', 'application/connect+proto', binary, enveloped],
    ['StreamComplete', 'application/grpc', binary, grpc],
    ['StreamComplete', 'application/grpc-web+json', json, grpc],
  ] as const
  test.each(cases)('%s as %s', async (method, type, message, packing) => {
    const isWhole = packing === whole
    const headers = { 'content-type': type, te: 'trailers' }
    await using plain = await startTold()
    const body = isWhole ? message : envelope(message)
    const answer = await raw(plain, `${SERVICE}/${method}`, headers, body)
    const sizes = [body.byteLength, answer.body.byteLength]
    expect(answer.body.byteLength).toBeGreaterThan(long.length)
    expect(await plain.told()).toEqual(sizes)

    await using packed = await startTold()
    const zipped = gzipSync(message)
    const small = isWhole ? zipped : envelope(zipped, 1)
    const back = await raw(packed, `${SERVICE}/${method}`, { ...headers, ...packing }, small)
    expect(back.status).toBe(200)
    expect(back.body.byteLength).toBeLessThan(2_000)
    expect(await packed.told()).toEqual(sizes)
  })

  test('of a GET are those of the message in its address', async () => {
    const message = Buffer.from(JSON.stringify({ keyIds: Array(400).fill('key_1') }))
    const packings = [
      ['', message],
      ['&compression=gzip', gzipSync(message)],
    ] as const
    for (const [packing, bytes] of packings) {
      await using server = await startTold()
      const query = `?connect=v1&encoding=json&base64=1${packing}&message=${bytes.toString('base64url')}`
      const response = await fetch(server.url + LIST_REQUESTS + query)
      expect(response.status).toBe(200)
      const answer = await response.arrayBuffer()
      expect(await server.told()).toEqual([message.byteLength, answer.byteLength])
    }
  })

  test('of a refused call are what was read and the error', async () => {
    await using server = await startTold()
    const response = await post(server.url, 'exai.v1.ChatService/Complete', '{"nonsense":1}')
    const answer = await response.arrayBuffer()
    expect(response.status).toBe(400)
    expect(await server.told()).toEqual([14, answer.byteLength])
  })

  test('of a call of an unknown method are the error alone', async () => {
    await using server = await startTold()
    const response = await post(server.url, 'exai.v1.ChatService/Nothing', '{}')
    const answer = await response.arrayBuffer()
    expect(response.status).toBe(404)
    expect(await server.told()).toEqual([0, answer.byteLength])
  })
})

test('a compressed message in an address is looked at like one in a body', async () => {
  await using server = await startTold()
  const many = Buffer.from(`{"keyIds":[${'"",'.repeat(200_000)}""]}`)
  const message = gzipSync(many, { level: 9 }).toString('base64url')
  const query = `?connect=v1&encoding=json&base64=1&x=?&compression=gzip&message=${message}`
  const response = await fetch(server.url + LIST_REQUESTS + query)
  expect(response.status).toBe(400)
  expect(await response.text()).toContain('fields and elements')
})

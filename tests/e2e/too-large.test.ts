// Tests the limit of 4 MiB on requests: in every protocol, with and without a length, and for what only unpacks to more.
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { jsonQuestion, postJson } from '../support/clients.ts'
import { bodyOf, enveloped, sendBytes, sendChat, wires } from '../support/clients-raw.ts'
import { type Service, startService } from '../support/running-server.ts'

let service: Service

beforeAll(async () => {
  service = await startService()
})

afterAll(async () => {
  await service.stop()
})

const MEBIBYTE = 1024 * 1024
// Words: what a tokenizer takes in its stride.
const textOf = (sizeBytes: number): string => 'word '.repeat(sizeBytes / 5)
const large = jsonQuestion('sandbox', textOf(5 * MEBIBYTE))

describe.each(wires)('in $name', wire => {
  it.each([
    { how: 'with a content-length', isChunked: false },
    { how: 'in pieces of no announced length', isChunked: true },
  ])('5 MiB $how are RESOURCE_EXHAUSTED and the limit is named', async ({ how, isChunked }) => {
    const headers = { 'x-request-id': `large-${wire.name}-${how}`.replaceAll(/\W+/g, '-') }
    const { code, message } = await sendBytes(service.url, wire, bodyOf(wire, large), { isChunked, headers })
    expect(code).toBe('resource_exhausted')
    expect(message).toContain('larger than 4194304 bytes')
    expect(await service.call(headers['x-request-id'])).toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      reason: 'OVERLOADED',
      origin: 'client',
    })
  })

  it('64 MiB that were packed into a few thousand bytes are RESOURCE_EXHAUSTED', async () => {
    const isUnary = wire.protocol === 'connect'
    const bomb = gzipSync(Buffer.alloc(64 * MEBIBYTE, ' '))
    expect(bomb.length).toBeLessThan(100_000)
    const headers: Record<string, string> = { [isUnary ? 'content-encoding' : 'grpc-encoding']: 'gzip' }
    const body = isUnary ? bomb : enveloped(bomb, 1)
    const { code } = await sendBytes(service.url, wire, body, { headers })
    expect(code).toBe('resource_exhausted')
  })

  it('3 MiB are not too large for the service, and it answers', async () => {
    const { code } = await sendChat(service.url, wire, jsonQuestion('sandbox', textOf(3 * MEBIBYTE)))
    expect(code).toBe('ok')
  })
})

it('after all of this the service answers, and none of it was a fault of its own', async () => {
  const { status } = await postJson(service.url, 'Complete', jsonQuestion('sandbox', 'hello'))
  expect(status).toBe(200)
  expect(service.log().filter(({ level }) => level === 'error')).toEqual([])
})

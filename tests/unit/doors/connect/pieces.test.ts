// A request of many empty pieces is refused before it is decoded, whatever it is written in, and a large honest one is not.
import { gzipSync } from 'node:zlib'
import { create, toBinary, toJsonString } from '@bufbuild/protobuf'
import { describe, expect, test } from 'vitest'
import { PartSchema, Role } from '#gen/exai/v1/chat_pb'
import { CompleteRequestSchema } from '#gen/exai/v1/chat_service_pb'
import { UploadFileRequestSchema } from '#gen/exai/v1/files_service_pb'
import { hasTooManyPieces, isOneValue } from '../../../../src/doors/connect/pieces.ts'
import { PIECES_MAX } from '../../../../src/doors/http/json-size.ts'
import { fakeChat, startServer as start } from './harness.ts'

const MANY = PIECES_MAX + 1
const messages = Buffer.alloc(2 * MANY, Buffer.from([0x12, 0x00]))
const json = (count: number) =>
  `{"model":"a","messages":[${Array.from({ length: count }, () => '{}').join()}]}`

describe('a message of one value', () => {
  const form = UploadFileRequestSchema
  const chunk = (value: Uint8Array): Uint8Array =>
    toBinary(form, create(form, { piece: { case: 'chunk', value } }))
  const bytes = chunk(Buffer.alloc(300_000, 0x12))

  test.each([5, 6, 100, 300_000])('is told by its first %i bytes', count => {
    expect(isOneValue(bytes.subarray(0, count), bytes.byteLength, form)).toBe(true)
  })

  test.each([0, 1, 2, 3])('is not told by its first %i bytes', count => {
    expect(isOneValue(bytes.subarray(0, count), bytes.byteLength, form)).toBe(false)
  })

  const header = create(form, { piece: { case: 'header', value: { filename: 'x'.repeat(250_000) } } })
  test.each<[string, Uint8Array, number]>([
    ['with more behind the value', bytes, bytes.byteLength + 2],
    ['with less than the value', bytes, bytes.byteLength - 1],
    ['of a message', toBinary(form, header), toBinary(form, header).byteLength],
    ['of numbers', Buffer.alloc(300_000, Buffer.from([0xf8, 0x3f, 0x00])), 300_000],
  ])('is not one %s', (_name, all, sizeBytes) => {
    expect(isOneValue(all.subarray(0, 16_384), sizeBytes, form)).toBe(false)
  })

  test('is nothing of JSON', () => {
    expect(isOneValue(bytes, bytes.byteLength, 'json')).toBe(false)
  })
})

describe('many pieces', () => {
  test.each([
    ['empty messages', messages, CompleteRequestSchema],
    ['empty entries of a map', entries(), UploadFileRequestSchema],
    ['numbers within a struct', toBinary(CompleteRequestSchema, withOptions(MANY)), CompleteRequestSchema],
    [
      'fields that nobody knows',
      Buffer.alloc(3 * MANY, Buffer.from([0xf8, 0x3f, 0x00])),
      CompleteRequestSchema,
    ],
  ])('are seen in Protobuf as %s', (_, bytes, desc) => {
    expect(hasTooManyPieces(bytes, desc)).toBe(true)
  })

  test.each([
    ['objects', json(MANY)],
    ['elements', `{"x":[${'0,'.repeat(MANY)}0]}`],
    ['lists in lists', '['.repeat(MANY).padEnd(3 * MANY, ']')],
    ['members', `{${Array.from({ length: MANY }, (_, i) => `"${i}":0`).join()}}`],
    ['what follows a string with quotes and backslashes in it', `["\\"\\\\",${'0,'.repeat(2 * MANY)}0]`],
  ])('are seen in JSON as %s', (_, text) => {
    expect(hasTooManyPieces(Buffer.from(text), 'json')).toBe(true)
  })

  test.each([
    ['a long text', 'a, {[ "quoted" \\'.repeat(200_000)],
    ['bytes', Buffer.alloc(3_000_000, 0x12)],
  ])('are not seen in %s', (_, value) => {
    const kind =
      typeof value === 'string'
        ? ({ case: 'text', value } as const)
        : ({ case: 'media', value: { source: { case: 'data', value } } } as const)
    const request = create(CompleteRequestSchema, {
      model: 'a',
      messages: [{ role: Role.USER, content: [create(PartSchema, { kind })] }],
    })
    expect(hasTooManyPieces(toBinary(CompleteRequestSchema, request), CompleteRequestSchema)).toBe(false)
    expect(hasTooManyPieces(Buffer.from(toJsonString(CompleteRequestSchema, request)), 'json')).toBe(false)
  })

  test('are not seen in a chat of ten thousand messages', () => {
    const message = { role: Role.USER, content: [{ kind: { case: 'text' as const, value: 'x'.repeat(50) } }] }
    const request = create(CompleteRequestSchema, {
      messages: Array.from({ length: 10_000 }, () => message),
    })
    expect(hasTooManyPieces(toBinary(CompleteRequestSchema, request), CompleteRequestSchema)).toBe(false)
    expect(hasTooManyPieces(Buffer.from(toJsonString(CompleteRequestSchema, request)), 'json')).toBe(false)
  })

  test('never hang or throw, whatever the bytes are', () => {
    let seed = 7
    const random = () => {
      seed = (seed * 1103515245 + 12345) % 2 ** 31
      return seed
    }
    for (let round = 0; round < 20; round += 1) {
      const bytes = Uint8Array.from({ length: 250_000 }, () => random() % 256)
      expect(typeof hasTooManyPieces(bytes, CompleteRequestSchema)).toBe('boolean')
      expect(typeof hasTooManyPieces(bytes, 'json')).toBe('boolean')
    }
  })
})

describe('a call with too many pieces', () => {
  const envelope = (bytes: Uint8Array, flags = 0): Buffer => {
    const prefix = Buffer.alloc(5)
    prefix.writeUInt8(flags)
    prefix.writeUInt32BE(bytes.byteLength, 1)
    return Buffer.concat([prefix, bytes])
  }
  const path = '/exai.v1.ChatService/Complete'
  const text = Buffer.from(json(MANY))

  test.each([
    ['Connect in JSON', 'application/json', text, {}],
    ['Connect in Protobuf', 'application/proto', messages, {}],
    ['Connect, packed', 'application/json', gzipSync(text), { 'content-encoding': 'gzip' }],
    ['gRPC-Web', 'application/grpc-web+proto', envelope(messages), {}],
    [
      'gRPC-Web, packed',
      'application/grpc-web+proto',
      envelope(gzipSync(messages), 1),
      { 'grpc-encoding': 'gzip' },
    ],
    ['gRPC-Web in JSON', 'application/grpc-web+json', envelope(text), {}],
  ])('is INVALID_ARGUMENT over %s, and is never handed on', async (_, type, body, headers) => {
    let calls = 0
    const complete = () => {
      calls += 1
      return Promise.resolve({ id: 'resp_1' })
    }
    await using server = await start({ chat: fakeChat({ complete }) })
    const answer = await fetch(server.url + path, {
      method: 'POST',
      headers: { 'content-type': type, ...headers },
      body: new Uint8Array(body),
    })
    const said = `${answer.headers.get('grpc-message') ?? ''}${await answer.text()}`
    expect(decodeURIComponent(said)).toContain(`more than ${PIECES_MAX} fields and elements`)
    // gRPC-Web says how it ended at the end of the body.
    const isGrpc = type.includes('grpc')
    expect(answer.status).toBe(isGrpc ? 200 : 400)
    if (isGrpc) expect(said).toMatch(/grpc-status: ?3\b/)
    expect(calls).toBe(0)
    const { end } = await server.onlyEnd()
    expect(end).toMatchObject({ code: 'INVALID_ARGUMENT', reason: 'INVALID_REQUEST' })
  })
})

function withOptions(count: number) {
  return create(CompleteRequestSchema, {
    providerOptions: { '*': { x: Array.from({ length: count }, () => 0) } },
  })
}

/** A header whose metadata has empty entries: field 1 of the request, in it the map's field of the message. */
function entries(): Buffer {
  const header = UploadFileRequestSchema.fields.find(({ name }) => name === 'header')
  const metadata = header?.message?.fields.find(({ name }) => name === 'metadata')
  if (header === undefined || metadata === undefined) throw new Error('the contract has other fields now')
  const inner = Buffer.alloc(2 * MANY, Buffer.from([(metadata.number << 3) | 2, 0x00]))
  const length: number[] = []
  for (let left = inner.byteLength; ; left >>>= 7) {
    length.push(left > 0x7f ? (left & 0x7f) | 0x80 : left)
    if (left <= 0x7f) break
  }
  return Buffer.concat([Buffer.from([(header.number << 3) | 2, ...length]), inner])
}

// A door over HTTP knows its paths, reads bodies within limits, writes JSON, bytes and events, and says what went wrong.
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { GatewayError } from '../../../../src/core/errors.ts'
import { createHttpDoor } from '../../../../src/doors/http/door.ts'
import type { Frame } from '../../../../src/doors/http/frame.ts'
import { HEARTBEAT } from '../../../../src/doors/http/frame.ts'
import type { ErrorShape } from '../../../../src/doors/http/reply.ts'
import type { HttpReply, Route } from '../../../../src/doors/http/route.ts'
import { post, type Running, startDoors } from './rig.ts'

const MAX_BYTES = 1_000

const errors: ErrorShape = {
  body: ({ error, status }) => ({ oops: error.message, reason: error.reason, status }),
  frames: ({ error }) => [{ event: 'oops', data: { reason: error.reason } }],
}

const route = (parts: Partial<Route> & Pick<Route, 'handle' | 'path'>): Route => ({
  verb: 'POST',
  rpc: 'test.Service/Method',
  ...parts,
})
const json = (value: unknown): Promise<HttpReply> => Promise.resolve({ type: 'json', value })
const events = (frames: AsyncIterable<Frame>): Promise<HttpReply> =>
  Promise.resolve({ type: 'events', frames })

async function* broken(): AsyncGenerator<Frame> {
  yield { data: { n: 1 } }
  yield HEARTBEAT
  throw new GatewayError('UPSTREAM_BROKEN', 'it broke')
}

function brokenAtOnce(): AsyncIterable<Frame> {
  const error = new GatewayError('RATE_LIMITED', 'too many', { retryDelayMs: 1_250 })
  return { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }) }
}

async function* lines(): AsyncGenerator<Frame> {
  yield { data: { text: 'a\nb' } }
  yield { event: 'named', data: 2 }
  yield { data: '[DONE]' }
}

async function* pieces(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('one ')
  yield Buffer.from('two')
}

const routes: readonly Route[] = [
  route({ path: '/t/echo', handle: async call => json(await call.json()) }),
  route({ path: '/t/fault', handle: () => Promise.reject(new Error('a secret of ours')) }),
  route({ path: '/t/broken', handle: () => events(broken()) }),
  route({ path: '/t/broken-at-once', handle: () => events(brokenAtOnce()) }),
  route({ path: '/t/lines', handle: () => events(lines()) }),
  route({ verb: 'GET', path: '/t/models', handle: call => json([...call.query]) }),
  route({ verb: 'GET', path: '/t/models/{model+}', handle: call => json(call.params) }),
  route({ verb: 'DELETE', path: '/t/things/{id}', handle: call => json(call.params) }),
  route({
    verb: 'GET',
    path: '/t/things/{id}/content',
    handle: () => Promise.resolve({ type: 'bytes', headers: { 'content-type': 'text/x' }, chunks: pieces() }),
  }),
]

let server: Running
let url: string

beforeAll(async () => {
  const claims = (path: string): boolean => path.startsWith('/t/')
  const door = createHttpDoor({ name: 'test', routes, errors, maxRequestBytes: MAX_BYTES, claims })
  server = await startDoors([door])
  url = server.url
})

afterAll(() => server[Symbol.asyncDispose]())

describe('the paths of a door', () => {
  test('may have a name in them that has slashes, plain or encoded', async () => {
    for (const path of ['/t/models/openai/gpt-5', '/t/models/openai%2Fgpt-5', '/t/models/openai%2Fgpt-5/'])
      expect(await (await fetch(url + path)).json()).toEqual({ model: 'openai/gpt-5' })
    expect(await (await fetch(`${url}/t/models/100%`)).json()).toEqual({ model: '100%' })
    expect(await (await fetch(`${url}/t/models?a=1&b=%20`)).json()).toEqual([
      ['a', '1'],
      ['b', ' '],
    ])
  })

  test('are answered 404 in the form of the door when they are its own and unknown', async () => {
    const reply = await fetch(`${url}/t/nothing`)
    expect(reply.status).toBe(404)
    expect(await reply.json()).toMatchObject({ status: 404, reason: 'UNSUPPORTED' })
    expect(await (await fetch(`${url}/other`)).text()).toBe('nobody')
  })

  test('are answered 405 with what they take', async () => {
    const reply = await fetch(`${url}/t/things/1`, { method: 'PUT' })
    expect([reply.status, reply.headers.get('allow')]).toEqual([405, 'DELETE'])
    expect(await reply.json()).toMatchObject({ reason: 'INVALID_REQUEST' })
  })

  test('are served to HEAD without a body', async () => {
    const reply = await fetch(`${url}/t/models/a`, { method: 'HEAD' })
    expect([reply.status, reply.headers.get('content-length')]).toEqual([200, '14'])
    expect(await reply.text()).toBe('')
  })
})

describe('a body', () => {
  const refusals: readonly (readonly [string, RequestInit, number, RegExp])[] = [
    ['that is empty', { body: '' }, 400, /empty/],
    ['that ends too early', { body: '{"a":' }, 400, /not valid JSON/],
    ['that is a list', { body: '[1]' }, 400, /must be a JSON object, and is an array/],
    ['that is null', { body: 'null' }, 400, /is null/],
    ['that is no UTF-8', { body: new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]) }, 400, /UTF-8/],
    ['that is nested too deep', { body: `{"a":${'['.repeat(101)}${']'.repeat(101)}}` }, 400, /nested/],
    ['that is too large', { body: `{"a":"${'x'.repeat(MAX_BYTES)}"}` }, 413, /larger than 1000 bytes/],
    [
      'that is too large and does not say so',
      { body: new Blob(['{"a":"', 'x'.repeat(MAX_BYTES), '"}']).stream(), duplex: 'half' } as RequestInit,
      413,
      /larger/,
    ],
    ['that is a form', { body: new URLSearchParams({ a: '1' }) }, 415, /content-type/],
    [
      'in Latin-1',
      { body: '{}', headers: { 'content-type': 'application/json; charset=latin1' } },
      415,
      /charset/,
    ],
    [
      'that is packed',
      { body: gzipSync('{}'), headers: { 'content-encoding': 'gzip' } },
      415,
      /content-encoding/,
    ],
  ]

  test.each(refusals)('%s is refused with what is wrong', async (_name, init, status, message) => {
    const reply = await fetch(`${url}/t/echo`, {
      method: 'POST',
      ...init,
      headers:
        init.body instanceof URLSearchParams ? {} : { 'content-type': 'application/json', ...init.headers },
    })
    expect(reply.status).toBe(status)
    expect(await reply.json()).toMatchObject({ oops: expect.stringMatching(message), status })
    expect(reply.headers.get('x-should-retry')).toBe('false')
  })

  test('is taken with a charset, with a suffix, and with a byte order mark', async () => {
    for (const type of ['application/json;charset=UTF-8', 'application/vnd.test+json', 'Application/JSON'])
      expect(await (await post(`${url}/t/echo`, '\ufeff{"a":1}', { 'content-type': type })).json()).toEqual({
        a: 1,
      })
  })

  test('says its doubled keys last, and touches nothing with the keys of prototypes', async () => {
    const reply = await post(`${url}/t/echo`, '{"a":1,"a":2,"__proto__":{"polluted":1},"constructor":3}')
    expect(await reply.text()).toBe('{"a":2,"__proto__":{"polluted":1},"constructor":3}\n')
    expect(Reflect.get({}, 'polluted')).toBeUndefined()
  })
})

describe('an answer', () => {
  test('of ours that fails tells nothing of its inside', async () => {
    const reply = await post(`${url}/t/fault`, {})
    expect(reply.status).toBe(500)
    expect(await reply.json()).toEqual({ oops: 'internal error', reason: 'INTERNAL', status: 500 })
  })

  test('in bytes comes whole', async () => {
    const reply = await fetch(`${url}/t/things/1/content`)
    expect([reply.headers.get('content-type'), await reply.text()]).toEqual(['text/x', 'one two'])
  })

  test('in events has one frame for each, and a header that no proxy holds back', async () => {
    const reply = await post(`${url}/t/lines`, {})
    expect(Object.fromEntries(reply.headers)).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    })
    expect(await reply.text()).toBe('data: {"text":"a\\nb"}\n\nevent: named\ndata: 2\n\ndata: [DONE]\n\n')
  })

  test('in events that breaks ends with the frame of the error', async () => {
    const reply = await post(`${url}/t/broken`, {})
    expect(reply.status).toBe(200)
    expect(await reply.text()).toBe(
      'data: {"n":1}\n\n: heartbeat\n\nevent: oops\ndata: {"reason":"UPSTREAM_BROKEN"}\n\n',
    )
  })

  test('in events that breaks before the first one is an error like any other', async () => {
    const reply = await post(`${url}/t/broken-at-once`, {})
    expect(reply.status).toBe(429)
    expect(Object.fromEntries(reply.headers)).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'retry-after': '2',
      'retry-after-ms': '1250',
      'x-should-retry': 'true',
    })
  })
})

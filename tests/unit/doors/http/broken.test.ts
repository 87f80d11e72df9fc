// An answer that breaks in its middle never looks like one that is whole, on either version of HTTP.
import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:http2'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createHttpDoor } from '../../../../src/doors/http/door.ts'
import type { Route } from '../../../../src/doors/http/route.ts'
import { type Running, startDoors } from './rig.ts'

/** What breaks when it is told to: by then its beginning has arrived. */
let breakNow: (fault: Error) => void
async function* broken(): AsyncGenerator<Uint8Array> {
  const { promise, reject } = Promise.withResolvers<never>()
  breakNow = reject
  yield Buffer.from('hello')
  await promise
}

const types = { 'content-type': 'text/plain' }
const routes: readonly Route[] = [
  {
    verb: 'GET',
    path: '/bytes',
    rpc: 'a/b',
    handle: () => Promise.resolve({ type: 'bytes', headers: types, chunks: broken() }),
  },
  {
    verb: 'GET',
    path: '/sized',
    rpc: 'a/b',
    handle: () =>
      Promise.resolve({ type: 'bytes', headers: { ...types, 'content-length': '10' }, chunks: broken() }),
  },
]

let server: Running
beforeAll(async () => {
  const errors = { body: () => ({}), frames: () => [] }
  server = await startDoors([createHttpDoor({ name: 't', routes, errors, maxRequestBytes: 1_000 })])
})
afterAll(() => server[Symbol.asyncDispose]())

test.each(['/bytes', '/sized'])('%s ends with an error on HTTP/2', async path => {
  const session = connect(server.url)
  try {
    const stream = session.request({ ':path': path })
    const [first] = await once(stream, 'data')
    expect(String(first)).toBe('hello')
    const failed = once(stream, 'error')
    stream.resume()
    breakNow(new Error('the disk is gone'))
    expect(await failed).toMatchObject([{ code: 'ERR_HTTP2_STREAM_ERROR' }])
  } finally {
    session.destroy()
  }
})

test.each(['/bytes', '/sized'])('%s ends with an error on HTTP/1.1', async path => {
  const [response] = await once(request(`${server.url}${path}`).end(), 'response')
  const [first] = await once(response, 'data')
  expect(String(first)).toBe('hello')
  const failed = once(response, 'error')
  response.resume()
  breakNow(new Error('the disk is gone'))
  expect(await failed).toMatchObject([{ code: 'ECONNRESET' }])
})

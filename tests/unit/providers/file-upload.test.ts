// Checks an upload on its way: read no faster than it is sent, ended on both sides by an abort, and blamed on the right one.
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { GatewayError } from '../../../src/core/errors.ts'
import type { FileApi } from '../../../src/providers/file-api.ts'
import { kimiDialect } from '../../../src/providers/kimi.ts'
import { createKimiFiles } from '../../../src/providers/kimi-files.ts'
import { eventually } from '../../support/eventually.ts'
import { startKimi } from '../../support/upstream/kimi.ts'
import { failureOf, filesOf, readAll, signal, uploadOf } from './file-apis.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

function filesAt(baseUrl: string): FileApi {
  const made = filesOf({ provider: 'kimi', dialect: kimiDialect, baseUrl })
  closing.push(made.close)
  return createKimiFiles(made.deps)
}

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  const { promise, resolve } = Promise.withResolvers<void>()
  server.listen(0, '127.0.0.1', resolve)
  await promise
  closing.push(() => {
    server.close()
    server.closeAllConnections()
  })
  // A TCP server that listens has an address of this kind.
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const PIECE = 64 * 1024
const PIECES = 20 * 16

/** 20 MiB that know how many of their pieces were taken, how many at once, and whether they were let go. */
function createSource() {
  const told = { taken: 0, atOnce: 0, atOnceMost: 0, letGo: false }
  async function* pieces(): AsyncGenerator<Uint8Array> {
    try {
      for (let at = 0; at < PIECES; at++) {
        told.taken++
        yield Buffer.alloc(PIECE, at)
      }
    } finally {
      told.letGo = true
    }
  }
  const inner = pieces()
  const bytes: AsyncIterable<Uint8Array> = {
    [Symbol.asyncIterator]: () => ({
      async next() {
        told.atOnceMost = Math.max(told.atOnceMost, ++told.atOnce)
        try {
          return await inner.next()
        } finally {
          told.atOnce--
        }
      },
      return: () => inner.return(undefined),
    }),
  }
  return { told, bytes }
}

const large = (over: object) => uploadOf({ sizeBytes: PIECE * PIECES, ...over })

/** Waits until a number stands still. */
async function settled(read: () => number): Promise<number> {
  let before = -1
  await vi.waitFor(
    () => {
      const now = read()
      const still = now === before && now > 0
      before = now
      expect(still).toBe(true)
    },
    { interval: 150, timeout: 30_000 },
  )
  return before
}

describe('an upload of 20 MiB', () => {
  it('arrives whole, with its length named before', async () => {
    const double = await startKimi()
    closing.push(double.close)
    const files = filesAt(double.url)
    const { told, bytes } = createSource()
    const sent = await files.upload(large({ bytes }))
    expect(told).toEqual({ taken: PIECES, atOnce: 0, atOnceMost: 1, letGo: true })
    const request = double.requests.at(-1)
    expect(request?.headers['content-length']).toBe(String(request?.rawBody.byteLength))
    expect(request?.headers['transfer-encoding']).toBeUndefined()
    const whole = Buffer.concat(Array.from({ length: PIECES }, (_, at) => Buffer.alloc(PIECE, at)))
    expect(request?.rawBody.includes(whole)).toBe(true)
    expect(sent.ready).toBe(true)
  })

  it('is not read on while the provider does not take it', async () => {
    const arrived = Promise.withResolvers<IncomingMessage>()
    const url = await serve((request, response) => {
      arrived.resolve(request)
      request.on('end', () => response.end('{"id":"file1","status":"ready"}'))
    })
    const { told, bytes } = createSource()
    const uploading = filesAt(url).upload(large({ bytes }))
    const request = await arrived.promise
    const before = await settled(() => told.taken)
    // What is on its way is in the buffers of both sockets, and far from the whole.
    expect(before).toBeLessThan(PIECES)
    let received = 0
    let inFlightMost = 0
    request.on('data', (chunk: Buffer) => {
      received += chunk.byteLength
      inFlightMost = Math.max(inFlightMost, told.taken - Math.floor(received / PIECE))
    })
    expect(await uploading).toMatchObject({ id: 'file1', ready: true })
    expect(told).toMatchObject({ taken: PIECES, atOnceMost: 1 })
    // Linux gives the two buffers at most 6 and 4 MiB; nothing else may hold many pieces.
    expect(inFlightMost).toBeLessThan(192)
  })

  it('ends on both sides when its caller leaves', async () => {
    const arrived = Promise.withResolvers<IncomingMessage>()
    const url = await serve(request => arrived.resolve(request))
    const leaving = new AbortController()
    const { told, bytes } = createSource()
    const failing = failureOf(filesAt(url).upload(large({ bytes, signal: leaving.signal })))
    const request = await arrived.promise
    const gone = new Promise(resolve => request.socket.once('close', resolve))
    request.on('error', () => {})
    await settled(() => told.taken)
    const reason = new GatewayError('DEADLINE_EXCEEDED', 'too late')
    leaving.abort(reason)
    expect(await failing).toBe(reason)
    // A socket that nobody reads does not notice that its peer has gone.
    request.resume()
    await gone
    await eventually(() => expect(told.letGo).toBe(true))
    expect(told.taken).toBeLessThan(PIECES)
  })

  it('that has not begun does not begin when its caller has left', async () => {
    const { told, bytes } = createSource()
    const url = await serve(() => {})
    const error = await failureOf(filesAt(url).upload(large({ bytes, signal: AbortSignal.abort() })))
    expect(error.reason).toBe('CANCELLED')
    expect(told.taken).toBe(0)
  })

  it('is told as it is refused, even before all of it was sent', async () => {
    const url = await serve((_, response) => {
      response.writeHead(413, { 'content-type': 'application/json', connection: 'close' })
      response.end('{"error":{"type":"invalid_request_error","message":"too large"}}')
    })
    const { told, bytes } = createSource()
    const error = await failureOf(filesAt(url).upload(large({ bytes })))
    expect(error).toMatchObject({
      reason: 'INVALID_REQUEST',
      details: { upstreamStatus: 413, against: 'nobody' },
    })
    await eventually(() => expect(told.letGo).toBe(true))
  })
})

describe('an upload whose bytes', () => {
  it.each([
    ['are told by us', new GatewayError('FILE_NOT_FOUND', 'no file has the id file_x'), 'FILE_NOT_FOUND'],
    ['are broken by something else', new Error('disk'), 'INTERNAL'],
  ])('cannot be read, and %s, is not the fault of the provider', async (_, cause, reason) => {
    const broken = Promise.withResolvers<void>()
    const url = await serve(request => void request.on('error', () => broken.resolve()).resume())
    async function* bytes(): AsyncGenerator<Uint8Array> {
      yield Buffer.alloc(1000)
      throw cause
    }
    const error = await failureOf(filesAt(url).upload(uploadOf({ bytes: bytes(), sizeBytes: 5000 })))
    expect(error.reason).toBe(reason)
    expect(error.details.against).toBeUndefined()
    await broken.promise
  })

  it.each([7, 9])('are %i instead of eight fails, and leaves no file', async sizeBytes => {
    const double = await startKimi()
    closing.push(double.close)
    const bytes = (async function* () {
      yield Buffer.alloc(sizeBytes)
    })()
    const error = await failureOf(filesAt(double.url).upload(uploadOf({ bytes })))
    expect(error.reason).toBe('INTERNAL')
    expect(double.requests.filter(({ status }) => status === 200)).toHaveLength(0)
  })

  it('are in memory goes in pieces, and is read in pieces', async () => {
    const double = await startKimi()
    closing.push(double.close)
    const files = filesAt(double.url)
    const text = 'line of text\n'.repeat(20_000)
    const sent = await files.upload(uploadOf({ bytes: Buffer.from(text), sizeBytes: text.length }))
    expect(await readAll(files.content(sent, signal))).toBe(text)
  })
})

describe('a request with a query', () => {
  it('keeps the query of the base URL, too', async () => {
    const paths: (string | undefined)[] = []
    const url = await serve((request, response) => {
      paths.push(`${request.method} ${request.url}`)
      response.end('{"data":[]}')
    })
    const made = filesOf({ provider: 'kimi', dialect: kimiDialect, baseUrl: `${url}/v1?api-version=1` })
    closing.push(made.close)
    const { http, headers } = made.deps.access
    for (const path of ['/files', '/files?purpose=a'])
      (await http.send({ method: 'GET', path, headers, signal })).release()
    expect(paths).toEqual(['GET /v1/files?api-version=1', 'GET /v1/files?purpose=a&api-version=1'])
  })
})

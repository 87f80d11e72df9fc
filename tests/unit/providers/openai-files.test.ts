// Checks OpenAI's files through real sockets: sent in a stream, asked for and taken away, with every way to fail.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { GatewayError } from '../../../src/core/errors.ts'
import { openAiDialect } from '../../../src/providers/openai.ts'
import { createOpenAiFiles, type FileUpload, type OpenAiFiles } from '../../../src/providers/openai-files.ts'
import { startUpstream } from '../../support/upstream/openai.ts'
import type { Upstream } from '../../support/upstream/server.ts'
import { filesOf } from './file-apis.ts'

let double: Upstream
let files: OpenFiles

interface OpenFiles extends OpenAiFiles {
  readonly close: () => Promise<void>
}

function filesAt(baseUrl: string, key?: string): OpenFiles {
  const { deps, close } = filesOf({
    provider: 'openai',
    dialect: openAiDialect,
    baseUrl,
    ...(key === undefined ? {} : { key }),
  })
  return { ...createOpenAiFiles(deps), close }
}

beforeAll(async () => {
  double = await startUpstream()
  files = filesAt(double.url)
})
afterEach(() => expect(double.waiting()).toBe(0))
afterAll(async () => {
  await files.close()
  await double.close()
})

const signal = new AbortController().signal
async function* chunksOf(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text)
}
const upload = (over: Partial<FileUpload> = {}): FileUpload => ({
  filename: 'a.pdf',
  mimeType: 'application/pdf',
  purpose: 'user_data',
  bytes: chunksOf('%PDF-', '1.7'),
  sizeBytes: 8,
  signal,
  ...over,
})
const failed = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'it did not fail',
    (error: unknown) => error,
  )

describe('a file', () => {
  it('is sent, asked for, taken away, and then gone', async () => {
    const sent = await files.upload(upload())
    expect(sent).toEqual({
      id: expect.stringMatching(/^file-/),
      state: 'ready',
      sizeBytes: 8,
      expiresAtMs: undefined,
    })
    expect(await files.poll(sent.id, signal)).toEqual(sent)
    expect(await files.delete(sent.id, signal)).toBe(true)
    expect(await files.poll(sent.id, signal)).toBeUndefined()
    expect(await files.delete(sent.id, signal)).toBe(false)
  })

  it('has its name, its type, its bytes and its purpose in the form', async () => {
    await files.upload(upload({ filename: 'Grüezi "1".pdf', mimeType: 'text/html\r\nx: y' }))
    const { rawBody, headers } = double.requests.at(-1) ?? {}
    const form = rawBody?.toString() ?? ''
    expect(form).toContain(
      'name="file"; filename="Grüezi %221%22.pdf"\r\ncontent-type: application/octet-stream\r\n',
    )
    expect(form).toContain('\r\n\r\n%PDF-1.7\r\n--')
    expect(form).toContain('name="purpose"\r\n\r\nuser_data\r\n')
    expect(headers?.['content-length']).toBe(String(rawBody?.byteLength))
  })

  it.each([
    [86_400, 86_400],
    [1, 3600],
    [99_999_999, 2_592_000],
  ])('that shall go after %i seconds goes after %i', async (expiresAfterSeconds, seconds) => {
    const before = Math.floor(Date.now() / 1000)
    const { expiresAtMs = 0 } = await files.upload(upload({ expiresAfterSeconds }))
    expect(expiresAtMs).toBeGreaterThanOrEqual((before + seconds) * 1000)
    expect(expiresAtMs).toBeLessThanOrEqual(Date.now() + seconds * 1000)
  })

  it.each([0, 512 * 1024 * 1024 + 1])('of %i bytes is not sent', async sizeBytes => {
    const sent = double.requests.length
    expect(await failed(files.upload(upload({ sizeBytes })))).toMatchObject({ reason: 'INVALID_REQUEST' })
    expect(double.requests).toHaveLength(sent)
  })

  it.each([7, 9])('that is not the %i bytes it said is not taken', async sizeBytes => {
    expect(await failed(files.upload(upload({ sizeBytes })))).toMatchObject({ reason: 'INTERNAL' })
  })

  it('that cannot be read fails with what went wrong', async () => {
    const gone = new GatewayError('FILE_NOT_FOUND', 'no file has the id file_1')
    async function* bytes(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('%PDF')
      throw gone
    }
    expect(await failed(files.upload(upload({ bytes: bytes() })))).toBe(gone)
  })

  it('is read no faster than it is sent, and not on when the call ends', async () => {
    let readBytes = 0
    let seen = -1
    let isClosed = false
    const chunk = Buffer.alloc(64 * 1024)
    async function* bytes(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) {
          readBytes += chunk.byteLength
          yield chunk
        }
      } finally {
        isClosed = true
      }
    }
    // Takes the head of the request and then reads nothing more.
    const server = createServer(request => void request.pause())
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    // A TCP server that listens has an address of this kind.
    const { port } = server.address() as AddressInfo
    const slow = filesAt(`http://127.0.0.1:${port}`)
    const leaving = new AbortController()
    const reason = new GatewayError('CANCELLED', 'the client left')
    const sizeBytes = 256 * 1024 * 1024
    const running = failed(slow.upload(upload({ bytes: bytes(), sizeBytes, signal: leaving.signal })))
    // It is held up when two looks in a row find the same.
    await expect
      .poll(
        () => {
          const grown = readBytes - seen
          seen = readBytes
          return readBytes > 0 && grown === 0
        },
        { interval: 200, timeout: 30_000 },
      )
      .toBe(true)
    expect(readBytes).toBeLessThan(32 * 1024 * 1024)
    leaving.abort(reason)
    expect(await running).toBe(reason)
    await expect.poll(() => isClosed).toBe(true)
    await slow.close()
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  })
})

describe('a refusal', () => {
  it.each([
    ['error=rate_limit_exceeded', 'UPSTREAM_LIMITED'],
    ['error=500', 'UPSTREAM_UNAVAILABLE'],
    ['html', 'UPSTREAM_UNAVAILABLE'],
    ['html=200', 'UPSTREAM_BROKEN'],
    ['half-json', 'UPSTREAM_BROKEN'],
  ])('with %s is %s', async (fault, reason) => {
    double.next({ faults: [fault, 'retry-after=7'] })
    const error = await failed(files.upload(upload()))
    expect(error).toMatchObject({ reason, details: { provider: 'openai' } })
  })

  it('of the key says so, without the key', async () => {
    const strange = filesAt(double.url, 'wrong-key-1234567890')
    const error = await failed(strange.poll('file-1', signal))
    expect(error).toMatchObject({ reason: 'UPSTREAM_CREDENTIALS' })
    expect(String(error)).not.toContain('wrong-key')
    await strange.close()
  })

  it('of the URL is not taken for a file that is gone', async () => {
    const strange = filesAt(`${double.url}/elsewhere`)
    expect(await failed(strange.poll('file-1', signal))).toMatchObject({ reason: 'UPSTREAM_UNAVAILABLE' })
    await strange.close()
  })

  it('to connect is told as such', async () => {
    await double.goOffline()
    expect(await failed(files.poll('file-1', signal))).toMatchObject({ reason: 'UPSTREAM_UNAVAILABLE' })
    await double.goOnline()
  })

  it('of a bad base URL comes at once', () => {
    expect(() => filesAt('ftp://127.0.0.1/v1')).toThrow(
      expect.objectContaining({ reason: 'INVALID_REQUEST' }),
    )
  })

  it('of a call that is over comes before anything is sent', async () => {
    const reason = new GatewayError('CANCELLED', 'the client left')
    const sent = double.requests.length
    expect(await failed(files.poll('file-1', AbortSignal.abort(reason)))).toBe(reason)
    expect(double.requests).toHaveLength(sent)
  })
})

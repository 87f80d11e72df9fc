// Checks Kimi's files against its double: sent, waited for, read as text and taken away, with every way to fail.
import { afterEach, describe, expect, it } from 'vitest'
import type { FileApi } from '../../../src/providers/file-api.ts'
import { textOf } from '../../../src/providers/file-api.ts'
import { kimiDialect } from '../../../src/providers/kimi.ts'
import { createKimiFiles } from '../../../src/providers/kimi-files.ts'
import { type KimiOptions, startKimi } from '../../support/upstream/kimi.ts'
import type { Upstream } from '../../support/upstream/server.ts'
import { type Account, chunksOf, failureOf, filesOf, readAll, signal, uploadOf } from './file-apis.ts'

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function start(
  options: KimiOptions = {},
  account: Partial<Account> = {},
): Promise<{ readonly double: Upstream; readonly files: FileApi }> {
  const double = await startKimi(options)
  const made = filesOf({ provider: 'kimi', dialect: kimiDialect, baseUrl: double.url, ...account })
  closing.push(double.close, made.close)
  return { double, files: createKimiFiles(made.deps) }
}

describe('a file at Kimi', () => {
  it('is sent, becomes text, is taken away, and is then gone', async () => {
    const { files } = await start()
    const sent = await files.upload(uploadOf({}))
    expect(sent).toEqual({ id: expect.stringMatching(/^file/), purpose: 'file-extract', ready: true })
    await files.waitReady(sent, signal)
    expect(await readAll(files.content(sent, signal))).toBe('some txt')
    expect(await files.delete(sent, signal)).toBe(true)
    expect(await files.delete(sent, signal)).toBe(false)
    const error = await failureOf(files.waitReady(sent, signal))
    expect(error).toMatchObject({
      reason: 'FILE_NOT_FOUND',
      origin: 'upstream',
      details: { against: 'nobody' },
    })
    expect(await failureOf(readAll(files.content(sent, signal)))).toMatchObject({ reason: 'FILE_NOT_FOUND' })
  })

  it('is waited for as long as it is in processing', async () => {
    const { double, files } = await start({ filePolls: 3 })
    const sent = await files.upload(uploadOf({}))
    expect(sent.ready).toBe(false)
    await files.waitReady(sent, signal)
    // The answer of the upload was no look: three find it in processing, and the fourth is the last.
    expect(double.requests.filter(({ method }) => method === 'GET')).toHaveLength(4)
  })

  it('that cannot be read is the fault of the file', async () => {
    const { files } = await start()
    const sent = await files.upload(uploadOf({ filename: '[[fault:extract-error]] a.txt' }))
    const error = await failureOf(files.waitReady(sent, signal))
    expect(error.reason).toBe('INVALID_REQUEST')
    expect(error.message).toBe('kimi cannot read the file: the text could not be extracted')
  })

  it('that never becomes ready is given up', async () => {
    const { files } = await start({ filePolls: 1e9 }, { polling: { firstMs: 1, mostMs: 2, totalMs: 30 } })
    const error = await failureOf(files.waitReady(await files.upload(uploadOf({})), signal))
    expect(error).toMatchObject({ reason: 'UPSTREAM_UNAVAILABLE', details: { against: 'nobody' } })
    expect(error.message).toBe('kimi did not prepare the file within 30 ms')
  })

  it('is waited for while Kimi is busy, but not with a key that it refuses', async () => {
    const { double, files } = await start()
    const sent = await files.upload(uploadOf({}))
    double.next({ faults: ['status=429'], match: ({ method }) => method === 'GET' })
    await files.waitReady(sent, signal)
    double.next({ faults: ['status=401'], match: ({ method }) => method === 'GET' })
    const error = await failureOf(files.waitReady(sent, signal))
    expect(error).toMatchObject({
      reason: 'UPSTREAM_CREDENTIALS',
      details: { against: 'key', keyTrouble: 'auth' },
    })
  })

  it('is no longer waited for by somebody who left', async () => {
    const { files } = await start({ filePolls: 1e9 }, { polling: { firstMs: 60_000 } })
    const sent = await files.upload(uploadOf({}))
    const leaving = new AbortController()
    const waiting = failureOf(files.waitReady(sent, leaving.signal))
    leaving.abort()
    expect(await waiting).toMatchObject({ reason: 'CANCELLED' })
  })

  it('of a type that it does not know is refused in its own words', async () => {
    const { files } = await start()
    const error = await failureOf(files.upload(uploadOf({ filename: 'a.exe' })))
    expect(error).toMatchObject({
      reason: 'INVALID_REQUEST',
      details: { provider: 'kimi', upstreamStatus: 400 },
    })
    expect(error.message).toContain('unsupported file format: a.exe')
  })

  it.each([0, 100_000_001])('of %i bytes is refused before it is sent', async sizeBytes => {
    const { double, files } = await start()
    const error = await failureOf(files.upload(uploadOf({ sizeBytes })))
    expect(error.reason).toBe('INVALID_REQUEST')
    expect(error.message).toBe(`kimi takes files of 1 to 100000000 bytes, and this one has ${sizeBytes}`)
    expect(double.requests).toHaveLength(0)
  })

  it('with a name that has no ending gets that of its type', async () => {
    const { double, files } = await start()
    await files.upload(uploadOf({ filename: 'report', mimeType: 'application/pdf' }))
    expect(double.requests.at(-1)?.rawBody.toString()).toContain('filename="report.pdf"')
  })

  it('sent with a bad key counts against the key, which is not in the message', async () => {
    const { files } = await start({}, { key: 'sk-bad-key-0000' })
    const error = await failureOf(files.upload(uploadOf({})))
    expect(error).toMatchObject({
      reason: 'UPSTREAM_CREDENTIALS',
      details: { against: 'key', keyTrouble: 'auth' },
    })
    expect(JSON.stringify([error.message, error.details])).not.toContain('sk-bad-key-0000')
  })

  it('sent to a wrong base URL is told as that, and is not missing', async () => {
    const double = await startKimi()
    const made = filesOf({ provider: 'kimi', dialect: kimiDialect, baseUrl: `${double.url}/nowhere` })
    closing.push(double.close, made.close)
    const error = await failureOf(createKimiFiles(made.deps).upload(uploadOf({})))
    expect(error).toMatchObject({ reason: 'UPSTREAM_UNAVAILABLE' })
    expect(error.message).toBe('kimi has no such endpoint: check its base URL')
  })

  it('answered without an id was not sent', async () => {
    const { double, files } = await start()
    double.next({ raw: { body: '{"object":"file"}' } })
    expect(await failureOf(files.upload(uploadOf({})))).toMatchObject({ reason: 'UPSTREAM_BROKEN' })
    double.next({ raw: { body: '<html>' } })
    expect(await failureOf(files.upload(uploadOf({})))).toMatchObject({ reason: 'UPSTREAM_BROKEN' })
  })
})

describe('the text of a content', () => {
  it('is put together, and cut off above its limit', async () => {
    const of = { provider: 'kimi' }
    expect(await textOf(of, chunksOf('Gr\u00fc', 'ezi'), 7)).toBe('Gr\u00fcezi')
    const error = await failureOf(textOf(of, chunksOf('Gr\u00fc', 'ezi'), 6))
    expect(error).toMatchObject({ reason: 'UPSTREAM_BROKEN', details: { against: 'nobody' } })
  })
})

// The storage double holds callers to the protocol: what is unknown or missing is refused, in the real one's words.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type StorageDouble, startStorage } from '../../support/storage-double.ts'
import { signToken } from '../../support/supabase-tokens.ts'

let storage: StorageDouble

beforeAll(async () => {
  storage = await startStorage({ maxBytes: 1000 })
})
afterAll(() => storage?.stop())

const access = { apikey: 'a key', authorization: `Bearer ${signToken({ role: 'service_role' })}` }
const sent = { 'x-upsert': 'true', 'cache-control': 'max-age=3600', 'content-type': 'text/plain' }
const ask = (path: string, init: RequestInit = {}) =>
  fetch(`http://127.0.0.1:${storage.port}${path}`, {
    ...init,
    headers: { ...access, ...(init.headers as object) },
  })
const put = (path: string, body: string, headers: object = {}) =>
  ask(`/object/${path}`, { method: 'POST', body, headers: { ...sent, ...headers } })
const refusal = async (answer: Response) => [answer.status, ((await answer.json()) as { code: string }).code]

describe('the storage double', () => {
  test('keeps what is uploaded and gives it back, whole and in ranges', async () => {
    const kept = await put('files/acme/aa/aa1', 'hello world')
    expect([kept.status, await kept.json()]).toEqual([
      200,
      { Key: 'files/acme/aa/aa1', Id: expect.any(String) },
    ])
    const whole = await ask('/object/files/acme/aa/aa1')
    expect([whole.status, await whole.text(), whole.headers.get('accept-ranges')]).toEqual([
      200,
      'hello world',
      'bytes',
    ])
    const piece = await ask('/object/files/acme/aa/aa1', { headers: { range: 'bytes=6-8' } })
    expect([piece.status, await piece.text(), piece.headers.get('content-range')]).toEqual([
      206,
      'wor',
      'bytes 6-8/11',
    ])
  })

  test('lists by folders and removes by names, telling only what was there', async () => {
    await put('files/tree/one', '1')
    await put('files/tree/deep/two', '22')
    const json = { 'content-type': 'application/json' }
    const listed = await ask('/object/list/files', {
      method: 'POST',
      headers: json,
      body: '{"prefix":"tree"}',
    })
    expect(await listed.json()).toMatchObject([
      { name: 'deep', id: null },
      { name: 'one', metadata: { size: 1 } },
    ])
    const gone = await ask('/object/files', {
      method: 'DELETE',
      headers: json,
      body: '{"prefixes":["tree/one","none"]}',
    })
    expect(await gone.json()).toMatchObject([{ name: 'tree/one' }])
    expect(await refusal(await ask('/object/info/files/tree/one'))).toEqual([400, 'NoSuchKey'])
  })

  test.each([
    ['a missing x-upsert', { 'x-upsert': '' }],
    ['a missing cache-control', { 'cache-control': '' }],
    ['a cache-control of another form', { 'cache-control': '3600' }],
    ['a form instead of bytes', { 'content-type': 'multipart/form-data; boundary=x' }],
  ])('refuses an upload with %s', async (_, headers) => {
    expect(await refusal(await put('files/acme/refused', 'x', headers))).toEqual([400, 'InvalidRequest'])
  })

  test.each([
    ['a field that is not of the protocol', '{"prefixes":[],"force":true}'],
    ['a missing field', '{}'],
    ['a field of another type', '{"prefixes":"one"}'],
    ['no JSON', 'prefixes'],
  ])('refuses a removal with %s', async (_, body) => {
    const answer = await ask('/object/files', {
      method: 'DELETE',
      headers: { 'content-type': 'application/json' },
      body,
    })
    expect(await refusal(answer)).toEqual([400, 'InvalidRequest'])
  })

  test('refuses a query, an unknown route, letters that are not ASCII, and a way out of the bucket', async () => {
    expect(await refusal(await ask('/object/files/acme/aa/aa1?download=1'))).toEqual([400, 'InvalidRequest'])
    expect(await refusal(await ask('/objects'))).toEqual([400, 'InvalidRequest'])
    expect(await refusal(await put('files/acme/%C3%BC', 'x'))).toEqual([400, 'InvalidKey'])
    expect(await refusal(await put('files/acme/%2E%2E%2Fother', 'x'))).toEqual([400, 'InvalidKey'])
  })

  test('says with status 400 what the body calls 404, 409, 413 and 403', async () => {
    await put('files/acme/once', '1')
    const told = async (answer: Response) => {
      const { statusCode, code } = (await answer.json()) as { statusCode: string; code: string }
      return [answer.status, statusCode, code]
    }
    expect(await told(await ask('/object/nowhere/a'))).toEqual([400, '404', 'NoSuchBucket'])
    expect(await told(await put('files/acme/once', '2', { 'x-upsert': 'false' }))).toEqual([
      400,
      '409',
      'KeyAlreadyExists',
    ])
    expect(await told(await put('files/acme/big', 'x'.repeat(1001)))).toEqual([400, '413', 'EntityTooLarge'])
    expect(await told(await ask('/object/files/a', { headers: { authorization: 'Bearer other' } }))).toEqual([
      400,
      '403',
      'AccessDenied',
    ])
  })

  test('keeps nothing of an upload that breaks off', async () => {
    const cut = new AbortController()
    const body = new ReadableStream({
      pull(stream) {
        if (cut.signal.aborted) return
        stream.enqueue(new TextEncoder().encode('half'))
        cut.abort()
      },
    })
    const init = { method: 'POST', body, duplex: 'half', signal: cut.signal, headers: sent }
    await expect(ask('/object/files/acme/cut', init as RequestInit)).rejects.toThrow()
    expect(storage.objects().map(({ name }) => name)).not.toContain('acme/cut')
  })

  test('breaks on demand: no answer, a broken connection, a broken body, a foreign page', async () => {
    await put('files/acme/long', 'x'.repeat(1000))
    storage.fault(() => ({ type: 'hang' }))
    await expect(ask('/object/files/acme/long', { signal: AbortSignal.timeout(50) })).rejects.toThrow()
    storage.fault(() => ({ type: 'reset' }))
    await expect(ask('/object/files/acme/long')).rejects.toThrow()
    storage.fault(() => ({ type: 'lost_answer' }))
    await expect(put('files/acme/lost', 'there')).rejects.toThrow()
    expect(storage.objects().map(({ name }) => name)).toContain('acme/lost')
    storage.fault(() => ({ type: 'broken_body', afterBytes: 10 }))
    await expect((await ask('/object/files/acme/long')).text()).rejects.toThrow()
    storage.fault(() => ({ type: 'status', status: 503 }))
    expect((await ask('/object/files/acme/long')).status).toBe(503)
    storage.fault(undefined)
    expect((await ask('/object/files/acme/long')).status).toBe(200)
  })
})

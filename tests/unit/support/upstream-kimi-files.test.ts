// Checks the files of the Kimi double: uploads by purpose, processing, extracted text, deletion, use in messages.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startKimi } from '../../support/upstream/kimi.ts'
import { at, type RawAnswer, rawCall } from '../../support/upstream/raw-call.ts'
import type { Upstream } from '../../support/upstream/server.ts'

let upstream: Upstream
beforeEach(async () => {
  upstream = await startKimi()
})
afterEach(() => upstream.close())

const part = (disposition: string, content: string): string =>
  `--edge\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n${content}\r\n`
const file = (filename: string, content: string): string =>
  part(`name="file"; filename="${filename}"`, content)
const purpose = (value: string): string => part('name="purpose"', value)
const post = (...parts: readonly string[]): Promise<RawAnswer> =>
  rawCall(upstream.url, {
    path: '/files',
    headers: { 'content-type': 'multipart/form-data; boundary=edge' },
    body: `${parts.join('')}--edge--\r\n`,
  })
const call = (method: string, path: string) => rawCall(upstream.url, { method, path })
const idOf = (answer: RawAnswer): string => String(at(answer.json, 'id'))

describe('files', () => {
  it('are uploaded, looked at, read as text, listed and deleted', async () => {
    const upload = await post(file('notes.md', 'Grüße\r\n--edg'), purpose('file-extract'))
    const stored = {
      id: expect.stringMatching(/^file\d+$/),
      object: 'file',
      bytes: 14,
      created_at: expect.any(Number),
      filename: 'notes.md',
      purpose: 'file-extract',
      status: 'ready',
      status_details: '',
    }
    expect(upload.json).toEqual(stored)
    const path = `/files/${idOf(upload)}`
    expect((await call('GET', path)).json).toEqual(stored)
    const content = await call('GET', `${path}/content`)
    expect([content.headers['content-type'], content.text]).toEqual([
      'text/plain; charset=utf-8',
      'Grüße\r\n--edg',
    ])
    expect((await call('GET', '/files?purpose=file-extract')).json).toEqual({
      object: 'list',
      data: [stored],
    })
    expect(at((await call('GET', '/files?purpose=image')).json, 'data')).toEqual([])
    expect((await call('DELETE', path)).json).toEqual({ id: idOf(upload), object: 'file', deleted: true })
    expect((await call('GET', path)).status).toBe(404)
  })

  it('of other formats have a text that names them', async () => {
    const upload = await post(purpose('file-extract'), file('a.PDF', '%PDF'))
    expect((await call('GET', `/files/${idOf(upload)}/content`)).text).toBe('Text of a.PDF')
  })

  it('can be in processing for some looks, or never become ready', async () => {
    const slow = await post(file('[[fault:processing=2]]a.txt', 'x'), purpose('file-extract'))
    expect(at(slow.json, 'status')).toBe('processing')
    const path = `/files/${idOf(slow)}`
    expect((await call('GET', `${path}/content`)).status).toBe(400)
    const seen = [await call('GET', path), await call('GET', path), await call('GET', path)]
    expect(seen.map(answer => at(answer.json, 'status'))).toEqual(['processing', 'processing', 'ready'])
    upstream.next({ faults: ['extract-error'] })
    const broken = await post(file('a.txt', 'x'), purpose('file-extract'))
    expect(broken.json).toMatchObject({ status: 'error', status_details: expect.stringMatching(/./) })
    expect((await call('GET', `/files/${idOf(broken)}/content`)).status).toBe(400)
  })

  it.each([
    ['an unknown purpose', [file('a.txt', 'x'), purpose('user_data')]],
    ['no purpose', [file('a.txt', 'x')]],
    ['no file', [purpose('image')]],
    ['an empty file', [file('a.txt', ''), purpose('file-extract')]],
    ['a format that cannot be extracted', [file('a.exe', 'x'), purpose('file-extract')]],
    ['an unknown field', [file('a.txt', 'x'), purpose('file-extract'), part('name="expires"', '1')]],
  ])('are refused for %s', async (_name, parts) => {
    const answer = await post(...parts)
    expect([answer.status, at(answer.json, 'error', 'type')]).toEqual([400, 'invalid_request_error'])
  })

  it('are refused when the form is broken, and can fail on demand', async () => {
    const headers = { 'content-type': 'multipart/form-data; boundary=edge' }
    const body = `${file('a.txt', 'x')}${purpose('image')}`
    expect((await rawCall(upstream.url, { path: '/files', headers, body })).status).toBe(400)
    upstream.next({ faults: ['status=500'] })
    expect((await post(file('a.txt', 'x'), purpose('file-extract'))).status).toBe(500)
  })

  it('of purpose image stand for images in messages, and have no content', async () => {
    const id = idOf(await post(file('a.png', 'x'), purpose('image')))
    const ask = (part: object) =>
      rawCall(upstream.url, { body: { model: 'kimi-k3', messages: [{ role: 'user', content: [part] }] } })
    expect((await ask({ type: 'image_url', image_url: { url: `ms://${id}` } })).status).toBe(200)
    expect((await ask({ type: 'video_url', video_url: { url: `ms://${id}` } })).status).toBe(400)
    expect((await call('GET', `/files/${id}/content`)).status).toBe(400)
  })
})

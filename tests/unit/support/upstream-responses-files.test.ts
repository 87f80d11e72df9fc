// Checks the files and the embeddings of the OpenAI double: forms, pages, purposes, limits, encodings.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startUpstream } from '../../support/upstream/openai.ts'
import { at, type RawAnswer, rawCall } from '../../support/upstream/raw-call.ts'
import type { Upstream } from '../../support/upstream/server.ts'
import { listOf } from '../../support/upstream/shape.ts'

let upstream: Upstream
beforeEach(async () => {
  upstream = await startUpstream()
})
afterEach(() => upstream.close())

const field = (name: string, content: string): string =>
  `--edge\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${content}\r\n`
const file = (filename: string, content: string): string =>
  `--edge\r\nContent-Disposition: form-data; name="file"; filename="${filename}"\r\nContent-Type: text/plain\r\n\r\n${content}\r\n`
const post = (...parts: readonly string[]): Promise<RawAnswer> =>
  rawCall(upstream.url, {
    path: '/files',
    headers: { 'content-type': 'multipart/form-data; boundary="edge"' },
    body: `${parts.join('')}--edge--\r\n`,
  })
const call = (method: string, path: string) => rawCall(upstream.url, { method, path })
const idOf = (answer: RawAnswer): string => String(at(answer.json, 'id'))
const expiry = (anchor: string, seconds: string): readonly string[] => [
  field('expires_after[anchor]', anchor),
  field('expires_after[seconds]', seconds),
]

describe('files', () => {
  it('are uploaded, looked at, downloaded and deleted', async () => {
    const upload = await post(field('purpose', 'evals'), file('a.txt', 'Grüße'))
    const stored = {
      id: expect.stringMatching(/^file-\d+$/),
      object: 'file',
      bytes: 7,
      created_at: expect.any(Number),
      filename: 'a.txt',
      purpose: 'evals',
      status: 'processed',
    }
    expect(upload.json).toEqual(stored)
    const path = `/files/${idOf(upload)}`
    expect((await call('GET', path)).json).toEqual(stored)
    expect((await call('GET', `${path}/content`)).text).toBe('Grüße')
    expect((await call('DELETE', path)).json).toEqual({ id: idOf(upload), object: 'file', deleted: true })
    expect((await call('GET', path)).status).toBe(404)
  })

  it.each(['user_data', 'vision'])('of purpose %s cannot be downloaded', async purpose => {
    const upload = await post(field('purpose', purpose), file('a.pdf', 'x'))
    const answer = await call('GET', `/files/${idOf(upload)}/content`)
    expect([answer.status, at(answer.json, 'error', 'message')]).toEqual([
      400,
      `Not allowed to download files of purpose: ${purpose}`,
    ])
  })

  it('expire as asked, batches after 30 days', async () => {
    const lasting = (answer: RawAnswer) =>
      Number(at(answer.json, 'expires_at')) - Number(at(answer.json, 'created_at'))
    const user = field('purpose', 'user_data')
    expect(lasting(await post(user, ...expiry('created_at', '3600'), file('a.txt', 'x')))).toBe(3600)
    expect(lasting(await post(field('purpose', 'batch'), file('a.jsonl', '{}')))).toBe(2_592_000)
    expect(at((await post(user, file('a.txt', 'x'))).json, 'expires_at')).toBeUndefined()
  })

  it('are listed in pages, newest first unless told otherwise', async () => {
    const names = async (query: string) => {
      const { json } = await call('GET', `/files?${query}`)
      return [listOf(at(json, 'data')).map(each => at(each, 'filename')), at(json, 'has_more')]
    }
    const first = await post(field('purpose', 'evals'), file('1', 'x'))
    await post(field('purpose', 'user_data'), file('2', 'x'))
    await post(field('purpose', 'evals'), file('3', 'x'))
    expect(await names('')).toEqual([['3', '2', '1'], false])
    expect(await names('purpose=evals&order=asc&limit=1')).toEqual([['1'], true])
    expect(await names(`order=asc&after=${idOf(first)}`)).toEqual([['2', '3'], false])
    for (const query of ['limit=0', 'limit=10001', 'order=up', 'page=2']) {
      expect((await call('GET', `/files?${query}`)).status).toBe(400)
    }
  })

  const user = field('purpose', 'user_data')
  it.each([
    ['an unknown purpose', [field('purpose', 'file-extract'), file('a', 'x')], 'purpose'],
    ['no purpose', [file('a', 'x')], 'purpose'],
    ['no file', [user], 'file'],
    ['a file that is a plain field', [user, field('file', 'x')], 'file'],
    ['an empty file', [user, file('a', '')], 'file'],
    ['an unknown field', [user, file('a', 'x'), field('name', 'x')], 'name'],
    ['a field that stands twice', [user, user, file('a', 'x')], 'purpose'],
    [
      'an expiry below an hour',
      [user, file('a', 'x'), ...expiry('created_at', '3599')],
      'expires_after[seconds]',
    ],
    [
      'an expiry above 30 days',
      [user, file('a', 'x'), ...expiry('created_at', '2592001')],
      'expires_after[seconds]',
    ],
    [
      'an expiry from another time',
      [user, file('a', 'x'), ...expiry('now', '3600')],
      'expires_after[anchor]',
    ],
    ['a batch that is no jsonl', [field('purpose', 'batch'), file('a.json', 'x')], 'file'],
  ])('are refused for %s', async (_name, parts, param) => {
    const answer = await post(...parts)
    expect([answer.status, at(answer.json, 'error', 'param')]).toEqual([400, param])
  })

  it('are refused as JSON or as half a form, and can fail on demand', async () => {
    expect((await rawCall(upstream.url, { path: '/files', body: {} })).status).toBe(400)
    const headers = { 'content-type': 'multipart/form-data; boundary=edge' }
    expect(
      (await rawCall(upstream.url, { path: '/files', headers, body: user + file('a', 'x') })).status,
    ).toBe(400)
    expect((await post(user, file('[[fault:status=503]]', 'x'))).status).toBe(503)
  })

  it('stand in a response: any document, and images of purpose vision', async () => {
    const vision = idOf(await post(field('purpose', 'vision'), file('a.png', 'x')))
    const document = idOf(await post(user, file('a.pdf', 'x')))
    const ask = async (part: object) => {
      const body = { model: 'test-model', input: [{ role: 'user', content: [part] }] }
      return (await rawCall(upstream.url, { path: '/responses', body })).status
    }
    expect(await ask({ type: 'input_image', file_id: vision })).toBe(200)
    expect(await ask({ type: 'input_file', file_id: document })).toBe(200)
    expect(await ask({ type: 'input_image', file_id: document })).toBe(400)
  })
})

describe('embeddings', () => {
  const embed = (input: unknown, more: object = {}): Promise<RawAnswer> =>
    rawCall(upstream.url, { path: '/embeddings', body: { model: 'text-embedding-3-small', input, ...more } })
  const vector = (answer: RawAnswer, index = 0): readonly number[] =>
    listOf(at(answer.json, 'data', index, 'embedding')).map(Number)
  const words = (count: number): string => 'x '.repeat(count)

  it('are vectors of length 1 that depend on the text alone', async () => {
    const answer = await embed(['one two', 'three'])
    expect(answer.json).toMatchObject({
      object: 'list',
      data: [
        { object: 'embedding', index: 0 },
        { object: 'embedding', index: 1 },
      ],
      model: 'text-embedding-3-small',
      usage: { prompt_tokens: 3, total_tokens: 3 },
    })
    expect(vector(answer)).toHaveLength(1536)
    expect(Math.hypot(...vector(answer))).toBeCloseTo(1, 5)
    expect(vector(answer, 1)).not.toEqual(vector(answer))
    expect(vector(await embed('three'))).toEqual(vector(answer, 1))
  })

  it('are the same numbers as base64', async () => {
    const packed = at((await embed('one', { encoding_format: 'base64' })).json, 'data', 0, 'embedding')
    const bytes = Buffer.from(String(packed), 'base64')
    const unpacked = Array.from({ length: bytes.length / 4 }, (_, at) => bytes.readFloatLE(at * 4))
    expect(unpacked).toEqual(vector(await embed('one', { encoding_format: 'float' })))
  })

  it('are taken of tokens, and shorter or longer by model', async () => {
    expect(at((await embed([1, 2, 3])).json, 'usage', 'prompt_tokens')).toBe(3)
    expect(at((await embed([[1, 2], [3]])).json, 'data')).toHaveLength(2)
    expect(vector(await embed('x', { dimensions: 7 }))).toHaveLength(7)
    expect(vector(await embed('x', { model: 'text-embedding-3-large' }))).toHaveLength(3072)
  })

  it.each<[string, unknown, object, string]>([
    ['an empty text', '', {}, 'input'],
    ['an empty text among others', ['x', ''], {}, 'input[1]'],
    ['no texts', [], {}, 'input'],
    ['texts and tokens together', ['x', [1]], {}, 'input[1]'],
    ['2049 texts', Array(2049).fill('x'), {}, 'input'],
    ['8193 tokens in one text', words(8193), {}, 'input'],
    ['more than 300000 tokens in all', Array(37).fill(words(8192)), {}, 'input'],
    ['another encoding', 'x', { encoding_format: 'int8' }, 'encoding_format'],
    ['an unknown field', 'x', { input_type: 'query' }, 'input_type'],
    ['dimensions on ada', 'x', { model: 'text-embedding-ada-002', dimensions: 7 }, 'dimensions'],
    ['more dimensions than there are', 'x', { dimensions: 1537 }, 'dimensions'],
  ])('are refused for %s', async (_name, input, more, param) => {
    const answer = await embed(input, more)
    expect([answer.status, at(answer.json, 'error', 'param')]).toEqual([400, param])
  })

  it('are taken up to the limits', async () => {
    expect((await embed(words(8192))).status).toBe(200)
    expect(at((await embed(Array(2048).fill('x'), { dimensions: 1 })).json, 'data')).toHaveLength(2048)
  })

  it('are not made by other models, and fail on demand', async () => {
    expect((await embed('x', { model: 'gpt-4o' })).status).toBe(404)
    expect((await embed(['x', '[[fault:error=insufficient_quota]]'])).status).toBe(429)
  })
})

// Checks the files of the GLM double: what is kept and found again, and the limits of each purpose.
import { afterEach, beforeEach, expect, it } from 'vitest'
import { startGlm } from '../../support/upstream/glm.ts'
import { at, rawCall } from '../../support/upstream/raw-call.ts'
import type { Upstream } from '../../support/upstream/server.ts'

let upstream: Upstream
beforeEach(async () => {
  upstream = await startGlm()
})
afterEach(() => upstream.close())

const form = (fields: Readonly<Record<string, string>>, filename?: string, content = 'hello') => {
  const body = new FormData()
  for (const [name, value] of Object.entries(fields)) body.append(name, value)
  if (filename !== undefined) body.append('file', new Blob([content]), filename)
  return body
}
const upload = async (body: FormData) => {
  const headers = { authorization: 'Bearer test-key' }
  const response = await fetch(`${upstream.url}/files`, { method: 'POST', headers, body })
  const json: unknown = await response.json()
  return { status: response.status, json, code: at(json, 'error', 'code') }
}
const call = (method: string, path: string) => rawCall(upstream.url, { method, path: `/files${path}` })
const agent = { purpose: 'agent' }

it('a file is uploaded, listed, read and deleted, but not retrieved', async () => {
  const { status, json } = await upload(form(agent, 'notes.txt'))
  expect([status, json]).toEqual([
    200,
    {
      id: expect.any(String),
      object: 'file',
      bytes: 5,
      filename: 'notes.txt',
      purpose: 'agent',
      created_at: expect.any(Number),
    },
  ])
  const id = String(at(json, 'id'))
  expect((await call('GET', `/${id}/content`)).text).toBe('hello')
  const retrieved = await call('GET', `/${id}`)
  expect([retrieved.status, at(retrieved.json, 'error', 'code')]).toEqual([404, '1222'])
  expect((await call('DELETE', `/${id}`)).json).toEqual({ id, object: 'file', deleted: true })
  expect(at((await call('DELETE', `/${id}`)).json, 'error', 'code')).toBe('1214')
  expect((await call('GET', '?purpose=agent')).json).toEqual({ object: 'list', data: [], has_more: false })
})

it('a list needs its purpose, and comes in pages of either order', async () => {
  for (const name of ['a.txt', 'b.txt', 'c.txt']) await upload(form(agent, name))
  const list = async (query: string) => (await call('GET', query)).json
  expect(at(await list(''), 'error', 'code')).toBe('1213')
  expect(at(await list('?purpose=agent&limit=101'), 'error', 'code')).toBe('1214')
  const first = await list('?purpose=agent&limit=2')
  expect(first).toMatchObject({ data: [{ filename: 'c.txt' }, { filename: 'b.txt' }], has_more: true })
  const next = await list(`?purpose=agent&limit=2&after=${at(first, 'data', 1, 'id')}`)
  expect(next).toMatchObject({ data: [{ filename: 'a.txt' }], has_more: false })
  expect(at(await list('?purpose=agent&order=asc'), 'data', 0, 'filename')).toBe('a.txt')
})

it('Z.AI takes documents for agents and nothing else', async () => {
  expect((await upload(form({ purpose: 'batch' }, 'a.jsonl'))).code).toBe('1214')
  expect((await upload(form(agent, 'a.docx'))).code).toBe('1214')
  expect((await upload(form(agent))).code).toBe('1213')
  expect((await upload(form({}, 'a.txt'))).code).toBe('1213')
  expect((await upload(form({ ...agent, expires: '1' }, 'a.txt'))).code).toBe('1210')
  const noForm = await rawCall(upstream.url, { path: '/files', body: {} })
  expect([noForm.status, at(noForm.json, 'error', 'code')]).toEqual([400, '1210'])
})

it('a file that is too large is a 435', async () => {
  await upstream.close()
  upstream = await startGlm({ fileSizeBytesMax: 10 })
  expect((await upload(form(agent, 'a.txt', 'x'.repeat(11)))).status).toBe(435)
  expect((await upload(form(agent, 'a.txt', 'x'.repeat(10)))).status).toBe(200)
})

it('BigModel has more purposes, each with its limits', async () => {
  await upstream.close()
  upstream = await startGlm({ bigModel: true })
  const status = async (purpose: string, filename: string, sizeBytes = 1) =>
    (await upload(form({ purpose }, filename, 'x'.repeat(sizeBytes)))).status
  expect(await status('batch', 'a.jsonl')).toBe(200)
  expect(await status('batch', 'a.txt')).toBe(400)
  expect(await status('voice-clone-input', 'a.mp3')).toBe(200)
  expect(await status('voice-clone-input', 'a.ogg')).toBe(400)
  expect(await status('file-extract', 'a.anything')).toBe(200)
  expect(await status('retrieval', 'a.txt')).toBe(400)
  const withKnowledge = await upload(form({ purpose: 'retrieval', knowledge_id: 'k' }, 'a.txt'))
  expect(withKnowledge.status).toBe(200)
  expect(await status('code-interpreter', 'a.csv', 20_000_001)).toBe(400)
  expect(await status('code-interpreter', 'a.png', 5_000_001)).toBe(400)
  for (let count = 0; count < 100; count += 1) expect(await status('code-interpreter', 'a.csv')).toBe(200)
  expect(await status('code-interpreter', 'a.csv')).toBe(400)
})

it('an upload can be made to fail, and then keeps nothing', async () => {
  upstream.next({ faults: ['code=1302'] })
  expect((await upload(form(agent, 'a.txt'))).status).toBe(429)
  expect(at((await call('GET', '?purpose=agent')).json, 'data')).toEqual([])
})

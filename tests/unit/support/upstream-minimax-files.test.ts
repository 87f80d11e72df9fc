// Checks the files of the MiniMax double: ids that no JavaScript number can hold, and errors under HTTP 200.
import { afterEach, beforeEach, expect, it } from 'vitest'
import { startMiniMax } from '../../support/upstream/minimax.ts'
import { at, rawCall } from '../../support/upstream/raw-call.ts'
import type { Upstream } from '../../support/upstream/server.ts'

let upstream: Upstream
beforeEach(async () => {
  upstream = await startMiniMax()
})
afterEach(() => upstream.close())

const upload = async (purpose: string, filename: string | undefined, more: object = {}) => {
  const body = new FormData()
  for (const [name, value] of Object.entries({ purpose, ...more })) body.append(name, String(value))
  if (filename !== undefined) body.append('file', new Blob(['moving']), filename)
  const headers = { authorization: 'Bearer test-key' }
  const response = await fetch(`${upstream.url}/files/upload`, { method: 'POST', headers, body })
  const text = await response.text()
  const id = /"file_id":(\d+)/.exec(text)?.[1] ?? ''
  const json: unknown = JSON.parse(text)
  return { status: response.status, text, id, json, code: at(json, 'base_resp', 'status_code') }
}
const get = (path: string) => rawCall(upstream.url, { method: 'GET', path: `/files/${path}` })
const remove = (body: string) => rawCall(upstream.url, { path: '/files/delete', body })
const codeOf = (json: unknown): unknown => at(json, 'base_resp', 'status_code')

it('an id is a number that loses its last digits in JavaScript', async () => {
  const { status, json, id } = await upload('video_understanding', 'a.mp4')
  expect([status, json]).toEqual([
    200,
    {
      file: {
        file_id: expect.any(Number),
        bytes: 6,
        created_at: expect.any(Number),
        filename: 'a.mp4',
        purpose: 'video_understanding',
      },
      base_resp: { status_code: 0, status_msg: 'success' },
    },
  ])
  expect(BigInt(id)).toBeGreaterThan(2n ** 53n)
  expect(String(at(json, 'file', 'file_id'))).not.toBe(id)
  const second = await upload('video_understanding', 'b.mp4')
  expect(BigInt(second.id) - BigInt(id)).toBe(1n)
})

it('a file is listed by purpose, retrieved with a link, read, and deleted by its exact id', async () => {
  const { id } = await upload('video_understanding', 'a.mp4')
  expect((await get('list?purpose=video_understanding')).text).toContain(`"file_id":${id},`)
  expect((await get('list?purpose=voice_clone')).json).toMatchObject({ files: [] })
  const found = await get(`retrieve?file_id=${id}`)
  expect(found.text).toContain(`"file_id":${id},`)
  expect(at(found.json, 'file', 'download_url')).toMatch(/^https:/)
  expect((await get(`retrieve_content?file_id=${id}`)).text).toBe('moving')
  const rounded = Number(id)
  expect(codeOf((await remove(`{"file_id":${rounded},"purpose":"video_understanding"}`)).json)).toBe(2013)
  expect(codeOf((await remove(`{"file_id":"${id}","purpose":"video_understanding"}`)).json)).toBe(2013)
  expect(codeOf((await remove(`{"file_id":${id},"purpose":"voice_clone"}`)).json)).toBe(2013)
  expect(codeOf((await remove(`{"file_id":${id}}`)).json)).toBe(2013)
  const gone = await remove(`{"file_id":${id},"purpose":"video_understanding"}`)
  expect(gone.text).toBe(`{"file_id":${id},"base_resp":{"status_code":0,"status_msg":"success"}}`)
  expect((await get('list?purpose=video_understanding')).json).toMatchObject({ files: [] })
})

it('what is wrong is said under HTTP 200', async () => {
  for (const path of ['list', 'retrieve?file_id=1', 'retrieve_content?file_id=1']) {
    const answer = await get(path)
    expect([answer.status, codeOf(answer.json)]).toEqual([200, 2013])
  }
  expect(await upload('video_understanding', 'a.txt')).toMatchObject({ status: 200, code: 2013 })
  expect(await upload('voice_clone', 'a.ogg')).toMatchObject({ code: 2013 })
  expect(await upload('t2a_async_input', 'a.pdf')).toMatchObject({ code: 2013 })
  expect(await upload('t2a_async_input', undefined)).toMatchObject({ code: 2013 })
  expect(await upload('voice_clone', 'a.mp3', { extra: 1 })).toMatchObject({ code: 2013 })
  expect(await upload('anything', 'a.any')).toMatchObject({ code: 0 })
})

it('an uploaded video is for the chat, and no other file', async () => {
  const look = async (id: string) => {
    const content = [{ type: 'video_url', video_url: { url: `mm_file://${id}` } }]
    const body = { model: 'MiniMax-M3', messages: [{ role: 'user', content }] }
    return (await rawCall(upstream.url, { body })).status
  }
  expect(await look((await upload('video_understanding', 'a.mov')).id)).toBe(200)
  expect(await look((await upload('anything', 'a.mov')).id)).toBe(400)
})

it('an upload can be made to fail, and then keeps nothing', async () => {
  upstream.next({ faults: ['code=1008'] })
  expect((await upload('video_understanding', 'a.mp4')).code).toBe(1008)
  expect((await get('list?purpose=video_understanding')).json).toMatchObject({ files: [] })
})

// Checks whom the OpenAI double serves: keys, models and paths.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startUpstream } from '../../support/upstream/openai.ts'
import { at, rawCall } from '../../support/upstream/raw-call.ts'
import type { Upstream } from '../../support/upstream/server.ts'

let upstream: Upstream
beforeAll(async () => {
  upstream = await startUpstream()
})
afterAll(() => upstream.close())

describe('keys, models and paths', () => {
  const body = { model: 'test-model', messages: [{ role: 'user', content: 'Hi' }] }

  it.each(['', 'Bearer wrong', 'test-key', 'Basic test-key'])(
    'the authorization "%s" is a 401',
    async authorization => {
      const answer = await rawCall(upstream.url, { body, headers: { authorization } })
      expect([answer.status, at(answer.json, 'error', 'code')]).toEqual([401, 'invalid_api_key'])
    },
  )

  it('each of the given keys and models is served, and no other', async () => {
    const own = await startUpstream({ apiKeys: ['k1', 'k2'], models: ['m'] })
    const status = async (key: string, model: string) =>
      (await rawCall(own.url, { body: { ...body, model }, headers: { authorization: `Bearer ${key}` } }))
        .status
    expect([await status('k1', 'm'), await status('k2', 'm')]).toEqual([200, 200])
    expect([await status('test-key', 'm'), await status('k1', 'test-model')]).toEqual([401, 404])
    await own.close()
  })

  it('an unknown model is a 404, and so is one that only the Responses endpoint has', async () => {
    const unknown = await rawCall(upstream.url, { body: { ...body, model: 'gpt-2' } })
    expect([unknown.status, at(unknown.json, 'error', 'code')]).toEqual([404, 'model_not_found'])
    expect((await rawCall(upstream.url, { body: { ...body, model: 'o3-pro' } })).status).toBe(404)
    expect((await rawCall(upstream.url, { body: { ...body, model: 'Test-Model' } })).status).toBe(404)
  })

  it('models are listed, and found one by one', async () => {
    const list = await rawCall(upstream.url, { method: 'GET', path: '/models' })
    expect(list.json).toMatchObject({ object: 'list' })
    expect(at(list.json, 'data', 0)).toMatchObject({ id: 'test-model', object: 'model', owned_by: 'system' })
    expect((await rawCall(upstream.url, { method: 'GET', path: '/models/gpt-4o' })).status).toBe(200)
    expect((await rawCall(upstream.url, { method: 'GET', path: '/models/none' })).status).toBe(404)
  })

  it('other paths and methods do not exist', async () => {
    for (const path of ['/v1/chat/completions', '/completions', '/chat/completions/']) {
      expect((await rawCall(upstream.url, { path, body })).status).toBe(404)
    }
    expect((await rawCall(upstream.url, { method: 'GET' })).status).toBe(405)
  })
})

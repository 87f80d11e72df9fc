// The access service on the wire: keys are made, listed, rotated and revoked in JSON, and refusals name the field.
import { expect, onTestFinished, test } from 'vitest'
import { openAccessRig } from '../../../support/access-rig.ts'
import { errorOf, post, startServer } from './harness.ts'

async function start() {
  const rig = await openAccessRig({ auth: { mode: 'loopback' } })
  const server = await startServer({ access: rig.access })
  onTestFinished(async () => {
    await server[Symbol.asyncDispose]()
    await rig.close()
  })
  const call = (method: string, body: object) =>
    post(server.url, `exai.v1.AccessService/${method}`, JSON.stringify(body))
  return {
    rig,
    call,
    read: async (method: string, body: object) => JSON.parse(await (await call(method, body)).text()),
  }
}

test('a key goes its whole way', async () => {
  const { rig, read } = await start()
  const { key, secret } = await read('CreateKey', {
    label: 'laptop',
    scopes: ['SCOPE_CHAT'],
    ttl: '3600s',
    limits: [{ kind: 'KIND_DAY_BUDGET', value: '5000000000' }],
  })
  expect(secret).toMatch(/^exai_[\w-]{43}$/)
  expect(key).toEqual({
    id: expect.stringMatching(/^key_/),
    label: 'laptop',
    tenant: 'default',
    scopes: ['SCOPE_CHAT'],
    state: 'STATE_ACTIVE',
    secretPrefix: secret.slice(0, 9),
    limits: [{ kind: 'KIND_DAY_BUDGET', value: '5000000000' }],
    createTime: '2026-11-22T17:00:00Z',
    expireTime: '2026-11-22T18:00:00Z',
  })
  expect(await read('ListKeys', {})).toEqual({ keys: [key] })
  const rotated = await read('RotateKey', { keyId: key.id })
  expect(rotated.secret).not.toBe(secret)
  expect(rotated.key).toMatchObject({ id: key.id, rotateTime: '2026-11-22T17:00:00Z' })
  const revoked = await read('RevokeKey', { keyId: key.id })
  expect(revoked.key).toMatchObject({ state: 'STATE_REVOKED', revokeTime: '2026-11-22T17:00:00Z' })
  expect(await read('ListKeys', { states: ['STATE_ACTIVE'] })).toEqual({})
  expect(rig.keys.entries.map(({ action }) => action)).toEqual(['key.create', 'key.rotate', 'key.revoke'])
})

test.each([
  ['CreateKey', { scopes: ['SCOPE_CHAT'] }, 400, 'ERROR_REASON_INVALID_REQUEST', /^label must/],
  ['CreateKey', { label: 'x', scopes: ['SCOPE_ROOT'] }, 400, 'ERROR_REASON_INVALID_REQUEST', /SCOPE_ROOT/],
  ['ListKeys', { pageToken: 'x' }, 400, 'ERROR_REASON_INVALID_REQUEST', /^page_token/],
  ['RotateKey', {}, 404, 'ERROR_REASON_KEY_NOT_FOUND', /^no key that is accepted has the id ""/],
  [
    'RevokeKey',
    { keyId: 'key_\n\u0000' },
    404,
    'ERROR_REASON_KEY_NOT_FOUND',
    /^no key has the id "key_\\n\\u0000"/,
  ],
])('%s with %j is refused', async (method, body, status, reason, message) => {
  const { call } = await start()
  const response = await call(method, body)
  expect(response.status).toBe(status)
  expect(await errorOf(response)).toMatchObject({ reason, message: expect.stringMatching(message) })
})

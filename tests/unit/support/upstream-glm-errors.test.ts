// Checks the business codes of the GLM double: their statuses, their texts, and the ways they are written.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startGlm } from '../../support/upstream/glm.ts'
import { at, rawCall } from '../../support/upstream/raw-call.ts'
import type { Upstream } from '../../support/upstream/server.ts'

let upstream: Upstream
beforeAll(async () => {
  upstream = await startGlm()
})
afterAll(() => upstream.close())

const ask = (faults: string, more: object = {}) => {
  const messages = [{ role: 'user', content: `Hi ${faults}` }]
  return rawCall(upstream.url, { body: { model: 'glm-5.1', messages, ...more } })
}

const statuses: readonly (readonly [number, string])[] = [
  [500, '500 1200 1230 1234'],
  [401, '1000 1001 1002 1003 1004'],
  [429, '1100 1110 1111 1112 1113 1120 1121'],
  [400, '1210 1211 1212 1213 1214 1215 1221 1231 1261 1300 1301'],
  [404, '1222'],
  [434, '1220'],
  [429, '1302 1303 1304 1305 1308 1309 1310 1311 1313'],
]

it.each(statuses.flatMap(([status, codes]) => codes.split(' ').map(code => [code, status] as const)))(
  'the code %s comes under the status %i, unary and for a stream',
  async (code, status) => {
    for (const stream of [false, true]) {
      const answer = await ask(`[[fault:code=${code}]]`, { stream })
      expect([answer.status, at(answer.json, 'error', 'code')]).toEqual([status, code])
      expect(answer.headers['content-type']).toBe('application/json')
    }
  },
)

it('the windows of a plan say when they end, the filter whom it filtered, and the plan what is missing', async () => {
  const message = async (code: string) => at((await ask(`[[fault:code=${code}]]`)).json, 'error', 'message')
  expect(await message('1308')).toMatch(/will reset at 2026-11-22 18:00:00$/)
  expect(await message('1310')).toMatch(/will reset at 2026-11-29 08:30:00$/)
  expect(await message('1113')).toContain('Insufficient balance or no resource package')
  expect((await ask('[[fault:code=1301]]')).json).toMatchObject({
    contentFilter: [{ level: 1, role: 'user' }],
  })
})

it('the code can be a number, and stand at the top', async () => {
  const message = expect.any(String)
  expect((await ask('[[fault:code=1302]][[fault:number-code]]')).json).toEqual({
    error: { code: 1302, message },
  })
  const top = await ask('[[fault:code=1302]][[fault:top-level-error]]')
  expect([top.status, top.json]).toEqual([429, { code: '1302', message }])
  const both = await ask('[[fault:code=1302]][[fault:top-level-error]][[fault:number-code]]')
  expect(both.json).toEqual({ code: 1302, message })
})

it('an error can end a stream, as data or as an event of its own', async () => {
  const plain = await ask('[[fault:code-after-events=1305,2]]', { stream: true })
  expect([plain.status, plain.chunks.length]).toEqual([200, 3])
  expect(plain.chunks[2]).toEqual({ error: { code: '1305', message: expect.any(String) } })
  expect(plain.text).not.toMatch(/\[DONE\]|^event:/m)
  const event = await ask('[[fault:code-after-events=1301,0]][[fault:event-error]]', { stream: true })
  expect(event.text).toMatch(/^event: error\ndata: \{"error":\{"code":"1301",/)
})

it('an error can be asked for by status too, and by a code that is none only in vain', async () => {
  const asked = async (fault: string) => {
    const answer = await ask(`[[fault:${fault}]]`)
    return [answer.status, at(answer.json, 'error', 'code')]
  }
  expect(await asked('status=429')).toEqual([429, '1302'])
  expect(await asked('status=434')).toEqual([434, '1220'])
  expect(await asked('status=503')).toEqual([503, '503'])
  expect(await asked('error=1308')).toEqual([429, '1308'])
  expect(await asked('code=9999')).toEqual([599, undefined])
})

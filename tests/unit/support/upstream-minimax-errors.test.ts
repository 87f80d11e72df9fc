// Checks the business codes of the MiniMax double and the envelopes they come in, also under HTTP 200 and in streams.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startMiniMax } from '../../support/upstream/minimax.ts'
import { at, rawCall } from '../../support/upstream/raw-call.ts'
import type { Upstream } from '../../support/upstream/server.ts'

let upstream: Upstream
beforeAll(async () => {
  upstream = await startMiniMax()
})
afterAll(() => upstream.close())

const ask = (faults: string, more: object = {}) => {
  const messages = [{ role: 'user', content: `Hi ${faults}` }]
  return rawCall(upstream.url, { body: { model: 'MiniMax-M3', messages, ...more } })
}
const stream = { stream: true }
const numbers = (codes: string) => codes.split(' ').map(Number)

it.each(numbers('1000 1001 1002 1008 1013 1024 1026 1027 1028 1030 1033 1039 1041 2045 2062'))(
  'the code %i hides under HTTP 200, unary and as the only chunk of a stream',
  async code => {
    const hidden = { choices: null, base_resp: { status_code: code, status_msg: expect.any(String) } }
    const answer = await ask(`[[fault:code=${code}]]`)
    expect([answer.status, answer.json]).toMatchObject([200, hidden])
    const streamed = await ask(`[[fault:code=${code}]]`, stream)
    expect([streamed.status, streamed.headers['content-type']]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
    ])
    expect(streamed.chunks).toMatchObject([hidden])
    expect(streamed.text).not.toContain('[DONE]')
  },
)

it.each([
  ...numbers('1042 1043 2013 2037 2039 2048 20132').map(code => [code, 400] as const),
  ...numbers('1004 2049').map(code => [code, 401] as const),
  ...numbers('2042 2061').map(code => [code, 403] as const),
  [2056, 429] as const,
  [2064, 529] as const,
])('the code %i comes in the envelope of an error, under the status %i', async (code, status) => {
  for (const more of [{}, stream]) {
    const answer = await ask(`[[fault:code=${code}]]`, more)
    expect([answer.status, answer.json]).toEqual([
      status,
      {
        type: 'error',
        error: {
          type: expect.any(String),
          message: expect.stringMatching(new RegExp(`.+ \\(${code}\\)$`)),
          http_code: String(status),
        },
        request_id: expect.any(String),
      },
    ])
  }
})

it('the sensitive side is marked', async () => {
  expect((await ask('[[fault:code=1026]]')).json).toMatchObject({
    input_sensitive: true,
    input_sensitive_type: 1,
    output_sensitive: false,
  })
  expect((await ask('[[fault:code=1027]]')).json).toMatchObject({
    input_sensitive: false,
    output_sensitive: true,
    output_sensitive_type: 1,
  })
})

it('the window of a plan says when it ends', async () => {
  const answer = await ask('[[fault:code=2056]]')
  expect(at(answer.json, 'error', 'message')).toContain('resets at 2026-11-22 18:00:00')
})

it('each code can be written in each form', async () => {
  const form = async (name: string, more: object = {}) => {
    const answer = await ask(`[[fault:code=1008]][[fault:form=${name}]]`, more)
    return [answer.status, answer.json ?? answer.text]
  }
  const type = 'insufficient_balance_error'
  const envelope = (message: string, http_code: unknown) => ({
    type: 'error',
    error: { type, message, http_code },
    request_id: expect.any(String),
  })
  expect(await form('error')).toEqual([402, envelope('insufficient balance (1008)', '402')])
  expect(await form('error-full-width')).toEqual([402, envelope('insufficient balance（1008）', '402')])
  expect(await form('error-number')).toEqual([402, envelope('insufficient balance (1008)', 402)])
  const error = { type, param: null }
  expect(await form('openai')).toEqual([
    402,
    { error: { ...error, message: 'insufficient balance (1008)', code: null } },
  ])
  expect(await form('openai-code')).toEqual([
    402,
    { error: { ...error, message: 'insufficient balance', code: 1008 } },
  ])
  expect(await form('plain')).toEqual([402, 'insufficient balance'])
  expect(await form('base_resp-json', stream)).toMatchObject([200, { base_resp: { status_code: 1008 } }])
  const shown = await ask('[[fault:code=2013]][[fault:form=base_resp]]')
  expect([shown.status, at(shown.json, 'base_resp', 'status_code')]).toEqual([200, 2013])
  expect((await ask('[[fault:code=1008]][[fault:form=xml]]')).status).toBe(599)
})

it('the status can contradict the code', async () => {
  const answer = await ask('[[fault:code=1008]][[fault:form=error]][[fault:http-status=500]]')
  expect([answer.status, at(answer.json, 'error', 'message')]).toEqual([500, 'insufficient balance (1008)'])
})

it('an error can end a stream, in any form', async () => {
  const sensitive = await ask('[[fault:code-after-events=1027,3]]', stream)
  expect([sensitive.status, sensitive.chunks.length]).toEqual([200, 4])
  expect(sensitive.chunks[3]).toMatchObject({ choices: null, base_resp: { status_code: 1027 } })
  expect(sensitive.text).not.toContain('[DONE]')
  const wrapped = await ask('[[fault:code-after-events=2064,0]][[fault:form=error]]', stream)
  expect(wrapped.chunks).toMatchObject([
    { type: 'error', error: { message: expect.stringMatching(/\(2064\)$/) } },
  ])
})

it('an error can be asked for by status too, and by a code that is none only in vain', async () => {
  const asked = async (fault: string) => {
    const answer = await ask(`[[fault:${fault}]]`)
    return [answer.status, at(answer.json, 'error', 'http_code')]
  }
  expect(await asked('status=429')).toEqual([429, '429'])
  expect(await asked('status=529')).toEqual([529, '529'])
  expect(await asked('status=503')).toEqual([503, '503'])
  expect(at((await ask('[[fault:error=1002]]')).json, 'base_resp', 'status_code')).toBe(1002)
  expect(await asked('code=9999')).toEqual([599, undefined])
})

// Checks that each fault of the OpenAI double can be seen on the wire: the errors, the breaks and the silences.
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startUpstream } from '../../support/upstream/openai.ts'
import { at, type RawAnswer, rawCall } from '../../support/upstream/raw-call.ts'
import type { Upstream } from '../../support/upstream/server.ts'

let upstream: Upstream
beforeEach(async () => {
  upstream = await startUpstream()
})
afterEach(() => upstream.close())

/** Asks "Hi" with faults in the text; streaming unless told otherwise. The plain stream has 5 events and [DONE]. */
const ask = (faults: string, more: object = {}, headers: Readonly<Record<string, string>> = {}) =>
  rawCall(upstream.url, {
    headers,
    body: {
      model: 'test-model',
      stream: true,
      messages: [{ role: 'user', content: `Hi ${faults}` }],
      ...more,
    },
  })
const whole = { stream: false }
const events = (answer: RawAnswer): number => answer.text.split('\n\n').length - 1

describe('an error answer', () => {
  it.each([
    ['status=400', 400, 'unsupported_parameter', 'invalid_request_error'],
    ['status=401', 401, 'invalid_api_key', 'invalid_request_error'],
    ['status=403', 403, 'unsupported_country_region_territory', 'request_forbidden'],
    ['status=404', 404, 'model_not_found', 'invalid_request_error'],
    ['status=409', 409, 'conflict', 'invalid_request_error'],
    ['status=413', 413, 'payload_too_large', 'invalid_request_error'],
    ['status=422', 422, 'unprocessable', 'invalid_request_error'],
    ['status=429', 429, 'rate_limit_exceeded', 'requests'],
    ['status=500', 500, null, 'server_error'],
    ['status=502', 502, null, 'server_error'],
    ['status=503', 503, 'overloaded', 'server_error'],
    ['status=504', 504, null, 'server_error'],
    ['status=529', 529, null, 'server_error'],
    ['error=context_length_exceeded', 400, 'context_length_exceeded', 'invalid_request_error'],
    ['error=content_policy_violation', 400, 'content_policy_violation', 'invalid_request_error'],
    ['error=invalid_image_url', 400, 'invalid_image_url', 'invalid_request_error'],
    ['error=tokens_exceeded', 429, 'rate_limit_exceeded', 'tokens'],
    ['error=insufficient_quota', 429, 'insufficient_quota', 'insufficient_quota'],
    ['error=billing_hard_limit_reached', 429, 'billing_hard_limit_reached', 'invalid_request_error'],
    ['error-200=server_error', 200, null, 'server_error'],
  ])('%s has its status, code and type', async (fault, status, code, type) => {
    const answer = await ask(`[[fault:${fault}]]`)
    expect(answer.status).toBe(status)
    expect(answer.json).toEqual({ error: { message: expect.any(String), type, param: null, code } })
    expect(answer.headers['x-request-id']).toBeDefined()
  })

  it('says when to come back: seconds, milliseconds, a date, and whether at all', async () => {
    const answer = await ask(
      '[[fault:status=429]] [[fault:retry-after=7]][[fault:retry-after-ms=90]][[fault:should-retry=true]]',
    )
    expect(answer.headers).toMatchObject({
      'retry-after': '7',
      'retry-after-ms': '90',
      'x-should-retry': 'true',
    })
    const dated = await ask('[[fault:status=503]][[fault:retry-after-date=60]]')
    const seconds = (Date.parse(dated.headers['retry-after'] ?? '') - Date.now()) / 1000
    expect(Math.abs(seconds - 60)).toBeLessThan(5)
  })

  it('can carry any header', async () => {
    const answer = await ask('[[fault:status=302]][[fault:header=Location: http://example.com/]]')
    expect([answer.status, answer.headers.location]).toEqual([302, 'http://example.com/'])
  })

  it.each([
    ['html', { status: 502, type: 'text/html', text: /^<!DOCTYPE html>.*502 Bad Gateway/s }],
    ['html=503', { status: 503, type: 'text/html', text: /^<!DOCTYPE html>/ }],
    ['empty', { status: 200, type: 'application/json', text: /^$/ }],
    ['half-json', { status: 200, type: 'application/json', text: /^\{"id":"chatcmpl-.*"prompt_tokens"$/s }],
    ['blank-lines=2', { status: 200, type: 'application/json', text: /^\n\n\{"id"/ }],
  ])('can be no JSON at all: %s', async (fault, expected) => {
    const answer = await ask(`[[fault:${fault}]]`, whole)
    expect(answer).toMatchObject({ status: expected.status, headers: { 'content-type': expected.type } })
    expect(answer.text).toMatch(expected.text)
    expect(answer.failure).toBeUndefined()
  })

  it('can come in the middle of a stream', async () => {
    const answer = await ask('[[fault:error-after-events=3]]')
    expect(answer.chunks).toHaveLength(4)
    expect(at(answer.chunks[3], 'error', 'type')).toBe('server_error')
    expect(answer.text).not.toContain('[DONE]')
    const first = await ask('[[fault:error-after-events=0]]')
    expect(first.chunks).toEqual([{ error: expect.anything() }])
  })
})

describe('a broken connection', () => {
  it.each([
    ['cut-after=123', 123, 'ECONNRESET'],
    ['cut-after=0', 0, 'ECONNRESET'],
    ['fin-after=123', 123, 'ECONNRESET'],
    ['end-after=123', 123, undefined],
  ])('comes after just so many bytes: %s', async (fault, size, failure) => {
    const answer = await ask(`[[fault:${fault}]]`)
    expect([answer.status, answer.body.length, answer.failure]).toEqual([200, size, failure])
    expect((await upstream.waitFor(request => request.endedAtMs !== undefined)).closedByClientAtMs).toBe(
      undefined,
    )
  })

  it.each([
    ['cut-after-events=2', 2, 'ECONNRESET'],
    ['fin-after-events=2', 2, 'ECONNRESET'],
    ['end-after-events=2', 2, undefined],
    ['no-done', 5, undefined],
  ])('comes after just so many events: %s', async (fault, count, failure) => {
    const answer = await ask(`[[fault:${fault}]]`)
    expect([events(answer), answer.failure]).toEqual([count, failure])
  })

  it('can come inside a JSON body of known length, and inside an event', async () => {
    const json = await ask('[[fault:cut-after=50]]', whole)
    expect([json.body.length, json.failure]).toEqual([50, 'ECONNRESET'])
    expect(Number(json.headers['content-length'])).toBeGreaterThan(200)
    const event = await ask('[[fault:half-event=2]]')
    expect(event.text).toMatch(/\n\ndata: \{"id"[^}]+$/)
    expect(event.failure).toBeUndefined()
  })

  it('can be all there is, on a new connection or a used one', async () => {
    expect(await ask('[[fault:refuse]]')).toMatchObject({ status: 0, failure: 'ECONNRESET' })
    upstream.next({ faults: ['refuse'], times: 2 })
    const seen = upstream.requests.length
    const failures = [(await ask('')).failure, (await ask('')).failure, (await ask('')).failure]
    expect(failures.map(failure => failure !== undefined)).toEqual([true, true, false])
    expect(upstream.requests).toHaveLength(seen + 1)
  })

  it('is refused while the upstream is offline, and not after', async () => {
    await upstream.goOffline()
    expect((await ask('')).failure).toBe('ECONNREFUSED')
    await upstream.goOnline()
    expect((await ask('')).status).toBe(200)
  })
})

describe('silence', () => {
  /** Calls, and leaves when the double has nothing more to send. */
  async function untilSilent(fault: string, bytes: number): Promise<RawAnswer> {
    const leaving = new AbortController()
    let got = 0
    const call = rawCall(upstream.url, {
      body: {
        model: 'test-model',
        stream: true,
        messages: [{ role: 'user', content: `Hi [[fault:${fault}]]` }],
      },
      signal: leaving.signal,
      onPiece: piece => {
        got += piece.length
      },
    })
    await upstream.waitFor(request => request.status === 200)
    await expect.poll(() => got).toBeGreaterThanOrEqual(bytes)
    const request = upstream.requests.at(-1)
    const sent = request?.bytesSent
    await expect(upstream.waitFor(each => each.endedAtMs !== undefined, 60)).rejects.toThrow()
    expect(request?.bytesSent).toBe(sent)
    leaving.abort()
    return call
  }

  it.each([
    ['hang-before-headers', { status: 0, size: 0 }],
    ['hang-after-headers', { status: 200, size: 0 }],
    ['silence-after=40', { status: 200, size: 40 }],
  ])('lasts until the client goes: %s', async (fault, { status, size }) => {
    const answer = await untilSilent(fault, size)
    expect([answer.status, answer.body.length]).toEqual([status, size])
  })

  it('can come between two events', async () => {
    expect(events(await untilSilent('silence-after-events=3', 1))).toBe(3)
  })

  it('can be short: before the headers, before the body, between events, between bytes', async () => {
    // Counted from the question on: a busy client may read the beginning late, but never the end early.
    const lasting = async (text: string): Promise<{ answer: RawAnswer; ms: number }> => {
      const startedAtMs = performance.now()
      const answer = await ask(text)
      return { answer, ms: (answer.pieces.at(-1)?.atMs ?? 0) - startedAtMs }
    }
    expect((await lasting('[[fault:slow-headers=60]]')).ms).toBeGreaterThan(55)
    expect((await lasting('[[fault:slow-body=60]]')).ms).toBeGreaterThan(55)
    const dripped = await lasting('[[fault:drip-events=15]]')
    expect(dripped.ms).toBeGreaterThan(5 * 14)
    expect(dripped.answer.pieces.length).toBeGreaterThan(1)
    const bytes = await lasting('[[fault:drip-bytes=1]][[fault:end-after=50]]')
    expect(bytes.ms).toBeGreaterThan(45)
    expect(bytes.answer.body).toHaveLength(50)
    expect(bytes.answer.pieces.length).toBeGreaterThan(1)
  })
})

describe('where a fault is written', () => {
  it('decides for whom it is: an upstream by name, the first requests only, the last user message only', async () => {
    const other = await startUpstream({ name: 'second' })
    const text = '[[fault@second*1:status=503]]'
    const body = { model: 'test-model', messages: [{ role: 'user', content: text }] }
    const status = async (url: string) => (await rawCall(url, { body })).status
    expect([await status(upstream.url), await status(other.url), await status(other.url)]).toEqual([
      200, 503, 200,
    ])
    await other.close()
    const messages = [
      { role: 'user', content: '[[fault:status=500]]' },
      { role: 'assistant', content: 'a' },
      { role: 'user', content: 'b' },
    ]
    expect((await ask('', { messages })).status).toBe(200)
  })

  it('is not repeated in the answer', async () => {
    const answer = await ask('[[fault:slow-body=1]]there', whole)
    expect(at(answer.json, 'choices', 0, 'message', 'content')).toBe('You said: Hi there')
  })
})

it('an answer is compressed only for those who take it so', async () => {
  const plain = await ask('[[fault:gzip]]', whole)
  expect(plain.headers['content-encoding']).toBeUndefined()
  const packed = await ask('[[fault:gzip]]', whole, { 'accept-encoding': 'gzip, deflate' })
  expect(packed.headers['content-encoding']).toBe('gzip')
  expect(JSON.parse(gunzipSync(packed.body).toString())).toMatchObject({ object: 'chat.completion' })
})

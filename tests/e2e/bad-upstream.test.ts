// Tests that whatever goes wrong at the provider ends the call with a clear status, and that the service goes on.
import { Code } from '@connectrpc/connect'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { ErrorInfo_Origin } from '#gen/exai/v1/error_pb'
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import { chatClient, failureOf, infoOf, question, readAll, speeches, textOf } from '../support/clients.ts'
import { manyKeys } from '../support/many-keys.ts'
import { resetCircuits } from '../support/reset-circuits.ts'
import { type Service, startService } from '../support/running-server.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

let upstream: Upstream
let service: Service

beforeAll(async () => {
  upstream = await startUpstream({ apiKeys: manyKeys() })
  service = await startService({
    OPENAI_API_KEY: manyKeys().join(),
    OPENAI_BASE_URL: upstream.url,
    // Short, and still longer than a machine that is busy with other tests takes for an answer that comes.
    FIRST_TOKEN_TIMEOUT: '1',
    IDLE_TIMEOUT: '0.6',
    CONNECT_TIMEOUT: '2',
  })
})

afterEach(async () => {
  await resetCircuits(service.url)
  const [speech] = speeches
  if (speech === undefined) throw new Error('there is no way to speak')
  const answer = await chatClient(speech, service.url).complete(question(MODEL, 'still there?'))
  expect(textOf(answer.message)).toBe('You said: still there?')
})

afterAll(async () => {
  await service.stop()
  await upstream.close()
  expect(service.output()).not.toMatch(/\.ts:\d+|node:internal|uncaught/)
})

const MODEL = 'openai/test-model'

const unavailable = { code: Code.Unavailable, reason: ErrorReason.UPSTREAM_UNAVAILABLE, attempts: 1 }
// What may be the key's fault is tried with two more keys.
const limited = { code: Code.Unavailable, reason: ErrorReason.UPSTREAM_LIMITED, attempts: 3 }
const credentials = { code: Code.Unavailable, reason: ErrorReason.UPSTREAM_CREDENTIALS, attempts: 3 }
const broken = { code: Code.Aborted, reason: ErrorReason.UPSTREAM_BROKEN, attempts: 1 }

/** What goes wrong before the first token: whole answers and streams end alike. */
const early = [
  { what: 'refuses its key (401)', fault: 'status=401', ...credentials },
  { what: 'does not let the key use the model (403)', fault: 'status=403', ...credentials },
  { what: 'has no credit left (429)', fault: 'error=insufficient_quota', ...credentials },
  { what: 'limits the rate (429)', fault: 'status=429', ...limited },
  { what: 'fails (500)', fault: 'status=500', ...unavailable },
  { what: 'is overloaded (503)', fault: 'status=503', ...unavailable },
  { what: 'resets the connection', fault: 'refuse', ...unavailable },
  { what: 'says nothing at all', fault: 'hang-before-headers', ...unavailable },
  { what: 'says nothing after its header', fault: 'hang-after-headers', ...unavailable },
  { what: 'shows the error page of a proxy (502)', fault: 'html=502', ...unavailable },
  { what: 'shows a web page (200)', fault: 'html=200', ...unavailable },
  { what: 'says nothing in many bytes (200)', fault: 'empty', ...broken },
  { what: 'puts its error into a 200', fault: 'error-200=500', ...unavailable },
] as const

/** What goes wrong in the middle of a stream. */
const late = [
  { what: 'falls silent', fault: 'silence-after-events=4' },
  { what: 'resets the connection', fault: 'cut-after-events=4' },
  { what: 'ends the connection', fault: 'fin-after-events=4' },
  { what: 'just stops', fault: 'end-after-events=4' },
  { what: 'stops in the middle of an event', fault: 'half-event=4' },
  { what: 'sends an error', fault: 'error-after-events=4' },
] as const

const two = ['gRPC over HTTP/2', 'Connect JSON over HTTP/1.1']

describe.each(speeches.filter(({ name }) => two.includes(name)))('in $name', speech => {
  const chat = () => chatClient(speech, service.url)

  it.each(early)('a provider that $what', async ({ what, fault, code, reason, attempts }) => {
    const headers = { 'x-request-id': `early ${what} ${speech.name}`.replaceAll(/\W+/g, '-') }
    const asked = question(MODEL, `[[fault:${fault}]] hello`)
    const [error, streamed] = await Promise.all([
      failureOf(chat().complete(asked, { headers })),
      readAll(chat().streamComplete(asked)),
    ])
    for (const each of [error, streamed.error]) {
      expect([each?.code, infoOf(each)?.reason]).toEqual([code, reason])
      expect(infoOf(each)).toMatchObject({ provider: 'openai', origin: ErrorInfo_Origin.UPSTREAM })
      expect(each?.rawMessage).toMatch(/^openai /)
    }
    expect(streamed.events).toEqual([])
    expect(await service.call(headers['x-request-id'])).toMatchObject({ provider: 'openai', attempts })
    expect(service.calls(headers['x-request-id'])).toHaveLength(1)
  })

  it.each(late)('a provider that $what in the middle of a stream', async ({ fault }) => {
    const asked = question(MODEL, `[[fault:${fault}]] one two three four five`)
    const { error, kinds, text } = await readAll(chat().streamComplete(asked))
    expect([error?.code, infoOf(error)?.reason]).toEqual([broken.code, broken.reason])
    expect(kinds[0]).toBe('started')
    expect(kinds).not.toContain('completed')
    expect(text).not.toBe('')
    expect('You said: one two three four five'.startsWith(text)).toBe(true)
    expect(infoOf(error)?.route?.attempts[0]).toMatchObject({ provider: 'openai' })
  })

  it('a provider that answers half a JSON text', async () => {
    const error = await failureOf(chat().complete(question(MODEL, '[[fault:half-json]] hello')))
    expect([error.code, infoOf(error)?.reason]).toEqual([broken.code, broken.reason])
  })

  it('a provider that says when to come back: the client is told', async () => {
    const asked = question(MODEL, '[[fault:status=429]][[fault:retry-after=3]] hello')
    expect(infoOf(await failureOf(chat().complete(asked)))?.retryDelay).toMatchObject({
      seconds: 3n,
      nanos: 0,
    })
  })

  it('a provider that nobody can connect to', async () => {
    await upstream.goOffline()
    try {
      const error = await failureOf(chat().complete(question(MODEL, 'hello')))
      expect([error.code, infoOf(error)?.reason]).toEqual([unavailable.code, unavailable.reason])
      expect(error.rawMessage).not.toContain('127.0.0.1')
    } finally {
      await upstream.goOnline()
    }
  })

  it('a provider that fails at first is replaced by the fallback model', async () => {
    const text = `[[fault*1:status=503]] once ${speech.name}`
    const answer = await chat().complete(
      question(MODEL, text, { routing: { fallbackModels: ['openai/gpt-4o-mini'] } }),
    )
    expect(textOf(answer.message)).toBe(`You said: once ${speech.name}`)
    expect(answer.route?.attempts.map(({ model, upstreamStatus }) => [model, upstreamStatus])).toEqual([
      ['test-model', 503],
      ['gpt-4o-mini', 0],
    ])
  })
})

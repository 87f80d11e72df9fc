// Limits at the door of a running service: requests a minute, calls at once, and what joins, resumes or goes on alone.
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import { RouteSkip_Reason as Skip } from '#gen/exai/v1/route_pb'
import {
  chatClient,
  failureOf,
  infoOf,
  jsonQuestion,
  type Question,
  question,
  readAll,
  speeches,
} from '../support/clients.ts'
import { startService } from '../support/running-server.ts'
import { until } from '../support/scripted-completion.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

const MODEL = 'openai/test-model'
const SLOW = '[[fault:words=100]][[fault:drip-events=30]] tell me a story'

let upstream: Upstream
beforeAll(async () => {
  upstream = await startUpstream()
})
afterAll(() => upstream.close())

async function withLimits(limits: string) {
  const service = await startService(
    { EXAI_CONFIG: 'exai.yaml', OPENAI_API_KEY: 'test-key', OPENAI_BASE_URL: upstream.url },
    { files: { 'exai.yaml': `limits: { ${limits} }\n` } },
  )
  onTestFinished(async () => void (await service.stop('SIGKILL')))
  const [speech] = speeches
  if (speech === undefined) throw new Error('there is no way to speak')
  return { service, chat: chatClient(speech, service.url) }
}
const asked = (text = 'hi', more: Question = {}) => question(MODEL, text, more)

describe('requests a minute', () => {
  it('are counted at the door, in every protocol, and say when to ask again', async () => {
    const { service, chat } = await withLimits('tenants: { default: { requests_per_minute: 2 } }')
    await chat.complete(asked())
    await chat.listModels({})
    const refused = infoOf(await failureOf(chat.complete(asked())))
    expect(refused?.reason).toBe(ErrorReason.RATE_LIMITED)
    expect(Number(refused?.retryDelay?.seconds)).toBeGreaterThanOrEqual(50)
    expect(Number(refused?.retryDelay?.seconds)).toBeLessThanOrEqual(70)
    const json = await fetch(`${service.url}/exai.v1.ChatService/Complete`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: 'not even read',
    })
    expect([json.status, await json.json()]).toMatchObject([
      429,
      {
        code: 'resource_exhausted',
        message: expect.stringMatching(
          /^requests_per_minute of tenant default is 2, and 2 were begun in the last minute; ask again in \d+ s$/,
        ),
      },
    ])
    expect((await fetch(`${service.url}/health`)).status).toBe(200)
  })

  it('are told of in headers at /v1, and in the details of a refusal everywhere else', async () => {
    const { service } = await withLimits(
      `tenants: { default: { requests_per_minute: ${1 + speeches.length} } }`,
    )
    const isAboutLimits = (name: string): boolean => /ratelimit|^retry-after/.test(name)
    const post = (path: string, body: unknown) =>
      fetch(`${service.url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
    const openai = { model: MODEL, messages: [{ role: 'user', content: 'hi' }] }
    const known = await post('/v1/chat/completions', openai)
    expect([known.status, known.headers.get('x-ratelimit-remaining-requests')]).toEqual([
      200,
      String(speeches.length),
    ])
    const seen: string[] = []
    const note = (headers: Headers): void => void seen.push(...headers.keys())
    for (const speech of speeches)
      await chatClient(speech, service.url).complete(asked(), { onHeader: note, onTrailer: note })
    const refused = await post('/exai.v1.ChatService/Complete', jsonQuestion(MODEL, 'hi'))
    note(refused.headers)
    expect([refused.status, seen.filter(isAboutLimits)]).toEqual([429, []])
    expect(await refused.text()).toContain('"retryDelay":')
    for (const speech of speeches) {
      const error = await failureOf(chatClient(speech, service.url).complete(asked()))
      expect(infoOf(error)?.retryDelay?.seconds, speech.name).toBeGreaterThan(0n)
      expect([...error.metadata.keys()].filter(isAboutLimits)).toEqual([])
    }
    const last = await post('/v1/chat/completions', openai)
    expect([last.status, [...last.headers.keys()].filter(isAboutLimits)]).toEqual([
      429,
      expect.arrayContaining(['retry-after', 'x-ratelimit-remaining-requests']),
    ])
  })

  it('do not count what joins, is replayed or resumes', async () => {
    const { chat } = await withLimits('tenants: { default: { requests_per_minute: 2 } }')
    const keyed = asked('once', { idempotencyKey: 'k', resumeWindow: { seconds: 60n, nanos: 0 } })
    const first = await readAll(chat.streamComplete(keyed))
    const started = first.events.find(({ event }) => event.case === 'started')?.event.value
    const responseId = started !== undefined && 'responseId' in started ? started.responseId : ''
    for (let times = 0; times < 3; times += 1) {
      expect((await chat.complete(keyed)).replayed).toBe(true)
      expect((await readAll(chat.resumeStream({ responseId, afterSequence: 0 }))).error).toBeUndefined()
    }
    await chat.complete(asked())
    expect(infoOf(await failureOf(chat.complete(asked())))?.reason).toBe(ErrorReason.RATE_LIMITED)
  })
})

describe('calls at once', () => {
  const ONE = 'tenants: { default: { concurrent_calls: 1 } }'

  it('have one place each until they end, or their client leaves', async () => {
    const { chat } = await withLimits(ONE)
    const leaving = new AbortController()
    const stream = chat.streamComplete(asked(SLOW), { signal: leaving.signal })[Symbol.asyncIterator]()
    await stream.next()
    const refused = infoOf(await failureOf(chat.complete(asked())))
    expect(refused?.reason).toBe(ErrorReason.TOO_MANY_CALLS)
    leaving.abort()
    await until(async () => (await chat.complete(asked()).catch(() => undefined)) !== undefined)
    await chat.complete(asked())
  })

  it('have it as long as they go on without their client', async () => {
    const { chat } = await withLimits(ONE)
    const leaving = new AbortController()
    const kept = asked(SLOW, { resumeWindow: { seconds: 60n, nanos: 0 } })
    const stream = chat.streamComplete(kept, { signal: leaving.signal })[Symbol.asyncIterator]()
    const { value } = await stream.next()
    leaving.abort()
    await failureOf(stream.next().then(() => Promise.reject(new Error('it was left'))))
    expect(infoOf(await failureOf(chat.complete(asked())))?.reason).toBe(ErrorReason.TOO_MANY_CALLS)
    expect(value?.event.case).toBe('started')
    await until(async () => (await chat.complete(asked()).catch(() => undefined)) !== undefined)
  })
})

describe('a model with a limit for everybody', () => {
  it('is passed over when it is full, and somebody else answers', async () => {
    const { chat } = await withLimits('models: { openai/test-model: { requests_per_minute: 1 } }')
    await chat.complete(asked())
    const answer = await chat.complete(asked('hi', { routing: { fallbackModels: ['sandbox/sandbox'] } }))
    expect(answer.provider).toBe('sandbox')
    expect(answer.route?.skipped.map(({ reason, model }) => [reason, model])).toEqual([
      [Skip.BUSY, 'test-model'],
    ])
    const refused = infoOf(await failureOf(chat.complete(asked())))
    expect(refused?.reason).toBe(ErrorReason.RATE_LIMITED)
  })
})

// Tests the service through connect-es, in every protocol and HTTP version that it speaks.
import { Code, createClient } from '@connectrpc/connect'
import { createGrpcTransport } from '@connectrpc/connect-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FinishReason, Role } from '#gen/exai/v1/chat_pb'
import { ErrorInfo_Origin } from '#gen/exai/v1/error_pb'
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import { Usage_Provenance } from '#gen/exai/v1/usage_pb'
import { Health, HealthCheckResponse_ServingStatus as Serving } from '#gen/health/v1/health_pb'
import {
  chatClient,
  failureOf,
  infoOf,
  leaveAtFirstText,
  question,
  readAll,
  speeches,
  textOf,
  weatherTool,
} from '../support/clients.ts'
import { manyKeys } from '../support/many-keys.ts'
import { type Service, startService } from '../support/running-server.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

let upstream: Upstream
let service: Service

beforeAll(async () => {
  upstream = await startUpstream({ apiKeys: manyKeys() })
  service = await startService({ OPENAI_API_KEY: manyKeys().join(), OPENAI_BASE_URL: upstream.url })
})

afterAll(async () => {
  await service.stop()
  await upstream.close()
})

const MODEL = 'openai/test-model'
const tools = [weatherTool]

describe.each(speeches)('a connect-es client that speaks $name', speech => {
  const chat = () => chatClient(speech, service.url)

  it('gets an answer with its usage', async () => {
    const answer = await chat().complete(question(MODEL, 'good morning, Zürich 🗼'))
    expect(textOf(answer.message)).toBe('You said: good morning, Zürich 🗼')
    expect(answer).toMatchObject({
      provider: 'openai',
      model: 'test-model',
      finishReason: FinishReason.STOP,
      usage: { inputTokens: 4, outputTokens: 6, provenance: Usage_Provenance.REPORTED },
    })
    expect(answer.id).toMatch(/^resp_[0-9a-f-]{36}$/)
  })

  it('gets the same text as a stream that begins with started and ends with completed', async () => {
    const { events, kinds, text, error } = await readAll(
      chat().streamComplete(question(MODEL, 'one two three')),
    )
    expect(error).toBeUndefined()
    expect(text).toBe('You said: one two three')
    expect([kinds[0], kinds.at(-1)]).toEqual(['started', 'completed'])
    expect(kinds.filter(kind => kind === 'textDelta')).toHaveLength(5)
    expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => index + 1))
  })

  it('gets a tool call, and an answer to its result', async () => {
    const asked = question(MODEL, 'call the tool', { tools })
    const { message, finishReason } = await chat().complete(asked)
    expect(finishReason).toBe(FinishReason.TOOL_CALLS)
    const [call] = message?.content ?? []
    if (call?.kind.case !== 'toolCall') throw new Error('no tool was called')
    expect(call.kind.value).toMatchObject({ name: 'get_weather', arguments: '{"city":"text"}' })
    const answer = await chat().complete({
      ...asked,
      messages: [
        ...asked.messages,
        message ?? {},
        {
          role: Role.TOOL,
          content: [
            {
              kind: {
                case: 'toolResult',
                value: {
                  callId: call.kind.value.callId,
                  content: [{ kind: { case: 'text', value: '21 degrees' } }],
                },
              },
            },
          ],
        },
      ],
    })
    expect(textOf(answer.message)).toBe('The tool said: 21 degrees')
  })

  it('gets a tool call as a stream whose pieces are the call that completed has', async () => {
    const asked = question(MODEL, 'call the tool', { tools })
    const { events, kinds } = await readAll(chat().streamComplete(asked))
    const ids = events.flatMap(({ event }) =>
      event.case === 'toolCallStart' || event.case === 'toolCallDelta' || event.case === 'toolCallEnd'
        ? [event.value.callId]
        : [],
    )
    expect(new Set(ids).size).toBe(1)
    expect(kinds.filter(kind => kind === 'toolCallStart' || kind === 'toolCallEnd')).toEqual([
      'toolCallStart',
      'toolCallEnd',
    ])
    const pieces = events.map(({ event }) => (event.case === 'toolCallDelta' ? event.value.arguments : ''))
    expect(pieces.join('')).toBe('{"city":"text"}')
    const last = events.at(-1)?.event
    const whole = last?.case === 'completed' ? last.value.response?.message?.content[0]?.kind : undefined
    expect(whole).toMatchObject({ case: 'toolCall', value: { callId: ids[0], arguments: '{"city":"text"}' } })
  })

  it('gets an error that says why, whose fault it is, how long to wait and which call it was', async () => {
    const headers = { 'x-request-id': `limited-${speech.name.replaceAll(/\W/g, '')}` }
    const text = '[[fault:status=429]][[fault:retry-after=7]] hello'
    const error = await failureOf(chat().complete(question(MODEL, text), { headers }))
    expect(error.code).toBe(Code.Unavailable)
    expect(infoOf(error)).toMatchObject({
      reason: ErrorReason.UPSTREAM_LIMITED,
      provider: 'openai',
      model: 'test-model',
      origin: ErrorInfo_Origin.UPSTREAM,
      retryDelay: { seconds: 7n },
      requestId: headers['x-request-id'],
    })
    // Two more keys are tried, and limited as well.
    expect(infoOf(error)?.route?.attempts).toHaveLength(3)
    expect(error.metadata.get('x-request-id')).toBe(headers['x-request-id'])
    expect(await service.call(headers['x-request-id'])).toMatchObject({
      code: 'UNAVAILABLE',
      reason: 'UPSTREAM_LIMITED',
      provider: 'openai',
      attempts: 3,
    })
  })

  it('gets the same error from a stream', async () => {
    const { error, events } = await readAll(
      chat().streamComplete(question(MODEL, '[[fault:status=503]] hello')),
    )
    expect(events).toEqual([])
    expect(error?.code).toBe(Code.Unavailable)
    expect(infoOf(error)?.reason).toBe(ErrorReason.UPSTREAM_UNAVAILABLE)
  })

  it('is told when its deadline has passed', async () => {
    const slow = question('sandbox', 'hello', { providerOptions: { sandbox: { words: 100, delay_ms: 50 } } })
    const error = await failureOf(chat().complete(slow, { timeoutMs: 100 }))
    expect(error.code).toBe(Code.DeadlineExceeded)
  })

  it('ends the request to the provider when it cancels a stream', async () => {
    const text = `[[fault:words=400]][[fault:drip-events=20]] leave ${speech.name}`
    const leaving = new AbortController()
    const error = await leaveAtFirstText(chat(), question(MODEL, text), () => leaving.abort(), {
      signal: leaving.signal,
    })
    expect(error.code).toBe(Code.Canceled)
    const left = await upstream.waitFor(
      ({ rawBody, closedByClientAtMs }) => closedByClientAtMs !== undefined && rawBody.includes(text),
    )
    expect(left.endedAtMs).toBeUndefined()
  })
})

describe('the health service', () => {
  it('says SERVING for the whole, for a service and for a provider, and knows no other name', async () => {
    const health = createClient(
      Health,
      createGrpcTransport({ baseUrl: service.url, idleConnectionTimeoutMs: 1000 }),
    )
    for (const name of ['', 'exai.v1.ChatService', 'provider/openai', 'live'])
      expect((await health.check({ service: name })).status).toBe(Serving.SERVING)
    expect((await failureOf(health.check({ service: 'nobody' }))).code).toBe(Code.NotFound)
  })
})

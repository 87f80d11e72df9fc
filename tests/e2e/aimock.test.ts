// Tests the whole way from a client to a provider made by others (aimock) and back, in all three protocols.
import { Code } from '@connectrpc/connect'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { FinishReason, Role } from '#gen/exai/v1/chat_pb'
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import { type Aimock, startAimock } from '../support/aimock.ts'
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
import { resetCircuits } from '../support/reset-circuits.ts'
import { type Service, startService } from '../support/running-server.ts'

let aimock: Aimock
let service: Service

beforeAll(async () => {
  aimock = await startAimock('chat.json')
  service = await startService({ OPENAI_API_KEY: manyKeys().join(), OPENAI_BASE_URL: aimock.url })
})

afterEach(() => resetCircuits(service.url))

afterAll(async () => {
  await service.stop()
  await aimock.close()
})

// A model that the catalogue does not know: it is passed on as it is.
const MODEL = 'openai/gpt-of-aimock'
const GREETING = 'Hello from aimock: Zürich, 東京 and 🗼.'
const tools = [weatherTool]

const three = ['gRPC over HTTP/2', 'gRPC-Web over HTTP/1.1', 'Connect JSON over HTTP/1.1']

describe.each(speeches.filter(({ name }) => three.includes(name)))('aimock, asked in $name', speech => {
  const chat = () => chatClient(speech, service.url)

  it('answers with the text and the usage of the fixture', async () => {
    const answer = await chat().complete(question(MODEL, 'aimock greet'))
    expect(textOf(answer.message)).toBe(GREETING)
    expect(answer).toMatchObject({
      provider: 'openai',
      finishReason: FinishReason.STOP,
      usage: { inputTokens: 11, outputTokens: 9 },
    })
  })

  it('streams the same text in pieces, and the same usage', async () => {
    const { events, kinds, text, error } = await readAll(
      chat().streamComplete(question(MODEL, 'aimock greet')),
    )
    expect(error).toBeUndefined()
    expect(text).toBe(GREETING)
    expect(kinds.filter(kind => kind === 'textDelta').length).toBeGreaterThan(3)
    const last = events.at(-1)?.event
    expect(last).toMatchObject({
      case: 'completed',
      value: { response: { finishReason: FinishReason.STOP, usage: { inputTokens: 11, outputTokens: 9 } } },
    })
  })

  it('gives its thoughts apart from its text', async () => {
    const { message } = await chat().complete(question(MODEL, 'aimock think'))
    expect(message?.content.map(({ kind }) => kind)).toMatchObject([
      { case: 'reasoning', value: { text: 'First I count to three.' } },
      { case: 'text', value: 'It is three.' },
    ])
    const { events, text } = await readAll(chat().streamComplete(question(MODEL, 'aimock think')))
    const thoughts = events.map(({ event }) => (event.case === 'reasoningDelta' ? event.value.text : ''))
    expect([thoughts.join(''), text]).toEqual(['First I count to three.', 'It is three.'])
  })

  it('calls a tool and answers to its result', async () => {
    const asked = question(MODEL, 'aimock weather', { tools })
    const { message, finishReason } = await chat().complete(asked)
    expect(finishReason).toBe(FinishReason.TOOL_CALLS)
    const [call] = message?.content ?? []
    if (call?.kind.case !== 'toolCall') throw new Error('no tool was called')
    expect(call.kind.value.name).toBe('get_weather')
    expect(JSON.parse(call.kind.value.arguments)).toEqual({ city: 'Zürich', days: 3 })
    const content = [{ kind: { case: 'text' as const, value: '21 degrees' } }]
    const result = {
      kind: { case: 'toolResult', value: { callId: call.kind.value.callId, content } },
    } as const
    const answer = await chat().complete({
      ...asked,
      messages: [...asked.messages, message ?? {}, { role: Role.TOOL, content: [result] }],
    })
    expect(textOf(answer.message)).toBe('It is 21 degrees in Zürich.')
  })

  it('calls a tool in a stream', async () => {
    const { events } = await readAll(chat().streamComplete(question(MODEL, 'aimock weather', { tools })))
    const pieces = events.map(({ event }) => (event.case === 'toolCallDelta' ? event.value.arguments : ''))
    expect(JSON.parse(pieces.join(''))).toEqual({ city: 'Zürich', days: 3 })
    expect(events.at(-1)?.event).toMatchObject({
      value: {
        response: { finishReason: FinishReason.TOOL_CALLS, usage: { inputTokens: 30, outputTokens: 8 } },
      },
    })
  })

  it('says a text and calls two tools in one answer, whole and as a stream', async () => {
    const asked = question(MODEL, 'aimock two tools', { tools: [...tools, { name: 'get_time' }] })
    const { message } = await chat().complete(asked)
    const parts = message?.content.map(({ kind }) =>
      kind.case === 'toolCall' ? { [kind.value.name]: JSON.parse(kind.value.arguments) } : kind.value,
    )
    const expected = [
      'Let me look.',
      { get_weather: { city: 'Bern', days: 1 } },
      { get_time: { zone: 'CET' } },
    ]
    expect(parts).toEqual(expected)
    const { events, text } = await readAll(chat().streamComplete(asked))
    expect(text).toBe('Let me look.')
    const byCall: Record<string, string> = {}
    for (const { event } of events) {
      if (event.case !== 'toolCallDelta') continue
      byCall[event.value.callId] = (byCall[event.value.callId] ?? '') + event.value.arguments
    }
    expect(Object.values(byCall).map(json => JSON.parse(json))).toEqual([
      { city: 'Bern', days: 1 },
      { zone: 'CET' },
    ])
  })

  it('says when an answer was cut at its limit', async () => {
    const answer = await chat().complete(question(MODEL, 'aimock length'))
    expect(answer.finishReason).toBe(FinishReason.LENGTH)
  })

  it.each([
    { status: 400, code: Code.InvalidArgument, reason: ErrorReason.INVALID_REQUEST },
    { status: 401, code: Code.Unavailable, reason: ErrorReason.UPSTREAM_CREDENTIALS },
    { status: 429, code: Code.Unavailable, reason: ErrorReason.UPSTREAM_LIMITED },
    { status: 500, code: Code.Unavailable, reason: ErrorReason.UPSTREAM_UNAVAILABLE },
    { status: 503, code: Code.Unavailable, reason: ErrorReason.UPSTREAM_UNAVAILABLE },
  ])('is refused with $status: the client gets the reason, whole and as a stream', async expected => {
    const asked = question(MODEL, `aimock status ${expected.status}`)
    const error = await failureOf(chat().complete(asked))
    const streamed = await readAll(chat().streamComplete(asked))
    for (const each of [error, streamed.error]) {
      expect(each?.code).toBe(expected.code)
      expect(infoOf(each)).toMatchObject({ reason: expected.reason, provider: 'openai' })
      expect(infoOf(each)?.route?.attempts[0]?.upstreamStatus).toBe(expected.status)
    }
    expect(streamed.events).toEqual([])
  })

  it.each(['truncate', 'vanish'])(
    'breaks off its stream (%s): the client is told that it broke',
    async how => {
      const { error, kinds, text } = await readAll(chat().streamComplete(question(MODEL, `aimock ${how}`)))
      expect(error?.code).toBe(Code.Aborted)
      expect(infoOf(error)?.reason).toBe(ErrorReason.UPSTREAM_BROKEN)
      expect(kinds[0]).toBe('started')
      expect(kinds).not.toContain('completed')
      expect('This answer').toContain(text.slice(0, 11))
      expect(text).not.toBe('')
    },
  )

  it.each([
    { chaos: 'drop', code: Code.Unavailable, reason: ErrorReason.UPSTREAM_UNAVAILABLE },
    { chaos: 'malformed', code: Code.Aborted, reason: ErrorReason.UPSTREAM_BROKEN },
    { chaos: 'disconnect', code: Code.Unavailable, reason: ErrorReason.UPSTREAM_UNAVAILABLE },
    { chaos: 'limit', code: Code.Unavailable, reason: ErrorReason.UPSTREAM_LIMITED },
  ])('spreads chaos ($chaos): the client gets a clear status', async ({ chaos, code, reason }) => {
    const asked = question(MODEL, `aimock chaos ${chaos}`)
    const error = await failureOf(chat().complete(asked))
    const streamed = await readAll(chat().streamComplete(asked))
    expect([error.code, infoOf(error)?.reason]).toEqual([code, reason])
    expect([streamed.error?.code, infoOf(streamed.error)?.reason]).toEqual([code, reason])
  })

  it('is left in the middle of its stream: the client gets CANCELLED and the service goes on', async () => {
    const leaving = new AbortController()
    const asked = question(MODEL, 'aimock slow')
    const error = await leaveAtFirstText(chat(), asked, () => leaving.abort(), { signal: leaving.signal })
    expect(error.code).toBe(Code.Canceled)
    expect(textOf((await chat().complete(question(MODEL, 'aimock greet'))).message)).toBe(GREETING)
  })
})

it('aimock gets the model, the messages and the tools as they were asked', async () => {
  const [speech] = speeches
  if (speech === undefined) throw new Error('there is no way to speak')
  await chatClient(speech, service.url).complete(
    question(MODEL, 'aimock weather, as it arrives', { tools, temperature: 0.25 }),
  )
  const [body] = await aimock.requests('as it arrives')
  expect(body).toMatchObject({
    model: 'gpt-of-aimock',
    temperature: 0.25,
    messages: [{ role: 'user', content: 'aimock weather, as it arrives' }],
    tools: [{ type: 'function', function: { name: 'get_weather', parameters: weatherTool.parameters } }],
  })
})

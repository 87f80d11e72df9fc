// Checks the MiniMax adapter through real sockets against a strict double: thoughts, stops, JSON, errors in a 200.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { FinishReason, ReasoningEffort, Role, ToolChoice_Mode } from '#gen/exai/v1/chat_pb'
import type { Delta } from '../../../src/core/delta.ts'
import type { Provider } from '../../../src/core/provider.ts'
import { createMiniMax } from '../../../src/providers/minimax.ts'
import { startMiniMax } from '../../support/upstream/minimax.ts'
import type { Upstream } from '../../support/upstream/server.ts'
import { attempt, collect, failure, textOf, user } from './attempt.ts'
import { callsOf, countsOf, known, result, said, text, thoughtsOf, weather } from './known.ts'

type Init = Parameters<typeof attempt>[0]

let double: Upstream
let minimax: Provider

beforeAll(async () => {
  double = await startMiniMax()
})
const fresh = (): Provider => {
  minimax = createMiniMax({ id: 'minimax', baseUrl: double.url, keys: ['test-key'] })
  return minimax
}
afterEach(() => minimax.close())
afterAll(() => double.close())

const saying = (value: string, more: Init = {}): Init => ({ messages: [user(value)], ...more })
const models = ['MiniMax-M3.1-Flash', 'MiniMax-M3', 'MiniMax-M2.7', 'MiniMax-M2']

/** What the answer would be in a history: its parts, as the caller sends them back. */
function turnOf(deltas: readonly Delta[]) {
  const opaque = deltas.flatMap(delta => (delta.type === 'reasoning_opaque' ? [delta.opaque] : [])).at(-1)
  const start = deltas.find(delta => delta.type === 'tool_call_start')
  const callId = start?.type === 'tool_call_start' ? start.callId : ''
  const [[name, args] = ['', '']] = callsOf(deltas)
  const reasoning = { text: thoughtsOf(deltas), provider: 'minimax', ...(opaque && { opaque }) }
  return {
    callId,
    turn: said(
      Role.ASSISTANT,
      { kind: { case: 'reasoning', value: reasoning } },
      { kind: { case: 'toolCall', value: { callId, name, arguments: args } } },
    ),
  }
}

describe.each([true, false])('an answer of MiniMax with stream %s', stream => {
  const ask = (init: Init, model = 'MiniMax-M3') =>
    collect(fresh().open(attempt(init, { stream, model: known(model) })))

  it.each(models)('of %s is its thoughts, its text, its counts and its finish', async model => {
    for (const reasoningEffort of [ReasoningEffort.UNSPECIFIED, ReasoningEffort.HIGH]) {
      const messages = [
        said(Role.SYSTEM, text('A')),
        user('Grüezi'),
        said(Role.SYSTEM, text('B')),
        user('Hi'),
      ]
      const deltas = await ask({ messages, reasoningEffort, temperature: 0 }, model)
      expect(thoughtsOf(deltas)).toBe('Let me think about it.')
      expect(textOf(deltas)).toBe('You said: Hi')
      expect(countsOf(deltas)).toMatchObject({ inputTokens: 4, outputTokens: 8, reasoningTokens: 5 })
      expect(deltas.at(-1)).toEqual({ type: 'finish', reason: FinishReason.STOP })
      // The id by which its support finds the call.
      expect(deltas).toContainEqual({
        type: 'meta',
        metadata: { request_id: expect.stringMatching(/^\w{32}$/) },
      })
    }
  })

  it('does not think when M3 is told so', async () => {
    const deltas = await ask(saying('Hi', { reasoningEffort: ReasoningEffort.NONE }))
    expect([thoughtsOf(deltas), textOf(deltas)]).toEqual(['', 'You said: Hi'])
  })

  it.each(models)('of %s goes on after tools with all that it thought', async model => {
    const deltas = await ask(saying('call the tool', { tools: [weather] }), model)
    expect(callsOf(deltas)).toEqual([['get_weather', '{"city":"text"}']])
    const { callId, turn } = turnOf(deltas)
    const messages = [user('call the tool'), turn, result(callId, '18 degrees')]
    expect(textOf(await ask({ messages, tools: [weather] }, model))).toBe('The tool said: 18 degrees')
    expect(double.requests.at(-1)?.reasoningMissing).toBeFalsy()
    // A client that keeps no bytes still has the words.
    const [first] = turn.content ?? []
    if (first?.kind?.case === 'reasoning')
      first.kind.value = { text: thoughtsOf(deltas), provider: 'minimax' }
    await ask({ messages, tools: [weather] }, model)
    expect(JSON.stringify(double.requests.at(-1)?.body)).not.toContain('reasoning_details')
    expect(double.requests.at(-1)?.reasoningMissing).toBeFalsy()
  })

  it('is read the same when the caller wants the thoughts in the text', async () => {
    const providerOptions = { minimax: { reasoning_split: false } }
    for (const model of models) {
      const deltas = await ask(saying('Hi there, you', { providerOptions }), model)
      expect([thoughtsOf(deltas), textOf(deltas)]).toEqual([
        'Let me think about it.',
        'You said: Hi there, you',
      ])
    }
  })

  it('ends before a stop string, wherever it is cut', async () => {
    for (const model of models) {
      const deltas = await ask(saying('one two three four', { stop: ['o thr', 'four'] }), model)
      expect(textOf(deltas)).toBe('You said: one tw')
      expect(deltas.at(-1)).toEqual({ type: 'finish', reason: FinishReason.STOP })
    }
  })

  it('is JSON when it is asked for, and follows a schema after one repair', async () => {
    const json = { format: { case: 'json', value: {} } } as const
    double.next({ answer: { text: 'Sure! {"a":1}' } })
    double.next({ answer: { text: '```json\n{"a":1}\n```' } })
    expect(textOf(await ask(saying('Give', { responseFormat: json })))).toBe('{"a":1}')
    const schema = { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'] }
    const typed = { format: { case: 'jsonSchema', value: { name: 'x', schema } } } as const
    double.next({ answer: { text: '{"a":"one"}', usage: { promptTokens: 10, completionTokens: 5 } } })
    double.next({ answer: { text: '{"a":1}', usage: { promptTokens: 20, completionTokens: 5 } } })
    const deltas = await ask(saying('Give', { responseFormat: typed }))
    expect(textOf(deltas)).toBe('{"a":1}')
    expect(countsOf(deltas)).toMatchObject({ inputTokens: 30, outputTokens: 10 })
    expect(double.requests.at(-1)?.body).toMatchObject({
      messages: [
        { role: 'system', content: expect.stringContaining('"required":["a"]') },
        { role: 'user' },
        { role: 'assistant', content: '{"a":"one"}' },
        { role: 'user', content: expect.stringContaining('/a must be of type integer') },
      ],
    })
    expect(double.waiting()).toBe(0)
  })

  it('never fails for what it cannot be told', async () => {
    const toolChoice = { choice: { case: 'mode', value: ToolChoice_Mode.REQUIRED } } as const
    const init: Init = {
      tools: [{ ...weather, strict: true }],
      toolChoice,
      seed: 1n,
      user: 'u',
      webSearch: {},
    }
    for (const model of models) expect(textOf(await ask(saying('Hi', init), model))).toBe('You said: Hi')
  })
})

describe('a stream of MiniMax', () => {
  it('may repeat all that came before in every piece', async () => {
    for (const model of models) {
      for (const reasoning_split of [true, false]) {
        const providerOptions = { minimax: { reasoning_split } }
        const init = saying('[[fault:cumulative]]one two three four five', { providerOptions })
        const deltas = await collect(fresh().open(attempt(init, { stream: true, model: known(model) })))
        expect([model, thoughtsOf(deltas), textOf(deltas)]).toEqual([
          model,
          'Let me think about it.',
          'You said: one two three four five',
        ])
      }
    }
  })
})

describe('a refusal of MiniMax', () => {
  const refused = async (fault: string, stream = false) => {
    const input = attempt(saying(`${fault}Hi`), { stream, model: known('MiniMax-M3') })
    return (await failure(fresh().open(input))).error
  }
  const forms = [
    'base_resp',
    'base_resp-json',
    'error',
    'error-full-width',
    'error-number',
    'openai',
    'openai-code',
  ]

  it.each([
    ['1000', 'UPSTREAM_UNAVAILABLE', 'provider'],
    ['1001', 'UPSTREAM_UNAVAILABLE', 'provider'],
    ['1013', 'UPSTREAM_UNAVAILABLE', 'provider'],
    ['1024', 'UPSTREAM_UNAVAILABLE', 'provider'],
    ['1033', 'UPSTREAM_UNAVAILABLE', 'provider'],
    ['2064', 'UPSTREAM_UNAVAILABLE', 'provider'],
    ['1002', 'UPSTREAM_LIMITED', 'key'],
    ['1039', 'UPSTREAM_LIMITED', 'key'],
    ['1041', 'UPSTREAM_LIMITED', 'key'],
    ['2045', 'UPSTREAM_LIMITED', 'key'],
    ['2056', 'UPSTREAM_LIMITED', 'key'],
    ['2062', 'UPSTREAM_LIMITED', 'key'],
    ['1004', 'UPSTREAM_CREDENTIALS', 'key'],
    ['1008', 'UPSTREAM_CREDENTIALS', 'key'],
    ['1028', 'UPSTREAM_CREDENTIALS', 'key'],
    ['1030', 'UPSTREAM_CREDENTIALS', 'key'],
    ['2049', 'UPSTREAM_CREDENTIALS', 'key'],
    ['2042', 'UPSTREAM_CREDENTIALS', 'key_model'],
    ['2061', 'UPSTREAM_CREDENTIALS', 'key_model'],
    ['1026', 'CONTENT_REFUSED', 'nobody'],
    ['1027', 'CONTENT_REFUSED', 'nobody'],
    ['1042', 'INVALID_REQUEST', 'nobody'],
    ['1043', 'INVALID_REQUEST', 'nobody'],
    ['2013', 'INVALID_REQUEST', 'nobody'],
    ['2037', 'INVALID_REQUEST', 'nobody'],
    ['2039', 'INVALID_REQUEST', 'nobody'],
    ['2048', 'INVALID_REQUEST', 'nobody'],
    ['20132', 'INVALID_REQUEST', 'nobody'],
  ])(
    'with code %s is %s, and counts against the %s, in every envelope and any status',
    async (code, reason, against) => {
      for (const form of forms) {
        for (const status of ['', '[[fault:http-status=500]]']) {
          for (const stream of [true, false]) {
            const error = await refused(`[[fault:code=${code}]][[fault:form=${form}]]${status}`, stream)
            const told = [form, error.reason, error.details.against, error.details.upstreamCode]
            expect(told).toEqual([form, reason, against, code])
          }
        }
      }
    },
  )

  it.each(['base_resp', 'error', 'openai-code'])(
    'in the middle of a stream breaks the answer, as %s',
    async form => {
      const error = await refused(`[[fault:code-after-events=1027,4]][[fault:form=${form}]]`, true)
      expect([error.reason, error.details.upstreamCode]).toEqual(['CONTENT_REFUSED', '1027'])
      const server = await refused(`[[fault:code-after-events=1000,4]][[fault:form=${form}]]`, true)
      expect([server.reason, server.details.against]).toEqual(['UPSTREAM_BROKEN', 'provider'])
    },
  )

  it('in the first event of a stream is a refusal like any other', async () => {
    const error = await refused('[[fault:code-after-events=1002,0]]', true)
    expect(error.reason).toBe('UPSTREAM_LIMITED')
  })

  it('without any code is judged by its status', async () => {
    expect((await refused('[[fault:code=2064]][[fault:form=plain]]')).reason).toBe('UPSTREAM_UNAVAILABLE')
    expect((await refused('[[fault:code=1002]][[fault:form=plain]]')).reason).toBe('UPSTREAM_LIMITED')
  })

  it('that a schema is not followed even when asked twice names the place', async () => {
    const schema = { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'] }
    const responseFormat = { format: { case: 'jsonSchema', value: { name: 'x', schema } } } as const
    double.next({ answer: { text: 'no' }, times: 2 })
    const input = attempt(saying('Give', { responseFormat }), { model: known('MiniMax-M3') })
    const { error, said: before } = await failure(fresh().open(input))
    expect(error.reason).toBe('UPSTREAM_BROKEN')
    expect(error.message).toBe('minimax did not keep to response_format: it is no JSON')
    expect(textOf(before)).toBe('')
  })

  it('of a schema comes before anything is asked under strict', async () => {
    const responseFormat = { format: { case: 'json', value: {} } } as const
    const before = double.requests.length
    const input = attempt(saying('Give', { responseFormat, strict: true }), { model: known('MiniMax-M3') })
    expect((await failure(fresh().open(input))).error.reason).toBe('UNSUPPORTED')
    expect(double.requests).toHaveLength(before)
  })
})

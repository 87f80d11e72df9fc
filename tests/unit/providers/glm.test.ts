// Checks the GLM adapter through real sockets against a strict double: answers, tools, search, schemas, refusals.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { FinishReason, ReasoningEffort, Role } from '#gen/exai/v1/chat_pb'
import type { Provider } from '../../../src/core/provider.ts'
import { createGlm } from '../../../src/providers/glm.ts'
import { startGlm } from '../../support/upstream/glm.ts'
import type { Upstream } from '../../support/upstream/server.ts'
import { attempt, collect, failure, textOf, user } from './attempt.ts'
import { callsOf, countsOf, known, result, said, thoughtsOf, weather } from './known.ts'

let double: Upstream
let glm: Provider

beforeAll(async () => {
  double = await startGlm()
})
// Fresh keys for each test: a refused one stays out.
const fresh = (): Provider => {
  glm = createGlm({ id: 'glm', baseUrl: double.url, keys: ['test-key'] })
  return glm
}
afterEach(async () => {
  await glm.close()
})
afterAll(() => double.close())

type Init = Parameters<typeof attempt>[0]
const saying = (text: string, more: Init = {}): Init => ({ messages: [user(text)], ...more })
const lastBody = (): unknown => double.requests.at(-1)?.body

describe.each([true, false])('an answer of GLM with stream %s', stream => {
  const ask = (init: Init, model = 'glm-5.3') =>
    collect(fresh().open(attempt(init, { stream, model: known(model) })))

  it('is its thoughts, its text, its counts and its finish', async () => {
    const deltas = await ask(saying('Grüezi 東京 🗼'))
    expect(thoughtsOf(deltas)).toBe('Let me think about it.')
    expect(textOf(deltas)).toBe('You said: Grüezi 東京 🗼')
    expect(countsOf(deltas)).toMatchObject({ inputTokens: 3, reasoningTokens: 5, outputTokens: 10 })
    expect(deltas.at(-1)).toEqual({ type: 'finish', reason: FinishReason.STOP })
    expect(double.requests.at(-1)?.headers).toHaveProperty('accept-language', 'en-US,en')
  })

  it.each([
    'glm-5.2',
    'glm-5.1',
    'glm-4.7',
    'glm-4.6',
    'glm-4.5-air',
    'glm-4-32b-0414-128k',
    'glm-5.3-flash',
  ])('comes from %s at every effort', async model => {
    for (const reasoningEffort of [ReasoningEffort.NONE, ReasoningEffort.MEDIUM, ReasoningEffort.MAX]) {
      const deltas = await ask(saying('Hi', { reasoningEffort, temperature: 2, stop: ['x', 'y'] }), model)
      expect(textOf(deltas)).toBe('You said: Hi')
    }
  })

  it('calls tools and goes on after their results with what it thought', async () => {
    const deltas = await ask(saying('call the tool', { tools: [weather] }))
    expect(callsOf(deltas)).toEqual([['get_weather', '{"city":"text"}']])
    expect(deltas.at(-1)).toEqual({ type: 'finish', reason: FinishReason.TOOL_CALLS })
    const start = deltas.find(delta => delta.type === 'tool_call_start')
    const callId = start?.type === 'tool_call_start' ? start.callId : ''
    const turn = said(
      Role.ASSISTANT,
      { kind: { case: 'reasoning', value: { text: thoughtsOf(deltas), provider: 'glm' } } },
      { kind: { case: 'toolCall', value: { callId, name: 'get_weather', arguments: '{"city":"text"}' } } },
    )
    const messages = [user('call the tool'), turn, result(callId, '18 degrees')]
    expect(textOf(await ask({ messages, tools: [weather] }))).toBe('The tool said: 18 degrees')
    expect(lastBody()).toMatchObject({
      thinking: { type: 'enabled', clear_thinking: false },
      messages: [{}, { reasoning_content: 'Let me think about it.' }, {}],
    })
  })

  it.each(['tool-call-object-arguments', 'tool-call-no-id', 'tool-call-whole'])(
    'may bend a call by %s',
    async fault => {
      const deltas = await ask(saying(`[[fault:${fault}]]Hi`))
      expect(callsOf(deltas)).toEqual([['first_tool', '{"city":"Zürich","days":3}']])
    },
  )

  it('names what its search found', async () => {
    const deltas = await ask(saying('News?', { webSearch: { maxResults: 2 } }))
    expect(deltas.filter(({ type }) => type === 'citation')).toEqual([
      { type: 'citation', url: 'https://example.com/1', title: 'Result 1', text: 'What page 1 says.' },
      { type: 'citation', url: 'https://example.com/2', title: 'Result 2', text: 'What page 2 says.' },
    ])
    // It is billed by the piece.
    expect(countsOf(deltas)?.searches).toBe(1)
    expect(countsOf(await ask(saying('Hi', { webSearch: {} })))).toBeDefined()
    expect(countsOf(await ask(saying('Hi')))).not.toHaveProperty('searches')
  })

  it('has no tags of old models in it', async () => {
    expect(textOf(await ask(saying('[[fault:box-tags]]Hi'), 'glm-4.5'))).toBe('You said: Hi')
    const tagged = await ask(saying('[[fault:think-tags]]Hi'), 'glm-4.5')
    expect([thoughtsOf(tagged), textOf(tagged)]).toEqual(['Let me think about it.', 'You said: Hi'])
  })

  it.each([
    ['sensitive', FinishReason.CONTENT_FILTER],
    ['model_context_window_exceeded', FinishReason.LENGTH],
    ['length', FinishReason.LENGTH],
  ])('finishes with %s', async (word, reason) => {
    const deltas = await ask(saying(`[[fault:finish=${word}]]Hi`))
    expect(deltas.at(-1)).toEqual({ type: 'finish', reason })
  })

  it('that ends in a network error is a failure', async () => {
    const input = attempt(saying('[[fault:finish=network_error]]Hi'), { stream, model: known('glm-5.3') })
    expect((await failure(fresh().open(input))).error.reason).toBe('UPSTREAM_BROKEN')
  })

  it('follows a schema that the double knows nothing of', async () => {
    const schema = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
    const responseFormat = {
      format: { case: 'jsonSchema', value: { name: 'place', schema } },
    } as const
    double.next({ answer: { text: '```json\n{"city":"Bern"}\n```' } })
    const input = attempt(saying('Where?', { responseFormat }), { stream, model: known('glm-5.3') })
    expect(textOf(await collect(fresh().open(input)))).toBe('{"city":"Bern"}')
    expect(lastBody()).toMatchObject({ response_format: { type: 'json_object' } })
    expect(input.warnings[0]).toMatch(/^SCHEMA_EMULATED response_format: /)
  })
})

describe('a refusal of GLM', () => {
  const refused = async (fault: string, stream = false) => {
    const input = attempt(saying(`${fault}Hi`), { stream, model: known('glm-5.3') })
    const { error } = await failure(fresh().open(input))
    return error
  }

  it.each([
    ['1000', 'UPSTREAM_CREDENTIALS', 'key'],
    ['1004', 'UPSTREAM_CREDENTIALS', 'key'],
    ['1112', 'UPSTREAM_CREDENTIALS', 'key'],
    ['1120', 'UPSTREAM_CREDENTIALS', 'key'],
    ['1113', 'UPSTREAM_CREDENTIALS', 'key'],
    ['1309', 'UPSTREAM_CREDENTIALS', 'key'],
    ['1220', 'UPSTREAM_CREDENTIALS', 'key_model'],
    ['1300', 'UPSTREAM_CREDENTIALS', 'key_model'],
    ['1311', 'UPSTREAM_CREDENTIALS', 'key_model'],
    ['1302', 'UPSTREAM_LIMITED', 'key'],
    ['1303', 'UPSTREAM_LIMITED', 'key'],
    ['1304', 'UPSTREAM_LIMITED', 'key'],
    ['1308', 'UPSTREAM_LIMITED', 'key'],
    ['1310', 'UPSTREAM_LIMITED', 'key'],
    ['1313', 'UPSTREAM_LIMITED', 'key'],
    ['1305', 'UPSTREAM_UNAVAILABLE', 'provider'],
    ['500', 'UPSTREAM_UNAVAILABLE', 'provider'],
    ['1200', 'UPSTREAM_UNAVAILABLE', 'provider'],
    ['1230', 'UPSTREAM_UNAVAILABLE', 'provider'],
    ['1234', 'UPSTREAM_UNAVAILABLE', 'provider'],
    ['1210', 'INVALID_REQUEST', 'nobody'],
    ['1213', 'INVALID_REQUEST', 'nobody'],
    ['1214', 'INVALID_REQUEST', 'nobody'],
    ['1215', 'INVALID_REQUEST', 'nobody'],
    ['1231', 'INVALID_REQUEST', 'nobody'],
    ['1211', 'MODEL_NOT_FOUND', 'nobody'],
    ['1212', 'MODEL_NOT_FOUND', 'nobody'],
    ['1221', 'MODEL_NOT_FOUND', 'nobody'],
    ['1222', 'MODEL_NOT_FOUND', 'nobody'],
    ['1261', 'CONTEXT_TOO_LONG', 'nobody'],
    ['1301', 'CONTENT_REFUSED', 'nobody'],
  ])('with code %s is %s, and counts against the %s, in every form', async (code, reason, against) => {
    for (const form of ['', '[[fault:top-level-error]]', '[[fault:number-code]]']) {
      const error = await refused(`[[fault:code=${code}]]${form}`)
      expect([error.reason, error.details.against, error.details.upstreamCode]).toEqual([
        reason,
        against,
        code,
      ])
    }
  })

  it.each(['', '[[fault:event-error]]', '[[fault:top-level-error]]', '[[fault:number-code]]'])(
    'in the middle of a stream breaks the answer, with %s',
    async form => {
      const error = await refused(`[[fault:code-after-events=1305,2]]${form}`, true)
      expect([error.reason, error.details.upstreamCode, error.details.against]).toEqual([
        'UPSTREAM_BROKEN',
        '1305',
        'provider',
      ])
    },
  )

  it('at the beginning of a stream is still a refusal', async () => {
    const error = await refused('[[fault:code-after-events=1305,0]]', true)
    expect(error.reason).toBe('UPSTREAM_UNAVAILABLE')
  })

  it('for a key of a coding plan says to check the plan', async () => {
    const plans = await startGlm({ codingKeys: ['plan-key'] })
    const provider = createGlm({ id: 'glm', baseUrl: plans.url, keys: ['plan-key'] })
    const { error } = await failure(provider.open(attempt({}, { model: known('glm-5.3') })))
    await provider.close()
    await plans.close()
    expect([error.reason, error.details.keyTrouble]).toEqual(['UPSTREAM_CREDENTIALS', 'quota'])
    expect(error.message).toContain('the plan and its base URL')
  })
})

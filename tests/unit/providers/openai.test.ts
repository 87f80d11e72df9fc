// Checks the OpenAI adapter through real sockets against a strict double: answers, refusals, faults, aborts.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { FinishReason, ReasoningEffort, Role, ToolChoice_Mode } from '#gen/exai/v1/chat_pb'
import type { Provider } from '../../../src/core/provider.ts'
import { createOpenAi } from '../../../src/providers/openai.ts'
import { createHandClock } from '../../support/hand-clock.ts'
import { startUpstream } from '../../support/upstream/openai.ts'
import type { Upstream } from '../../support/upstream/server.ts'
import { attempt, collect, failure, textOf, thinker, user } from './attempt.ts'

let double: Upstream
let openai: Provider
const clock = createHandClock()
const weekMs = 7 * 24 * 3_600_000

beforeAll(async () => {
  double = await startUpstream()
  openai = createOpenAi({ id: 'openai', baseUrl: double.url, keys: ['test-key'], clock })
})
afterEach(() => {
  // The key is out after some failures, and never for longer.
  clock.pass(weekMs)
  expect(double.waiting()).toBe(0)
})
afterAll(async () => {
  await openai.close()
  await double.close()
})

const saying = (text: string, more: object = {}) => ({ messages: [user(text)], ...more })
const usageOf = (deltas: Awaited<ReturnType<typeof collect>>) =>
  deltas.flatMap(delta => (delta.type === 'usage' ? [delta.counts] : [])).at(-1)

describe.each([true, false])('an answer with stream %s', stream => {
  const ask = (request: Parameters<typeof attempt>[0], over: Parameters<typeof attempt>[1] = {}) =>
    collect(openai.open(attempt(request, { stream, ...over })))

  it('is its text, its counts and its finish', async () => {
    const deltas = await ask(saying('Grüezi 東京 🗼'))
    expect(textOf(deltas)).toBe('You said: Grüezi 東京 🗼')
    expect(usageOf(deltas)).toEqual({
      inputTokens: 3,
      cachedInputTokens: 0,
      cacheWriteTokens: 0,
      outputTokens: 5,
      reasoningTokens: 0,
    })
    expect(deltas.at(-1)).toEqual({ type: 'finish', reason: FinishReason.STOP })
    const metas = deltas.filter(({ type }) => type === 'meta')
    expect(metas).toContainEqual(expect.objectContaining({ responseId: expect.stringMatching(/^chatcmpl-/) }))
    expect(metas).toContainEqual({ type: 'meta', metadata: { request_id: expect.stringMatching(/^req_/) } })
  })

  it('of several tools has a call for each', async () => {
    const city = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
    const tools = [{ name: 'get_weather', parameters: city }, { name: 'get_time' }]
    const deltas = await ask(saying('call the tools', { tools }))
    const starts = deltas.flatMap(delta => (delta.type === 'tool_call_start' ? [delta] : []))
    expect(starts.map(({ name }) => name)).toEqual(['get_weather', 'get_time'])
    expect(deltas.at(-1)).toEqual({ type: 'finish', reason: FinishReason.TOOL_CALLS })
    const [first] = starts
    const args = deltas
      .map(delta =>
        delta.type === 'tool_call_arguments' && delta.callId === first?.callId ? delta.text : '',
      )
      .join('')
    expect(JSON.parse(args)).toHaveProperty('city')
  })

  it('goes on after the results of tools', async () => {
    const tools = [{ name: 'get_weather' }]
    const call = { callId: 'call_1', name: 'get_weather', arguments: '{}' }
    const deltas = await ask({
      tools,
      messages: [
        user('Weather?'),
        { role: Role.ASSISTANT, content: [{ kind: { case: 'toolCall', value: call } }] },
        {
          role: Role.TOOL,
          content: [
            {
              kind: {
                case: 'toolResult',
                value: { callId: 'call_1', content: [{ kind: { case: 'text', value: '18 degrees' } }] },
              },
            },
          ],
        },
      ],
    })
    expect(textOf(deltas)).toBe('The tool said: 18 degrees')
  })

  it('keeps to a schema', async () => {
    const schema = {
      type: 'object',
      properties: { n: { type: 'integer' } },
      required: ['n'],
      additionalProperties: false,
    }
    const responseFormat = { format: { case: 'jsonSchema', value: { name: 's', schema } } } as const
    const deltas = await ask(saying('as json', { responseFormat }))
    expect(JSON.parse(textOf(deltas))).toEqual({ n: expect.any(Number) })
  })

  it('to an image and a document comes', async () => {
    const image = { mimeType: 'image/png', source: { case: 'data', value: Buffer.from('png') } } as const
    const pdf = { mimeType: 'application/pdf', source: { case: 'data', value: Buffer.from('pdf') } } as const
    const content = [
      { kind: { case: 'text', value: 'Look' } },
      { kind: { case: 'media', value: image } },
      { kind: { case: 'media', value: pdf } },
    ] as const
    const deltas = await ask({ messages: [{ role: Role.USER, content: [...content] }] })
    expect(textOf(deltas).trimEnd()).toBe('You said: Look')
    expect(usageOf(deltas)?.inputTokens).toBe(171)
  })

  it('counts what was thought, and is not asked for what a thinking model refuses', async () => {
    const request = saying('Hi', {
      reasoningEffort: ReasoningEffort.MINIMAL,
      temperature: 0.5,
      stop: ['x'],
      maxOutputTokens: 100,
      metadata: { a: 'b' },
      user: 'u'.repeat(80),
    })
    const deltas = await ask(request, { model: thinker() })
    expect(usageOf(deltas)?.reasoningTokens).toBe(8)
  })

  it('of a model that thinks by default has tools all the same', async () => {
    const request = saying('call the tool', { tools: [{ name: 'now' }] })
    const deltas = await ask(request, { model: thinker() })
    expect(deltas).toContainEqual(expect.objectContaining({ type: 'tool_call_start', name: 'now' }))
  })

  it('that is forced calls the tool', async () => {
    const toolChoice = { choice: { case: 'mode', value: ToolChoice_Mode.REQUIRED } } as const
    const deltas = await ask(saying('Hi', { tools: [{ name: 'now' }], toolChoice }))
    expect(deltas).toContainEqual({ type: 'tool_call_end', callId: expect.any(String) })
  })

  it.each([
    ['400', 'INVALID_REQUEST'],
    ['context_length_exceeded', 'CONTEXT_TOO_LONG'],
    ['content_policy_violation', 'CONTENT_REFUSED'],
    ['invalid_api_key', 'UPSTREAM_CREDENTIALS'],
    ['unsupported_country_region_territory', 'UPSTREAM_CREDENTIALS'],
    ['model_not_found', 'MODEL_NOT_FOUND'],
    ['timeout', 'UPSTREAM_UNAVAILABLE'],
    ['conflict', 'UPSTREAM_UNAVAILABLE'],
    ['payload_too_large', 'INVALID_REQUEST'],
    ['rate_limit_exceeded', 'UPSTREAM_LIMITED'],
    ['insufficient_quota', 'UPSTREAM_CREDENTIALS'],
    ['resource_unavailable', 'UPSTREAM_UNAVAILABLE'],
    ['500', 'UPSTREAM_UNAVAILABLE'],
    ['overloaded', 'UPSTREAM_UNAVAILABLE'],
  ])('refused with %s is %s', async (code, reason) => {
    double.next({ faults: [`error=${code}`, 'retry-after=7'] })
    const { error, said } = await failure(openai.open(attempt({}, { stream })))
    expect(error).toMatchObject({
      reason,
      details: { provider: 'openai', model: 'gpt-4.1', retryDelayMs: 7000 },
    })
    expect(said).toEqual([])
    expect(JSON.stringify([error.message, error.details])).not.toContain('test-key')
  })

  it.each([
    ['html', 'UPSTREAM_UNAVAILABLE'],
    ['html=200', 'UPSTREAM_UNAVAILABLE'],
    ['error-200=rate_limit_exceeded', 'UPSTREAM_LIMITED'],
    ['half-json', 'UPSTREAM_BROKEN'],
    ['empty', 'UPSTREAM_BROKEN'],
    ['refuse', 'UPSTREAM_UNAVAILABLE'],
    ['cut-after=5', 'UPSTREAM_BROKEN'],
    ['fin-after=5', 'UPSTREAM_BROKEN'],
    ['end-after=5', 'UPSTREAM_BROKEN'],
    ['no-finish', 'UPSTREAM_BROKEN'],
    ['flood', 'UPSTREAM_BROKEN'],
  ])('with the fault %s is %s', async (fault, reason) => {
    const { error } = await failure(openai.open(attempt(saying(`[[fault:${fault}]] Hi`), { stream })))
    expect(error.reason).toBe(reason)
    expect(error.details).toMatchObject({ provider: 'openai', model: 'gpt-4.1' })
  })

  it('is not harmed by blank lines before it and by gzip on the way', async () => {
    expect(textOf(await ask(saying('[[fault:blank-lines=5]][[fault:gzip]]Hi')))).toBe('You said: Hi')
  })
})

describe('a stream', () => {
  it.each([
    'comments',
    'crlf',
    'cr',
    'bom',
    'data-without-space',
    'drip-bytes=0',
    'split-at=20,40,41,60,300,301,302,303',
    'no-done',
    'keep-alive-chunks',
    'content-list',
    'delta-null',
    'usage-in-choice',
    'usage-everywhere',
  ])('says the same with %s', async fault => {
    const deltas = await collect(openai.open(attempt(saying(`[[fault:${fault}]]東京 🗼`), { stream: true })))
    expect(textOf(deltas)).toBe('You said: 東京 🗼')
    expect(usageOf(deltas)).toMatchObject({ inputTokens: 2, outputTokens: 4 })
  })

  it('that breaks after its first words ends in a failure, with the words before it', async () => {
    for (const fault of [
      'cut-after-events=3',
      'end-after-events=3',
      'error-after-events=3',
      'half-event=3',
    ]) {
      const input = attempt(saying(`[[fault:${fault}]]one two three four five six`), { stream: true })
      const { error, said } = await failure(openai.open(input))
      expect([fault, error.reason]).toEqual([fault, 'UPSTREAM_BROKEN'])
      expect(textOf(said)).not.toBe('')
    }
  })

  it('that goes silent after its finish is whole', async () => {
    const input = attempt(saying('[[fault:no-done]][[fault:silence-after-events=5]]Hi'), { stream: true })
    const deltas = await collect(openai.open(input))
    expect(textOf(deltas)).toBe('You said: Hi')
    expect(deltas.at(-1)).toEqual({ type: 'finish', reason: FinishReason.STOP })
  })
})

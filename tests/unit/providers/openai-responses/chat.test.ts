// Checks the Responses endpoint through real sockets against a strict double: tool loops with thoughts, refusals, faults, counts.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { FinishReason, ReasoningEffort, Role } from '#gen/exai/v1/chat_pb'
import { createAnswer } from '../../../../src/chat/answer.ts'
import type { Delta } from '../../../../src/core/delta.ts'
import type { Provider } from '../../../../src/core/provider.ts'
import { createOpenAi } from '../../../../src/providers/openai.ts'
import { startUpstream } from '../../../support/upstream/openai.ts'
import type { Upstream } from '../../../support/upstream/server.ts'
import { attempt, collect, model, textOf, thinker, user } from '../attempt.ts'

type Request = Parameters<typeof attempt>[0]
type Message = NonNullable<Request['messages']>[number]

let double: Upstream
let openai: Provider

beforeAll(async () => {
  double = await startUpstream()
  openai = createOpenAi({ id: 'openai', baseUrl: double.url, keys: ['test-key'] })
})
afterEach(() => expect(double.waiting()).toBe(0))
afterAll(async () => {
  await openai.close()
  await double.close()
})

const sol = thinker({ endpoints: ['chat/completions', 'responses'] })
const pro = thinker({
  id: 'gpt-5.5-pro',
  endpoints: ['responses'],
  reasoning: 'always',
  reasoningEfforts: ['medium', 'high', 'xhigh'],
  defaultReasoningEffort: undefined,
  temperature: { kind: 'omit' },
})
const city = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
const tools = [{ name: 'get_weather', parameters: city }, { name: 'get_time' }]
const saying = (text: string, more: object = {}) => ({ messages: [user(text)], ...more })
const usageOf = (deltas: readonly Delta[]) =>
  deltas.flatMap(delta => (delta.type === 'usage' ? [delta.counts] : [])).at(-1)
const pathOf = () => double.requests.at(-1)?.path

/** The message that the deltas of an answer make, as the gateway keeps it. */
function messageOf(deltas: readonly Delta[]): Message {
  const answer = createAnswer()
  answer.from({ provider: 'openai', model: sol.id })
  for (const delta of deltas) answer.add(delta)
  return answer.message(false)
}

/** A result for every call in the deltas. */
const resultsOf = (deltas: readonly Delta[], value: string): Message => ({
  role: Role.TOOL,
  content: deltas.flatMap(delta =>
    delta.type === 'tool_call_start'
      ? [
          {
            kind: {
              case: 'toolResult' as const,
              value: { callId: delta.callId, content: [{ kind: { case: 'text' as const, value } }] },
            },
          },
        ]
      : [],
  ),
})

describe.each([true, false])('an answer with stream %s', stream => {
  const ask = (request: Request, over: Parameters<typeof attempt>[1] = {}) =>
    collect(openai.open(attempt(request, { stream, model: sol, ...over })))

  it('of a model that thinks may call tools in three steps, each with the thoughts before it', async () => {
    const messages: Message[] = [user('call the tools')]
    const first = double.requests.length
    for (const step of ['18 degrees', 'noon']) {
      // The double calls tools once: to call them again, it is told to.
      if (step === 'noon')
        double.next({ answer: { toolCalls: [{ id: 'call_again', name: 'get_time', arguments: '{}' }] } })
      const deltas = await ask({ tools, messages })
      expect(deltas.at(-1)).toEqual({ type: 'finish', reason: FinishReason.TOOL_CALLS })
      expect(deltas.some(({ type }) => type === 'reasoning')).toBe(true)
      messages.push(messageOf(deltas), resultsOf(deltas, step))
    }
    expect(textOf(await ask({ tools, messages }))).toBe('The tool said: noon')
    const [, second, third] = double.requests.slice(first).map(({ path, body }) => {
      expect(path).toBe('/v1/responses')
      return JSON.parse(JSON.stringify(body)).input.map(({ type }: { type: string }) => type)
    })
    const step = [
      'reasoning',
      'function_call',
      'function_call',
      'function_call_output',
      'function_call_output',
    ]
    expect(second).toEqual(['message', ...step])
    expect(third).toEqual(['message', ...step, 'reasoning', 'function_call', 'function_call_output'])
  })

  it('of a model that has no other endpoint is its text, its thoughts and its counts', async () => {
    const deltas = await ask(saying('Grüezi 東京 🗼'), { model: pro })
    expect(pathOf()).toBe('/v1/responses')
    expect(textOf(deltas)).toBe('You said: Grüezi 東京 🗼')
    expect(deltas.filter(({ type }) => type === 'reasoning_opaque')).toHaveLength(1)
    expect(usageOf(deltas)).toMatchObject({ inputTokens: 3, reasoningTokens: expect.any(Number) })
    const metas = deltas.filter(({ type }) => type === 'meta')
    expect(metas).toContainEqual(expect.objectContaining({ responseId: expect.stringMatching(/^resp_/) }))
    expect(metas).toContainEqual({ type: 'meta', metadata: { request_id: expect.stringMatching(/^req_/) } })
  })

  it('without tools, or without thoughts, comes from chat completions', async () => {
    await ask(saying('Hi', { reasoningEffort: ReasoningEffort.HIGH }))
    expect(pathOf()).toBe('/v1/chat/completions')
    await ask(saying('Hi', { tools, reasoningEffort: ReasoningEffort.NONE }))
    expect(pathOf()).toBe('/v1/chat/completions')
    await ask(saying('Hi', { tools }), { model: model({ endpoints: ['chat/completions', 'responses'] }) })
    expect(pathOf()).toBe('/v1/chat/completions')
  })

  it('takes everything that a request can hold', async () => {
    const content = [
      { kind: { case: 'text' as const, value: 'as json' } },
      {
        kind: {
          case: 'media' as const,
          value: { mimeType: 'image/png', source: { case: 'data' as const, value: Buffer.from('png') } },
        },
      },
      {
        kind: {
          case: 'media' as const,
          value: {
            mimeType: 'application/pdf',
            source: { case: 'url' as const, value: 'https://example.org/a' },
          },
        },
      },
    ]
    const schema = {
      type: 'object',
      properties: { n: { type: 'integer' } },
      required: ['n'],
      additionalProperties: false,
    }
    const deltas = await ask({
      tools: [...tools, { name: 'strict_one', strict: true }],
      parallelToolCalls: false,
      messages: [
        { role: Role.SYSTEM, content: [{ kind: { case: 'text', value: 'Be brief.' } }] },
        { role: Role.USER, content },
        { role: Role.SYSTEM, content: [{ kind: { case: 'text', value: 'Be kind.' } }] },
      ],
      responseFormat: { format: { case: 'jsonSchema', value: { name: 's', schema } } },
      reasoningEffort: ReasoningEffort.MINIMAL,
      temperature: 0.5,
      maxOutputTokens: 1000,
      stop: ['x'],
      seed: 7n,
      metadata: { a: 'b' },
      user: 'u'.repeat(80),
      promptCacheKey: 'k',
      serviceTier: 'flex',
      webSearch: {},
      providerOptions: { openai: { verbosity: 'low' } },
    })
    expect(JSON.parse(textOf(deltas))).toEqual({ n: 1 })
    expect(deltas.at(-1)).toEqual({ type: 'finish', reason: FinishReason.STOP })
  })

  it('that the cap cut finishes with LENGTH', async () => {
    const deltas = await ask(saying('one two three', { tools, maxOutputTokens: 16 }))
    expect(deltas.at(-1)).toEqual({ type: 'finish', reason: FinishReason.LENGTH })
  })

  it('is a refusal as text, and counts what was read from and written to a cache', async () => {
    const refusal = await ask(saying('[[fault:refusal]]Hi', { tools }))
    expect(textOf(refusal)).toBe('I cannot help with that.')
    const cached = saying('Hi', { tools, promptCacheKey: `cache-${stream}` })
    const system = {
      role: Role.SYSTEM,
      content: [{ kind: { case: 'text' as const, value: 'Be very brief.' } }],
    }
    const request = { ...cached, messages: [system, ...cached.messages] }
    expect(usageOf(await ask(request))).toMatchObject({
      inputTokens: 4,
      cachedInputTokens: 0,
      cacheWriteTokens: 3,
    })
    expect(usageOf(await ask(request))).toMatchObject({
      inputTokens: 4,
      cachedInputTokens: 3,
      cacheWriteTokens: 0,
    })
  })
})

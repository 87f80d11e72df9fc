// Checks the sandbox: that it says what it is, and does all that a provider does.
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { FinishReason, ReasoningEffort, Role, ToolChoice_Mode, WebSearchSchema } from '#gen/exai/v1/chat_pb'
import type { CompleteRequestSchema } from '#gen/exai/v1/chat_service_pb'
import type { Delta } from '../../../src/core/delta.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import { createSandbox } from '../../../src/providers/sandbox.ts'
import { attempt, collect, failure, model, textOf, user } from './attempt.ts'

const sandbox = createSandbox({ id: 'sandbox' })
const [entry = model()] = sandbox.models
type Request = MessageInitShape<typeof CompleteRequestSchema>

const ask = (request: Request, stream = false): Promise<readonly Delta[]> =>
  collect(sandbox.open(attempt(request, { model: entry, stream })))
const saying = (text: string, more: Request = {}): Request => ({ messages: [user(text)], ...more })
const options = (fields: NonNullable<Request['providerOptions']>[string]): Request => ({
  providerOptions: { sandbox: fields },
})
const finish = (deltas: readonly Delta[]) => deltas.at(-1)
const callOf = (deltas: readonly Delta[]) => {
  const start = deltas.find(delta => delta.type === 'tool_call_start')
  const args = deltas.map(delta => (delta.type === 'tool_call_arguments' ? delta.text : '')).join('')
  return start === undefined ? undefined : { name: start.name, callId: start.callId, args: JSON.parse(args) }
}

describe('the sandbox', () => {
  it('says that it is no model, how much it got and what was asked', async () => {
    const history = [user('Hi')]
    const deltas = await collect(sandbox.open(attempt(saying('What is 2+2?'), { model: entry, history })))
    expect(textOf(deltas)).toBe(
      'This is the exai sandbox, which is not a model. It got 2 messages, and the last one from the user says: "What is 2+2?"',
    )
    expect(finish(deltas)).toEqual({ type: 'finish', reason: FinishReason.STOP })
  })

  it('is no model in the list either, and costs nothing, which is a known price', () => {
    expect(entry).toMatchObject({ provider: 'sandbox', id: 'sandbox', price: { input: 0n, output: 0n } })
    expect(entry.notes).toMatch(/^Not a model/)
    expect(sandbox.unusableReason).toBe('')
  })

  it('echoes 200 characters at most', async () => {
    expect(textOf(await ask(saying('x'.repeat(300))))).toContain(`"${'x'.repeat(200)}…"`)
  })

  it('says the same in a stream, word by word, and every time', async () => {
    const whole = await ask(saying('Hello there'))
    const streamed = await ask(saying('Hello there'), true)
    expect(textOf(streamed)).toBe(textOf(whole))
    expect(streamed).toEqual(await ask(saying('Hello there'), true))
    expect(streamed.filter(({ type }) => type === 'text').length).toBeGreaterThan(10)
  })

  it('counts words as tokens', async () => {
    const deltas = await ask(saying('one two three', options({ words: 7 })))
    const usage = deltas.find(({ type }) => type === 'usage')
    expect(usage).toMatchObject({ counts: { inputTokens: 3, outputTokens: 7, reasoningTokens: 0 } })
  })

  it('shows where thoughts would stand', async () => {
    const deltas = await ask(saying('Hi', { reasoningEffort: ReasoningEffort.LOW }))
    expect(deltas[0]).toEqual({ type: 'reasoning', text: 'The' })
    const usage = deltas.find(delta => delta.type === 'usage')
    expect(usage?.counts.reasoningTokens).toBeGreaterThan(5)
    const none = await ask(saying('Hi', { reasoningEffort: ReasoningEffort.NONE }))
    expect(none.some(({ type }) => type === 'reasoning')).toBe(false)
  })

  it('keeps to the cap of tokens and to stop strings', async () => {
    const capped = await ask(saying('Hi', { maxOutputTokens: 3 }))
    expect(textOf(capped)).toBe('This is the')
    expect(finish(capped)).toEqual({ type: 'finish', reason: FinishReason.LENGTH })
    const stopped = await ask(saying('Hi', { stop: ['which', 'sandbox'] }))
    expect(textOf(stopped)).toBe('This is the exai ')
    expect(finish(stopped)).toEqual({ type: 'finish', reason: FinishReason.STOP })
  })

  it('is asked by nobody after an abort', async () => {
    const reason = new GatewayError('CANCELLED', 'the caller left')
    const input = attempt({}, { model: entry, signal: AbortSignal.abort(reason) })
    expect((await failure(sandbox.open(input))).error).toBe(reason)
  })

  it('says what it leaves out', async () => {
    const input = attempt(saying('Hi', { webSearch: create(WebSearchSchema), ...options({ speed: 9 }) }), {
      model: entry,
    })
    await collect(sandbox.open(input))
    expect(input.warnings).toEqual([
      'DROPPED provider_options.sandbox.speed: the sandbox has no such option',
      'DROPPED web_search: the sandbox cannot search',
    ])
    const strict = attempt(saying('Hi', { webSearch: create(WebSearchSchema), strict: true }), {
      model: entry,
    })
    expect((await failure(sandbox.open(strict))).error.reason).toBe('UNSUPPORTED')
  })
})

describe('tools of the sandbox', () => {
  const weather = {
    name: 'get_weather',
    parameters: {
      type: 'object',
      properties: {
        city: { type: 'string' },
        days: { type: 'integer', minimum: 1 },
        unit: { enum: ['c', 'f'] },
      },
      required: ['city', 'days', 'unit'],
    },
  }
  const tools = [{ name: 'now' }, weather]

  it('are called when the text names one, with the least that the schema wants', async () => {
    const deltas = await ask(saying('please use get_weather', { tools }), true)
    expect(callOf(deltas)).toEqual({
      name: 'get_weather',
      callId: 'call_sandbox_1',
      args: { city: 'sandbox', days: 1, unit: 'c' },
    })
    expect(textOf(deltas)).toBe('')
    expect(finish(deltas)).toEqual({ type: 'finish', reason: FinishReason.TOOL_CALLS })
  })

  it('are called when the caller says so, and not when the caller says no', async () => {
    const mode = (value: ToolChoice_Mode): Request => ({
      tools,
      toolChoice: { choice: { case: 'mode', value } },
    })
    expect(callOf(await ask(saying('Hi', mode(ToolChoice_Mode.REQUIRED))))).toMatchObject({
      name: 'now',
      args: {},
    })
    expect(callOf(await ask(saying('get_weather', mode(ToolChoice_Mode.NONE))))).toBeUndefined()
    expect(callOf(await ask(saying('Hi', { tools })))).toBeUndefined()
    const named: Request = { tools, toolChoice: { choice: { case: 'toolName', value: 'get_weather' } } }
    expect(callOf(await ask(saying('Hi', named)))).toMatchObject({ name: 'get_weather' })
  })

  it('get an answer that quotes their result', async () => {
    const call = { callId: 'call_sandbox_1', name: 'now', arguments: '{}' }
    const result = { callId: 'call_sandbox_1', content: [{ kind: { case: 'text', value: 'noon' } } as const] }
    const messages: Request['messages'] = [
      user('what is now'),
      { role: Role.ASSISTANT, content: [{ kind: { case: 'toolCall', value: call } }] },
      { role: Role.TOOL, content: [{ kind: { case: 'toolResult', value: result } }] },
    ]
    const deltas = await ask({ tools, messages })
    expect(textOf(deltas)).toBe('This is the exai sandbox, which is not a model. The tool returned: "noon"')
    const again = await ask({ tools, messages: [...messages, user('now again')] })
    expect(callOf(again)?.callId).toBe('call_sandbox_2')
  })
})

describe('JSON from the sandbox', () => {
  it('is an object, or follows the schema', async () => {
    const json = await ask(saying('Hi', { responseFormat: { format: { case: 'json', value: {} } } }))
    expect(JSON.parse(textOf(json))).toMatchObject({ sandbox: true, echo: 'Hi' })
    const schema = { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'] }
    const typed = await ask(
      saying('Hi', { responseFormat: { format: { case: 'jsonSchema', value: { name: 's', schema } } } }),
      true,
    )
    expect(JSON.parse(textOf(typed))).toEqual({ ok: true })
  })
})

describe('options of the sandbox', () => {
  it('set the length and the pace', async () => {
    const startedAtMs = performance.now()
    const deltas = await ask(saying('Hi', options({ words: 30, delay_ms: 5 })), true)
    expect(textOf(deltas).split(' ')).toHaveLength(30)
    expect(performance.now() - startedAtMs).toBeGreaterThan(29 * 4)
  })

  it('let a slow stream be cancelled at once', async () => {
    const ending = new AbortController()
    const reason = new GatewayError('CANCELLED', 'the caller left')
    const input = attempt(saying('Hi', options({ words: 100, delay_ms: 1000 })), {
      model: entry,
      stream: true,
      signal: ending.signal,
    })
    const answer = failure(sandbox.open(input))
    ending.abort(reason)
    expect((await answer).error).toBe(reason)
  })

  it('make it fail, at once or in the middle', async () => {
    const first = await failure(
      sandbox.open(
        attempt(saying('Hi', options({ fail: 'UPSTREAM_LIMITED' })), { model: entry, stream: true }),
      ),
    )
    expect([first.error.reason, first.said]).toEqual(['UPSTREAM_LIMITED', []])
    const later = await failure(
      sandbox.open(
        attempt(saying('Hi', options({ fail: 'UPSTREAM_BROKEN', fail_after: 2 })), {
          model: entry,
          stream: true,
        }),
      ),
    )
    expect([later.error.reason, textOf(later.said)]).toEqual(['UPSTREAM_BROKEN', 'This is'])
  })

  it.each([
    { delay_ms: 1001 },
    { delay_ms: '5' },
    { words: 0 },
    { words: 1.5 },
    { fail: 'INTERNAL' },
    { fail_after: -1 },
  ])('like %j are refused', async fields => {
    const { error } = await failure(sandbox.open(attempt(saying('Hi', options(fields)), { model: entry })))
    expect(error.reason).toBe('INVALID_REQUEST')
    expect(error.message).toMatch(/^provider_options\.sandbox\.\w+: must be /)
  })
})

describe('the vectors of the sandbox', () => {
  async function embedded(inputs: readonly string[], dimensions?: number, request: Request = {}) {
    const vectors: number[][] = []
    const sent: number[] = []
    const asked = attempt(request, { model: entry })
    const embed = {
      inputs,
      dimensions,
      done: () => vectors.length,
      add: (more: readonly number[][]) => void vectors.push(...more),
      sending: (count: number) => void sent.push(count),
      used: () => [],
    }
    const deltas = await collect(sandbox.open({ ...asked, messages: [], embed }))
    return { vectors, sent, deltas, warnings: asked.warnings }
  }
  const cosine = (one: readonly number[] = [], other: readonly number[] = []): number =>
    one.reduce((sum, each, at) => sum + each * (other[at] ?? 0), 0)

  it('are the same every time, of length 1, and near one another where texts share words', async () => {
    const { vectors, deltas, warnings } = await embedded([
      'The cat sat',
      'the CAT slept',
      'nine other things',
    ])
    expect(vectors).toEqual((await embedded(['The cat sat', 'the CAT slept', 'nine other things'])).vectors)
    expect(vectors.map(({ length }) => length)).toEqual([64, 64, 64])
    const [cat, also, other] = vectors
    expect(cosine(cat, cat)).toBeCloseTo(1, 5)
    expect(cosine(cat, also)).toBeGreaterThan(0.4)
    expect(Math.abs(cosine(cat, other))).toBeLessThan(0.4)
    expect(deltas[0]).toMatchObject({ type: 'usage', counts: { inputTokens: 9, outputTokens: 0 } })
    expect(warnings).toEqual([expect.stringMatching(/^NOTICE model: the sandbox is not a model/)])
  })

  it.each([1, 2, 300, 4096])('have %i numbers when that is asked for, and a direction', async dimensions => {
    const { vectors, sent } = await embedded(['a b c d', ' '], dimensions)
    expect(sent).toEqual([2])
    expect(vectors.map(({ length }) => length)).toEqual([dimensions, dimensions])
    for (const vector of vectors) expect(cosine(vector, vector)).toBeCloseTo(1, 5)
  })

  it('have no more numbers than 4,096, and fail when they are asked to', async () => {
    const { vectors, warnings } = await embedded(['a'], 5_000)
    expect([vectors[0]?.length, warnings[0]]).toEqual([4_096, expect.stringMatching(/^DROPPED dimensions/)])
    await expect(embedded(['a'], 5_000, { strict: true })).rejects.toMatchObject({ reason: 'UNSUPPORTED' })
    await expect(embedded(['a'], 4, options({ fail: 'UPSTREAM_LIMITED' }))).rejects.toMatchObject({
      reason: 'UPSTREAM_LIMITED',
    })
  })
})

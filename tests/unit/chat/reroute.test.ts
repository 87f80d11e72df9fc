// An answer that breaks in its text and is gone on with by somebody else: the seam, the whole, the money, and who may not.
import { create } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { FinishReason } from '#gen/exai/v1/chat_pb'
import { type StreamEvent, StreamEventSchema } from '#gen/exai/v1/chat_service_pb'
import { RouteAttempt_Outcome as Outcome } from '#gen/exai/v1/route_pb'
import { Usage_Provenance as Provenance } from '#gen/exai/v1/usage_pb'
import type { Delta } from '../../../src/core/delta.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import { collect } from '../../support/collect.ts'
import { createCompletionRig } from '../../support/completion-rig.ts'
import { ask } from '../../support/request.ts'
import { createScriptedProvider, type Step, saying } from '../../support/scripted-provider.ts'
import { createTestCall } from '../../support/test-call.ts'

const text = (words: string): readonly Delta[] => [{ type: 'text', text: words }]
const request = (over: object = {}) =>
  ask('tell', { routing: { reroute: true, fallbackModels: ['two-model'] }, ...over })

function rigOf(one: readonly Step[], two: readonly (readonly Step[])[], continues = true) {
  const first = createScriptedProvider('one', [one])
  const second = createScriptedProvider('two', two)
  const provider = continues ? { ...second, continues: () => true } : second
  return { first, second, rig: createCompletionRig([first, provider]) }
}

async function read(
  rig: ReturnType<typeof createCompletionRig>,
  asked = request(),
): Promise<{ readonly events: readonly StreamEvent[]; readonly error: GatewayError | undefined }> {
  const events: StreamEvent[] = []
  try {
    for await (const event of rig.stream(createTestCall().call, asked))
      events.push(create(StreamEventSchema, event))
    return { events, error: undefined }
  } catch (error) {
    return { events, error: error as GatewayError }
  }
}

async function* again(events: readonly StreamEvent[]): AsyncGenerator<StreamEvent> {
  yield* events
}

const kinds = (events: readonly StreamEvent[]): unknown[] => events.map(({ event }) => event.case)

describe('an answer that breaks in its text', () => {
  it('is gone on with at an exact seam, and the whole is what was sent', async () => {
    const { second, rig } = rigOf([text('Once '), text('upon 🎈 ')], [saying('a ', 'time')])
    const { events, error } = await read(rig)
    expect(error).toBeUndefined()
    expect(kinds(events)).toEqual([
      'started',
      'textDelta',
      'textDelta',
      'rerouted',
      'textDelta',
      'textDelta',
      'completed',
    ])
    expect(events.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5, 6, 7])
    // "Once upon 🎈 " has 13 code units: the balloon is two.
    expect(events[3]?.event.value).toMatchObject({ provider: 'two', model: 'two-model', textOffsetCount: 13 })
    expect(second.asked[0]?.prefill).toBe('Once upon 🎈 ')
    const answer = await collect(again(events))
    expect(answer.message?.content.map(({ kind }) => kind)).toEqual([
      { case: 'text', value: 'Once upon 🎈 a time' },
    ])
    expect(answer).toMatchObject({ provider: 'two', model: 'two-model', finishReason: FinishReason.STOP })
    expect(answer.route?.attempts.map(({ outcome }) => outcome)).toEqual([Outcome.BROKEN, Outcome.SUCCEEDED])
  })

  it('is booked for both, each with what it used and wrote', async () => {
    const counts = { cachedInputTokens: 0, cacheWriteTokens: 0, reasoningTokens: 0 }
    const whole: Step[] = [
      text('b c'),
      [{ type: 'usage', counts: { ...counts, inputTokens: 7, outputTokens: 3 } }],
      [{ type: 'finish', reason: FinishReason.STOP }],
    ]
    const { rig } = rigOf([text('one two three ')], [whole])
    const answer = await collect(again((await read(rig)).events))
    // The text that broke is counted here: three words are three tokens, and "tell" is the input of both.
    const lost = answer.cost?.lines.filter(({ provider }) => provider === 'one') ?? []
    expect(answer.usage).toMatchObject({ provenance: Provenance.ESTIMATED })
    expect(answer.usage?.outputTokens).toBeGreaterThanOrEqual(3 + 3)
    expect(rig.moved.filter(({ name }) => name === 'tokens').map(({ of }) => of)).toMatchObject([
      { provider: 'one', outputTokens: (answer.usage?.outputTokens ?? 0) - 3 },
      { provider: 'two', inputTokens: 7, outputTokens: 3 },
    ])
    expect(lost).toEqual([])
    expect(rig.journal.count()).toBe(1)
  })

  it('stays broken for callers who did not ask for more, in a tool call, and where nobody continues texts', async () => {
    const calling: readonly Delta[] = [{ type: 'tool_call_start', callId: 'c1', name: 'look' }]
    const cases = [
      {
        ...rigOf([text('a')], [saying('b')]),
        asked: request({ routing: { fallbackModels: ['two-model'] } }),
      },
      { ...rigOf([text('a'), calling], [saying('b')]), asked: request() },
      { ...rigOf([[{ type: 'reasoning', text: 'hm' }]], [saying('b')]), asked: request() },
      { ...rigOf([text('a')], [saying('b')], false), asked: request() },
      {
        ...rigOf([text('{')], [saying('}')]),
        asked: request({ responseFormat: { format: { case: 'json', value: {} } } }),
      },
    ]
    for (const { rig, second, asked } of cases) {
      const { events, error } = await read(rig, asked)
      expect(error).toMatchObject({ reason: 'UPSTREAM_BROKEN' })
      expect(kinds(events)).not.toContain('rerouted')
      expect(second.asked).toHaveLength(0)
    }
  })

  it('is asked for twice at most, of whoever is next and then of the same one again', async () => {
    const one = { ...createScriptedProvider('one', [[text('a')], saying('c')]), continues: () => true }
    const rig = createCompletionRig([one])
    const alone = await read(rig, ask('tell', { routing: { reroute: true } }))
    expect((await collect(again(alone.events))).message?.content[0]?.kind.value).toBe('ac')

    const ever = { ...createScriptedProvider('one', [[text('a')]]), continues: () => true }
    const { events, error } = await read(
      createCompletionRig([ever]),
      ask('tell', { routing: { reroute: true } }),
    )
    expect(error).toMatchObject({ reason: 'UPSTREAM_BROKEN' })
    expect(kinds(events).filter(kind => kind === 'rerouted')).toHaveLength(2)
    expect(ever.asked).toHaveLength(3)
  })

  it('keeps to the cap of the whole answer, and ends where nothing of it is left', async () => {
    const { second, rig } = rigOf([text('one two three ')], [saying('four')])
    const { error } = await read(rig, request({ maxOutputTokens: 10 }))
    expect(error).toBeUndefined()
    // Three words and the spaces around them are 4 tokens at most.
    expect(second.asked[0]?.request.maxOutputTokens).toBeGreaterThanOrEqual(6)
    expect(second.asked[0]?.request.maxOutputTokens).toBeLessThan(8)
    const spent = rigOf([text('one two three ')], [saying('four')])
    expect((await read(spent.rig, request({ maxOutputTokens: 2 }))).error).toMatchObject({
      reason: 'UPSTREAM_BROKEN',
    })
    expect(spent.second.asked).toHaveLength(0)
  })

  it('says when the call itself ended while somebody was to go on', async () => {
    const { rig } = rigOf([text('a')], [['silence']])
    const { call, end } = createTestCall()
    setTimeout(() => end(new GatewayError('DEADLINE_EXCEEDED', 'too late')), 20)
    const reading = (async () => {
      for await (const _ of rig.stream(call, request()));
    })()
    await expect(reading).rejects.toMatchObject({ reason: 'DEADLINE_EXCEEDED' })
    expect(rig.journal.recent()[0]?.outcome).toEqual({ type: 'cancelled', reason: 'DEADLINE_EXCEEDED' })
  })

  it('has counts that only grow', async () => {
    const counts = (inputTokens: number, outputTokens: number): readonly Delta[] => [
      {
        type: 'usage',
        counts: { inputTokens, outputTokens, cachedInputTokens: 0, cacheWriteTokens: 0, reasoningTokens: 0 },
      },
    ]
    const whole: Step[] = [text('b'), counts(10, 2), [{ type: 'finish', reason: FinishReason.STOP }]]
    const { rig } = rigOf([text('a'), counts(100, 50)], [whole])
    const { events } = await read(rig)
    const told = events.flatMap(({ event }) => (event.case === 'usage' ? [event.value] : []))
    expect(told.map(({ inputTokens, outputTokens }) => [inputTokens, outputTokens])).toEqual([
      [100, 50],
      [110, 52],
    ])
    expect((await collect(again(events))).usage).toMatchObject({ inputTokens: 110, outputTokens: 52 })
  })

  it('that said that it was finished is not gone on with', async () => {
    const finished: Step[] = [text('a'), [{ type: 'finish', reason: FinishReason.STOP }], new Error('cut')]
    const { second, rig } = rigOf(finished, [saying('b')])
    expect((await read(rig)).error).toBeDefined()
    expect(second.asked).toHaveLength(0)
  })
})

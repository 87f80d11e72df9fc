// What a caller of the stream sees: numbering, the one ending, heartbeats, and what is settled on every way out.
import { create } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { FinishReason } from '#gen/exai/v1/chat_pb'
import { type StreamEvent, StreamEventSchema } from '#gen/exai/v1/chat_service_pb'
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import { RouteAttempt_Outcome as Outcome } from '#gen/exai/v1/route_pb'
import { Usage_Provenance as Provenance } from '#gen/exai/v1/usage_pb'
import type { EventInit } from '../../../src/chat/events.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import type { Provider } from '../../../src/core/provider.ts'
import { collectEvents, createCompletionRig } from '../../support/completion-rig.ts'
import { ask } from '../../support/request.ts'
import { createScriptedProvider, type Step, saying } from '../../support/scripted-provider.ts'
import { createTestCall } from '../../support/test-call.ts'

const kinds = (events: readonly EventInit[]) => events.map(event => event.event?.case)
const whole = (event: EventInit | undefined): StreamEvent => create(StreamEventSchema, event)

async function readUntilError(stream: AsyncIterable<EventInit>) {
  const events: EventInit[] = []
  try {
    for await (const event of stream) events.push(event)
  } catch (error) {
    return { events, error: error as GatewayError }
  }
  throw new Error('the stream ended as if it were complete')
}

describe('a stream that goes well', () => {
  it('begins with started, numbers without gaps and ends with completed', async () => {
    const rig = createCompletionRig([createScriptedProvider('one', [saying('Hel', 'lo')])])
    const events = await collectEvents(rig.stream(createTestCall().call, ask('hi')))
    expect(kinds(events)).toEqual(['started', 'textDelta', 'textDelta', 'completed'])
    expect(events.map(event => event.sequence)).toEqual([1, 2, 3, 4])
  })

  it('names the same response in started and completed', async () => {
    const rig = createCompletionRig([createScriptedProvider('one', [saying('ok')])])
    const events = await collectEvents(rig.stream(createTestCall().call, ask('hi')))
    const started = whole(events[0]).event
    const completed = whole(events.at(-1)).event
    if (started.case !== 'started' || completed.case !== 'completed') throw new Error('wrong events')
    expect(started.value.responseId).toMatch(/^resp_[0-9a-f-]{36}$/)
    expect(completed.value.response?.id).toBe(started.value.responseId)
    expect(started.value).toMatchObject({ provider: 'one', model: 'one-model' })
  })

  it('empties the text that was sent and leaves tool calls whole in completed', async () => {
    const script: Step[] = [
      [
        { type: 'reasoning', text: 'hmm' },
        { type: 'text', text: 'Let me look.' },
      ],
      [{ type: 'tool_call_start', callId: 'c1', name: 'look' }],
      [
        { type: 'tool_call_arguments', callId: 'c1', text: '{"a"' },
        { type: 'tool_call_arguments', callId: 'c1', text: ':1}' },
      ],
      [
        { type: 'tool_call_end', callId: 'c1' },
        { type: 'finish', reason: FinishReason.TOOL_CALLS },
      ],
    ]
    const rig = createCompletionRig([createScriptedProvider('one', [script])])
    const events = await collectEvents(rig.stream(createTestCall().call, ask('hi')))
    expect(kinds(events)).toEqual([
      'started',
      'reasoningDelta',
      'textDelta',
      'toolCallStart',
      'toolCallDelta',
      'toolCallDelta',
      'toolCallEnd',
      'completed',
    ])
    const last = whole(events.at(-1)).event
    if (last.case !== 'completed') throw new Error('not completed')
    expect(last.value.response?.finishReason).toBe(FinishReason.TOOL_CALLS)
    expect(last.value.response?.message?.content.map(part => part.kind)).toMatchObject([
      { case: 'reasoning', value: { text: '', provider: 'one', model: 'one-model' } },
      { case: 'text', value: '' },
      { case: 'toolCall', value: { callId: 'c1', name: 'look', arguments: '{"a":1}' } },
    ])
  })

  it('shows a warning of the provider after started', async () => {
    const provider = createScriptedProvider('one', [saying('ok')])
    const rig = createCompletionRig([
      {
        ...provider,
        open: input => {
          input.warn({ field: 'seed', message: 'left out' })
          return provider.open(input)
        },
      },
    ])
    const events = await collectEvents(rig.stream(createTestCall().call, ask('hi')))
    expect(kinds(events)).toEqual(['started', 'warning', 'textDelta', 'completed'])
  })
})

describe('a stream that breaks', () => {
  it('fails with UPSTREAM_BROKEN when the provider just stops', async () => {
    const provider = createScriptedProvider('one', [[[{ type: 'text', text: 'half' }]]])
    const rig = createCompletionRig([provider])
    const { events, error } = await readUntilError(rig.stream(createTestCall().call, ask('hi')))
    expect(kinds(events)).toEqual(['started', 'textDelta'])
    expect(error.reason).toBe('UPSTREAM_BROKEN')
    expect(error.details.route?.attempts).toMatchObject([
      { outcome: Outcome.BROKEN, error: ErrorReason.UPSTREAM_BROKEN },
    ])
    expect(rig.journal.recent()).toMatchObject([
      {
        outcome: { type: 'failed', reason: 'UPSTREAM_BROKEN' },
        answer: { partial: true },
        usage: { provenance: Provenance.ESTIMATED },
      },
    ])
  })

  it('never switches to another candidate after the first output', async () => {
    const broken = createScriptedProvider('one', [
      [[{ type: 'text', text: 'half' }], new GatewayError('UPSTREAM_UNAVAILABLE', 'gone')],
    ])
    const other = createScriptedProvider('two', [saying('other')])
    const rig = createCompletionRig([broken, other])
    const request = ask('hi', { routing: { fallbackModels: ['two-model'] } })
    const { error } = await readUntilError(rig.stream(createTestCall().call, request))
    expect(error.reason).toBe('UPSTREAM_BROKEN')
    expect(other.asked).toHaveLength(0)
  })

  it('fails when the provider falls silent for longer than the idle limit', async () => {
    const provider = createScriptedProvider('one', [[[{ type: 'text', text: 'half' }], 'silence']])
    const rig = createCompletionRig([provider], { limits: { firstTokenMs: 5_000, idleMs: 40 } })
    const { error } = await readUntilError(rig.stream(createTestCall().call, ask('hi')))
    expect(error).toMatchObject({
      reason: 'UPSTREAM_BROKEN',
      details: { provider: 'one', model: 'one-model' },
    })
    expect(provider.released()).toBe(1)
  })

  it('fails with UPSTREAM_UNAVAILABLE when no first token comes', async () => {
    const rig = createCompletionRig([createScriptedProvider('one', [['silence']])], {
      limits: { firstTokenMs: 40, idleMs: 5_000 },
    })
    const { events, error } = await readUntilError(rig.stream(createTestCall().call, ask('hi')))
    expect(events).toEqual([])
    expect(error.reason).toBe('UPSTREAM_UNAVAILABLE')
    expect(rig.journal.recent()[0]?.usage).toBeUndefined()
  })

  it('neither fails nor waits when the reader is slower than the idle limit', async () => {
    const rig = createCompletionRig([createScriptedProvider('one', [saying('a', 'b', 'c')])], {
      limits: { firstTokenMs: 5_000, idleMs: 60 },
    })
    const seen: EventInit[] = []
    for await (const event of rig.stream(createTestCall().call, ask('hi'))) {
      seen.push(event)
      if (seen.length === 2) await new Promise(resolve => setTimeout(resolve, 45))
    }
    expect(kinds(seen).at(-1)).toBe('completed')
  })
})

describe('a stream that is left', () => {
  it('ends the attempt and settles as cancelled when the call is cancelled', async () => {
    const provider = createScriptedProvider('one', [[[{ type: 'text', text: 'half' }], 'silence']])
    const rig = createCompletionRig([provider])
    const { call, end, facts } = createTestCall()
    const stream = rig.stream(call, ask('hi'))
    await stream.next()
    await stream.next()
    const pending = stream.next()
    end(new GatewayError('CANCELLED', 'the client left'))
    await expect(pending).rejects.toMatchObject({ reason: 'CANCELLED' })
    expect(provider.aborted()).toBe(1)
    expect(provider.released()).toBe(1)
    expect(rig.journal.recent()).toMatchObject([{ outcome: { type: 'cancelled', reason: 'CANCELLED' } }])
    expect(facts()).toMatchObject({ provider: 'one', model: 'one-model', attempts: 1 })
  })

  it('ends the attempt and settles when the reader stops reading without an error', async () => {
    const provider = createScriptedProvider('one', [saying('a', 'b', 'c')])
    const rig = createCompletionRig([provider])
    for await (const event of rig.stream(createTestCall().call, ask('hi')))
      if (event.event?.case === 'textDelta') break
    expect(provider.aborted()).toBe(1)
    expect(provider.released()).toBe(1)
    expect(rig.journal.recent()).toMatchObject([{ outcome: { type: 'cancelled' } }])
  })

  it('asks nobody when the call is over before it begins', async () => {
    const provider = createScriptedProvider('one', [saying('a')])
    const rig = createCompletionRig([provider])
    const { call, end } = createTestCall()
    end(new GatewayError('DEADLINE_EXCEEDED', 'too late'))
    const { error } = await readUntilError(rig.stream(call, ask('hi')))
    expect(error.reason).toBe('DEADLINE_EXCEEDED')
    expect(provider.asked).toHaveLength(0)
  })
})

describe('heartbeats', () => {
  it('come in every silence, before started too, and take no number', async () => {
    const provider = createScriptedProvider('one', [['silence']])
    const rig = createCompletionRig([provider], { heartbeatMs: 15 })
    const { call, end } = createTestCall()
    const stream = rig.stream(call, ask('hi'))
    const first = await stream.next()
    const second = await stream.next()
    expect(kinds([first.value, second.value])).toEqual(['heartbeat', 'heartbeat'])
    expect(first.value.sequence ?? 0).toBe(0)
    end(new GatewayError('CANCELLED', 'left'))
    await expect(stream.next()).rejects.toMatchObject({ reason: 'CANCELLED' })
  })
})

describe('a reader that does not read', () => {
  it('holds the provider back: nothing is read ahead of it, whatever time passes', async () => {
    let read = 0
    const provider = createScriptedProvider('one', [saying('a', 'b', 'c', 'd', 'e', 'f')])
    const counted: Provider = {
      ...provider,
      async *open(input) {
        for await (const batch of provider.open(input)) {
          read += 1
          yield batch
        }
      },
    }
    const rig = createCompletionRig([counted], { heartbeatMs: 5 })
    const stream = rig.stream(createTestCall().call, ask('hi'))
    const seen: (string | undefined)[] = []
    while (!seen.includes('textDelta')) seen.push((await stream.next()).value?.event?.case)
    // Long enough for heartbeats, which must not pull either.
    await new Promise(resolve => setTimeout(resolve, 30))
    expect(read).toBe(1)
    const rest = await collectEvents(stream)
    expect(kinds(rest).filter(kind => kind === 'textDelta')).toHaveLength(5)
    expect(read).toBe(7)
  })
})

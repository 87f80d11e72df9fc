// Recordings around the real orchestrator: what goes straight through, what stays the same, and the bounds of it all.
import { create, toJson } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { FinishReason } from '#gen/exai/v1/chat_pb'
import { CompleteResponseSchema, StreamEventSchema } from '#gen/exai/v1/chat_service_pb'
import type { EventInit } from '../../../src/chat/events.ts'
import { createRecordedCompletion } from '../../../src/chat/recorded.ts'
import { systemClock } from '../../../src/core/clock.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import type { Shared } from '../../../src/core/shared.ts'
import { createProcessShared } from '../../../src/stores/process/shared.ts'
import { collectEvents, createCompletionRig } from '../../support/completion-rig.ts'
import { ask } from '../../support/request.ts'
import { createRecordedRig, readOn, until } from '../../support/scripted-completion.ts'
import { createScriptedProvider, type Step } from '../../support/scripted-provider.ts'
import { createTestCall } from '../../support/test-call.ts'

const window = (seconds: bigint) => ({ resumeWindow: { seconds, nanos: 0 } })

const script: readonly Step[] = [
  [
    { type: 'reasoning', text: 'hm' },
    { type: 'reasoning_opaque', opaque: Uint8Array.of(1, 2) },
    { type: 'text', text: 'Let me ' },
  ],
  [
    { type: 'text', text: 'look.' },
    { type: 'citation', url: 'https://example.org', title: 'T', text: 'c' },
    { type: 'tool_call_start', callId: 'c1', name: 'look' },
    { type: 'tool_call_arguments', callId: 'c1', text: '{"a":1}' },
    { type: 'tool_call_end', callId: 'c1' },
  ],
  [
    { type: 'text', text: 'Done' },
    { type: 'meta', responseId: 'up_1', metadata: { tier: 'x' } },
    {
      type: 'usage',
      counts: {
        inputTokens: 5,
        cachedInputTokens: 1,
        cacheWriteTokens: 0,
        outputTokens: 3,
        reasoningTokens: 1,
      },
    },
    { type: 'finish', reason: FinishReason.TOOL_CALLS },
  ],
]

function recordedRig() {
  const provider = createScriptedProvider('one', [script])
  const rig = createCompletionRig([provider])
  const shared = createProcessShared({ clock: systemClock, onFault: () => undefined })
  const recorded = createRecordedCompletion({
    completion: rig,
    shared,
    clock: systemClock,
    heartbeatMs: 10_000,
    onFault: fault => {
      throw fault
    },
  })
  return { provider, plain: rig, recorded }
}

/** An answer or an event without what differs between two equal calls: ids and times. */
function bare(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, field: unknown) =>
      ['id', 'responseId', 'duration', 'timeToFirstToken', 'startOffsetDuration'].includes(key)
        ? undefined
        : field,
    ),
  )
}
const eventsOf = (events: readonly EventInit[]) =>
  bare(events.map(event => toJson(StreamEventSchema, create(StreamEventSchema, event))))

describe('a recorded answer', () => {
  it('has exactly the events of one that is not', async () => {
    const { plain, recorded } = recordedRig()
    const wanted = await collectEvents(plain.stream(createTestCall().call, ask('hi')))
    for (const over of [window(60n), { idempotencyKey: 'k' }]) {
      const got = await collectEvents(recorded.stream(createTestCall().call, ask('hi', over)))
      expect(eventsOf(got)).toEqual(eventsOf(wanted))
    }
  })

  it('is in one piece exactly what Complete answers, and the same once more when it is replayed', async () => {
    const { plain, recorded, provider } = recordedRig()
    const whole = async (answer: ReturnType<typeof plain.complete>) =>
      bare(toJson(CompleteResponseSchema, create(CompleteResponseSchema, await answer)))
    const wanted = await whole(plain.complete(createTestCall().call, ask('hi')))
    const keyed = ask('hi', { idempotencyKey: 'k' })
    expect(await whole(recorded.complete(createTestCall().call, keyed))).toEqual(wanted)
    expect(await whole(recorded.complete(createTestCall().call, keyed))).toEqual({
      ...(wanted as object),
      replayed: true,
    })
    expect(provider.asked).toHaveLength(2)
  })

  it('still says when each attempt began when it is replayed', async () => {
    const { recorded } = recordedRig()
    const offset = async () => {
      const answer = await recorded.complete(createTestCall().call, ask('hi', { idempotencyKey: 'k' }))
      return create(CompleteResponseSchema, answer).route?.attempts[0]?.startOffsetDuration
    }
    const first = await offset()
    expect(first).toBeDefined()
    expect(await offset()).toEqual(first)
  })

  it('is settled once, by its one run', async () => {
    const { plain, recorded } = recordedRig()
    const keyed = ask('hi', { idempotencyKey: 'k', ...window(60n) })
    const all = Promise.all([0, 1, 2].map(() => collectEvents(recorded.stream(createTestCall().call, keyed))))
    await all
    await collectEvents(recorded.stream(createTestCall().call, keyed))
    expect(plain.journal.count()).toBe(1)
    expect(plain.moved.filter(({ name }) => name === 'tokens')).toHaveLength(1)
  })

  it('is settled with what was written when its last reader leaves', async () => {
    const provider = createScriptedProvider('one', [[[{ type: 'text', text: 'half' }], 'silence']])
    const rig = createCompletionRig([provider])
    const shared = createProcessShared({ clock: systemClock, onFault: () => undefined })
    const recorded = createRecordedCompletion({
      completion: rig,
      shared,
      clock: systemClock,
      heartbeatMs: 10_000,
      onFault: () => undefined,
    })
    const { call, end } = createTestCall()
    const seen = readOn(recorded.stream(call, ask('hi', { idempotencyKey: 'k' })))
    await seen.says('half')
    end(new GatewayError('CANCELLED', 'the client left'))
    await seen.ended
    expect(provider.released()).toBe(1)
    expect(rig.journal.recent()).toMatchObject([
      { outcome: { type: 'cancelled', reason: 'CANCELLED' }, answer: { partial: true } },
    ])
  })
})

describe('a request without a key and without a window', () => {
  it('goes straight through and touches no shared state', async () => {
    const untouched = new Proxy({} as Shared, {
      get: (_, name) => {
        throw new Error(`${String(name)} was used`)
      },
    })
    const events = createRecordedRig().scripted.stream(createTestCall().call, ask('hi'))
    const answer = Promise.resolve({ id: 'plain' })
    const recorded = createRecordedCompletion({
      completion: { stream: () => events, complete: () => answer },
      shared: untouched,
      clock: systemClock,
      heartbeatMs: 10_000,
      onFault: () => undefined,
    })
    for (const over of [{}, window(0n)]) {
      const { call, detached } = createTestCall()
      expect(recorded.stream(call, ask('hi', over))).toBe(events)
      expect(await recorded.complete(call, ask('hi', over))).toBe(await answer)
      expect(detached).toEqual([])
    }
  })

  it.each([
    ['a negative window', { ...window(-1n), idempotencyKey: 'k' }],
    ['a key with a space', { idempotencyKey: 'a b' }],
    ['no messages', { idempotencyKey: 'k', messages: [] }],
    ['a window that is too long, under strict', { ...window(601n), strict: true }],
  ])('and one with %s, which is refused as ever and takes no key', async (_, over) => {
    const { recorded, plain } = recordedRig()
    const refused = recorded.complete(createTestCall().call, ask('hi', over))
    await expect(refused).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    expect(plain.journal.count()).toBe(1)
    const keyed = ask('hi', { idempotencyKey: 'k' })
    expect(await recorded.complete(createTestCall().call, keyed)).not.toHaveProperty('replayed', true)
  })
})

describe('the bounds of recordings', () => {
  const running = async (rig: ReturnType<typeof createRecordedRig>, over: Parameters<typeof ask>[1]) => {
    const index = rig.scripted.runs.length
    const test = createTestCall()
    const seen = readOn(rig.stream(test.call, ask('hi', over)))
    const run = await rig.scripted.run(index)
    run.start()
    return { ...test, seen, run }
  }

  it('let only so many calls run at once, for each tenant and for all', async () => {
    using rig = createRecordedRig({ limits: { tenantRunsMax: 2, runsMax: 3 } })
    const tried = async (tenant: string): Promise<string | undefined> => {
      const seen = readOn(rig.stream(createTestCall(tenant).call, ask('hi', window(60n))))
      const count = rig.scripted.runs.length
      return Promise.race([
        seen.ended.then(error => error?.reason),
        until(() => rig.scripted.runs.length > count).then(() => undefined),
      ])
    }
    expect([await tried('a'), await tried('a'), await tried('a')]).toEqual([
      undefined,
      undefined,
      'TOO_MANY_CALLS',
    ])
    expect([await tried('b'), await tried('c')]).toEqual([undefined, 'TOO_MANY_CALLS'])
    const [run] = rig.scripted.runs
    run?.complete()
    await until(() => run?.isOver() === true)
    expect(await tried('a')).toBeUndefined()
  })

  it('take the events of an answer that is too long: its reader has read them, who comes later cannot', async () => {
    using rig = createRecordedRig({ limits: { bytesMax: 1_000 } })
    const over = { ...window(60n), idempotencyKey: 'k' }
    const { seen, run } = await running(rig, over)
    for (let index = 0; index < 50; index += 1) {
      run.say('x'.repeat(50))
      await seen.says('x'.repeat(50 * (index + 1)))
    }
    run.complete()
    expect(await seen.ended).toBeUndefined()
    const { responseId } = run
    const resume = (afterSequence: number) =>
      readOn(rig.resume(createTestCall().call, { responseId, afterSequence }))
    expect(await resume(0).ended).toMatchObject({ reason: 'STREAM_NOT_FOUND' })
    expect(await resume(50).ended).toBeUndefined()
    // It was answered and paid: asking again under the same key must not pay twice.
    const again = rig.complete(createTestCall().call, ask('hi', over))
    await expect(again).rejects.toMatchObject({ reason: 'OUTCOME_UNKNOWN' })
    expect(rig.scripted.runs).toHaveLength(1)
  })

  it('take old answers when all of them are too much, and their keys do not run again', async () => {
    using rig = createRecordedRig({ limits: { keptBytesMax: 3_000 } })
    const answered = async (key: string): Promise<void> => {
      const { seen, run } = await running(rig, { idempotencyKey: key })
      run.say('x'.repeat(1_000))
      run.complete()
      await seen.ended
    }
    for (const key of ['a', 'b', 'c', 'd']) await answered(key)
    const again = (key: string) => rig.complete(createTestCall().call, ask('hi', { idempotencyKey: key }))
    await expect(again('a')).rejects.toMatchObject({ reason: 'OUTCOME_UNKNOWN' })
    expect(await again('d')).toMatchObject({ replayed: true })
    expect(rig.scripted.runs).toHaveLength(4)
  })

  it('forget old keys when there are too many', async () => {
    using rig = createRecordedRig({ limits: { keysMax: 2 } })
    for (const key of ['a', 'b', 'c']) {
      const { seen, run } = await running(rig, { idempotencyKey: key })
      run.complete()
      await seen.ended
    }
    const { run } = await running(rig, { idempotencyKey: 'a' })
    run.complete()
    expect(rig.scripted.runs).toHaveLength(4)
  })

  it('end a call whose recording cannot be kept, and say why', async () => {
    const fault = new GatewayError('INTERNAL', 'the store is gone')
    const clock = systemClock
    const shared = createProcessShared({ clock, onFault: () => undefined })
    let isGone = false
    using rig = createRecordedRig({
      shared: {
        ...shared,
        append: (...args) => (isGone ? Promise.reject(fault) : shared.append(...args)),
      },
    })
    const { run, seen } = await running(rig, window(60n))
    await until(() => seen.events.length === 1)
    isGone = true
    run.say('lost')
    await until(() => run.call.signal.aborted)
    expect(run.call.signal.reason).toBe(fault)
    expect(rig.faults).toContain(fault)
  })
})

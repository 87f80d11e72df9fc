// What is booked for attempts that did not come to their end, and which time of a call is our own.
import { describe, expect, it } from 'vitest'
import { FinishReason } from '#gen/exai/v1/chat_pb'
import { RouteAttempt_Outcome as Outcome } from '#gen/exai/v1/route_pb'
import { Usage_Provenance as Provenance } from '#gen/exai/v1/usage_pb'
import { createAnswer } from '../../../src/chat/answer.ts'
import { type Ended, settle } from '../../../src/chat/settle.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import type { Provider } from '../../../src/core/provider.ts'
import { createTokenCounter } from '../../../src/metering/count.ts'
import { toldAttempt } from '../../support/attempt-rig.ts'
import { createCompletionRig } from '../../support/completion-rig.ts'
import { eventually } from '../../support/eventually.ts'
import { ask } from '../../support/request.ts'
import { createScriptedProvider, type Step } from '../../support/scripted-provider.ts'
import { createTestCall } from '../../support/test-call.ts'

const none = {
  inputTokens: 0,
  cachedInputTokens: 0,
  cacheWriteTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
}
const cut = new GatewayError('UPSTREAM_BROKEN', 'cut')

describe('an answer that breaks after its provider told what it used', () => {
  const told = (outputTokens: number): Step => [
    { type: 'usage', counts: { ...none, inputTokens: 9, outputTokens, reasoningTokens: 1 } },
  ]
  // Each "one" with its space is a token of o200k.
  const words: Step = [{ type: 'text', text: Array(40).fill('one').join(' ') }]

  async function usageOf(...script: readonly Step[]) {
    const rig = createCompletionRig([createScriptedProvider('one', [[...script, cut]])])
    await expect(rig.complete(createTestCall().call, ask('hi'))).rejects.toMatchObject({
      reason: 'UPSTREAM_BROKEN',
    })
    return rig.journal.recent()[0]?.usage
  }

  it('used what was written since, too, which is an estimate', async () => {
    expect(await usageOf(told(1), words)).toMatchObject({
      ...none,
      inputTokens: 9,
      outputTokens: 40,
      reasoningTokens: 1,
      provenance: Provenance.ESTIMATED,
    })
  })

  it('used what was told where that is more', async () => {
    expect(await usageOf(words, told(55))).toMatchObject({
      inputTokens: 9,
      outputTokens: 55,
      provenance: Provenance.PARTIAL,
    })
    expect(await usageOf(words, told(40))).toMatchObject({
      outputTokens: 40,
      provenance: Provenance.PARTIAL,
    })
  })
})

describe('an answer that came whole', () => {
  it('used what its provider reported, however much was written', async () => {
    const script: Step[] = [
      [{ type: 'text', text: Array(40).fill('one').join(' ') }],
      [{ type: 'usage', counts: { ...none, inputTokens: 9, outputTokens: 3 } }],
      [{ type: 'finish', reason: FinishReason.STOP }],
    ]
    const rig = createCompletionRig([createScriptedProvider('one', [script])])
    await rig.complete(createTestCall().call, ask('hi'))
    expect(rig.journal.recent()[0]?.usage).toMatchObject({
      outputTokens: 3,
      provenance: Provenance.REPORTED,
    })
  })
})

describe('a call whose request never went out', () => {
  it('used nothing when its caller leaves, and its attempt is told all the same', async () => {
    let opened = 0
    const waiting: Provider = {
      ...createScriptedProvider('one', []),
      async *open({ signal }) {
        opened += 1
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
        yield []
      },
    }
    const rig = createCompletionRig([waiting])
    const { call, end } = createTestCall()
    const answer = rig.complete(call, ask('hi'))
    await eventually(() => expect(opened).toBe(1))
    end(new GatewayError('CANCELLED', 'the client left'))
    await expect(answer).rejects.toMatchObject({ reason: 'CANCELLED' })
    const [settled] = rig.journal.recent()
    expect(settled).toMatchObject({
      outcome: { type: 'cancelled' },
      attempts: [{ outcome: Outcome.CANCELLED }],
    })
    expect(settled).not.toHaveProperty('usage')
    expect(settled).not.toHaveProperty('cost')
  })
})

describe('the overhead of a call', () => {
  async function overheadOf(spans: readonly (readonly [number, number])[], over: Partial<Ended> = {}) {
    const rig = createCompletionRig([])
    const overheads: number[] = []
    const ended: Ended = {
      call: { ...createTestCall().call, startedAtMs: 1_000 },
      request: ask('hi'),
      routing: rig,
      messages: [],
      responseId: 'resp_1',
      attempts: spans.map(([fromMs, toMs]) =>
        toldAttempt({ startedAtMs: fromMs, durationMs: () => toMs - fromMs, mayBeBilled: () => false }),
      ),
      answering: undefined,
      answer: createAnswer(),
      writtenBy: () => '',
      givenTo: () => [],
      outcome: { type: 'failed', reason: 'UPSTREAM_UNAVAILABLE' },
      ...over,
    }
    await settle(ended, {
      journal: rig.journal,
      counter: createTokenCounter(),
      metrics: {
        tokens: () => undefined,
        cost: () => undefined,
        firstToken: () => undefined,
        overhead: ms => void overheads.push(ms),
      },
      clock: { now: () => 0, monotonic: () => 2_000 },
    })
    return overheads
  }

  it.each<[string, readonly (readonly [number, number])[], number]>([
    ['of which nobody was asked is all of its time', [], 1_000],
    [
      'is what lies outside of its attempts',
      [
        [1_100, 1_400],
        [1_500, 1_900],
      ],
      300,
    ],
    [
      'counts the time of a hedge beside another attempt once',
      [
        [1_100, 1_600],
        [1_400, 1_900],
      ],
      200,
    ],
    [
      'counts an attempt within another one once',
      [
        [1_100, 1_900],
        [1_300, 1_500],
      ],
      200,
    ],
  ])('%s', async (_, spans, expected) => {
    expect(await overheadOf(spans)).toEqual([expected])
  })

  it('is not the time in a queue or before a retry', async () => {
    expect(
      await overheadOf(
        [
          [1_100, 1_400],
          [1_500, 1_900],
        ],
        { waitedMs: 90 },
      ),
    ).toEqual([210])
  })

  it('is never below nothing', async () => {
    expect(await overheadOf([[1_000, 2_000]], { waitedMs: 50 })).toEqual([0])
  })
})

// Every call is settled exactly once, whichever way it ends, and nothing of it goes on in the background.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FinishReason } from '#gen/exai/v1/chat_pb'
import { RouteAttempt_Outcome as Outcome } from '#gen/exai/v1/route_pb'
import { Usage_Provenance as Provenance } from '#gen/exai/v1/usage_pb'
import type { EventInit } from '../../../src/chat/events.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import type { Journal } from '../../../src/core/settlement.ts'
import { collectEvents, createCompletionRig } from '../../support/completion-rig.ts'
import { eventually } from '../../support/eventually.ts'
import { ask } from '../../support/request.ts'
import { createScriptedProvider, type Step, saying } from '../../support/scripted-provider.ts'
import { createTestCall } from '../../support/test-call.ts'

const stray: unknown[] = []
const keep = (reason: unknown): void => void stray.push(reason)
beforeEach(() => {
  stray.length = 0
  process.on('unhandledRejection', keep)
})
afterEach(async () => {
  // Rejections that nobody handles are reported after the turn in which they happen.
  await new Promise(resolve => setImmediate(resolve))
  process.off('unhandledRejection', keep)
  expect(stray).toEqual([])
})

const half: Step = [{ type: 'text', text: 'half' }]
const left = new GatewayError('CANCELLED', 'the client left')

/** Reads until an event of a kind has come. */
async function readTo(stream: AsyncGenerator<EventInit>, kind: string): Promise<void> {
  for (;;) {
    const step = await stream.next()
    if (step.done) throw new Error(`the stream ended without ${kind}`)
    if (step.value.event?.case === kind) return
  }
}

describe('a reader that leaves a stream', () => {
  it.each(['started', 'textDelta', 'heartbeat'])(
    'after %s ends the upstream and settles once',
    async kind => {
      const provider = createScriptedProvider('one', [[half, half, 'silence']])
      const rig = createCompletionRig([provider], { heartbeatMs: 15 })
      const stream = rig.stream(createTestCall().call, ask('hi'))
      await readTo(stream, kind)
      await stream.return(undefined)
      expect([provider.aborted(), provider.released()]).toEqual([1, 1])
      expect(rig.journal.recent()).toMatchObject([
        {
          outcome: { type: 'cancelled', reason: 'CANCELLED' },
          attempts: [{ outcome: Outcome.CANCELLED }],
          answer: { partial: true },
          usage: { provenance: Provenance.ESTIMATED },
        },
      ])
      await stream.return(undefined)
      expect(rig.journal.count()).toBe(1)
    },
  )

  it('at a heartbeat before the first token ends the upstream, and nobody else is asked', async () => {
    const silent = createScriptedProvider('one', [['silence']])
    const other = createScriptedProvider('two', [saying('here')])
    const rig = createCompletionRig([silent, other], { heartbeatMs: 15 })
    const stream = rig.stream(
      createTestCall().call,
      ask('hi', { routing: { fallbackModels: ['two-model'] } }),
    )
    await readTo(stream, 'heartbeat')
    await stream.return(undefined)
    expect([silent.aborted(), silent.released()]).toEqual([1, 1])
    expect(other.asked).toHaveLength(0)
    expect(rig.journal.recent()).toMatchObject([{ outcome: { type: 'cancelled', reason: 'CANCELLED' } }])
    expect(rig.journal.count()).toBe(1)
  })

  it('while it waits for an event is let go at the next sign of life', async () => {
    const provider = createScriptedProvider('one', [[half, 'silence']])
    const rig = createCompletionRig([provider], { heartbeatMs: 15 })
    const stream = rig.stream(createTestCall().call, ask('hi'))
    await readTo(stream, 'textDelta')
    const pending = stream.next()
    await stream.return(undefined)
    await pending
    expect(provider.released()).toBe(1)
    expect(rig.journal.count()).toBe(1)
  })

  it('by throwing into it gets its error back, and the call is settled once', async () => {
    const provider = createScriptedProvider('one', [saying('a', 'b')])
    const rig = createCompletionRig([provider])
    const stream = rig.stream(createTestCall().call, ask('hi'))
    await readTo(stream, 'textDelta')
    await expect(stream.throw(new Error('mine'))).rejects.toThrow('mine')
    expect(provider.released()).toBe(1)
    expect(rig.journal.recent()).toMatchObject([{ outcome: { type: 'cancelled' } }])
    expect(rig.journal.count()).toBe(1)
  })

  it('because the deadline has passed is settled with that reason, as its caller is told', async () => {
    const rig = createCompletionRig([createScriptedProvider('one', [saying('a', 'b')])])
    const { call, end } = createTestCall()
    const stream = rig.stream(call, ask('hi'))
    await readTo(stream, 'textDelta')
    end(new GatewayError('DEADLINE_EXCEEDED', 'too late'))
    await stream.return(undefined)
    expect(rig.journal.recent()).toMatchObject([
      { outcome: { type: 'cancelled', reason: 'DEADLINE_EXCEEDED' } },
    ])
    expect(rig.journal.count()).toBe(1)
  })

  it('before the first event has begun nothing: nobody is asked and there is nothing to settle', async () => {
    const provider = createScriptedProvider('one', [saying('a')])
    const rig = createCompletionRig([provider])
    const stream = rig.stream(createTestCall().call, ask('hi'))
    await stream.return(undefined)
    expect(await stream.next()).toEqual({ done: true, value: undefined })
    expect(provider.asked).toHaveLength(0)
    expect(rig.journal.count()).toBe(0)
  })

  it('after completed changes nothing any more', async () => {
    const rig = createCompletionRig([createScriptedProvider('one', [saying('a')])])
    const stream = rig.stream(createTestCall().call, ask('hi'))
    await readTo(stream, 'completed')
    await stream.return(undefined)
    expect(rig.journal.recent()).toMatchObject([{ outcome: { type: 'completed' } }])
    expect(rig.journal.count()).toBe(1)
  })
})

describe('a call that is not answered', () => {
  it.each([
    ['a broken rule', { temperature: 9 }, 'INVALID_REQUEST'],
    ['an unknown model', { model: 'nope' }, 'MODEL_NOT_FOUND'],
    ['a policy that leaves nobody', { routing: { deny: ['one'] } }, 'NO_CANDIDATE'],
  ])('because of %s is settled without usage', async (_, over, reason) => {
    const rig = createCompletionRig([createScriptedProvider('one', [saying('a')])])
    await expect(rig.complete(createTestCall().call, ask('hi', over))).rejects.toMatchObject({ reason })
    await expect(collectEvents(rig.stream(createTestCall().call, ask('hi', over)))).rejects.toMatchObject({
      reason,
    })
    expect(rig.journal.recent().map(one => [one.outcome, one.usage, one.attempts])).toEqual([
      [{ type: 'failed', reason }, undefined, []],
      [{ type: 'failed', reason }, undefined, []],
    ])
  })

  it('because of an endless model name is kept without it', async () => {
    const rig = createCompletionRig([createScriptedProvider('one', [saying('a')])])
    const model = 'm'.repeat(1_000_000)
    await expect(rig.complete(createTestCall().call, ask('hi', { model }))).rejects.toMatchObject({
      reason: 'INVALID_REQUEST',
    })
    expect(rig.journal.recent()[0]?.requestedModel).toBe(`${'m'.repeat(256)}…`)
  })

  it('because it was over before it began used nothing', async () => {
    const rig = createCompletionRig([createScriptedProvider('one', [saying('a')])])
    const { call, end } = createTestCall()
    end(new GatewayError('DEADLINE_EXCEEDED', 'too late'))
    await expect(rig.complete(call, ask('hi'))).rejects.toMatchObject({ reason: 'DEADLINE_EXCEEDED' })
    const [settled] = rig.journal.recent()
    expect(settled).toMatchObject({
      outcome: { type: 'cancelled', reason: 'DEADLINE_EXCEEDED' },
      attempts: [],
    })
    expect(settled).not.toHaveProperty('usage')
    expect(settled).not.toHaveProperty('cost')
  })

  it('because the client left while a provider was thinking is counted here', async () => {
    const provider = createScriptedProvider('one', [['silence']])
    const rig = createCompletionRig([provider])
    const { call, end } = createTestCall()
    const answer = rig.complete(call, ask('hello world'))
    await eventually(() => expect(provider.asked).toHaveLength(1))
    end(left)
    await expect(answer).rejects.toMatchObject({ reason: 'CANCELLED' })
    // "hello world" is 2 tokens of o200k; one message adds 4 and the answer's priming 3.
    expect(rig.journal.recent()).toMatchObject([
      {
        outcome: { type: 'cancelled' },
        usage: { inputTokens: 9, outputTokens: 0, provenance: Provenance.ESTIMATED },
      },
    ])
  })

  it('to its end keeps what the provider reported, as partial', async () => {
    const counts = {
      inputTokens: 5,
      cachedInputTokens: 0,
      cacheWriteTokens: 0,
      outputTokens: 3,
      reasoningTokens: 0,
    }
    const script: Step[] = [half, [{ type: 'usage', counts }], new GatewayError('UPSTREAM_BROKEN', 'cut')]
    const rig = createCompletionRig([createScriptedProvider('one', [script])])
    await expect(rig.complete(createTestCall().call, ask('hi'))).rejects.toMatchObject({
      reason: 'UPSTREAM_BROKEN',
    })
    expect(rig.journal.recent()[0]?.usage).toMatchObject({ ...counts, provenance: Provenance.PARTIAL })
  })
})

describe('a journal that cannot keep a settlement', () => {
  function brokenJournal(fault: Error): Journal & { readonly asked: () => number } {
    let asked = 0
    return {
      asked: () => asked,
      async commit() {
        asked += 1
        throw fault
      },
    }
  }
  const full = new GatewayError('STORAGE_FULL', 'the disk is full')

  it('fails the answer, whole or streamed, and is asked once for each', async () => {
    const journal = brokenJournal(full)
    const rig = createCompletionRig([createScriptedProvider('one', [saying('a')])], { journal })
    const refused = { reason: 'STORAGE_FULL', details: { route: { requestedModel: 'one-model' } } }
    await expect(rig.complete(createTestCall().call, ask('hi'))).rejects.toMatchObject(refused)
    expect(journal.asked()).toBe(1)
    await expect(collectEvents(rig.stream(createTestCall().call, ask('hi')))).rejects.toMatchObject(refused)
    expect(journal.asked()).toBe(2)
  })

  it('does not hide why a call failed, and its own fault is kept as a cause', async () => {
    const fault = new Error('no such table')
    const journal = brokenJournal(fault)
    const rig = createCompletionRig([createScriptedProvider('one', [[half]])], { journal })
    const failure = await rig.complete(createTestCall().call, ask('hi')).then(
      () => undefined,
      (error: GatewayError) => error,
    )
    expect(failure).toMatchObject({ reason: 'UPSTREAM_BROKEN', details: { route: {} } })
    expect(failure?.cause).toMatchObject({ errors: [fault] })
    expect(journal.asked()).toBe(1)
  })

  it('is asked once when the reader leaves, who is told', async () => {
    const journal = brokenJournal(full)
    const provider = createScriptedProvider('one', [saying('a', 'b')])
    const rig = createCompletionRig([provider], { journal })
    const stream = rig.stream(createTestCall().call, ask('hi'))
    await readTo(stream, 'textDelta')
    await expect(stream.return(undefined)).rejects.toBe(full)
    expect(journal.asked()).toBe(1)
    expect(provider.released()).toBe(1)
  })
})

describe('an answered call', () => {
  it('moves each number once', async () => {
    const rig = createCompletionRig([createScriptedProvider('one', [saying('a')])])
    await rig.complete(createTestCall().call, ask('hi'))
    expect(rig.moved.map(({ name }) => name)).toEqual(['overhead', 'firstToken', 'tokens'])
    expect(rig.journal.recent()[0]?.outcome).toEqual({ type: 'completed', finishReason: FinishReason.STOP })
  })
})

// What a caller of the unary call sees: the whole answer, its money, its route, and which failures try the next candidate.
import { create } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { FinishReason } from '#gen/exai/v1/chat_pb'
import { CompleteResponseSchema } from '#gen/exai/v1/chat_service_pb'
import { RouteAttempt_Outcome as Outcome } from '#gen/exai/v1/route_pb'
import { Usage_Provenance as Provenance } from '#gen/exai/v1/usage_pb'
import { assumedEntry } from '../../../src/catalogue/configured.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import { createCompletionRig } from '../../support/completion-rig.ts'
import { ask } from '../../support/request.ts'
import { createScriptedProvider, saying } from '../../support/scripted-provider.ts'
import { createTestCall } from '../../support/test-call.ts'

const usage = {
  inputTokens: 1000,
  cachedInputTokens: 400,
  cacheWriteTokens: 0,
  outputTokens: 100,
  reasoningTokens: 30,
}

describe('a whole answer', () => {
  it('carries message, finish reason, usage, cost and route', async () => {
    const priced = {
      ...assumedEntry('one', 'one-model'),
      price: {
        input: 2_000_000_000n,
        cachedInput: 500_000_000n,
        cacheWrite: undefined,
        output: 10_000_000_000n,
        tiers: [],
      },
    }
    const script = [
      [{ type: 'text', text: 'Hi' } as const],
      [{ type: 'usage', counts: usage } as const, { type: 'finish', reason: FinishReason.STOP } as const],
    ]
    const rig = createCompletionRig([createScriptedProvider('one', [script], [priced])])
    const answer = create(CompleteResponseSchema, await rig.complete(createTestCall().call, ask('hi')))
    expect(answer.message?.content[0]?.kind).toEqual({ case: 'text', value: 'Hi' })
    expect(answer.finishReason).toBe(FinishReason.STOP)
    expect(answer.usage).toMatchObject({ ...usage, provenance: Provenance.REPORTED })
    // 600 × 2 $/M + 400 × 0.5 $/M + 100 × 10 $/M, in nano-dollars.
    expect(answer.cost).toMatchObject({ known: true, nanoUsd: 1_200_000n + 200_000n + 1_000_000n })
    expect(answer.route).toMatchObject({
      requestedModel: 'one-model',
      reason: 'explicit model',
      configVersion: 7,
      attempts: [{ outcome: Outcome.SUCCEEDED, provider: 'one' }],
    })
    expect(rig.moved).toContainEqual({
      name: 'cost',
      of: { provider: 'one', model: 'one-model', nanoUsd: 2_400_000n },
    })
    const counted = rig.moved.find(({ name }) => name === 'tokens')?.of
    expect(counted).toMatchObject({ provider: 'one', model: 'one-model', ...usage })
  })

  it('leaves the cost unknown, and not 0, when the price is', async () => {
    const rig = createCompletionRig([createScriptedProvider('one', [saying('Hi')])])
    const answer = create(CompleteResponseSchema, await rig.complete(createTestCall().call, ask('hi')))
    expect(answer.cost?.known).toBe(false)
    expect(answer.cost?.lines).toEqual([])
  })

  it('counts here what the provider does not report, and says so', async () => {
    const rig = createCompletionRig([createScriptedProvider('one', [saying('hello world')])])
    const answer = create(
      CompleteResponseSchema,
      await rig.complete(createTestCall().call, ask('hello world')),
    )
    // "hello world" is 2 tokens of o200k; one message adds 4 and the answer's priming 3.
    expect(answer.usage).toMatchObject({
      inputTokens: 2 + 4 + 3,
      outputTokens: 2,
      provenance: Provenance.ESTIMATED,
    })
  })

  it('asks the provider for a stream only when the caller streams', async () => {
    const provider = createScriptedProvider('one', [saying('Hi')])
    const rig = createCompletionRig([provider])
    await rig.complete(createTestCall().call, ask('hi'))
    expect(provider.asked[0]?.stream).toBe(false)
    for await (const _ of rig.stream(createTestCall().call, ask('hi')));
    expect(provider.asked[1]?.stream).toBe(true)
  })

  it('is settled once, with its answer', async () => {
    const rig = createCompletionRig([createScriptedProvider('one', [saying('Hi')])])
    await rig.complete(createTestCall().call, ask('hi'))
    expect(rig.journal.count()).toBe(1)
    expect(rig.journal.recent()[0]).toMatchObject({
      outcome: { type: 'completed' },
      answeredBy: { provider: 'one' },
      answer: { partial: false },
    })
  })
})

describe('a candidate that fails before it answers', () => {
  it('is followed by the next one when the provider was unavailable', async () => {
    const down = createScriptedProvider('one', [
      [new GatewayError('UPSTREAM_UNAVAILABLE', 'down', { upstreamStatus: 503 })],
    ])
    const up = createScriptedProvider('two', [saying('here')])
    const rig = createCompletionRig([down, up])
    const answer = create(
      CompleteResponseSchema,
      await rig.complete(createTestCall().call, ask('hi', { routing: { fallbackModels: ['two-model'] } })),
    )
    expect(answer.provider).toBe('two')
    expect(answer.route?.reason).toBe('fallback model')
    expect(answer.route?.attempts).toMatchObject([
      { provider: 'one', outcome: Outcome.FAILED, upstreamStatus: 503 },
      { provider: 'two', outcome: Outcome.SUCCEEDED },
    ])
  })

  it('is the end when the request itself is wrong', async () => {
    const picky = createScriptedProvider('one', [[new GatewayError('INVALID_REQUEST', 'no such parameter')]])
    const up = createScriptedProvider('two', [saying('here')])
    const rig = createCompletionRig([picky, up])
    const failed = rig.complete(
      createTestCall().call,
      ask('hi', { routing: { fallbackModels: ['two-model'] } }),
    )
    await expect(failed).rejects.toMatchObject({ reason: 'INVALID_REQUEST', details: { provider: 'one' } })
    expect(up.asked).toHaveLength(0)
  })

  it('gives its error with the whole route when nobody is left', async () => {
    const down = createScriptedProvider('one', [
      [new GatewayError('UPSTREAM_LIMITED', 'slow down', { retryDelayMs: 1500 })],
    ])
    const rig = createCompletionRig([down])
    const failed = rig.complete(createTestCall().call, ask('hi'))
    await expect(failed).rejects.toMatchObject({
      reason: 'UPSTREAM_LIMITED',
      details: { retryDelayMs: 1500, route: { requestedModel: 'one-model' } },
    })
    expect(rig.journal.recent()).toMatchObject([{ outcome: { type: 'failed', reason: 'UPSTREAM_LIMITED' } }])
  })

  it('becomes INTERNAL with a neutral message when it throws something unknown', async () => {
    const rig = createCompletionRig([createScriptedProvider('one', [[new TypeError('secret detail')]])])
    await expect(rig.complete(createTestCall().call, ask('hi'))).rejects.toMatchObject({
      reason: 'INTERNAL',
      message: 'internal error',
    })
  })
})

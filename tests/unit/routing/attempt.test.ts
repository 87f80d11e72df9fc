// One request to one provider: its limits, its record, and that it leaves nothing behind however it ends.
import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { FinishReason } from '#gen/exai/v1/chat_pb'
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import { RouteAttempt_Outcome as Outcome } from '#gen/exai/v1/route_pb'
import type { Delta } from '../../../src/core/delta.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import type { Provider } from '../../../src/core/provider.ts'
import { failureOf, nothing, restOf, rigOf, watchTimers } from '../../support/attempt-rig.ts'
import { createScriptedProvider, type Step, saying } from '../../support/scripted-provider.ts'

const half: Step = [{ type: 'text', text: 'half' }]
const meta: Step = [{ type: 'meta', responseId: 'up-1' }]
const finish: Step = [{ type: 'finish', reason: FinishReason.STOP }]

watchTimers()

describe('an attempt that goes well', () => {
  it('holds what comes before the first output back until there is some', async () => {
    const { attempt } = rigOf(createScriptedProvider('one', [[meta, half, finish]]))
    expect(await attempt.begin()).toEqual([
      { type: 'meta', responseId: 'up-1' },
      { type: 'text', text: 'half' },
    ])
    expect(await restOf(attempt)).toEqual(finish)
  })

  it('records how long it took to the first output and to its end', async () => {
    const provider = createScriptedProvider('one', [saying('a', 'b')])
    const rig = rigOf({
      ...provider,
      open(input) {
        const answer = provider.open(input)
        rig.pass(250)
        return answer
      },
    })
    expect(rig.attempt.firstTokenMs()).toBeUndefined()
    await rig.attempt.begin()
    rig.pass(1750)
    await restOf(rig.attempt)
    rig.pass(5000)
    expect(rig.attempt.firstTokenMs()).toBe(250)
    expect(rig.attempt.durationMs()).toBe(2000)
    expect(rig.attempt.sentMs()).toBe(2000)
    expect(rig.attempt.record()).toEqual({
      provider: 'one',
      model: 'm',
      outcome: Outcome.SUCCEEDED,
      startOffsetDuration: { seconds: 0n, nanos: 400_000_000 },
      duration: { seconds: 2n, nanos: 0 },
      timeToFirstToken: { seconds: 0n, nanos: 250_000_000 },
      error: ErrorReason.UNSPECIFIED,
      upstreamStatus: 0,
      upstreamCode: '',
      keyLabel: '',
    })
    expect(rig.left()).toEqual(nothing)
  })

  it('records the label of the key that the provider used', async () => {
    const provider = createScriptedProvider('one', [[finish]])
    const rig = rigOf({
      ...provider,
      open(input) {
        input.useKey?.('team-2')
        return provider.open(input)
      },
    })
    await rig.attempt.begin()
    await restOf(rig.attempt)
    expect(rig.attempt.record()).toMatchObject({ keyLabel: 'team-2' })
  })

  it('may say nothing at all, as long as it says that it is over', async () => {
    const rig = rigOf(createScriptedProvider('one', [[finish]]))
    expect(await rig.attempt.begin()).toEqual(finish)
    expect(await restOf(rig.attempt)).toEqual([])
    expect(rig.attempt.record()).toMatchObject({ outcome: Outcome.SUCCEEDED })
    expect(rig.attempt.record()).not.toHaveProperty('timeToFirstToken')
    expect(rig.left()).toEqual(nothing)
  })

  it('lets go of the adapter, its timer and its listener', async () => {
    const provider = createScriptedProvider('one', [saying('a')])
    const rig = rigOf(provider)
    await rig.attempt.begin()
    expect(rig.left()).toEqual({ listeners: 1, timers: 1 })
    await restOf(rig.attempt)
    expect(rig.left()).toEqual(nothing)
    expect(provider.released()).toBe(1)
    expect(provider.aborted()).toBe(0)
  })
})

describe('an attempt that fails', () => {
  it.each<[string, readonly Step[], Partial<GatewayError>]>([
    ['before it answers', [new GatewayError('UPSTREAM_LIMITED', 'slow')], { reason: 'UPSTREAM_LIMITED' }],
    ['with something unknown', [new TypeError('x')], { reason: 'INTERNAL', message: 'internal error' }],
    ['by saying nothing and ending', [], { reason: 'UPSTREAM_BROKEN' }],
    ['by ending before any output', [meta], { reason: 'UPSTREAM_BROKEN' }],
  ])('%s is FAILED and leaves nothing behind', async (_, script, expected) => {
    const rig = rigOf(createScriptedProvider('one', [script]))
    const error = await failureOf(rig.attempt.begin())
    expect(error).toMatchObject({ ...expected, details: { provider: 'one', model: 'm' } })
    expect(rig.attempt.record()).toMatchObject({ outcome: Outcome.FAILED, error: ErrorReason[error.reason] })
    expect(rig.left()).toEqual(nothing)
  })

  it('because open itself throws is FAILED as well', async () => {
    const fault = new GatewayError('UPSTREAM_CREDENTIALS', 'no', {
      upstreamStatus: 401,
      upstreamCode: 'bad_key',
    })
    const open = () => {
      throw fault
    }
    const rig = rigOf({ ...createScriptedProvider('one', []), open })
    expect((await failureOf(rig.attempt.begin())).reason).toBe('UPSTREAM_CREDENTIALS')
    expect(rig.attempt.record()).toMatchObject({
      outcome: Outcome.FAILED,
      upstreamStatus: 401,
      upstreamCode: 'bad_key',
    })
    expect(rig.left()).toEqual(nothing)
  })

  it.each<[string, readonly Step[]]>([
    ['ends without a finish', [half]],
    ['breaks', [half, new GatewayError('UPSTREAM_BROKEN', 'cut')]],
    // UNAVAILABLE would tell the caller that nothing was answered, and to ask again.
    ['becomes unavailable', [half, new GatewayError('UPSTREAM_UNAVAILABLE', 'busy')]],
  ])('after its first output because it %s is UPSTREAM_BROKEN', async (_, script) => {
    const rig = rigOf(createScriptedProvider('one', [script]))
    await rig.attempt.begin()
    const error = await failureOf(restOf(rig.attempt))
    expect(error).toMatchObject({ reason: 'UPSTREAM_BROKEN', details: { provider: 'one' } })
    expect(rig.attempt.record()).toMatchObject({
      outcome: Outcome.BROKEN,
      error: ErrorReason.UPSTREAM_BROKEN,
    })
    expect(rig.left()).toEqual(nothing)
  })

  it('keeps the original fault as the cause', async () => {
    const busy = new GatewayError('UPSTREAM_UNAVAILABLE', 'busy')
    const rig = rigOf(createScriptedProvider('one', [[half, busy]]))
    await rig.attempt.begin()
    expect((await failureOf(restOf(rig.attempt))).cause).toBe(busy)
  })
})

describe('the limits of an attempt', () => {
  it('end one that gives no first token, even when it sends other things', async () => {
    const provider = createScriptedProvider('one', [[meta, 'silence']])
    const rig = rigOf(provider, { firstTokenMs: 30, idleMs: 10_000 })
    const error = await failureOf(rig.attempt.begin())
    expect(error).toMatchObject({
      reason: 'UPSTREAM_UNAVAILABLE',
      message: 'one sent no first token for 0.03 s',
    })
    expect(rig.attempt.record().outcome).toBe(Outcome.FAILED)
    expect([provider.aborted(), provider.released()]).toEqual([1, 1])
    expect(rig.left()).toEqual(nothing)
  })

  it('end one that puts its first token off with signs of life', async () => {
    const provider: Provider = {
      ...createScriptedProvider('one', []),
      async *open({ signal }) {
        for (;;) {
          await wait(5, undefined, { signal })
          yield meta as readonly Delta[]
        }
      },
    }
    const rig = rigOf(provider, { firstTokenMs: 50, idleMs: 10_000 })
    expect((await failureOf(rig.attempt.begin())).message).toBe('one sent no first token for 0.05 s')
    expect(rig.left()).toEqual(nothing)
  })

  it('end one that falls silent after its first output', async () => {
    const provider = createScriptedProvider('one', [[half, 'silence']])
    const rig = rigOf(provider, { firstTokenMs: 10_000, idleMs: 30 })
    await rig.attempt.begin()
    const error = await failureOf(restOf(rig.attempt))
    expect(error).toMatchObject({ reason: 'UPSTREAM_BROKEN', message: 'one sent nothing for 0.03 s' })
    expect(rig.attempt.record().outcome).toBe(Outcome.BROKEN)
    expect([provider.aborted(), provider.released()]).toEqual([1, 1])
    expect(rig.left()).toEqual(nothing)
  })
})

describe('a reader', () => {
  it('may be slower than the limit on silence', async () => {
    const rig = rigOf(createScriptedProvider('one', [saying('a', 'b')]), { firstTokenMs: 10_000, idleMs: 20 })
    const held = await rig.attempt.begin()
    await wait(60)
    const deltas = [...held]
    for await (const batch of rig.attempt.rest()) {
      deltas.push(...batch)
      await wait(60)
    }
    expect(deltas.map(delta => delta.type)).toEqual(['text', 'text', 'finish'])
    expect(rig.attempt.record().outcome).toBe(Outcome.SUCCEEDED)
    expect(rig.left()).toEqual(nothing)
  })
})

// What of an attempt counts from the moment in which its request goes out, and what an attempt is that never came so far.
import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { FinishReason } from '#gen/exai/v1/chat_pb'
import { RouteAttempt_Outcome as Outcome } from '#gen/exai/v1/route_pb'
import type { Delta, Deltas } from '../../../src/core/delta.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import type { AttemptInput, Provider } from '../../../src/core/provider.ts'
import type { AttemptLimits } from '../../../src/routing/attempt-silences.ts'
import { failureOf, nothing, restOf, rigOf, watchTimers } from '../../support/attempt-rig.ts'
import { createScriptedProvider, type Step, saying } from '../../support/scripted-provider.ts'

const half: Step = [{ type: 'text', text: 'half' }]
const finish: readonly Delta[] = [{ type: 'finish', reason: FinishReason.STOP }]
const left = new GatewayError('CANCELLED', 'the client left')
const counts = {
  inputTokens: 9,
  cachedInputTokens: 0,
  cacheWriteTokens: 0,
  outputTokens: 2,
  reasoningTokens: 0,
}

watchTimers()

/** An attempt that has to wait for something of ours before it may ask. */
function rigOfWaiting(script: readonly Step[], limits?: AttemptLimits) {
  let go = (): void => undefined
  const ready = new Promise<void>(resolve => {
    go = resolve
  })
  const provider = createScriptedProvider('one', [script])
  const waiting: Provider = {
    ...provider,
    async *open(input) {
      const ended = new Promise<void>(resolve => {
        input.signal.addEventListener('abort', () => resolve(), { once: true })
      })
      await Promise.race([ready, ended])
      input.signal.throwIfAborted()
      yield* provider.open(input)
    },
  }
  return { ...rigOf(waiting, limits), provider, go }
}

/** A provider that does what a test writes down, with the attempt in its hands. */
const doing = (open: (input: AttemptInput) => Deltas): Provider => ({
  ...createScriptedProvider('one', []),
  open,
})

describe('the limit on the first token', () => {
  it('does not run while the attempt waits for something of ours', async () => {
    const rig = rigOfWaiting(saying('late'), { firstTokenMs: 20, idleMs: 10_000 })
    const begun = rig.attempt.begin()
    await wait(60)
    rig.go()
    expect(await begun).toEqual([{ type: 'text', text: 'late' }])
    await restOf(rig.attempt)
    expect(rig.attempt.record().outcome).toBe(Outcome.SUCCEEDED)
    expect(rig.left()).toEqual(nothing)
  })

  it('runs from the moment in which the request goes out', async () => {
    const rig = rigOfWaiting(['silence'], { firstTokenMs: 30, idleMs: 10_000 })
    rig.go()
    const error = await failureOf(rig.attempt.begin())
    expect(error).toMatchObject({
      reason: 'UPSTREAM_UNAVAILABLE',
      message: 'one sent no first token for 0.03 s',
    })
    expect(error.details.against).toBeUndefined()
    expect(rig.left()).toEqual(nothing)
  })

  it('is not put off by a second request for the same answer', async () => {
    const rig = rigOf(
      doing(async function* ({ sent, signal }) {
        for (;;) {
          sent?.()
          await wait(5, undefined, { signal })
          yield [{ type: 'meta', responseId: 'up-1' }]
        }
      }),
      { firstTokenMs: 40, idleMs: 10_000 },
    )
    expect((await failureOf(rig.attempt.begin())).message).toBe('one sent no first token for 0.04 s')
    expect(rig.left()).toEqual(nothing)
  })
})

describe('the times of an attempt', () => {
  it('to the first token is from sending, and the whole is from its start', async () => {
    const rig = rigOf(
      doing(async function* ({ sent }) {
        rig.pass(1_000)
        sent?.()
        rig.pass(200)
        sent?.()
        rig.pass(50)
        yield [{ type: 'text', text: 'a' }]
        rig.pass(500)
        yield finish
      }),
    )
    expect(rig.attempt.sentMs()).toBeUndefined()
    await rig.attempt.begin()
    await restOf(rig.attempt)
    const { firstTokenMs, sentMs, durationMs, startedAtMs, record } = rig.attempt
    expect([firstTokenMs(), sentMs(), durationMs(), startedAtMs]).toEqual([250, 750, 1_750, 1_000])
    expect(record().timeToFirstToken).toEqual({ seconds: 0n, nanos: 250_000_000 })
  })

  it('count from its start when the adapter answers without telling when it asked', async () => {
    const rig = rigOf(
      doing(async function* () {
        rig.pass(300)
        yield [{ type: 'text', text: 'a' }]
      }),
    )
    await rig.attempt.begin()
    expect([rig.attempt.firstTokenMs(), rig.attempt.sentMs()]).toEqual([300, 300])
    expect(rig.attempt.mayBeBilled()).toBe(true)
    await rig.attempt.cancel(left)
  })

  it('leave the pauses of a slow reader out of the time of the answer', async () => {
    const rig = rigOf(
      doing(async function* () {
        rig.pass(100)
        for (const text of ['a', 'b', 'c']) {
          yield [{ type: 'text', text }]
          rig.pass(10)
        }
        yield finish
      }),
    )
    await rig.attempt.begin()
    for await (const _ of rig.attempt.rest()) rig.pass(5_000)
    expect(rig.attempt.streamMs()).toBe(30)
    expect(rig.attempt.firstTokenMs()).toBe(100)
  })
})

describe('an attempt that ends before its request goes out', () => {
  it('counts against nobody when it fails, and is not billed', async () => {
    const rig = rigOf(
      doing(() => {
        throw new GatewayError('UPSTREAM_UNAVAILABLE', 'the media host is down')
      }),
    )
    const error = await failureOf(rig.attempt.begin())
    expect(error).toMatchObject({ reason: 'UPSTREAM_UNAVAILABLE', details: { against: 'nobody' } })
    expect(rig.attempt.record().outcome).toBe(Outcome.FAILED)
    expect([rig.attempt.mayBeBilled(), rig.attempt.sentMs()]).toEqual([false, undefined])
  })

  it('counts against whom the adapter says', async () => {
    const rig = rigOf(
      doing(() => {
        throw new GatewayError('UPSTREAM_CREDENTIALS', 'no', { against: 'key' })
      }),
    )
    expect((await failureOf(rig.attempt.begin())).details.against).toBe('key')
  })

  it('is not billed when its call ends meanwhile', async () => {
    const rig = rigOfWaiting(saying('a'))
    const failing = failureOf(rig.attempt.begin())
    rig.calling.abort(left)
    expect((await failing).reason).toBe('CANCELLED')
    expect(rig.provider.asked).toHaveLength(0)
    expect(rig.attempt.record().outcome).toBe(Outcome.CANCELLED)
    expect(rig.attempt.mayBeBilled()).toBe(false)
    expect(rig.left()).toEqual(nothing)
  })

  it('stays so when the adapter says too late that it asks', async () => {
    const rig = rigOf(
      doing(async function* ({ sent, signal }) {
        rig.calling.abort(left)
        sent?.()
        yield* []
        signal.throwIfAborted()
      }),
    )
    await failureOf(rig.attempt.begin())
    expect(rig.attempt.mayBeBilled()).toBe(false)
    expect(rig.left()).toEqual(nothing)
  })
})

describe('an attempt that was sent', () => {
  it.each<[string, readonly Step[], boolean]>([
    ['and answered', saying('a'), true],
    ['and broke after some output', [half], true],
    ['and broke before any', [], true],
    ['and was refused', [new GatewayError('UPSTREAM_LIMITED', 'slow')], false],
    ['to somebody who was not there', [new GatewayError('UPSTREAM_UNAVAILABLE', 'down')], false],
    [
      'and failed after it told what it used',
      [[{ type: 'usage', counts }], new GatewayError('UPSTREAM_UNAVAILABLE', 'down')],
      true,
    ],
  ])('%s may be billed: %3$s', async (_, script, expected) => {
    const rig = rigOf(createScriptedProvider('one', [script]))
    await rig.attempt
      .begin()
      .then(() => restOf(rig.attempt))
      .catch(() => undefined)
    expect(rig.attempt.mayBeBilled()).toBe(expected)
  })

  it('may be billed while it runs and when it is cancelled', async () => {
    const rig = rigOf(createScriptedProvider('one', [['silence']]))
    expect(rig.attempt.mayBeBilled()).toBe(false)
    const failing = failureOf(rig.attempt.begin())
    expect(rig.attempt.mayBeBilled()).toBe(true)
    await rig.attempt.cancel(left)
    await failing
    expect(rig.attempt.mayBeBilled()).toBe(true)
  })
})

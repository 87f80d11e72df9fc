// Which failures an idempotency key keeps, and which free it for another try.
import { describe, expect, it } from 'vitest'
import { GatewayError, type Reason } from '../../../src/core/errors.ts'
import { ask } from '../../support/request.ts'
import { createRecordedRig, readOn } from '../../support/scripted-completion.ts'
import { createTestCall } from '../../support/test-call.ts'

const keyed = () => ask('hi', { idempotencyKey: 'once' })

describe('a failure', () => {
  const cases: readonly (readonly [Reason, boolean])[] = [
    ['UPSTREAM_UNAVAILABLE', true],
    ['UPSTREAM_LIMITED', true],
    ['SHUTTING_DOWN', true],
    ['OVERLOADED', true],
    ['BUDGET_SPENT', true],
    ['CANCELLED', true],
    ['UPSTREAM_BROKEN', false],
    ['NO_CANDIDATE', false],
    ['CONTENT_REFUSED', false],
    ['MODEL_NOT_FOUND', false],
    ['CONTEXT_TOO_LONG', false],
    ['INTERNAL', false],
  ]

  it.each(cases)('with %s frees the key: %s', async (reason, isFree) => {
    using rig = createRecordedRig()
    const asking = rig.complete(createTestCall().call, keyed())
    const run = await rig.scripted.run(0)
    run.fail(new GatewayError(reason, 'it went wrong', { provider: 'one', retryDelayMs: 7 }))
    const wanted = { reason, message: 'it went wrong', details: { provider: 'one', retryDelayMs: 7 } }
    await expect(asking).rejects.toMatchObject(wanted)
    const again = rig.complete(createTestCall().call, keyed())
    if (!isFree) {
      await expect(again).rejects.toMatchObject(wanted)
      expect(rig.scripted.runs).toHaveLength(1)
      return
    }
    const second = await rig.scripted.run(1)
    second.start()
    second.complete()
    expect(await again).toMatchObject({ id: second.responseId })
  })

  it('in the middle of a stream is replayed with the events before it', async () => {
    using rig = createRecordedRig()
    const first = readOn(rig.stream(createTestCall().call, keyed()))
    const run = await rig.scripted.run(0)
    run.start()
    run.say('half')
    run.fail(
      new GatewayError('UPSTREAM_BROKEN', 'one broke off its answer', { model: 'm', origin: 'gateway' }),
    )
    const error = await first.ended
    const second = readOn(rig.stream(createTestCall().call, keyed()))
    expect(await second.ended).toMatchObject({
      reason: 'UPSTREAM_BROKEN',
      message: error?.message,
      origin: 'gateway',
    })
    expect(second.events).toEqual(first.events)
  })

  it('shows its cause to the log of the process where it happened, and to no recording', async () => {
    using rig = createRecordedRig()
    const cause = new Error('a bug')
    const { call, detached } = createTestCall()
    const asking = rig.complete(call, keyed())
    const run = await rig.scripted.run(0)
    run.fail(new GatewayError('INTERNAL', 'internal error', { cause }))
    await expect(asking).rejects.toMatchObject({ cause })
    expect(detached[0]?.closed()?.failure?.cause).toBe(cause)
    const again = rig.complete(createTestCall().call, keyed())
    await expect(again).rejects.toSatisfy((error: Error) => error.cause === undefined)
  })
})

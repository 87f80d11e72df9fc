// What CancelStream promises: it ends a running stream for all of its readers, once, and tells who did it.
import { describe, expect, it } from 'vitest'
import { GatewayError } from '../../../src/core/errors.ts'
import { ask } from '../../support/request.ts'
import { createRecordedRig, type RecordedRig, readOn } from '../../support/scripted-completion.ts'
import { createTestCall } from '../../support/test-call.ts'

const resumable = (over: { idempotencyKey?: string } = {}) =>
  ask('hi', { resumeWindow: { seconds: 60n, nanos: 0 }, ...over })

async function running(rig: RecordedRig, request = resumable()) {
  const first = createTestCall()
  const seen = readOn(rig.stream(first.call, request))
  const run = await rig.scripted.run(0)
  run.start()
  run.say('half')
  await seen.says('half')
  const cancel = (tenant?: string) => rig.cancel(createTestCall(tenant).call, { responseId: run.responseId })
  return { first, seen, run, cancel }
}

describe('CancelStream', () => {
  it('ends a running stream for its readers, and is answered when it is settled', async () => {
    using rig = createRecordedRig()
    const { first, seen, run, cancel } = await running(rig)
    const back = readOn(rig.resume(createTestCall().call, { responseId: run.responseId, afterSequence: 1 }))
    expect(await cancel()).toEqual({ cancelled: true })
    expect(run.isOver()).toBe(true)
    for (const reader of [seen, back]) expect(await reader.ended).toMatchObject({ reason: 'CANCELLED' })
    expect([first.facts().outputTokens, first.detached[0]?.closed()?.failure?.reason]).toEqual([
      4,
      'CANCELLED',
    ])
  })

  it('ends one that nobody reads any more', async () => {
    using rig = createRecordedRig()
    const { first, seen, run, cancel } = await running(rig)
    first.end(new GatewayError('CANCELLED', 'the client left'))
    await seen.ended
    expect(await cancel()).toEqual({ cancelled: true })
    expect(run.isOver()).toBe(true)
  })

  it('says of an ended stream that it had ended already', async () => {
    using rig = createRecordedRig()
    const { seen, run, cancel } = await running(rig)
    run.complete()
    await seen.ended
    expect(await cancel()).toEqual({ cancelled: false })
  })

  it('called twice at once says true to one alone, and later false', async () => {
    using rig = createRecordedRig()
    const { cancel } = await running(rig)
    const both = await Promise.all([cancel(), cancel(), cancel()])
    expect(both.filter(({ cancelled }) => cancelled)).toHaveLength(1)
    expect(await cancel()).toEqual({ cancelled: false })
  })

  it('says false when the stream came to its end before it could be cancelled', async () => {
    using rig = createRecordedRig()
    const { seen, run, cancel } = await running(rig)
    run.complete()
    // The last event is on its way, and the run does not look at its signal any more.
    const cancelled = cancel()
    expect(await seen.ended).toBeUndefined()
    expect(await cancelled).toEqual({ cancelled: false })
  })

  it('leaves what was said to be read within the window, with CANCELLED at its end', async () => {
    using rig = createRecordedRig()
    const { run, cancel } = await running(rig)
    await cancel()
    const back = readOn(rig.resume(createTestCall().call, { responseId: run.responseId, afterSequence: 0 }))
    expect(await back.ended).toMatchObject({
      reason: 'CANCELLED',
      message: expect.stringContaining('CancelStream'),
    })
    expect(back.text()).toBe('half')
  })

  it('frees the idempotency key', async () => {
    using rig = createRecordedRig()
    const request = resumable({ idempotencyKey: 'once' })
    const { cancel } = await running(rig, request)
    await cancel()
    const again = readOn(rig.stream(createTestCall().call, request))
    const second = await rig.scripted.run(1)
    second.start()
    second.complete()
    expect(await again.ended).toBeUndefined()
  })

  it("does not find another tenant's stream, which goes on", async () => {
    using rig = createRecordedRig()
    const { run, cancel } = await running(rig)
    await expect(cancel('somebody-else')).rejects.toMatchObject({ reason: 'STREAM_NOT_FOUND' })
    expect(run.call.signal.aborted).toBe(false)
  })

  it('does not find a stream that was not asked to be resumable', async () => {
    using rig = createRecordedRig()
    const seen = readOn(rig.stream(createTestCall().call, ask('hi')))
    const run = await rig.scripted.run(0)
    run.start()
    const cancelling = rig.cancel(createTestCall().call, { responseId: run.responseId })
    await expect(cancelling).rejects.toMatchObject({ reason: 'STREAM_NOT_FOUND' })
    run.complete()
    expect(await seen.ended).toBeUndefined()
  })
})

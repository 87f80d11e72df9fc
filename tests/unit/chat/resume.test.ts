// What a resume window promises: whoever left comes back to the same stream, which went on and was paid once.
import { create } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { StreamEventSchema } from '#gen/exai/v1/chat_service_pb'
import { Warning_Reason } from '#gen/exai/v1/warning_pb'
import type { EventInit } from '../../../src/chat/events.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import { newId } from '../../../src/core/ids.ts'
import { createHandClock } from '../../support/hand-clock.ts'
import { ask } from '../../support/request.ts'
import { createRecordedRig, type RecordedRig, readOn, until } from '../../support/scripted-completion.ts'
import { createTestCall } from '../../support/test-call.ts'

const resumable = (seconds = 60n) => ask('hi', { resumeWindow: { seconds } })
const left = new GatewayError('CANCELLED', 'the client left')

/** A running stream that has said so much. */
async function running(rig: RecordedRig, request = resumable(), texts = ['a', 'b', 'c']) {
  const first = createTestCall()
  const seen = readOn(rig.stream(first.call, request))
  const run = await rig.scripted.run(0)
  run.start()
  for (const text of texts) run.say(text)
  await seen.says(texts.join(''))
  const resume = (afterSequence: number, tenant?: string) => {
    const { call, end } = createTestCall(tenant)
    return {
      ...readOn(rig.resume(call, { responseId: run.responseId, afterSequence })),
      leave: () => end(left),
    }
  }
  return { first, seen, run, resume }
}

const sequences = (events: readonly EventInit[]) => events.map(({ sequence }) => sequence)

describe('a stream with a resume window', () => {
  it('goes on when its client leaves, and gives the rest to who resumes it while it runs', async () => {
    using rig = createRecordedRig()
    const { first, seen, run, resume } = await running(rig)
    first.end(left)
    expect(await seen.ended).toBe(left)
    run.say('d')
    expect(run.call.signal.aborted).toBe(false)
    const back = resume(3)
    await back.says('cd')
    run.say('e')
    run.complete()
    expect(await back.ended).toBeUndefined()
    expect(sequences(back.events)).toEqual([4, 5, 6, 7])
    expect(back.text()).toBe('cde')
    expect(rig.scripted.runs).toHaveLength(1)
    expect(first.detached.map(({ closed }) => closed())).toEqual([{ failure: undefined }])
  })

  it('is given again after its end, from any number on, and is not said to be replayed', async () => {
    using rig = createRecordedRig()
    const { seen, run, resume } = await running(rig)
    run.complete()
    await seen.ended
    for (let after = 0; after <= 5; after += 1) {
      const back = resume(after)
      expect(await back.ended).toBeUndefined()
      expect(back.events).toEqual(seen.events.slice(after))
    }
    expect(create(StreamEventSchema, seen.events.at(-1)).event).toMatchObject({
      case: 'completed',
      value: { response: { replayed: false } },
    })
  })

  it('gives its events to several readers at once, who may come and go', async () => {
    using rig = createRecordedRig()
    const { seen, run, resume } = await running(rig)
    const others = [resume(0), resume(2), resume(4)]
    await others[0]?.says('abc')
    others[2]?.leave()
    expect(await others[2]?.ended).toBe(left)
    run.say('d')
    run.complete()
    expect(await Promise.all([seen.ended, others[0]?.ended, others[1]?.ended])).toEqual([
      undefined,
      undefined,
      undefined,
    ])
    expect(others.map(other => other.text())).toEqual(['abcd', 'bcd', ''])
  })

  it('fails for who resumes it as it did for its client', async () => {
    using rig = createRecordedRig()
    const { seen, run, resume } = await running(rig)
    run.fail(new GatewayError('UPSTREAM_BROKEN', 'one broke off', { provider: 'one' }))
    expect(await seen.ended).toMatchObject({ reason: 'UPSTREAM_BROKEN' })
    for (const after of [0, 4]) {
      const back = resume(after)
      expect(await back.ended).toMatchObject({ reason: 'UPSTREAM_BROKEN', details: { provider: 'one' } })
      expect(sequences(back.events)).toEqual([1, 2, 3, 4].slice(after))
    }
  })

  it('keeps no heartbeat, and makes one for each reader in its own silence', async () => {
    using rig = createRecordedRig({ heartbeatMs: 15 })
    const { run, resume } = await running(rig)
    run.beat()
    const back = resume(4)
    await until(() => back.events.length >= 2)
    expect(back.events[0]?.sequence ?? 0).toBe(0)
    expect(back.events[0]?.event?.case).toBe('heartbeat')
    run.complete()
    await back.ended
    expect(back.events.at(-1)?.sequence).toBe(5)
    const all = resume(0)
    await all.ended
    expect(sequences(all.events)).toEqual([1, 2, 3, 4, 5])
  })

  it('is not slowed by a reader that does not read', async () => {
    using rig = createRecordedRig()
    const stream = rig.stream(createTestCall().call, resumable())
    const first = stream.next()
    const run = await rig.scripted.run(0)
    run.start()
    await first
    for (let index = 0; index < 1000; index += 1) run.say('x')
    run.complete()
    await until(run.isOver)
    expect(readOn(stream).ended).toBeDefined()
    const rest = readOn(rig.resume(createTestCall().call, { responseId: run.responseId, afterSequence: 1 }))
    await rest.ended
    expect(rest.text()).toBe('x'.repeat(1000))
  })

  it('settles through a call of its own: what is noted reaches it, and not who resumes', async () => {
    using rig = createRecordedRig()
    const { first, seen, run } = await running(rig)
    const back = createTestCall()
    const resumed = readOn(rig.resume(back.call, { responseId: run.responseId, afterSequence: 4 }))
    run.complete()
    await Promise.all([seen.ended, resumed.ended])
    expect(first.facts()).toMatchObject({ responseId: run.responseId, outputTokens: 3 })
    expect(back.facts()).toEqual({ responseId: run.responseId })
    expect(run.call.deadlineAtMs).toBe(first.call.deadlineAtMs)
  })
})

describe('the window', () => {
  it('ends a running stream when nobody has come back within it', async () => {
    using rig = createRecordedRig()
    const { first, run, resume } = await running(rig, ask('hi', { resumeWindow: { nanos: 40_000_000 } }))
    first.end(left)
    await until(() => run.call.signal.aborted)
    expect(run.call.signal.reason).toMatchObject({ reason: 'CANCELLED' })
    await until(run.isOver)
    await until(() => first.detached[0]?.closed() !== undefined)
    expect(first.detached[0]?.closed()?.failure).toMatchObject({ reason: 'CANCELLED' })
    expect(await resume(0).ended).toMatchObject({ reason: 'STREAM_NOT_FOUND' })
  })

  it('stands still while somebody reads, and begins anew when the last one leaves', async () => {
    using rig = createRecordedRig()
    const { first, run, resume } = await running(rig, ask('hi', { resumeWindow: { nanos: 50_000_000 } }))
    const back = resume(0)
    await back.says('abc')
    first.end(left)
    await new Promise(resolve => setTimeout(resolve, 80))
    expect(run.call.signal.aborted).toBe(false)
    back.leave()
    await until(() => run.call.signal.aborted)
  })

  it('counts from the end of a stream that has ended', async () => {
    const clock = createHandClock()
    using rig = createRecordedRig({ clock })
    const { seen, run, resume } = await running(rig, resumable(5n))
    clock.pass(60_000)
    run.complete()
    await seen.ended
    clock.pass(4_999)
    expect(await resume(0).ended).toBeUndefined()
    clock.pass(2)
    expect(await resume(0).ended).toMatchObject({ reason: 'STREAM_NOT_FOUND' })
  })

  it('of nothing lets a call with a key be resumed only while it runs', async () => {
    using rig = createRecordedRig()
    const { seen, run, resume } = await running(rig, ask('hi', { idempotencyKey: 'k' }))
    const back = resume(0)
    await back.says('abc')
    run.complete()
    await Promise.all([seen.ended, back.ended])
    expect(await resume(0).ended).toMatchObject({ reason: 'STREAM_NOT_FOUND' })
  })

  it('above 10 minutes is clamped with a warning after started and in the answer', async () => {
    const clock = createHandClock()
    using rig = createRecordedRig({ clock })
    const { seen, run, resume } = await running(rig, resumable(601n))
    run.complete()
    await seen.ended
    const [started, warning, text] = seen.events.map(event => create(StreamEventSchema, event))
    expect(sequences(seen.events)).toEqual([1, 2, 3, 4, 5, 6])
    expect([started?.event.case, text?.event.case]).toEqual(['started', 'textDelta'])
    const wanted = { reason: Warning_Reason.CLAMPED, field: 'resume_window', message: /^600 s/ }
    expect(warning?.event).toMatchObject({
      case: 'warning',
      value: { ...wanted, message: expect.stringMatching(wanted.message) },
    })
    expect(create(StreamEventSchema, seen.events.at(-1)).event).toMatchObject({
      case: 'completed',
      value: { response: { warnings: [{ field: 'resume_window' }] } },
    })
    clock.pass(599_999)
    expect(await resume(0).ended).toBeUndefined()
    clock.pass(2)
    expect(await resume(0).ended).toMatchObject({ reason: 'STREAM_NOT_FOUND' })
  })
})

describe('ResumeStream', () => {
  it('refuses a negative number, and one above the last of an ended stream', async () => {
    using rig = createRecordedRig()
    const { seen, run, resume } = await running(rig)
    expect(await resume(-1).ended).toMatchObject({
      reason: 'INVALID_REQUEST',
      message: expect.stringMatching(/^after_sequence /),
    })
    run.complete()
    await seen.ended
    expect(await resume(6).ended).toMatchObject({ reason: 'INVALID_REQUEST' })
    expect(await resume(5).ended).toBeUndefined()
  })

  it('waits on a running stream for what comes after a number that is not there yet', async () => {
    using rig = createRecordedRig()
    const { run, resume } = await running(rig)
    const [back, beyond] = [resume(5), resume(99)]
    run.say('d')
    run.say('e')
    run.complete()
    expect(await back.ended).toBeUndefined()
    expect([back.text(), sequences(back.events)]).toEqual(['e', [6, 7]])
    expect(await beyond.ended).toMatchObject({ reason: 'INVALID_REQUEST' })
    expect(beyond.events).toEqual([])
  })

  it.each([
    ['an id that cannot exist', () => 'resp_1'],
    ['an id of another kind', () => newId('conv', Date.now())],
    ['no id', () => ''],
    ['an id that nobody made', () => newId('resp', Date.now())],
    ['an id without end', () => 'x'.repeat(100_000)],
  ])('finds no stream for %s', async (_, id) => {
    using rig = createRecordedRig()
    const error = await readOn(rig.resume(createTestCall().call, { responseId: id(), afterSequence: 0 }))
      .ended
    expect(error?.reason).toBe('STREAM_NOT_FOUND')
    expect(error?.message.length).toBeLessThan(200)
    await expect(rig.cancel(createTestCall().call, { responseId: id() })).rejects.toMatchObject({
      reason: 'STREAM_NOT_FOUND',
    })
  })

  it("finds no stream of another tenant's", async () => {
    using rig = createRecordedRig()
    const { resume } = await running(rig)
    expect(await resume(0, 'somebody-else').ended).toMatchObject({ reason: 'STREAM_NOT_FOUND' })
  })
})

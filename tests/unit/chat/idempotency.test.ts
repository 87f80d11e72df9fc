// What an idempotency key promises: one answer, made once and paid once, for everybody who asks the same with it.
import { create } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import {
  type CompleteResponse,
  CompleteResponseSchema,
  StreamEventSchema,
} from '#gen/exai/v1/chat_service_pb'
import type { EventInit } from '../../../src/chat/events.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import { createHandClock } from '../../support/hand-clock.ts'
import { ask } from '../../support/request.ts'
import { createRecordedRig, readOn, until } from '../../support/scripted-completion.ts'
import { createTestCall } from '../../support/test-call.ts'

const KEY = 'once'
const keyed = (text = 'hi', more: Parameters<typeof ask>[1] = {}) =>
  ask(text, { idempotencyKey: KEY, ...more })

function completedOf(events: readonly EventInit[]): CompleteResponse | undefined {
  const last = create(StreamEventSchema, events.at(-1)).event
  return last.case === 'completed' ? last.value.response : undefined
}

const left = new GatewayError('CANCELLED', 'the client left')

describe('a second call with the same key and request', () => {
  it('joins a running one: it gets every event from the first on, and nothing is asked twice', async () => {
    using rig = createRecordedRig()
    const first = readOn(rig.stream(createTestCall().call, keyed()))
    const run = await rig.scripted.run(0)
    run.start()
    run.say('Hel')
    await first.says('Hel')
    const second = readOn(rig.stream(createTestCall().call, keyed()))
    await second.says('Hel')
    run.say('lo')
    run.complete()
    expect([await first.ended, await second.ended]).toEqual([undefined, undefined])
    expect(second.events).toEqual(first.events)
    expect(second.events.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4])
    expect(completedOf(second.events)?.replayed).toBe(false)
    expect(rig.scripted.runs).toHaveLength(1)
  })

  it('gets the recorded answer of an ended one, marked as replayed, without asking anybody', async () => {
    using rig = createRecordedRig()
    const first = readOn(rig.stream(createTestCall().call, keyed()))
    const run = await rig.scripted.run(0)
    run.start()
    run.say('Hello')
    run.complete()
    await first.ended
    const { call, facts, detached } = createTestCall()
    const second = readOn(rig.stream(call, keyed()))
    expect(await second.ended).toBeUndefined()
    expect(second.text()).toBe('Hello')
    expect(completedOf(second.events)).toEqual({ ...completedOf(first.events), replayed: true })
    expect(completedOf(first.events)?.replayed).toBe(false)
    expect(rig.scripted.runs).toHaveLength(1)
    // Free: nothing runs for it, and its log line tells of no tokens.
    expect([detached, facts()]).toEqual([
      [],
      { isReplayed: true, responseId: run.responseId, provider: 'one', model: 'one-model' },
    ])
  })

  it.each([
    ['Complete', 'StreamComplete'],
    ['StreamComplete', 'Complete'],
    ['Complete', 'Complete'],
  ])('is the same request as %s and then %s', async (firstMethod, secondMethod) => {
    using rig = createRecordedRig()
    const whole = async (method: string): Promise<CompleteResponse | undefined> => {
      const { call } = createTestCall()
      if (method === 'Complete') return create(CompleteResponseSchema, await rig.complete(call, keyed()))
      const seen = readOn(rig.stream(call, keyed()))
      expect(await seen.ended).toBeUndefined()
      expect(seen.text()).toBe('Hello')
      return completedOf(seen.events)
    }
    const asking = whole(firstMethod)
    const run = await rig.scripted.run(0)
    run.start()
    run.say('Hello')
    run.complete()
    const [one, other] = [await asking, await whole(secondMethod)]
    expect([one?.id, other?.id]).toEqual([run.responseId, run.responseId])
    expect([one?.replayed, other?.replayed]).toEqual([false, true])
    expect(rig.scripted.runs).toHaveLength(1)
  })

  it('is one with another key, another tenant, or after 24 hours', async () => {
    const clock = createHandClock()
    using rig = createRecordedRig({ clock })
    const answer = async (tenant: string, key: string): Promise<void> => {
      const index = rig.scripted.runs.length
      const asking = rig.complete(createTestCall(tenant).call, keyed('hi', { idempotencyKey: key }))
      const run = await rig.scripted.run(index)
      run.start()
      run.complete()
      await asking
    }
    await answer('a', KEY)
    await answer('a', 'other')
    await answer('b', KEY)
    // Tenant and key must not run into one another.
    await answer('a:b', 'c')
    await answer('a', 'b:c')
    clock.pass(24 * 60 * 60 * 1000 - 1)
    await rig.complete(createTestCall('a').call, keyed())
    clock.pass(2)
    await answer('a', KEY)
    expect(rig.scripted.runs).toHaveLength(6)
  })

  it('asked a hundred times at once is one call', async () => {
    using rig = createRecordedRig()
    const asking = Promise.all(
      Array.from({ length: 100 }, () => rig.complete(createTestCall().call, keyed())),
    )
    const run = await rig.scripted.run(0)
    run.start()
    run.say('once')
    run.complete()
    expect(new Set((await asking).map(({ id }) => id))).toEqual(new Set([run.responseId]))
    expect(rig.scripted.runs).toHaveLength(1)
  })
})

describe('the same key', () => {
  it.each([
    ['another text', keyed('ho')],
    ['a field more', keyed('hi', { temperature: 0 })],
    ['another model', keyed('hi', { model: 'two-model' })],
  ])('with %s is refused with IDEMPOTENCY_MISMATCH, running or ended', async (_, request) => {
    using rig = createRecordedRig()
    const asking = rig.complete(createTestCall().call, keyed())
    const run = await rig.scripted.run(0)
    const mismatch = { reason: 'IDEMPOTENCY_MISMATCH' }
    await expect(rig.complete(createTestCall().call, request)).rejects.toMatchObject(mismatch)
    run.start()
    run.complete()
    await asking
    expect(await readOn(rig.stream(createTestCall().call, request)).ended).toMatchObject(mismatch)
    expect(rig.scripted.runs).toHaveLength(1)
  })

  it('with another resume window is the same request', async () => {
    using rig = createRecordedRig()
    const asking = rig.complete(createTestCall().call, keyed())
    const run = await rig.scripted.run(0)
    run.start()
    run.complete()
    await asking
    const again = await rig.complete(createTestCall().call, keyed('hi', { resumeWindow: { seconds: 5n } }))
    expect(again.replayed).toBe(true)
  })
})

describe('leaving a call with a key', () => {
  it('as its second reader does not end it', async () => {
    using rig = createRecordedRig()
    const first = readOn(rig.stream(createTestCall().call, keyed()))
    const run = await rig.scripted.run(0)
    run.start()
    const joining = createTestCall()
    const second = readOn(rig.stream(joining.call, keyed()))
    await until(() => second.events.length === 1)
    joining.end(left)
    expect(await second.ended).toMatchObject({ reason: 'CANCELLED' })
    run.say('on')
    run.complete()
    expect(await first.ended).toBeUndefined()
    expect(first.text()).toBe('on')
  })

  it('as its first reader does not end it while another one reads', async () => {
    using rig = createRecordedRig()
    const { call, end, detached } = createTestCall()
    const first = readOn(rig.stream(call, keyed()))
    const run = await rig.scripted.run(0)
    run.start()
    const second = readOn(rig.stream(createTestCall().call, keyed()))
    await until(() => second.events.length === 1)
    end(left)
    expect(await first.ended).toMatchObject({ reason: 'CANCELLED' })
    expect(run.call.signal.aborted).toBe(false)
    run.say('on')
    run.complete()
    expect(await second.ended).toBeUndefined()
    expect(second.text()).toBe('on')
    expect(detached.map(({ closed }) => closed())).toEqual([{ failure: undefined }])
  })

  it('as its last reader ends it before the reader is done, and frees the key at once', async () => {
    using rig = createRecordedRig()
    const { call, end, facts } = createTestCall()
    const first = readOn(rig.stream(call, keyed()))
    const run = await rig.scripted.run(0)
    run.start()
    run.say('half')
    await first.says('half')
    end(left)
    await until(() => run.call.signal.aborted)
    // Asked while the first one is still being settled.
    expect(run.isOver()).toBe(false)
    const again = rig.complete(createTestCall().call, keyed())
    expect(await first.ended).toMatchObject({ reason: 'CANCELLED' })
    expect([run.isOver(), facts().responseId]).toEqual([true, run.responseId])
    const second = await rig.scripted.run(1)
    second.start()
    second.complete()
    expect(await again).toMatchObject({ id: second.responseId, replayed: false })
  })

  it('by closing the stream without an error ends it, too', async () => {
    using rig = createRecordedRig()
    const stream = rig.stream(createTestCall().call, keyed())
    const next = stream.next()
    const run = await rig.scripted.run(0)
    run.start()
    await next
    await stream.return(undefined)
    expect(run.call.signal.reason).toMatchObject({ reason: 'CANCELLED' })
    expect(run.isOver()).toBe(true)
  })

  it('because its deadline passed ends it with that, which is kept', async () => {
    using rig = createRecordedRig()
    const { call, end } = createTestCall()
    const asking = rig.complete(call, keyed())
    const run = await rig.scripted.run(0)
    end(new GatewayError('DEADLINE_EXCEEDED', 'too late'))
    await expect(asking).rejects.toMatchObject({ reason: 'DEADLINE_EXCEEDED' })
    expect(run.call.signal.reason).toMatchObject({ reason: 'DEADLINE_EXCEEDED' })
    const again = rig.complete(createTestCall().call, keyed())
    await expect(again).rejects.toMatchObject({ reason: 'DEADLINE_EXCEEDED' })
    expect(rig.scripted.runs).toHaveLength(1)
  })
})

// Idempotency keys and streams after the process that ran their calls has died: the marks on disk know what became of them.
import { describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../../src/core/clock.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import type { Marks } from '../../../src/core/marks.ts'
import type { Journal } from '../../../src/core/settlement.ts'
import { ask } from '../../support/request.ts'
import {
  createRecordedRig,
  type RecordedRigOptions,
  readOn,
  until,
} from '../../support/scripted-completion.ts'
import { openSqliteRig } from '../../support/store-rig.ts'
import { createTestCall } from '../../support/test-call.ts'

type Rig = ReturnType<typeof createRecordedRig>

const keyed = ask('hi', { idempotencyKey: 'once' })
const window = { seconds: 60n, nanos: 0 }

/** Processes on one store, each with a memory of its own: one after the other when the first one is left to itself. */
async function machine(around: (marks: Marks) => Marks = marks => marks) {
  const store = await openSqliteRig({ clock: systemClock })
  onTestFinished(() => store.close())
  return (over: RecordedRigOptions = {}): Rig => {
    const { marks, journal } = store.ports()
    const rig = createRecordedRig({ marks: around(marks), journal, ...over })
    onTestFinished(rig.close)
    return rig
  }
}

const complete = (rig: Rig, request = keyed) => rig.complete(createTestCall().call, request)

async function answered(rig: Rig, request = keyed) {
  const first = readOn(rig.stream(createTestCall().call, request))
  const run = await rig.scripted.run(0)
  run.start()
  run.say('half')
  run.say(' and half')
  run.complete()
  expect(await first.ended).toBeUndefined()
  return { first, run }
}

async function begun(rig: Rig, request = keyed) {
  const answer = complete(rig, request)
  answer.catch(() => undefined)
  const run = await rig.scripted.run(0)
  return { answer, run }
}

describe('a key after a restart', () => {
  it('gives the recorded answer when its call had ended, event by event, and asks nobody', async () => {
    const start = await machine()
    const { first, run } = await answered(start())
    const two = start()
    expect(await complete(two)).toMatchObject({
      id: run.responseId,
      replayed: true,
      message: { content: [{ kind: { case: 'text', value: 'half and half' } }] },
    })
    const again = readOn(two.stream(createTestCall().call, keyed))
    expect(await again.ended).toBeUndefined()
    expect(again.events.map(({ sequence, event }) => [sequence, event?.case])).toEqual(
      first.events.map(({ sequence, event }) => [sequence, event?.case]),
    )
    expect(two.scripted.runs).toHaveLength(0)
  })

  it('is OUTCOME_UNKNOWN when its process died within the call, and nobody is asked again', async () => {
    const start = await machine()
    await begun(start())
    const two = start()
    for (let times = 0; times < 2; times += 1)
      await expect(complete(two)).rejects.toMatchObject({ reason: 'OUTCOME_UNKNOWN', code: 'ABORTED' })
    expect(two.scripted.runs).toHaveLength(0)
  })

  it('stands for its request only, ended or not', async () => {
    const start = await machine()
    await answered(start())
    const mismatch = { reason: 'IDEMPOTENCY_MISMATCH' }
    await expect(complete(start(), ask('else', { idempotencyKey: 'once' }))).rejects.toMatchObject(mismatch)
    await begun(start(), ask('hi', { idempotencyKey: 'other' }))
    await expect(complete(start(), ask('else', { idempotencyKey: 'other' }))).rejects.toMatchObject(mismatch)
  })

  it.each(['UPSTREAM_UNAVAILABLE', 'OVERLOADED', 'CANCELLED'] as const)('is free after %s', async reason => {
    const start = await machine()
    const { answer, run } = await begun(start())
    run.fail(new GatewayError(reason, 'no'))
    await expect(answer).rejects.toMatchObject({ reason })
    const two = start()
    const again = complete(two)
    const second = await two.scripted.run(0)
    second.start()
    second.complete()
    expect(await again).toMatchObject({ id: second.responseId, replayed: false })
  })

  it('gives the recorded failure when that was the end', async () => {
    const start = await machine()
    const { answer, run } = await begun(start())
    run.start()
    run.fail(new GatewayError('UPSTREAM_BROKEN', 'the answer broke', { provider: 'one' }))
    await expect(answer).rejects.toMatchObject({ reason: 'UPSTREAM_BROKEN' })
    const two = start()
    await expect(complete(two)).rejects.toMatchObject({
      reason: 'UPSTREAM_BROKEN',
      message: 'the answer broke',
      details: { provider: 'one' },
    })
    expect(two.scripted.runs).toHaveLength(0)
  })
})

describe('a stream after a restart', () => {
  it('is resumed from any event when it had ended within its resume_window', async () => {
    const start = await machine()
    const { first, run } = await answered(start(), ask('hi', { resumeWindow: window }))
    const two = start()
    for (const afterSequence of [0, 1, 2, 3]) {
      const back = readOn(two.resume(createTestCall().call, { responseId: run.responseId, afterSequence }))
      expect(await back.ended).toBeUndefined()
      expect(back.events.map(({ sequence }) => sequence)).toEqual(
        first.events.slice(afterSequence).map(({ sequence }) => sequence),
      )
    }
    await expect(
      readOn(two.resume(createTestCall('other').call, { responseId: run.responseId, afterSequence: 0 }))
        .ended,
    ).resolves.toMatchObject({ reason: 'STREAM_NOT_FOUND' })
  })

  it('is STREAM_LOST when its process died, and there is nothing to cancel', async () => {
    const start = await machine()
    const { run } = await begun(start(), ask('hi', { resumeWindow: window }))
    const two = start()
    const { responseId } = run
    const back = readOn(two.resume(createTestCall().call, { responseId, afterSequence: 2 }))
    expect(await back.ended).toMatchObject({ reason: 'STREAM_LOST', code: 'ABORTED' })
    expect(await two.cancel(createTestCall().call, { responseId })).toEqual({ cancelled: false })
    expect(two.scripted.runs).toHaveLength(0)
  })

  it('is not found when it had no resume_window', async () => {
    const start = await machine()
    const { run } = await answered(start())
    const asked = { responseId: run.responseId, afterSequence: 0 }
    const back = readOn(start().resume(createTestCall().call, asked))
    expect(await back.ended).toMatchObject({ reason: 'STREAM_NOT_FOUND' })
  })
})

describe('a mark', () => {
  it('is set once by callers that come at the same time, and they get one answer', async () => {
    const start = await machine()
    const rig = start()
    const answers = Promise.all(Array.from({ length: 5 }, () => complete(rig)))
    const run = await rig.scripted.run(0)
    run.start()
    run.complete()
    expect(new Set((await answers).map(({ id }) => id))).toEqual(new Set([run.responseId]))
    expect(rig.scripted.runs).toHaveLength(1)
  })

  it('that was read while its call ran, and is looked at after its end, is read again', async () => {
    const late = Promise.withResolvers<void>()
    let waiting = 0
    const start = await machine(marks => ({
      ...marks,
      async begin(mark) {
        const before = await marks.begin(mark)
        if (before?.state === 'running') {
          waiting += 1
          await late.promise
        }
        return before
      },
    }))
    const rig = start()
    const answers = Promise.all([complete(rig), complete(rig), complete(rig)])
    const run = await rig.scripted.run(0)
    await until(() => waiting === 2)
    run.start()
    run.complete()
    await until(async () => (await complete(rig)).replayed === true)
    late.resolve()
    expect((await answers).map(({ id }) => id)).toEqual(Array(3).fill(run.responseId))
    expect(rig.scripted.runs).toHaveLength(1)
  })

  it('of a call that is being cancelled makes the next one wait, not join', async () => {
    const start = await machine()
    const rig = start()
    const first = createTestCall()
    const cancelled = rig.complete(first.call, keyed)
    cancelled.catch(() => undefined)
    const run = await rig.scripted.run(0)
    first.end(new GatewayError('CANCELLED', 'the client left'))
    await until(() => run.call.signal.aborted)
    expect(run.isOver()).toBe(false)
    const again = complete(rig)
    const second = await rig.scripted.run(1)
    expect(run.isOver()).toBe(true)
    second.start()
    second.complete()
    expect(await again).toMatchObject({ id: second.responseId })
    await expect(cancelled).rejects.toMatchObject({ reason: 'CANCELLED' })
  })

  it('that cannot be set refuses the call, and nobody is asked', async () => {
    const start = await machine()
    const full = async (): Promise<never> => {
      throw new GatewayError('STORAGE_FULL', 'the disk is full')
    }
    const rig = start({ marks: { ...unusedMarks, begin: full } })
    await expect(complete(rig)).rejects.toMatchObject({ reason: 'STORAGE_FULL' })
    await expect(complete(rig)).rejects.toMatchObject({ reason: 'STORAGE_FULL' })
    expect(rig.scripted.runs).toHaveLength(0)
  })

  it('is freed when its call could not be settled', async () => {
    const start = await machine()
    const journal: Journal = {
      commit: async () => {
        throw new GatewayError('STORAGE_FULL', 'the disk is full')
      },
    }
    const { answer, run } = await begun(start({ journal }))
    run.start()
    run.complete()
    await expect(answer).rejects.toMatchObject({ reason: 'STORAGE_FULL' })
    const two = start()
    complete(two).catch(() => undefined)
    await two.scripted.run(0)
  })

  it('brings back an answer that the memory had no room for', async () => {
    const start = await machine()
    const rig = start({ limits: { keptBytesMax: 1_500 } })
    const { run } = await answered(rig)
    const other = complete(rig, ask('hi', { idempotencyKey: 'other' }))
    const second = await rig.scripted.run(1)
    second.start()
    second.say('so much that there is room for one answer only '.repeat(10))
    second.complete()
    await other
    expect(await complete(rig)).toMatchObject({ id: run.responseId, replayed: true })
    expect(rig.scripted.runs).toHaveLength(2)
  })

  it('of an answer too long to be recorded whole says that it is not kept', async () => {
    const start = await machine()
    const { answer, run } = await begun(start({ limits: { bytesMax: 1 } }))
    run.start()
    run.say('long')
    run.say(' and longer')
    run.complete()
    await until(run.isOver)
    await answer.catch(() => undefined)
    await expect(complete(start())).rejects.toMatchObject({
      reason: 'OUTCOME_UNKNOWN',
      message: expect.stringMatching(/not kept any more/),
    })
  })
})

const unusedMarks: Marks = {
  begin: async () => undefined,
  byKey: async () => undefined,
  byResponse: async () => undefined,
  free: async () => undefined,
  expire: async () => 0,
}

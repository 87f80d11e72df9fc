// Recordings across processes that share their state: joining, resuming and cancelling there, and the death of one.
import { describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../../src/core/clock.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import type { Shared } from '../../../src/core/shared.ts'
import { createProcessShared } from '../../../src/stores/process/shared.ts'
import { createHandClock } from '../../support/hand-clock.ts'
import { ask } from '../../support/request.ts'
import { createRecordedRig, readOn, until } from '../../support/scripted-completion.ts'
import { createTestCall } from '../../support/test-call.ts'

const ALIVE_MS = 60
const left = new GatewayError('CANCELLED', 'the client left')
const request = (over: { idempotencyKey?: string } = {}) =>
  ask('hi', { resumeWindow: { seconds: 60n, nanos: 0 }, ...over })

/** A way into shared state that can be cut: nothing that is written gets there any more. */
function cuttable(shared: Shared): { readonly shared: Shared; readonly cut: () => void } {
  let isCut = false
  const unless = <A extends unknown[], T>(write: (...args: A) => Promise<T>, lost: T) => {
    return (...args: A): Promise<T> => (isCut ? Promise.resolve(lost) : write(...args))
  }
  return {
    shared: {
      ...shared,
      set: unless(shared.set, undefined),
      claim: unless(shared.claim, undefined),
      swap: unless(shared.swap, false),
      remove: unless(shared.remove, undefined),
      append: unless(shared.append, 0),
      trim: unless(shared.trim, undefined),
      publish: unless(shared.publish, undefined),
    },
    cut: () => {
      isCut = true
    },
  }
}

/** Two processes on one state; `die` takes the first one out of it. */
function twoProcesses() {
  const clock = createHandClock()
  const state = createProcessShared({ clock, onFault: () => undefined })
  const { shared, cut } = cuttable(state)
  const limits = { aliveMs: ALIVE_MS }
  const one = createRecordedRig({ shared, clock, limits })
  const two = createRecordedRig({ shared: state, clock, limits })
  onTestFinished(() => {
    one.close()
    two.close()
  })
  const die = (): void => {
    cut()
    clock.pass(ALIVE_MS + 1)
  }
  return { one, two, die, clock }
}

async function running(rig: ReturnType<typeof twoProcesses>['one'], asked = request()) {
  const first = createTestCall()
  const seen = readOn(rig.stream(first.call, asked))
  const run = await rig.scripted.run(0)
  run.start()
  run.say('half')
  await seen.says('half')
  return { first, seen, run }
}

const resume = (rig: ReturnType<typeof twoProcesses>['one'], responseId: string, afterSequence = 0) => {
  const { call, end } = createTestCall()
  return { ...readOn(rig.resume(call, { responseId, afterSequence })), leave: () => end(left) }
}

describe('another process', () => {
  it('gives a running stream to who resumes it there', async () => {
    const { one, two } = twoProcesses()
    const { first, run } = await running(one)
    first.end(left)
    const back = resume(two, run.responseId, 1)
    await back.says('half')
    run.say(' and half')
    run.complete()
    expect(await back.ended).toBeUndefined()
    expect(back.text()).toBe('half and half')
    expect(two.scripted.runs).toHaveLength(0)
  })

  it('joins a retry to the call that runs elsewhere, and replays it when it has ended', async () => {
    const { one, two } = twoProcesses()
    const keyed = ask('hi', { idempotencyKey: 'once' })
    const { seen, run } = await running(one, keyed)
    const joined = two.complete(createTestCall().call, keyed)
    run.complete()
    expect(await seen.ended).toBeUndefined()
    expect(await joined).toMatchObject({ id: run.responseId, replayed: false })
    expect(await two.complete(createTestCall().call, keyed)).toMatchObject({ replayed: true })
    expect(two.scripted.runs).toHaveLength(0)
  })

  it('keeps a call running while it has a reader, and not longer', async () => {
    const { one, two } = twoProcesses()
    const keyed = ask('hi', { idempotencyKey: 'once' })
    const { first, run } = await running(one, keyed)
    const back = resume(two, run.responseId)
    await back.says('half')
    first.end(left)
    run.say(' and half')
    await back.says('half and half')
    expect(run.call.signal.aborted).toBe(false)
    back.leave()
    await until(() => run.call.signal.aborted)
  })

  it('frees a key that the process of a failed call could not free', async () => {
    const shared = createProcessShared({ clock: systemClock, onFault: () => undefined })
    using one = createRecordedRig({ shared: { ...shared, swap: async () => false } })
    using two = createRecordedRig({ shared })
    const keyed = ask('hi', { idempotencyKey: 'once' })
    const failed = one.complete(createTestCall().call, keyed)
    const run = await one.scripted.run(0)
    run.fail(new GatewayError('UPSTREAM_UNAVAILABLE', 'nobody is there'))
    await expect(failed).rejects.toMatchObject({ reason: 'UPSTREAM_UNAVAILABLE' })
    const again = two.complete(createTestCall().call, keyed)
    const second = await two.scripted.run(0)
    second.start()
    second.complete()
    expect(await again).toMatchObject({ id: second.responseId })
  })

  it('cancels a stream that runs elsewhere', async () => {
    const { one, two } = twoProcesses()
    const { seen, run } = await running(one)
    const { responseId } = run
    expect(await two.cancel(createTestCall().call, { responseId })).toEqual({ cancelled: true })
    expect(await seen.ended).toMatchObject({ reason: 'CANCELLED' })
    expect(await two.cancel(createTestCall().call, { responseId })).toEqual({ cancelled: false })
  })

  it('that dies while it reads does not keep the call running', async () => {
    const { one, two, die } = twoProcesses()
    // Here it is the second one that runs the call.
    const { first, run } = await running(two, ask('hi', { idempotencyKey: 'once' }))
    const back = resume(one, run.responseId)
    await back.says('half')
    first.end(left)
    await new Promise(resolve => setTimeout(resolve, ALIVE_MS))
    expect(run.call.signal.aborted).toBe(false)
    die()
    await until(() => run.call.signal.aborted)
  })
})

describe('the death of the process that ran it', () => {
  it('gives who resumes a stream its kept events, and then STREAM_LOST', async () => {
    const { one, two, die } = twoProcesses()
    const { run } = await running(one)
    die()
    const back = resume(two, run.responseId)
    expect(await back.ended).toMatchObject({ reason: 'STREAM_LOST', code: 'ABORTED' })
    expect(back.text()).toBe('half')
    const last = resume(two, run.responseId, 2)
    expect(await last.ended).toMatchObject({ reason: 'STREAM_LOST' })
    expect(last.events).toEqual([])
    expect(two.scripted.runs).toHaveLength(0)
  })

  it('is told to who was reading already, soon after it', async () => {
    const { one, two, die } = twoProcesses()
    const { run } = await running(one)
    const back = resume(two, run.responseId)
    await back.says('half')
    die()
    expect(await back.ended).toMatchObject({ reason: 'STREAM_LOST' })
    expect(back.text()).toBe('half')
  })

  it('gives a retry OUTCOME_UNKNOWN, joined before or sent after, and nothing is run again', async () => {
    const { one, two, die } = twoProcesses()
    const keyed = ask('hi', { idempotencyKey: 'once' })
    await running(one, keyed)
    const joined = two.complete(createTestCall().call, keyed)
    const unknown = { reason: 'OUTCOME_UNKNOWN', code: 'ABORTED' }
    const refused = expect(joined).rejects.toMatchObject(unknown)
    await new Promise(resolve => setImmediate(resolve))
    die()
    await refused
    await expect(two.complete(createTestCall().call, keyed)).rejects.toMatchObject(unknown)
    expect(await readOn(two.stream(createTestCall().call, keyed)).ended).toMatchObject(unknown)
    expect(two.scripted.runs).toHaveLength(0)
  })

  it('leaves nothing that CancelStream could end', async () => {
    const { one, two, die } = twoProcesses()
    const { run } = await running(one)
    die()
    const { responseId } = run
    expect(await two.cancel(createTestCall().call, { responseId })).toEqual({ cancelled: false })
  })

  it('is no death as long as it shows that it is alive', async () => {
    const { one, two, clock } = twoProcesses()
    const { run } = await running(one)
    const back = resume(two, run.responseId)
    for (let life = 0; life < 4; life += 1) {
      clock.pass(ALIVE_MS - 1)
      // Long enough for a sign of life in real time.
      await new Promise(resolve => setTimeout(resolve, ALIVE_MS / 2))
    }
    run.complete()
    expect(await back.ended).toBeUndefined()
  })

  it('after the ending was kept changes nothing', async () => {
    const { one, two, die } = twoProcesses()
    const { seen, run } = await running(one)
    run.complete()
    await seen.ended
    die()
    const back = resume(two, run.responseId)
    expect(await back.ended).toBeUndefined()
    expect(back.text()).toBe('half')
  })
})

// What happens to a key and a recording when several things happen at once: nothing is asked twice, and nothing is half.
import { describe, expect, it } from 'vitest'
import { createRecordedCompletion } from '../../../src/chat/recorded.ts'
import { systemClock } from '../../../src/core/clock.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import type { Settlement } from '../../../src/core/settlement.ts'
import { createProcessShared } from '../../../src/stores/process/shared.ts'
import { createCompletionRig } from '../../support/completion-rig.ts'
import { ask } from '../../support/request.ts'
import { createRecordedRig, readOn, until } from '../../support/scripted-completion.ts'
import { createScriptedProvider, saying } from '../../support/scripted-provider.ts'
import { createTestCall } from '../../support/test-call.ts'

const left = new GatewayError('CANCELLED', 'the client left')
const down = new GatewayError('UPSTREAM_UNAVAILABLE', 'nobody answers')
const keyed = (idempotencyKey: string) => ask('x', { idempotencyKey })

describe('a key that was freed', () => {
  it('again and again leaves the others as they were', async () => {
    using rig = createRecordedRig({ limits: { keysMax: 5 } })
    for (let round = 0; round < 6; round += 1) {
      const failing = readOn(rig.stream(createTestCall().call, keyed('a')))
      const run = await rig.scripted.run(round)
      run.fail(down)
      await failing.ended
    }
    const first = readOn(rig.stream(createTestCall().call, keyed('b')))
    const run = await rig.scripted.run(6)
    run.start()
    run.say('hi')
    run.complete()
    await first.ended
    const again = readOn(rig.stream(createTestCall().call, keyed('b')))
    await again.ended
    expect(again.text()).toBe('hi')
    expect(rig.scripted.runs).toHaveLength(7)
  })

  it('takes no place from one that was answered', async () => {
    using rig = createRecordedRig({ limits: { keysMax: 5 } })
    const first = readOn(rig.stream(createTestCall().call, keyed('answered')))
    const run = await rig.scripted.run(0)
    run.start()
    run.say('hi')
    run.complete()
    await first.ended
    for (let round = 1; round < 7; round += 1) {
      const failing = readOn(rig.stream(createTestCall().call, keyed(`failed ${round}`)))
      const failed = await rig.scripted.run(round)
      failed.fail(down)
      await failing.ended
    }
    const again = readOn(rig.stream(createTestCall().call, keyed('answered')))
    await again.ended
    expect(again.text()).toBe('hi')
    expect(rig.scripted.runs).toHaveLength(7)
  })
})

describe('an answer that is being settled', () => {
  it.each(['leaves', 'cancels'])('keeps its key when its client %s', async how => {
    const committing = Promise.withResolvers<void>()
    const settled: Settlement[] = []
    const journal = {
      async commit(settlement: Settlement) {
        settled.push(settlement)
        if (settled.length === 1) await committing.promise
      },
    }
    const provider = createScriptedProvider('one', [saying('Hello')])
    const rig = createCompletionRig([provider], { journal })
    const shared = createProcessShared({ clock: systemClock, onFault: () => undefined })
    const faults: unknown[] = []
    const recorded = createRecordedCompletion({
      completion: rig,
      shared,
      clock: systemClock,
      heartbeatMs: 10_000,
      onFault: fault => faults.push(fault),
    })
    const { call, end } = createTestCall()
    const first = readOn(recorded.stream(call, keyed('k')))
    await until(() => settled.length === 1 && first.text() === 'Hello')
    const started = first.events[0]?.event
    const responseId = started?.case === 'started' ? (started.value.responseId ?? '') : ''
    const cancelling = how === 'cancels' ? recorded.cancel(createTestCall().call, { responseId }) : undefined
    if (how === 'leaves') end(left)
    // Whoever asks again meets a call of which only the end tells how it went.
    const again = readOn(recorded.stream(createTestCall().call, keyed('k')))
    committing.resolve()
    await first.ended
    await cancelling
    await again.ended
    expect(again.text()).toBe('Hello')
    expect(provider.asked).toHaveLength(1)
    expect(settled.map(({ outcome }) => outcome.type)).toEqual(['completed'])
    expect(faults).toEqual([])
    await recorded.close()
    await shared.close()
  })
})

describe('somebody who joins in the moment in which the first one leaves', () => {
  it.each(['before', 'after'])('%s that gets an answer, not the end of the other', async order => {
    for (let ticks = 0; ticks < 20; ticks += 1) {
      using rig = createRecordedRig()
      const { call, end } = createTestCall()
      const first = readOn(rig.stream(call, keyed('k')))
      const run = await rig.scripted.run(0)
      run.start()
      run.say('Hel')
      await first.says('Hel')
      const wait = async (): Promise<void> => {
        for (let tick = 0; tick < ticks; tick += 1) await undefined
      }
      if (order === 'after') end(left)
      if (order === 'after') await wait()
      const second = readOn(rig.stream(createTestCall().call, keyed('k')))
      if (order === 'before') await wait()
      if (order === 'before') end(left)
      // Either it goes on with the first run, or a new one is made for it.
      await until(() => rig.scripted.runs.length > 1 || second.text() === 'Hel')
      const last = rig.scripted.runs.at(-1)
      if (rig.scripted.runs.length > 1) last?.start()
      last?.say('lo')
      last?.complete()
      expect((await second.ended)?.reason).toBeUndefined()
      await first.ended
    }
  })
})

describe('a recording that was pushed out while it was made', () => {
  it('is never read as a shorter answer', async () => {
    const shared = createProcessShared({ clock: systemClock, onFault: () => undefined, bytesMax: 40_000 })
    using rig = createRecordedRig({ shared })
    const { call, end } = createTestCall()
    const first = readOn(rig.stream(call, ask('x', { resumeWindow: { seconds: 60n, nanos: 0 } })))
    const run = await rig.scripted.run(0)
    run.start()
    run.say('Hel')
    await first.says('Hel')
    end(left)
    await first.ended
    await shared.set('something:large', new Uint8Array(39_000), 86_400_000)
    await shared.remove('something:large')
    run.say('lo')
    run.complete()
    await until(() => run.isOver())
    const resumed = readOn(
      rig.resume(createTestCall().call, { responseId: run.responseId, afterSequence: 0 }),
    )
    expect(await resumed.ended).toMatchObject({ reason: 'STREAM_NOT_FOUND' })
    expect(resumed.text()).toBe('')
  })
})

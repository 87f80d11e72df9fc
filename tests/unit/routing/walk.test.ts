// The way of a call along its candidates: who is asked after whom, and what the circuits learn from it.
import { describe, expect, it } from 'vitest'
import { RouteAttempt_Outcome as Outcome, RouteSkip_Reason as Skip } from '#gen/exai/v1/route_pb'
import { GatewayError } from '../../../src/core/errors.ts'
import { failureOf } from '../../support/attempt-rig.ts'
import { eventually } from '../../support/eventually.ts'
import { createHandClock } from '../../support/hand-clock.ts'
import { createScriptedProvider, type ScriptedProvider, saying } from '../../support/scripted-provider.ts'
import { candidateOf, createWalkDeps, walkOf } from '../../support/walk-rig.ts'

const down = new GatewayError('UPSTREAM_UNAVAILABLE', 'one answered 500', { upstreamStatus: 500 })
const refusedConnection = new GatewayError('UPSTREAM_UNAVAILABLE', 'no connection', { isUntaken: true })
const tooLong = new GatewayError('CONTEXT_TOO_LONG', 'too long for it')
const refusedContent = new GatewayError('CONTENT_REFUSED', 'it will not say that')

describe('a walk', () => {
  it('asks the next candidate when one is down, and keeps what became of both', async () => {
    const [one, two] = [
      createScriptedProvider('one', [[down]]),
      createScriptedProvider('two', [saying('Hi')]),
    ]
    const { walk, outcomes } = walkOf([candidateOf(one), candidateOf(two)])
    const { attempt, first } = await walk.begin()
    expect(attempt.candidate.provider.id).toBe('two')
    expect(first).toEqual([{ type: 'text', text: 'Hi' }])
    for await (const _ of attempt.rest());
    expect(outcomes()).toEqual([Outcome.FAILED, Outcome.SUCCEEDED])
    expect([one.released(), two.released()]).toEqual([1, 1])
    expect(walk.attempts.map(({ cause }) => cause)).toEqual(['first', 'fallback'])
  })

  it('fails with the last failure when nobody is left, and tells the shortest wait of all', async () => {
    const limited = (ms: number): GatewayError =>
      new GatewayError('UPSTREAM_LIMITED', 'slow down', { retryDelayMs: ms, keyBackMs: 0 })
    const providers = [60_000, 90_000].map((ms, index) =>
      createScriptedProvider(`p${index}`, [[limited(ms)]]),
    )
    const { walk } = walkOf(providers.map(provider => candidateOf(provider)))
    const failure = await failureOf(walk.begin())
    expect(failure).toMatchObject({
      reason: 'UPSTREAM_LIMITED',
      details: { provider: 'p1', retryDelayMs: 60_000 },
    })
  })

  it('asks the only candidate once more when it is certain that the request was not taken up', async () => {
    const one = createScriptedProvider('one', [[refusedConnection], saying('Hi')])
    const { walk, outcomes } = walkOf([candidateOf(one)])
    await walk.begin()
    expect(outcomes()[0]).toBe(Outcome.FAILED)
    expect(one.asked).toHaveLength(2)
    expect(walk.attempts.map(({ cause }) => cause)).toEqual(['first', 'retry'])
  })

  it('never asks anybody twice who may have taken the request up', async () => {
    const one = createScriptedProvider('one', [[down], saying('Hi')])
    const { walk } = walkOf([candidateOf(one)])
    expect(await failureOf(walk.begin())).toMatchObject({ reason: 'UPSTREAM_UNAVAILABLE' })
    expect(one.asked).toHaveLength(1)
  })

  it('does not retry when the share for retries is used up', async () => {
    const one = createScriptedProvider('one', [[refusedConnection], saying('Hi')])
    const { walk } = walkOf(
      [candidateOf(one)],
      {},
      { budget: { attempted: () => undefined, take: () => false } },
    )
    expect(await failureOf(walk.begin())).toMatchObject({ reason: 'UPSTREAM_UNAVAILABLE' })
    expect(one.asked).toHaveLength(1)
  })

  it('stops waiting for a retry when the call ends', async () => {
    const one = createScriptedProvider('one', [[refusedConnection], saying('Hi')])
    const { walk, ending } = walkOf([candidateOf(one)], {}, { random: () => 0.999 })
    const failing = failureOf(walk.begin())
    await eventually(() => expect(one.released()).toBe(1))
    ending.abort(new GatewayError('CANCELLED', 'the client left'))
    expect(await failing).toMatchObject({ reason: 'CANCELLED' })
    expect(one.asked).toHaveLength(1)
  })

  it('goes on from a context that is too small to larger ones only', async () => {
    const [small, same, large] = ['small', 'same', 'large'].map(id =>
      createScriptedProvider(id, [id === 'large' ? saying('Hi') : [tooLong]]),
    ) as [ScriptedProvider, ScriptedProvider, ScriptedProvider]
    const { walk } = walkOf([candidateOf(small, 1_000), candidateOf(same, 1_000), candidateOf(large, 2_000)])
    expect((await walk.begin()).attempt.candidate.provider.id).toBe('large')
    expect(same.asked).toHaveLength(0)
  })

  it('says that the context is too long when nobody has a larger one', async () => {
    const [one, two] = [
      createScriptedProvider('one', [[tooLong]]),
      createScriptedProvider('two', [saying('Hi')]),
    ]
    const { walk } = walkOf([candidateOf(one, 2_000), candidateOf(two, 1_000)])
    expect(await failureOf(walk.begin())).toMatchObject({ reason: 'CONTEXT_TOO_LONG' })
    expect(two.asked).toHaveLength(0)
  })

  it('takes refused content to somebody else only for callers who named others', async () => {
    for (const mayChangeMind of [false, true]) {
      const [one, two] = [
        createScriptedProvider('one', [[refusedContent]]),
        createScriptedProvider('two', [saying('Hi')]),
      ]
      const { walk } = walkOf([candidateOf(one), candidateOf(two)], { mayChangeMind })
      const end = await walk.begin().then(
        ({ attempt }) => attempt.candidate.provider.id,
        (error: GatewayError) => error.reason,
      )
      expect(end).toBe(mayChangeMind ? 'two' : 'CONTENT_REFUSED')
    }
  })

  it('asks nobody once the call is over', async () => {
    const one = createScriptedProvider('one', [saying('Hi')])
    const { walk, ending } = walkOf([candidateOf(one)])
    ending.abort(new GatewayError('DEADLINE_EXCEEDED', 'too late'))
    expect(await failureOf(walk.begin())).toMatchObject({ reason: 'DEADLINE_EXCEEDED' })
    expect([one.asked.length, walk.attempts.length]).toEqual([0, 0])
  })
})

describe('the circuits of a walk', () => {
  it('open after ten failures, and from then on the next candidate is asked at once', async () => {
    const [one, two] = [
      createScriptedProvider('one', [[down]]),
      createScriptedProvider('two', [saying('Hi')]),
    ]
    const candidates = [candidateOf(one), candidateOf(two)]
    const { circuits, ...deps } = createWalkDeps()
    for (let call = 0; call < 12; call += 1) {
      const { walk } = walkOf(candidates, {}, { circuits, ...deps })
      const { attempt } = await walk.begin()
      for await (const _ of attempt.rest());
      // The circuit judges on its own time.
      await new Promise(resolve => setImmediate(resolve))
      if (call < 10) continue
      expect(walk.skipped()).toEqual([
        {
          provider: 'one',
          model: 'one-model',
          reason: Skip.CIRCUIT_OPEN,
          message: 'its circuit is open: 10 of 10 calls failed',
        },
      ])
    }
    expect(one.asked).toHaveLength(10)
    circuits.close()
  })

  it('of the only candidate answer for it while they are open, and say when to come back', async () => {
    const clock = createHandClock()
    const one = createScriptedProvider('one', [saying('Hi')])
    const { walk, circuits } = walkOf([candidateOf(one)], {}, { clock })
    circuits.set('one', 'one-model', 'open', { reason: 'maintenance', holdMs: 5_000 })
    expect(await failureOf(walk.begin())).toMatchObject({
      reason: 'UPSTREAM_UNAVAILABLE',
      details: { provider: 'one', model: 'one-model', retryDelayMs: 5_000 },
    })
    expect(one.asked).toHaveLength(0)
    circuits.close()
  })

  it('count an answer that broke, though it had begun well', async () => {
    const broken = [[{ type: 'text', text: 'Hel' }] as const]
    const one = createScriptedProvider('one', [broken])
    const deps = createWalkDeps()
    const { walk } = walkOf([candidateOf(one)], {}, deps)
    const { attempt } = await walk.begin()
    await failureOf(attempt.rest().next())
    await eventually(() =>
      expect(deps.circuits.states()[0]).toMatchObject({ callCount: 2, failureRatio: 0.5 }),
    )
    deps.circuits.close()
  })

  it('learn nothing from a call that was cancelled', async () => {
    const one = createScriptedProvider('one', [['silence']])
    const { walk, ending, circuits } = walkOf([candidateOf(one)])
    const failing = failureOf(walk.begin())
    ending.abort(new GatewayError('CANCELLED', 'the client left'))
    await failing
    await new Promise(resolve => setImmediate(resolve))
    expect(circuits.states()).toEqual([])
  })
})

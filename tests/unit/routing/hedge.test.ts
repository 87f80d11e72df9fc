// A second candidate beside a slow first one: asked late, at most within the share for retries, and one of them always ends.
import { create } from '@bufbuild/protobuf'
import type { Duration } from '@bufbuild/protobuf/wkt'
import { describe, expect, it } from 'vitest'
import { RouteAttempt_Outcome as Outcome, RouteAttemptSchema } from '#gen/exai/v1/route_pb'
import { GatewayError } from '../../../src/core/errors.ts'
import { millisecondsOf } from '../../../src/core/time.ts'
import type { Live } from '../../../src/routing/live.ts'
import { failureOf } from '../../support/attempt-rig.ts'
import { eventually } from '../../support/eventually.ts'
import { createScriptedProvider, type Step, saying } from '../../support/scripted-provider.ts'
import { candidateOf, createWalkDeps, walkOf } from '../../support/walk-rig.ts'

const down = new GatewayError('UPSTREAM_UNAVAILABLE', 'it answered 500', { upstreamStatus: 500 })

/** A memory in which every model usually begins within so many milliseconds. */
function beginningWithin(ms: number | undefined): Live {
  return { ...createWalkDeps().live, firstTokenQuantile: () => ms }
}

function race(one: readonly Step[], two: readonly Step[], usualMs: number | 'unknown' = 5) {
  const providers = [createScriptedProvider('one', [one]), createScriptedProvider('two', [two])]
  const rig = walkOf(
    providers.map(provider => candidateOf(provider)),
    { mayHedge: true },
    { live: beginningWithin(usualMs === 'unknown' ? undefined : usualMs) },
  )
  return { ...rig, providers, asked: () => providers.map(provider => provider.asked.length) }
}

const msOf = (duration: Duration | undefined) =>
  duration === undefined ? Number.NaN : millisecondsOf(duration)

describe('a hedge', () => {
  it('asks the next candidate when the first one is slower than it usually is, and cancels the first one', async () => {
    const { walk, providers, outcomes, leases } = race(['silence'], saying('Hi'))
    const { attempt } = await walk.begin()
    expect(attempt.candidate.provider.id).toBe('two')
    for await (const _ of attempt.rest());
    await eventually(() => expect(providers.map(provider => provider.released())).toEqual([1, 1]))
    expect(outcomes()).toEqual([Outcome.CANCELLED, Outcome.SUCCEEDED])
    expect(walk.attempts.map(({ cause }) => cause)).toEqual(['first', 'hedge'])
    const [first, second] = walk.attempts.map(one => create(RouteAttemptSchema, one.record()))
    const firstEndMs = msOf(first?.startOffsetDuration) + msOf(first?.duration)
    expect(msOf(second?.startOffsetDuration) - msOf(first?.startOffsetDuration)).toBeGreaterThan(4)
    expect(msOf(second?.startOffsetDuration)).toBeLessThan(firstEndMs)
    expect(leases.running()).toEqual([])
  })

  it('asks nobody else when the first one begins in time', async () => {
    const { walk, asked } = race(saying('Hi'), saying('Ho'), 1_000)
    expect((await walk.begin()).attempt.candidate.provider.id).toBe('one')
    expect(asked()).toEqual([1, 0])
  })

  it('is not begun for a model of which too little is known, nor for callers who did not ask for it', async () => {
    const unknown = race(['silence'], saying('Ho'), 'unknown')
    const failing = failureOf(unknown.walk.begin())
    await new Promise(resolve => setTimeout(resolve, 30))
    expect(unknown.asked()).toEqual([1, 0])
    unknown.ending.abort(new GatewayError('CANCELLED', 'the client left'))
    await failing

    const one = createScriptedProvider('one', [['silence']])
    const two = createScriptedProvider('two', [saying('Ho')])
    const plain = walkOf([candidateOf(one), candidateOf(two)], {}, { live: beginningWithin(5) })
    const alone = failureOf(plain.walk.begin())
    await new Promise(resolve => setTimeout(resolve, 30))
    expect(two.asked).toHaveLength(0)
    plain.ending.abort(new GatewayError('CANCELLED', 'the client left'))
    await alone
  })

  it('is not begun when the share for retries is used up', async () => {
    const one = createScriptedProvider('one', [['silence']])
    const two = createScriptedProvider('two', [saying('Ho')])
    const { walk, ending } = walkOf(
      [candidateOf(one), candidateOf(two)],
      { mayHedge: true },
      { live: beginningWithin(5), budget: { attempted: () => undefined, take: () => false } },
    )
    const failing = failureOf(walk.begin())
    await new Promise(resolve => setTimeout(resolve, 30))
    expect(two.asked).toHaveLength(0)
    ending.abort(new GatewayError('CANCELLED', 'the client left'))
    await failing
  })

  it('leaves the answer to the first one when the second one fails', async () => {
    let begin = (): void => undefined
    const late = new Promise<void>(resolve => {
      begin = resolve
    })
    const one = createScriptedProvider('one', [saying('Hi')])
    const slow = {
      ...one,
      async *open(input: Parameters<typeof one.open>[0]) {
        await late
        yield* one.open(input)
      },
    }
    const two = createScriptedProvider('two', [[down]])
    const { walk } = walkOf(
      [candidateOf(slow), candidateOf(two)],
      { mayHedge: true },
      { live: beginningWithin(5) },
    )
    const begun = walk.begin()
    await eventually(() => expect(two.released()).toBe(1))
    begin()
    expect((await begun).attempt.candidate.provider.id).toBe('one')
  })

  it('leaves the answer to the first one when it cannot be seen whether the second one may be asked', async () => {
    const late = Promise.withResolvers<void>()
    const one = createScriptedProvider('one', [saying('Hi')])
    const slow = {
      ...one,
      async *open(input: Parameters<typeof one.open>[0]) {
        await late.promise
        yield* one.open(input)
      },
    }
    const two = createScriptedProvider('two', [saying('Ho')])
    const candidates = [candidateOf(slow), candidateOf(two)]
    const { walk, leases } = walkOf(
      candidates,
      {
        mayHedge: true,
        reserve(candidate) {
          if (candidate === candidates[0]) return undefined
          late.resolve()
          return Promise.reject(new GatewayError('INTERNAL', 'what was spent cannot be read'))
        },
      },
      { live: beginningWithin(5) },
    )
    const { attempt } = await walk.begin()
    expect([attempt.candidate.provider.id, two.asked.length]).toEqual(['one', 0])
    for await (const _ of attempt.rest());
    expect(leases.running()).toEqual([])
  })

  it('fails when both fail, and goes on to whoever is left', async () => {
    const providers = ['one', 'two', 'three'].map(id =>
      createScriptedProvider(id, [id === 'three' ? saying('Hi') : id === 'one' ? ['silence'] : [down]]),
    )
    const { walk, outcomes } = walkOf(
      providers.map(provider => candidateOf(provider)),
      { mayHedge: true },
      { live: beginningWithin(5), limits: { firstTokenMs: 40, idleMs: 1_000 } },
    )
    expect((await walk.begin()).attempt.candidate.provider.id).toBe('three')
    expect(outcomes().slice(0, 2)).toEqual([Outcome.FAILED, Outcome.FAILED])
  })

  it('ends both when the call ends', async () => {
    const { walk, ending, providers, outcomes, asked } = race(['silence'], ['silence'])
    const failing = failureOf(walk.begin())
    await eventually(() => expect(asked()).toEqual([1, 1]))
    ending.abort(new GatewayError('CANCELLED', 'the client left'))
    expect(await failing).toMatchObject({ reason: 'CANCELLED' })
    await eventually(() => expect(providers.map(provider => provider.released())).toEqual([1, 1]))
    expect(outcomes()).toEqual([Outcome.CANCELLED, Outcome.CANCELLED])
  })

  it('is begun for streams only: a whole answer has no first token that could be late', async () => {
    const one = createScriptedProvider('one', [['silence']])
    const two = createScriptedProvider('two', [saying('Ho')])
    const { walk, ending } = walkOf(
      [candidateOf(one), candidateOf(two)],
      { mayHedge: true, isStream: false },
      { live: beginningWithin(5) },
    )
    const failing = failureOf(walk.begin())
    await new Promise(resolve => setTimeout(resolve, 30))
    expect(two.asked).toHaveLength(0)
    ending.abort(new GatewayError('CANCELLED', 'the client left'))
    await failing
  })

  it('costs the share for retries nothing when nobody can be asked', async () => {
    let taken = 0
    const deps = createWalkDeps()
    deps.circuits.set('two', 'two-model', 'open', { reason: '' })
    const one = createScriptedProvider('one', [['silence']])
    const two = createScriptedProvider('two', [saying('Ho')])
    const budget = {
      attempted: () => undefined,
      take: () => {
        taken += 1
        return true
      },
    }
    const live = beginningWithin(5)
    const { walk, ending } = walkOf(
      [candidateOf(one), candidateOf(two)],
      { mayHedge: true },
      { ...deps, live, budget },
    )
    const failing = failureOf(walk.begin())
    await new Promise(resolve => setTimeout(resolve, 30))
    ending.abort(new GatewayError('CANCELLED', 'the client left'))
    await failing
    expect(taken).toBe(0)
    deps.circuits.close()
  })
})

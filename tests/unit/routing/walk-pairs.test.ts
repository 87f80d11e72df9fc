// What two who were asked together leave behind, and that a walk always comes to an end.
import { describe, expect, it } from 'vitest'
import { GatewayError } from '../../../src/core/errors.ts'
import type { Candidate } from '../../../src/core/provider.ts'
import { createLeases } from '../../../src/routing/leases.ts'
import { createScriptedProvider, type ScriptedProvider, saying } from '../../support/scripted-provider.ts'
import { candidateOf, createWalkDeps, type WalkOver, walkOf } from '../../support/walk-rig.ts'

const down = new GatewayError('UPSTREAM_UNAVAILABLE', 'it answered 500', { upstreamStatus: 500 })
const unreached = new GatewayError('UPSTREAM_UNAVAILABLE', 'no connection', { isUntaken: true })
const refusedKey = new GatewayError('UPSTREAM_CREDENTIALS', 'refused', { against: 'key', keyTrouble: 'auth' })
const fullKeys = new GatewayError('OVERLOADED', 'every key is full', {
  against: 'nobody',
  retryDelayMs: 1_000,
})
const unknownModel = new GatewayError('MODEL_NOT_FOUND', 'no such model')

const sleep = (ms: number) => new Promise<void>(resolve => setTimeout(resolve, ms))
const clock = { now: Date.now, monotonic: () => performance.now() }

function slow(provider: ScriptedProvider, ms: number): ScriptedProvider {
  return {
    ...provider,
    async *open(input) {
      input.sent?.()
      await sleep(ms)
      yield* provider.open(input)
    },
  }
}

const quick = (): WalkOver => ({ live: { ...createWalkDeps().live, firstTokenQuantile: () => 5 } })

const whoAnswers = (rig: ReturnType<typeof walkOf>): Promise<string> =>
  rig.walk.begin().then(
    ({ attempt }) => attempt.candidate.provider.id,
    (error: GatewayError) => error.reason,
  )

async function taken(providers: readonly string[], maxWaiting: number, maxWaitMs = 1_000) {
  const leases = createLeases({
    clock,
    config: {
      limits: providers.map(provider => ({ provider, maxConcurrent: 1 })),
      queue: { maxWaiting, maxWaitMs },
    },
  })
  const held = providers.map(provider =>
    leases.take(
      { provider, model: 'other', tenant: 'default' },
      { mayWait: false, signal: new AbortController().signal },
    ),
  )
  return { leases, free: async () => (await Promise.all(held)).map(lease => lease?.release()) }
}

describe('a walk', () => {
  it('comes to an end where one has no place and the keys of the other are full', async () => {
    for (const maxWaiting of [0, 10]) {
      const { leases } = await taken(['one'], maxWaiting, 20)
      const one = createScriptedProvider('one', [saying('Hi')])
      const two = createScriptedProvider('two', [[fullKeys]])
      const rig = walkOf([candidateOf(one), candidateOf(two)], {}, { leases })
      expect(await whoAnswers(rig)).toBe('OVERLOADED')
      // Once in passing, and once with leave to wait.
      expect(two.asked).toHaveLength(2)
    }
  })

  it('asks every one that it passed over, when those before it fail', async () => {
    const { leases, free } = await taken(['one', 'two'], 10)
    const one = createScriptedProvider('one', [[down]])
    const two = createScriptedProvider('two', [saying('Hi')])
    const three = createScriptedProvider('three', [[down]])
    const answering = whoAnswers(
      walkOf([candidateOf(one), candidateOf(two), candidateOf(slow(three, 30))], {}, { leases }),
    )
    await sleep(10)
    await free()
    expect(await answering).toBe('two')
  })

  it('asks the last one again when whoever was left has no room after all', async () => {
    const { leases } = await taken(['two'], 0)
    const one = createScriptedProvider('one', [[unreached], saying('Hi')])
    const two = createScriptedProvider('two', [saying('x')])
    expect(await whoAnswers(walkOf([candidateOf(one), candidateOf(two)], {}, { leases }))).toBe('one')
  })

  it('pays for no retry that the call could not afford', async () => {
    let taken = 0
    const budget = {
      attempted: () => undefined,
      take: () => {
        taken += 1
        return true
      },
    }
    const broke = new GatewayError('UPSTREAM_BROKEN', 'it broke off')
    const one = createScriptedProvider('one', [[broke]])
    const input = {
      isIdempotent: true,
      mayAfford: (_: Candidate, billed: readonly Candidate[]) => billed.length === 0,
    }
    const rig = walkOf([candidateOf(one)], input, { budget })
    expect(await whoAnswers(rig)).toBe('UPSTREAM_BROKEN')
    expect([taken, rig.walk.waitedMs()]).toEqual([0, 0])
  })

  it('tells the shortest wait of those that it could not ask', async () => {
    const { leases } = await taken(['one'], 0)
    const deps = createWalkDeps({ leases })
    deps.circuits.set('two', 'two-model', 'open', { reason: '' })
    const one = createScriptedProvider('one', [saying('x')])
    const two = createScriptedProvider('two', [saying('x')])
    expect(await whoAnswers(walkOf([candidateOf(one), candidateOf(two)], {}, deps))).toBe('OVERLOADED')
    deps.circuits.close()
  })
})

describe('when a hedge was begun', () => {
  const pair = (one: GatewayError, two: GatewayError, more: GatewayError | undefined = undefined) => {
    const first = createScriptedProvider('one', [[one], saying('Hi')])
    const second = createScriptedProvider('two', [[two], ...(more === undefined ? [saying('Ho')] : [[more]])])
    return { first, second, candidates: [candidateOf(slow(first, 20)), candidateOf(slow(second, 40))] }
  }

  it('another key of the first one counts as somebody who is left', async () => {
    const { candidates } = pair(refusedKey, unknownModel)
    const anotherKeyHelps = (_: Candidate, error: GatewayError) => error.reason === 'UPSTREAM_CREDENTIALS'
    expect(await whoAnswers(walkOf(candidates, { mayHedge: true, anotherKeyHelps }, quick()))).toBe('one')
  })

  it('one whose keys were full is waited for when the first one has failed', async () => {
    const { candidates } = pair(down, fullKeys)
    expect(await whoAnswers(walkOf(candidates, { mayHedge: true }, quick()))).toBe('two')
  })

  it('one of the two is asked again at most', async () => {
    let taken = 0
    const budget = {
      attempted: () => undefined,
      take: () => {
        taken += 1
        return true
      },
    }
    const { candidates, first, second } = pair(unreached, unreached)
    await whoAnswers(walkOf(candidates, { mayHedge: true }, { ...quick(), budget }))
    // One for the hedge, one for the retry.
    expect([taken, first.asked.length + second.asked.length]).toEqual([2, 3])
  })

  it('one that the ceiling did not allow beside the first is asked after it', async () => {
    const first = createScriptedProvider('one', [[down]])
    const second = createScriptedProvider('two', [saying('Ho')])
    const mayAfford = (_: Candidate, billed: readonly Candidate[]): boolean => billed.length === 0
    const rig = walkOf(
      [candidateOf(slow(first, 30)), candidateOf(second)],
      { mayHedge: true, mayAfford },
      quick(),
    )
    expect(await whoAnswers(rig)).toBe('two')
    expect(rig.walk.skipped()).toEqual([])
  })
})

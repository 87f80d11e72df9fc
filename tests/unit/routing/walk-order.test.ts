// Who is asked after a failure: each failure is judged by whom it came from, and nobody is lost for having been busy.
import { describe, expect, it } from 'vitest'
import { GatewayError } from '../../../src/core/errors.ts'
import type { Provider } from '../../../src/core/provider.ts'
import { createLeases } from '../../../src/routing/leases.ts'
import { failureOf } from '../../support/attempt-rig.ts'
import { createScriptedProvider, type ScriptedProvider, saying } from '../../support/scripted-provider.ts'
import { candidateOf, createWalkDeps, type WalkOver, walkOf } from '../../support/walk-rig.ts'

const down = new GatewayError('UPSTREAM_UNAVAILABLE', 'it answered 500', { upstreamStatus: 500 })
const unreached = new GatewayError('UPSTREAM_UNAVAILABLE', 'no connection', { isUntaken: true })
const refusedKey = new GatewayError('UPSTREAM_CREDENTIALS', 'refused', { against: 'key', keyTrouble: 'auth' })
const broke = new GatewayError('UPSTREAM_BROKEN', 'it broke off')
const tooLong = new GatewayError('CONTEXT_TOO_LONG', 'too long for it')

const clock = { now: Date.now, monotonic: () => performance.now() }
const sleep = (ms: number) => new Promise<void>(resolve => setTimeout(resolve, ms))

/** The same provider, which takes its time. */
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

/** A memory in which every model usually begins within 5 ms. */
const quick = (): WalkOver => ({ live: { ...createWalkDeps().live, firstTokenQuantile: () => 5 } })

/** Places of which one provider has a single one, and somebody else has it. */
async function taken(provider: string, maxWaiting = 10) {
  const leases = createLeases({
    clock,
    config: { limits: [{ provider, maxConcurrent: 1 }], queue: { maxWaiting, maxWaitMs: 1_000 } },
  })
  const who = { provider, model: 'other', tenant: 'default' }
  const held = await leases.take(who, { mayWait: false, signal: new AbortController().signal })
  return { leases, free: () => held?.release() }
}

const whoAnswers = (rig: ReturnType<typeof walkOf>): Promise<string> =>
  rig.walk.begin().then(
    ({ attempt }) => attempt.candidate.provider.id,
    (error: GatewayError) => error.reason,
  )

describe('another key', () => {
  const helps = ({ provider }: { provider: Provider }, error: GatewayError) =>
    error.reason === 'UPSTREAM_CREDENTIALS' && provider.id !== 'two'

  it('of a candidate is asked before anybody else, with three in all', async () => {
    const one = createScriptedProvider('one', [[refusedKey]])
    const two = createScriptedProvider('two', [saying('Hi')])
    const rig = walkOf([candidateOf(one), candidateOf(two)], { anotherKeyHelps: helps })
    expect(await whoAnswers(rig)).toBe('two')
    expect(rig.walk.attempts.map(({ candidate }) => candidate.provider.id)).toEqual([
      'one',
      'one',
      'one',
      'two',
    ])
  })

  it('is not lost when a hedge was asked meanwhile', async () => {
    const one = createScriptedProvider('one', [[refusedKey], saying('Hi')])
    const two = createScriptedProvider('two', [[down]])
    const candidates = [candidateOf(slow(one, 40)), candidateOf(two)]
    expect(await whoAnswers(walkOf(candidates, { mayHedge: true, anotherKeyHelps: helps }, quick()))).toBe(
      'one',
    )
  })

  it('of one is not asked for the failure of another', async () => {
    const one = createScriptedProvider('one', [[refusedKey]])
    const two = createScriptedProvider('two', [[down]])
    const candidates = [candidateOf(slow(one, 40)), candidateOf(two)]
    await whoAnswers(walkOf(candidates, { mayHedge: true, anotherKeyHelps: helps }, quick()))
    expect(two.asked).toHaveLength(1)
  })
})

describe('when two who were asked together fail', () => {
  const both = (one: GatewayError, two: GatewayError) =>
    [
      createScriptedProvider('one', [[one], saying('again')]),
      createScriptedProvider('two', [[two]]),
      createScriptedProvider('three', [saying('Hi')]),
    ] as const

  it('only the one that was never reached may be asked again', async () => {
    const [one, two] = both(down, unreached)
    const rig = walkOf([candidateOf(slow(one, 20)), candidateOf(slow(two, 40))], { mayHedge: true }, quick())
    await whoAnswers(rig)
    expect([one.asked.length, two.asked.length]).toEqual([1, 2])
  })

  it('the window that was too small is that of the one which said so', async () => {
    const [one, two, three] = both(down, tooLong)
    const candidates = [
      candidateOf(slow(one, 20), 1_000_000),
      candidateOf(slow(two, 40), 8_000),
      candidateOf(three, 200_000),
    ]
    expect(await whoAnswers(walkOf(candidates, { mayHedge: true }, quick()))).toBe('three')
  })

  it('a failure that ends the call ends it, whichever of them it is', async () => {
    const invalid = new GatewayError('INVALID_REQUEST', 'a field is wrong')
    const [one, two, three] = both(invalid, down)
    const candidates = [candidateOf(slow(one, 20)), candidateOf(slow(two, 40)), candidateOf(three)]
    expect(await whoAnswers(walkOf(candidates, { mayHedge: true }, quick()))).toBe('INVALID_REQUEST')
    expect(three.asked).toHaveLength(0)
  })
})

describe('somebody who was passed over', () => {
  it('for want of a place is waited for when those behind are passed over, too', async () => {
    const { leases, free } = await taken('one')
    const deps = createWalkDeps({ leases })
    deps.circuits.set('two', 'two-model', 'open', { reason: '' })
    const [one, two] = [
      createScriptedProvider('one', [saying('Hi')]),
      createScriptedProvider('two', [saying('x')]),
    ]
    const answering = whoAnswers(walkOf([candidateOf(one), candidateOf(two)], {}, deps))
    await sleep(10)
    free()
    expect(await answering).toBe('one')
    deps.circuits.close()
  })

  it('for want of a place is asked when those behind have failed', async () => {
    const { leases, free } = await taken('one')
    const one = createScriptedProvider('one', [saying('Hi')])
    const two = createScriptedProvider('two', [[down]])
    const rig = walkOf([candidateOf(one), candidateOf(slow(two, 30))], {}, { leases })
    const answering = whoAnswers(rig)
    await sleep(10)
    free()
    expect(await answering).toBe('one')
    expect(rig.walk.skipped()).toEqual([])
  })

  it('as a hedge is asked when the first one fails later', async () => {
    const { leases, free } = await taken('two')
    const one = createScriptedProvider('one', [[down]])
    const two = createScriptedProvider('two', [saying('Hi')])
    const candidates = [candidateOf(slow(one, 60)), candidateOf(two)]
    const answering = whoAnswers(walkOf(candidates, { mayHedge: true }, { ...quick(), leases }))
    await sleep(20)
    free()
    expect(await answering).toBe('two')
  })

  it('does not keep the last one asked from being asked again', async () => {
    const deps = createWalkDeps()
    deps.circuits.set('two', 'two-model', 'open', { reason: '' })
    const one = createScriptedProvider('one', [[unreached], saying('Hi')])
    const two = createScriptedProvider('two', [saying('x')])
    expect(await whoAnswers(walkOf([candidateOf(one), candidateOf(two)], {}, deps))).toBe('one')
    deps.circuits.close()
  })

  it('does not hide the failure of the last one that was asked', async () => {
    const { leases } = await taken('two', 0)
    const one = createScriptedProvider('one', [[broke]])
    const two = createScriptedProvider('two', [saying('x')])
    const rig = walkOf(
      [candidateOf(one), candidateOf(two)],
      { isIdempotent: true },
      { leases, random: () => 0 },
    )
    expect(await failureOf(rig.walk.begin())).toMatchObject({ reason: 'UPSTREAM_BROKEN' })
  })

  it('is told of once', async () => {
    const deps = createWalkDeps()
    deps.circuits.set('two', 'two-model', 'open', { reason: '' })
    const one = createScriptedProvider('one', [[down]])
    const two = createScriptedProvider('two', [saying('x')])
    const rig = walkOf([candidateOf(one), candidateOf(two)], {}, deps)
    await whoAnswers(rig)
    expect(rig.walk.skipped()).toHaveLength(1)
    deps.circuits.close()
  })
})

describe('a wait', () => {
  it('that a provider asked for is kept, though another one asked for less', async () => {
    const soon = new GatewayError('UPSTREAM_LIMITED', 'slow down', { retryDelayMs: 50, keyBackMs: 0 })
    const late = new GatewayError('UPSTREAM_UNAVAILABLE', 'busy', { isUntaken: true, retryDelayMs: 30_000 })
    const one = createScriptedProvider('one', [[soon]])
    const two = createScriptedProvider('two', [[late], saying('x')])
    const failure = await failureOf(walkOf([candidateOf(one), candidateOf(two)]).walk.begin())
    expect(two.asked).toHaveLength(1)
    expect(failure).toMatchObject({ reason: 'UPSTREAM_UNAVAILABLE', details: { retryDelayMs: 50 } })
  })

  it('is told to whoever measures our own time', async () => {
    const one = createScriptedProvider('one', [[unreached], saying('Hi')])
    const rig = walkOf([candidateOf(one)])
    await rig.walk.begin()
    expect(rig.walk.waitedMs()).toBe(100)
  })
})

describe('a ceiling', () => {
  it('counts what may be billed already, and says why somebody is not asked', async () => {
    const one = createScriptedProvider('one', [[broke]])
    const two = createScriptedProvider('two', [saying('Hi')])
    const rig = walkOf([candidateOf(one), candidateOf(two)], {
      mayAfford: (_, billed) => billed.length === 0,
    })
    expect(await whoAnswers(rig)).toBe('UPSTREAM_BROKEN')
    expect(rig.walk.skipped()).toMatchObject([
      { provider: 'two', message: expect.stringContaining('ceiling') },
    ])
  })

  it('does not count what was refused', async () => {
    const one = createScriptedProvider('one', [[down]])
    const two = createScriptedProvider('two', [saying('Hi')])
    const rig = walkOf([candidateOf(one), candidateOf(two)], {
      mayAfford: (_, billed) => billed.length === 0,
    })
    expect(await whoAnswers(rig)).toBe('two')
  })
})

describe('a window that nobody has described', () => {
  it('is asked after one that was too small', async () => {
    const one = createScriptedProvider('one', [[tooLong]])
    const two = createScriptedProvider('two', [saying('Hi')])
    expect(await whoAnswers(walkOf([candidateOf(one, 1_000), candidateOf(two)]))).toBe('two')
  })
})

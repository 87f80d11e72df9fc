// Room in the caller's limits on the way along the candidates: waited for before anybody is asked, and given back on every way out.
import { describe, expect, it } from 'vitest'
import { RouteAttempt_Outcome as Outcome, RouteSkip_Reason as Skip } from '#gen/exai/v1/route_pb'
import { GatewayError } from '../../../src/core/errors.ts'
import type { AttemptHold } from '../../../src/core/limits.ts'
import type { HoldRefused, WalkInput } from '../../../src/routing/walk-call.ts'
import { failureOf } from '../../support/attempt-rig.ts'
import { createScriptedProvider, type Step, saying } from '../../support/scripted-provider.ts'
import { candidateOf, createWalkDeps, walkOf } from '../../support/walk-rig.ts'

const down = new GatewayError('UPSTREAM_UNAVAILABLE', 'it answered 500', { upstreamStatus: 500 })
const spent: HoldRefused = {
  error: new GatewayError('BUDGET_SPENT', 'nothing is left', { retryDelayMs: 9 }),
  isMoney: true,
}
const busy: HoldRefused = {
  error: new GatewayError('RATE_LIMITED', 'too many', { retryDelayMs: 5 }),
  isMoney: false,
}

/** A hold that remembers how it was given back. */
function holdOf(given: string[], outputCap?: number): AttemptHold {
  return {
    outputCap,
    settle: () => void given.push('settled'),
    keep: () => void given.push('kept'),
    giveBack: wasAsked => void given.push(wasAsked ? 'asked' : 'unasked'),
  }
}

function setUp(
  scripts: readonly (readonly Step[])[],
  reserve: WalkInput['reserve'],
  over: Partial<WalkInput> = {},
) {
  const providers = scripts.map((script, index) => createScriptedProvider(`p${index}`, [script]))
  const rig = walkOf(
    providers.map(provider => candidateOf(provider)),
    { reserve, ...over },
  )
  return { ...rig, asked: () => providers.map(provider => provider.asked.length) }
}

describe('a candidate for which there is no room', () => {
  it('is passed over, and its place and its circuit are free again', async () => {
    const { walk, asked, leases } = setUp([saying('a'), saying('b')], ({ provider }) =>
      provider.id === 'p0' ? Promise.resolve(spent) : undefined,
    )
    const { attempt } = await walk.begin()
    for await (const _ of attempt.rest());
    expect([asked(), leases.running()]).toEqual([[0, 1], []])
    expect(walk.skipped()).toMatchObject([{ provider: 'p0', reason: Skip.PRICE, message: 'nothing is left' }])
  })

  it('ends the call with the shortest wait when there is nobody else', async () => {
    const { walk, asked } = setUp([saying('a'), saying('b')], ({ provider }) =>
      Promise.resolve(provider.id === 'p0' ? spent : busy),
    )
    expect(await failureOf(walk.begin())).toMatchObject({
      reason: 'RATE_LIMITED',
      details: { retryDelayMs: 5 },
    })
    expect([asked(), walk.skipped().map(({ reason }) => reason)]).toEqual([
      [0, 0],
      [Skip.PRICE, Skip.BUSY],
    ])
  })
})

describe('what is held for an attempt', () => {
  it('is known by the attempt, and its cap is what is asked', async () => {
    const given: string[] = []
    const caps: (number | undefined)[] = []
    const { walk } = setUp([saying('a')], () => Promise.resolve(holdOf(given, 7)), {
      question: (_, __, cap) => {
        caps.push(cap)
        throw down
      },
    })
    await failureOf(walk.begin())
    const [attempt] = walk.attempts
    expect([caps, attempt && walk.holdOf(attempt)?.outputCap]).toEqual([[7], 7])
    expect(given).toEqual(['unasked'])
  })

  it('is given back when it failed, before the next one is reserved', async () => {
    const events: string[] = []
    const { walk } = setUp([[down], saying('b')], ({ provider }) => {
      events.push(`reserve ${provider.id}`)
      return Promise.resolve(holdOf(events))
    })
    await walk.begin()
    expect(events).toEqual(['reserve p0', 'asked', 'reserve p1'])
  })

  it('is given back when the call ends while it is waited for: nobody is asked, and there is no attempt', async () => {
    const given: string[] = []
    const room = Promise.withResolvers<AttemptHold>()
    const { walk, ending, asked, leases } = setUp([saying('a')], () => room.promise)
    const work = failureOf(walk.begin())
    ending.abort(new GatewayError('CANCELLED', 'the client left'))
    room.resolve(holdOf(given))
    expect((await work).reason).toBe('CANCELLED')
    expect([given, asked(), walk.attempts, leases.running()]).toEqual([['unasked'], [0], [], []])
  })
})

describe('a hedge', () => {
  it('is not sent when the first one has begun by the time that there is room', async () => {
    const given: string[] = []
    const room = Promise.withResolvers<AttemptHold>()
    const begin = Promise.withResolvers<void>()
    const first = createScriptedProvider('slow', [saying('a')])
    const late = {
      ...first,
      async *open(input: Parameters<typeof first.open>[0]) {
        await begin.promise
        yield* first.open(input)
      },
    }
    const second = createScriptedProvider('second', [saying('b')])
    const reserved = Promise.withResolvers<void>()
    const { walk, outcomes } = walkOf(
      [{ ...candidateOf(first), provider: late }, candidateOf(second)],
      {
        mayHedge: true,
        reserve: ({ provider }) => {
          if (provider.id === 'slow') return undefined
          reserved.resolve()
          return room.promise
        },
      },
      { live: { ...createWalkDeps().live, firstTokenQuantile: () => 1 } },
    )
    const work = walk.begin()
    await reserved.promise
    begin.resolve()
    await new Promise(resolve => setTimeout(resolve, 5))
    room.resolve(holdOf(given))
    const { attempt } = await work
    for await (const _ of attempt.rest());
    expect([attempt.candidate.provider.id, second.asked.length, given]).toEqual(['slow', 0, ['unasked']])
    expect(outcomes()).toEqual([Outcome.SUCCEEDED, Outcome.CANCELLED])
  })
})

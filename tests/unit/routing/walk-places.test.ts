// The places that a walk holds among the calls at once: taken, waited for, and always given back.
import { describe, expect, it } from 'vitest'
import { RouteSkip_Reason as Skip } from '#gen/exai/v1/route_pb'
import { GatewayError } from '../../../src/core/errors.ts'
import { createLeases } from '../../../src/routing/leases.ts'
import { failureOf } from '../../support/attempt-rig.ts'
import { eventually } from '../../support/eventually.ts'
import { createScriptedProvider, saying } from '../../support/scripted-provider.ts'
import { candidateOf, walkOf } from '../../support/walk-rig.ts'

const down = new GatewayError('UPSTREAM_UNAVAILABLE', 'one answered 500', { upstreamStatus: 500 })

describe('the places of a walk', () => {
  const limited = (waiting = 10) =>
    createLeases({
      clock: { now: Date.now, monotonic: () => performance.now() },
      config: {
        limits: [{ provider: 'one', maxConcurrent: 1 }],
        queue: { maxWaiting: waiting, maxWaitMs: 10_000 },
      },
    })

  it('are given back on every way out', async () => {
    const leases = limited()
    const ways: readonly ((walk: ReturnType<typeof walkOf>) => Promise<unknown>)[] = [
      async ({ walk }) => {
        const { attempt } = await walk.begin()
        for await (const _ of attempt.rest());
      },
      async ({ walk }) => {
        const { attempt } = await walk.begin()
        await attempt.cancel(new GatewayError('CANCELLED', 'the caller left'))
      },
      ({ walk }) => failureOf(walk.begin()),
      ({ walk, ending }) => {
        const failing = failureOf(walk.begin())
        ending.abort(new GatewayError('CANCELLED', 'the client left'))
        return failing
      },
    ]
    const scripts = [saying('Hi'), saying('a', 'b'), [down], ['silence'] as const]
    for (const [index, way] of ways.entries()) {
      const one = createScriptedProvider('one', [scripts[index] ?? []])
      await way(walkOf([candidateOf(one)], {}, { leases }))
      expect(leases.running().map(({ running, waiting }) => running + waiting)).toEqual([0])
    }
  })

  it('are not waited for while somebody else is left to ask', async () => {
    const leases = limited()
    const held = await leases.take(
      { provider: 'one', model: 'other', tenant: 'default' },
      { mayWait: false, signal: new AbortController().signal },
    )
    const [one, two] = [
      createScriptedProvider('one', [saying('A')]),
      createScriptedProvider('two', [saying('B')]),
    ]
    const { walk } = walkOf([candidateOf(one), candidateOf(two)], {}, { leases })
    expect((await walk.begin()).attempt.candidate.provider.id).toBe('two')
    expect(walk.skipped()).toMatchObject([{ provider: 'one', reason: Skip.BUSY }])
    held?.release()
  })

  it('are waited for by the last candidate', async () => {
    const leases = limited()
    const held = await leases.take(
      { provider: 'one', model: 'other', tenant: 'default' },
      { mayWait: false, signal: new AbortController().signal },
    )
    const one = createScriptedProvider('one', [saying('A')])
    const begun = walkOf([candidateOf(one)], {}, { leases }).walk.begin()
    await eventually(() => expect(leases.running()).toContainEqual({ name: 'one', running: 1, waiting: 1 }))
    held?.release()
    expect((await begun).attempt.candidate.provider.id).toBe('one')
  })

  it('fail the call as OVERLOADED when the queue for them is full', async () => {
    const leases = limited(0)
    const held = await leases.take(
      { provider: 'one', model: 'other', tenant: 'default' },
      { mayWait: false, signal: new AbortController().signal },
    )
    const { walk } = walkOf([candidateOf(createScriptedProvider('one', [saying('A')]))], {}, { leases })
    const failure = await failureOf(walk.begin())
    expect(failure).toMatchObject({ reason: 'OVERLOADED', code: 'RESOURCE_EXHAUSTED' })
    expect(failure.details.retryDelayMs).toBeGreaterThan(0)
    held?.release()
  })
})

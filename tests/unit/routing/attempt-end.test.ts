// An attempt that is ended from outside: by its call, by its reader, or by whoever started it.
import { describe, expect, it } from 'vitest'
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import { RouteAttempt_Outcome as Outcome } from '#gen/exai/v1/route_pb'
import { GatewayError } from '../../../src/core/errors.ts'
import type { Provider } from '../../../src/core/provider.ts'
import { failureOf, nothing, restOf, rigOf, watchTimers } from '../../support/attempt-rig.ts'
import { createScriptedProvider, type Step, saying } from '../../support/scripted-provider.ts'

const half: Step = [{ type: 'text', text: 'half' }]
const left = new GatewayError('CANCELLED', 'the client left')

watchTimers()

describe('an attempt whose call ends', () => {
  it('before it begins asks nobody', async () => {
    const provider = createScriptedProvider('one', [saying('a')])
    const rig = rigOf(provider)
    rig.calling.abort(new GatewayError('DEADLINE_EXCEEDED', 'too late'))
    expect((await failureOf(rig.attempt.begin())).reason).toBe('DEADLINE_EXCEEDED')
    expect(provider.asked).toHaveLength(0)
    expect(rig.attempt.record()).toMatchObject({
      outcome: Outcome.CANCELLED,
      error: ErrorReason.DEADLINE_EXCEEDED,
    })
    expect(rig.left()).toEqual(nothing)
  })

  it.each<[string, readonly Step[]]>([
    ['while it waits for the first token', ['silence']],
    ['after a first output', [half, 'silence']],
  ])('%s is CANCELLED, whatever the adapter throws for it', async (_, script) => {
    const provider = createScriptedProvider('one', [script])
    const rig = rigOf(provider)
    const work = rig.attempt.begin().then(() => restOf(rig.attempt))
    rig.calling.abort(left)
    expect(await failureOf(work)).toMatchObject({ reason: 'CANCELLED', message: 'the client left' })
    expect(rig.attempt.record()).toMatchObject({ outcome: Outcome.CANCELLED, error: ErrorReason.CANCELLED })
    expect(provider.released()).toBe(1)
    expect(rig.left()).toEqual(nothing)
  })

  it('together with a batch still lets go of the adapter', async () => {
    let released = 0
    const calling: { abort: () => void } = { abort: () => undefined }
    const provider: Provider = {
      ...createScriptedProvider('one', []),
      async *open() {
        try {
          calling.abort()
          yield [{ type: 'meta', responseId: 'late' }]
        } finally {
          released += 1
        }
      },
    }
    const rig = rigOf(provider)
    calling.abort = () => rig.calling.abort(left)
    expect((await failureOf(rig.attempt.begin())).reason).toBe('CANCELLED')
    expect(released).toBe(1)
    expect(rig.left()).toEqual(nothing)
  })
})

describe('an attempt that is cancelled', () => {
  it('ends once, and a second time changes nothing', async () => {
    const provider = createScriptedProvider('one', [[half, 'silence']])
    const rig = rigOf(provider)
    await rig.attempt.begin()
    rig.pass(100)
    await rig.attempt.cancel(left)
    rig.pass(100)
    await rig.attempt.cancel(new GatewayError('INTERNAL', 'another'))
    expect(rig.attempt.record()).toMatchObject({ outcome: Outcome.CANCELLED, error: ErrorReason.CANCELLED })
    expect(rig.attempt.durationMs()).toBe(100)
    expect([provider.aborted(), provider.released()]).toEqual([1, 1])
    expect(rig.left()).toEqual(nothing)
  })

  it('before it begins never asks', async () => {
    const provider = createScriptedProvider('one', [saying('a')])
    const rig = rigOf(provider)
    await rig.attempt.cancel(left)
    expect((await failureOf(rig.attempt.begin())).reason).toBe('CANCELLED')
    expect(provider.asked).toHaveLength(0)
    expect(rig.left()).toEqual(nothing)
  })

  it('after it succeeded still succeeded', async () => {
    const rig = rigOf(createScriptedProvider('one', [saying('a')]))
    await rig.attempt.begin()
    await restOf(rig.attempt)
    await rig.attempt.cancel(left)
    expect(rig.attempt.record()).toMatchObject({ outcome: Outcome.SUCCEEDED, error: ErrorReason.UNSPECIFIED })
  })

  it('by a reader that stops reading', async () => {
    const provider = createScriptedProvider('one', [saying('a', 'b', 'c')])
    const rig = rigOf(provider)
    await rig.attempt.begin()
    for await (const _ of rig.attempt.rest()) break
    expect(rig.attempt.record().outcome).toBe(Outcome.CANCELLED)
    expect([provider.aborted(), provider.released()]).toEqual([1, 1])
    expect(rig.left()).toEqual(nothing)
  })
})

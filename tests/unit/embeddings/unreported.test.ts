// An embedding by hosts that report no usage: each attempt is booked with the inputs that it sent, and with no others.
import { describe, expect, it } from 'vitest'
import { Usage_Provenance as Provenance } from '#gen/exai/v1/usage_pb'
import { GatewayError } from '../../../src/core/errors.ts'
import { eventually } from '../../support/eventually.ts'
import { createTestCall } from '../../support/test-call.ts'
import { embeddingOf, type Part, scripted } from './rig.ts'

const down = new GatewayError('UPSTREAM_UNAVAILABLE', 'it answered 500', { upstreamStatus: 500 })
const untaken = down.with({ isUntaken: true })
const broken = new GatewayError('UPSTREAM_BROKEN', 'it sent half an answer')
// 1, 2 and 3 tokens of o200k.
const inputs = ['one', 'one two', 'one two three']

const silent = (id: string, scripts: readonly (readonly Part[])[]) =>
  scripted(id, scripts, { reports: false })

describe('an attempt at a host that reports no usage', () => {
  it('is booked with the part that it made, and the next one with the rest', async () => {
    const { embed, journal } = embeddingOf([silent('one', [[2, untaken], [1]])])
    const answer = await embed(createTestCall().call, { model: 'vectors', inputs })
    expect(journal.recent()[0]?.ledger?.map(({ usage, cause }) => [usage?.inputTokens, cause])).toEqual([
      [3, 'first'],
      [3, 'retry'],
    ])
    expect(answer.usage).toMatchObject({ inputTokens: 6, provenance: Provenance.ESTIMATED })
    expect(answer.cost?.nanoUsd).toBe(6_000n)
  })

  it('is booked with a part whose answer broke, because that was made as well', async () => {
    const { embed, journal } = embeddingOf([silent('one', [[1, broken]]), silent('two', [[3]])])
    await embed(createTestCall().call, { model: 'vectors', inputs })
    expect(journal.recent()[0]?.ledger?.map(({ usage, provider }) => [usage?.inputTokens, provider])).toEqual(
      [
        [3, 'one'],
        [6, 'two'],
      ],
    )
  })

  it('is not booked with a part that was refused, nor at all when nothing was made', async () => {
    const part = embeddingOf([silent('one', [[1, down]])])
    await expect(part.embed(createTestCall().call, { model: 'vectors', inputs })).rejects.toThrow()
    expect(part.journal.recent()[0]?.ledger?.map(({ usage }) => usage?.inputTokens)).toEqual([1])
    const nothing = embeddingOf([silent('one', [[down]])])
    await expect(nothing.embed(createTestCall().call, { model: 'vectors', inputs })).rejects.toThrow()
    expect(nothing.journal.recent()[0]?.ledger).toBeUndefined()
  })

  it('is booked with what was under way when the caller left, and not with what was still to be sent', async () => {
    const one = silent('one', [[1, 'silence']])
    const { embed, journal } = embeddingOf([one])
    const { call, end } = createTestCall()
    const failing = expect(embed(call, { model: 'vectors', inputs })).rejects.toThrow('the client left')
    await eventually(() => expect(one.asked[0]?.embed?.used('sent')).toHaveLength(2))
    end(new GatewayError('CANCELLED', 'the client left'))
    await failing
    expect(journal.recent()[0]?.ledger?.map(({ usage }) => usage?.inputTokens)).toEqual([3])
  })
})

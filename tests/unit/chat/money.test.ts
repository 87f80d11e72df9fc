// The numbers of a call are the same wherever they are told, they add up, and no odd count of a provider costs the answer.
import { create, toBinary } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { FinishReason } from '#gen/exai/v1/chat_pb'
import { CompleteResponseSchema, StreamEventSchema } from '#gen/exai/v1/chat_service_pb'
import { RouteAttempt_Outcome as Outcome } from '#gen/exai/v1/route_pb'
import { Usage_Provenance as Provenance, type Usage } from '#gen/exai/v1/usage_pb'
import { assumedEntry } from '../../../src/catalogue/configured.ts'
import type { TokenCounts } from '../../../src/core/delta.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import { collectEvents, createCompletionRig } from '../../support/completion-rig.ts'
import { ask } from '../../support/request.ts'
import { createScriptedProvider, type Step, saying } from '../../support/scripted-provider.ts'
import { createTestCall } from '../../support/test-call.ts'

const priced = (provider: string) => ({
  ...assumedEntry(provider, `${provider}-model`),
  price: {
    input: 2_000_000_000n,
    cachedInput: 500_000_000n,
    cacheWrite: 3_000_000_000n,
    output: 10_000_000_000n,
    tiers: [],
  },
})

const none: TokenCounts = {
  inputTokens: 0,
  cachedInputTokens: 0,
  cacheWriteTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
}
const reported = (counts: Partial<TokenCounts>): Step => [{ type: 'usage', counts: { ...none, ...counts } }]
const finish: Step = [{ type: 'finish', reason: FinishReason.STOP }]
const text: Step = [{ type: 'text', text: 'Hi' }]

const rigOf = (...script: readonly Step[]) =>
  createCompletionRig([createScriptedProvider('one', [script], [priced('one')])])

/** What is left of a Usage without what makes it a message. */
const countsOf = (usage: Usage | undefined): Partial<Usage> => {
  const { $typeName: _, provenance: __, ...counts } = usage ?? ({} as Partial<Usage>)
  return counts
}

describe('the numbers of a call', () => {
  it('are the same in the answer, the journal, the metrics and the log line', async () => {
    const { call, facts } = createTestCall()
    const counts = { inputTokens: 1000, cachedInputTokens: 400, cacheWriteTokens: 100, outputTokens: 7 }
    const rig = rigOf(text, reported(counts), finish)
    const answer = create(CompleteResponseSchema, await rig.complete(call, ask('hi')))
    const [settled] = rig.journal.recent()
    const by = { provider: 'one', model: 'one-model' }
    // 500 × 2 $/M + 400 × 0.5 $/M + 100 × 3 $/M + 7 × 10 $/M, in nano-dollars.
    const nanoUsd = 1_000_000n + 200_000n + 300_000n + 70_000n
    expect(countsOf(answer.usage)).toEqual({ ...none, ...counts })
    expect(settled?.usage).toEqual(answer.usage)
    expect(settled?.cost).toEqual(answer.cost)
    expect(answer.cost?.nanoUsd).toBe(nanoUsd)
    expect(answer.cost?.lines.reduce((sum, line) => sum + line.nanoUsd, 0n)).toBe(nanoUsd)
    expect(answer.cost?.lines.reduce((sum, line) => sum + line.quantity, 0)).toBe(1007)
    expect(rig.moved.find(({ name }) => name === 'tokens')?.of).toMatchObject({ ...by, ...none, ...counts })
    expect(rig.moved.find(({ name }) => name === 'cost')?.of).toEqual({ ...by, nanoUsd })
    expect(facts()).toMatchObject({ inputTokens: 1000, outputTokens: 7, nanoUsd })
  })

  it('are those of the last report when a provider reports again and again', async () => {
    const rig = rigOf(
      reported({ inputTokens: 10, outputTokens: 1 }),
      text,
      reported({ inputTokens: 10, outputTokens: 2 }),
      finish,
      reported({ inputTokens: 10, outputTokens: 3 }),
    )
    const answer = create(CompleteResponseSchema, await rig.complete(createTestCall().call, ask('hi')))
    expect(answer.usage).toMatchObject({ inputTokens: 10, outputTokens: 3, provenance: Provenance.REPORTED })
    expect(rig.moved.filter(({ name }) => name === 'tokens')).toHaveLength(1)
  })

  it.each([
    ['too large', { inputTokens: 2 ** 40, outputTokens: Number.POSITIVE_INFINITY }],
    ['negative', { inputTokens: -3, outputTokens: -1, reasoningTokens: -1 }],
    ['no numbers', { inputTokens: Number.NaN, outputTokens: Number.NaN }],
    ['shares larger than the whole', { inputTokens: 5, cachedInputTokens: 9, reasoningTokens: 4 }],
  ])('may be %s at a provider, and the answer can still be sent', async (_, counts) => {
    const rig = rigOf(text, reported(counts), finish)
    const answer = create(CompleteResponseSchema, await rig.complete(createTestCall().call, ask('hi')))
    expect(() => toBinary(CompleteResponseSchema, answer)).not.toThrow()
    const events = await collectEvents(rig.stream(createTestCall().call, ask('hi')))
    const sent = events.map(event => create(StreamEventSchema, event))
    for (const event of sent) expect(() => toBinary(StreamEventSchema, event)).not.toThrow()
    const told = sent.flatMap(({ event }) => (event.case === 'usage' ? [countsOf(event.value)] : []))
    expect(told).toEqual([countsOf(answer.usage)])
    const { inputTokens = 0, cachedInputTokens = 0, outputTokens = 0, reasoningTokens = 0 } = told[0] ?? {}
    expect(inputTokens).toBeGreaterThanOrEqual(cachedInputTokens)
    expect(outputTokens).toBeGreaterThanOrEqual(reasoningTokens)
    expect(answer.cost?.lines.reduce((sum, line) => sum + line.quantity, 0)).toBe(inputTokens + outputTokens)
  })
})

describe('an answer without any output', () => {
  it('is an answer, whole or streamed', async () => {
    const rig = rigOf(finish)
    const answer = create(CompleteResponseSchema, await rig.complete(createTestCall().call, ask('hi')))
    expect(answer).toMatchObject({ provider: 'one', finishReason: FinishReason.STOP })
    expect(answer.message?.content).toEqual([])
    // "hi" is 1 token of o200k; one message adds 4 and the answer's priming 3.
    expect(answer.usage).toMatchObject({ inputTokens: 8, outputTokens: 0, provenance: Provenance.ESTIMATED })
    const events = await collectEvents(rig.stream(createTestCall().call, ask('hi')))
    expect(events.map(({ event }) => event?.case)).toEqual(['started', 'completed'])
    expect(rig.journal.recent().map(one => [one.outcome.type, one.answer])).toEqual([
      ['completed', undefined],
      ['completed', undefined],
    ])
  })
})

describe('a call of several attempts', () => {
  const down = new GatewayError('UPSTREAM_UNAVAILABLE', 'down')
  const request = () => ask('hi', { routing: { fallbackModels: ['two-model'] } })
  const rigOfTwo = (second: readonly Step[]) =>
    createCompletionRig([
      createScriptedProvider('one', [[down]], [priced('one')]),
      createScriptedProvider('two', [second], [priced('two')]),
    ])

  it('costs what the one that answered cost, under its name', async () => {
    const rig = rigOfTwo([text, reported({ inputTokens: 1000, outputTokens: 100 }), finish])
    const answer = create(CompleteResponseSchema, await rig.complete(createTestCall().call, request()))
    expect(answer.cost?.lines).toMatchObject([
      { provider: 'two', bucket: 'input', nanoUsd: 2_000_000n },
      { provider: 'two', bucket: 'output', nanoUsd: 1_000_000n },
    ])
    expect(rig.moved.filter(({ name }) => name === 'tokens')).toHaveLength(1)
  })

  it('costs nothing when each said no', async () => {
    const rig = rigOfTwo([down])
    await expect(rig.complete(createTestCall().call, request())).rejects.toMatchObject({
      reason: 'UPSTREAM_UNAVAILABLE',
    })
    const [settled] = rig.journal.recent()
    expect(settled?.attempts).toHaveLength(2)
    expect(settled).not.toHaveProperty('usage')
    expect(rig.moved.map(({ name }) => name)).toEqual(['overhead'])
  })
})

describe('an answer in another tier of service', () => {
  const counts = reported({ inputTokens: 1000 })
  const tiers = { '': 1000n, default: 1000n, flex: 500n }
  const model = { ...priced('one'), price: { ...priced('one').price, serviceTiers: tiers } }
  async function costOf(asked: string, told?: string) {
    const said: Step[] = told === undefined ? [] : [[{ type: 'meta', metadata: { service_tier: told } }]]
    const provider = createScriptedProvider('one', [[text, ...said, counts, finish]], [model])
    const { cost } = await createCompletionRig([provider]).complete(
      createTestCall().call,
      ask('hi', { serviceTier: asked }),
    )
    return cost?.known === true ? cost.nanoUsd : 'unknown'
  }

  it('costs what the tier costs that the provider says, or else the one that was asked for', async () => {
    expect(await costOf('')).toBe(2_000_000n)
    expect(await costOf('flex')).toBe(1_000_000n)
    expect(await costOf('flex', 'default')).toBe(2_000_000n)
    expect(await costOf('', 'flex')).toBe(1_000_000n)
    expect(await costOf('', 'priority')).toBe('unknown')
  })
})

describe('an answer that took several requests', () => {
  const parts = [
    { ...none, inputTokens: 10, outputTokens: 1, searches: 1 },
    { ...none, inputTokens: 20, outputTokens: 2, cause: 'repair' as const },
  ]
  const counts = { ...none, inputTokens: 30, outputTokens: 3, searches: 1, parts }
  const script = [text, reported(counts), finish]

  it('is billed for each of them, the mending and the searches on lines of their own', async () => {
    const model = priced('one')
    const price = model.price && { ...model.price, webSearch: 5_000_000n }
    const rig = createCompletionRig([createScriptedProvider('one', [script], [{ ...model, price }])])
    const { cost, usage } = await rig.complete(createTestCall().call, ask('hi'))
    const lines = cost?.lines ?? []
    expect(usage).toMatchObject({ inputTokens: 30, outputTokens: 3, provenance: Provenance.REPORTED })
    expect(lines.map(({ bucket, quantity, cause }) => [bucket, quantity, cause])).toEqual([
      ['input', 10, 'first'],
      ['output', 1, 'first'],
      ['web_search', 1, 'first'],
      ['input', 20, 'repair'],
      ['output', 2, 'repair'],
    ])
    expect(cost?.nanoUsd).toBe(lines.reduce((sum, line) => sum + (line.nanoUsd ?? 0n), 0n))
    expect(lines[2]).toMatchObject({ nanoUsd: 5_000_000n, nanoUsdPerMillion: 5_000_000_000_000n })
  })

  it('has no known cost when the fee of its searches is not known', async () => {
    const rig = createCompletionRig([createScriptedProvider('one', [script], [priced('one')])])
    const { cost } = await rig.complete(createTestCall().call, ask('hi'))
    expect(cost).toMatchObject({ known: false, nanoUsd: 0n, lines: [], priceVersion: '' })
  })
})

describe('an answer that broke before any output', () => {
  it('may be billed, so it is counted here, also when somebody else answers', async () => {
    const other = createScriptedProvider('two', [saying('here')], [priced('two')])
    const rig = createCompletionRig([createScriptedProvider('one', [[]], [priced('one')]), other])
    const answer = await rig.complete(
      createTestCall().call,
      ask('hi', { routing: { fallbackModels: ['two-model'] } }),
    )
    expect(answer.provider).toBe('two')
    const booked = rig.moved.filter(({ name }) => name === 'tokens').map(({ of }) => of)
    expect(booked).toMatchObject([
      { provider: 'one', inputTokens: 8, outputTokens: 0 },
      { provider: 'two', inputTokens: 8 },
    ])
    expect(answer.usage).toMatchObject({ inputTokens: 16, provenance: Provenance.ESTIMATED })
    const ledger = rig.journal.recent()[0]?.ledger ?? []
    expect(ledger).toMatchObject([
      { provider: 'one', model: 'one-model', usage: { inputTokens: 8, outputTokens: 0 }, cause: 'first' },
      { provider: 'two', model: 'two-model', usage: { inputTokens: 8 }, cause: 'fallback' },
    ])
    expect(
      (answer.cost?.lines ?? []).map(({ provider, bucket, cause }) => [provider, bucket, cause]),
    ).toEqual([
      ['one', 'input', 'first'],
      ['two', 'input', 'fallback'],
      ['two', 'output', 'fallback'],
    ])
    expect(new Set(ledger.map(({ id }) => id)).size).toBe(2)
  })

  it('may be billed, so it is counted here, and the error says so when nobody else is left', async () => {
    const rig = createCompletionRig([createScriptedProvider('one', [[]], [priced('one')])])
    const failed = rig.complete(createTestCall().call, ask('hi'))
    await expect(failed).rejects.toMatchObject({ reason: 'UPSTREAM_BROKEN', code: 'ABORTED' })
    const [settled] = rig.journal.recent()
    expect(settled).toMatchObject({
      outcome: { type: 'failed', reason: 'UPSTREAM_BROKEN' },
      attempts: [{ outcome: Outcome.FAILED }],
      usage: { inputTokens: 8, outputTokens: 0, provenance: Provenance.ESTIMATED },
      // 8 × 2 $/M.
      cost: { known: true, nanoUsd: 16_000n },
    })
    expect(settled).not.toHaveProperty('answeredBy')
  })
})
